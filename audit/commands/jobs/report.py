"""`report`: the reports from saved snapshots or dumps."""

from collections.abc import Sequence
from pathlib import Path

from audit.command_line.options import PseudonymOptions, RunOptions
from audit.command_line.plan import Request
from audit.command_line.result import Result
from audit.command_line.run_result import finished
from audit.command_line.signals import stopping
from audit.command_line.sources import saved
from audit.errors import UsageError
from audit.job.load_config import load_config
from audit.job.run import Run


def report(
    paths: Sequence[str],
    config: Path | None,
    options: RunOptions,
    pseudonyms: PseudonymOptions | None = None,
    readers: Sequence[str] = (),
    zone_id: str | None = None,
) -> Result:
    """Report on saved snapshots."""
    if not paths:
        raise UsageError("nothing to report on", fix="give --snapshot PATH")
    request = Request.of(load_config(config) if config else None, options, None, pseudonyms, readers)
    plan, snapshots = request.plan(), saved(paths, options.only, zone_id)
    if request.names:
        request.names.refuse(snapshots)
    with stopping() as stop:
        run = Run(request.store, plan, stop)
        for snapshot in snapshots:
            run.keep(snapshot)
        return finished(run, request.names)
