"""Columns that several tables of the page share, and small operations on columns."""

from collections.abc import Collection
from typing import Final

import numpy as np

from audit.tables.arrays import Mask
from audit.tables.model import Numbers, Table, Text
from audit.tables.schemas import UNKNOWN

Columns = dict[str, Text | Numbers]

ACTIONS: Final = ("pull", "push", "create")
OPEN_STATES: Final = ("new", "open")  # of a finding that is neither accepted nor gone
PLACE: Final = ("zone", "namespace")
WHO: Final = ("subject_kind", "subject")
ROW: Final = (*PLACE, "repository", *WHO)  # identifies a row of access


def with_columns(table: Table, columns: Columns) -> Table:
    """Return the table with more columns, or other ones of the same name."""
    return Table(table.name, {**table.columns, **columns})


def without_columns(table: Table, names: Collection[str]) -> Table:
    """Return the table without some of its columns."""
    return Table(table.name, {name: values for name, values in table.columns.items() if name not in names})


def only_columns(table: Table, *names: str) -> Table:
    """Return the table with a few of its columns: taking rows of a large table costs time for each column."""
    return Table(table.name, {name: table.columns[name] for name in names})


def descending(table: Table, *names: str) -> Table:
    """Return the rows sorted by these columns, the greatest first; equal rows keep their order."""
    columns = [values.codes if isinstance(values, Text) else values for values in map(table.columns.get, names)]
    return table.take(np.lexsort([-values for values in reversed(columns) if values is not None]))


def unclear(access: Table) -> Mask:
    """Return which rows of access have an unknown answer."""
    mask: Mask = np.any([access.numbers(action) == UNKNOWN for action in ACTIONS], axis=0)
    return mask
