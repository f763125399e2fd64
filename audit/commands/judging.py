"""A run's findings: every zone judged as it comes, with what earlier runs knew of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from audit.checks.context import Context
from audit.checks.settings import Settings
from audit.commands import terminal
from audit.exceptions import Accepted, accept, exceptions_table, remarks
from audit.findings import FILE, Found, decode_findings, findings_table, judge, since
from audit.gates import Gate, Tally, tally
from audit.runs import Runs
from audit.scope import Scope
from audit.snapshot import Snapshot
from audit.tables import Table


@dataclass(frozen=True, slots=True)
class Judgement:
    """By what a run is judged: settings of checks, what has been accepted, and when it fails."""

    settings: Settings = field(default_factory=Settings)
    decisions: Sequence[Accepted] = ()
    gate: Gate = field(default_factory=Gate)


class Judging:
    """Judges the zones of one run, the one that began at `started` and is called `run_id`."""

    def __init__(self, by: Judgement, runs: Runs, run_id: str, started: datetime) -> None:
        """Take by what to judge, and the runs before this one."""
        self._by = by
        self._runs = runs
        self._run_id = run_id
        self._started = started
        self._zones: list[str] = []
        self.found: list[Found] = []

    def zone(self, snapshot: Snapshot, scope: Scope, tables: Mapping[str, Table]) -> None:
        """Judge a zone by its other tables."""
        # What is old or unused is so by the time of the facts: the same facts give the same findings.
        now = _time(snapshot.origin.finished) or self._started
        context = Context(snapshot, tables, now, self._by.settings, scope)
        found = judge(context, self._by.settings, f"{now:%Y-%m-%dT%H:%M:%SZ}")
        self.found += since(found, self._before(snapshot.origin.zone), context, self._by.settings)
        self._zones.append(snapshot.origin.zone)

    def tables(self) -> dict[str, list[Table]]:
        """Return the tables `findings` (one a zone, in the order judged) and `exceptions`, and tell what ends."""
        self.found, uses = accept(self.found, self._by.decisions, self._started.date())
        for line in remarks(uses):
            terminal.note(line)
        of_zone: dict[str, list[Found]] = {zone: [] for zone in self._zones}
        for one in self.found:
            of_zone[one.zone].append(one)
        return {
            "findings": [findings_table(found) for found in of_zone.values()],
            "exceptions": [exceptions_table(uses)],
        }

    @property
    def tally(self) -> Tally:
        """Return the counts of the run."""
        return tally(self.found, self._by.gate)

    def _before(self, zone: str) -> list[Found]:
        """Return what the last run that saw all of a zone found there; if there is none, the last run that has any."""
        earlier = self._runs.last_whole(FILE, before=self._run_id, zone=zone)
        data = earlier.data if earlier else self._last(zone)
        if data is None:
            return []
        try:
            return [one for one in decode_findings(data) if one.zone == zone]
        except (msgspec.MsgspecError, ValueError) as error:
            terminal.note(f"{zone}: the findings of an earlier run are not used: {error}")
            return []

    def _last(self, zone: str) -> bytes | None:
        for run in reversed(self._runs.listed(before=self._run_id)):
            if any(one.id == zone for one in run.run.zones):
                return self._runs.read(run, FILE)
        return None


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return None
