"""The snapshots of a run: the first few stay in memory, the others are read again from the run when needed."""

from collections.abc import Sequence
from typing import Final, overload

from audit.runs.runs import SNAPSHOTS
from audit.snapshot.model import SUFFIX, Snapshot, decode
from audit.storage.store import Store

_MAX_IN_MEMORY: Final = 8  # those of most runs


class KeptSnapshots(Sequence[Snapshot]):
    """Snapshots that a run has written, by zone."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_memory: dict[str, Snapshot] = {}
        self._zones: list[str] = []

    def add(self, snapshot: Snapshot, *, saved: bool = True) -> None:
        """Take in a snapshot; one that could not be `saved` has to stay in memory."""
        zone = snapshot.origin.zone
        self._zones = sorted([*self._zones, zone])
        if len(self._in_memory) < _MAX_IN_MEMORY or not saved:
            self._in_memory[zone] = snapshot

    def __len__(self) -> int:
        return len(self._zones)

    @overload
    def __getitem__(self, at: int) -> Snapshot: ...
    @overload
    def __getitem__(self, at: slice) -> list[Snapshot]: ...
    def __getitem__(self, at: int | slice) -> Snapshot | list[Snapshot]:
        """Return a snapshot; one that is not in memory is read each time."""
        if isinstance(at, slice):
            return [self[position] for position in range(*at.indices(len(self)))]
        zone = self._zones[at]
        return self._in_memory.get(zone) or self._read(zone_file(zone))

    def _read(self, name: str) -> Snapshot:
        return decode(self._store.read(name), f"{self._store.where}/{name}")


def zone_file(zone: str) -> str:
    """Return the name of a zone's snapshot in a run."""
    return f"{SNAPSHOTS}/{zone}{SUFFIX}"
