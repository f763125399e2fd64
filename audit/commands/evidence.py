"""`check-evidence` and `prune`: are runs as they were written; and old ones removed so that this stays provable."""

import hashlib
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from audit.commands import terminal
from audit.commands.sealing import signer_of
from audit.config import Config
from audit.config_file import load_config
from audit.errors import DONE, NOT_HOLDING, UsageError
from audit.files import write_private
from audit.runs import MANIFEST, PRUNED, Folder, Manifest, Runs
from audit.signing import SUFFIX as SIGNATURE
from audit.signing import Signer, Verifier
from reports.evidence import DIGEST
from reports.evidence_check import check_evidence
from reports.tombstone import tombstone


def check(path: Path, public_key: Path | None, *, as_json: bool) -> int:
    """Print what does not hold of the run, or the runs, at `path`; return the exit code."""
    found = check_evidence(path, Verifier(public_key) if public_key else None)
    if as_json:
        keys = ("run", "what")
        terminal.result_json(
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
            terminal.note(f"{run}: {what}")
        terminal.lines(f"{run}: {what}" for run, what in found.problems)
        count = "1 run" if len(found.runs) == 1 else f"{len(found.runs)} runs"
        wrong = "1 thing does" if len(found.problems) == 1 else f"{len(found.problems)} things do"
        terminal.lines([f"{count} checked: {wrong} not hold" if found.problems else f"{count} checked: all holds"])
    return NOT_HOLDING if found.problems else DONE


def prune(config_path: Path | None, out: Path | None, keep_days: int | None, key: Path | None, *, as_json: bool) -> int:
    """Remove the files of runs that are older than so many days, but for those that the next run builds on."""
    config = load_config(config_path) if config_path else None
    folder, days = out or (config.output.directory if config else None), _days(config, keep_days)
    if folder is None or days is None:
        raise UsageError(
            "say which runs, and how long they are kept", fix="--out DIR --keep-days N, or --config FILE that says both"
        )
    signer, now = signer_of(config, key), datetime.now(UTC)
    removed = [
        run.id for run in _old(folder, now - timedelta(days=days)) if _remove(folder / run.id, days, now, signer)
    ]
    if as_json:
        terminal.result_json({"folder": str(folder), "keep_days": days, "removed": removed})
    else:
        terminal.lines([*removed, f"{len(removed)} removed; their manifests stay"])
    return DONE


def _days(config: Config | None, keep_days: int | None) -> int | None:
    return keep_days if keep_days is not None else config.evidence.keep_days if config else None


def _old(folder: Path, before: datetime) -> list[Manifest]:
    """Return the runs that began before a time, but for the newest complete one, and the newest state of each zone."""
    listed = Runs(Folder(folder), terminal.note).listed()
    needed = {run.id: run for run in listed if run.whole()}
    kept = {max(needed, default="")}
    for zone in {zone.id for run in listed for zone in run.run.zones}:
        kept.add(max((run.id for run in listed if run.whole(zone)), default=""))
    limit = f"{before:%Y%m%dT%H%M%SZ}"
    return [run for run in listed if run.id < limit and run.id not in kept]


def _remove(run: Path, days: int, now: datetime, signer: Signer | None) -> bool:
    """Put a note into a run and remove all but its manifest; say whether there was anything to remove."""
    kept = {MANIFEST, DIGEST, PRUNED, f"{MANIFEST}{SIGNATURE}", f"{PRUNED}{SIGNATURE}"}
    gone = [path for path in run.iterdir() if path.name not in kept]
    if (run / PRUNED).exists() and not gone:
        return False
    note = tombstone(
        run.name, hashlib.sha256((run / MANIFEST).read_bytes()).hexdigest(), f"{now:%Y-%m-%dT%H:%M:%SZ}", days
    )
    # The note first: if this is stopped in the middle, it is done to the end the next time.
    write_private(run / PRUNED, [note])
    if signer:
        write_private(run / f"{PRUNED}{SIGNATURE}", [signer.sign(note, f"pruned {run.name}")])
    for path in gone:
        try:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        except OSError as error:
            raise UsageError(f"cannot remove this: {error.strerror}", where=str(path)) from error
    return True
