"""A live zone: what a real API server does to a client, and what the snapshot says of it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Timer
from typing import Any

import pytest
import trustme

from audit.collect import decode, lists, run
from audit.collect.cluster import collect_cluster
from audit.collect.connect import credentials, retry
from audit.collect.limits import Limits
from audit.collect.run import collect_zones
from audit.collect.zones import InCluster, Kubeconfig, TokenEnv, TokenFile, Zone
from audit.snapshot.model import Snapshot, encode
from audit.snapshot.objects import KINDS, NEEDED
from tests.collect.test_dump import gaps, same_facts
from tests.simulator.answers import Answer, Caller
from tests.simulator.faults import (
    Fault,
    broken_json,
    cut,
    dribble,
    hang,
    login_page,
    other_body,
    refuse_with,
    reset,
    slow,
    status_with_200,
)
from tests.simulator.kinds import OPENSHIFT_ONLY
from tests.simulator.server import SimulatedZone
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import world_of
from tests.worlds.snapshots import snapshot_of

WORLD = world_of(5)
FAST = Limits(timeout=20, request_timeout=5, page_size=10_000, retries=2)
GROUPS = KINDS["groups"].path


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between two attempts are short."""
    monkeypatch.setattr(retry, "_FIRST_PAUSE", 0.01)


def zone_at(server: SimulatedZone, tmp_path: Path, **changed: Any) -> Zone:
    return Zone("zone-1", credentials=Kubeconfig(server.kubeconfig(tmp_path / "kubeconfig")), **changed)


def collect(zone: Zone, limits: Limits = FAST, stop: Event | None = None) -> Snapshot:
    return collect_cluster(zone, limits, listed=lambda kind, count: None, stop=stop or Event())


@contextmanager
def simulated(
    tmp_path: Path, *faults: Fault, world: World = WORLD, **options: Any
) -> Iterator[tuple[SimulatedZone, Zone]]:
    with SimulatedZone(world, tmp_path, faults=list(faults), **options) as server:
        yield server, zone_at(server, tmp_path)


