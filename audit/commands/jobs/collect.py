"""`collect`: the zones of a configuration, into snapshot files."""

from collections.abc import Sequence

from audit.command_line.overlay import runs_store
from audit.command_line.result import Grid, Result
from audit.command_line.run_result import note_gaps
from audit.command_line.signals import stopping
from audit.command_line.sources import collected
from audit.command_line.sources import zones as zones_of
from audit.config.model import Config
from audit.errors import Stopped
from audit.exit_codes import of_state
from audit.runs.info import overall_state, zone_info
from audit.snapshot.model import SUFFIX, encode


def collect(config: Config, only: Sequence[str]) -> Result:
    """Collect the zones of a configuration, or those of `only`, into its output folder: a snapshot file for each."""
    folder, zones = runs_store(config), []
    with stopping() as stop:
        for snapshot in collected(config, zones_of(config, only, stop), stop):
            folder.write(f"{snapshot.origin.zone}{SUFFIX}", [encode(snapshot)])
            zones.append(zone_info(snapshot))
        if stop.is_set():
            fix = "each snapshot says what it lacks"
            raise Stopped("stopped before all zones were read", where=folder.where, fix=fix)
    for zone in zones:
        note_gaps(zone.id, zone.gaps)
    state = overall_state(zone.state for zone in zones)
    files = {zone.id: {"state": zone.state, "file": f"{folder.where}/{zone.id}{SUFFIX}"} for zone in zones}
    return Result(
        value=lambda: {"state": state, "snapshots": files},
        text=[Grid(["zone", "state", "file"], [[zone, *file.values()] for zone, file in files.items()])],
        exit_code=of_state(state),
        files=True,
    )
