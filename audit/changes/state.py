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

    def unseen(self, kind: str, namespace: str) -> bool:
        """Say whether objects of `kind` in a namespace could not all be seen."""
        gaps = {gap.namespace for gap in self.snapshot.gaps_of(kind)}
        return bool(gaps & {"", namespace}) or ("*" in gaps and not self.lists(namespace))

    def lists(self, namespace: str) -> bool:
        """Say whether the zone's list has a namespace."""
        code = self.snapshot.code(namespace)
        return code > 0 and bool((self.snapshot.tables["namespaces"]["name"] == code).any())
