"""Tables of many zones: the first few stay in memory, the others in a private folder until they are needed."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from sys import intern
from tempfile import TemporaryDirectory
from typing import Final, overload

import msgspec
import numpy as np

from audit.tables.model import Numbers, Table, Text
from audit.tables.schemas import SCHEMAS

IN_MEMORY: Final = 8  # tables of one name: all those of most runs


class _Column(msgspec.Struct):
    data: bytes
    values: list[str] | None = None  # None: the data are numbers


class Spool(Sequence[Table]):
    """Tables of one name, one a zone. They are deleted with the spool."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._in_memory: dict[int, Table] = {}  # by position
        self._folder: TemporaryDirectory[str] | None = None
        self._count = 0

    def append(self, table: Table) -> None:
        """Add a table."""
        if self._count < IN_MEMORY or not self._written(table):
            self._in_memory[self._count] = table
        self._count += 1

    def _written(self, table: Table) -> bool:
        """Write a table to a file; return False if there is no room for it."""
        try:
            # Only the owner can read a temporary directory.
            self._folder = self._folder or TemporaryDirectory(prefix="registry-audit-")
            self._file(self._count).write_bytes(_encoded(table))
        except OSError:
            if self._folder is not None:
                with suppress(OSError):
                    self._file(self._count).unlink(missing_ok=True)
            return False
        return True

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> Table: ...
    @overload
    def __getitem__(self, at: slice) -> list[Table]: ...
    def __getitem__(self, at: int | slice) -> Table | list[Table]:
        """Return a table; one that is not in memory is read each time."""
        if isinstance(at, slice):
            return [self[position] for position in range(*at.indices(self._count))]
        at = range(self._count)[at]
        return self._in_memory[at] if at in self._in_memory else _decoded(self._name, self._file(at).read_bytes())

    def __iter__(self) -> Iterator[Table]:
        """Yield each table; no more than one that is read is in memory at a time."""
        return (self[at] for at in range(self._count))

    def _file(self, at: int) -> Path:
        assert self._folder is not None  # noqa: S101  made before anything is written
        return Path(self._folder.name) / f"{at}.table"


def _encoded(table: Table) -> bytes:
    columns = {}
    for name, column in table.columns.items():
        if isinstance(column, Text):
            compact = column.compact()
            columns[name] = _Column(compact.codes.tobytes(), list(compact.values))
        else:
            columns[name] = _Column(column.tobytes())
    return msgspec.msgpack.encode(columns)


_COLUMNS: Final = msgspec.msgpack.Decoder(dict[str, _Column])


def _decoded(name: str, data: bytes) -> Table:
    kept = _COLUMNS.decode(data)
    columns: dict[str, Text | Numbers] = {}
    # Columns and zones share names: one string object for each is enough.
    for column in SCHEMAS[name]:
        saved = kept[column.name]
        numbers = np.frombuffer(saved.data, dtype=np.int32)
        columns[column.name] = numbers if saved.values is None else Text(numbers, [*map(intern, saved.values)])
    return Table(name, columns)
