"""What every report says about the run itself: when, by which version, which zones, and how complete."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from audit.exit_codes import of_run
from audit.findings.fail_on import Tally
from audit.runs.runs import COMPLETE
from audit.snapshot.model import STALE, Snapshot, gap_lines
from audit.snapshot.stale import staleness
from audit.usage.use_coverage import UseCoverage
from audit.verify.result import Agreement


@dataclass(frozen=True, slots=True)
class ZoneInfo:
    """One zone of a run. `state` is complete, partial, failed or stale; `gaps` are messages of one line each.

    `verified` is None when the tables were not compared with the zone's own answers.
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
    excluded: int  # of these, left out of the report
    verified: Agreement | None = None
    compared_with: str = ""  # the run with the earlier state of this zone; empty: none
    began: str = ""  # when reading it began (RFC 3339); `as_of` is when it ended
    use: UseCoverage | None = None  # None: no logs were read


class EarlierSummary(NamedTuple):
    """An earlier run: when it began, its state, and its certain findings that were not accepted, by severity."""

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
    every_zone: bool = False  # all zones of the configuration were requested
    compared_with: str = ""  # the earlier run or runs, joined by `, `; empty: none
    evidence_digest: str = ""  # SHA-256 (hex) over the names and digests of the snapshots, by name

    @property
    def state(self) -> str:
        """Return `complete`, `failed` when no zone could be read, else `partial`."""
        return overall_state(zone.state for zone in self.zones)

    @property
    def exit_code(self) -> int:
        """Return the exit code of a run that was not stopped: partial wins over findings."""
        return of_run(self.state, failing=bool(self.findings and self.findings.failing))

    def ends(self, *, missing: bool = False, stopped: bool = False) -> tuple[str, int]:
        """Return state and exit code of a run that could not write everything (`missing`), or was `stopped`."""
        state = "partial" if missing and self.state == COMPLETE else self.state
        code = of_run(state, failing=bool(self.findings and self.findings.failing), stopped=stopped)
        return "stopped" if stopped else state, code

    @property
    def as_of(self) -> str:
        """Return when the oldest snapshot was read; empty when nothing was read."""
        return min((zone.as_of for zone in self.zones if zone.as_of), default="")


def overall_state(states: Iterable[str]) -> str:
    """Return the state of several zones together."""
    # A stale zone was not read by this run.
    found = {"partial" if state == STALE else state for state in states}
    return found.pop() if len(found) == 1 else "partial"


def zone_info(snapshot: Snapshot, excluded: int = 0) -> ZoneInfo:
    """Return what reports say about a zone."""
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


def with_verification(zone: ZoneInfo, verified: Agreement) -> ZoneInfo:
    """Return a zone with the result of verifying it: one whose own answers differ is partial."""
    remarks = tuple(verified.remarks())
    state = "partial" if remarks and zone.state == COMPLETE else zone.state
    return replace(zone, state=state, gaps=(*zone.gaps, *remarks), verified=verified)
