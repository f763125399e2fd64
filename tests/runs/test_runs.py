"""Earlier runs: in order, only whole ones count, and nothing that was changed later is believed."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from audit.runs.runs import Runs
from audit.snapshot.model import encode
from audit.storage.store import Folder
from tests.worlds.random_zones import world_of
from tests.worlds.snapshots import snapshot_of

ONE, TWO, THREE = "20260101T040000Z", "20260102T040000Z", "20260103T040000Z"


def write_run(
    out: Path, run: str, zones: dict[str, str] | None = None, state: str = "", files: dict[str, bytes] | None = None
) -> Path:
    """Write a run of the given zones and their states, with a snapshot of each and the given files."""
    zones = {"zone-1": "complete"} if zones is None else zones
    folder = out / run
    snapshots = {
        f"snapshots/{zone}.snapshot": encode(snapshot_of(world_of(0), zone=zone))
        for zone, seen in zones.items()
        if seen != "failed"
    }
    listed = []
    for name, data in {**snapshots, **(files or {})}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        listed.append({"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "rows": -1})
    states = set(zones.values())
    content = {
        "format": "registry-audit manifest",
        "version": 1,
        "state": state or (states.pop() if len(states) == 1 else "partial"),
        "run": {"run_id": run, "started": "", "zones": [{"id": z, "state": s} for z, s in zones.items()]},
        "files": listed,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps(content))
    return folder


@pytest.fixture(name="told")
def told_fixture() -> list[str]:
    """What the person is told."""
    return []


@pytest.fixture(name="runs")
def runs_fixture(tmp_path: Path, told: list[str]) -> Runs:
    """The runs in the test's folder."""
    return Runs(Folder(tmp_path), told.append)


def test_runs_are_in_the_order_of_their_ids(tmp_path: Path, runs: Runs, told: list[str]) -> None:
    """By second, then by number (the tenth after the second); what is no run is not looked at."""
    for run in (f"{ONE}-10", TWO, ONE, f"{ONE}-2"):
        write_run(tmp_path, run)
    (tmp_path / "latest").symlink_to(ONE)
    (tmp_path / "notes").mkdir()
    (tmp_path / THREE).mkdir()  # has no manifest: it has not ended
    assert [run.id for run in runs.listed()] == [ONE, f"{ONE}-2", f"{ONE}-10", TWO]
    assert [run.id for run in runs.listed(before=f"{ONE}-10")] == [ONE, f"{ONE}-2"]
    assert not told


def test_a_folder_that_is_not_there_has_no_runs(tmp_path: Path, told: list[str]) -> None:
    """The first run of all has none before it."""
    runs = Runs(Folder(tmp_path / "none"), told.append)
    assert runs.listed() == []
    assert runs.last_state("zone-1") is None
    assert not told


def test_runs_that_saw_all_of_a_zone_come_first(tmp_path: Path, runs: Runs) -> None:
    """Then the newest; those that did not look at it, and what began later, are passed over."""
    write_run(tmp_path, ONE, {"zone-1": "complete", "zone-2": "partial"})
    write_run(tmp_path, TWO, {"zone-1": "complete", "zone-2": "failed"})
    write_run(tmp_path, THREE, {"zone-1": "partial"})
    write_run(tmp_path, f"{THREE}-2", {"zone-1": "complete"})

    def found(zone: str, before: str = "") -> list[str]:
        return [run.id for run in runs.of_zone(zone, before=before)]

    assert found("zone-1") == [f"{THREE}-2", TWO, ONE, THREE]
    assert found("zone-1", THREE) == [TWO, ONE]
    assert found("zone-2") == [TWO, ONE]
    assert found("zone-3") == found("zone-1", ONE) == []


def test_each_zone_has_its_own_last_state(tmp_path: Path, runs: Runs) -> None:
    """A zone that failed yesterday is compared with the day before."""
    write_run(tmp_path, ONE, {"zone-1": "complete", "zone-2": "complete"})
    write_run(tmp_path, TWO, {"zone-1": "complete", "zone-2": "failed"})
    states = {zone: runs.last_state(zone) for zone in ("zone-1", "zone-2", "zone-3")}
    assert {zone: state.run.id for zone, state in states.items() if state} == {"zone-1": TWO, "zone-2": ONE}
    assert states["zone-1"] is not None
    assert states["zone-1"].snapshot.origin.zone == "zone-1"


