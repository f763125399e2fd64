"""A job on several machines: real processes, a real S3 server, one of them killed, and the report of all."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.cli import run_command
from audit.runs.runs import Runs
from audit.runs.shards import Attempt, Shard, records
from audit.snapshot.model import Gap
from audit.storage.store import Folder, Store, resolve_store, store_of
from tests.simulator.bucket import BUCKET, SECRET, entered, s3
from tests.simulator.faults import Fault, hang
from tests.simulator.server import SimulatedZone
from tests.worlds.random_zones import world_of, write_dump
from tests.worlds.snapshots import snapshot_of

ZONES = [f"zone-{number}" for number in range(6)]
COUNT = 3


@pytest.fixture(name="out")
def _out() -> Iterator[str]:
    """The URL of a folder in a bucket of a server of this test's own."""
    with s3() as environment:
        for _ in entered(environment):
            yield f"s3://{BUCKET}/{uuid.uuid4()}"


@pytest.fixture(name="config")
def _config(tmp_path: Path) -> str:
    """Six zones, which are dumps."""
    zones = [
        {"id": zone, "source": {"dump": str(write_dump(world_of(number), tmp_path / "dumps" / zone))}}
        for number, zone in enumerate(ZONES)
    ]
    path = tmp_path / "config.yaml"
    path.write_text(json.dumps({"zones": zones}))
    return str(path)


def shard(config: str, out: str, index: int, *more: str) -> subprocess.Popen[bytes]:
    """Start one shard as a process, as a pod of an Indexed Job would."""
    given = {"JOB_COMPLETION_INDEX": str(index), "JOB_COMPLETIONS": str(COUNT), "REGISTRY_AUDIT_JOB": "fleet-1"}
    command = [
        sys.executable,
        "-c",
        "from audit.cli import main; main()",
        "run",
        "--shard",
        "--config",
        config,
        "--out",
        out,
        *more,
    ]
    return subprocess.Popen(command, env={**os.environ, **given}, stderr=subprocess.PIPE, stdout=subprocess.PIPE)


