"""The image registry's own log, as logrus writes it (text): who pulled and pushed what, and who was refused.

Source: image-registry `pkg/cmd/dockerregistry` and `pkg/dockerregistry/server`, distribution `context/http.go`. A line
is `time="…" level=… msg="…" key=value …`. Use is logged as `response completed` with a user, a refusal as `OpenShift
access denied`. All lines of a request have the same request id. A line may have a prefix and a time stamp of `oc logs`,
or those of a container's log file (CRI).
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from itertools import chain
from typing import Final

from audit.usage.requests import (
    CATALOG,
    DELETE,
    MINUTE,
    PULL,
    PUSH,
    READ,
    REGISTRY,
    SIGN,
    TELLING,
    UPLOAD,
    Damaged,
    Requests,
    Seen,
    Use,
)

ANONYMOUS: Final = "system:anonymous"

# Bare or quoted as logrus does it: anything else is damaged.
_VALUE: Final = rb'"(?:[^"\\\x00-\x1f\x7f]|\\.)*"|[\w./@^+-]*'
_POD: Final = re.compile(rb"(?m)^\[pod/([^/\]\n]+)/[^\]\n]*\] ")  # oc logs --prefix
# oc logs --timestamps, and a container's log file.
_CARRIED: Final = rb"(?:\d{4}-\d\d-\d\dT[^ \n]+ )?(?:std(?:out|err) [FP][^ \n]* )?"
_MESSAGE: Final = rb' msg=(?:"(?:[^"\\\x00-\x1f\x7f]|\\.)*"|[\w./@^+-]+)(?= |\r?$)'
_LEVELS: Final = (b"trace", b"debug", b"info", b"warning", b"error", b"fatal", b"panic")
# Years of this century only: what is computed from a time must remain one that can be written.
_SECOND: Final = rb"20\d\d-\d\d-\d\dT\d\d:\d\d:[0-5]"  # without its last digit
_TIME: Final = rb'time="(' + _SECOND + rb')\d(?:\.\d+)?Z" level='
# Only the head of a line is looked at, to ten seconds: nine lines of ten are of no interest, and their fields are long.
_LINE: Final = re.compile(rb"(?m)^" + _CARRIED + _TIME + rb"(" + b"|".join(_LEVELS) + rb")" + _MESSAGE + rb"[^\n]*\n?")
_WHOLE: Final = re.compile(
    _CARRIED
    + rb'time="('
    + _SECOND
    + rb'\d)(\.\d+)?(Z|[+-]\d\d:\d\d)"'
    + rb"( level=[a-z]+ msg=(?=\S)(?:"
    + _VALUE
    + rb")(?: [\w.-]+=(?:"
    + _VALUE
    + rb"))*)\r?\n?"
)
_COMPLETED: Final = b' level=info msg="response completed"'
_DENIED: Final = b' level=error msg="OpenShift access denied'
_REST: Final = re.compile(rb'(?:[^"\\\n]|\\.)*"')  # of the message
_HEAD: Final = re.compile(_CARRIED + rb'time="([^"]{16}):(\d\d(?:\.\d+)?)Z"$')
_FIELD: Final = re.compile(rb" ([\w.-]+)=(" + _VALUE + rb")")
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))")
_LETTERS: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}

# An image stream is always NAMESPACE/NAME.
_PLACE: Final = re.compile(
    r"/(?:extensions/)?v2/([^/?_][^/?]*/[^/?]+)/(blobs/uploads|blobs|manifests|referrers|signatures|tags)(?![^/?])"
)
# What a refused request asked for: an upload is the beginning of a push, content the rest of a pull.
_MEANT: Final = {UPLOAD: PUSH, READ: PULL}


class RegistryLog:
    """Reads the log of one zone's registry; lines may come in any order, and more than once."""

    def __init__(self, requests: Requests, seen: "defaultdict[str, Seen]", damaged: Damaged) -> None:
        self._requests, self._seen, self._damaged = requests, seen, damaged

    def read(self, lines: bytes, pod: str) -> None:
        """Read whole lines; `pod` wrote those that do not name theirs."""
        if b"[pod/" not in lines or not _POD.search(lines):
            self._read(lines, pod)
            return
        by_pod: defaultdict[str, list[bytes]] = defaultdict(list)
        for line in lines.splitlines(keepends=True):
            match = _POD.match(line)
            by_pod[match[1].decode(errors="replace") if match else pod].append(line[match.end() :] if match else line)
        for name, of_pod in by_pod.items():
            self._read(b"".join(of_pod), name)

    def _read(self, lines: bytes, pod: str) -> None:
        heads = _LINE.findall(lines)
        # Two lines written into one, or a line without its head or with an impossible date, are looked at one by one.
        whole = _lines(lines) == len(heads) == lines.count(b'" level=')
        if not whole or not all(_is_minute(moment[:16]) for moment, _ in {*heads}):
            lines = b"".join(self._whole(lines))
            heads = _LINE.findall(lines)
        if not heads:
            return
        seen = self._seen[pod]
        for moment, level in {*heads}:
            name = level.decode()
            seen.levels.add(name)
            (seen.chunk if name in TELLING else seen.quiet_chunk).add(_tick(moment))
        for message in (_COMPLETED, _DENIED):
            self._of_interest(lines, message)

    def _of_interest(self, lines: bytes, message: bytes) -> None:
        """Read the requests in the lines with this level and message."""
        at = lines.find(message)
        while at >= 0:
            begin, end = lines.rfind(b"\n", 0, at) + 1, lines.find(b"\n", at)
            text = lines[at + len(message) : end if end >= 0 else None].rstrip(b"\r")
            rest = _REST.match(text) if message == _DENIED else None
            # What looks like a message may be part of a name.
            if head := _HEAD.match(lines[begin:at]):
                time = _minute(head[1]) * MINUTE + round(float(head[2]) * 1_000_000)
                self._request(text[rest.end() if rest else 0 :], time, denied=message == _DENIED)
            at = lines.find(message, at + len(message))

    def _whole(self, lines: bytes) -> Iterator[bytes]:
        """Yield the lines that are whole, with their times in UTC, and count the others."""
        for line in lines.splitlines():
            match = _WHOLE.fullmatch(line)
            time = _utc(match[1], match[3]) if match else b""
            if match and time:
                yield b'time="%b%bZ"%b\n' % (time, match[2] or b"", match[4])
            elif line.strip():
                self._damaged.add(line)

    def _request(self, text: bytes, time: int, *, denied: bool) -> None:
        pairs = _FIELD.findall(text)
        fields = dict(pairs)
        status = fields.get(b"http.response.status", b"")
        whole = 2 * len(pairs) + sum(map(len, chain.from_iterable(pairs))) == len(text)
        if not whole or not (denied or (len(status) == 3 and status.isdigit())):  # noqa: PLR2004 - HTTP
            self._damaged.add(text)
            return
        if not denied and not 200 <= int(status) < 400:  # noqa: PLR2004 - HTTP
            return
        name, uri = _text(fields.get(b"vars.name", b"")), _text(fields.get(b"http.request.uri", b""))
        user, place = _text(fields.get(b"openshift.auth.user", b"")), _PLACE.match(uri)
        action = _action(fields.get(b"http.request.method", b""), place[2]) if place else _whole(uri)
        if place and (place[1] != name or not user):
            self._damaged.add(text)
        if not action or not user or (place and place[1] != name):
            return
        # Only somebody without a token has no user id: a user may be named `anonymous` too.
        if user == "anonymous" and b"openshift.auth.userid" not in fields:
            user = ANONYMOUS
        namespace, _, repository = name.partition("/")
        request = int.from_bytes(blake2b(fields.get(b"http.request.id", text), digest_size=8).digest())
        use = Use(REGISTRY, user, _MEANT.get(action, action) if denied else action, namespace, repository, denied)
        self._requests.add(use, time, request)
        source = _mounted(uri) if action == UPLOAD and status == b"201" else ""
        if source:
            namespace, _, repository = source.partition("/")
            self._requests.add(Use(REGISTRY, user, READ, namespace, repository, denied=False), time, request)


