"""The chain of runs: each manifest names the one before by its digest, so none can be changed or taken out unseen."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from audit.runs.manifest import Manifest
from audit.runs.runs import PRUNED
from audit.runs.signing import SUFFIX as SIGNATURE
from audit.runs.signing import Verifier
from audit.runs.tombstone import STAYS, Tombstone, tombstone
from audit.storage.store import Store


def chain_problems(
    records: Mapping[str, Manifest], digests: Mapping[str, str], *, alone: bool
) -> Iterator[tuple[str, str, bool]]:
    """Yield the run, what does not hold of its place in the chain, and whether that is grave.

    `alone`: only one run is here, as a copy of it may be; that the one before is not here is then a remark.
    """
    named: dict[str, str] = {}
    first = ""
    for run, record in records.items():
        before = record.previous
        if before is None:
            if first:
                yield run, f"it names no run before it, and neither does {first}: the chain forks", True
            first = first or run
        elif before.run_id not in records:
            said = "is not here" if alone else "is missing"
            yield run, f"the run before it, {before.run_id}, {said} (SHA-256 {before.sha256})", not alone
        elif digests[before.run_id] != before.sha256:
            yield run, f"the manifest of the run before it, {before.run_id}, is not the one that it names", True
        if before is not None and before.run_id in named:
            other = named[before.run_id]
            yield run, f"it names {before.run_id} as the run before it, and so does {other}: the chain forks", True
        if before is not None:
            named[before.run_id] = run
    if records and not first and not alone:
        yield next(iter(records)), "no run here is the first of the chain", True


def tombstone_problems(
    folder: Store, run: str, manifest: bytes, note: Tombstone, verifier: Verifier | None
) -> Iterator[str]:
    """Yield what does not hold of a run whose files were removed by age."""
    expected = tombstone(run, hashlib.sha256(manifest).hexdigest(), note.removed, note.keep_days)
    data = folder.read(PRUNED)
    if data != expected:
        yield f"{PRUNED} is not of this run"
    elif not _due(run, note):
        yield f"{PRUNED} says that its files were removed before they were {note.keep_days} days old"
    if verifier is not None:
        signature = f"{PRUNED}{SIGNATURE}"
        if signature not in folder.entries():
            yield f"{PRUNED} is not signed"
        elif not verifier.holds(data, folder.read(signature), f"pruned {run}"):
            yield f"the signature of {PRUNED} does not hold"
    yield from (f"{name} is there, though its files were removed" for name in folder.entries() if name not in STAYS)


def _due(run_id: str, note: Tombstone) -> bool:
    try:
        began = datetime.strptime(run_id[:16], "%Y%m%dT%H%M%S%z")
        return datetime.fromisoformat(note.removed) - began >= timedelta(days=note.keep_days)
    except (ValueError, TypeError):
        return False
