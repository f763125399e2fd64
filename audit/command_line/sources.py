"""Where a command's facts come from: saved snapshots, dumps, or the zones of a configuration, collected now."""

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from audit.command_line.options import FactsOptions
from audit.command_line.progress import progress
from audit.command_line.signals import stopping
from audit.errors import AuditError, Stopped, UsageError, contained
from audit.runs.runs import SNAPSHOTS, is_run, newest_first
from audit.snapshot.model import SUFFIX, Snapshot, decode, is_snapshot, load
from audit.storage.store import LATEST, Store, is_url, locate, store_of

if TYPE_CHECKING:
    from audit.collect.control_api import ZoneDirectory
    from audit.collect.limits import Limits
    from audit.config.model import Config


def facts(options: FactsOptions) -> list[Snapshot]:
    """Return the snapshots that a question is about. Raises UsageError when it does not say which."""
    only = options.zone or ()
    if options.snapshot and options.config:
        raise UsageError(
            "give either --snapshot or --config", fix="--snapshot PATH for what was saved, --config FILE to collect now"
        )
    if options.snapshot:
        return saved(options.snapshot, only, options.zone_id)
    from audit.command_line.overlay import config_with

    config = config_with(configured(options.config, or_snapshot=True), scope=options.scope)
    with stopping() as stop:
        snapshots = sorted(
            collected(config, zones(config, only, stop), stop), key=lambda snapshot: snapshot.origin.zone
        )
    if stop.is_set():
        raise Stopped("stopped before all zones were read")
    return snapshots


def configured(path: Path | None, *, or_snapshot: bool = False) -> "Config":
    """Return the configuration in a file, or that of the current context. Raises UsageError.

    `or_snapshot`: the command takes saved facts too.
    """
    if path is None:
        from audit.command_line.current_context import FIX, current_config

        return current_config(f"{FIX}, or what was saved with --snapshot PATH" if or_snapshot else FIX)
    from audit.job.load_config import load_config

    return load_config(path)


def only_one(snapshots: Sequence[Snapshot]) -> Snapshot:
    """Return the only snapshot. Raises UsageError when there are several."""
    if len(snapshots) > 1:
        zones = ", ".join(snapshot.origin.zone for snapshot in snapshots)
        raise UsageError("several zones", fix=f"--zone with one of {zones}")
    return snapshots[0]


def saved(paths: Sequence[str], only: Sequence[str] = (), zone_id: str | None = None) -> list[Snapshot]:
    """Return the snapshots at `paths`, by zone: snapshot files, folders of these, runs, or dumps.

    `zone_id` is what the zone of a dump is called, in place of the name of its folder or file.

    Where there are several, one that cannot be read costs its zone only, which is then failed. Raises UsageError when
    none can be read, when two are of the same zone, or when a zone of `only` is not there.
    """
    found: dict[str, Snapshot] = {}
    damaged: dict[str, AuditError] = {}  # by the name of its file, which is usually its zone
    for path in paths:
        for name, read in _at(path, zone_id or ""):
            try:
                snapshot = judged(read())
            except BaseException as error:  # noqa: BLE001  one snapshot never loses the others
                reason = contained(error)
                damaged[name] = error if isinstance(error, AuditError) else UsageError(reason, where=path)
                continue
            if snapshot.origin.zone in found:
                raise UsageError(f"zone {snapshot.origin.zone} is given twice", where=path, fix="give one of them")
            found[snapshot.origin.zone] = snapshot
    if damaged and not found:
        raise next(iter(damaged.values()))
    found |= {zone: _damaged(zone, error) for zone, error in damaged.items() if zone not in found}
    for zone in only:
        if zone not in found:
            raise UsageError(f"no snapshot of zone {zone}", fix=f"known zones: {', '.join(sorted(found))}")
    return [snapshot for zone, snapshot in sorted(found.items()) if not only or zone in only]