@pytest.mark.parametrize("page_size", [1, 2, 7, 500])
@pytest.mark.parametrize("seed", [5, 6])
def test_a_zone_is_the_same_in_pages_of_any_size(tmp_path: Path, page_size: int, seed: int) -> None:
    """Cluster-wide lists, page by page: the facts of the world, and nothing missing."""
    world = world_of(seed)
    with simulated(tmp_path, world=world) as (server, zone):
        snapshot = collect(zone, Limits(20, 5, page_size, 2))
    assert snapshot.state == "complete"
    same_facts(snapshot, snapshot_of(world))
    pages = {one.kind: one.pages for one in snapshot.listings}
    assert pages["namespaces"] == -(-len(world["namespaces"]) // page_size)
    assert all("authorization" not in request.headers for request in server.requests)


def test_the_snapshot_says_where_it_comes_from(tmp_path: Path) -> None:
    """Address, server version, who asked, when, and the version and count of each list."""
    with simulated(tmp_path, caller=Caller("ann", ("team",))) as (server, zone):
        snapshot = collect(zone)
    origin = snapshot.origin
    assert (origin.source, origin.place, origin.server_version, origin.user) == (
        "cluster",
        server.url,
        "v1.36.0",
        "ann",
    )
    assert origin.started <= origin.finished
    listings = {one.kind: one for one in snapshot.listings}
    assert listings["rolebindings"].count == len(WORLD["rolebindings"])
    assert listings["rolebindings"].resource_version == "1000"


def test_who_asked_may_stay_unknown(tmp_path: Path) -> None:
    """A server that says it nowhere."""
    with simulated(tmp_path, absent={"selfsubjectreviews"}, caller=Caller("ann", ())) as (_, zone):
        assert collect(zone).origin.user == "ann"
    with simulated(tmp_path, absent={"selfsubjectreviews", "users/~"}) as (_, zone):
        snapshot = collect(zone)
    assert (snapshot.origin.user, snapshot.state) == ("", "complete")
    gone = [Fault(path, reset(), times=None) for path in ("/version", "selfsubject", "users/~")]
    with simulated(tmp_path, *gone) as (_, zone):
        snapshot = collect(zone)
    assert (snapshot.origin.user, snapshot.origin.server_version, snapshot.state) == ("", "", "complete")
    with simulated(tmp_path, Fault("/version", login_page())) as (_, zone):
        assert collect(zone).origin.server_version == ""


@pytest.mark.parametrize(
    ("faults", "reason", "said"),
    [
        ([Fault(GROUPS, refuse_with(403), times=None)], "refused", "403 simulated"),
        ([Fault(GROUPS, refuse_with(401), times=None)], "unauthenticated", "401"),
        ([Fault(GROUPS, refuse_with(404), times=None)], "not-served", "404"),
        ([Fault(GROUPS, refuse_with(410), times=None)], "expired", "410"),
        ([Fault(GROUPS, refuse_with(429), times=None)], "overloaded", "429"),
        ([Fault(GROUPS, refuse_with(429, retry_after=3600), times=None)], "overloaded", "a retry after 3600 s"),
        ([Fault(GROUPS, refuse_with(503), times=None)], "overloaded", "503"),
        ([Fault(GROUPS, refuse_with(500), times=None)], "error", "500"),
        ([Fault(GROUPS, reset(), times=None)], "cut", "connection broke"),
        ([Fault(GROUPS, cut(20), times=None)], "cut", "connection broke"),
        ([Fault(GROUPS, broken_json(), times=None)], "malformed", "truncated"),
        ([Fault(GROUPS, login_page(), times=None)], "malformed", "<!DOCTYPE html>"),
        ([Fault(GROUPS, status_with_200(), times=None)], "error", "simulated"),
        ([Fault(GROUPS, other_body({"kind": "PodList", "items": []}), times=None)], "malformed", "a PodList, not a"),
    ],
)
def test_one_list_that_fails_is_a_gap_and_the_others_are_whole(
    tmp_path: Path, faults: Sequence[Fault], reason: str, said: str
) -> None:
    """Whatever happens to one list: its reason is said, in one line, and the rest is there."""
    with simulated(tmp_path, *faults) as (_, zone):
        snapshot = collect(zone)
    found = gaps(snapshot)
    assert list(found) == ["groups"]
    assert found["groups"][0] == reason
    assert said in found["groups"][1]
    assert "\n" not in found["groups"][1]
    assert {one.kind for one in snapshot.listings} == {*NEEDED, "users"} - {"groups"}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(GROUPS, refuse_with(429, retry_after=0)),
        Fault(GROUPS, refuse_with(503, retry_after="Wed, 21 Oct 2015 07:28:00 GMT")),
        Fault(GROUPS, refuse_with(503, retry_after="soon")),
        Fault(GROUPS, refuse_with(401)),
        Fault(GROUPS, reset()),
        Fault(GROUPS, cut(20), times=2),
    ],
)
def test_what_passes_is_asked_again(tmp_path: Path, fault: Fault) -> None:
    """An overloaded server, a broken connection, a token just renewed: the zone is whole all the same."""
    with simulated(tmp_path, fault) as (_, zone):
        snapshot = collect(zone)
    assert snapshot.state == "complete"
    assert fault.fired
    same_facts(snapshot, snapshot_of(WORLD))


def test_a_list_whose_token_expires_begins_again(tmp_path: Path) -> None:
    """410 in the middle: nothing is counted twice."""
    fault = Fault(lambda target: "rolebindings" in target and "continue=" in target, refuse_with(410))
    with simulated(tmp_path, fault) as (_, zone):
        snapshot = collect(zone, Limits(20, 5, 1, 2))
    assert fault.fired == 1
    assert snapshot.state == "complete"
    same_facts(snapshot, snapshot_of(WORLD))


