"""Does evidence hold: every file, every number and every link of the chain, computed again from what is there."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from audit.config import Namespaces, Selection
from audit.errors import UsageError
from audit.reconcile import reconcile
from audit.results import facts_of
from audit.runs import FORMAT, LATEST, MANIFEST, SNAPSHOTS, VERSION, inside, is_run
from audit.scope import Selects, scope_of
from audit.signing import SUFFIX as SIGNATURE
from audit.signing import Verifier
from audit.snapshot import SUFFIX, load
from reports.chain import chain_problems, tombstone_problems
from reports.evidence import DIGEST, Reach, Record, Written, sha256sum, zone_evidence
from reports.recount import digest_and_size, rows_of
from reports.run import overall
from reports.tombstone import said_by

Problem = tuple[str, str]  # the run, and what does not hold of it

# What lies beside the files of a run and is not one of them: it is checked by itself.
_BESIDE: Final = {MANIFEST, DIGEST, f"{MANIFEST}{SIGNATURE}"}


@dataclass(slots=True)
class Checked:
    """What was checked: the runs, oldest first, what does not hold, and what is to be known beside it."""

    runs: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    remarks: list[Problem] = field(default_factory=list)


def check_evidence(path: Path, verifier: Verifier | None) -> Checked:
    """Check the run at `path`, or all runs in the folder `path`. Raises UsageError when there is none."""
    path = path.resolve()
    alone = (path / MANIFEST).is_file() or is_run(path.name)
    place = path.parent if alone else path
    folders = sorted(one for one in place.iterdir() if is_run(one.name)) if place.is_dir() else []
    wanted = [path] if alone and path.is_dir() else folders
    if not wanted:
        raise UsageError("there is no run here", where=str(path), fix="give a run, or a folder of runs")
    checked = Checked()
    for folder in wanted:
        _check_run(folder, verifier, checked)
    together = folders if path in folders or not alone else wanted
    _check_chain(place, together, checked)
    checked.problems.sort()
    return checked


def _check_chain(place: Path, folders: Sequence[Path], checked: Checked) -> None:
    """Check how the runs of a place hang together. One by itself may be a copy: others are then not missed."""
    manifests = {folder.name: _read(folder) for folder in folders}
    records = {run: record for run, (_, record, _) in manifests.items() if record is not None}
    digests = {run: hashlib.sha256(data).hexdigest() for run, (data, _, _) in manifests.items()}
    alone = len(folders) == 1
    for run, what, grave in chain_problems(records, digests, alone=alone):
        (checked.problems if grave else checked.remarks).append((run, what))
    checked.problems += _latest(place / LATEST, records)


def _check_run(folder: Path, verifier: Verifier | None, checked: Checked) -> None:
    run = folder.name
    checked.runs.append(run)
    data, record, wrong = _read(folder)
    if record is None:
        checked.problems.append((run, wrong))
        return
    said: list[str] = list(_of_manifest(folder, data, record, verifier))
    pruned = said_by(folder)
    if pruned is None:
        said += _files(folder, record.files)
        said += _numbers(folder, record)
    else:
        said += tombstone_problems(folder, data, pruned, verifier)
        checked.remarks.append(
            (run, f"its files were removed on {pruned.removed}, as kept for {pruned.keep_days} days")
        )
    if (folder / f"{MANIFEST}{SIGNATURE}").exists() and verifier is None:
        checked.remarks.append((run, "it is signed; --public-key checks by whom"))
    checked.problems += [(run, what) for what in said]


def _read(folder: Path) -> tuple[bytes, Record | None, str]:
    """Return the manifest of a run as it stands there, as what it says, and what is wrong with it."""
    try:
        data = (folder / MANIFEST).read_bytes()
        record = msgspec.json.decode(data, type=Record)
    except FileNotFoundError:
        return b"", None, "it has no manifest: it did not end, or the manifest was taken away"
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return b"", None, "its manifest cannot be read as one"
    if (record.format, record.version) != (FORMAT, VERSION):
        return b"", None, f"its manifest has another format than {FORMAT} {VERSION}"
    return data, record, ""


def _of_manifest(folder: Path, data: bytes, record: Record, verifier: Verifier | None) -> Iterator[str]:
    """Yield what does not hold of the manifest itself."""
    if record.run.run_id != folder.name:
        yield f"its manifest is of the run {record.run.run_id}"
    if _bytes(folder / DIGEST) != sha256sum(data, MANIFEST):
        yield f"{DIGEST} is not of this manifest"
    if verifier is not None:
        signature = _bytes(folder / f"{MANIFEST}{SIGNATURE}")
        if signature is None:
            yield "it is not signed"
        elif not verifier.holds(data, signature, f"run {record.run.run_id}"):
            yield "its signature does not hold"
    state = overall(zone.state for zone in record.run.zones)
    if record.state not in {state, "stopped"}:
        yield f"its state is {record.state}, and its zones make it {state}"


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _files(folder: Path, files: Sequence[Written]) -> Iterator[str]:
    """Yield what does not hold of the files: missing, changed, added."""
    listed = {file.name for file in files}
    folders = {str(parent) for name in listed for parent in Path(name).parents}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        known = name in folders if path.is_dir() and not path.is_symlink() else name in listed | _BESIDE
        if not known:
            yield f"{name} was added"
    for file in files:
        yield from _file(folder / file.name, file)


def _file(path: Path, file: Written) -> Iterator[str]:
    if not inside(file.name):
        yield f"{file.name} cannot be a file of a run"
        return
    if path.is_symlink() or not path.is_file():
        yield f"{file.name} is missing" if not path.is_symlink() else f"{file.name} is a link, and no file"
        return
    try:
        sha256, size = digest_and_size(path)
    except OSError as error:
        yield f"{file.name} cannot be read: {error.strerror}"
        return
    if sha256 != file.sha256:
        yield f"{file.name} was changed" + (
            f": {size} bytes, and {file.size} were written" if size != file.size else ""
        )
    elif size != file.size:
        yield f"{file.name} has {size} bytes, and the manifest says {file.size}"
    elif file.rows >= 0 and (rows := rows_of(path)) != file.rows:
        yield f"{file.name} has {'no' if rows is None else rows} rows, and the manifest says {file.rows}"


def _numbers(folder: Path, record: Record) -> Iterator[str]:
    """Yield what does not hold of the zones: what the manifest says of each, made again of its snapshot."""
    ids = [zone.id for zone in record.zones]
    if ids != [zone.id for zone in record.run.zones]:
        yield "its zones do not stand in the run and in the evidence alike"
    for zone in record.zones:
        path = folder / SNAPSHOTS / f"{zone.id}{SUFFIX}"
        try:
            snapshot = load(path)
        except UsageError as error:
            yield f"zone {zone.id}: {error.what}"
            continue
        if not zone.lists and record.state == "stopped":
            continue
        selects = _selects(record.scope)
        scope = scope_of(snapshot, selects)
        made = facts_of(snapshot, scope, organization_label=record.scope.organization_label)
        counts = reconcile(snapshot, selects, made)
        yield from (f"zone {zone.id}: {count.kind} do not add up" for count in counts if not count.adds_up)
        if zone_evidence(snapshot, counts, record.run) != zone:
            yield f"zone {zone.id}: its snapshot says something else than the manifest"


def _selects(scope: Reach) -> Selects | None:
    chosen = (Selection(names=one.names, labels=one.labels) for one in (scope.include, scope.exclude))
    include, exclude = chosen
    namespaces = Namespaces(include=include, exclude=exclude)
    return None if namespaces.everything else namespaces.selects


def _latest(link: Path, records: Mapping[str, Record]) -> Iterator[Problem]:
    """Yield what does not hold of the link to the newest run that was complete."""
    if not link.is_symlink():
        return
    target = str(link.readlink())
    later = [run for run in records if records[run].state == "complete" and target in _before(run, records)]
    if target not in records:
        yield LATEST, f"it points at {target}, which is not there"
    elif records[target].state != "complete" or later:
        yield LATEST, f"it points at {target}, which is not the newest that is complete"


def _before(run: str, records: Mapping[str, Record]) -> set[str]:
    """Return the runs before a run, along the chain."""
    found: set[str] = set()
    while (link := records[run].previous) and link.run_id in records and link.run_id not in found:
        run = link.run_id
        found.add(run)
    return found
