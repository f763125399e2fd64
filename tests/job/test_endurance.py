"""A zone that goes wrong at any moment: what was not seen is said and unknown, and time and memory have an end."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import product
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.cli import run_command
from audit.collect.cluster import collect_cluster
from audit.collect.connect import credentials, retry
from audit.collect.connect.connection import Response
from audit.collect.connect.retry import _retry_after
from audit.collect.dumps.dump import collect_dump
from audit.collect.limits import Limits
from audit.collect.run import collect_zones
from audit.collect.zones import Kubeconfig, TokenFile, Zone
from audit.snapshot.model import Snapshot, encode, load
from audit.snapshot.objects import KINDS
from tests.access.against import never_wrong, tables_as_csv
from tests.collect.test_cluster import Heard
from tests.simulator.answers import Answer
from tests.simulator.faults import (
    Action,
    Fault,
    broken_json,
    cut,
    hang,
    login_page,
    refuse_with,
    reset,
    skewed,
    slow,
    some_of,
    status_with_200,
)
from tests.simulator.server import SimulatedZone
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import world_of, worlds, write_dump
from tests.worlds.snapshots import snapshot_of

WORLD: World = world_of(5)
# Small pages, so that every list has a middle; silence that even a busy machine does not take for an answer.
LIMITS = Limits(timeout=60, request_timeout=20, page_size=3, retries=1)


@pytest.fixture(autouse=True, scope="module")
def _no_pauses() -> Any:
    """Pauses between two attempts are short."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retry, "_FIRST_PAUSE", 0.01)
        yield


def collect(server: SimulatedZone, folder: Path, limits: Limits = LIMITS) -> Snapshot:
    zone = Zone("zone-1", credentials=Kubeconfig(server.kubeconfig(folder / "kubeconfig")))
    return collect_cluster(zone, limits, listed=lambda kind, count: None, stop=Event())


