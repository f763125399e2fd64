"""One zone at one time: its facts, and who can do what."""

from collections.abc import Collection
from typing import NamedTuple, Self

from audit.access.tables import tables_of
from audit.snapshot.model import Snapshot
from audit.tables.model import Table


class State(NamedTuple):
    """A zone at one time. The tables are of `namespaces` and what is cluster-wide (None: of all)."""

    snapshot: Snapshot
    access: Table
    grants: Table

    @classmethod
    def of(cls, snapshot: Snapshot, namespaces: Collection[str] | None = None) -> Self:
        """Return the state that a snapshot holds."""
        tables = tables_of(snapshot, namespaces)
        return cls(snapshot, tables["access"], tables["grants"])

    @property
    def zone(self) -> str:
        """Return the id of the zone."""
        return self.snapshot.origin.zone
