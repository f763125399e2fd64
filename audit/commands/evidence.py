"""`check-evidence` and `prune`: are runs as they were written; and old ones removed so that this stays provable."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from audit import console
from audit.commands.run import place_of_runs
from audit.errors import DONE, NOT_HOLDING, UsageError
from audit.job.load_config import load_config
from audit.job.sealing import signer_of
from audit.runs.check import check_evidence
from audit.runs.runs import MANIFEST, PRUNED, EarlierRun, Runs
from audit.runs.signing import SUFFIX as SIGNATURE
from audit.runs.signing import Signer, Verifier
from audit.runs.tombstone import STAYS, tombstone
from audit.storage.store import Store


def check(place: str, public_key: Path | None, *, as_json: bool) -> int:
    """Print what does not hold of the run, or the runs, at `place`; return the exit code."""
    found = check_evidence(place, Verifier(public_key) if public_key else None)
    if as_json:
        keys = ("run", "what")
        console.result_json(
            {
                "holds": not found.problems,
                "signatures": "checked" if public_key else "not checked",
                "runs": found.runs,
                "problems": [dict(zip(keys, one, strict=True)) for one in found.problems],
                "remarks": [dict(zip(keys, one, strict=True)) for one in found.remarks],
            }
        )
    else:
        for run, what in found.remarks:
            console.note(f"{run}: {what}")
        console.lines(f"{run}: {what}" for run, what in found.problems)
        count = "1 run" if len(found.runs) == 1 else f"{len(found.runs)} runs"
        wrong = "1 thing does" if len(found.problems) == 1 else f"{len(found.problems)} things do"
        console.lines([f"{count} checked: {wrong} not hold" if found.problems else f"{count} checked: all holds"])
    return NOT_HOLDING if found.problems else DONE


def prune(config_path: Path | None, out: str | None, keep_days: int | None, key: Path | None, *, as_json: bool) -> int:
    """Remove the files of runs that are older than so many days, but for those that the next run builds on."""
    config = load_config(config_path) if config_path else None
    days = keep_days if keep_days is not None else config.evidence.keep_days if config else None
    if days is None:
        raise UsageError("say how long runs are kept", fix="--keep-days N, or evidence.keep_days in the configuration")
    store, signer, now = place_of_runs(out, config), signer_of(config, key), datetime.now(UTC)
    old = _old(store, now - timedelta(days=days))
    removed = [run.id for run in old if _remove(store.inside(run.id), run.id, days, now, signer)]
    if as_json:
        console.result_json({"folder": store.where, "keep_days": days, "removed": removed})
    else:
        console.lines([*removed, f"{len(removed)} removed; their manifests stay"])
    return DONE


def _old(out: Store, before: datetime) -> list[EarlierRun]:
    """Return the runs that began before a time, but for the newest complete one, and the newest state of each zone."""
    listed = Runs(out, console.note).listed()
    needed = {run.id: run for run in listed if run.whole()}
    kept = {max(needed, default="")}
    for zone in {zone.id for run in listed for zone in run.run.zones}:
        kept.add(max((run.id for run in listed if run.whole(zone)), default=""))
    limit = f"{before:%Y%m%dT%H%M%SZ}"
    return [run for run in listed if run.id < limit and run.id not in kept]


def _remove(run: Store, run_id: str, days: int, now: datetime, signer: Signer | None) -> bool:
    """Put a note into a run and remove all but its manifest; say whether there was anything to remove."""
    there = run.entries()
    gone = [name for name in there if name not in STAYS]
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
