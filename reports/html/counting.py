"""Counting over columns: which rows are equal, how many distinct ones there are, and the first of each."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audit.tables.arrays import ranked
from audit.tables.model import Table, Text

Numbered = NDArray[np.int64]


def numbered(table: Table, names: Sequence[str]) -> Numbered:
    """Number the rows of a table by the values of these text columns: equal rows share a number, from 0 on.

    Texts must be ranked, as `audit.tables.model.joined` leaves them.
    """
    return _dense([(table.text(name).codes, len(table.text(name).values)) for name in names], len(table))


def _dense(keys: Sequence[tuple[NDArray[np.int32], int]], rows: int) -> Numbered:
    key, size = np.zeros(rows, dtype=np.int64), 1
    for codes, count in keys:
        distinct, key = ranked(key * max(count, 1) + codes, size * max(count, 1))
        size = len(distinct)
    return key


def matched(table: Table, other: Table, names: Sequence[str]) -> Numbered:
    """Return for each row of `table` the last row of `other` with the same texts in these columns, or -1."""
    keys = []
    for name in names:
        ours, theirs = table.text(name), other.text(name)
        at = {text: code for code, text in enumerate(ours.values)}
        moved = np.array([at.get(text, len(at)) for text in theirs.values], dtype=np.int32)
        codes = moved[theirs.codes] if len(theirs.codes) else theirs.codes
        keys.append((np.concatenate([ours.codes, codes]), len(at) + 1))
    dense = _dense(keys, len(table) + len(other))
    where = np.full(int(dense.max(initial=-1)) + 1, -1, dtype=np.int64)
    where[dense[len(table) :]] = np.arange(len(other))
    return where[dense[: len(table)]]


def looked_up(column: Text, rows: Numbered) -> Text:
    """Return the texts of a column at these rows, empty where the row is -1."""
    values = [*column.values, ""]
    codes = np.append(column.codes, np.int32(len(column.values)))
    return Text(codes[rows], values)


def first(of: Numbered, strength: Numbered | int = 0) -> NDArray[np.intp]:
    """Return for each number, in order, its strongest row; the first of equally strong ones."""
    rows = np.arange(len(of))
    best = np.zeros(int(of.max(initial=-1)) + 1, dtype=np.int64)
    np.maximum.at(best, of, strength * len(rows) + rows[::-1])
    return len(rows) - 1 - best % max(len(rows), 1)


class Distinct:
    """Counts with how many distinct values each number occurs; the pairs are computed once for several counts."""

    def __init__(self, of: Numbered, values: Numbered, size: int) -> None:
        kinds = int(values.max(initial=0)) + 1
        pairs, self._pair = ranked(of * kinds + values, size * kinds)
        self._of, self._size = pairs // kinds, size

    def count(self, mask: NDArray[np.bool_] | slice = slice(None)) -> NDArray[np.int32]:
        """Return for each number how many distinct values it has in the rows of `mask`."""
        present = np.zeros(len(self._of), dtype=bool)
        present[self._pair[mask]] = True
        return np.bincount(self._of[present], minlength=self._size).astype(np.int32)


def count(of: Numbered, mask: NDArray[np.bool_], size: int) -> NDArray[np.int32]:
    """Return for each number below `size` how many rows of `mask` have it."""
    return np.bincount(of[mask], minlength=size).astype(np.int32)


def greatest(of: Numbered, values: NDArray[np.integer], size: int) -> Numbered:
    """Return for each number below `size` the greatest value of its rows; 0 without rows."""
    most = np.zeros(size, dtype=np.int64)
    np.maximum.at(most, of, values)
    return most
