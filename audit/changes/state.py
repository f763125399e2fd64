"""The state of one zone at one time: its snapshot, and the tables of grants and access."""

from collections.abc import Collection
from typing import NamedTuple, Self

from audit.access.tables import tables_of
from audit.snapshot.model import Snapshot
from audit.tables.model import Table


class State(NamedTuple):
    """The state of a zone at one time."""

    snapshot: Snapshot
    access: Table
    grants: Table

    @classmethod
    def of(cls, snapshot: Snapshot, namespaces: Collection[str] | None = None) -> Self:
        """Build the state from a snapshot; with `namespaces`, only for these and for cluster-wide grants."""
        tables = tables_of(snapshot, namespaces)
        return cls(snapshot, tables["access"], tables["grants"])

    @property
    def zone(self) -> str:
        """Return the id of the zone."""
        return self.snapshot.origin.zone
