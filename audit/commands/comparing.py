"""A run's changes: every zone compared with the last state that lacked nothing, of an earlier run of the same place."""

from collections.abc import Collection, Mapping, Sequence

from audit.changes import Compared, changes_of, zone_moved
from audit.compare.state import State
from audit.compare.zone import APPEARED, GONE
from audit.runs import Manifest, Runs
from audit.scope import Scope, Selects, scope_of
from audit.snapshot import Snapshot
from audit.tables import Table, joined, table_of


class Comparing:
    """Compares the zones of one run, the one called `run_id`, with those before; `with_run` fills as it does."""

    def __init__(self, runs: Runs, run_id: str, selects: Selects | None, organization_label: str) -> None:
        """Take the runs before this one, and which namespaces are reported on."""
        self._runs = runs
        self._run_id = run_id
        self._selects = selects
        self._label = organization_label
        self._tables: list[Table] = []
        self.with_run: dict[str, str] = {}  # zone -> id of the run that it was compared with

    def zone(self, snapshot: Snapshot, scope: Scope, tables: Mapping[str, Table]) -> None:
        """Compare a zone, whose tables of this run are given."""
        zone = snapshot.origin.zone
        earlier = self._runs.last_state(zone, before=self._run_id)
        if earlier is None:
            return
        self.with_run[zone] = earlier.run.id
        namespaces = scopes(earlier.snapshot, scope, self._selects)
        if namespaces is None:
            now = State(snapshot, tables["access"], tables["grants"])
        else:
            now = State.of(snapshot, namespaces)
        before = State.of(earlier.snapshot, namespaces)
        self._tables.append(changes_of(before, now, Compared(namespaces, self._label, earlier.run.id)))

    def table(self, zones: Sequence[str], *, every_zone: bool) -> Table:
        """Return all changes; `every_zone`: these zones are all that there are, so that others are gone."""
        last = self._last_of_every_zone()
        if last is not None:
            before, now = {zone.id for zone in last.run.zones}, {*zones}
            self._tables += [zone_moved(zone, APPEARED, last.id) for zone in sorted(now - before)]
            self._tables += [zone_moved(zone, GONE, last.id) for zone in sorted(before - now) if every_zone]
        return joined([*self._tables, table_of("changes", [])])

    def _last_of_every_zone(self) -> Manifest | None:
        listed = reversed(self._runs.listed(before=self._run_id))
        return next((run for run in listed if run.whole() and run.run.every_zone), None)


def scopes(before: Snapshot, scope: Scope, selects: Selects | None) -> Collection[str] | None:
    """Return the namespaces to compare: those that are reported on now, or would have been before (None: all)."""
    if scope.namespaces is None:
        return None
    return {*scope.namespaces, *(scope_of(before, selects).namespaces or ())}
