"""The changes of a run: every zone compared with its last complete state, or else with the last that was read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from audit.changes.build import ComparisonScope, changes_of, zone_moved, zone_unseen
from audit.changes.state import State
from audit.changes.zone import APPEARED, GONE
from audit.collect.zones import UNLISTED
from audit.job.load_config import load_config
from audit.runs.runs import EarlierRun, Runs
from audit.snapshot.model import Snapshot
from audit.snapshot.scope import Selects, scope_of
from audit.snapshot.stale import staleness
from audit.tables.model import Table, joined, table_of
from audit.tenancy.organizations import ORGANIZATION_LABEL


class ComparisonBasis(NamedTuple):
    """Which namespaces are compared (None: all), and which label names their organization."""

    selects: Selects | None = None
    organization_label: str = ORGANIZATION_LABEL

    @classmethod
    def of(cls, path: Path | None) -> Self:
        """Return the basis that the configuration at `path` sets."""
        if path is None:
            return cls()
        namespaces = load_config(path).namespaces
        return cls(None if namespaces.everything else namespaces.selects, namespaces.organization_label)

    def namespaces(self, before: Snapshot, after: Snapshot) -> set[str] | None:
        """Return the namespaces to compare: those that are reported on now, or would have been before (None: all)."""
        if self.selects is None:
            return None
        return {name for snapshot in (before, after) for name in scope_of(snapshot, self.selects).namespaces or ()}


class Comparing:
    """Compares the zones of the run `run_id` with earlier ones; `with_run` says with which."""

    def __init__(self, runs: Runs, run_id: str, basis: ComparisonBasis) -> None:
        self._runs = runs
        self._run_id = run_id
        self._basis = basis
        self._tables: list[Table] = []
        self.with_run: dict[str, str] = {}  # zone -> id of the run that it was compared with

    def zone(self, snapshot: Snapshot, tables: Mapping[str, Table]) -> None:
        """Compare a zone with its earlier state, by its tables of this run."""
        zone = snapshot.origin.zone
        earlier = self._runs.last_state(zone, before=self._run_id)
        if earlier is None:
            # An ordinary account is never complete: what both runs saw is compared, and the rest stays unknown.
            earlier = self._runs.last_seen(zone, before=self._run_id)
        if earlier is None or earlier.snapshot.origin.names != snapshot.origin.names:
            return  # pseudonyms of another key are other names: everything would have changed
        self.with_run[zone] = earlier.run.id
        if snapshot.origin.stale:
            # An older snapshot stands in for this zone: it holds nothing new.
            self._tables.append(zone_unseen(zone, staleness(snapshot.origin), earlier.run.id))
            return
        namespaces = self._basis.namespaces(earlier.snapshot, snapshot)
        if namespaces is None:
            now = State(snapshot, tables["access"], tables["grants"])
        else:
            now = State.of(snapshot, namespaces)
        before = State.of(earlier.snapshot, namespaces)
        scope = ComparisonScope(namespaces, self._basis.organization_label, earlier.run.id)
        self._tables.append(changes_of(before, now, scope))

    def table(self, zones: Sequence[str], *, every_zone: bool) -> Table:
        """Return all changes; with `every_zone`, these are all zones that exist, so that others are gone."""
        last = self._last_of_every_zone()
        if last is not None:
            # The entry for zones that could not be listed is not a zone.
            before, now = {zone.id for zone in last.run.zones}, {*zones} - {UNLISTED}
            self._tables += [zone_moved(zone, APPEARED, last.id) for zone in sorted(now - before)]
            self._tables += [zone_moved(zone, GONE, last.id) for zone in sorted(before - now) if every_zone]
        return joined([*self._tables, table_of("changes", [])])

    def _last_of_every_zone(self) -> EarlierRun | None:
        listed = reversed(self._runs.listed(before=self._run_id))
        return next((run for run in listed if run.whole() and run.run.every_zone), None)
