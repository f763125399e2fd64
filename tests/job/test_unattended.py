"""The CronJob as it is deployed, without a cluster: its command, variables, mounts and rights, three zones, signals."""

import hashlib
import json
import os
import re
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from audit.runs.runs import MANIFEST
from audit.storage.store import LATEST, Store, store_of
from tests.paths import ROOT
from tests.simulator.answers import Answer
from tests.simulator.bucket import BUCKET, SECRET, entered, s3
from tests.simulator.faults import Fault
from tests.simulator.image import HOME, USER, Pod, built, instructions
from tests.simulator.server import SimulatedZone
from tests.worlds.random_zones import world_of

ZONES = ("zone-a", "zone-b", "zone-c")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Each process that runs tests has a folder of its own in one that all share; one process alone has only its own.
    own = tmp_path_factory.getbasetemp()
    return built((own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "image")


@pytest.fixture
def zones(tmp_path: Path) -> Iterator[list[SimulatedZone]]:
    """Three live zones, each with a token of its own."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(SimulatedZone(world_of(seed), tmp_path / "zones", token=f"canary-{name}"))
            for seed, name in enumerate(ZONES)
        ]


def deployed(home: Path, folder: Path, zones: Sequence[SimulatedZone], out: str, **given: Any) -> Pod:
    """A pod of the overlay for runs in `out`, with the configuration and Secret that name the zones."""
    way = "overlays/s3" if "://" in out else "base"
    mounted = {name: folder / name for name in ("config", "runs", "tmp")}
    for path in mounted.values():
        path.mkdir(parents=True, exist_ok=True)
    for name in ("runs", "tmp"):
        os.chown(mounted[name], USER, 0)
    listed = []
    for name, zone in zip(ZONES, zones, strict=True):
        # Mounted beside the configuration, as keys of Secrets are: any user may read them.
        (mounted["config"] / f"{name}.token").write_text(zone.token)
        (mounted["config"] / f"{name}.pem").write_bytes(zone.ca_file.read_bytes())
        credentials = {"token_file": f"{name}.token"}
        listed.append({"id": name, "api": zone.url, "ca_file": f"{name}.pem", "credentials": credentials})
    rest = {"output": {"directory": out}, "metrics": {"textfile": "/tmp/audit.prom"}}
    (mounted["config"] / "config.yaml").write_text(json.dumps({"zones": listed, **rest}))
    return Pod(home, folder, way, mounted, **given)


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    _, said = process.communicate(timeout=300)
    return process.returncode, said


def runs(store: Store) -> dict[str, dict[str, Any]]:
    """Return the manifest of each run that has ended."""
    names = [name for name in store.entries() if re.fullmatch(r"\d{8}T\d{6}Z(-\d+)?", name)]
    return {name: json.loads(store.read(f"{name}/{MANIFEST}")) for name in names if MANIFEST in store.entries(name)}


def whole(store: Store) -> list[str]:
    """Return the runs that say they are complete; all that any run says it has is there, as it was written."""
    found = runs(store)
    for name, manifest in found.items():
        for file in manifest["files"]:
            assert hashlib.sha256(store.read(f"{name}/{file['name']}")).hexdigest() == file["sha256"], file["name"]
    return [name for name, manifest in found.items() if manifest["state"] == "complete"]


def latest(store: Store) -> str:
    """Return the run that `latest` leads to; empty for none."""
    if LATEST not in store.entries():
        return ""
    path = Path(store.where) / LATEST
    return path.readlink().name if path.is_symlink() else store.read(LATEST).decode()


@pytest.mark.slow
def test_twice_into_a_bucket(home: Path, tmp_path: Path, zones: list[SimulatedZone]) -> None:
    """As any user, on a read-only root, with no home, terminal or shell: two whole runs; the second is the latest."""
    with s3() as environment:
        for _ in entered(environment):
            out = f"s3://{BUCKET}/{uuid.uuid4()}"
            pod = deployed(home, tmp_path / "pod", zones, out, variables=environment)
            said = ""
            for _ in range(2):
                code, lines = ended(pod.start())
                assert code == 0, lines
                said += lines
            store = store_of(out)
            first, second = sorted(whole(store))
            assert latest(store) == second
            assert [zone["compared_with"] for zone in runs(store)[second]["run"]["zones"]] == [first] * 3
            kept = b"".join(
                store.read(name) for name in store.files() if name.endswith((".json", ".csv", ".html", ".prom"))
            )
    events = [json.loads(line) for line in said.splitlines()]
    assert sum(event["event"] == "zone" for event in events) == 6
    assert {event["run"] for event in events} == {first, second}
    words = pod.last_words.read_text()
    assert words.startswith("registry-audit: complete (exit code 0)")
    for secret in (SECRET, *(zone.token for zone in zones)):
        assert secret not in said + words
        assert secret.encode() not in kept
    assert "registry_audit_last_success" in (tmp_path / "pod/tmp/audit.prom").read_text()
    left = {path.name for path in (tmp_path / "pod/tmp").iterdir()}
    assert left == {"audit.prom"}


@pytest.mark.slow
def test_a_second_start_during_the_first(home: Path, tmp_path: Path, zones: list[SimulatedZone]) -> None:
    """Does no harm: each writes a run of its own, and the latest is one of them."""
    go_on = threading.Event()

    def wait(answer: Answer) -> Answer:
        go_on.wait(60)
        return answer

    waits = Fault("/groups", wait)
    zones[0].faults.append(waits)
    pods = [deployed(home, tmp_path / name, zones, "/var/lib/registry-audit") for name in ("one", "two")]
    pods[1].volumes = {**pods[1].volumes, "runs": pods[0].volumes["runs"]}
    first = pods[0].start()
    while not waits.fired:
        assert first.poll() is None
        time.sleep(0.01)
    second = ended(pods[1].start())
    go_on.set()
    assert second[0] == 0, second[1]
    code, said = ended(first)
    assert code == 0, said
    store = store_of(str(pods[0].volumes["runs"]))
    assert len(whole(store)) == 2
    assert latest(store) in whole(store)


# Once so many lines of the log were written; and after so many tenths of what a run takes.
MOMENTS = [*(("lines", number) for number in (1, 3, 4, 5)), *(("tenths", number) for number in (1, 3, 5, 7, 8, 9))]


@pytest.mark.slow
def test_a_signal_at_ten_moments(home: Path, tmp_path: Path, zones: list[SimulatedZone]) -> None:
    """Leaves no broken `latest`, and nothing that is partial without saying so."""
    pod = deployed(home, tmp_path / "pod", zones, "/var/lib/registry-audit")
    began = time.monotonic()
    code, said = ended(pod.start())
    assert code == 0, said
    took = time.monotonic() - began
    store = store_of(str(pod.volumes["runs"]))
    good = whole(store)
    codes = []
    for kind, number in MOMENTS:
        process = pod.start()
        assert process.stderr is not None
        if kind == "lines":
            for _ in range(number):
                process.stderr.readline()
        else:
            time.sleep(took * number / 10)
        process.send_signal(signal.SIGTERM)
        code, said = ended(process)
        # -15: before the program has begun, or when all its work was done.
        assert code in {0, 143, -15}, said
        codes.append(code)
        found = runs(store)
        now = whole(store)
        assert latest(store) in now
        assert {*good} <= {*now}
        assert len(now) - len(good) in {0: {1}, 143: {0}, -15: {0, 1}}[code]
        good = now
        for manifest in found.values():
            assert manifest["state"] in {"complete", "stopped"}
            states = {zone["state"] for zone in manifest["run"]["zones"]}
            assert manifest["state"] == "stopped" or states == {"complete"}
        if code == 143:
            assert pod.last_words.read_text().startswith("registry-audit: stopped (exit code 143)")
            assert 'registry_audit_run_state{state="stopped"} 1' in (tmp_path / "pod/tmp/audit.prom").read_text()
    assert 143 in codes


@pytest.mark.slow
def test_what_is_in_the_image(home: Path) -> None:
    """What was tested, to the version, in a bill of materials; nothing that installs, nothing that a user may write."""
    bill = json.loads((home / "sbom.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    there = {one["name"].lower().replace("_", "-"): one["version"] for one in bill["components"]}
    pins = set(re.findall(r"^(\S+)==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    pinned = {name for name, _ in pins}
    assert {(name, version) for name, version in there.items() if name in pinned} <= pins
    assert {"duckdb", "pyarrow", "urllib3"} <= {*there}
    vendored = {path.parent.name: path.read_text().strip() for path in ROOT.glob("reports/html/vendor/*/VERSION")}
    assert vendored
    assert {name: there[name] for name in vendored} == vendored
    assert {*there} - pinned <= {"registry-access-audit", "pip", "setuptools", *vendored}
    # Each with the hash of an archive that is in the lock file.
    lock = (ROOT / "requirements.txt").read_text()
    for one in bill["components"]:
        if one["name"].lower().replace("_", "-") in pinned:
            (digest,) = one["hashes"]
            assert f"--hash=sha256:{digest['content']}" in lock
    assert not list(home.glob("lib/python*/site-packages/pip"))
    for path in home.rglob("*"):
        if not path.is_symlink():
            assert not path.stat().st_mode & 0o022, path
            assert path.stat().st_mode & 0o004, path


def test_the_containerfile() -> None:
    """Two stages; what runs is not root, has no default that needs a shell, and is what the test starts."""
    found = instructions()
    assert [word for word, _ in found].count("FROM") == 2
    last = len(found) - 1 - [word for word, _ in found][::-1].index("FROM")
    runtime = found[last:]
    assert "RUN" not in {word for word, _ in runtime}
    assert ("USER", "1001:0") in runtime
    label = next(rest for word, rest in runtime if word == "LABEL")
    assert {f"org.opencontainers.image.{name}=" for name in ("version", "source", "revision")} <= {
        part.partition("=")[0] + "=" for part in label.split()
    }
    (entry,) = (rest for word, rest in runtime if word == "ENTRYPOINT")
    assert json.loads(entry)[0] == f"{HOME}/bin/python"
    for word, rest in found:
        assert word != "RUN" or "pip install" not in rest or "--require-hashes" in rest
    for name in ("requirements.txt", "deploy/image/build.txt"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert len(re.findall(r"^\S+==", text, re.MULTILINE)) <= text.count("--hash=sha256:")
    dev = (ROOT / "requirements-dev.txt").read_text()
    for pin in re.findall(r"^\S+==\S+", (ROOT / "requirements.txt").read_text(), re.MULTILINE):
        assert pin in dev