def judged(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot with gaps for lists that cannot be complete, which an earlier version did not look for.

    Pseudonyms hide what lists are compared by.
    """
    if snapshot.origin.judged or snapshot.origin.names or snapshot.origin.stale:
        return snapshot
    from audit.collect.completeness import believed

    return believed(snapshot)


def _damaged(zone: str, error: AuditError) -> Snapshot:
    from audit.collect.run import failed
    from audit.collect.zones import Zone

    return failed(Zone(zone), "malformed", str(error))


def zones(config: "Config", only: Sequence[str], stop: threading.Event) -> "ZoneDirectory":
    """Return the zones of a configuration, wherever they are listed, or those of `only`. Raises UsageError."""
    from audit.collect.control_api import find_zones

    return find_zones(config, limits_of(config), only, stop)


def collected(config: "Config", found: "ZoneDirectory", stop: threading.Event) -> Iterator[Snapshot]:
    """Collect zones as a configuration says, several at once, and yield a snapshot for each."""
    from audit.collect.run import collect_zones

    limits, at_once = limits_of(config), config.collect.zones_at_once
    with progress([zone.id for zone in found.zones]) as listener:
        yield from collect_zones(found.zones, limits, listener, stop, at_once=at_once, declared=found.declared)


def runs_at(place: str) -> Store:
    """Return the folder of runs that a place is, or that the run there belongs to. Raises UsageError."""
    last = place.rstrip("/").rpartition("/")[2]
    if not is_url(place) or last == LATEST or is_run(last):
        store, name = locate(place)
        if is_run(name):
            return store
    return store_of(place)


def limits_of(config: "Config") -> "Limits":
    """Return the limits for reading a zone."""
    from audit.collect.limits import Limits

    given = config.collect
    return Limits(
        timeout=given.timeout_seconds,
        request_timeout=given.request_timeout_seconds,
        page_size=given.page_size,
        retries=given.retries,
        kinds=given.kinds,
        in_flight=given.requests_at_once,
        per_second=given.requests_per_second,
        scope=given.scope,
    )


def _at(place: str, zone_id: str) -> Iterator[tuple[str, Callable[[], Snapshot]]]:
    """Yield a name and a reader of each snapshot at a place. Raises UsageError if there is none."""
    if is_url(place):
        yield from _stored(place)
        return
    if zone_id and Path(zone_id).name != zone_id:
        raise UsageError("a zone's name cannot hold a slash", where="--zone-id", fix="letters, digits and dashes")
    path = Path(place)
    if path.is_file() and is_snapshot(path):
        yield path.name.removesuffix(SUFFIX), partial(load, path)
        return
    if not path.is_file() and not path.is_dir() and place != "-":
        wrong = "not a regular file" if path.exists() else "no such file or folder"
        raise UsageError(wrong, where=place, fix="give a snapshot, or the folder or file of a dump")
    path = _newest_run(path) or path
    files = sorted((path / SNAPSHOTS).glob(f"*{SUFFIX}")) or sorted(path.glob(f"*{SUFFIX}"))
    for file in files:
        yield file.name.removesuffix(SUFFIX), partial(load, file)
    if not files:
        from audit.collect.dumps.zones import collect_dumps

        for snapshot in collect_dumps(path, zone_id):
            yield snapshot.origin.zone, partial(next, iter([snapshot]))


def _newest_run(path: Path) -> Path | None:
    """Return the run that a folder of runs stands for: `latest`, or where none is complete, the last one.

    None for other folders. Raises UsageError when no run has a snapshot.
    """
    runs = newest_first(entry.name for entry in path.iterdir()) if path.is_dir() else {}
    if not runs:
        return None
    for name in (LATEST, *runs):
        if any((path / name / SNAPSHOTS).glob(f"*{SUFFIX}")):
            return path / name
    raise UsageError("no run here has a snapshot", where=str(path), fix="give a run that was not pruned")


def _stored(place: str) -> Iterator[tuple[str, Callable[[], Snapshot]]]:
    """Yield the same of a URL: a snapshot, a folder of these, or a run."""
    store, name = locate(place)
    fix = "give a snapshot, a folder of snapshots, or a run"
    try:
        files = [name] if name.endswith(SUFFIX) else []
        for folder in () if files else (f"{name}/{SNAPSHOTS}", name, *_runs_in(store, name)):
            files = files or [f"{folder}/{file}" for file in store.entries(folder) if file.endswith(SUFFIX)]
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=place, fix=fix) from error
    if not files:
        raise UsageError("no snapshot here", where=place, fix=fix)
    for file in files:
        yield file.rpartition("/")[2].removesuffix(SUFFIX), partial(_fetched, store, file)


def _runs_in(store: Store, folder: str) -> Iterator[str]:
    """Yield the folders of snapshots of the runs in a folder: first that of `latest`, then the newest."""
    if runs := newest_first(store.entries(folder)):
        for run in (store.inside(folder).link_target(LATEST), *runs):
            yield f"{folder}/{run}/{SNAPSHOTS}"


def _fetched(store: Store, file: str) -> Snapshot:
    where = f"{store.where}/{file}"
    try:
        return decode(store.read(file), where)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=where) from error
