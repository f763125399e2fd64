"""A run: its folder, into which snapshots go as they come, then the reports, and the manifest last."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from audit import console
from audit.access.facts.build import facts_of
from audit.access.tables import expanded_access
from audit.collect.run import failed
from audit.collect.zones import Zone
from audit.errors import Stopped, UsageError, contained
from audit.findings.cause_table import FirstCauses
from audit.findings.controls import controls_table
from audit.findings.model import FILE as FINDINGS
from audit.findings.model import encode_findings
from audit.findings.privileged import privileged_table
from audit.findings.worst import WorstFindings
from audit.job.comparing import Comparing, ComparisonBasis
from audit.job.judging import Judging
from audit.job.kept_snapshots import KeptSnapshots, zone_file
from audit.job.memory import give_back
from audit.job.plan import RunPlan
from audit.job.run_files import RunFiles
from audit.job.sealing import Sealing
from audit.job.stages import Stages
from audit.job.using import Using, use_tables
from audit.parallel import run_parallel
from audit.routes.table import with_routes
from audit.runs.info import EarlierSummary, RunInfo, ZoneInfo, with_verification, zone_info
from audit.runs.manifest import evidence_digest
from audit.runs.news import News, NewsCounter
from audit.runs.outcome import RunOutcome
from audit.runs.runs import COMPLETE, Runs
from audit.snapshot.model import SUFFIX, Snapshot, encode
from audit.snapshot.scope import Scope, scope_of
from audit.snapshot.stale import filled
from audit.storage.store import LATEST, Store
from audit.tables.model import Table, table_of
from audit.tables.schemas import SCHEMAS
from audit.tables.spool import Spool
from audit.tenancy.membership import drift
from audit.tenancy.organizations import organizations_of
from audit.verify.result import Agreement
from audit.version import version
from reports.audience import Audience, audiences
from reports.cause_summary import CAUSES, causes_summary
from reports.formats import FRAMEWORKS, File, Report, files, files_for, framework_files
from reports.markdown import CHANGES, changes_summary
from reports.metrics import FILE as METRICS
from reports.metrics import metrics

_TREND: Final = 11  # earlier runs whose findings the page shows beside its own
# Much of writing is waiting, hashing and packing, during which another format can be put together.
_FORMATS_AT_ONCE: Final = 2


class Run:
    """One run: snapshots go in as they come, then the reports, and the manifest last.

    A zone, a format or a file that fails costs nothing but itself: the manifest says what is missing, and why.
    """

    def __init__(self, out: Store, plan: RunPlan, stop: threading.Event) -> None:
        """Create the run's own folder in `out`. Raises UsageError when it cannot."""
        self.started = plan.clock()
        self.id = _own_folder(out, self.started)
        console.log_run(self.id)
        self.store = out.inside(self.id)
        self._out = out
        self._plan = plan
        self._stop = stop
        self.snapshots = KeptSnapshots(self.store)
        self._zones: dict[str, tuple[ZoneInfo, Scope]] = {}
        self.verified: dict[str, Agreement] = {}  # by zone; of those whose tables were compared with the zone
        self.files = RunFiles(self.store)
        settings = plan.judgement.settings
        self._earlier = Runs(out, console.note, names=plan.names)
        self._sealing = Sealing(plan.seal, settings, plan.selects, out)
        self._judging = Judging(plan.judgement, self._earlier, self.id, self.started)
        self._comparing = Comparing(self._earlier, self.id, ComparisonBasis(plan.selects, settings.organization_label))
        self._using = Using(out, plan.usage, plan.pseudonymizer.by if plan.pseudonymizer else None)
        self._counting, self._news = NewsCounter(), News()
        self._stages = Stages()
        self.outcome: RunOutcome | None = None  # once it has ended

    def keep(self, snapshot: Snapshot) -> None:
        """Save the snapshot of a zone, or what stands in for it, and take it into the reports."""
        if self._plan.pseudonymizer:
            snapshot = self._plan.pseudonymizer.snapshot(snapshot)
        if self._plan.stale_days and snapshot.state == "failed" and not self._stop.is_set():
            last = self._earlier.last_seen(snapshot.origin.zone, before=self.id)
            snapshot = filled(snapshot, last.snapshot, self._plan.stale_days) if last else snapshot
        zone, scope = snapshot.origin.zone, scope_of(snapshot, self._plan.selects)
        missing = len(self.files.missing)
        with self.files.part(zone_file(zone)):
            self.files.write(zone_file(zone), [encode(snapshot)])
        self.snapshots.add(snapshot, saved=len(self.files.missing) == missing)
        self._zones[zone] = zone_info(snapshot, scope.excluded), scope
        self._sealing.seen(snapshot)

    @property
    def worst(self) -> WorstFindings:
        """Return the worst findings of the zones judged so far."""
        return self._judging.worst

    @property
    def causes(self) -> FirstCauses:
        """Return the first causes of the zones judged so far."""
        return self._judging.causes

    def finish(self) -> RunOutcome:
        """Write the reports and the manifest. Raises Stopped when asked to stop, with what is whole in the manifest."""
        self._stages.end("collect")
        try:
            self._reports()
        except Stopped:
            self._manifest(stopped=True)
            raise
        outcome = self._manifest()
        if outcome.run and outcome.run.state == COMPLETE:
            self._link()
        return outcome

    def _reports(self) -> None:
        tables = {name: Spool(name) for name in SCHEMAS}
        expanded = {"access": Spool("access")} if self._plan.expand else {}
        # All lists are decoded and gone.
        give_back()
        for snapshot in self.snapshots:
            self._go_on()
            for name, table in self._tables(snapshot).items():
                tables[name].append(table)
            for spool in expanded.values():
                spool.append(expanded_access(snapshot, self._zones[snapshot.origin.zone][1].namespaces))
        changes = self._comparing.table([*self._zones], every_zone=self._plan.every_zone)
        tables["changes"].append(changes)
        tables["controls"].append(controls_table(self._plan.judgement.settings.controls))
        tables["exceptions"].append(self._judging.exceptions())
        with self.files.part(FINDINGS):
            self.files.write(FINDINGS, encode_findings(tables["findings"]), sum(map(len, tables["findings"])))
        self._stages.end("resolve")
        run = self._info()
        self._news = self._counting.news(run.zones, changes)
        if run.compared_with:
            with self.files.part(CHANGES):
                self.files.write(CHANGES, [changes_summary(changes, run.compared_with).encode()])
        with self.files.part(CAUSES):
            self.files.write(CAUSES, [causes_summary(tables["causes"], self.causes.text).encode()])
        readers = audiences(tables, run, self._plan.reports_by, self._plan.reports_for)
        give_back()
        csv, platform = self._plan.csv, self._judging.platform
        self._render(Report(run, tables, self._past(), expanded, csv, platform), readers)
        self._stages.end("write")
        self._go_on()

    def _render(self, report: Report, readers: Sequence[Audience]) -> None:
        """Write the formats, two at a time."""
        parts: list[tuple[str, Callable[[], Iterable[File]]]] = [
            (name, partial(files, report, [name])) for name in self._plan.formats
        ]
        parts += [(reader.folder, partial(files_for, report, self._plan.formats, [reader])) for reader in readers]
        parts += [
            (f"{FRAMEWORKS}/{framework.id}", partial(framework_files, report, framework, self._plan.formats))
            for framework in self._plan.frameworks
        ]
        for _ in run_parallel(parts, self._write_part, self._stop.is_set, at_once=_FORMATS_AT_ONCE):
            pass

    def _write_part(self, part: tuple[str, Callable[[], Iterable[File]]]) -> None:
        """Write the files of a format, or of a reader, as they are made."""
        name, make = part
        with self.files.part(name):
            for file in make():
                self._go_on()
                self.files.write(file.name, file.chunks, file.rows)
                if file.note:
                    console.note(file.note)

    def _past(self) -> list[EarlierSummary]:
        earlier = self._earlier.recent(_TREND, before=self.id)
        return [
            EarlierSummary(run.run.started, run.state, run.run.findings.by_severity)
            for run in earlier
            if run.run.findings
        ]

    def _tables(self, snapshot: Snapshot) -> Mapping[str, Table]:
        """Return the tables of a zone; of one whose tables cannot be made, those of a zone that was not read."""
        zone = snapshot.origin.zone
        scope, label = self._zones[zone][1], self._plan.judgement.settings.organization_label
        try:
            tables = facts_of(snapshot, scope, organization_label=label)
            self._sealing.counted(snapshot, tables)
        except BaseException as error:  # noqa: BLE001  one zone never loses the others; a stop passes
            self._incomplete(zone, "failed", f"everything: its tables could not be made: {contained(error)}")
            unread = failed(Zone(zone), "error", "its tables could not be made")
            tables = facts_of(unread, Scope(), organization_label=label)
        if differing := drift(tables["organizations"]):
            console.note(f"{zone}: {differing} people or groups are not as the control API has them")
        tables = {**tables, **self._routes(snapshot, scope, tables)}
        tables = {**tables, **self._use(snapshot, scope, tables)}
        self._compare(snapshot, tables)
        privileged = privileged_table(
            tables["grants"],
            organizations_of(snapshot, label),
            self._plan.judgement.settings.platform.seen_in(snapshot),
            tables.get("routes"),
        )
        return tables | self._findings(snapshot, scope, tables) | {"privileged": privileged}

    def _routes(self, snapshot: Snapshot, scope: Scope, tables: Mapping[str, Table]) -> Mapping[str, Table]:
        """Return the tables that routes add to; none where they could not be looked for."""
        try:
            return with_routes(snapshot, tables, scope.namespaces)
        except BaseException as error:  # noqa: BLE001  as above
            self._incomplete(snapshot.origin.zone, "partial", f"its routes: {contained(error)}")
            return {}

    def _use(self, snapshot: Snapshot, scope: Scope, tables: Mapping[str, Table]) -> Mapping[str, Table]:
        """Return the tables that use adds to; none where nothing is known of it."""
        zone = snapshot.origin.zone
        try:
            use = self._using.zone(snapshot, only=len(self._zones) == 1)
            made = use_tables(use, snapshot, scope, tables) if use else {}
        except BaseException as error:  # noqa: BLE001  as above
            self._incomplete(zone, "partial", f"its use: {contained(error)}")
            return {}
        if use:
            info, scope = self._zones[zone]
            self._zones[zone] = replace(info, use=use.covers()), scope
        return made

    def _compare(self, snapshot: Snapshot, tables: Mapping[str, Table]) -> None:
        try:
            self._comparing.zone(snapshot, tables)
        except BaseException as error:  # noqa: BLE001  as above
            self._incomplete(snapshot.origin.zone, "partial", f"its changes: {contained(error)}")

    def _findings(self, snapshot: Snapshot, scope: Scope, tables: Mapping[str, Table]) -> dict[str, Table]:
        zone = snapshot.origin.zone
        try:
            findings, made = self._judging.zone(snapshot, scope, tables)
        except BaseException as error:  # noqa: BLE001  as above
            self._incomplete(zone, "partial", f"its findings: {contained(error)}")
            return {name: table_of(name, []) for name in ("findings", "causes")}
        self._counting.zone(zone, findings)
        return made

    def _incomplete(self, zone: str, state: str, gap: str) -> None:
        """Report that a zone is not complete, for a reason of our own."""
        info, scope = self._zones[zone]
        state = state if info.state == COMPLETE or state == "failed" else info.state
        self._zones[zone] = replace(info, state=state, gaps=(*info.gaps, gap)), scope

    def _go_on(self) -> None:
        if self._stop.is_set():
            fix = "its manifest lists what is complete"
            raise Stopped("stopped before everything was written", where=self.store.where, fix=fix)

    def _info(self) -> RunInfo:
        compared = self._comparing.with_run
        return RunInfo(
            run_id=self.id,
            version=version(),
            started=_rfc3339(self.started),
            finished=_rfc3339(self._plan.clock()),
            config_digest=self._plan.config_digest,
            zones=tuple(self._zone_info(zone) for zone in sorted(self._zones)),
            findings=self._judging.tally,
            every_zone=self._plan.every_zone,
            compared_with=", ".join(sorted({*compared.values()})),
            evidence_digest=evidence_digest(file for file in self.files.written if file.name.endswith(SUFFIX)),
        )

    def _zone_info(self, zone: str) -> ZoneInfo:
        info = replace(self._zones[zone][0], compared_with=self._comparing.with_run.get(zone, ""))
        verified = self.verified.get(zone)
        return with_verification(info, verified) if verified else info

    def _manifest(self, *, stopped: bool = False) -> RunOutcome:
        self.outcome = self._outcome(stopped=stopped)
        with self.files.part(METRICS):
            self.files.write(METRICS, [metrics(self.outcome)])
        try:
            self._seal(stopped=stopped)
        except UsageError:
            self.files.free_space()
            self._seal(stopped=stopped)
        return self.outcome

    def _seal(self, *, stopped: bool) -> None:
        self.outcome = self._outcome(stopped=stopped)
        self._sealing.write(self.store, self.outcome, self.files)

    def _outcome(self, *, stopped: bool) -> RunOutcome:
        run = self._info()
        state, exit_code = run.ends(missing=bool(self.files.missing), stopped=stopped)
        return RunOutcome(
            state=state,
            exit_code=exit_code,
            started=self.started.timestamp(),
            finished=self._plan.clock().timestamp(),
            run=run,
            news=self._news,
            missing=tuple(self.files.missing),
            stages=self._stages.seconds,
        )

    def _link(self) -> None:
        try:
            self._out.link(LATEST, self.id)
        except UsageError as error:
            # Some volumes have no links; the run itself is complete.
            console.note(f"note: {error}")


def _own_folder(out: Store, now: datetime) -> str:
    for attempt in range(1, 100):
        name = f"{now:%Y%m%dT%H%M%SZ}" + (f"-{attempt}" if attempt > 1 else "")
        if out.claim(name):
            return name
    raise UsageError("too many runs began in this second", where=out.where, fix="run it again")


def _rfc3339(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"
