"""The evidence of a period, from its runs and from campaigns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import msgspec

from audit.campaigns.folder import CampaignFolder
from audit.changes.state import State
from audit.findings.model import FILE, decode_findings, found_of
from audit.findings.privileged import privileged_table
from audit.period.access import AccessSpan, AccessSpans
from audit.period.days import DayGap, Period, day_gaps, longest_interval, rfc3339, time_of
from audit.period.findings import FindingSpan, FindingSpans
from audit.runs.runs import EarlierRun, Runs
from audit.tenancy.organizations import organizations_of
from audit.tenancy.platform import Platform

_READ: Final = ("complete", "partial")
_ROSTER: Final = ("zone", "namespace", "subject_kind", "subject", "organization", "rights", "group", "binding", "role")
Row = dict[str, str]


@dataclass(slots=True)
class PeriodEvidence:
    """What the runs of a period show. `unread` are runs and zones whose snapshot could not be used."""

    period: Period
    zones: list[str]
    runs: list[str]
    gaps: list[DayGap] = field(default_factory=list)
    intervals: dict[str, timedelta] = field(default_factory=dict)  # the longest between two reads, by zone
    access: list[AccessSpan] = field(default_factory=list)
    findings: list[FindingSpan] = field(default_factory=list)
    decisions: list[Row] = field(default_factory=list)
    privileged: list[Row] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Return whether every zone was read completely on every day."""
        return bool(self.runs) and not self.gaps and not self.unread


class PeriodReader:
    """Reads the evidence of a period from runs, with no more than two states of a zone in memory."""

    def __init__(self, runs: Runs, period: Period, organization_label: str, platform: Platform) -> None:
        self._runs = runs
        self._period = period
        self._label = organization_label
        self._platform = platform
        listed = runs.listed()
        self._within = [run for run in listed if period.has(time_of(run))]
        self._before = [run for run in listed if time_of(run).date() < period.first]

    def read(self, only: Sequence[str], campaigns: Sequence[CampaignFolder]) -> PeriodEvidence:
        """Return the evidence of these zones; without any, of all that a run of the period, or the last before, has."""
        last = self._before[-1:]
        zones = list(only) or sorted({zone.id for run in (*last, *self._within) for zone in run.run.zones})
        made = PeriodEvidence(self._period, zones, [run.id for run in self._within])
        for zone in zones:
            made.gaps += day_gaps(zone, self._within, self._period)
            self._zone(zone, made)
        made.findings = self._findings(set(zones), made)
        made.decisions = [row for campaign in campaigns for row in _decisions(campaign, self._period, set(zones))]
        return made

    def _zone(self, zone: str, made: PeriodEvidence) -> None:
        # A zone that is never read completely, such as a tenant's, is compared as far as it is seen.
        ever = any(run.whole(zone) for run in (*self._before, *self._within))
        spans, moments = AccessSpans(self._label), []
        rosters: list[set[tuple[str, ...]]] = []
        for run in (*self._starting(zone, whole=ever), *self._within):
            state = self._state(run, zone, made)
            if state is None:
                continue
            within, whole = self._period.has(time_of(run)), run.whole(zone) or not ever
            if not spans.add(state, rfc3339(time_of(run)), whole=whole, within=within):
                made.unread.append(f"{run.id}/{zone}: names are replaced by another key")
                continue
            moments += [time_of(run)] if within else []
            # Only of the first and the last complete state: the period's beginning and end.
            if whole:
                rosters = [*rosters[:1], self._roster(state)]
        made.access += spans.spans
        made.intervals[zone] = longest_interval(moments)
        if rosters:
            made.privileged += _compared(rosters[0], rosters[-1])

    def _starting(self, zone: str, *, whole: bool) -> list[EarlierRun]:
        """Return the last run before the period that says how access stood when it began."""
        fit = [run for run in self._before if run.whole(zone)] if whole else self._before
        return [run for run in fit if any(info.id == zone and info.state in _READ for info in run.run.zones)][-1:]

    def _state(self, run: EarlierRun, zone: str, made: PeriodEvidence) -> State | None:
        seen = next((info.state for info in run.run.zones if info.id == zone), None)
        if seen not in _READ:
            return None
        snapshot = self._runs.snapshot(run, zone)
        if snapshot is None:
            made.unread.append(f"{run.id}/{zone}: its snapshot is missing or cannot be used")
            return None
        return State.of(snapshot)

    def _roster(self, state: State) -> set[tuple[str, ...]]:
        organizations = organizations_of(state.snapshot, self._label)
        table = privileged_table(state.grants, organizations, self._platform.seen_in(state.snapshot))
        return {tuple(str(row[name]) for name in _ROSTER) for row in table.records()}

    def _findings(self, zones: set[str], made: PeriodEvidence) -> list[FindingSpan]:
        spans = FindingSpans()
        for run in self._within:
            data = self._runs.read(run, FILE)
            try:
                by_zone = decode_findings(data) if data is not None else None
            except (msgspec.MsgspecError, ValueError):
                by_zone = None
            if by_zone is None:
                made.unread.append(f"{run.id}: its findings are missing or cannot be used")
                continue
            for zone in zones & by_zone.keys():
                spans.add(found_of(by_zone[zone]), rfc3339(time_of(run)))
        return spans.spans


def _compared(before: set[tuple[str, ...]], after: set[tuple[str, ...]]) -> Iterator[Row]:
    """Yield the privileged roster with what became of each line in the period."""
    for line in sorted(before | after):
        became = "stayed" if line in before and line in after else "left" if line in before else "joined"
        yield {"in_period": became, **dict(zip(_ROSTER, line, strict=True))}


def _decisions(folder: CampaignFolder, period: Period, zones: set[str]) -> Iterator[Row]:
    """Yield the decisions that were made in the period, in the order in which they were taken."""
    lines = {entry.line.id: entry.line for entry in folder.campaign.lines}
    for record in folder.records:
        for decision in record.decisions:
            line = lines.get(decision.id)
            if line is None or line.zone not in zones or not period.first <= decision.on <= period.last:
                continue
            yield {
                "on": decision.on.isoformat(),
                "by": decision.by,
                "decision": decision.decision,
                "zone": line.zone,
                "namespace": line.namespace,
                "subject_kind": line.subject_kind,
                "subject": line.subject,
                "rights": line.rights,
                "binding": line.binding,
                "until": decision.until.isoformat() if decision.until else "",
                "why": decision.why,
                "ticket": decision.ticket,
                "independent": decision.independent,
                "taken": record.applied,
                "campaign": folder.sha256[:12],
            }
