"""Masks the credentials that the program holds, wherever a text of somebody else repeats them.

Whoever reads a credential calls `remember`; whoever passes on a text that a server, a proxy, a plugin or a file wrote
calls `masked` or `excerpt`. Texts are searched after decoding, in every usual spelling: as it is, with the escapes of
JSON, URLs, HTML and programming languages, in base64 and hexadecimal digits, broken into lines, and several of these
one in another. What a server encodes in a way of its own cannot be recognized.
"""

import base64
import html
import html.entities
import re
from collections.abc import Iterable, Iterator
from functools import cache
from threading import Lock
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

HIDDEN: Final = "***"
_SHORTEST: Final = 6  # characters: less is no secret, and would be found everywhere
_SHORTEST_IN_DATA: Final = 12  # characters: a shorter password can be part of the name of an object by chance
_ROUNDS: Final = 6  # escapes in escapes
_DEPTH: Final = 2  # base64 in base64
_WINDOW: Final = 1 << 16  # characters of a text that are searched beyond those that are passed on
_LONGEST_ESCAPE: Final = 6  # characters for one, as `\u002b`

_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_ESCAPE: Final = re.compile(
    r"(?P<pair>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|\\u\{(?P<braces>[0-9a-fA-F]{1,6})\}|\\u(?P<four>[0-9a-fA-F]{4})|\\U(?P<eight>[0-9a-fA-F]{8})"
    r"|(?:%|\\x|=)(?P<byte>[0-7][0-9a-fA-F])|(?P<bytes>(?:(?:%|\\x|=)[89a-fA-F][0-9a-fA-F])+)"
    r"|\\(?P<octal>[0-3][0-7]{2})|\\(?P<plain>.)"
    r"|(?P<html>&(?:#[0-9]{1,7};?|#[xX][0-9a-fA-F]{1,6};?|[A-Za-z][A-Za-z0-9]{1,30};))",
    re.DOTALL,
)
# What begins an escape of each kind. In a secret that has these itself, decoding takes its own letters for escapes.
_KINDS: Final = {
    kind: re.compile(f"(?={re.escape(kind)})(?:{_ESCAPE.pattern})", re.DOTALL) for kind in ("\\", "%", "&", "=")
}
_DOUBTFUL: Final = re.compile(r"[\\%&]|=[0-9a-fA-F]")
_MARKS: Final = re.compile(rb"[%&\\]")  # of the escapes in names
_CONTROL: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_HEX: Final = ("braces", "four", "eight", "byte")


class _View(NamedTuple):
    """A text, and for each of its characters the place that it has in the original (None: the same)."""

    text: str
    places: list[tuple[int, int]] | None = None

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return the place of some characters in the original."""
        return (self.places[start][0], self.places[end - 1][1]) if self.places else (start, end)


class _Known:
    """The secrets that are known. It never changes: a new one replaces it."""

    def __init__(self, secrets: frozenset[str]) -> None:
        self.secrets = secrets
        self.longest = max(map(len, secrets), default=0)
        self._by_start: dict[str, list[str]] = {}  # spellings by their first characters
        # In base64, the characters beside it may hold some bits of it: how many before, and behind it.
        self._edges = {edge.text: edge for secret in secrets for edge in _in_base64(secret)}
        for spelling in {spelling for secret in secrets for spelling in _spellings(secret)} | self._edges.keys():
            self._by_start.setdefault(spelling[:_SHORTEST], []).append(spelling)
        self.patterns = [_pattern(secret) for secret in secrets if _DOUBTFUL.search(secret)]

    def found(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield start and end of each spelling in `text`, in time that does not depend on how many there are."""
        starts = {text[at : at + _SHORTEST] for at in range(len(text) - _SHORTEST + 1)}
        for start in self._by_start.keys() & starts:
            for spelling in self._by_start[start]:
                _, before, behind = self._edges.get(spelling, ("", 0, 0))
                at = text.find(spelling)
                while at >= 0:
                    yield max(at - before, 0), min(at + len(spelling) + behind, len(text))
                    at = text.find(spelling, at + len(spelling))
        for pattern in self.patterns:
            for match in pattern.finditer(text):
                yield match.span()


_lock: Final = Lock()
_known = _Known(frozenset())


def remember(*secrets: str | bytes) -> None:
    """Mask these credentials from now on. What is too short to be one is ignored."""
    global _known  # noqa: PLW0603  the credentials of the process, as its environment
    texts = {secret.decode("utf-8", "replace") if isinstance(secret, bytes) else secret for secret in secrets}
    new = {part.strip() for text in texts for part in (text, *_lines(text)) if len(part.strip()) >= _SHORTEST}
    with _lock:
        if not new <= _known.secrets:
            _known = _Known(_known.secrets | new)


