"""Earlier runs: where they are stored, what their manifests say, and their unchanged files.

A file is used only when the manifest of its run has its SHA-256; anything else is reported and left out.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import PurePosixPath
from typing import Final, NamedTuple

import msgspec

from audit.errors import UsageError
from audit.format_version import later, too_new
from audit.snapshot.model import SUFFIX, Snapshot, decode
from audit.storage.store import Store

MANIFEST: Final = "manifest.json"
FORMAT: Final = "registry-audit manifest"
VERSION: Final = 1
SNAPSHOTS: Final = "snapshots"  # the folder of a run that holds its snapshots
COMPLETE: Final = "complete"
NAMES: Final = "pseudonyms"  # the option of a run that identifies the key of its pseudonyms
PRUNED: Final = "pruned.json"  # in place of files that were removed by age
_READ: Final = (COMPLETE, "partial")  # states of a zone that was read by the run itself

_RUN: Final = re.compile(r"(\d{8}T\d{6}Z)(?:-([1-9]\d?))?")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class ZoneRecord(msgspec.Struct, frozen=True):
    """A zone of an earlier run: `complete`, `partial`, `failed` or `stale`."""

    id: str
    state: str


class Link(msgspec.Struct, frozen=True):
    """The previous run: its id, and the SHA-256 (hex) of its manifest."""

    run_id: str
    sha256: str


class TallyRecord(msgspec.Struct, frozen=True):
    """The number of certain findings of an earlier run that were not accepted, by severity."""

    by_severity: dict[str, int] = {}


class RunRecord(msgspec.Struct, frozen=True):
    """What an earlier run says about itself. `every_zone`: all zones of its configuration were requested."""

    run_id: str
    started: str
    zones: tuple[ZoneRecord, ...]
    finished: str = ""
    every_zone: bool = False
    findings: TallyRecord | None = None


class FileRecord(msgspec.Struct, frozen=True):
    """A file of an earlier run: its name in the folder of the run, and its SHA-256 (hex)."""

    name: str
    sha256: str


class EarlierRun(msgspec.Struct, frozen=True):
    """An earlier run, by those parts of its manifest that later runs need. `state` may also be `stopped`."""

    format: str
    version: int
    state: str
    run: RunRecord
    files: tuple[FileRecord, ...]
    previous: Link | None = None
    options: dict[str, str] = {}

    @property
    def id(self) -> str:
        """Return the id of the run."""
        return self.run.run_id

    def whole(self, zone: str = "") -> bool:
        """Return whether the run is complete; with `zone`, whether that zone is."""
        if zone:
            return any(info.id == zone and info.state == COMPLETE for info in self.run.zones)
        return self.state == COMPLETE


def is_run(name: str) -> bool:
    """Return whether a name is the id of a run."""
    return _RUN.fullmatch(name) is not None


class EarlierSnapshot(NamedTuple):
    """The state of a zone in an earlier run."""

    run: EarlierRun
    snapshot: Snapshot


_MANIFEST: Final = msgspec.json.Decoder(EarlierRun)


class Runs:
    """The runs in one place. With `names`, only those with this value of the option NAMES.

    Files that are damaged or were changed are reported to `tell`, a line each, and left out.
    """

    def __init__(self, store: Store, tell: Callable[[str], None], *, names: str | None = None) -> None:
        self._store = store
        self._tell = tell
        self._names = names
        self._manifests: dict[str, EarlierRun | None] = {}
        self._digests: dict[str, str] = {}

    def listed(self, *, before: str = "") -> list[EarlierRun]:
        """Return the finished runs, oldest first; with `before` (a run id), those before it."""
        return list(self._newest_first(before))[::-1]

    def head(self) -> Link | None:
        """Return the run that ended last, which the next run names as its previous one; None without runs.

        Runs form a chain in the order in which they ended: this is the newest that no other run names.
        """
        # A run that had not ended when it was read may have ended since.
        self._manifests = {name: found for name, found in self._manifests.items() if found is not None}
        listed = self.listed()
        named = {run.previous.run_id for run in listed if run.previous}
        unnamed = [run for run in listed if run.id not in named]
        last = max(unnamed, key=lambda run: (run.run.finished, run_order(run.id)), default=None)
        return Link(last.id, self._digests[last.id]) if last else None

    def recent(self, most: int, *, before: str = "") -> list[EarlierRun]:
        """Return the last `most` finished runs, oldest first; with `before`, of those before that run."""
        return list(islice(self._newest_first(before), most))[::-1]

    def named(self, name: str) -> EarlierRun | None:
        """Return the finished run with this id; None when there is none."""
        return next((run for run in self._newest_first("") if run.id == name), None) if run_order(name) else None

    def of_zone(self, zone: str, *, before: str = "") -> list[EarlierRun]:
        """Return the runs that include `zone`: those in which it is complete first, then newest first."""
        listed = [run for run in self._newest_first(before) if any(info.id == zone for info in run.run.zones)]
        return sorted(listed, key=lambda run: not run.whole(zone))

    def last_state(self, zone: str, *, before: str = "") -> EarlierSnapshot | None:
        """Return the newest complete snapshot of `zone` before the run `before`."""
        for run in self._newest_first(before):
            snapshot = self.snapshot(run, zone) if run.whole(zone) else None
            if snapshot is not None:
                return EarlierSnapshot(run, snapshot)
        return None

    def last_seen(self, zone: str, *, before: str = "") -> EarlierSnapshot | None:
        """Return the newest snapshot of `zone`, complete or partial, before the run `before`."""
        for run in self._newest_first(before):
            read = any(info.id == zone and info.state in _READ for info in run.run.zones)
            snapshot = self.snapshot(run, zone) if read else None
            if snapshot is not None:
                return EarlierSnapshot(run, snapshot)
        return None

    def snapshot(self, run: EarlierRun, zone: str) -> Snapshot | None:
        """Return the snapshot of a zone in a run; None when there is none that can be used."""
        name = f"{SNAPSHOTS}/{zone}{SUFFIX}"
        data = self.read(run, name)
        if data is None:
            return None
        try:
            return decode(data, f"{run.id}/{name}")
        except UsageError as error:
            self._tell(f"{error.where}: {error.what}; ignored")
            return None

    def read(self, run: EarlierRun, name: str) -> bytes | None:
        """Return a file of a run; None when it is not in the manifest, or differs from it."""
        wanted = next((file.sha256 for file in run.files if file.name == name), None)
        if wanted is None:
            return None
        try:
            data = self._store.read(f"{run.id}/{name}")
        except OSError as error:
            if self._pruned(run.id):
                return None
            self._tell(f"{run.id}/{name}: cannot be read: {error.strerror or error}; ignored")
            return None
        if hashlib.sha256(data).hexdigest() != wanted:
            self._tell(f"{run.id}/{name}: was changed after the run wrote it; ignored")
            return None
        return data

    def _pruned(self, run: str) -> bool:
        """Return whether the files of a run were removed by age: they are then not expected."""
        try:
            return bool(self._store.read(f"{run}/{PRUNED}"))
        except OSError:
            return False

    def _newest_first(self, before: str) -> Iterator[EarlierRun]:
        """Yield the finished runs; each manifest is read once, when it is needed."""
        limit = run_order(before)
        for name, key in newest_first(self._store.entries()).items():
            if limit and key >= limit:
                continue
            if name not in self._manifests:
                self._manifests[name] = self._manifest(name)
            found = self._manifests[name]
            if found is not None and self._names in {None, found.options.get(NAMES, "")}:
                yield found

    def _manifest(self, name: str) -> EarlierRun | None:
        """Return the manifest of a run; None when there is none (the run has not ended) or it is damaged."""
        try:
            data = self._store.read(f"{name}/{MANIFEST}")
            found = _MANIFEST.decode(data)
        except FileNotFoundError:
            return None
        except OSError as error:
            wrong = f"cannot be read: {error.strerror or error}"
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            wrong = too_new(data, FORMAT, VERSION) or "is not a manifest, or is damaged"
        else:
            wrong = _wrong(found, name)
        if wrong:
            self._tell(f"{name}/{MANIFEST}: {wrong}; this run is ignored")
            return None
        self._digests[name] = hashlib.sha256(data).hexdigest()
        return found


def run_order(name: str) -> tuple[str, int] | None:
    """Return the sort key of a run id: its second, and its number in that second; None for other names."""
    found = _RUN.fullmatch(name)
    return (found[1], int(found[2] or 1)) if found else None


def newest_first(names: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Return the run ids among names with their sort keys, the newest first."""
    keys = {name: key for name in names if (key := run_order(name))}
    return dict(sorted(keys.items(), key=lambda pair: pair[1], reverse=True))


def _wrong(manifest: EarlierRun, name: str) -> str:
    """Return what is wrong with a manifest; empty when nothing is."""
    if manifest.format != FORMAT:
        return "is not the manifest of a run"
    if manifest.version != VERSION:
        return later(manifest.version, VERSION) or f"has version {manifest.version}, which never was"
    if manifest.id != name:
        return "belongs to another run"
    if not all(inside(file.name) and _SHA256.fullmatch(file.sha256) for file in manifest.files):
        return "names a file that cannot belong to a run"
    return ""


def inside(name: str) -> bool:
    """Return whether a name stays inside the folder of a run."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name
