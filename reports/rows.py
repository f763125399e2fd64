"""Rows of tables as text: each distinct value is written once, and Arrow joins the values to rows."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audit.tables.model import Numbers, Table, Text
from audit.tables.schemas import ANSWERS, SCHEMAS, Column

ROWS: Final = 4_000  # of a chunk: about 1 MB of text; larger ones are not faster, and cost memory

# Returns how each text (or, in a `count` column, each number) of a column is written in a file.
Writes = Callable[[Column, list[str]], pa.Array]


def chunks(name: str, tables: Sequence[Table], writes: Writes, marks: tuple[str, str, str]) -> Iterator[bytes]:
    """Yield the rows of several tables `name`; `marks` begin a row, separate its cells, and end it."""
    begin, between, end = marks
    columns = SCHEMAS[name]
    around = {columns[0].name: (begin, ""), columns[-1].name: ("", end)}
    for table in tables:
        cells = [
            _ColumnCells(column, table.columns[column.name], writes, *around.get(column.name, ("", "")))
            for column in columns
        ]
        for start in range(0, len(table), ROWS):
            yield _lines([column_cells.take(start) for column_cells in cells], between)
        # Arrow keeps memory in its pool, which other formats need.
        del cells
        pa.default_memory_pool().release_unused()


class _ColumnCells:
    """One column: its distinct cells, each written once, and for each row which of them."""

    def __init__(self, column: Column, values: Text | Numbers, writes: Writes, before: str, after: str) -> None:
        if isinstance(values, Text):
            self._codes, texts = values.codes, values.values
        elif column.type == "answer":
            self._codes, texts = values, ANSWERS
        else:
            numbers, codes = np.unique(values, return_inverse=True)
            self._codes, texts = codes.astype(np.int32), [str(number) for number in numbers.tolist()]
        # Several columns share long lists of texts, and each uses a few of them.
        used = np.zeros(len(texts), dtype=bool)
        used[self._codes] = True
        made = writes(column, [texts[at] for at in np.flatnonzero(used).tolist()])
        ends = before or after
        self._cells = pc.binary_join_element_wise(_text(before), made, _text(after), _text("")) if ends else made
        self._at = np.cumsum(used, dtype=np.int32) - np.int32(1)

    def take(self, start: int) -> pa.Array:
        """Return the cells of a chunk of rows, with `before` and `after` around each."""
        return self._cells.take(pa.array(self._at[self._codes[start : start + ROWS]]))


def _lines(columns: Sequence[pa.Array], between: str) -> bytes:
    lines = pc.binary_join_element_wise(*columns, _text(between))
    # The buffer of a new array holds all texts in order: the content of the file.
    return bytes(lines.buffers()[2].to_pybytes())


def _text(text: str) -> pa.Scalar:
    return pa.scalar(text, type=pa.large_string())
