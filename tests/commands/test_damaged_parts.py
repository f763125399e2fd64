"""One damaged snapshot or record costs its zones only; what a killed run left is removed by its age."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from audit.cli import run_command
from audit.runs.check import check_evidence
from audit.runs.shards import Attempt, Shard, job_store
from audit.snapshot.model import encode
from audit.storage.store import Folder
from tests.worlds.small import BOUND
from tests.worlds.snapshots import snapshot_of

ZONES = ("a", "b", "c", "d", "e", "f")
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut": lambda data: data[:100],
    "other": lambda data: b"{}",
    "text": lambda data: b"\xff\xfe",
    "huge": lambda data: data.replace(b'"count": 3', b'"count": 1000000000000000000'),
}


def states_of(out: Path) -> dict[str, str]:
    (run,) = (path for path in out.iterdir() if path.name.startswith("2") and not path.is_symlink())
    content: dict[str, Any] = json.loads((run / "manifest.json").read_text())
    return {zone["id"]: zone["state"] for zone in content["zones"]}


@pytest.mark.parametrize("damage", ["empty", "cut", "other", "text"])
def test_one_snapshot_of_a_folder(tmp_path: Path, damage: str) -> None:
    """Its zone is failed, the others complete; exit code 3; questions are answered about the others."""
    facts = tmp_path / "facts"
    facts.mkdir()
    for zone in ZONES[:3]:
        (facts / f"{zone}.snapshot").write_bytes(encode(snapshot_of(BOUND, zone=zone)))
    (facts / "b.snapshot").write_bytes(DAMAGE[damage]((facts / "b.snapshot").read_bytes()))
    out = tmp_path / "out"
    assert run_command(["report", "--snapshot", str(facts), "--out", str(out), "--format", "csv"]) == 3
    assert states_of(out) == {"a": "complete", "b": "failed", "c": "complete"}
    assert not check_evidence(str(out), None).problems
    assert run_command(["who", "push", "shop", "--snapshot", str(facts)]) == 3
    for zone in ("a", "c"):
        (facts / f"{zone}.snapshot").unlink()
    assert run_command(["report", "--snapshot", str(facts), "--out", str(out)]) == 2


@pytest.mark.parametrize("damage", DAMAGE)
def test_one_record_of_a_shard(tmp_path: Path, damage: str) -> None:
    """Its zones are failed, the others complete; exit code 3, at once."""
    out, config = tmp_path / "out", tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"zones": [{"id": zone, "source": {"dump": "nowhere"}} for zone in ZONES]}))
    job = job_store(Folder(out), "fleet")
    shards = [Shard(index, 3) for index in range(3)]
    for shard in shards:
        attempt = Attempt(job, shard, "first")
        for zone in filter(shard.holds, ZONES):
            attempt.save(snapshot_of(BOUND, zone=zone))
        assert attempt.finish()
    index = next(shard.index for shard in shards if any(map(shard.holds, ZONES)))
    record = out / f"shards/fleet/{index}.json"
    record.write_bytes(DAMAGE[damage](record.read_bytes()))
    lost = set() if damage == "huge" else set(filter(shards[index].holds, ZONES))
    code = run_command(["merge", "--job", "fleet", "--config", str(config), "--out", str(out), "--format", "csv"])
    assert code == (3 if lost else 0)
    (run,) = out.glob("2*")
    assert {zone for zone, state in states_of(out).items() if state == "failed"} == lost
    assert len(states_of(out)) == len(ZONES)
    missing = json.loads((run / "manifest.json").read_text()).get("missing", [])
    assert [part["name"] for part in missing] == ([f"the result of shard {index}"] if lost else [])


def test_what_a_killed_run_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is reported until it is old enough, then removed whole; evidence is valid again. A run never is."""
    facts, out = tmp_path / "one.snapshot", tmp_path / "out"
    facts.write_bytes(encode(snapshot_of(BOUND, zone="one")))
    assert run_command(["report", "--snapshot", str(facts), "--out", str(out), "--format", "csv"]) == 0
    run = (out / "latest").resolve()
    for name in ("20200101T000000Z", "20200101T000000Z-2"):
        shutil.copytree(run, out / name)
        (out / name / "manifest.json").unlink()
    young = out / f"{run.name}-2"
    young.mkdir()
    (young / "access.csv").write_text("begun")
    assert run_command(["check-evidence", str(out)]) == 5
    capsys.readouterr()
    assert run_command(["prune", "--out", str(out), "--keep-days", "30", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["removed"], result["unfinished"]) == ([], ["20200101T000000Z", "20200101T000000Z-2"])
    assert {path.name for path in out.iterdir()} == {run.name, young.name, "latest", "head.json"}
    shutil.rmtree(young)
    assert run_command(["check-evidence", str(out)]) == 0
    (run / "manifest.json").unlink()
    assert run_command(["prune", "--out", str(out), "--keep-days", "30"]) == 0
    assert (run / "access.csv").exists()