def test_a_list_that_is_cut_keeps_what_was_seen(tmp_path: Path) -> None:
    """The first pages of a list that never ends well are facts, and the list is a gap."""
    fault = Fault(
        lambda target: "/rolebindings?" in target and "continue=" in target, refuse_with(403), nth=2, times=None
    )
    with simulated(tmp_path, fault) as (_, zone):
        snapshot = collect(zone, Limits(20, 5, 1, 2))
    assert gaps(snapshot)["rolebindings"][0] == "refused"
    assert len(snapshot.tables["bindings"]["name"]) == 2 + len(WORLD["clusterrolebindings"])


def test_a_server_that_repeats_a_page_token_is_not_followed(tmp_path: Path) -> None:
    """Otherwise the list would never end."""
    page = {"kind": "GroupList", "metadata": {"continue": "again"}, "items": []}
    with simulated(tmp_path, Fault(GROUPS, other_body(page), times=None)) as (_, zone):
        snapshot = collect(zone)
    assert "the same page token twice" in gaps(snapshot)["groups"][1]


def test_time_is_limited_for_a_silent_server(tmp_path: Path) -> None:
    """A server that never answers, or only drop by drop, costs no more than the zone's time."""
    begin = time.monotonic()
    faults = Fault(GROUPS, hang(), times=None), Fault("/roles?", slow(9), times=None), Fault("imagestreams", dribble(9))
    with simulated(tmp_path, *faults) as (_, zone):
        snapshot = collect(zone, Limits(timeout=1.5, request_timeout=0.5, retries=1))
    assert time.monotonic() - begin < 9
    found = gaps(snapshot)
    assert {found["groups"][0], found["roles"][0]} == {"timeout"}
    assert "namespaces" in {one.kind for one in snapshot.listings}


@pytest.mark.parametrize(
    ("changed", "reason", "said"),
    [
        ({"api": "https://127.0.0.1:1"}, "credentials", "they are for"),
        ({"ca_file": Path(__file__)}, "unreachable", "not a PEM file"),
        ({"ca_file": Path("/no/such/ca.pem")}, "credentials", "No such file"),
        ({"credentials": Kubeconfig(Path("/no/such/kubeconfig"))}, "credentials", "cannot load the credentials"),
        (
            {"credentials": TokenFile(Path("/no/such/token")), "api": "https://127.0.0.1:1"},
            "credentials",
            "No such file",
        ),
        (
            {"credentials": TokenEnv("REGISTRY_AUDIT_NONE"), "api": "https://127.0.0.1:1"},
            "credentials",
            "the variable REGISTRY_AUDIT_NONE is not set",
        ),
    ],
)
def test_a_zone_that_cannot_be_reached_is_a_failed_zone(
    tmp_path: Path, changed: dict[str, Any], reason: str, said: str
) -> None:
    """Wrong address, wrong authority, no credentials: every kind is a gap that says so."""
    with simulated(tmp_path) as (server, _):
        values = {"credentials": Kubeconfig(tmp_path / "kubeconfig", "simulated"), **changed}
        snapshot = collect(Zone("zone-1", **values))
        listed = [request for request in server.requests if "limit" in request.target]
    assert snapshot.state == "failed"
    assert {gap.reason for gap in snapshot.gaps} == {reason}
    assert said in snapshot.gaps[0].detail
    assert not listed


def test_a_server_of_another_authority_is_not_asked(tmp_path: Path) -> None:
    """A certificate that cannot be verified will not be better the next time: no request, and what to do."""
    with simulated(tmp_path) as (server, zone):
        trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
        snapshot = collect(replace(zone, ca_file=tmp_path / "other.pem"))
        assert not server.requests
    assert {gap.reason for gap in snapshot.gaps} == {"unreachable"}
    assert "set ca_file of the zone" in snapshot.gaps[0].detail


def test_nobody_at_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that nobody listens at is said without the library's words."""
    monkeypatch.setenv("T", "token")
    snapshot = collect(Zone("zone-1", "https://127.0.0.1:1", credentials=TokenEnv("T")))
    assert snapshot.gaps[0].reason == "unreachable"
    assert "object at 0x" not in snapshot.gaps[0].detail


