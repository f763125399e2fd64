"""A run: its folder, into which snapshots go as they come, then the reports, and the manifest last."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from audit.commands import terminal
from audit.commands.comparing import Comparing
from audit.commands.judging import Judgement, Judging
from audit.commands.sealing import Seal, Sealing
from audit.errors import Stopped, UsageError
from audit.files import make_private_dir, write_private
from audit.findings import FILE as FINDINGS
from audit.findings import encode_findings
from audit.organizations import drift
from audit.results import facts_of
from audit.runs import LATEST, SNAPSHOTS, Folder, Runs
from audit.scope import Scope, Selects, scope_of
from audit.snapshot import SUFFIX, Snapshot, encode
from audit.stale import filled
from audit.tables import SCHEMAS, Table
from audit.verified import Verified
from audit.version import version
from reports.evidence import Hashing, Written
from reports.formats import FORMATS, Report
from reports.markdown import CHANGES, changes_summary
from reports.run import RunInfo, zone_info


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to make of snapshots: which formats, of which namespaces, under which configuration (its digest).

    `every_zone`: they are of all zones that the configuration has.
    """

    formats: Sequence[str] = ()
    selects: Selects | None = None
    config_digest: str = ""
    judgement: Judgement = field(default_factory=Judgement)
    seal: Seal = field(default_factory=Seal)
    stale_days: float = 0  # how old what stands in for a zone that cannot be read may be; 0: nothing does
    every_zone: bool = False


class Run:
    """One run and its folder: snapshots go in as they come, then the reports, and the manifest last."""

    def __init__(self, out: Path, wanted: Wanted, stop: threading.Event) -> None:
        """Create the run's own folder in `out`. Raises UsageError when it cannot."""
        self.started = datetime.now(UTC)
        self.path = _own_folder(out, self.started)
        self._wanted = wanted
        self._stop = stop
        self.snapshots: list[Snapshot] = []
        self.verified: dict[str, Verified] = {}  # by zone; of those whose tables were compared with the zone
        self._written: list[Written] = []
        self._sealing = Sealing(wanted.seal, wanted.judgement.settings, wanted.selects, Folder(out))
        self._earlier, label = Runs(Folder(out), terminal.note), wanted.judgement.settings.organization_label
        self._judging = Judging(wanted.judgement, self._earlier, self.path.name, self.started)
        self._comparing = Comparing(self._earlier, self.path.name, wanted.selects, label)

    def keep(self, snapshot: Snapshot) -> None:
        """Save the snapshot of a zone, or what stands in for it, and take it into the reports."""
        if self._wanted.stale_days and snapshot.state == "failed" and not self._stop.is_set():
            last = self._earlier.last_seen(snapshot.origin.zone, before=self.path.name)
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
            _point(self.path.parent / LATEST, self.path.name)
        return run

    def _reports(self, scopes: Sequence[Scope]) -> None:
        tables: dict[str, list[Table]] = {name: [] for name in SCHEMAS}
        for snapshot, scope in zip(self.snapshots, scopes, strict=True):
            self._go_on()
            made = facts_of(snapshot, scope, organization_label=self._wanted.judgement.settings.organization_label)
            self._judging.zone(snapshot, scope, made)
            self._sealing.zone(snapshot, made)
            if differing := drift(made["organizations"]):
                what = f"{differing} people or groups are not as the control API has them"
                terminal.note(f"{snapshot.origin.zone}: {what} (table organizations)")
            for name, table in made.items():
                tables[name].append(table)
            self._comparing.zone(snapshot, scope, made)
        zones = [snapshot.origin.zone for snapshot in self.snapshots]
        changes = self._comparing.table(zones, every_zone=self._wanted.every_zone)
        tables |= {"changes": [changes]} | self._judging.tables()
        self._write(FINDINGS, [encode_findings(self._judging.found)], len(self._judging.found))
        run = self._info(scopes)
        if run.compared_with:
            self._write(CHANGES, [changes_summary(changes, run.compared_with).encode()])
        for name in self._wanted.formats:
            for file in FORMATS[name](Report(run, tables)):
                self._go_on()
                self._write(file.name, file.chunks, file.rows)
        self._go_on()

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise Stopped(
                "stopped before all was written", where=str(self.path), fix="what is whole is in its manifest"
            )

    def _info(self, scopes: Sequence[Scope]) -> RunInfo:
        zones, compared = zip(self.snapshots, scopes, strict=True), self._comparing.with_run
        return RunInfo(
            run_id=self.path.name,
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
        )

    def _manifest(self, scopes: Sequence[Scope], *, stopped: bool = False) -> RunInfo:
        run = self._info(scopes)
        self._sealing.write(self.path, run, self.snapshots, self._written, stopped=stopped)
        return run

    def _write(self, name: str, chunks: Iterable[bytes], rows: int = -1) -> None:
        for folder in reversed((self.path / name).parents):
            if folder.is_relative_to(self.path) and folder != self.path:
                make_private_dir(folder)
        hashing = Hashing(chunks)
        size = write_private(self.path / name, hashing)
        self._written.append(Written(name, size, hashing.digest, rows))


def _own_folder(out: Path, now: datetime) -> Path:
    make_private_dir(out)
    for attempt in range(1, 100):
        folder = out / (f"{now:%Y%m%dT%H%M%SZ}" + (f"-{attempt}" if attempt > 1 else ""))
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(f"cannot create a folder here: {error.strerror}", where=str(out)) from error
        return folder
    raise UsageError("too many runs began in this second", where=str(out), fix="run it again")


def _point(link: Path, target: str) -> None:
    """Make `link` point at `target` in one step."""
    beside = link.with_name(f".{link.name}.tmp")
    try:
        beside.unlink(missing_ok=True)
        beside.symlink_to(target)
        beside.replace(link)
    except OSError as error:
        # Some volumes have no links; the run itself is whole.
        terminal.note(f"note: cannot move {link}: {error.strerror}")


def _rfc3339(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"
