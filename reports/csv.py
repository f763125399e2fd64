"""Tables as CSV: RFC 4180, UTF-8, and harmless in a spreadsheet.

Rows are put together by Arrow from escaped dictionaries: each text is escaped once, however many rows hold it.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audit.tables import ANSWERS, SCHEMAS, Column, Numbers, Table, Text

_ROWS: Final = 4_000  # a chunk: some 1 MB of text; larger ones are no sooner written, and cost memory
# What a spreadsheet may read as a formula, also after spaces and in full width; and our own mark.
_FORMULA: Final = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]|'")
_QUOTED: Final = re.compile(r'[",\r\n]')
# What may need one of the two, for RE2, which looks at a whole column at once: white space has more than one form.
_LOOK: Final = r"""^[^0-9A-Za-z]|[",\r\n]"""
MARK: Final = "'"


def neutral(text: str) -> str:
    """Return `text` so that no spreadsheet takes it for a formula: with an apostrophe before it where it might.

    Reversible: a text that begins with an apostrophe gets another one, so taking one away always gives the original.
    """
    return MARK + text if _FORMULA.match(text) else text


def original(cell: str) -> str:
    """Return the text that `neutral` made `cell` of."""
    return cell.removeprefix(MARK)


def cell(text: str) -> str:
    """Return one CSV cell: neutralised, and quoted where RFC 4180 asks for it."""
    text = neutral(text)
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def csv_chunks(name: str, tables: Sequence[Table]) -> Iterator[bytes]:
    """Yield the CSV of several tables `name` (one a zone) under one header line, in chunks of bytes."""
    columns = SCHEMAS[name]
    yield (",".join(column.name for column in columns) + "\r\n").encode()
    for table in tables:
        last = columns[-1]
        cells = [_Cells(column, table.columns[column.name], "\r\n" if column is last else "") for column in columns]
        for start in range(0, len(table), _ROWS):
            yield _lines([column.take(start) for column in cells])
        # Arrow keeps what it has used; other formats are made after this one, or beside it.
        del cells
        pa.default_memory_pool().release_unused()


class _Cells:
    """One column: the cells that occur in it, each escaped once, and for each row which of them."""

    def __init__(self, column: Column, values: Text | Numbers, after: str) -> None:
        if isinstance(values, Text):
            self._codes, texts = values.codes, values.values
        elif column.type == "answer":
            self._codes, texts = values, ANSWERS
        else:
            numbers, codes = np.unique(values, return_inverse=True)
            self._codes, texts = codes.astype(np.int32), [str(number) for number in numbers.tolist()]
        # Several columns share long lists of texts, of which each holds a few.
        used = np.zeros(len(texts), dtype=bool)
        used[self._codes] = True
        found = [texts[at] for at in np.flatnonzero(used).tolist()]
        # A number that begins with a minus is no formula.
        made = pa.array(found, type=pa.large_string()) if column.type == "count" else _cells(found)
        self._cells = pc.binary_join_element_wise(made, _text(after), _text("")) if after else made
        self._at = np.cumsum(used, dtype=np.int32) - np.int32(1)

    def take(self, start: int) -> pa.Array:
        """Return the cells of a chunk of rows, each with `after` behind it."""
        return self._cells.take(pa.array(self._at[self._codes[start : start + _ROWS]]))


def _cells(texts: list[str]) -> pa.Array:
    """Return `cell` of each text; most need nothing done, and that is seen without looking at them one by one."""
    array = pa.array(texts, type=pa.large_string())
    odd = np.flatnonzero(pc.match_substring_regex(array, _LOOK).to_numpy(zero_copy_only=False)).tolist()
    if not odd:
        return array
    for at in odd:
        texts[at] = cell(texts[at])
    return pa.array(texts, type=pa.large_string())


def _lines(columns: Sequence[pa.Array]) -> bytes:
    lines = pc.binary_join_element_wise(*columns, _text(","))
    # The texts of a new array lie one after the other: they are the file.
    return bytes(lines.buffers()[2].to_pybytes())


def _text(text: str) -> pa.Scalar:
    return pa.scalar(text, type=pa.large_string())
