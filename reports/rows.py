"""Rows of tables as text: each text is written once, however many rows hold it, and Arrow puts the rows together."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audit.tables import ANSWERS, SCHEMAS, Column, Numbers, Table, Text

ROWS: Final = 20_000  # a chunk: some 4 MB of text

# Returns what stands in a file for each text (or, in a `count` column, each number) of a column.
Writes = Callable[[Column, list[str]], pa.Array]


def chunks(name: str, tables: Sequence[Table], writes: Writes, marks: tuple[str, str, str]) -> Iterator[bytes]:
    """Yield the rows of several tables `name`; `marks` begin a row, stand between its cells, and end it."""
    for table in tables:
        cells = [_Cells(column, table.columns[column.name], writes) for column in SCHEMAS[name]]
        for start in range(0, len(table), ROWS):
            yield _lines([column.take(start) for column in cells], *marks)


class _Cells:
    """One column: the cells that occur in it, each written once, and for each row which of them."""

    def __init__(self, column: Column, values: Text | Numbers, writes: Writes) -> None:
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
        self._cells = writes(column, [texts[at] for at in np.flatnonzero(used).tolist()])
        self._at = np.cumsum(used, dtype=np.int32) - np.int32(1)

    def take(self, start: int) -> pa.Array:
        """Return the cells of a chunk of rows."""
        return self._cells.take(pa.array(self._at[self._codes[start : start + ROWS]]))


def _lines(columns: Sequence[pa.Array], begin: str, between: str, end: str) -> bytes:
    first, separator, last, nothing = (pa.scalar(mark, type=pa.large_string()) for mark in (begin, between, end, ""))
    rows = pc.binary_join_element_wise(*columns, separator)
    lines = pc.binary_join_element_wise(*([first] if begin else []), rows, last, nothing)
    # The texts of a new array lie one after the other: they are the file.
    return bytes(lines.buffers()[2].to_pybytes())
