"""Collects several zones at the same time, each in its own thread: one cannot affect another."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import Empty, Queue
from threading import Event, Thread
from typing import Final, Protocol

from audit.collect.cluster import collect_cluster, now
from audit.collect.dumps.dump import collect_dump
from audit.collect.limits import Limits
from audit.collect.lists import ListResult
from audit.collect.zones import Zone, registry_of
from audit.errors import contained
from audit.parallel import run_parallel
from audit.snapshot.builder import SnapshotBuilder
from audit.snapshot.model import CLUSTER, DUMP, Gap, Origin, Snapshot
from audit.snapshot.objects import NEEDED
from audit.version import version

_GRACE: Final = 5.0  # seconds after its time limit until a live zone is given up


class Listener(Protocol):
    """Receives the progress of collecting; called from several threads."""

    def zone_started(self, zone: str) -> None:
        """Collecting a zone starts."""

    def listed(self, zone: str, kind: str, count: int) -> None:
        """The `count` objects of a kind were read, completely."""

    def zone_done(self, zone: str, snapshot: Snapshot) -> None:
        """Collecting a zone has ended, with or without gaps."""


def collect_zones(
    zones: Sequence[Zone],
    limits: Limits,
    listener: Listener,
    stop: Event,
    *,
    at_once: int = 8,
    declared: Sequence[ListResult] = (),
) -> Iterator[Snapshot]:
    """Yield the snapshot of each zone as it is done; a zone that fails or is stopped has gaps.

    The `declared` lists concern all zones and are kept with each live one.
    """
    waiting = dict(enumerate(zones))

    def work(zone: Zone) -> Snapshot:
        return _within(limits.timeout + _GRACE, zone, lambda: _collect(zone, limits, listener, stop, declared))

    for at, snapshot in run_parallel(zones, work, stop.is_set, at_once=at_once):
        del waiting[at]
        listener.zone_done(snapshot.origin.zone, snapshot)
        yield snapshot
    for zone in waiting.values():
        yield failed(zone, "stopped", "stopped before this zone was read")


def _within(seconds: float, zone: Zone, collect: Callable[[], Snapshot]) -> Snapshot:
    """Return the result of `collect`, for a live zone within `seconds`: a plugin or name server may hang forever."""
    done: Queue[Snapshot] = Queue()
    Thread(target=lambda: done.put(collect()), daemon=True).start()
    try:
        return done.get(timeout=None if zone.dump else seconds)
    except Empty:
        return failed(zone, "timeout", "the zone was not read within its time limit")


def collect_folder(folder: Path, zone_id: str = "") -> Snapshot:
    """Return the snapshot of a dump; the zone is called as its folder, or `zone_id`."""
    zone = Zone(id=zone_id or folder.resolve().name or "dump", dump=folder)
    try:
        return collect_dump(zone, folder, tool=version(), listed=_unheard, stop=Event())
    except BaseException as error:  # noqa: BLE001  one zone never loses the others
        return failed(zone, "error", contained(error))


def _unheard(kind: str, count: int) -> None:
    pass


def _collect(zone: Zone, limits: Limits, listener: Listener, stop: Event, declared: Sequence[ListResult]) -> Snapshot:
    listener.zone_started(zone.id)
    if zone.trouble:
        return failed(zone, "missing", zone.trouble)

    def listed(kind: str, count: int) -> None:
        listener.listed(zone.id, kind, count)

    try:
        if zone.dump:
            return collect_dump(zone, zone.dump, tool=version(), listed=listed, stop=stop)
        return collect_cluster(zone, limits, tool=version(), listed=listed, stop=stop, declared=declared)
    except MemoryError as error:
        return failed(zone, "error", contained(error))
    except BaseException as error:  # noqa: BLE001  any failure of a zone is a gap of that zone
        place = traceback.extract_tb(error.__traceback__)[-1]
        return failed(zone, "error", f"a bug: {type(error).__name__} in {Path(place.filename).name}:{place.lineno}")


def failed(zone: Zone, reason: str, detail: str) -> Snapshot:
    """Return the snapshot of a zone of which nothing was read, for one reason."""
    facts = SnapshotBuilder()
    for plural in NEEDED:
        facts.gap(Gap(plural, "", reason, detail))
    place = str(zone.dump) if zone.dump else zone.api
    source, when = (DUMP, "") if zone.dump else (CLUSTER, now())
    registry = zone.registry or registry_of(zone.api)
    return facts.snapshot(Origin(zone.id, source, place, registry, started=when, finished=when, tool=version()))
