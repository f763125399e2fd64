"""A run: its folder, into which snapshots go as they come, then the reports, and the manifest last."""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from audit import console
from audit.access.build import facts_of
from audit.access.tables import expanded_access
from audit.config.model import CsvConfig
from audit.errors import Stopped, UsageError
from audit.exit_codes import STOPPED
from audit.findings.controls import controls_table
from audit.findings.model import FILE as FINDINGS
from audit.findings.model import encode_findings, findings_table
from audit.job.comparing import Basis, Comparing
from audit.job.judging import Judgement, Judging
from audit.job.kept_snapshots import Kept, zone_file
from audit.job.memory import give_back
from audit.job.sealing import Seal, Sealing
from audit.job.stages import Stages
from audit.parallel import run_parallel
from audit.pseudonyms.pseudonymizer import Pseudonymizer
from audit.runs.info import EarlierSummary, RunInfo, ZoneInfo, with_verification, zone_info
from audit.runs.manifest import HashingChunks, WrittenFile, evidence_digest
from audit.runs.news import News, NewsCounter
from audit.runs.outcome import RunOutcome
from audit.runs.runs import COMPLETE, Runs
from audit.snapshot.model import SUFFIX, Snapshot, encode
from audit.snapshot.scope import Scope, Selects, scope_of
from audit.snapshot.stale import filled
from audit.storage.store import LATEST, Store
from audit.tables.model import SCHEMAS, Table
from audit.tables.spool import Spool
from audit.tenancy.membership import drift
from audit.verify.result import Agreement
from audit.version import version
from reports.audience import Audience, Kind, audiences
from reports.formats import File, Report, files, files_for
from reports.markdown import CHANGES, changes_summary
from reports.metrics import FILE as METRICS
from reports.metrics import metrics