def remember_login(url: str) -> None:
    """Mask the password in a URL, as that of a proxy."""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        user, password = parts.username or "", parts.password or ""
    except ValueError:
        user, _, password = url.rpartition("@")[0].rpartition("/")[2].partition(":")
    if password:
        remember(password, unquote(password), f"{user}:{password}", f"{unquote(user)}:{unquote(password)}")


def masked(text: str) -> str:
    """Return `text` with `***` in place of every credential that is known, however it is spelled."""
    known = _known
    if not known.secrets or not _holds(text, known, _DEPTH):
        return text
    spans = sorted(_spans(text, known, _DEPTH))
    parts: list[str] = []
    done = 0
    for start, end in spans:
        if start > done or not parts:
            parts += [text[done:start], HIDDEN]
        done = max(done, end)
    return "".join([*parts, text[done:]])


def excerpt(text: str | bytes, longest: int) -> str:
    """Return the beginning of a text, masked; no part of a credential is left where it was cut."""
    edge = _LONGEST_ESCAPE * _known.longest
    size = longest + _WINDOW + 2 * edge
    start = text[:size]
    cut = len(text) > size
    shown = masked(start.decode("utf-8", "replace") if isinstance(start, bytes) else start)
    # At its end, a part of a credential would not have been recognized.
    return (shown[: max(len(shown) - edge, 0)] if cut else shown)[:longest]


def repeats(data: bytes, secrets: Iterable[str]) -> bool:
    """Return whether JSON of any size holds one of the secrets, as it is, encoded or escaped."""
    long = [secret for secret in secrets if len(secret) >= _SHORTEST_IN_DATA]
    if not long:
        return False
    spellings = {
        spelling for secret in long for spelling in (*_spellings(secret), *(part.text for part in _in_base64(secret)))
    }
    if any(spelling.encode("utf-8", "replace") in data for spelling in spellings):
        return True
    return _holds(b'"'.join(_escaped(data)).decode("utf-8", "replace"), _Known(frozenset(long)), 0)


