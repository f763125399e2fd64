"""A year of nights with a clock of its own: runs, and the prune after each, as the CronJobs do; the volume never fills.

REGISTRY_AUDIT_NIGHTS sets how many there are.
"""

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from audit.cli import run_command
from audit.commands.evidence import prune
from audit.job.plan import RunPlan
from audit.job.run import Run
from audit.snapshot.model import Gap, Snapshot
from audit.storage.store import store_of
from reports.metrics import last_success_in
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import furnished
from tests.worlds.small import PUSH, bind, namespace, role, user, world
from tests.worlds.snapshots import snapshot_of

NIGHTS = int(os.environ.get("REGISTRY_AUDIT_NIGHTS", "20"))
KEPT = 5  # days
FIRST = datetime(2024, 1, 1, 4, tzinfo=UTC)  # all of them are over: evidence of the future does not hold
# In these nights of each period of 10 something is unlike the others.
PERIOD, BLIND, OPENED, CLOSED = 10, 3, 5, 7
BASE = (namespace("store"), role("", "pushers", PUSH), user("ann"), bind("store", "push", "pushers", ("User", "ann")))
QUIET: World = furnished(world(*BASE))
OPEN: World = furnished(world(*BASE, bind("store", "open", "pushers", ("Group", "system:authenticated"))))


def seen_at(when: datetime, night: int) -> Snapshot:
    """Return what a night sees of the zone: all, nothing of the bindings, or a namespace that was opened."""
    phase = night % PERIOD
    gaps = [Gap(kind, "", "unreachable", "off") for kind in ("rolebindings", "clusterrolebindings")]
    found = snapshot_of(OPEN if OPENED <= phase < CLOSED else QUIET, gaps if phase == BLIND else (), zone="one")
    time = f"{when:%Y-%m-%dT%H:%M:%SZ}"
    return replace(found, origin=msgspec.structs.replace(found.origin, started=time, finished=time))


def nights() -> Iterator[tuple[int, datetime]]:
    yield from ((night, FIRST + timedelta(days=night)) for night in range(NIGHTS))


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def value_of(samples: bytes, name: str) -> float:
    """Return one sample of the metrics of a run."""
    (line,) = (line for line in samples.decode().splitlines() if line.startswith(f"registry_audit_{name} "))
    return float(line.rpartition(" ")[2])


@pytest.mark.slow
def test_a_volume_never_fills_and_every_night_tells_the_truth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sizes stay where they were after the first period but for manifests; metrics say what each night was like."""
    store, sizes, last_success = store_of(str(tmp_path / "runs")), [], None
    for night, when in nights():
        plan = RunPlan(formats=("csv",), every_zone=True, clock=lambda when=when: when)  # type: ignore[misc]
        run = Run(store, plan, threading.Event())
        run.keep(seen_at(when, night))
        outcome = run.finish()
        samples = store.read(f"{run.id}/metrics.prom")
        phase = night % PERIOD
        # What alerts are made of: is the zone seen, when was the last success, is a critical finding new.
        assert outcome.state == ("failed" if phase == BLIND else "complete"), night
        assert value_of(samples, 'zone_state{zone="one",state="failed"}') == (phase == BLIND)
        assert last_success_in(samples) == (None if phase == BLIND else when.timestamp())
        last_success = last_success_in(samples) or last_success
        assert when.timestamp() - (last_success or 0) <= 26 * 3600
        if phase != BLIND:
            assert value_of(samples, 'new_findings{zone="one",severity="critical"}') == (phase == OPENED), night
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(prune, "datetime", _clock(when + timedelta(hours=8)))
            assert run_command(["prune", "--out", store.where, "--keep-days", str(KEPT)]) == 0
        sizes.append(size_of(tmp_path))
    capsys.readouterr()
    whole = [path for path in (tmp_path / "runs").glob("2*") if (path / "access.csv").exists()]
    assert KEPT <= len(whole) <= KEPT + 3
    assert len([*(tmp_path / "runs").glob("2*/manifest.json")]) == NIGHTS
    # A run of this size takes 100 kB; what stays of it is its manifest and the note of its removal.
    growth = (sizes[-1] - sizes[2 * KEPT]) / (NIGHTS - 2 * KEPT)
    assert growth < 12_000, growth
    assert run_command(["check-evidence", store.where]) == 0


def _clock(when: datetime) -> type[datetime]:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return when

    return Clock