_TREND: Final = 11  # earlier runs whose findings the page shows beside its own
# Much of writing is waiting, hashing and packing, during which another format can be put together.
_FORMATS_AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What to make of snapshots: which formats, of which namespaces, under which configuration (its digest).

    `every_zone`: they are of all zones that the configuration has. `reports_by`, `reports_for`: who gets a report of
    their own beside it.
    """

    formats: Sequence[str] = ()
    selects: Selects | None = None
    config_digest: str = ""
    judgement: Judgement = field(default_factory=Judgement)
    seal: Seal = field(default_factory=Seal)
    stale_days: float = 0  # how old what stands in for a zone that cannot be read may be; 0: nothing does
    every_zone: bool = False
    expand: bool = False  # cluster-wide grants, to every namespace, in what programs get
    reports_by: Sequence[Kind] = ()
    reports_for: Sequence[Audience] = ()
    csv: CsvConfig = field(default_factory=CsvConfig)
    hiding: Pseudonymizer | None = None  # what replaces names

    @property
    def names(self) -> str:
        """Return by which key names are replaced; empty when they are not."""
        return self.hiding.by.fingerprint if self.hiding else ""


class Run:
    """One run and its folder: snapshots go in as they come, then the reports, and the manifest last."""

    def __init__(self, out: Store, wanted: RunPlan, stop: threading.Event) -> None:
        """Create the run's own folder in `out`. Raises UsageError when it cannot."""
        self.started = datetime.now(UTC)
        self.id = _own_folder(out, self.started)
        console.log_run(self.id)
        self.store = out.inside(self.id)
        self._out = out
        self._wanted = wanted
        self._stop = stop
        self.snapshots = Kept(self.store)
        self._zones: dict[str, tuple[ZoneInfo, Scope]] = {}
        self.verified: dict[str, Agreement] = {}  # by zone; of those whose tables were compared with the zone
        self._written: list[WrittenFile] = []
        label = wanted.judgement.settings.organization_label
        self._earlier = Runs(out, console.note, names=wanted.names)
        self._sealing = Sealing(wanted.seal, wanted.judgement.settings, wanted.selects, out)
        self._judging = Judging(wanted.judgement, self._earlier, self.id, self.started)
        self._comparing = Comparing(self._earlier, self.id, Basis(wanted.selects, label))
        self._counting, self._news = NewsCounter(), News()
        self._stages = Stages()
        self.ending: RunOutcome | None = None  # once it has ended

    def keep(self, snapshot: Snapshot) -> None:
        """Save the snapshot of a zone, or what stands in for it, and take it into the reports."""
        if self._wanted.hiding:
            snapshot = self._wanted.hiding.snapshot(snapshot)
        if self._wanted.stale_days and snapshot.state == "failed" and not self._stop.is_set():
            last = self._earlier.last_seen(snapshot.origin.zone, before=self.id)
            snapshot = filled(snapshot, last.snapshot, self._wanted.stale_days) if last else snapshot
        zone, scope = snapshot.origin.zone, scope_of(snapshot, self._wanted.selects)
        self._write(zone_file(zone), [encode(snapshot)])
        self.snapshots.add(snapshot)
        self._zones[zone] = zone_info(snapshot, scope.excluded), scope
        self._sealing.seen(snapshot)

    def finish(self) -> RunInfo:
        """Write the reports and the manifest. Raises Stopped when asked to stop, with what is whole in the manifest."""
        self._stages.end("collect")
        try:
            self._reports()
        except Stopped:
            self._manifest(stopped=True)
            raise
        run = self._manifest()
        if run.state == COMPLETE:
            self._point()
        return run

    def _reports(self) -> None:
        tables = {name: Spool(name) for name in SCHEMAS}
        expanded = {"access": Spool("access")} if self._wanted.expand else {}
        # All lists are decoded and gone.
        give_back()
        for snapshot in self.snapshots:
            self._go_on()
            for name, table in self._made(snapshot).items():
                tables[name].append(table)
            for spool in expanded.values():
                spool.append(expanded_access(snapshot, self._zones[snapshot.origin.zone][1].namespaces))
        changes = self._comparing.table([*self._zones], every_zone=self._wanted.every_zone)
        tables["changes"].append(changes)
        tables["controls"].append(controls_table())
        tables["exceptions"].append(self._judging.exceptions())
        self._write(FINDINGS, encode_findings(tables["findings"]), sum(map(len, tables["findings"])))
        self._stages.end("resolve")
        run = self._info()
        self._news = self._counting.news(run.zones, changes)
        if run.compared_with:
            self._write(CHANGES, [changes_summary(changes, run.compared_with).encode()])
        readers = audiences(tables, run, self._wanted.reports_by, self._wanted.reports_for)
        give_back()
        csv, platform = self._wanted.csv, self._judging.platform
        self._render(Report(run, tables, self._past(), expanded, csv, platform), readers)
        self._stages.end("write")
        self._go_on()

    def _render(self, report: Report, readers: Sequence[Audience]) -> None:
        """Write the formats, two at a time; what goes wrong with one keeps no other from being whole."""
        formats = self._wanted.formats
        parts = [partial(files, report, [name]) for name in formats]
        parts += [partial(files_for, report, formats, readers)] if readers else []
        done = run_parallel(parts, self._files, self._stop.is_set, at_once=_FORMATS_AT_ONCE)
        for error in [error for _, error in done if error]:
            raise error

    def _files(self, make: Callable[[], Iterable[File]]) -> Exception | None:
        """Write files as they are made; return what kept them from being so."""
        try:
            for file in make():
                self._go_on()
                self._write(file.name, file.chunks, file.rows)
                if file.note:
                    console.note(file.note)
        except Exception as error:  # noqa: BLE001  raised again when the others are done
            return error
        return None

    def _past(self) -> list[EarlierSummary]:
        earlier = self._earlier.recent(_TREND, before=self.id)
        return [
            EarlierSummary(one.run.started, one.state, one.run.findings.by_severity)
            for one in earlier
            if one.run.findings
        ]

    def _made(self, snapshot: Snapshot) -> dict[str, Table]:
        """Return the tables of a zone."""
        zone = snapshot.origin.zone
        scope = self._zones[zone][1]
        made = facts_of(snapshot, scope, organization_label=self._wanted.judgement.settings.organization_label)
        if differing := drift(made["organizations"]):
            console.note(f"{zone}: {differing} people or groups are not as the control API has them")
        self._sealing.counted(snapshot, made)
        self._comparing.zone(snapshot, made)
        found = self._judging.zone(snapshot, scope, made)
        self._counting.zone(zone, found)
        return made | {"findings": findings_table(found)}

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise Stopped(
                "stopped before all was written", where=self.store.where, fix="what is whole is in its manifest"
            )

    def _info(self) -> RunInfo:
        compared = self._comparing.with_run
        return RunInfo(
            run_id=self.id,
            version=version(),
            started=_rfc3339(self.started),
            finished=_rfc3339(datetime.now(UTC)),
            config_digest=self._wanted.config_digest,
            zones=tuple(self._zone_info(zone) for zone in sorted(self._zones)),
            findings=self._judging.tally,
            every_zone=self._wanted.every_zone,
            compared_with=", ".join(sorted({*compared.values()})),
            evidence_digest=evidence_digest(file for file in self._written if file.name.endswith(SUFFIX)),
        )

    def _zone_info(self, zone: str) -> ZoneInfo:
        info = replace(self._zones[zone][0], compared_with=self._comparing.with_run.get(zone, ""))
        verified = self.verified.get(zone)
        return with_verification(info, verified) if verified else info

    def _manifest(self, *, stopped: bool = False) -> RunInfo:
        run = self._info()
        self.ending = RunOutcome(
            state="stopped" if stopped else run.state,
            exit_code=STOPPED if stopped else run.exit_code,
            started=self.started.timestamp(),
            finished=datetime.now(UTC).timestamp(),
            run=run,
            news=self._news,
            stages=self._stages.seconds,
        )
        self._write(METRICS, [metrics(self.ending)])
        self._sealing.write(self.store, run, self._written, stopped=stopped)
        return run

    def _write(self, name: str, chunks: Iterable[bytes], rows: int = -1) -> None:
        hashing = HashingChunks(chunks)
        size = self.store.write(name, hashing)
        self._written.append(WrittenFile(name, size, hashing.digest, rows))

    def _point(self) -> None:
        try:
            self._out.link(LATEST, self.id)
        except UsageError as error:
            # Some volumes have no links; the run itself is whole.
            console.note(f"note: {error}")


def _own_folder(out: Store, now: datetime) -> str:
    for attempt in range(1, 100):
        name = f"{now:%Y%m%dT%H%M%SZ}" + (f"-{attempt}" if attempt > 1 else "")
        if out.claim(name):
            return name
    raise UsageError("too many runs began in this second", where=out.where, fix="run it again")


def _rfc3339(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"
