"""The image registry's own log, as logrus writes it (text): who pulled and pushed what, and who was refused.

Source: image-registry `pkg/cmd/dockerregistry` and `pkg/dockerregistry/server`, distribution `context/http.go`. A line
is `time="…" level=… msg="…" key=value …`. Use is logged as `response completed` with a user, a refusal as `OpenShift
access denied`. All lines of a request have the same request id. A line may have a prefix and a time stamp of `oc logs`,
or those of a container's log file (CRI).
"""

import re
from collections import defaultdict
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
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
    UPLOAD,
    Damaged,
    Requests,
    Seen,
    Use,
)

ANONYMOUS: Final = "system:anonymous"

_VALUE: Final = rb'"(?:[^"\\\n]|\\.)*"|[^ \n"]*'
_CARRIED: Final = (
    rb"(?:\[pod/([^/\]\n]+)/[^\]\n]*\] )?"  # oc logs --prefix
    rb"(?:\d{4}-\d\d-\d\dT[^ \n]+ )?"  # oc logs --timestamps, CRI
    rb"(?:std(?:out|err) [FP][^ \n]* )?"  # CRI
)
_HEAD: Final = (
    rb'time="(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d(?:\.\d+)?)(Z|[+-]\d\d:\d\d)" level=([a-z]+) msg=(' + _VALUE + rb")"
)
# Only the head: nine lines of ten are of no interest, and their fields are long.
_LINE: Final = re.compile(rb"(?m)^" + _CARRIED + _HEAD + rb"( [^\r\n]*|)\r?$")
_WHOLE: Final = re.compile(_CARRIED + _HEAD + rb"(?: [\w.-]+=(?:" + _VALUE + rb"))*\r?\n?")
_FIELD: Final = re.compile(rb" ([\w.-]+)=(" + _VALUE + rb")")
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))")
_LETTERS: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}

_COMPLETED: Final = b'"response completed"'
_DENIED: Final = b'"OpenShift access denied'
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
        matches = _LINE.findall(lines)
        # Two lines written into one, or a line without its head, are looked at one by one.
        if not len(matches) == lines.count(b"\n") + (not lines.endswith(b"\n")) == lines.count(b'" level='):
            matches = self._whole(lines)
        for of, minute, second, zone, level, message, fields in matches:
            at = _minute(minute, zone)
            seen = self._seen[of.decode(errors="replace") if of else pod]
            seen.minutes.add(at)
            seen.levels.add(level.decode())
            seen.lines += 1
            if message == _COMPLETED or message.startswith(_DENIED):
                self._request(fields, at * MINUTE + round(float(second[1:]) * 1_000_000), denied=message != _COMPLETED)

    def _whole(self, lines: bytes) -> list[tuple[bytes, ...]]:
        """Return what `_LINE` finds in the lines that are whole, and count the others."""
        whole = []
        for line in lines.splitlines(keepends=True):
            if _WHOLE.fullmatch(line):
                whole.append(line)
            elif line.strip():
                self._damaged.add(line)
        return _LINE.findall(b"".join(whole))

    def _request(self, text: bytes, time: int, *, denied: bool) -> None:
        pairs = _FIELD.findall(text)
        fields = dict(pairs)
        status = fields.get(b"http.response.status", b"")
        whole = sum(2 + len(name) + len(value) for name, value in pairs) == len(text)
        if not whole or not (denied or status.isdigit()):
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


@cache
def _minute(text: bytes, zone: bytes) -> int:
    """Return the minutes since 1970 of `YYYY-MM-DDTHH:MM` in a time zone (`Z` or `+HH:MM`)."""
    at = datetime.fromisoformat(f"{text.decode()}:00{zone.decode().replace('Z', '+00:00')}")
    return int(at.astimezone(UTC).timestamp()) // 60


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