class Judge:
    """Says whether snapshots of one world are right; each that differs is looked at once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.whole = tables_as_csv(snapshot_of(world))
        self.seen: set[bytes] = set()

    def look(self, snapshot: Snapshot) -> None:
        columns = [values.tobytes() for table in snapshot.tables.values() for values in table.values()]
        places = repr([(gap.kind, gap.namespace) for gap in snapshot.gaps]).encode()
        mark = hashlib.sha256(b"|".join([*columns, places])).digest()
        if mark in self.seen:
            return
        self.seen.add(mark)
        assert snapshot.gaps or tables_as_csv(snapshot) == self.whole
        never_wrong(snapshot, self.world)


RETRY_DATE = skewed(429, ahead=timedelta(days=-900), retry_after=timedelta(0))
FAULTS: dict[str, Action] = {
    "refused": refuse_with(403),
    "reset": reset(),
    "reset in the body": reset(after=30),
    "cut before the body": cut(0),
    "cut in the body": cut(40),
    "expired": refuse_with(410),
    "too many": refuse_with(429),
    "too many, come back": refuse_with(429, retry_after=0),
    "too many, come back by another clock": RETRY_DATE,
    "too many, come back much later": refuse_with(429, retry_after=86400),
    "away for a moment": refuse_with(503, retry_after=0),
    "error": refuse_with(500),
    "slow": slow(0.05),
    "half of the JSON": broken_json(),
    "no JSON": login_page(),
    "a Status with 200": status_with_200(),
    "token expired": refuse_with(401),
}


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_at_each_request(tmp_path: Path, name: str) -> None:
    """Once, and from then on: the zone is whole, or what is missing is said, and no answer is wrong."""
    judge = Judge(WORLD)
    with SimulatedZone(WORLD, tmp_path) as server:
        assert collect(server, tmp_path).state == "complete"
        count = len(server.requests)
        for index, times in product({1, *some_of(count, [*FAULTS].index(name))}, (1, None)):
            server.faults = [fault := Fault("", FAULTS[name], nth=index, times=times)]
            snapshot = collect(server, tmp_path)
            assert fault.fired
            judge.look(snapshot)
            if times is None and index == 1 and name not in ("slow", "too many, come back by another clock"):
                assert snapshot.state == "failed", snapshot.gaps


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedZone]:
    """One server for many runs, each with faults of its own."""
    with SimulatedZone(WORLD, tmp_path_factory.mktemp("lasting")) as server:
        yield server


@pytest.mark.no_cover
@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 40), st.integers(0, 900), st.sampled_from([cut, reset]), st.sampled_from([1, None]))
def test_a_list_that_is_cut_at_any_byte_is_never_a_shorter_list(
    lasting: SimulatedZone, tmp_path: Path, index: int, at: int, action: Callable[[int], Action], times: int | None
) -> None:
    """Wherever the connection breaks: whole after all, or a gap."""
    lasting.faults = [Fault("", action(at), nth=index, times=times)]
    Judge(WORLD).look(collect(lasting, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("index", range(1, 16, 3))
def test_a_server_that_goes_away_in_the_middle(tmp_path: Path, index: int) -> None:
    """Connections are refused from then on."""
    with SimulatedZone(WORLD, tmp_path) as server:

        def away(answer: Answer) -> Answer:
            server.go_away()
            return reset()(answer)

        server.faults.append(Fault("", away, nth=index))
        snapshot = collect(server, tmp_path)
    assert snapshot.gaps
    assert {gap.reason for gap in snapshot.gaps} <= {"unreachable", "cut"}
    Judge(WORLD).look(snapshot)


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize("index", range(1, 24, 3))
def test_a_token_that_expires_in_the_middle(tmp_path: Path, index: int) -> None:
    """With a new one in its file the zone is whole; without one, the rest is a gap that says so."""
    token = tmp_path / "token"
    for renewed in (True, False):
        token.write_text("simulated-token")
        with SimulatedZone(WORLD, tmp_path) as server:
            zone = Zone("zone-1", server.url, ca_file=server.ca_file, credentials=TokenFile(token))

            def expire(answer: Answer, server: SimulatedZone = server, renewed: bool = renewed) -> Answer:
                server.token = "the-next-token"
                if renewed:
                    (tmp_path / "next").write_text(server.token)
                    (tmp_path / "next").replace(token)
                return answer

            server.faults.append(Fault("", expire, nth=index))
            snapshot = collect_cluster(zone, LIMITS, listed=lambda kind, count: None, stop=Event())
        Judge(WORLD).look(snapshot)
        assert {gap.reason for gap in snapshot.gaps} <= (set() if renewed else {"unauthenticated"})


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize("name", ["refused", "half of the JSON"])
def test_a_whole_run_with_a_list_that_fails_ends_with_3_and_says_which(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """At each list in turn: written all the same, exit code 3, the gap named in what is printed and in `coverage`."""
    for kind in (KINDS[plural] for plural in Limits().kinds):
        fault = Fault(f"{kind.path}?", FAULTS[name], times=None)
        with SimulatedZone(WORLD, tmp_path, faults=[fault]) as server:
            path = server.kubeconfig(tmp_path / "kubeconfig")
            config = tmp_path / "config.yaml"
            zone = {"id": "zone-1", "credentials": {"kubeconfig": str(path)}}
            config.write_text(yaml.safe_dump({"zones": [zone], "collect": {"retries": 1, "scope": "cluster"}}))
            out = tmp_path / kind.plural
            code = run_command(["run", "-c", str(config), "-o", str(out), "--format", "csv", "--json"])
        said = capsys.readouterr()
        assert code == 3, said.err
        folder = Path(json.loads(said.out)["folder"])
        assert f"zone-1: not seen: {kind.plural}" in said.err
        assert f"\r\nzone-1,{kind.plural},*," in (folder / "coverage.csv").read_bytes().decode()
        assert not (out / "latest").exists()


@pytest.mark.no_cover
@pytest.mark.slow
@settings(max_examples=12)
@given(worlds(), st.integers(1, 40), st.integers(1, 20))
def test_the_same_world_is_the_same_tables_however_it_is_read(
    tmp_path_factory: pytest.TempPathFactory, world: World, page_size: int, in_flight: int
) -> None:
    """In pages of any size, from a dump, from a saved snapshot: byte for byte; as a tenant, equal or unknown."""
    folder = tmp_path_factory.mktemp("same")
    whole = tables_as_csv(snapshot_of(world))
    limits = Limits(timeout=60, request_timeout=20, page_size=page_size, in_flight=in_flight)
    with SimulatedZone(world, folder) as server:
        live = collect(server, folder, limits)
        tenant = collect(server, folder, Limits(timeout=60, page_size=page_size, in_flight=in_flight, scope="tenant"))
    assert live.state == "complete"
    assert tables_as_csv(live) == whole
    dump = collect_dump(
        Zone("zone-1"), write_dump(world, folder / "dump"), listed=lambda kind, count: None, stop=Event()
    )
    assert tables_as_csv(dump) == whole
    (folder / "zone-1.snapshot").write_bytes(encode(live))
    assert tables_as_csv(load(folder / "zone-1.snapshot")) == whole
    never_wrong(tenant, world)


def test_a_list_that_changes_its_version_begins_again(tmp_path: Path) -> None:
    """Pages of two versions are not one list."""

    def newer(answer: Answer) -> Answer:
        body = json.loads(answer.body)
        body["metadata"]["resourceVersion"] = "2000"
        return Answer(200, json.dumps(body).encode())

    second = Fault(lambda target: "/rolebindings?" in target and "continue=" in target, newer)
    with SimulatedZone(WORLD, tmp_path, faults=[second]) as server:
        assert collect(server, tmp_path).state == "complete"
    assert second.fired
    always = Fault(lambda target: "/rolebindings?" in target and "continue=" in target, newer, times=None)
    with SimulatedZone(WORLD, tmp_path, faults=[always]) as server:
        (gap,) = collect(server, tmp_path).gaps
    assert (gap.kind, gap.reason) == ("rolebindings", "expired")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "soon"}, 0),
        ({"Retry-After": "\u0667"}, 0),
        # By the server's own clock, wherever ours stands.
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:09 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 9),
        ({"Retry-After": "Wed, 21 Oct 2099 07:28:09 GMT", "Date": "Wed, 21 Oct 2099 07:28:00 GMT"}, 9),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT", "Date": "Wed, 21 Oct 2015 07:28:09 GMT"}, 0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT", "Date": "today"}, 0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 -0000"}, 0),
    ],
)
def test_when_to_come_back(headers: dict[str, str], seconds: float) -> None:
    """A number, or a date of the server's clock; anything else is no wish."""
    assert _retry_after(Response(429, headers, b"")) == seconds


