"""`prune`: the files of old runs removed so that the chain can still be checked."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final

from audit import console
from audit.command_line.overlay import runs_store
from audit.command_line.result import Result
from audit.config.model import Config
from audit.errors import UsageError
from audit.job.sealing import signer_of
from audit.runs.runs import MANIFEST, PRUNED, Runs
from audit.runs.shards import FOLDER, last_written, records
from audit.runs.signing import SUFFIX as SIGNATURE
from audit.runs.signing import Signer
from audit.runs.tombstone import REMAINING, retained, tombstone, unfinished
from audit.storage.store import Store

_MERGED: Final = timedelta(days=2)  # a run can be merged again until then


def prune(config: Config) -> Result:
    """Remove the files of runs that are older than `evidence.keep_days`, except those that the next run builds on."""
    days = config.evidence.keep_days
    if days is None:
        raise UsageError("no retention given", fix="--keep-days N, or evidence.keep_days in the configuration")
    store, signer, now = runs_store(config), signer_of(config), datetime.now(UTC)
    listed = Runs(store, console.note).listed()
    limit, kept = f"{now - timedelta(days=days):%Y%m%dT%H%M%SZ}", retained(listed)
    old = [run.id for run in listed if run.id < limit and run.id not in kept]
    removed = [run for run in old if _remove(store.inside(run), run, days, now, signer)]
    broken_off = [run for run in unfinished(store, listed) if run < limit]
    for run in broken_off:
        store.remove(run)
    jobs = [job for job in store.entries(FOLDER) if _over(store.inside(f"{FOLDER}/{job}"), now, days)]
    for job in jobs:
        store.remove(f"{FOLDER}/{job}")
    return Result(
        value=lambda: {
            "folder": store.where,
            "keep_days": days,
            "removed": removed,
            "unfinished": broken_off,
            "jobs": jobs,
        },
        text=[
            *removed,
            f"{len(removed)} removed; their manifests stay",
            *(f"{run}: removed, it did not finish" for run in broken_off),
            *(f"{FOLDER}/{job}: removed, the job is over" for job in jobs),
        ],
        files=True,
    )


def _over(job: Store, now: datetime, days: int) -> bool:
    """Return whether what the shards of a job left is of no use: its run has copies of all, or it is too old."""
    last, left = last_written(job), records(job)
    ended = left.shard_count == len(left.found) > 0
    kept = min(timedelta(days=days), _MERGED) if ended else timedelta(days=days)
    return bool(last) and last < f"{now - kept:%Y-%m-%dT%H:%M:%SZ}"


def _remove(run: Store, run_id: str, days: int, now: datetime, signer: Signer | None) -> bool:
    """Put a note into a run and remove all but its manifest; return whether there was anything to remove."""
    there = run.entries()
    gone = [name for name in there if name not in REMAINING]
    if PRUNED in there and not gone:
        return False
    note = tombstone(run_id, hashlib.sha256(run.read(MANIFEST)).hexdigest(), f"{now:%Y-%m-%dT%H:%M:%SZ}", days)
    # The note first: if this is stopped in the middle, it is done to the end the next time.
    run.write(PRUNED, [note])
    if signer:
        run.write(f"{PRUNED}{SIGNATURE}", [signer.sign(note, f"pruned {run_id}")])
    for name in gone:
        run.remove(name)
    return True