def test_a_file_that_was_changed_later_is_told_and_not_used(tmp_path: Path, runs: Runs, told: list[str]) -> None:
    """The run before it counts instead; a file that the manifest does not name is no evidence at all."""
    write_run(tmp_path, ONE)
    folder = write_run(tmp_path, TWO)
    other = encode(snapshot_of(world_of(1)))
    (folder / "snapshots/zone-1.snapshot").write_bytes(other)
    (folder / "findings.json").write_bytes(b"[]")
    found = runs.last_state("zone-1")
    assert found is not None
    assert found.run.id == ONE
    assert told == [f"{TWO}/snapshots/zone-1.snapshot: was changed after the run wrote it; ignored"]
    assert runs.read(runs.of_zone("zone-1")[0], "findings.json") is None


def test_a_file_that_is_gone_or_of_another_version_is_told(tmp_path: Path, runs: Runs, told: list[str]) -> None:
    """Neither ends the comparison: the run before counts."""
    write_run(tmp_path, ONE)
    write_run(tmp_path, TWO, {}, "complete", {"snapshots/zone-1.snapshot": b"no snapshot"})
    gone = write_run(tmp_path, THREE)
    (gone / "snapshots/zone-1.snapshot").unlink()
    two, three = runs.listed()[1:]
    assert runs.snapshot(three, "zone-1") is None
    assert runs.snapshot(two, "zone-1") is None
    assert runs.snapshot(two, "zone-2") is None
    assert len(told) == 2
    assert told[0].startswith(f"{THREE}/snapshots/zone-1.snapshot: cannot be read: No such file")
    assert told[1] == f"{TWO}/snapshots/zone-1.snapshot: cannot read this snapshot: not gzip; ignored"


def manifest_with(path: Path, **changes: Any) -> None:
    content = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps({**content, **changes}))


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"format": "something else"}, "is not the manifest of a run"),
        ({"version": 99}, "has format version 99; this program reads up to version 1"),
        ({"run": {"run_id": TWO, "started": "", "zones": []}}, "belongs to another run"),
        ({"run": "?"}, "is not a manifest, or is damaged"),
        ({"files": [{"name": "../x", "sha256": "0" * 64}]}, "names a file that cannot belong to a run"),
        ({"files": [{"name": "/etc/passwd", "sha256": "0" * 64}]}, "names a file that cannot belong to a run"),
        ({"files": [{"name": "", "sha256": "0" * 64}]}, "names a file that cannot belong to a run"),
        ({"files": [{"name": "a\0", "sha256": "0" * 64}]}, "names a file that cannot belong to a run"),
        ({"files": [{"name": "a", "sha256": "none"}]}, "names a file that cannot belong to a run"),
    ],
)
def test_a_damaged_manifest_is_told_once_and_its_run_left_out(
    tmp_path: Path, runs: Runs, told: list[str], changes: dict[str, Any], wrong: str
) -> None:
    """The other runs count as before."""
    manifest_with(write_run(tmp_path, ONE), **changes)
    write_run(tmp_path, TWO)
    assert [run.id for run in runs.listed()] == [TWO]
    assert [run.id for run in runs.listed()] == [TWO]
    assert told == [f"{ONE}/manifest.json: {wrong}; this run is ignored"]


def test_a_manifest_that_cannot_be_read_or_is_no_json_is_told(tmp_path: Path, runs: Runs, told: list[str]) -> None:
    """Half a manifest, no text, and a folder in its place."""
    (write_run(tmp_path, ONE) / "manifest.json").write_bytes(b'{"format"')
    (write_run(tmp_path, TWO) / "manifest.json").write_bytes(b"\xff\xfe")
    (write_run(tmp_path, THREE) / "manifest.json").unlink()
    (tmp_path / THREE / "manifest.json").mkdir()
    assert runs.listed() == []
    assert [line.split(":")[0] for line in told] == [f"{run}/manifest.json" for run in (THREE, TWO, ONE)]
