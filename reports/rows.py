"""Rows of tables as text: each text is written once, however many rows hold it, and Arrow puts the rows together."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audit.tables.model import ANSWERS, SCHEMAS, Column, Numbers, Table, Text

ROWS: Final = 4_000  # a chunk: some 1 MB of text; larger ones are no sooner written, and cost memory

# Returns what stands in a file for each text (or, in a `count` column, each number) of a column.
Writes = Callable[[Column, list[str]], pa.Array]


def chunks(name: str, tables: Sequence[Table], writes: Writes, marks: tuple[str, str, str]) -> Iterator[bytes]:
    """Yield the rows of several tables `name`; `marks` begin a row, stand between its cells, and end it."""
    begin, between, end = marks
    columns = SCHEMAS[name]
    around = {columns[0].name: (begin, ""), columns[-1].name: ("", end)}
    for table in tables:
        cells = [_ColumnCells(one, table.columns[one.name], writes, *around.get(one.name, ("", ""))) for one in columns]
        for start in range(0, len(table), ROWS):
            yield _lines([column.take(start) for column in cells], between)
        # Arrow keeps what it has used; other formats are made after this one, or beside it.
        del cells
        pa.default_memory_pool().release_unused()


class _ColumnCells:
    """One column: the cells that occur in it, each written once, and for each row which of them."""

    def __init__(self, column: Column, values: Text | Numbers, writes: Writes, before: str, after: str) -> None:
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
        made = writes(column, [texts[at] for at in np.flatnonzero(used).tolist()])
        ends = before or after
        self._cells = pc.binary_join_element_wise(_text(before), made, _text(after), _text("")) if ends else made
        self._at = np.cumsum(used, dtype=np.int32) - np.int32(1)

    def take(self, start: int) -> pa.Array:
        """Return the cells of a chunk of rows, each between `before` and `after`."""
        return self._cells.take(pa.array(self._at[self._codes[start : start + ROWS]]))


def _lines(columns: Sequence[pa.Array], between: str) -> bytes:
    lines = pc.binary_join_element_wise(*columns, _text(between))
    # The texts of a new array lie one after the other: they are the file.
    return bytes(lines.buffers()[2].to_pybytes())


def _text(text: str) -> pa.Scalar:
    return pa.scalar(text, type=pa.large_string())
