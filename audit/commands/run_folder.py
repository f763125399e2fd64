"""A run: its folder, into which snapshots go as they come, then the reports, and the manifest last."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from audit.commands import terminal
from audit.commands.comparing import Basis, Comparing
from audit.commands.judging import Judgement, Judging
from audit.errors import Stopped, UsageError
from audit.findings import FILE as FINDINGS
from audit.findings import encode_findings
from audit.organizations import drift
from audit.results import facts_of
from audit.runs import MANIFEST, SNAPSHOTS, Runs
from audit.scope import Scope, Selects, scope_of
from audit.snapshot import SUFFIX, Snapshot, encode
from audit.stale import filled
from audit.store import LATEST, Store
from audit.tables import SCHEMAS, Table
from audit.verified import Verified
from audit.version import version
from reports.audience import Audience, Kind, audiences
from reports.evidence import Hashing, Written, evidence_digest, manifest
from reports.formats import Report, files
from reports.markdown import CHANGES, changes_summary
from reports.run import Past, RunInfo, zone_info

_TREND: Final = 11  # earlier runs whose findings the page shows beside its own


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to make of snapshots: which formats, of which namespaces, under which configuration (its digest).

    `every_zone`: they are of all zones that the configuration has. `reports_by`, `reports_for`: who gets a report of
    their own beside it.
    """

    formats: Sequence[str] = ()
    selects: Selects | None = None
    config_digest: str = ""
    judgement: Judgement = field(default_factory=Judgement)
    stale_days: float = 0  # how old what stands in for a zone that cannot be read may be; 0: nothing does
    every_zone: bool = False
    reports_by: Sequence[Kind] = ()
    reports_for: Sequence[Audience] = ()


class Run:
    """One run and its folder: snapshots go in as they come, then the reports, and the manifest last."""

    def __init__(self, out: Store, wanted: Wanted, stop: threading.Event) -> None:
        """Create the run's own folder in `out`. Raises UsageError when it cannot."""
        self.started = datetime.now(UTC)
        self.id = _own_folder(out, self.started)
        self.store = out.inside(self.id)
        self._out = out
        self._wanted = wanted
        self._stop = stop
        self.snapshots: list[Snapshot] = []
        self.verified: dict[str, Verified] = {}  # by zone; of those whose tables were compared with the zone
        self._written: list[Written] = []
        self._earlier, label = Runs(out, terminal.note), wanted.judgement.settings.organization_label
        self._judging = Judging(wanted.judgement, self._earlier, self.id, self.started)
        self._comparing = Comparing(self._earlier, self.id, Basis(wanted.selects, label))

    def keep(self, snapshot: Snapshot) -> None:
        """Save the snapshot of a zone, or what stands in for it, and take it into the reports."""
        if self._wanted.stale_days and snapshot.state == "failed" and not self._stop.is_set():
            last = self._earlier.last_seen(snapshot.origin.zone, before=self.id)
            snapshot = filled(snapshot, last, self._wanted.stale_days) if last else snapshot
        self._write(f"{SNAPSHOTS}/{snapshot.origin.zone}{SUFFIX}", [encode(snapshot)])
        self.snapshots.append(snapshot)

    def finish(self) -> RunInfo:
        """Write the reports and the manifest. Raises Stopped when asked to stop, with what is whole in the manifest."""
        self.snapshots.sort(key=lambda snapshot: snapshot.origin.zone)
        scopes = [scope_of(snapshot, self._wanted.selects) for snapshot in self.snapshots]
        try:
            self._reports(scopes)
        except Stopped:
            self._manifest(scopes, stopped=True)
            raise
        run = self._manifest(scopes)
        if run.state == "complete":
            self._point()
        return run

    def _reports(self, scopes: Sequence[Scope]) -> None:
        tables: dict[str, list[Table]] = {name: [] for name in SCHEMAS}
        for snapshot, scope in zip(self.snapshots, scopes, strict=True):
            self._go_on()
            made = facts_of(snapshot, scope, organization_label=self._wanted.judgement.settings.organization_label)
            self._judging.zone(snapshot, scope, made)
            if differing := drift(made["organizations"]):
                what = f"{differing} people or groups are not as the control API has them"
                terminal.note(f"{snapshot.origin.zone}: {what} (table organizations)")
            for name, table in made.items():
                tables[name].append(table)
            self._comparing.zone(snapshot, made)
        zones = [snapshot.origin.zone for snapshot in self.snapshots]
        changes = self._comparing.table(zones, every_zone=self._wanted.every_zone)
        tables |= {"changes": [changes]} | self._judging.tables()
        self._write(FINDINGS, [encode_findings(self._judging.found)], len(self._judging.found))
        run = self._info(scopes)
        if run.compared_with:
            self._write(CHANGES, [changes_summary(changes, run.compared_with).encode()])
        readers = audiences(tables, run, self._wanted.reports_by, self._wanted.reports_for)
        for file in files(Report(run, tables, self._past()), self._wanted.formats, readers):
            self._go_on()
            self._write(file.name, file.chunks, file.rows)
            if file.note:
                terminal.note(file.note)
        self._go_on()

    def _past(self) -> list[Past]:
        earlier = self._earlier.recent(_TREND, before=self.id)
        return [Past(one.run.started, one.state, one.run.findings.by_severity) for one in earlier if one.run.findings]

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise Stopped(
                "stopped before all was written", where=self.store.where, fix="what is whole is in its manifest"
            )

    def _info(self, scopes: Sequence[Scope]) -> RunInfo:
        zones, compared = zip(self.snapshots, scopes, strict=True), self._comparing.with_run
        return RunInfo(
            run_id=self.id,
            version=version(),
            started=_rfc3339(self.started),
            finished=_rfc3339(datetime.now(UTC)),
            config_digest=self._wanted.config_digest,
            zones=tuple(
                zone_info(
                    snapshot,
                    scope.excluded,
                    self.verified.get(snapshot.origin.zone),
                    compared.get(snapshot.origin.zone, ""),
                )
                for snapshot, scope in zones
            ),
            findings=self._judging.tally,
            every_zone=self._wanted.every_zone,
            compared_with=", ".join(sorted({*compared.values()})),
            evidence_digest=evidence_digest(file for file in self._written if file.name.endswith(SUFFIX)),
        )

    def _manifest(self, scopes: Sequence[Scope], *, stopped: bool = False) -> RunInfo:
        run = self._info(scopes)
        self.store.write(MANIFEST, [manifest(run, self._written, stopped=stopped)])
        return run

    def _write(self, name: str, chunks: Iterable[bytes], rows: int = -1) -> None:
        hashing = Hashing(chunks)
        size = self.store.write(name, hashing)
        self._written.append(Written(name, size, hashing.digest, rows))

    def _point(self) -> None:
        try:
            self._out.point(LATEST, self.id)
        except UsageError as error:
            # Some volumes have no links; the run itself is whole.
            terminal.note(f"note: {error}")


def _own_folder(out: Store, now: datetime) -> str:
    for attempt in range(1, 100):
        name = f"{now:%Y%m%dT%H%M%SZ}" + (f"-{attempt}" if attempt > 1 else "")
        if out.claim(name):
            return name
    raise UsageError("too many runs began in this second", where=out.where, fix="run it again")


def _rfc3339(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"
