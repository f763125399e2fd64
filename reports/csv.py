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

_ROWS: Final = 50_000  # a chunk: some 10 MB of text
# What a spreadsheet may read as a formula, also after spaces and in full width; and our own mark.
_FORMULA: Final = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]|'")
_QUOTED: Final = re.compile(r'[",\r\n]')
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
        cells = [_column(column, table.columns[column.name]) for column in columns]
        for start in range(0, len(table), _ROWS):
            yield _lines([_slice(values, codes, start) for values, codes in cells])


def _column(column: Column, values: Text | Numbers) -> tuple[pa.Array, Numbers]:
    """Return the cells that occur in a column, and for each row which of them."""
    if isinstance(values, Text):
        compact = values.compact()
        return pa.array([cell(text) for text in compact.values], type=pa.large_string()), compact.codes
    if column.type == "answer":
        return pa.array(ANSWERS, type=pa.large_string()), values
    numbers, codes = np.unique(values, return_inverse=True)
    return pa.array([str(number) for number in numbers.tolist()], type=pa.large_string()), codes.astype(np.int32)


def _slice(cells: pa.Array, codes: Numbers, start: int) -> pa.Array:
    return cells.take(pa.array(codes[start : start + _ROWS]))


def _lines(columns: Sequence[pa.Array]) -> bytes:
    ends = pa.scalar("\r\n", type=pa.large_string())
    separator = pa.scalar(",", type=pa.large_string())
    rows = pc.binary_join_element_wise(*columns, separator)
    lines = pc.binary_join_element_wise(rows, ends, pa.scalar("", type=pa.large_string()))
    # The texts of a new array lie one after the other: they are the file.
    return bytes(lines.buffers()[2].to_pybytes())