def ended_well(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a shard, which has to be a good one."""
    _, said = process.communicate()
    assert process.returncode == 0, said.decode()


def merged(config: str, out: str, *more: str) -> int:
    return run_command(["merge", "--job", "fleet-1", "-c", config, "-o", out, "-f", "csv", *more])


def newest(store: Store) -> str:
    """The id of the last run."""
    return Runs(store, pytest.fail).listed()[-1].id


def tables(out: str) -> dict[str, bytes]:
    """The CSV files of the newest run, but those that say what was known before."""
    store = resolve_store(out)
    run = newest(store)
    found = [name for name in store.entries(run) if name.endswith(".csv")]
    before = {"findings.csv", "causes.csv", "changes.csv"}
    return {name: store.read(f"{run}/{name}") for name in found if name not in before}


def test_what_shards_left_is_pruned_when_their_job_is_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two days after a job has ended, or with the runs; never while it may still be merged."""
    now = datetime.now(UTC)
    jobs = {"ended": (1, 3), "fresh": (1, 1), "waiting": (2, 3), "forgotten": (2, 99), "old-record": (1, 3)}
    for name, (count, days) in jobs.items():
        one = Attempt(Folder(tmp_path / "shards" / name), Shard(0, count), "a")
        when = f"{now - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
        found = snapshot_of(world_of(1))
        one.save(replace(found, origin=msgspec.structs.replace(found.origin, finished=when)))
        assert one.finish()
        record = tmp_path / "shards" / name / "0.json"
        # Records of version 0.1 say no time: that of their snapshots counts.
        content = json.loads(record.read_text()) | {"finished": when}
        record.write_text(json.dumps({k: v for k, v in content.items() if name != "old-record" or k != "finished"}))
    assert run_command(["prune", "-o", str(tmp_path), "--keep-days", "60", "--json"]) == 0
    assert sorted(json.loads(capsys.readouterr().out)["jobs"]) == ["ended", "forgotten", "old-record"]
    assert {path.name for path in (tmp_path / "shards").iterdir()} == {"fresh", "waiting"}


@pytest.mark.no_cover
@pytest.mark.slow
def test_a_fleet_is_read_by_shards_one_of_which_is_killed(out: str, config: str, tmp_path: Path) -> None:
    """Before all are done the others' zones are failed by name; after a retry the report is that of one machine."""
    hanging = next(zone for zone in (f"live-{number}" for number in range(99)) if Shard(0, COUNT).holds(zone))
    with SimulatedZone(world_of(9), tmp_path / "live", faults=[Fault("/rolebindings", hang(), times=1)]) as server:
        given = json.loads(Path(config).read_text())
        kubeconfig = str(server.kubeconfig(tmp_path / "live/kubeconfig"))
        given["zones"].append({"id": hanging, "credentials": {"kubeconfig": kubeconfig}})
        Path(config).write_text(json.dumps(given))
        killed = shard(config, out, 0)
        while not server.faults[0].fired:
            time.sleep(0.02)
            assert killed.poll() is None
        killed.kill()
        assert killed.wait() == -signal.SIGKILL
        killed.communicate()
        others = [shard(config, out, index) for index in (1, 2)]
        for process in others:
            ended_well(process)
        assert merged(config, out) == 3
        states = {zone: state for zone, state, _ in zones_of(out)}
        mine = {zone for zone in [*ZONES, hanging] if Shard(0, COUNT).holds(zone)}
        assert {zone for zone, state in states.items() if state == "failed"} == mine
        assert all(f"shard 0 of {COUNT} has no result" in said for zone, _, said in zones_of(out) if zone in mine)
        assert not resolve_store(out).entries().count("latest")
        # Again, and twice at once.
        for process in [shard(config, out, 0), shard(config, out, 0)]:
            ended_well(process)
        assert merged(config, out) == 0
        first = tables(out)
        assert merged(config, out) == 0
        assert tables(out) == first
        alone = str(tmp_path / "alone")
        assert run_command(["run", "-c", config, "-o", alone, "-f", "csv"]) == 0
    assert data_of(tables(alone)) == data_of(first)
    assert SECRET.encode() not in b"".join(first.values())


def data_of(found: dict[str, bytes]) -> dict[str, object]:
    """What two runs over the same facts have in common: when each list was read is not."""
    coverage = [line.split(b",")[:5] for line in found["coverage.csv"].splitlines()]
    return {name: data for name, data in found.items() if name != "coverage.csv"} | {"coverage": coverage}


def zones_of(out: str) -> list[tuple[str, str, str]]:
    """Zone, state and what was not seen, of the newest run."""
    store = resolve_store(out)
    run = newest(store)
    manifest = json.loads(store.read(f"{run}/manifest.json"))
    return [(zone["id"], zone["state"], "; ".join(zone["gaps"])) for zone in manifest["run"]["zones"]]


@given(st.text(min_size=1), st.integers(1, 50))
def test_each_zone_is_in_one_part(zone: str, count: int) -> None:
    """Whatever other zones there are."""
    assert sum(Shard(index, count).holds(zone) for index in range(count)) == 1


@pytest.fixture(name="job")
def _job(tmp_path: Path) -> Store:
    return Folder(tmp_path / "job")


def attempt(job: Store, name: str, *zones: str, gaps: Sequence[Gap] = (), seed: int = 1) -> bool:
    one = Attempt(job, Shard(0, 1), name)
    for zone in zones:
        one.save(snapshot_of(world_of(seed), gaps, zone=zone))
    return one.finish()


def test_the_last_whole_attempt_counts(job: Store) -> None:
    """One that lacks something takes the place of another such, and never of a whole one; and none is a mix."""
    gap = [Gap("groups", "", "refused")]
    assert attempt(job, "a", "zone-1", "zone-2", gaps=gap)
    assert attempt(job, "b", "zone-1", gaps=gap)
    assert {*records(job).found[0].zones} == {"zone-1"}
    assert attempt(job, "c", "zone-1", "zone-2")
    assert not attempt(job, "d", "zone-1", "zone-2", gaps=gap)
    assert {saved.file.split("/")[1] for saved in records(job).found[0].zones.values()} == {"c"}
    assert attempt(job, "e", "zone-1", "zone-2", seed=2)
    assert {saved.file.split("/")[1] for saved in records(job).found[0].zones.values()} == {"e"}


@pytest.mark.slow
def test_what_was_changed_or_is_gone_is_a_failed_zone(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of one file: the others are whole, and the reason is told."""
    out = str(tmp_path / "out")
    for index in range(COUNT):
        assert shard(config, out, index).communicate()
    job = Path(out) / "shards/fleet-1"
    for file, change in zip(sorted(job.glob("*/*/*.snapshot")), ("changed", "gone", "damaged"), strict=False):
        if change == "gone":
            file.unlink()
        else:
            file.write_bytes(b"x" if change == "changed" else file.read_bytes()[:-9])
    capsys.readouterr()
    assert merged(config, out) == 3
    said = capsys.readouterr().err
    assert said.count("was changed after the shard wrote it") == 2
    assert said.count("cannot be read: No such file or directory") == 1
    assert sorted(state for _, state, _ in zones_of(out)) == ["complete"] * 3 + ["failed"] * 3
    assert run_command(["merge", "-c", config, "-o", out, "--job", "fleet-1", "-z", ZONES[0], "-f", "csv"]) in {0, 4}


@pytest.mark.slow
def test_zones_that_only_one_side_knows(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that came after the shards ran has failed; one that has left the configuration is reported all the same."""
    out = str(tmp_path / "out")
    for index in range(COUNT):
        assert shard(config, out, index).communicate()
    given = json.loads(Path(config).read_text())
    given["zones"][0]["id"] = "newcomer"
    Path(config).write_text(json.dumps(given))
    assert merged(config, out) == 3
    states = {zone: (state, said) for zone, state, said in zones_of(out)}
    assert states["newcomer"][0] == "failed"
    assert "no shard had this zone in its configuration" in states["newcomer"][1]
    assert states[ZONES[0]][0] == "complete"
    assert len(states) == len(ZONES) + 1


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "JOB_COMPLETION_INDEX, which is not set"),
        ({"JOB_COMPLETION_INDEX": "0"}, "JOB_COMPLETIONS, which is not set"),
        ({"JOB_COMPLETION_INDEX": "-1", "JOB_COMPLETIONS": "3"}, "which is '-1'"),
        ({"JOB_COMPLETION_INDEX": "3", "JOB_COMPLETIONS": "3"}, "there are only 3 parts"),
    ],
)
def test_an_environment_that_does_not_say_which_part(
    environment: dict[str, str], said: str, config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One message, and nothing is read."""
    for _ in entered(environment):
        command = ["run", "--shard", "--job", "fleet-1", "-c", config, "-o", str(tmp_path / "out")]
        assert run_command(command) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--shard", "--job", "../x"], "invalid job name"),
        (["run", "--shard"], "no job named"),
        (["run", "--shard", "--job", "x", "--verify", "3"], "--verify cannot be combined with --shard"),
        (["merge"], "no job named"),
        (["merge", "--job", "nobody"], "no shard of this job has left anything"),
    ],
)
def test_what_cannot_be_is_said(
    arguments: list[str], said: str, config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to do about it."""
    for _ in entered({"JOB_COMPLETION_INDEX": "0", "JOB_COMPLETIONS": "1"}):
        assert run_command([*arguments, "-c", config, "-o", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{}", '{"format": "x", "version": 1, "index": 0, "count": 1, "zones": {}}'])
def test_a_damaged_record_is_one_message(
    text: str, config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is not taken for a shard that has left nothing."""
    folder = tmp_path / "out/shards/fleet-1"
    folder.mkdir(parents=True)
    (folder / "0.json").write_text(text)
    assert merged(config, str(tmp_path / "out")) == 2
    assert "0.json: this is not the record of " in capsys.readouterr().err


def test_a_shard_tells_programs_too(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON; a stop leaves no record of what is incomplete in place of one that is."""
    out = str(tmp_path / "out")
    for _ in entered({"JOB_COMPLETION_INDEX": "0", "JOB_COMPLETIONS": "1"}):
        command = ["run", "--shard", "--job", "one", "-c", config, "-o", out]
        assert run_command([*command, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told == {"state": "complete", "index": 0, "count": 1, "zones": dict.fromkeys(ZONES, "complete")}
        for path in (tmp_path / "dumps" / ZONES[0]).iterdir():
            path.unlink()
        assert run_command(command) == 3
        assert "the earlier one is used" in capsys.readouterr().err
    assert {zone.state for zone in records(store_of(out).inside("shards/one")).found[0].zones.values()} == {"complete"}


def test_the_shard_that_is_done_last_makes_the_report(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And no other: one run, of all zones. By itself, --merge means nothing."""
    monkeypatch.setenv("JOB_COMPLETIONS", str(COUNT))
    out = tmp_path / "runs"
    command = ["run", "--shard", "--merge", "--job", "fleet-1", "--config", config, "--out", str(out)]
    for index in (2, 0, 1):
        assert [run.name for run in out.glob("2*")] == []
        monkeypatch.setenv("JOB_COMPLETION_INDEX", str(index))
        assert run_command(command) == 0
    (run,) = out.glob("2*")
    assert [zone["id"] for zone in json.loads((run / "manifest.json").read_text())["run"]["zones"]] == ZONES
    capsys.readouterr()
    assert run_command(["run", "--merge", "--config", config, "--out", str(out)]) == 2
    assert "--merge needs --shard" in capsys.readouterr().err
