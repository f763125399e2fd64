"""Tables -> the data blocks of the page: numbers that point into one shared list of texts, compressed.

A block is gzip in base64. Unpacked it is the length of a head (4 bytes, little-endian), the head (JSON, padded with
spaces to 4 bytes), and the columns one after the other, each padded to 4 bytes. `modules/data_blocks.js` reads them.
"""

import base64
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audit.tables.model import Numbers, Table, Text

Packed = NDArray[np.generic]

_LEVEL: Final = 6  # of gzip: higher is much slower and hardly smaller
_UNSIGNED: Final = ("<u1", "<u2", "<u4")
_SIGNED: Final = ("<i1", "<i2", "<i4")


def blocks(tables: dict[str, Table]) -> Iterator[tuple[str, bytes]]:
    """Yield each table's block with its name, and at the end, as `texts`, the list of texts that they point into.

    Codes are ranks: a smaller code is a text that sorts before. Equal tables give equal blocks. `tables` is empty
    afterwards: a table is released as soon as it is ranked.
    """
    ranked: dict[str, dict[str, Ranked]] = {}
    for name in [*tables]:
        ranked[name] = {column: _ranked(values) for column, values in tables.pop(name).columns.items()}
    used = [column.texts for columns in ranked.values() for column in columns.values() if column.texts is not None]
    texts = sorted({text for column_texts in used for text in column_texts})
    at = {text: number for number, text in enumerate(texts)}
    for name in [*ranked]:
        yield name, _table(name, ranked.pop(name), at)
    yield "texts", _texts(texts)


class Ranked(NamedTuple):
    """A column in the fewest bytes: numbers, or positions in `texts`, which are sorted."""

    numbers: Packed
    texts: list[str] | None = None


def _ranked(values: Text | Numbers) -> Ranked:
    """Return a column; a text column with only the texts that occur, sorted."""
    if not isinstance(values, Text):
        return Ranked(_narrow(values))
    compact = values.compact()
    texts = [_valid(text) for text in compact.values]
    ordered = sorted(set(texts))
    rank = {text: code for code, text in enumerate(ordered)}
    moved = np.array([rank[text] for text in texts], dtype=np.int32)
    return Ranked(_narrow(moved[compact.codes]), ordered)


def _valid(text: str) -> str:
    """Return `text` as valid UTF-8: a lone surrogate, from a path that is not text, is written as an escape."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _texts(texts: list[str]) -> bytes:
    """Pack texts: their lengths in UTF-16 units, as JavaScript counts them, and all of them in UTF-8."""
    lengths = np.array([_units(text) for text in texts], dtype=np.int64)
    utf8 = np.frombuffer("".join(texts).encode(), dtype=np.uint8)
    return pack({"rows": len(texts)}, {"lengths": _narrow(lengths), "utf8": utf8})


def _table(name: str, columns: Mapping[str, Ranked], at: Mapping[str, int]) -> bytes:
    parts: dict[str, Packed] = {}
    kinds = {}
    rows = 0
    for column, (numbers, texts) in columns.items():
        kinds[column] = "number" if texts is None else "text"
        if texts is not None:
            # Positions of sorted texts increase: the differences are smaller numbers.
            places = np.array([at[text] for text in texts], dtype=np.int64)
            parts[f"{column}/texts"] = _narrow(np.diff(places, prepend=0))
        parts[column] = numbers
        rows = len(numbers)
    return pack({"name": name, "rows": rows, "kinds": kinds}, parts)


def _narrow(numbers: NDArray[Any]) -> Packed:
    """Return whole numbers in the fewest bytes that hold all of them."""
    low, high = int(numbers.min(initial=0)), int(numbers.max(initial=0))
    for kind in _SIGNED if low < 0 else _UNSIGNED:
        limits = np.iinfo(kind)
        if limits.min <= low and high <= limits.max:
            return numbers.astype(kind)
    raise OverflowError(f"numbers from {low} to {high} do not fit into 32 bits")


def pack(head: Mapping[str, object], parts: Mapping[str, Packed]) -> bytes:
    """Return one block."""
    places, at = {}, 0
    for name, part in parts.items():
        places[name] = {"at": at, "length": len(part), "type": part.dtype.kind + str(part.dtype.itemsize * 8)}
        at += part.nbytes + -part.nbytes % 4
    header = json.dumps({**head, "parts": places}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 4)
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    packed = [packer.compress(len(header).to_bytes(4, "little") + header)]
    packed += [packer.compress(part.tobytes() + bytes(-part.nbytes % 4)) for part in parts.values()]
    return base64.b64encode(b"".join([*packed, packer.flush()]))