def test_the_pauses_grow_and_never_end_before_they_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked for is waited for, and some time more, which grows; jitter keeps clients apart."""
    waited: list[float] = []
    stop = Event()
    monkeypatch.setattr(stop, "wait", waited.append)
    monkeypatch.setattr(retry, "_FIRST_PAUSE", 0.5)
    fault = Fault(KINDS["groups"].path, refuse_with(429, retry_after=3), times=4)
    with SimulatedZone(WORLD, tmp_path, faults=[fault]) as server:
        zone = Zone("zone-1", credentials=Kubeconfig(server.kubeconfig(tmp_path / "kubeconfig")))
        limits = Limits(timeout=60, request_timeout=20, retries=4)
        assert collect_cluster(zone, limits, listed=lambda kind, count: None, stop=stop).state == "complete"
    assert len(waited) == 4
    for attempt, seconds in enumerate(waited):
        assert 3 + 0.25 * 2**attempt <= seconds <= 3 + 0.5 * 2**attempt


def test_a_plugin_that_hangs_does_not_hold_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever blocks before the first request: the zone is given up, and the others are whole."""
    monkeypatch.setattr("audit.collect.run._GRACE", 0.2)
    forever = Event()
    monkeypatch.setattr(credentials, "_bearer_file", lambda path: forever.wait())
    with SimulatedZone(WORLD, tmp_path) as server:
        zones = [
            Zone("hangs", "https://127.0.0.1:1", credentials=TokenFile(tmp_path)),
            Zone("good", credentials=Kubeconfig(server.kubeconfig(tmp_path / "kubeconfig"))),
        ]
        limits = Limits(timeout=10, request_timeout=10)
        short = Limits(timeout=0.5, request_timeout=10)
        (good,) = collect_zones(zones[1:], limits, Heard(), Event())
        (hangs,) = collect_zones(zones[:1], short, Heard(), Event())
    forever.set()
    assert good.state == "complete"
    assert {gap.reason for gap in hangs.gaps} == {"timeout"}


MEASURED = """
import sys
from audit.cli import run_command
code = run_command(sys.argv[1:])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(f"code {code} peak {int(peak.split()[1]) // 1024}", file=sys.stderr)
"""


@pytest.mark.no_cover
@pytest.mark.slow
def test_fifty_zones_of_which_ten_are_lost(tmp_path: Path) -> None:
    """Five hang, five refuse connections: forty are whole, within the budget of time, under 1 GB."""
    with (
        SimulatedZone(world_of(7), tmp_path / "good") as good,
        SimulatedZone(WORLD, tmp_path / "bad", faults=[Fault("", hang(), times=None)]) as silent,
    ):
        good_path, silent_path = (str(one.kubeconfig(tmp_path / f"{one.port}")) for one in (good, silent))
        (tmp_path / "token").write_text("a-token")
        zones: list[dict[str, Any]] = [
            {"id": f"good-{number}", "credentials": {"kubeconfig": good_path}} for number in range(40)
        ]
        for number in range(5):
            away = {"api": "https://127.0.0.1:1", "credentials": {"token_file": str(tmp_path / "token")}}
            zones.insert(number * 9, {"id": f"hangs-{number}", "credentials": {"kubeconfig": silent_path}})
            zones.insert(number * 7, {"id": f"refuses-{number}", **away})
        config = tmp_path / "config.yaml"
        budget = {"timeout_seconds": 60, "request_timeout_seconds": 4, "retries": 0, "zones_at_once": 8}
        config.write_text(yaml.safe_dump({"zones": zones, "collect": budget}))
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, "run", "-c", str(config), "-o", str(tmp_path / "out"), "--json"],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    last = done.stderr.strip().splitlines()[-1].split()
    assert (last[1], int(last[3]) < 1024) == ("3", True), done.stderr[-2000:]
    states = json.loads(done.stdout)["zones"]
    assert [state for zone, state in states.items() if zone.startswith("good")] == ["complete"] * 40
    assert [state for zone, state in states.items() if not zone.startswith("good")] == ["failed"] * 10
    assert "hangs-0: not seen: " in done.stderr
    assert "the zone did not answer" in done.stderr
