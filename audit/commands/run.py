"""The main job and its parts: `run`, `collect`, `report` and `demo`."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from audit import console
from audit.checks.settings import settings_of
from audit.commands.pseudonyms import EXCEPTIONS_DIGEST, Names, names_of
from audit.commands.sources import collected, live, saved, stopping
from audit.commands.sources import zones as zones_of
from audit.config.model import USUAL_FORMATS, Config, CsvConfig, config_digest
from audit.errors import DONE, NOTHING, PARTIAL, Stopped, UsageError
from audit.findings.exceptions import ExceptionSet, load_exceptions
from audit.findings.fail_on import Gate
from audit.job.judging import Judgement
from audit.job.load_config import load_config
from audit.job.run import Run, RunPlan
from audit.job.sealing import Seal, reach_of, signer_of
from audit.notify.notify import watched
from audit.runs.info import RunInfo, overall, zone_info
from audit.snapshot.model import SUFFIX, encode
from audit.snapshot.scope import Selects
from audit.storage.store import Store, store_of
from audit.tables.model import SEVERITIES
from reports.audience import audience
from reports.formats import FORMATS, PAGE

_DEMO: Final = Path(__file__).parent.parent / "demo"
EXIT_CODES_OF: Final = {"complete": DONE, "partial": PARTIAL, "failed": NOTHING}
_GAPS_TOLD: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a command line says beside the configuration, and before it."""

    out: str | None = None  # path or URL
    only: Sequence[str] = ()
    formats: Sequence[str] = ()
    scope: str | None = None
    stale_days: float | None = None
    readers: Sequence[str] = ()  # `zone:ID` or `organization:NAME`: who gets a report of their own
    verify: int = 0  # cells of each zone to compare with its own answers
    exceptions: Path | None = None
    fail_on: str | None = None
    fail_on_new: bool = False
    sign_key: Path | None = None
    pseudonyms: Path | None = None  # key by which names are replaced
    pseudonym_map: Path | None = None  # where the names behind them are kept
    expand: bool = False
    as_json: bool = False


def run(path: Path, asked: RunOptions) -> int:
    """Collect the zones of a configuration and report on them; return the exit code."""
    config = live(path, asked.scope)
    days = config.collect.stale_days if asked.stale_days is None else asked.stale_days
    names = _names(config, asked)
    wanted = replace(wanted_of(config, asked, names), stale_days=days)
    with stopping() as stop, watched(config, stop) as watch:
        zones = zones_of(config, asked.only, stop)
        wanted = replace(wanted, every_zone=zones.whole and not asked.only)
        folder = watch.run = Run(place_of_runs(asked.out, config), wanted, stop)
        real = []  # a zone knows nothing of pseudonyms
        for snapshot in collected(config, zones, stop):
            folder.keep(snapshot)
            real += [snapshot] if names and asked.verify else []
        if asked.verify:
            from audit.commands.verify import verified

            asking = real if names else folder.snapshots
            found = verified(config, zones.zones, asking, asked.verify, stop)
            folder.verified = {zone: one.unnamed if names else one for zone, one in found.items()}
        return _finished(folder, names, asked)


def collect(path: Path, out: str | None, only: Sequence[str], *, scope: str | None = None, as_json: bool) -> int:
    """Collect the zones of a configuration into `out`, a snapshot file for each; return the exit code."""
    config = live(path, scope)
    folder = place_of_runs(out, config)
    zones = []
    with stopping() as stop:
        for snapshot in collected(config, zones_of(config, only, stop), stop):
            folder.write(f"{snapshot.origin.zone}{SUFFIX}", [encode(snapshot)])
            zones.append(zone_info(snapshot))
        if stop.is_set():
            raise Stopped(
                "stopped before all zones were read", where=folder.where, fix="each snapshot says what it lacks"
            )
    for zone in zones:
        tell_gaps(zone.id, zone.gaps)
    state = overall(zone.state for zone in zones)
    if as_json:
        files = {zone.id: {"state": zone.state, "file": f"{folder.where}/{zone.id}{SUFFIX}"} for zone in zones}
        console.result_json({"state": state, "snapshots": files})
    else:
        console.table(["zone", "state", "file"], [[z.id, z.state, f"{folder.where}/{z.id}{SUFFIX}"] for z in zones])
    return EXIT_CODES_OF[state]


def report(paths: Sequence[str], config_path: Path | None, asked: RunOptions) -> int:
    """Report on saved snapshots; return the exit code."""
    if not paths:
        raise UsageError("say what to report on", fix="--snapshot PATH")
    config = load_config(config_path) if config_path else None
    names = _names(config, asked)
    wanted = wanted_of(config, asked, names)
    snapshots = saved(paths, asked.only)
    if names:
        names.refuse(snapshots)
    with stopping() as stop:
        folder = Run(place_of_runs(asked.out, config), wanted, stop)
        for snapshot in snapshots:
            folder.keep(snapshot)
        return _finished(folder, names, asked)


def _names(config: Config | None, asked: RunOptions) -> Names | None:
    return names_of(asked.pseudonyms, asked.pseudonym_map, place_of_runs(asked.out, config).where)


def _finished(folder: Run, names: Names | None, asked: RunOptions) -> int:
    if names:
        names.keep()
        console.note(f"the names behind the pseudonyms are in {names.path}")
    return tell(folder.finish(), folder.store, as_json=asked.as_json)


