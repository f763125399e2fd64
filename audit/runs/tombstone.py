"""What remains of a run that was removed by age: its manifest, and a note with the time and reason of the removal."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from audit.runs.manifest import DIGEST
from audit.runs.runs import MANIFEST, PRUNED, EarlierRun, is_run, run_order
from audit.runs.signing import SUFFIX as SIGNATURE
from audit.runs.signing import Verifier
from audit.storage.store import Store

_FORMAT: Final = "registry-audit pruned"
_VERSION: Final = 1
# The files of a run that was removed by age.
REMAINING: Final = frozenset({MANIFEST, DIGEST, PRUNED, f"{MANIFEST}{SIGNATURE}", f"{PRUNED}{SIGNATURE}"})


class Tombstone(msgspec.Struct, frozen=True):
    """Run id, SHA-256 (hex) of its manifest, when its files were removed (RFC 3339, UTC), and after how many days."""

    format: str
    version: int
    run_id: str
    manifest_sha256: str
    removed: str
    keep_days: int


def tombstone(run_id: str, manifest_sha256: str, removed: str, keep_days: int) -> bytes:
    """Return the note as a file."""
    note = Tombstone(_FORMAT, _VERSION, run_id, manifest_sha256, removed, keep_days)
    return msgspec.json.format(msgspec.json.encode(note), indent=2) + b"\n"


class EvidenceContext(NamedTuple):
    """What a run is checked against: the finished runs of its folder, the time, and a key."""

    runs: Sequence[EarlierRun]
    now: datetime
    verifier: Verifier | None


_TOMBSTONE: Final = msgspec.json.Decoder(Tombstone)


def read_tombstone(folder: Store) -> Tombstone | None:
    """Return the note of a run; None when it has none. An unreadable note becomes one that never holds."""
    if PRUNED not in folder.entries():
        return None
    try:
        return _TOMBSTONE.decode(folder.read(PRUNED))
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Tombstone("", 0, "", "", "", 0)


def retained(runs: Iterable[EarlierRun]) -> set[str]:
    """Return the runs that prune never removes: the newest complete one, and the newest with each zone complete."""
    newest: dict[str, str] = {}
    for run in sorted(runs, key=lambda run: run_order(run.id) or ("", 0)):
        complete = [zone.id for zone in run.run.zones if run.whole(zone.id)]
        newest |= dict.fromkeys([*complete, ""] if run.whole() else complete, run.id)
    return set(newest.values())


def unfinished(store: Store, runs: Iterable[EarlierRun]) -> list[str]:
    """Return the runs without a manifest, which a run that was killed leaves; not those that another run follows."""
    followed = {run.previous.run_id for run in runs if run.previous}
    names = (name for name in store.entries() if is_run(name) and name not in followed)
    return [name for name in names if MANIFEST not in store.entries(name)]


def tombstone_problems(
    folder: Store, run: str, manifest: bytes, note: Tombstone, context: EvidenceContext
) -> Iterator[str]:
    """Yield the problems of a run whose files were removed by age."""
    data = folder.read(PRUNED)
    if data != tombstone(run, hashlib.sha256(manifest).hexdigest(), note.removed, note.keep_days):
        yield f"{PRUNED} does not belong to this run"
    yield from _removal_problems(run, note, context)
    if context.verifier is not None:
        signature = f"{PRUNED}{SIGNATURE}"
        if signature not in folder.entries():
            yield f"{PRUNED} is not signed"
        elif not context.verifier.holds(data, folder.read(signature), f"pruned {run}"):
            yield f"the signature of {PRUNED} is not valid"
    yield from (f"{name} exists, although the files were removed" for name in folder.entries() if name not in REMAINING)


def _removal_problems(run: str, note: Tombstone, context: EvidenceContext) -> Iterator[str]:
    """Yield why prune cannot have removed the files at the time that the note says."""
    try:
        began = datetime.strptime(run[:16], "%Y%m%dT%H%M%S%z")
        removed = datetime.strptime(note.removed, "%Y-%m-%dT%H:%M:%S%z")
        due = began + timedelta(days=note.keep_days)
    except (ValueError, OverflowError):
        yield f"{PRUNED} has no valid time: {note.removed}, {note.keep_days} days"
        return
    if note.keep_days < 1:
        yield f"{PRUNED} says that runs are kept for less than one day"
    if removed > context.now:
        yield f"{PRUNED} says that the files were removed in the future, on {note.removed}"
    if removed < due:
        yield f"{PRUNED} says that the files were removed before they were {note.keep_days} days old"
    if run in retained(earlier for earlier in context.runs if earlier.run.finished <= note.removed):
        yield f"{PRUNED} is of a run that prune never removes: the newest complete one, or the newest of a zone"
