"""A run's findings: every zone judged as it comes, with what earlier runs knew of it."""

from datetime import UTC, datetime

import msgspec

from audit.checks.context import Context
from audit.checks.settings import Settings
from audit.commands import terminal
from audit.findings import FILE, Found, decode_findings, findings_table, judge, since
from audit.runs import Runs
from audit.scope import Scope
from audit.snapshot import Snapshot
from audit.tables import Table


class Judging:
    """Judges the zones of one run, the one that began at `started` and is called `run_id`."""

    def __init__(self, settings: Settings, runs: Runs, run_id: str, started: datetime) -> None:
        """Take what the configuration says, and the runs before this one."""
        self._settings = settings
        self._runs = runs
        self._run_id = run_id
        self._started = started
        self.found: list[Found] = []

    def zone(self, snapshot: Snapshot, scope: Scope, tables: dict[str, Table]) -> Table:
        """Return the table `findings` of a zone, from its other tables."""
        # What is old or unused is so by the time of the facts: the same facts give the same findings.
        now = _time(snapshot.origin.finished) or self._started
        context = Context(snapshot, tables, now, self._settings, scope)
        found = judge(context, self._settings, f"{now:%Y-%m-%dT%H:%M:%SZ}")
        found = since(found, self._before(snapshot.origin.zone), context, self._settings)
        self.found += found
        return findings_table(found)

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
