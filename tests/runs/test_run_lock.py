"""The end of a run: one after the other, however many end at once, and also when one dies at that moment."""

import json
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from audit.errors import UsageError
from audit.runs import run_lock
from audit.runs.check import check_evidence
from audit.runs.run_lock import chain_lock
from audit.runs.runs import Link, Runs
from audit.storage.store import Folder, Store, store_of
from tests.simulator.bucket import BUCKET, entered, s3
from tests.worlds.random_zones import world_of, write_dump

MANY = [f"20260101T0400{second:02}Z" for second in range(12)]


@pytest.fixture(name="store", params=["folder", "bucket"])
def _store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "folder":
        yield Folder(tmp_path / "runs")
        return
    with s3() as server:
        for _ in entered(server):
            yield store_of(f"s3://{BUCKET}/{uuid.uuid4()}")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits looks often, and waits for ever: no test depends on how fast a machine is."""
    monkeypatch.setattr(run_lock, "PAUSE", 0.001)
    monkeypatch.setattr(run_lock, "PATIENCE", float("inf"))


def end(store: Store, run: str, last: Link | None) -> None:
    """Write the manifest of a run, and wherever it is read, all of it is there."""
    content = {
        "format": "registry-audit manifest",
        "version": 1,
        "state": "complete",
        "run": {"run_id": run, "started": "", "zones": []},
        "files": [],
        "previous": {"run_id": last.run_id, "sha256": last.sha256} if last else None,
    }
    store.write(f"{run}/manifest.json", [json.dumps(content).encode()])


def left(store: Store) -> list[str]:
    """Return the turns that were not given back."""
    return [name for place in (store, store.inside(".claims")) for name in place.entries() if name.startswith(".turn")]


def test_runs_that_end_at_once_follow_each_other(store: Store) -> None:
    """Each names another one as the one before it, one of them none, and nothing is left of their turns."""

    def ending(run: str) -> None:
        with chain_lock(store, pytest.fail) as last:
            end(store, run, last)

    with ThreadPoolExecutor(len(MANY)) as pool:
        list(pool.map(ending, MANY))
    before = Counter(run.previous.run_id if run.previous else "" for run in Runs(store, pytest.fail).listed())
    assert set(before.values()) == {1}
    assert len(before) == len(MANY)
    assert left(store) == []


def test_the_turn_of_one_that_died_is_taken(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while, and told; by one only, and all of it is cleared away."""
    monkeypatch.setattr(run_lock, "PATIENCE", 0.01)
    assert store.claim(".turn-1-after-none")
    assert store.claim(".turn-2-after-none")
    told: list[str] = []
    with chain_lock(store, told.append) as last:
        assert last is None
        assert not store.claim(".turn-3-after-none")
        end(store, MANY[0], last)
    assert len(told) == 2
    assert "did not finish" in told[0]
    assert left(store) == []
    with chain_lock(store, pytest.fail) as last:
        assert last is not None
        assert last.run_id == MANY[0]


class Late(Folder):
    """A folder in which another run ends just before somebody claims the turn; and again, when that is tried again."""

    def claim(self, name: str) -> bool:
        """Let one end that is not this one, as long as there are any."""
        if self.others_to_end:
            run = self.others_to_end.pop()
            end(self, run, Runs(self, pytest.fail).head())
        return super().claim(name)

    def __init__(self, path: Path, others: list[str]) -> None:
        """Take the runs that end meanwhile, the last one first."""
        super().__init__(path)
        self.others_to_end = others


def test_who_comes_late_follows_the_one_that_ended_meanwhile(tmp_path: Path) -> None:
    """The turn that was claimed after an older run is given back, and is good for nothing."""
    store = Late(tmp_path, [MANY[1], MANY[0]])
    with chain_lock(store, pytest.fail) as last:
        assert last is not None
        assert last.run_id == MANY[1]
        assert left(store) == [f".turn-1-after-{MANY[1]}"]
    assert left(store) == []


def test_a_run_that_fails_gives_its_turn_back(store: Store) -> None:
    """The next one does not wait."""
    with pytest.raises(OSError, match="disk full"), chain_lock(store, pytest.fail):
        raise OSError("disk full")
    with chain_lock(store, pytest.fail) as last:
        assert last is None


def test_a_turn_that_cannot_be_given_back_keeps_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing may be deleted, what is left says that an old run was followed, which it was."""
    store = Folder(tmp_path)

    def refused(name: str) -> None:
        raise UsageError("access denied", where=name)

    monkeypatch.setattr(store, "release", refused)
    for run in MANY[:3]:
        with chain_lock(store, pytest.fail) as last:
            end(store, run, last)
    assert [run.previous.run_id for run in Runs(store, pytest.fail).listed() if run.previous] == MANY[:2]
    assert len(left(store)) == 3


@pytest.mark.slow
def test_programs_that_run_beside_each_other_leave_one_chain(tmp_path: Path) -> None:
    """Checked as an auditor does."""
    dump = write_dump(world_of(1), tmp_path / "zone-1")
    command = [sys.executable, "-m", "audit", "report", "-s", str(dump), "-o", str(tmp_path / "runs"), "-f", "csv"]
    started = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(4)]
    assert [one.wait() for one in started] == [0] * 4
    found = check_evidence(str(tmp_path / "runs"), None)
    assert len(found.runs) == 4
    assert found.problems == []
