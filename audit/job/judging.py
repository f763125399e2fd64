"""The findings of a run: every zone judged in turn, with the findings of earlier runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from audit import console
from audit.checks.context import CheckContext
from audit.checks.settings import Settings
from audit.findings.cause_table import FirstCauses, causes_table, ranked, with_causes
from audit.findings.causes import causes_of
from audit.findings.closing import proposed
from audit.findings.exceptions import ExceptionMatcher, ExceptionSet, exceptions_table, remarks
from audit.findings.fail_on import Gate, tally
from audit.findings.model import FILE, FindingRecord, decode_findings, findings_table, found_of, judge, since
from audit.findings.remaining import Remaining
from audit.findings.worst import WorstFindings
from audit.runs.runs import EarlierRun, Runs
from audit.snapshot.model import Snapshot
from audit.snapshot.scope import Scope
from audit.tables.model import Table


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a run is judged: settings of checks, accepted findings, and when it fails."""

    settings: Settings = field(default_factory=Settings)
    decisions: ExceptionSet = field(default_factory=ExceptionSet)
    gate: Gate = field(default_factory=Gate)


class Judging:
    """Judges the zones of the run `run_id`, which began at `started`."""

    def __init__(self, by: Judgement, runs: Runs, run_id: str, started: datetime) -> None:
        self._by = by
        self._runs = runs
        self._run_id = run_id
        self._started = started
        self._deciding = ExceptionMatcher(by.decisions, started.date())
        self._earlier: dict[str, Mapping[str, list[msgspec.Raw]] | None] = {}  # by run, then by zone
        self.tally = tally((), by.gate)
        self.worst = WorstFindings()
        self.causes = FirstCauses()
        self.platform = by.settings.platform  # with what the release created in the zones judged so far

    def zone(
        self, snapshot: Snapshot, scope: Scope, tables: Mapping[str, Table]
    ) -> tuple[list[FindingRecord], dict[str, Table]]:
        """Return the findings of a zone from its other tables, and the tables `findings` and `causes`."""
        # Age is measured at the time of the facts: the same facts give the same findings.
        now = _time(snapshot.origin.finished) or self._started
        context = CheckContext(snapshot, tables, now, self._by.settings, scope)
        self.platform = self.platform.seen_in(snapshot)
        found = judge(context, self._by.settings, f"{now:%Y-%m-%dT%H:%M:%SZ}")
        found = since(found, self._before(snapshot.origin.zone), context, self._by.settings)
        found = self._deciding.accept(found)
        self.tally = self.tally.plus(tally(found, self._by.gate))
        self.worst.add(found)
        causes = causes_of(found)
        rows = ranked(causes)
        self.causes.add(rows)
        made = causes_table(
            rows, context.owner, Remaining(tables["grants"], causes), proposed(rows, context, self._by.settings)
        )
        return found, {"findings": with_causes(findings_table(found), causes), "causes": made}

    def exceptions(self) -> Table:
        """Return the table `exceptions` once all zones are judged, and note which exceptions expire."""
        self._earlier.clear()  # findings of a whole fleet, not needed any more
        uses = self._deciding.uses()
        for line in remarks(uses):
            console.note(line)
        return exceptions_table(uses)

    def _before(self, zone: str) -> list[FindingRecord]:
        """Return the findings of a zone in the last run that read it completely; else in the last run that has any."""
        for run in self._runs.of_zone(zone, before=self._run_id):
            found = self._of(run)
            if found is not None:
                return found_of(found.get(zone, ()))
        return []

    def _of(self, run: EarlierRun) -> Mapping[str, list[msgspec.Raw]] | None:
        """Return the findings of an earlier run by zone; None if they cannot be used. They are read once."""
        if run.id not in self._earlier:
            data = self._runs.read(run, FILE)
            try:
                self._earlier[run.id] = None if data is None else decode_findings(data)
            except (msgspec.MsgspecError, ValueError) as error:
                console.note(f"the findings of run {run.id} cannot be used: {error}")
                self._earlier[run.id] = None
        return self._earlier[run.id]


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None