def demo(out: str, *, as_json: bool) -> int:
    """Report on the zones that come with the program; return the exit code."""
    return report(sorted(map(str, _DEMO.glob("demo-*"))), None, RunOptions(out=out, as_json=as_json))


def wanted_of(config: Config | None, asked: RunOptions, names: Names | None = None) -> RunPlan:
    """Return what a run is to make of snapshots; `names` replaces names. Raises UsageError for what there is not."""
    for name in asked.formats:
        if name not in FORMATS:
            raise UsageError(f"no such format: {name}", fix=f"choose from {', '.join(FORMATS)}")
    chosen = tuple(dict.fromkeys(asked.formats or (config.output.formats if config else USUAL_FORMATS)))
    judgement = _judgement(config, asked)
    selects: Selects | None = config.namespaces.selects if config and not config.namespaces.everything else None
    readers = [audience(one) for one in asked.readers]
    options = _options(config, asked, chosen, judgement)
    digest = config_digest(config) if config else ""
    if names:
        judgement = names.judgement(judgement)
        selects = selects and names.by.selects(selects)
        readers = [*map(names.reader, readers)]
        options, digest = names.options(options), names.by.digest(digest)
    return RunPlan(
        chosen,
        selects,
        digest,
        judgement,
        Seal(
            reach_of(config, judgement.settings),
            options,
            signer_of(config, asked.sign_key),
            names.by if names else None,
        ),
        hiding=names.hiding(config) if names else None,
        expand=_expand(config, asked),
        reports_by=config.output.reports_by if config else (),
        reports_for=readers,
        csv=config.output.csv if config else CsvConfig(),
    )


def _options(config: Config | None, asked: RunOptions, formats: Sequence[str], judgement: Judgement) -> dict[str, str]:
    """Return what was asked for, as the manifest says it: what decides what a run holds."""
    exceptions = _exceptions(config, asked)
    said = {
        "zones": ", ".join(asked.only),
        "formats": ", ".join(formats),
        "scope": asked.scope or (config.collect.scope if config else ""),
        "verify": str(asked.verify or ""),
        EXCEPTIONS_DIGEST: hashlib.sha256(exceptions.read_bytes()).hexdigest() if exceptions else "",
        "fail_on": judgement.gate.fail_on or "",
        "fail_on_new": "yes" if judgement.gate.fail_on_new else "",
        "expand": "yes" if _expand(config, asked) else "",
    }
    return {name: text for name, text in said.items() if text}


def _expand(config: Config | None, asked: RunOptions) -> bool:
    return asked.expand or bool(config and config.output.expand_cluster_wide)


def _exceptions(config: Config | None, asked: RunOptions) -> Path | None:
    return asked.exceptions or (config.exceptions if config else None)


def _judgement(config: Config | None, asked: RunOptions) -> Judgement:
    path = _exceptions(config, asked)
    severity = asked.fail_on or (config.fail_on if config else None)
    if severity and severity not in SEVERITIES:
        raise UsageError(f"no such severity: {severity}", fix=f"choose from {', '.join(SEVERITIES)}")
    return Judgement(
        settings_of(config),
        ExceptionSet(load_exceptions(path) if path else ()),
        Gate(severity, asked.fail_on_new or bool(config and config.fail_on_new)),
    )


def place_of_runs(out: str | None, config: Config | None) -> Store:
    """Return where runs are kept. Raises UsageError when nobody says."""
    found = out or (config.output.directory if config else None)
    if found is None:
        raise UsageError("no folder to write into", fix="--out DIR, or output.directory in the configuration")
    return store_of(found)


def tell(run: RunInfo, folder: Store, *, as_json: bool) -> int:
    """Print what a run has left and what it did not see; return the exit code."""
    for zone in run.zones:
        tell_gaps(zone.id, zone.gaps)
    states = {zone.id: zone.state for zone in run.zones}
    findings = asdict(run.findings) if run.findings else {}
    console.event("run", state=run.state, exit_code=run.exit_code, zones=states, findings=findings)
    if as_json:
        console.result_json({"state": run.state, "zones": states, "folder": folder.where, "findings": findings})
    elif not console.for_programs():
        header = ["zone", "state", "namespaces", "left out", "as of"]
        rows = [[z.id, z.state, str(z.namespaces), str(z.excluded), z.as_of] for z in run.zones]
        console.table(header, rows)
        page = f"{folder.where}/{PAGE}" if PAGE in folder.entries() else folder.where
        found = [run.findings.text] if run.findings else []
        console.lines(["", *found, f"{run.state}: {page}"])
    return run.exit_code


def tell_gaps(zone: str, gaps: Sequence[str]) -> None:
    """Say what was not seen of a zone."""
    if console.for_programs():
        # What a server answers may name people.
        if gaps:
            console.event("not_seen", {"gaps": [*gaps[:_GAPS_TOLD]]}, level="warning", zone=zone, count=len(gaps))
        return
    for gap in gaps[:_GAPS_TOLD]:
        console.note(f"{zone}: not seen: {gap}")
    if len(gaps) > _GAPS_TOLD:
        console.note(f"{zone}: not seen: {len(gaps) - _GAPS_TOLD} more (coverage.csv has all)")
