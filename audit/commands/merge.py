"""`run --shard` and `merge`: a job that works through many zones on several machines, and the report of all."""

import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from audit import console
from audit.collect.run import failed
from audit.collect.zones import Zone
from audit.commands.run import EXIT_CODES_OF, RunOptions, place_of_runs, tell, tell_gaps, wanted_of
from audit.commands.sources import collected, live, stopping
from audit.commands.sources import zones as zones_of
from audit.errors import Stopped, UsageError
from audit.job.run import Run
from audit.notify.notify import watched
from audit.runs.info import ZoneInfo, overall, zone_info
from audit.runs.shards import Attempt, Shard, job_store, records, snapshots

# What Kubernetes tells each pod of an Indexed Job, and what the Job's manifest tells beside it.
INDEX: Final = "JOB_COMPLETION_INDEX"
COUNT: Final = "JOB_COMPLETIONS"


def part_of(environment: Mapping[str, str]) -> Shard:
    """Return which part of the zones this process is to read. Raises UsageError when the environment does not say."""
    given = {name: environment.get(name, "") for name in (INDEX, COUNT)}
    for name, value in given.items():
        if not value.isdecimal():
            said = f"is {value!r}" if value else "is not set"
            fix = f"an Indexed Job sets {INDEX}; give {COUNT} the number of its completions"
            raise UsageError(f"--shard needs a whole number in {name}, which {said}", fix=fix)
    part = Shard(*map(int, given.values()))
    if part.index >= part.count:
        raise UsageError(f"{INDEX} is {part.index}, and there are only {part.count} parts, counted from 0")
    return part


def run_shard(path: Path, job: str | None, asked: RunOptions, *, and_merge: bool = False) -> int:
    """Collect this shard's zones into the job's folder; return the exit code.

    With `and_merge`, the shard that is done last makes the report of all.
    """
    if asked.verify:
        raise UsageError("--verify does not go with --shard", fix="registry-audit verify compares a zone by itself")
    part, config = part_of(os.environ), live(path, asked.scope)
    store = job_store(place_of_runs(asked.out, config), _named(job))
    done: list[ZoneInfo] = []
    with stopping() as stop:
        found = zones_of(config, asked.only, stop)
        mine = found._replace(zones=[zone for zone in found.zones if part.holds(zone.id)])
        attempt = Attempt(store, part, uuid.uuid4().hex)
        for snapshot in collected(config, mine, stop):
            attempt.save(snapshot)
            done.append(zone_info(snapshot))
        counts = attempt.finish()
        if stop.is_set():
            raise Stopped("stopped before all zones were read", where=store.where, fix="run the shard again")
    if and_merge and len(records(store)) == part.count:
        # Two that end at the same moment may both be last: the same report is made twice then, and none is lost.
        return merge(job, path, asked)
    return _tell_shard(part, done, counts=counts, as_json=asked.as_json)


def merge(job: str | None, path: Path, asked: RunOptions) -> int:
    """Write the report of all zones out of what the shards of a job have left; return the exit code."""
    config = live(path, None)
    out = place_of_runs(asked.out, config)
    store = job_store(out, _named(job))
    left = records(store)
    if not left:
        raise UsageError("no shard of this job has left anything here", where=store.where, fix="--job, --out")
    with stopping() as stop, watched(config, stop) as watch:
        found = zones_of(config, asked.only, stop)
        known = {zone.id: zone for zone in found.zones}
        everything = {*known, *(zone for record in left.values() for zone in record.zones)}
        zones = sorted(known if asked.only else everything)
        wanted = replace(wanted_of(config, asked), every_zone=found.whole and not asked.only)
        folder = watch.run = Run(out, wanted, stop)
        for name, kept in snapshots(store, left, zones):
            zone = known.get(name, Zone(name))
            folder.keep(failed(zone, "missing", kept) if isinstance(kept, str) else kept)
        return tell(folder.finish(), folder.store, as_json=asked.as_json)


def _named(job: str | None) -> str:
    if not job:
        raise UsageError("the shards of which job?", fix="--job NAME, or REGISTRY_AUDIT_JOB in the environment")
    return job


def _tell_shard(part: Shard, zones: Sequence[ZoneInfo], *, counts: bool, as_json: bool) -> int:
    for zone in zones:
        tell_gaps(zone.id, zone.gaps)
    if not counts:
        console.note("note: an earlier attempt at this shard lacks nothing, and this one does: the earlier one counts")
    state = overall(zone.state for zone in zones) if zones else "complete"
    states = {zone.id: zone.state for zone in zones}
    console.event("shard", state=state, index=part.index, count=part.count, zones=states)
    if as_json:
        console.result_json({"state": state, "index": part.index, "count": part.count, "zones": states})
    elif not console.for_programs():
        console.table(["zone", "state"], [[zone.id, zone.state] for zone in zones])
        console.lines(["", f"shard {part.index} of {part.count}: {state}"])
    return EXIT_CODES_OF[state]