def _action(method: bytes, kind: str) -> str:
    """Return what a request to one kind of object of a repository does; nothing for what the registry has not."""
    if kind == "blobs/uploads":
        return UPLOAD
    if method == b"DELETE":
        return DELETE
    if method not in {b"GET", b"HEAD"}:
        return {"manifests": PUSH, "signatures": SIGN}.get(kind, "")
    return PULL if (method, kind) == (b"GET", "manifests") else READ


def _whole(uri: str) -> str:
    """Return what a request to no repository does."""
    whole = {"/v2/_catalog": CATALOG, "/admin/blobs/": DELETE}
    return next((action for start, action in whole.items() if uri.startswith(start)), "")


def _mounted(uri: str) -> str:
    """Return the repository from which an upload mounts a blob; it needs the right to pull there."""
    found = re.search(r"[?&]from=([^&]+)", uri)
    return found[1].replace("%2F", "/").replace("%2f", "/") if found and "mount=" in uri else ""


def _lines(text: bytes) -> int:
    return text.count(b"\n") + (not text.endswith(b"\n"))


@cache
def _minute(text: bytes) -> int:
    """Return the minutes since 1970 of `YYYY-MM-DDTHH:MM` in UTC. Raises ValueError for what is no such time."""
    return int(datetime.fromisoformat(f"{text.decode()}:00+00:00").timestamp()) // 60


@cache
def _is_minute(text: bytes) -> bool:
    """Return whether there is such a minute: there is no 30 February."""
    try:
        _minute(text)
    except ValueError:
        return False
    return True


def _tick(text: bytes) -> int:
    """Return the tick of `YYYY-MM-DDTHH:MM:S`, without the last digit of the second."""
    return _minute(text[:16]) * 6 + text[17] - 48


def _utc(text: bytes, zone: bytes) -> bytes:
    """Return `YYYY-MM-DDTHH:MM:SS` of a time zone (`Z` or `+HH:MM`) in UTC; nothing for what is no time."""
    try:
        at = datetime.fromisoformat(f"{text.decode()}{zone.decode()}").astimezone(UTC)
    except ValueError:
        return b""
    return f"{at:%Y-%m-%dT%H:%M:%S}".encode()


def _text(value: bytes) -> str:
    """Return a value as it was before logrus wrote it: bare, or quoted as Go's %q does."""
    if not value.startswith(b'"'):
        return value.decode(errors="replace")
    text = value[1:-1].decode(errors="replace")
    return _ESCAPE.sub(_unescaped, text) if "\\" in text else text


def _unescaped(match: re.Match[str]) -> str:
    octets, short, long, letter = match.groups()
    if letter:
        return _LETTERS.get(letter, letter)
    code = int(octets or short or long, 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"  # noqa: PLR2004 - Unicode
