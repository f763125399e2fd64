"""The main job and its parts: `run`, `collect`, `report` and `demo`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from audit.checks.settings import settings_of
from audit.commands import terminal
from audit.commands.run_folder import Run, Wanted
from audit.commands.sources import collected, live, saved, stopping
from audit.config import USUAL_FORMATS, Config, config_digest
from audit.config_file import load_config
from audit.errors import DONE, NOTHING, PARTIAL, Stopped, UsageError
from audit.files import make_private_dir, write_private
from audit.snapshot import SUFFIX, encode
from reports.formats import FORMATS
from reports.run import RunInfo, overall, zone_info

_DEMO: Final = Path(__file__).parent.parent / "demo"
_EXIT_CODES: Final = {"complete": DONE, "partial": PARTIAL, "failed": NOTHING}
_GAPS_TOLD: Final = 20


def run(
    path: Path,
    out: Path | None,
    only: Sequence[str],
    formats: Sequence[str],
    *,
    scope: str | None = None,
    as_json: bool,
) -> int:
    """Collect the zones of a configuration and report on them; return the exit code."""
    config = live(path, scope)
    wanted = _wanted(config, formats)
    with stopping() as stop:
        folder = Run(_folder(out, config), wanted, stop)
        for snapshot in collected(config, only, stop):
            folder.keep(snapshot)
        return _tell(folder.finish(), folder.path, as_json=as_json)


def collect(path: Path, out: Path | None, only: Sequence[str], *, scope: str | None = None, as_json: bool) -> int:
    """Collect the zones of a configuration into `out`, a snapshot file for each; return the exit code."""
    config = live(path, scope)
    folder = make_private_dir(_folder(out, config))
    zones = []
    with stopping() as stop:
        for snapshot in collected(config, only, stop):
            write_private(folder / f"{snapshot.origin.zone}{SUFFIX}", [encode(snapshot)])
            zones.append(zone_info(snapshot))
        if stop.is_set():
            raise Stopped(
                "stopped before all zones were read", where=str(folder), fix="each snapshot says what it lacks"
            )
    for zone in zones:
        _tell_gaps(zone.id, zone.gaps)
    state = overall(zone.state for zone in zones)
    if as_json:
        files = {zone.id: {"state": zone.state, "file": str(folder / f"{zone.id}{SUFFIX}")} for zone in zones}
        terminal.result_json({"state": state, "snapshots": files})
    else:
        terminal.table(["zone", "state", "file"], [[z.id, z.state, str(folder / f"{z.id}{SUFFIX}")] for z in zones])
    return _EXIT_CODES[state]


def report(
    paths: Sequence[Path],
    config_path: Path | None,
    out: Path | None,
    only: Sequence[str],
    formats: Sequence[str],
    *,
    as_json: bool,
) -> int:
    """Report on saved snapshots; return the exit code."""
    if not paths:
        raise UsageError("say what to report on", fix="--snapshot PATH")
    config = load_config(config_path) if config_path else None
    snapshots = saved(paths, only)
    with stopping() as stop:
        folder = Run(_folder(out, config), _wanted(config, formats), stop)
        for snapshot in snapshots:
            folder.keep(snapshot)
        return _tell(folder.finish(), folder.path, as_json=as_json)


def demo(out: Path, *, as_json: bool) -> int:
    """Report on the zones that come with the program; return the exit code."""
    return report(sorted(_DEMO.glob("demo-*")), None, out, (), (), as_json=as_json)


def _wanted(config: Config | None, formats: Sequence[str]) -> Wanted:
    for name in formats:
        if name not in FORMATS:
            raise UsageError(f"no such format: {name}", fix=f"choose from {', '.join(FORMATS)}")
    chosen = tuple(dict.fromkeys(formats or (config.output.formats if config else USUAL_FORMATS)))
    return Wanted(
        chosen,
        config.namespaces.selects if config and not config.namespaces.everything else None,
        config_digest(config) if config else "",
        settings_of(config),
    )


def _folder(out: Path | None, config: Config | None) -> Path:
    found = out or (config.output.directory if config else None)
    if found is None:
        raise UsageError("no folder to write into", fix="--out DIR, or output.directory in the configuration")
    return found


def _tell(run: RunInfo, folder: Path, *, as_json: bool) -> int:
    """Print what a run has left and what it did not see; return the exit code."""
    for zone in run.zones:
        _tell_gaps(zone.id, zone.gaps)
    if as_json:
        zones = {zone.id: zone.state for zone in run.zones}
        terminal.result_json({"state": run.state, "zones": zones, "folder": str(folder)})
    else:
        header = ["zone", "state", "namespaces", "left out", "as of"]
        rows = [[z.id, z.state, str(z.namespaces), str(z.excluded), z.as_of] for z in run.zones]
        terminal.table(header, rows)
        page = folder / "report.html"
        terminal.lines(["", f"{run.state}: {page if page.exists() else folder}"])
    return _EXIT_CODES[run.state]


def _tell_gaps(zone: str, gaps: Sequence[str]) -> None:
    for gap in gaps[:_GAPS_TOLD]:
        terminal.note(f"{zone}: not seen: {gap}")
    if len(gaps) > _GAPS_TOLD:
        terminal.note(f"{zone}: not seen: {len(gaps) - _GAPS_TOLD} more (coverage.csv has all)")
