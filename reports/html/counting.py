"""Counting over columns: which rows are the same, how many different ones there are, and the first of each."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audit.tables.arrays import ranked
from audit.tables.model import Table, Text

Numbered = NDArray[np.int64]


def numbered(table: Table, names: Sequence[str]) -> Numbered:
    """Number the rows of a table by the values of these text columns: equal rows share one, from 0 on, in their order.

    Texts must be ranked, as `audit.tables.model.joined` leaves them.
    """
    return _dense([(table.text(name).codes, len(table.text(name).values)) for name in names], len(table))


def _dense(keys: Sequence[tuple[NDArray[np.int32], int]], rows: int) -> Numbered:
    key, size = np.zeros(rows, dtype=np.int64), 1
    for codes, count in keys:
        found, key = ranked(key * max(count, 1) + codes, size * max(count, 1))
        size = len(found)
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
    """Return for each number, in their order, the first of its rows that have the greatest strength."""
    rows = np.arange(len(of))
    best = np.zeros(int(of.max(initial=-1)) + 1, dtype=np.int64)
    np.maximum.at(best, of, strength * len(rows) + rows[::-1])
    return len(rows) - 1 - best % max(len(rows), 1)


class Distinct:
    """Counts with how many different values each number occurs; the pairs are found once, whatever is counted."""

    def __init__(self, of: Numbered, values: Numbered, size: int) -> None:
        """Take a number below `size` and a value for each row."""
        kinds = int(values.max(initial=0)) + 1
        pairs, self._pair = ranked(of * kinds + values, size * kinds)
        self._of, self._size = pairs // kinds, size

    def count(self, mask: NDArray[np.bool_] | slice = slice(None)) -> NDArray[np.int32]:
        """Return for each number how many different values it has in the rows of `mask`."""
        held = np.zeros(len(self._of), dtype=bool)
        held[self._pair[mask]] = True
        return np.bincount(self._of[held], minlength=self._size).astype(np.int32)


def count(of: Numbered, mask: NDArray[np.bool_], size: int) -> NDArray[np.int32]:
    """Return for each number below `size` how many rows of `mask` have it."""
    return np.bincount(of[mask], minlength=size).astype(np.int32)


def greatest(of: Numbered, values: NDArray[np.integer], size: int) -> Numbered:
    """Return for each number below `size` the greatest of its rows' values; 0 without rows."""
    most = np.zeros(size, dtype=np.int64)
    np.maximum.at(most, of, values)
    return most
