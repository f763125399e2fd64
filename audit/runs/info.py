"""What every report says of the run itself: when, by which version, of which zones, and how whole it is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from audit.exit_codes import of_run
from audit.findings.fail_on import Tally
from audit.runs.runs import COMPLETE
from audit.snapshot.model import STALE, Snapshot, gap_lines
from audit.snapshot.stale import staleness
from audit.verify.result import Agreement


@dataclass(frozen=True, slots=True)
class ZoneInfo:
    """One zone of a run. `state` is complete, partial, failed or stale; `gaps` are texts for people, one line each.

    `verified` is None when nobody asked to compare the tables with the zone's own answers.
    """

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
    verified: Agreement | None = None
    compared_with: str = ""  # the run whose state of this zone the changes begin from; empty when there is none
    began: str = ""  # when reading it began (RFC 3339); `as_of` is when it ended


class EarlierSummary(NamedTuple):
    """An earlier run: when it began, how whole it was, and its certain findings that nobody accepted, by severity."""

    started: str
    state: str
    findings: Mapping[str, int]


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
    every_zone: bool = False  # these are all zones of the configuration
    compared_with: str = ""  # the earlier run that the changes begin from, several joined by `, `; empty for none
    evidence_digest: str = ""  # SHA-256 (hex) over the snapshots' names and digests, in their order

    @property
    def state(self) -> str:
        """Return `complete`, `failed` when no zone could be read, else `partial`."""
        return overall(zone.state for zone in self.zones)

    @property
    def exit_code(self) -> int:
        """Return how a run ends that nobody has stopped: partial wins over findings that make it fail."""
        return of_run(self.state, failing=bool(self.findings and self.findings.failing))

    @property
    def as_of(self) -> str:
        """Return the time of the oldest facts; empty when nothing was read."""
        return min((zone.as_of for zone in self.zones if zone.as_of), default="")


def overall(states: Iterable[str]) -> str:
    """Return the state of several zones together."""
    # What is old is not what was to be seen.
    found = {"partial" if state == STALE else state for state in states}
    return found.pop() if len(found) == 1 else "partial"


def zone_info(snapshot: Snapshot, excluded: int = 0) -> ZoneInfo:
    """Return what reports say of a zone."""
    origin = snapshot.origin
    stale = (f"anything newer: {staleness(origin)}",) if snapshot.state == STALE else ()
    return ZoneInfo(
        id=origin.zone,
        state=snapshot.state,
        source=origin.source,
        place=origin.place,
        registry=origin.registry,
        server_version=origin.server_version,
        user=origin.user,
        as_of=origin.finished,
        gaps=(*stale, *gap_lines(snapshot.gaps)),
        namespaces=len(snapshot.tables["namespaces"]["name"]),
        excluded=excluded,
        began=origin.started,
    )


def checked(zone: ZoneInfo, verified: Agreement) -> ZoneInfo:
    """Return what is said of a zone when it was asked itself: one that answers otherwise is partial, however whole."""
    remarks = tuple(verified.remarks())
    state = "partial" if remarks and zone.state == COMPLETE else zone.state
    return replace(zone, state=state, gaps=(*zone.gaps, *remarks), verified=verified)
