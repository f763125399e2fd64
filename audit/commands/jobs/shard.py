"""`run --shard`: a part of the zones, collected by one of several machines, for `merge`."""

import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from audit import console
from audit.command_line.options import CollectOptions, RunOptions
from audit.command_line.plan import Request
from audit.command_line.pseudonyms import without_names
from audit.command_line.result import Grid, Result
from audit.command_line.run_result import note_gaps
from audit.command_line.signals import stopping
from audit.command_line.sources import collected
from audit.command_line.sources import zones as zones_of
from audit.commands.jobs.merge import job_folder, merge
from audit.errors import Stopped, UsageError
from audit.exit_codes import of_state
from audit.job.load_config import load_config
from audit.runs.info import ZoneInfo, overall_state, zone_info
from audit.runs.shards import Attempt, Shard, records

# Kubernetes sets the first in each pod of an Indexed Job; the Job's manifest sets the second.
INDEX: Final = "JOB_COMPLETION_INDEX"
COUNT: Final = "JOB_COMPLETIONS"


def part_of(environment: Mapping[str, str]) -> Shard:
    """Return which part of the zones this process is to read. Raises UsageError if the environment does not say."""
    numbers = {name: environment.get(name, "") for name in (INDEX, COUNT)}
    for name, value in numbers.items():
        if not value.isdecimal():
            state = f"is {value!r}" if value else "is not set"
            fix = f"an Indexed Job sets {INDEX}; set {COUNT} to the number of its completions"
            raise UsageError(f"--shard needs a whole number in {name}, which {state}", fix=fix)
    part = Shard(*map(int, numbers.values()))
    if part.index >= part.count:
        raise UsageError(f"{INDEX} is {part.index}, but there are only {part.count} parts, counted from 0")
    return part


def run_shard(
    path: Path, job: str | None, options: RunOptions, reading: CollectOptions, *, and_merge: bool = False
) -> Result:
    """Collect this shard's zones into the folder of the job.

    With `and_merge`, the shard that finishes last writes the report of all.
    """
    if reading.verify:
        raise UsageError(
            "--verify cannot be combined with --shard", fix="registry-audit verify compares zones by itself"
        )
    request = Request.of(without_names(load_config(path)), options, reading)
    part = part_of(os.environ)
    store, config = job_folder(request.store, job), request.config
    zones: list[ZoneInfo] = []
    with stopping() as stop:
        every = zones_of(config, options.only, stop)
        mine = every._replace(zones=[zone for zone in every.zones if part.holds(zone.id)])
        attempt = Attempt(store, part, uuid.uuid4().hex)
        for snapshot in collected(config, mine, stop):
            attempt.save(snapshot)
            zones.append(zone_info(snapshot))
        counts = attempt.finish()
        if stop.is_set():
            raise Stopped("stopped before all zones were read", where=store.where, fix="run the shard again")
    left = records(store)
    if and_merge and len(left.found) + len(left.damaged) == part.count:
        # Two that finish at the same moment may both be last: the report is then made twice, and none is lost.
        return merge(job, path, options)
    return _result(part, zones, counts=counts)


def _result(part: Shard, zones: Sequence[ZoneInfo], *, counts: bool) -> Result:
    for zone in zones:
        note_gaps(zone.id, zone.gaps)
    if not counts:
        console.note("note: an earlier attempt at this shard is complete, and this one is not: the earlier one is used")
    state = overall_state(zone.state for zone in zones) if zones else "complete"
    states = {zone.id: zone.state for zone in zones}
    console.event("shard", state=state, index=part.index, count=part.count, zones=states)
    rows = [[zone, state] for zone, state in states.items()]
    text: list[str | Grid] = [Grid(["zone", "state"], rows), "", f"shard {part.index} of {part.count}: {state}"]
    return Result(
        value=lambda: {"state": state, "index": part.index, "count": part.count, "zones": states},
        text=() if console.for_programs() else text,
        exit_code=of_state(state),
        files=True,
    )
