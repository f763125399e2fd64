"""Does evidence hold: every file, every number and every link of the chain, computed again from what is there."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import msgspec

from audit.access.build import facts_of
from audit.access.reconcile import reconcile
from audit.config.model import Namespaces, Selection
from audit.errors import UsageError
from audit.runs.chain import chain_problems, tombstone_problems
from audit.runs.info import overall_state
from audit.runs.manifest import (
    DIGEST,
    Manifest,
    RunScope,
    WrittenFile,
    ZoneEvidence,
    evidence_digest,
    sha256sum,
    zone_evidence,
)
from audit.runs.recount import rows_of
from audit.runs.runs import COMPLETE, FORMAT, MANIFEST, SNAPSHOTS, VERSION, inside, is_run
from audit.runs.signing import SUFFIX as SIGNATURE
from audit.runs.signing import Verifier
from audit.runs.tombstone import read_tombstone
from audit.snapshot.model import SUFFIX, decode
from audit.snapshot.scope import Selects, scope_of
from audit.storage.store import LATEST, Store, is_url, locate, store_of

Problem = tuple[str, str]  # the run, and what does not hold of it

# What lies beside the files of a run and is not one of them: it is checked by itself.
_BESIDE: Final = {MANIFEST, DIGEST, f"{MANIFEST}{SIGNATURE}"}


@dataclass(slots=True)
class EvidenceResult:
    """What was checked: the runs, oldest first, what does not hold, and what is to be known beside it."""

    runs: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    remarks: list[Problem] = field(default_factory=list)


def check_evidence(place: str, verifier: Verifier | None) -> EvidenceResult:
    """Check the run at `place` (a path or URL), or all runs in that folder. Raises UsageError when there is none."""
    try:
        store, run = _opened(place)
        runs = [name for name in store.entries() if is_run(name)]
        wanted = [run] if run else runs
        if not wanted:
            raise UsageError("there is no run here", where=store.where, fix="give a run, or a folder of runs")
        checked = EvidenceResult()
        for name in wanted:
            _check_run(store.inside(name), name, verifier, checked)
        _check_chain(store, runs if run in runs or not run else wanted, checked)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror or error}", where=place) from error
    checked.problems.sort()
    return checked


def _opened(place: str) -> tuple[Store, str]:
    """Return the folder of runs, and which of them is meant (empty: all)."""
    if is_url(place) and not urlsplit(place).path.strip("/"):
        return store_of(place), ""
    store, name = locate(place)
    inside_it = store.inside(name).entries()
    return (store, name) if MANIFEST in inside_it or (inside_it and is_run(name)) else (store.inside(name), "")


def _check_chain(store: Store, runs: Sequence[str], checked: EvidenceResult) -> None:
    """Check how the runs of a place hang together. One by itself may be a copy: others are then not missed."""
    manifests = {run: _read(store.inside(run)) for run in runs}
    records = {run: record for run, (_, record, _) in manifests.items() if record is not None}
    digests = {run: hashlib.sha256(data).hexdigest() for run, (data, _, _) in manifests.items()}
    alone = len(runs) == 1
    for run, what, grave in chain_problems(records, digests, alone=alone):
        (checked.problems if grave else checked.remarks).append((run, what))
    checked.problems += _latest(store.link_target(LATEST), records)


def _check_run(folder: Store, run: str, verifier: Verifier | None, checked: EvidenceResult) -> None:
    checked.runs.append(run)
    data, record, wrong = _read(folder)
    if record is None:
        checked.problems.append((run, wrong))
        return
    said: list[str] = list(_of_manifest(folder, run, data, record, verifier))
    pruned = read_tombstone(folder)
    if pruned is None:
        said += _files(folder, record.files)
        said += _numbers(folder, record)
    else:
        said += tombstone_problems(folder, run, data, pruned, verifier)
        checked.remarks.append(
            (run, f"its files were removed on {pruned.removed}, as kept for {pruned.keep_days} days")
        )
    if f"{MANIFEST}{SIGNATURE}" in folder.entries() and verifier is None:
        checked.remarks.append((run, "it is signed; --public-key checks by whom"))
    checked.problems += [(run, what) for what in said]


_RECORD: Final = msgspec.json.Decoder(Manifest)


def _read(folder: Store) -> tuple[bytes, Manifest | None, str]:
    """Return the manifest of a run as it stands there, as what it says, and what is wrong with it."""
    try:
        data = folder.read(MANIFEST)
        record = _RECORD.decode(data)
    except FileNotFoundError:
        return b"", None, "it has no manifest: it did not end, or the manifest was taken away"
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return b"", None, "its manifest cannot be read as one"
    if (record.format, record.version) != (FORMAT, VERSION):
        return b"", None, f"its manifest has another format than {FORMAT} {VERSION}"
    return data, record, ""


def _of_manifest(folder: Store, run: str, data: bytes, record: Manifest, verifier: Verifier | None) -> Iterator[str]:
    """Yield what does not hold of the manifest itself."""
    if record.run.run_id != run:
        yield f"its manifest is of the run {record.run.run_id}"
    if _bytes(folder, DIGEST) != sha256sum(data, MANIFEST):
        yield f"{DIGEST} is not of this manifest"
    if verifier is not None:
        signature = _bytes(folder, f"{MANIFEST}{SIGNATURE}")
        if signature is None:
            yield "it is not signed"
        elif not verifier.holds(data, signature, f"run {record.run.run_id}"):
            yield "its signature does not hold"
    state = overall_state(zone.state for zone in record.run.zones)
    if record.state not in {"partial" if record.missing and state == COMPLETE else state, "stopped"}:
        yield f"its state is {record.state}, and its zones make it {state}"
    if record.run.evidence_digest != evidence_digest(file for file in record.files if file.name.endswith(SUFFIX)):
        yield "its digest of all snapshots is not theirs"


def _bytes(folder: Store, name: str) -> bytes | None:
    try:
        return folder.read(name)
    except OSError:
        return None


def _files(folder: Store, files: Sequence[WrittenFile]) -> Iterator[str]:
    """Yield what does not hold of the files: missing, changed, added."""
    listed, others = {file.name for file in files}, {*folder.irregular_files()}
    found = {*folder.files()} | others
    yield from (f"{name} was added" for name in sorted(found - listed - _BESIDE))
    for file in files:
        if not inside(file.name):
            yield f"{file.name} cannot be a file of a run"
        elif file.name in others:
            yield f"{file.name} is a link or a folder, and no file"
        elif file.name not in found:
            yield f"{file.name} is missing"
        else:
            yield from _file(folder, file)


def _file(folder: Store, file: WrittenFile) -> Iterator[str]:
    try:
        data = folder.read(file.name)
    except OSError as error:
        yield f"{file.name} cannot be read: {error.strerror}"
        return
    if hashlib.sha256(data).hexdigest() != file.sha256:
        more = f": {len(data)} bytes, and {file.size} were written" if len(data) != file.size else ""
        yield f"{file.name} was changed{more}"
    elif len(data) != file.size:
        yield f"{file.name} has {len(data)} bytes, and the manifest says {file.size}"
    elif file.rows >= 0 and (rows := rows_of(file.name, data)) != file.rows:
        yield f"{file.name} has {'no' if rows is None else rows} rows, and the manifest says {file.rows}"


def _numbers(folder: Store, record: Manifest) -> Iterator[str]:
    """Yield what does not hold of the zones: what the manifest says of each, made again of its snapshot."""
    ids = [zone.id for zone in record.zones]
    if ids != [zone.id for zone in record.run.zones]:
        yield "its zones do not stand in the run and in the evidence alike"
    for zone, told in zip(record.zones, record.run.zones, strict=False):
        if zone.state != told.state:
            yield f"zone {zone.id}: it is {zone.state} in the evidence, and {told.state} in the run"
        yield from (f"zone {zone.id}: {what}" for what in _zone(folder, record, zone))


def _zone(folder: Store, record: Manifest, zone: ZoneEvidence) -> Iterator[str]:
    name = f"{SNAPSHOTS}/{zone.id}{SUFFIX}"
    if any(part.name == name for part in record.missing):
        return
    try:
        snapshot = decode(folder.read(name), name)
    except OSError as error:
        yield f"its snapshot cannot be read: {error.strerror}"
        return
    except UsageError as error:
        yield error.what
        return
    if not zone.lists and (record.state == "stopped" or zone.state == "failed"):
        return  # its tables were not made, so that nothing was counted
    selects = _selects(record.scope)
    made = facts_of(snapshot, scope_of(snapshot, selects), organization_label=record.scope.organization_label)
    counts = reconcile(snapshot, selects, made)
    yield from (f"{count.kind} do not add up" for count in counts if not count.adds_up)
    # Its state follows from more than the snapshot: whether the zone itself, when it was asked, agreed.
    if msgspec.structs.replace(zone_evidence(snapshot, counts), state=zone.state) != zone:
        yield "its snapshot says something else than the manifest"


def _selects(scope: RunScope) -> Selects | None:
    chosen = (Selection(names=one.names, labels=one.labels) for one in (scope.include, scope.exclude))
    include, exclude = chosen
    namespaces = Namespaces(include=include, exclude=exclude)
    return None if namespaces.everything else namespaces.selects


def _latest(target: str, records: Mapping[str, Manifest]) -> Iterator[Problem]:
    """Yield what does not hold of where `latest` leads: to the newest run that was complete."""
    if not target:
        return
    later = [run for run in records if _complete(records[run]) and target in _before(run, records)]
    if target not in records:
        yield LATEST, f"it points at {target}, which is not there"
    elif not _complete(records[target]) or later:
        yield LATEST, f"it points at {target}, which is not the newest that is complete"


def _complete(record: Manifest) -> bool:
    """Return whether `latest` may point at a run: it has read all zones, and its manifest says if a format failed."""
    partly = record.state == "partial" and bool(record.missing)
    return record.state == COMPLETE or (partly and overall_state(zone.state for zone in record.run.zones) == COMPLETE)


def _before(run: str, records: Mapping[str, Manifest]) -> set[str]:
    """Return the runs before a run, along the chain."""
    found: set[str] = set()
    while (link := records[run].previous) and link.run_id in records and link.run_id not in found:
        run = link.run_id
        found.add(run)
    return found
