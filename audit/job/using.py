"""Use in a run: the logs of each zone are read into what is kept beside the runs, and joined with the tables."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pyarrow as pa

from audit import console
from audit.config.usage import UsageConfig
from audit.job.renamed_use import renamed
from audit.pseudonyms.pseudonyms import Pseudonyms
from audit.snapshot.model import Snapshot
from audit.snapshot.scope import Scope
from audit.storage.store import Store
from audit.tables.model import Table
from audit.usage.builds import build_totals
from audit.usage.files import read_files
from audit.usage.history import History
from audit.usage.places import local, places_of
from audit.usage.tables import usage_table, with_use
from audit.usage.zone_use import ZoneUse


class Using:
    """Reads and keeps the use of the zones of a run in `out`; with pseudonyms, apart from that with names."""

    def __init__(self, out: Store, settings: UsageConfig, names: Pseudonyms | None) -> None:
        self._out, self._settings, self._names = out, settings, names

    def zone(self, snapshot: Snapshot, *, only: bool) -> ZoneUse | None:
        """Return the use of a zone, None if nothing is known of it; `only`: the run is about no other zone.

        Builds tell of pushes without any log.

        Raises UsageError when the logs cannot be read.
        """
        zone = snapshot.origin.zone
        history = History(self._out, f"{zone} {self._names.fingerprint}" if self._names else zone)
        places = places_of(self._settings.logs, zone, only=only)
        damaged = 0
        if places:
            with local(places) as paths:
                read = read_files(paths)
            damaged = read.damaged.count
            late = history.add(renamed(read, self._names) if self._names else read)
            if damaged:
                # Their text may hold anything: `registry-audit usage` shows it.
                console.note(f"{zone}: {damaged} lines of the logs could not be read")
            if late:
                console.note(f"{zone}: {late} requests are from days that were already aggregated")
            history.close(datetime.now(UTC).date(), keep_sums_days=self._settings.keep_days)
        built = build_totals(snapshot)
        totals, windows = pa.concat_tables([history.totals(), built]), history.coverage()
        if not places and not windows and not built.num_rows:
            return None
        as_of = datetime.fromisoformat(snapshot.origin.finished) if snapshot.origin.finished else datetime.now(UTC)
        return ZoneUse(totals, windows, self._settings, as_of, damaged)


def use_tables(use: ZoneUse, snapshot: Snapshot, scope: Scope, tables: Mapping[str, Table]) -> dict[str, Table]:
    """Return the tables that use adds to, or is."""
    table = usage_table(use, snapshot.origin.zone, scope.namespaces)
    return {**with_use(tables, use, snapshot), "usage": table}
