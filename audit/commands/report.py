"""`report`: the reports from saved snapshots or dumps."""

from collections.abc import Sequence
from pathlib import Path

from audit.commands.options import PseudonymOptions, RunOptions
from audit.commands.plan import Request
from audit.commands.result import Result
from audit.commands.run_result import finished
from audit.commands.signals import stopping
from audit.commands.sources import saved
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
        raise UsageError("nothing to report on", fix="--snapshot PATH")
    request = Request.of(load_config(config) if config else None, options, None, pseudonyms, readers)
    plan, snapshots = request.plan(), saved(paths, options.only, zone_id)
    if request.names:
        request.names.refuse(snapshots)
    with stopping() as stop:
        run = Run(request.store, plan, stop)
        for snapshot in snapshots:
            run.keep(snapshot)
        return finished(run, request.names)
