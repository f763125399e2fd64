"""Changes seeds into inputs that nobody has thought of: bytes, lines, and the values of JSON."""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

_WORDS: Final = (
    b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"\r\n", b"\n", b"\r",
    b"\t", b'"', b"'", b"\\", b"\\u0000", b"\\ud800", b"{", b"}", b"[", b"]", b",", b":", b"- ", b"---\n",
    b"&a ", b"*a", b"!!python/", b"<<: ", b"? ", b"|", b">", b"#", b"=", b"+", b"@", b"%", b"-1", b"0",
    b"1e999", b"NaN", b"inf", b"null", b"true", b"~", b"9" * 30, b"9" * 5000, b"[" * 2000, b"*", b"..",
    b"../../etc/passwd", b"/dev/zero", b"$(id)", b"\x1b[2J", b";", b"List", b"metadata", b"items", b"name",
    b"namespace", b"kind", b"Status", b"system:", b"system:masters", b"subjects", b"rules",
    b"2026-02-30T25:61:61Z", b"0001-01-01T00:00:00Z", b"9999-12-31T23:59:59+14:00", b"\x1f\x8b\x08",
    b"PK\x03\x04",
)  # fmt: skip
_VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1 << 31, 1 << 63, 1 << 64, -(1 << 63), 1.5, 1e308, "", " ", "*", "a", "\0", "\n",
    "\ud800", "\u202e", "=1+1", "../x", "x" * 5000, "é" * 300, [], {}, [[]], [None], {"": None}, {"name": {}},
    ["*"], "system:masters",
)  # fmt: skip


def mutated(seeds: Sequence[bytes], random: Random) -> bytes:
    """Return one of the seeds, changed one to eight times."""
    data = random.choice(seeds)
    for _ in range(1 << random.randrange(4)):
        data = random.choice(_CHANGES)(data, seeds, random)[:200_000]
    return data


def _place(data: bytes, random: Random) -> tuple[int, int]:
    start = random.randrange(len(data) + 1)
    return start, min(len(data), start + (1 << random.randrange(10)))


def _flip(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    changed = bytearray(data)
    for _at in range(random.randint(1, 4) if data else 0):
        changed[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _word(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    start, end = _place(data, random)
    return data[:start] + random.choice(_WORDS) + data[random.choice((start, end)) :]


def _cut(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    start, end = _place(data, random)
    return data[:start] + data[random.choice((end, len(data))) :]


def _again(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    start, end = _place(data, random)
    return data[:end] + data[start:end] * random.choice((1, 2, 50)) + data[end:]


def _spliced(data: bytes, seeds: Sequence[bytes], random: Random) -> bytes:
    other = random.choice(seeds)
    return data[: _place(data, random)[0]] + other[_place(other, random)[0] :]


def _line(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    lines = data.split(b"\n")
    at, other = random.randrange(len(lines)), random.randrange(len(lines))
    lines[at], lines[other] = random.choice(
        ((lines[other], lines[at]), (lines[at], lines[at]), (b" " + lines[at], b""))
    )
    return b"\n".join(lines)


def _value(data: bytes, _: Sequence[bytes], random: Random) -> bytes:
    """Replace, remove or repeat a value of a JSON document."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return data
    places = [*_places(document)]
    if places:
        holder, key = random.choice(places)
        what = random.randrange(4)
        if what == 0:
            del holder[key]
        elif what == 1 and isinstance(holder, list):
            holder.extend([holder[key]] * random.choice((1, 3, 100)))
        else:
            holder[key] = random.choice(_VALUES) if what != 3 else random.choice(places)[0]
    try:
        return json.dumps(document).encode()
    except (ValueError, RecursionError):
        return data  # it holds itself


def _places(value: Any, depth: int = 0) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items) if depth < 50 else ():
        yield value, key
        yield from _places(inner, depth + 1)


_CHANGES: Final[tuple[Callable[[bytes, Sequence[bytes], Random], bytes], ...]] = (
    _flip, _word, _word, _cut, _again, _spliced, _line, _value, _value, _value,
)  # fmt: skip