def _escaped(data: bytes) -> Iterator[bytes]:
    """Yield the strings of JSON with escapes in them: of many megabytes, only these need to be decoded."""
    done = 0
    for mark in _MARKS.finditer(data):
        if mark.start() >= done:
            start, end = data.rfind(b'"', done, mark.start()) + 1, data.find(b'"', mark.start())
            done = end if end >= 0 else len(data)
            yield data[start:done]


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a key (PEM), and the words of a token that was torn; their frames are no secrets."""
    parts = text.split() if "-----" not in text else text.splitlines()
    return (part for part in parts if len(parts) > 1 and "-----" not in part)


def _spellings(secret: str) -> Iterator[str]:
    """Yield the spellings of a secret that no decoding turns into another one."""
    data = secret.encode("utf-8", "replace")
    yield secret
    if not secret.isascii():
        yield data.decode("latin-1")  # as headers are decoded
    if " " in secret:
        yield secret.replace(" ", "+")  # as forms are encoded
        yield "".join(secret.split())
    yield data.hex()
    yield data.hex().upper()


def _pattern(secret: str) -> re.Pattern[str]:
    """Return what finds a secret in which any of its characters are escaped, each in any way."""
    return re.compile("".join(map(_escapes_of, secret)))


@cache
def _escapes_of(letter: str) -> str:
    """Return a pattern of a character and of each of its escapes."""
    number, data = ord(letter), letter.encode("utf-8", "replace")
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    ways = [
        rf"\\?{re.escape(letter)}",
        "".join(rf"\\u(?i:{units[at : at + 4]})" for at in range(0, len(units), 4)),
        rf"\\u\{{(?i:0*{number:x})\}}|\\U(?i:{number:08x})",
        *("".join(rf"{start}(?i:{byte:02x})" for byte in data) for start in (r"\\x", "%", "=")),
        "".join(rf"\\{byte:03o}" for byte in data),
        rf"&#0*{number};?|&#[xX](?i:0*{number:x});?",
        *(f"&{name}" for name, meaning in html.entities.html5.items() if meaning == letter),
        *(f"\\\\{name}" for name, meaning in _CONTROL.items() if meaning == letter),
    ]
    return f"(?:{'|'.join(ways)})"


class _Base64(NamedTuple):
    """The characters that stand for a secret in base64, and how many beside it hold bits of it and of others."""

    text: str
    before: int
    behind: int


def _in_base64(secret: str) -> Iterator[_Base64]:
    """Yield the characters that stand for a secret in base64, wherever it begins in what is encoded."""
    data = secret.encode("utf-8", "replace")
    for lead in range(3):
        # What is before and behind it changes the characters at both ends.
        start, end = (8 * lead + 5) // 6, 8 * (lead + len(data)) // 6
        for encoded in (base64.b64encode, base64.urlsafe_b64encode):
            yield _Base64(encoded(b"\0" * lead + data)[start:end].decode(), lead > 0, 8 * (lead + len(data)) % 6 > 0)


def _holds(text: str, known: _Known, depth: int) -> bool:
    """Return whether there is anything to mask: nearly always not, and that is found out quickly."""
    original = text
    for _ in range(_ROUNDS):
        for view in (text, "".join(text.split())):
            if any(known.found(view)):
                return True
            for run in _BASE64.findall(view) if depth else ():
                if (inner := _of_base64(run)) and _holds(inner, known, depth - 1):
                    return True
        before, text = text, _ESCAPE.sub(_meaning, text)
        if text == before:
            break
    return bool(known.patterns) and any(any(known.found(view.text)) for view in _one_kind(original))


def _spans(text: str, known: _Known, depth: int) -> Iterator[tuple[int, int]]:
    """Yield the places of `text` in which secrets are."""
    for view in (*_views(text), *(_one_kind(text) if known.patterns else ())):
        for start, end in known.found(view.text):
            yield view.place(start, end)
        for run in _BASE64.finditer(view.text) if depth else ():
            if _holds(_of_base64(run[0]), known, depth - 1):
                yield view.place(*run.span())


def _of_base64(run: str) -> str:
    """Return the text that is encoded; "" if it is none."""
    if run in {run.lower(), run.upper()}:
        return ""  # a name
    whole = run.rstrip("=").replace("-", "+").replace("_", "/")
    whole = whole[:-1] if len(whole) % 4 == 1 else whole
    data = base64.b64decode(whole + "=" * (-len(whole) % 4))
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        return data[: error.start].decode() if error.start >= len(data) - 3 else ""


def _views(text: str) -> Iterator[_View]:
    """Yield the text as it is, and as it is decoded once and again, each also without white space."""
    view = _View(text)
    for _ in range(_ROUNDS):
        yield view
        yield _without_space(view)
        decoded = _decoded(view)
        if decoded is None:
            return
        view = decoded


def _without_space(view: _View) -> _View:
    kept = [at for at, letter in enumerate(view.text) if not letter.isspace()]
    return _View("".join(view.text[at] for at in kept), [view.place(at, at + 1) for at in kept])


def _one_kind(text: str) -> Iterator[_View]:
    """Yield the text with the escapes of one kind decoded, once and twice, for each kind."""
    for kind, escapes in _KINDS.items():
        view: _View | None = _View(text)
        for _ in range(2):
            view = _decoded(view, escapes) if view and kind in view.text else None
            if view:
                yield view
                yield _without_space(view)


def _decoded(view: _View, escapes: re.Pattern[str] = _ESCAPE) -> _View | None:
    """Return a text with its escapes decoded once; None if it has none."""
    letters, places, done = [], [], 0
    for escape in escapes.finditer(view.text):
        meaning = _meaning(escape)
        if meaning == escape[0]:
            continue
        for at in range(done, escape.start()):
            letters.append(view.text[at])
            places.append(view.place(at, at + 1))
        letters.extend(meaning)
        places += [view.place(*escape.span())] * len(meaning)
        done = escape.end()
    if not done:
        return None
    rest = range(done, len(view.text))
    letters += [view.text[at] for at in rest]
    places += [view.place(at, at + 1) for at in rest]
    return _View("".join(letters), places)


def _meaning(escape: re.Match[str]) -> str:
    """Return what an escape stands for; itself if nothing."""
    kind = str(escape.lastgroup)
    value = escape[kind]
    if kind == "html":
        return html.unescape(value)
    if kind == "plain":
        return _CONTROL.get(value, value)
    if kind == "pair":
        return value.encode().decode("unicode-escape").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if kind == "bytes":
        return bytes.fromhex(re.sub(r"%|\\x|=", "", value)).decode("utf-8", "replace")
    number = int(value, 16 if kind in _HEX else 8)
    return chr(number) if number <= 0x10FFFF else escape[0]  # noqa: PLR2004  the last character of Unicode
