"""What every report says of the run itself: when, by which version, of which zones, and how whole it is."""

from collections.abc import Iterable
from dataclasses import dataclass

from audit.errors import DONE, FINDINGS, NOTHING, PARTIAL
from audit.gates import Tally
from audit.snapshot import Snapshot, gap_lines


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
    findings: Tally | None = None

    @property
    def state(self) -> str:
        """Return `complete`, `failed` when no zone could be read, else `partial`."""
        return overall(zone.state for zone in self.zones)

    @property
    def exit_code(self) -> int:
        """Return how a run ends that nobody has stopped: partial wins over findings that make it fail."""
        code = {"complete": DONE, "failed": NOTHING}.get(self.state, PARTIAL)
        return FINDINGS if code == DONE and self.findings and self.findings.failing else code

    @property
    def as_of(self) -> str:
        """Return the time of the oldest facts; empty when nothing was read."""
        return min((zone.as_of for zone in self.zones if zone.as_of), default="")


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