@pytest.mark.parametrize("what", ["http", "insecure"])
def test_credentials_are_never_sent_without_protection(tmp_path: Path, what: str) -> None:
    """Neither over plain HTTP nor to a server that is not verified."""
    with simulated(tmp_path) as (server, zone):
        path = tmp_path / "kubeconfig"
        text = path.read_text()
        if what == "http":
            path.write_text(text.replace("https://", "http://"))
        else:
            authority = next(line for line in text.splitlines() if "certificate-authority" in line)
            path.write_text(text.replace(authority, "    insecure-skip-tls-verify: true"))
        snapshot = collect(zone)
        assert not server.requests
    assert snapshot.gaps[0].reason == "credentials"
    assert ("https only" if what == "http" else "TLS verification off") in snapshot.gaps[0].detail


def test_the_standard_kubeconfig_is_searched_for_the_zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials in the configuration, the context that leads to the zone's API is taken, and no other."""
    with simulated(tmp_path) as (server, _):
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        assert collect(Zone("zone-1", server.url)).state == "complete"
        other = collect(Zone("zone-1", "https://127.0.0.1:2"))
        assert "no context in" in other.gaps[0].detail
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
        assert collect(Zone("zone-1", server.url)).gaps[0].reason == "credentials"


def test_a_token_file_is_read_again_as_it_rotates(tmp_path: Path) -> None:
    """The second collection uses the new token; neither is ever in a snapshot."""
    token = tmp_path / "token"
    with simulated(tmp_path) as (server, _):
        zone = Zone("zone-1", server.url, ca_file=server.ca_file, credentials=TokenFile(token))
        token.write_text("first-token\n")
        server.token = "first-token"
        first = collect(zone)
        token.write_text("second-token")
        server.token = "second-token"
        second = collect(zone)
        server.token = "another"
        third = collect(zone)
    assert (first.state, second.state, third.state) == ("complete", "complete", "failed")
    for snapshot in (first, second, third):
        assert b"-token" not in encode(snapshot).replace(b"system", b"")


def test_a_stop_ends_a_zone_that_is_being_read(tmp_path: Path) -> None:
    """What was whole stays; the rest is `stopped`; and it ends at once though a server is silent."""
    stop = Event()
    with simulated(tmp_path, Fault(GROUPS, slow(1), times=None)) as (_, zone):
        Timer(0.3, stop.set).start()
        snapshot = collect(zone, stop=stop)
    assert gaps(snapshot).get("groups", ("stopped", ""))[0] == "stopped"
    assert "namespaces" in {one.kind for one in snapshot.listings}


class Heard:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []
        self.begun: list[str] = []
        self.lists: list[str] = []

    def zone_started(self, zone: str) -> None:
        self.begun.append(zone)

    def listed(self, zone: str, kind: str, count: int) -> None:
        self.lists.append(kind)

    def zone_done(self, zone: str, snapshot: Snapshot) -> None:
        self.done.append((zone, snapshot.state))


def test_several_zones_at_once_and_one_that_fails(tmp_path: Path) -> None:
    """A zone that refuses and one that is nowhere leave the third untouched."""
    heard = Heard()
    with SimulatedZone(WORLD, tmp_path / "a") as good, SimulatedZone(WORLD, tmp_path / "b", token="other") as bad:
        zones = [
            Zone("good", credentials=Kubeconfig(good.kubeconfig(tmp_path / "good"))),
            Zone("bad", credentials=Kubeconfig(bad.kubeconfig(tmp_path / "bad", token="wrong"))),
            Zone("none", dump=tmp_path / "nowhere"),
        ]
        found = {one.origin.zone: one for one in collect_zones(zones, FAST, heard, Event(), at_once=2)}
    assert {zone: one.state for zone, one in found.items()} == {"good": "complete", "bad": "failed", "none": "failed"}
    assert sorted(heard.begun) == ["bad", "good", "none"]
    assert dict(heard.done)["good"] == "complete"
    assert len(heard.lists) == len(NEEDED) + 1


