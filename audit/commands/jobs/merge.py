"""`merge`: the report of all zones from what the shards of a job have left."""

from pathlib import Path

from audit.collect.run import failed
from audit.collect.zones import Zone
from audit.command_line.options import RunOptions
from audit.command_line.plan import Request
from audit.command_line.pseudonyms import without_names
from audit.command_line.result import Result
from audit.command_line.run_result import finished
from audit.command_line.signals import stopping
from audit.command_line.sources import zones as zones_of
from audit.errors import UsageError
from audit.job.load_config import load_config
from audit.job.run import Run
from audit.notify.notify import watched
from audit.runs.shards import job_store, records, snapshots
from audit.storage.store import Store


def merge(job: str | None, path: Path, options: RunOptions) -> Result:
    """Write the report of all zones from what the shards of a job have left."""
    request = Request.of(without_names(load_config(path)), options)
    config, store = request.config, job_folder(request.store, job)
    left = records(store)
    if not left.found and left.damaged:
        raise UsageError(min(left.damaged.values()), fix="run the shards again")
    if not left.found:
        raise UsageError("no shard of this job has left anything here", where=store.where, fix="--job, --out")
    with stopping() as stop, watched(config, stop) as watch:
        found = zones_of(config, options.only, stop)
        known = {zone.id: zone for zone in found.zones}
        everything = {*known, *(zone for record in left.found.values() for zone in record.zones)}
        zones = sorted(known if options.only else everything)
        run = watch.run = Run(request.store, request.plan(every_zone=found.whole and not options.only), stop)
        for index, reason in sorted(left.damaged.items()):
            run.files.lack(f"the result of shard {index}", reason)
        for name, kept in snapshots(store, left, zones):
            zone = known.get(name, Zone(name))
            run.keep(failed(zone, "missing", kept) if isinstance(kept, str) else kept)
        return finished(run)


def job_folder(runs: Store, job: str | None) -> Store:
    """Return where the shards of a job leave their parts. Raises UsageError if the job is not named."""
    if not job:
        raise UsageError("no job named", fix="--job NAME, or REGISTRY_AUDIT_JOB in the environment")
    return job_store(runs, job)
