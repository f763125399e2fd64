"""What every report says of the run itself: when, by which version, of which zones, and how whole it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from audit.snapshot import Snapshot, gap_lines

FRESH: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ZoneInfo:
    """One zone of a run. `state` is complete, partial or failed; `gaps` are texts for people, one line each."""

    id: str
    state: str
    source: str
    place: str
    registry: str
    server_version: str
    user: str
    as_of: str
    gaps: tuple[str, ...]
    namespaces: int  # listed by the zone
    excluded: int  # of these, not reported on


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run. Times are RFC 3339 in UTC; `config_digest` is a SHA-256 (hex), empty without a configuration."""

    run_id: str
    version: str
    started: str
    finished: str
    config_digest: str
    zones: tuple[ZoneInfo, ...]
    evidence_digest: str = ""  # SHA-256 (hex) over the snapshots' names and digests, in their order

    @property
    def state(self) -> str:
        """Return `complete`, `failed` when no zone could be read, else `partial`."""
        return overall(zone.state for zone in self.zones)

    @property
    def stale(self) -> tuple[str, ...]:
        """Return the zones whose facts were older than a day when the run began: what is said may be so no more."""
        return tuple(zone.id for zone in self.zones if _older(zone.as_of, self.started))

    @property
    def as_of(self) -> str:
        """Return the time of the oldest facts; empty when nothing was read."""
        return min((zone.as_of for zone in self.zones if zone.as_of), default="")


def _older(as_of: str, started: str) -> bool:
    try:
        return datetime.fromisoformat(started) - datetime.fromisoformat(as_of) > FRESH
    except (ValueError, TypeError):
        # A time that is not known is told as such; it is not called old.
        return False


def overall(states: Iterable[str]) -> str:
    """Return the state of several zones together."""
    found = set(states)
    return found.pop() if len(found) == 1 else "partial"


def zone_info(snapshot: Snapshot, excluded: int = 0) -> ZoneInfo:
    """Return what reports say of a zone."""
    origin = snapshot.origin
    return ZoneInfo(
        id=origin.zone,
        state=snapshot.state,
        source=origin.source,
        place=origin.place,
        registry=origin.registry,
        server_version=origin.server_version,
        user=origin.user,
        as_of=origin.finished,
        gaps=gap_lines(snapshot.gaps),
        namespaces=len(snapshot.tables["namespaces"]["name"]),
        excluded=excluded,
    )
