"""Tables in columns: the form that all stages share. Their schemas are in `audit.tables.schemas`."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.tables.arrays import Mask, distinct
from audit.tables.schemas import ANSWERS, SCHEMAS

Numbers = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Text:
    """A column of text: `codes` are positions in `values`, one a row. Several columns may share `values`."""

    codes: Numbers
    values: Sequence[str]

    def compact(self) -> "Text":
        """Return the same column with only the values that occur, in the same order."""
        seen = np.zeros(len(self.values), dtype=bool)
        seen[self.codes] = True
        at = np.cumsum(seen, dtype=np.int32) - np.int32(1)
        return Text(at[self.codes], [self.values[code] for code in np.flatnonzero(seen).tolist()])

    def strings(self) -> list[str]:
        """Return the texts, one a row."""
        values = self.values
        return [values[code] for code in self.codes.tolist()]

    def matching(self, predicate: Callable[[str], bool]) -> Mask:
        """Return for each row whether `predicate` accepts its text; each different text is judged once."""
        accepted = np.zeros(len(self.values), dtype=bool)
        codes = distinct(self.codes, len(self.values))
        texts = map(self.values.__getitem__, codes)
        accepted[codes] = np.fromiter(map(predicate, texts), dtype=bool, count=len(codes))
        rows: Mask = accepted[self.codes]
        return rows


@dataclass(frozen=True, slots=True)
class Table:
    """One table: `name` is a key of SCHEMAS; `columns` follow it, `text` ones as Text, others as arrays."""

    name: str
    columns: Mapping[str, Text | Numbers]

    def __len__(self) -> int:
        """Return the number of rows."""
        first = next(iter(self.columns.values()))
        return len(first.codes) if isinstance(first, Text) else len(first)

    def text(self, column: str) -> Text:
        """Return a text column."""
        values = self.columns[column]
        if not isinstance(values, Text):
            raise TypeError(f"{self.name}.{column} holds numbers")
        return values

    def numbers(self, column: str) -> Numbers:
        """Return an answer or count column."""
        values = self.columns[column]
        if isinstance(values, Text):
            raise TypeError(f"{self.name}.{column} holds text")
        return values

    def where(self, column: str, values: AbstractSet[str]) -> Mask:
        """Return for each row whether its text in `column` is one of `values`."""
        return self.text(column).matching(values.__contains__)

    def take(self, rows: NDArray[np.intp] | Mask) -> "Table":
        """Return the table of the given rows (positions or a mask)."""
        return Table(
            self.name,
            {
                name: Text(column.codes[rows], column.values) if isinstance(column, Text) else column[rows]
                for name, column in self.columns.items()
            },
        )

    def records(self) -> list[dict[str, str | int]]:
        """Return one mapping a row, answers as words: for short tables and for printing, not for exports."""
        columns: list[Sequence[str | int]] = []
        for column in SCHEMAS[self.name]:
            values = self.columns[column.name]
            if isinstance(values, Text):
                columns.append(values.strings())
            elif column.type == "answer":
                columns.append([ANSWERS[number] for number in values.tolist()])
            else:
                columns.append(values.tolist())
        names = [column.name for column in SCHEMAS[self.name]]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def table_of(name: str, rows: Sequence[Mapping[str, str | int]]) -> Table:
    """Return a short table of the given rows, answers and counts as numbers; what a row does not say is empty or 0."""
    columns: dict[str, Text | Numbers] = {}
    for column in SCHEMAS[name]:
        if column.type == "text":
            columns[column.name] = text_column([str(row.get(column.name, "")) for row in rows])
        else:
            columns[column.name] = np.array([row.get(column.name, 0) for row in rows], dtype=np.int32)
    return Table(name, columns)


def text_column(texts: Sequence[str]) -> Text:
    """Return a text column of the given texts, one a row."""
    values = sorted(set(texts))
    at = {text: code for code, text in enumerate(values)}
    return Text(np.fromiter(map(at.__getitem__, texts), dtype=np.int32, count=len(texts)), values)


def joined(tables: Sequence[Table]) -> Table:
    """Return several tables of the same name (at least one) as one, the rows in the given order."""
    first = tables[0]
    columns: dict[str, Text | Numbers] = {}
    for name, values in first.columns.items():
        if isinstance(values, Text):
            columns[name] = _joined_texts([table.text(name).compact() for table in tables])
        else:
            columns[name] = np.concatenate([table.numbers(name) for table in tables])
    return Table(first.name, columns)


def _joined_texts(texts: Sequence[Text]) -> Text:
    values = sorted({value for text in texts for value in text.values})
    at = {value: code for code, value in enumerate(values)}
    moved = [np.array([at[value] for value in text.values], dtype=np.int32)[text.codes] for text in texts]
    return Text(np.concatenate(moved), values)
