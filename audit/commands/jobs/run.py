"""`run`: collect all zones, and write the reports."""

from dataclasses import replace
from pathlib import Path

from audit.command_line.current_context import OUT
from audit.command_line.options import CollectOptions, PseudonymOptions, RunOptions
from audit.command_line.plan import Request
from audit.command_line.result import Result
from audit.command_line.run_result import finished
from audit.command_line.signals import stopping
from audit.command_line.sources import collected, configured
from audit.command_line.sources import zones as zones_of
from audit.job.run import Run
from audit.notify.notify import watched


def run(path: Path | None, options: RunOptions, collect: CollectOptions, pseudonyms: PseudonymOptions) -> Result:
    """Collect the zones of a configuration, or the current context, and report on them."""
    if path is None and options.out is None:
        options = replace(options, out=OUT)
    request = Request.of(configured(path), options, collect, pseudonyms, from_file=path is not None)
    config, names = request.config, request.names
    with stopping() as stop, watched(config, stop) as watch:
        zones = zones_of(config, options.only, stop)
        plan = request.plan(stale_days=config.collect.stale_days, every_zone=zones.whole and not options.only)
        folder = watch.run = Run(request.store, plan, stop)
        real = []  # a zone knows no pseudonyms
        for snapshot in collected(config, zones, stop):
            folder.keep(snapshot)
            real += [snapshot] if names and request.verify else []
        if request.verify:
            from audit.commands.evidence.verify import verified

            verifications = verified(config, zones.zones, real if names else folder.snapshots, request.verify, stop)
            folder.verified = {
                zone: verification.unnamed if names else verification for zone, verification in verifications.items()
            }
        return finished(folder, names)