def test_a_bug_in_one_zone_is_that_zone_s_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a fault of the program never hides, and never spoils another zone."""

    def broken(*args: object, **rest: object) -> Snapshot:
        raise ZeroDivisionError

    monkeypatch.setattr(run, "collect_dump", broken)
    (snapshot,) = collect_zones([Zone("a", dump=tmp_path)], FAST, Heard(), Event())
    assert snapshot.state == "failed"
    assert "a bug: ZeroDivisionError" in snapshot.gaps[0].detail


def test_a_bug_in_one_list_is_that_list_s_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that dies must not look like an empty list."""
    original = decode.page_of_json

    def broken(kind: Any, body: bytes) -> Any:
        if kind.plural == "roles":
            raise ZeroDivisionError
        return original(kind, body)

    monkeypatch.setattr(lists, "page_of_json", broken)
    with simulated(tmp_path) as (_, zone):
        snapshot = collect(zone)
    assert gaps(snapshot) == {"roles": ("error", "a bug in reading this list: ZeroDivisionError")}


def test_a_stop_does_not_wait_for_silent_zones(tmp_path: Path) -> None:
    """Zones that hang are given up after a short grace, as stopped; those that are done are kept."""
    stop = Event()
    with SimulatedZone(WORLD, tmp_path / "a", faults=[Fault("", hang(), times=None)]) as silent:
        zones = [
            Zone("silent", credentials=Kubeconfig(silent.kubeconfig(tmp_path / "silent"))),
            Zone("none", dump=tmp_path / "nowhere"),
        ]
        begin = time.monotonic()
        Timer(0.5, stop.set).start()
        found = {one.origin.zone: one for one in collect_zones(zones, Limits(60, 60), Heard(), stop)}
        assert time.monotonic() - begin < 10
    assert {gap.reason for gap in found["silent"].gaps} == {"stopped"}
    assert {gap.reason for gap in found["none"].gaps} == {"missing"}


def test_the_pod_s_own_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a cluster: address from the environment, token and authority from the mounted files."""
    with SimulatedZone(WORLD, tmp_path) as server:
        (tmp_path / "token").write_text(server.token)
        (tmp_path / "ca.crt").write_bytes(server.ca_file.read_bytes())
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
        monkeypatch.setattr(credentials, "_ACCOUNT", tmp_path)
        assert collect(Zone("here", credentials=InCluster())).gaps == ()
        elsewhere = collect(Zone("here", "https://127.0.0.1:1", credentials=InCluster()))
    assert "they are for https://127.0.0.1" in elsewhere.gaps[0].detail


def test_credentials_that_go_away_are_a_gap(tmp_path: Path) -> None:
    """A token file that is removed while the zone is read."""
    token = tmp_path / "token"

    def gone(answer: Answer) -> Answer:
        token.unlink(missing_ok=True)
        return answer

    with SimulatedZone(WORLD, tmp_path, faults=[Fault("/version", gone)]) as server:
        token.write_text(server.token)
        snapshot = collect(Zone("zone-1", server.url, ca_file=server.ca_file, credentials=TokenFile(token)))
    assert {gap.reason for gap in snapshot.gaps} == {"credentials"}
    assert "No such file" in snapshot.gaps[0].detail


def test_a_damaged_compressed_answer_is_malformed(tmp_path: Path) -> None:
    """Bytes that are said to be gzip and are not."""

    def broken(answer: Answer) -> Answer:
        return replace(answer, headers={"Content-Encoding": "gzip"})

    with simulated(tmp_path, Fault(GROUPS, broken, times=None)) as (_, zone):
        assert gaps(collect(zone))["groups"] == ("malformed", "the compressed response is damaged")


def test_a_plain_kubernetes(tmp_path: Path) -> None:
    """Its gaps are the lists that OpenShift alone serves: what `test_real_server` expects of a real one."""
    with simulated(tmp_path, absent=OPENSHIFT_ONLY) as (_, zone):
        found = collect(zone)
    assert {(gap.kind, gap.reason) for gap in found.gaps} == {(kind, "not-served") for kind in OPENSHIFT_ONLY}
