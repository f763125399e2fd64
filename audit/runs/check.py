"""Checks evidence: every file, every number and every link of the chain, computed again from what is there."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from audit.access.facts.build import facts_of
from audit.access.facts.reconcile import reconcile
from audit.config.model import Namespaces, Selection
from audit.errors import UsageError
from audit.format_version import later, too_new
from audit.runs.chain import chain_problems, latest_problems
from audit.runs.head import HEAD, HeadRecord, head_problems, record_problems
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
from audit.runs.runs import COMPLETE, FORMAT, MANIFEST, SNAPSHOTS, VERSION, Runs, inside, is_run
from audit.runs.signing import SUFFIX as SIGNATURE
from audit.runs.signing import Verifier
from audit.runs.tombstone import REMAINING, EvidenceContext, read_tombstone, tombstone_problems
from audit.snapshot.model import SUFFIX, decode
from audit.snapshot.scope import Selects, scope_of
from audit.storage.store import LATEST, Store, is_url, locate, store_of

Problem = tuple[str, str]  # the run, and what is wrong with it

# Files of a run that its manifest does not list; each is checked by itself.
_UNLISTED: Final = {MANIFEST, DIGEST, f"{MANIFEST}{SIGNATURE}"}


@dataclass(slots=True)
class EvidenceResult:
    """The runs that were checked, oldest first, the problems, and remarks that are no problems."""

    runs: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    remarks: list[Problem] = field(default_factory=list)


class _ReadManifest(NamedTuple):
    """A manifest as its bytes and decoded; None when it cannot be used, and then why."""

    data: bytes
    manifest: Manifest | None
    problem: str = ""


def check_evidence(place: str, verifier: Verifier | None, kept: HeadRecord | None = None) -> EvidenceResult:
    """Check the run at `place` (a path or URL), or all runs in that folder. Raises UsageError when there is none.

    `kept` is a copy of a head record from elsewhere: the run that it names must still be here.
    """
    try:
        store, run = _locate(place)
        runs = [name for name in store.entries() if is_run(name)]
        requested = [run] if run else runs
        if not requested:
            raise UsageError("there is no run here", where=store.where, fix="give a run, or a folder of runs")
        checked = EvidenceResult(requested)
        context = EvidenceContext(Runs(store, lambda _: None).listed(), datetime.now(UTC), verifier)
        for name in requested:
            if store.link_target(name):
                checked.problems.append((name, "it is a link, not a folder"))
            _check_run(store.inside(name), name, context, checked)
        _check_chain(store, runs if run in runs or not run else requested, checked, verifier, kept)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror or error}", where=place) from error
    # Names of files need not be UTF-8.
    checked.problems = sorted((run, what.encode(errors="backslashreplace").decode()) for run, what in checked.problems)
    return checked


def _locate(place: str) -> tuple[Store, str]:
    """Return the folder of runs, and which run is requested (empty: all)."""
    if is_url(place) and not urlsplit(place).path.strip("/"):
        return store_of(place), ""
    store, name = locate(place)
    entries = store.inside(name).entries()
    return (store, name) if MANIFEST in entries or (entries and is_run(name)) else (store.inside(name), "")


def _check_chain(
    store: Store, runs: Sequence[str], checked: EvidenceResult, verifier: Verifier | None, kept: HeadRecord | None
) -> None:
    """Check the chain of the runs in a folder. A single run may be a copy: no others are missed then."""
    read = {run: _read(store.inside(run)) for run in runs}
    manifests = {run: found.manifest for run, found in read.items() if found.manifest is not None}
    digests = {run: hashlib.sha256(found.data).hexdigest() for run, found in read.items()}
    alone = len(runs) == 1
    for run, what, is_problem in chain_problems(manifests, digests, alone=alone):
        (checked.problems if is_problem else checked.remarks).append((run, what))
    checked.problems += [(LATEST, what) for what in latest_problems(store, manifests, alone=alone)]
    for what, is_problem in head_problems(store, manifests, digests, verifier, alone=alone):
        (checked.problems if is_problem else checked.remarks).append((HEAD, what))
    if kept is not None:
        checked.problems += [("--head", what) for what in record_problems(kept, digests, verifier)]


def _check_run(folder: Store, run: str, context: EvidenceContext, checked: EvidenceResult) -> None:
    """Check one run. Whatever a forged file makes fail is a problem of this run; the others are checked too."""
    try:
        for what in _run_problems(folder, run, context):
            checked.problems.append((run, what))
        pruned = read_tombstone(folder)
        if pruned is not None:
            removed = f"its files were removed on {pruned.removed}, as kept for {pruned.keep_days} days"
            checked.remarks.append((run, removed))
        if f"{MANIFEST}{SIGNATURE}" in folder.entries() and context.verifier is None:
            checked.remarks.append((run, "it is signed; --public-key checks by whom"))
    except Exception as error:  # noqa: BLE001  see above
        checked.problems.append((run, f"it cannot be checked: {type(error).__name__}"))


def _run_problems(folder: Store, run: str, context: EvidenceContext) -> Iterator[str]:
    special = {*folder.irregular_files()}
    yield from (f"{name} is not a regular file" for name in sorted(special & (_UNLISTED | REMAINING)))
    data, manifest, problem = _read(folder)
    if manifest is None:
        yield problem
        return
    yield from _manifest_problems(folder, run, data, manifest, context.verifier)
    pruned = read_tombstone(folder)
    if pruned is not None:
        yield from tombstone_problems(folder, run, data, pruned, context)
        return
    changed: set[str] = set()
    for name, what in _file_problems(folder, manifest.files, special):
        changed.add(name)
        yield f"{name} {what}"
    yield from _zone_problems(folder, manifest, changed)


_MANIFEST: Final = msgspec.json.Decoder(Manifest)


def _read(folder: Store) -> _ReadManifest:
    """Return the manifest of a run."""
    data = b""
    try:
        data = folder.read(MANIFEST)
        manifest = _MANIFEST.decode(data)
    except FileNotFoundError:
        return _ReadManifest(b"", None, "it has no manifest: the run did not finish, or the manifest was removed")
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        wrong = too_new(data, FORMAT, VERSION)
        return _ReadManifest(b"", None, f"its manifest {wrong or 'cannot be read'}")
    if (manifest.format, manifest.version) != (FORMAT, VERSION):
        wrong = later(manifest.version, VERSION) if manifest.format == FORMAT else ""
        return _ReadManifest(b"", None, f"its manifest {wrong or f'is not in the format {FORMAT} {VERSION}'}")
    return _ReadManifest(data, manifest)


def _manifest_problems(
    folder: Store, run: str, data: bytes, manifest: Manifest, verifier: Verifier | None
) -> Iterator[str]:
    """Yield the problems of the manifest itself."""
    if manifest.run.run_id != run:
        yield f"its manifest belongs to the run {manifest.run.run_id}"
    if _bytes(folder, DIGEST) != sha256sum(data, MANIFEST):
        yield f"{DIGEST} does not match the manifest"
    if verifier is not None:
        signature = _bytes(folder, f"{MANIFEST}{SIGNATURE}")
        if signature is None:
            yield "it is not signed"
        elif not verifier.holds(data, signature, f"run {manifest.run.run_id}"):
            yield "its signature is not valid"
    state = overall_state(zone.state for zone in manifest.run.zones)
    if manifest.state not in {"partial" if manifest.missing and state == COMPLETE else state, "stopped"}:
        yield f"its state is {manifest.state}, but its zones make it {state}"
    if manifest.run.evidence_digest != evidence_digest(file for file in manifest.files if file.name.endswith(SUFFIX)):
        yield "its digest of all snapshots does not match them"


def _bytes(folder: Store, name: str) -> bytes | None:
    try:
        return folder.read(name)
    except OSError:
        return None


def _file_problems(folder: Store, files: Sequence[WrittenFile], special: set[str]) -> Iterator[Problem]:
    """Yield files that are missing, changed or added, with what is wrong."""
    listed, found = {file.name for file in files}, {*folder.files()} | special
    yield from ((name, "was added") for name in sorted(found - listed - _UNLISTED))
    for file in files:
        if not inside(file.name):
            yield file.name, "cannot be a file of a run"
        elif file.name in special:
            yield file.name, "is not a regular file"
        elif file.name not in found:
            yield file.name, "is missing"
        elif problem := _content_problem(folder, file):
            yield file.name, problem


def _content_problem(folder: Store, file: WrittenFile) -> str:
    try:
        data = folder.read(file.name)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    if hashlib.sha256(data).hexdigest() != file.sha256:
        return "was changed" + (f": {len(data)} bytes, not {file.size}" if len(data) != file.size else "")
    if len(data) != file.size:
        return f"has {len(data)} bytes; the manifest says {file.size}"
    if file.rows >= 0 and (rows := rows_of(file.name, data)) != file.rows:
        return f"has {'no' if rows is None else rows} rows; the manifest says {file.rows}"
    return ""


def _zone_problems(folder: Store, manifest: Manifest, changed: set[str]) -> Iterator[str]:
    """Yield what the manifest says of each zone and its snapshot does not. A changed snapshot says nothing."""
    if [zone.id for zone in manifest.zones] != [zone.id for zone in manifest.run.zones]:
        yield "its zones are not the same in the run and in the evidence"
    states = {zone.id: zone.state for zone in manifest.run.zones}
    listed = {file.name for file in manifest.files}
    for zone in manifest.zones:
        if zone.state != states.get(zone.id, zone.state):
            yield f"zone {zone.id}: it is {zone.state} in the evidence, and {states[zone.id]} in the run"
        name = f"{SNAPSHOTS}/{zone.id}{SUFFIX}"
        if name in changed:
            continue
        if any(part.name == name for part in manifest.missing):
            continue
        if name not in listed:
            yield f"zone {zone.id}: its snapshot is not in the manifest"
            continue
        try:
            yield from (f"zone {zone.id}: {what}" for what in _snapshot_problems(folder, name, manifest, zone))
        except Exception as error:  # noqa: BLE001  a forged snapshot may decode, and make anything fail
            yield f"zone {zone.id}: its snapshot cannot be checked: {type(error).__name__}"


def _snapshot_problems(folder: Store, name: str, manifest: Manifest, zone: ZoneEvidence) -> Iterator[str]:
    try:
        snapshot = decode(folder.read(name), name)
    except OSError as error:
        yield f"its snapshot cannot be read: {error.strerror or error}"
        return
    except UsageError as error:
        yield error.what
        return
    if not zone.lists and (manifest.state == "stopped" or zone.state == "failed"):
        return
    selects = _selects(manifest.scope)
    tables = facts_of(snapshot, scope_of(snapshot, selects), organization_label=manifest.scope.organization_label)
    counts = reconcile(snapshot, selects, tables)
    yield from (f"{count.kind} do not add up" for count in counts if not count.adds_up)
    # The state follows from more than the snapshot: --verify may have found that the zone itself disagrees.
    if msgspec.structs.replace(zone_evidence(snapshot, counts), state=zone.state) != zone:
        yield "its snapshot does not match the manifest"


def _selects(scope: RunScope) -> Selects | None:
    include, exclude = (
        Selection(names=selection.names, labels=selection.labels) for selection in (scope.include, scope.exclude)
    )
    namespaces = Namespaces(include=include, exclude=exclude)
    return None if namespaces.everything else namespaces.selects
