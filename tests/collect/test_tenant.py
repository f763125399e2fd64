"""What an ordinary account can see: its own namespaces, read one by one, and unknown wherever something is hidden."""

import threading
from collections.abc import Collection
from itertools import product
from pathlib import Path
from threading import Event
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from audit.access.facts.coverage import coverage
from audit.collect.cluster import collect_cluster
from audit.collect.connect import retry
from audit.collect.limits import Limits
from audit.collect.zones import Kubeconfig, Zone
from audit.snapshot.model import Snapshot
from audit.snapshot.objects import KINDS
from tests.access.against import never_wrong, tables_as_csv
from tests.collect.test_dump import gaps
from tests.simulator.answers import Answer, Request, json_answer, place_of, status
from tests.simulator.faults import Fault, broken_json, hang, login_page, refuse_with, reset, some_of
from tests.simulator.kinds import KINDS as SERVED
from tests.simulator.kinds import Object, as_list
from tests.simulator.server import SimulatedZone
from tests.simulator.server import Zone as Server
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import _assemble, world_of, worlds
from tests.worlds.snapshots import snapshot_of

LIMITS = Limits(30, 10, page_size=2, retries=1)
WIDE = ("clusterrolebindings", "groups", "users")  # what an ordinary account may not list
SPACED = ("roles", "rolebindings", "serviceaccounts", "imagestreams")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between two attempts are short."""
    monkeypatch.setattr(retry, "_FIRST_PAUSE", 0.01)


def collect(server: Server, folder: Path, limits: Limits = LIMITS, stop: Event | None = None) -> Snapshot:
    zone = Zone("zone-1", credentials=Kubeconfig(server.kubeconfig(folder / "kubeconfig")))
    return collect_cluster(zone, limits, listed=lambda kind, count: None, stop=stop or Event())


def tenant(world: World, folder: Path, of: Collection[str], *faults: Fault, **options: Any) -> Snapshot:
    with SimulatedZone(world, folder, tenant_of=of, faults=list(faults), **options) as server:
        return collect(server, folder)


def test_an_ordinary_account_sees_its_namespaces(tmp_path: Path) -> None:
    """Found out by itself: what lies in them is there, what lies elsewhere is a gap, and what is cluster-wide too."""
    snapshot = tenant(world_of(5), tmp_path, ["ns-0", "openshift"])
    own = {
        name for name in ("ns-0", "openshift") if any(n["metadata"]["name"] == name for n in world_of(5)["namespaces"])
    }
    assert snapshot.origin.source == "tenant"
    assert snapshot.state == "partial"
    found = gaps(snapshot)
    assert {*found} == {*WIDE, *(f"{plural}/*" for plural in (*SPACED, "namespaces"))}
    assert {reason for reason, _ in found.values()} == {"refused"}
    assert f"read in {len(own)} of the {len(own)} namespaces" in found["rolebindings/*"][1]
    text, tables = snapshot.strings, snapshot.tables
    assert {text[code] for code in tables["namespaces"]["name"].tolist()} == own
    for plural, table in (("rolebindings", "bindings"), ("imagestreams", "imagestreams")):
        names = [text[code] for code in tables[table]["name"].tolist()]
        assert sorted(names) == sorted(
            item["metadata"]["name"] for item in world_of(5)[plural] if item["metadata"]["namespace"] in own
        )


@pytest.mark.no_cover
@settings(max_examples=25)
@given(worlds(), st.sets(st.sampled_from(["ns-0", "ns-00", "ns-1", "openshift"])))
@example(_assemble(0, [162, 466]), {"ns-0"})  # nobody may log in, and nobody sees it
@example(_assemble(0, [162, 45468]), {"ns-0"})  # the role that lets everybody log in is gone
def test_what_is_said_of_a_tenant_s_view_is_right_or_unknown(
    tmp_path_factory: pytest.TempPathFactory, world: World, of: set[str]
) -> None:
    """On random worlds, seen from random namespaces: never a wrong yes, never a wrong no."""
    never_wrong(tenant(world, tmp_path_factory.mktemp("tenant"), of), world)


def test_a_tenant_that_may_see_what_is_cluster_wide_gets_answers(tmp_path: Path) -> None:
    """Role bindings alone are refused: in its own namespaces nothing is unknown, and elsewhere all that depends."""
    world = world_of(5)
    names = [item["metadata"]["name"] for item in world["namespaces"]]
    refuse = {f"{plural}/" for plural in SPACED} | {f"{plural}/{names[0]}" for plural in SPACED}
    with SimulatedZone(world, tmp_path, refuse=refuse) as server:
        snapshot = collect(server, tmp_path)
    # All namespaces are known by their own list, so nothing lies in others.
    assert {*gaps(snapshot)} == {f"{plural}/{names[0]}" for plural in SPACED}
    assert never_wrong(snapshot, world)
    with SimulatedZone(world, tmp_path, refuse={f"{plural}/" for plural in SPACED}) as server:
        snapshot = collect(server, tmp_path)
    assert snapshot.state == "complete"
    assert {one.kind for one in snapshot.listings} == {*LIMITS.kinds}
    assert tables_as_csv(snapshot) == tables_as_csv(snapshot_of(world))


def test_a_namespace_that_refuses_is_a_gap_of_its_own(tmp_path: Path) -> None:
    """Somebody who may only view a namespace cannot see its bindings; the others are as they are."""
    world = world_of(5)
    names = sorted(item["metadata"]["name"] for item in world["namespaces"])
    snapshot = tenant(world, tmp_path, names, refuse={f"rolebindings/{names[0]}"})
    reason, detail = gaps(snapshot)[f"rolebindings/{names[0]}"]
    assert (reason, f'in the namespace "{names[0]}"' in detail) == ("refused", True)
    assert f"read in {len(names) - 1} of the {len(names)} namespaces" in gaps(snapshot)["rolebindings/*"][1]
    lines = {(row["kind"], row["namespace"]): row["state"] for row in coverage(snapshot).records()}
    assert lines["rolebindings", names[0]] == "refused"
    never_wrong(snapshot, world)


def test_a_kind_that_is_refused_everywhere_is_one_gap(tmp_path: Path) -> None:
    """And not one for each namespace."""
    world = world_of(5)
    names = [item["metadata"]["name"] for item in world["namespaces"]]
    snapshot = tenant(world, tmp_path, names, refuse={"roles"})
    assert gaps(snapshot)["roles"][0] == "refused"
    assert not [one for one in gaps(snapshot) if one.startswith("roles/")]
    nothing = tenant(world, tmp_path, [])
    assert nothing.state == "failed"
    assert {gap.namespace for gap in nothing.gaps} == {""}
    never_wrong(nothing, world)


@pytest.mark.parametrize(
    ("fault", "reason", "said"),
    [
        (Fault("/projects", refuse_with(500), times=None), "error", "projects: 500"),
        (Fault("/projects", login_page(), times=None), "malformed", "projects: "),
        (Fault(lambda target: "/projects" in target and "continue" in target, refuse_with(403)), "refused", "projects"),
    ],
)
def test_projects_that_cannot_be_listed(tmp_path: Path, fault: Fault, reason: str, said: str) -> None:
    """It is not known which namespaces there are; those of the first pages are read all the same."""
    world = world_of(5)
    names = [item["metadata"]["name"] for item in world["namespaces"]]
    assert len(names) > LIMITS.page_size
    snapshot = tenant(world, tmp_path, names, fault)
    assert gaps(snapshot)["namespaces"][0] == reason
    assert said in gaps(snapshot)["namespaces"][1]
    assert bool(len(snapshot.tables["namespaces"]["name"])) == (reason == "refused")
    never_wrong(snapshot, world)


def test_a_cluster_without_projects(tmp_path: Path) -> None:
    """Not an OpenShift: who may list nothing is shown nothing."""
    snapshot = tenant(world_of(5), tmp_path, ["ns-0"], absent={"projects"})
    assert gaps(snapshot)["namespaces"][0] == "refused"
    assert "the server does not serve projects" in gaps(snapshot)["namespaces"][1]


@pytest.mark.parametrize(("scope", "source"), [("cluster", "cluster"), ("tenant", "tenant"), ("auto", "cluster")])
def test_the_scope_that_is_asked_for(tmp_path: Path, scope: str, source: str) -> None:
    """One who may read all, read in each scope: the same access, and by namespace it is not known to be all."""
    world = world_of(6)
    with SimulatedZone(world, tmp_path) as server:
        snapshot = collect(server, tmp_path, Limits(30, 10, 2, 1, scope=scope))
        paths = {request.path for request in server.requests}
    assert snapshot.origin.source == source
    assert (KINDS["rolebindings"].path in paths) == (scope != "tenant")
    assert snapshot.state == ("partial" if scope == "tenant" else "complete")
    if scope == "tenant":
        assert "as requested" in gaps(snapshot)["rolebindings/*"][1]
        assert gaps(snapshot)["rolebindings/*"][0] == "missing"
    never_wrong(snapshot, world)


def test_in_cluster_scope_nothing_is_read_by_namespace(tmp_path: Path) -> None:
    """What is refused stays refused."""
    with SimulatedZone(world_of(5), tmp_path, tenant_of=["ns-0"]) as server:
        snapshot = collect(server, tmp_path, Limits(30, 10, 2, 1, scope="cluster"))
        assert not [request for request in server.requests if "/namespaces/" in request.path]
    assert snapshot.state == "failed"
    assert gaps(snapshot)["rolebindings"][0] == "refused"


def test_a_zone_that_goes_away_is_not_asked_for_each_namespace(tmp_path: Path) -> None:
    """After enough lists in a row that say it is the zone, the others are gaps without a request."""
    names = [f"ns-{number}" for number in range(60)]
    world = crowd(names)
    limits = Limits(30, 10, retries=0, in_flight=3)
    with SimulatedZone(world, tmp_path, tenant_of=names) as server:
        server.faults.append(Fault("/namespaces/", refuse_with(401), times=None))
        snapshot = collect(server, tmp_path, limits)
        asked = [request for request in server.requests if "/namespaces/" in request.path]
    assert 6 <= len(asked) <= 12
    assert gaps(snapshot)["rolebindings"][0] == "unauthenticated"


def crowd(names: Collection[str]) -> World:
    """Many namespaces with one binding each."""
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    subjects = [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "ann"}]
    rule = {"verbs": ["get"], "apiGroups": ["image.openshift.io"], "resources": ["imagestreams/layers"]}
    world: World = {plural: [] for plural in SERVED}
    world["namespaces"] = [{"metadata": {"name": name, "uid": name}} for name in names]
    world["clusterroles"] = [{"metadata": {"name": "view", "uid": "v"}, "rules": [rule]}]
    world["rolebindings"] = [
        {"metadata": {"name": "b", "namespace": name, "uid": f"b-{name}"}, "roleRef": ref, "subjects": subjects}
        for name in names
    ]
    return world


class Crowd(Server):
    """A tenant's view of many namespaces, answered from bytes made beforehand; counts what is in flight."""

    def __init__(self, folder: Path, names: Collection[str], together: int = 1) -> None:
        """Answer to nobody until so many requests have come `together`."""
        super().__init__(folder)
        self.together = together
        self.full = Event()
        world = crowd(names)
        self.whole = {
            "projects": msgspec.json.encode(as_list(SERVED["projects"], world["namespaces"])),
            "clusterroles": msgspec.json.encode(as_list(SERVED["clusterroles"], world["clusterroles"])),
        }
        self.bindings = {
            one["metadata"]["namespace"]: msgspec.json.encode(as_list(SERVED["rolebindings"], [one]))
            for one in world["rolebindings"]
        }
        empty: list[Object] = []
        self.empty = {plural: msgspec.json.encode(as_list(SERVED[plural], empty)) for plural in SPACED}
        self.now = self.most = 0
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Answer:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
            if self.now >= self.together:
                self.full.set()
        try:
            if "/namespaces/" in request.path:
                self.full.wait(10)
            return self._answered(request)
        finally:
            with self._lock:
                self.now -= 1

    def _answered(self, request: Request) -> Answer:
        place = place_of(request.path)
        if place is None:
            return json_answer({"gitVersion": "v1.36.0", "status": {"userInfo": {"username": "ann"}}})
        plural = place.kind.plural
        if place.namespace is None:
            return Answer(200, self.whole[plural]) if plural in self.whole else status(403, "forbidden")
        return Answer(200, self.bindings[place.namespace] if plural == "rolebindings" else self.empty[plural])


@pytest.mark.no_cover
@pytest.mark.slow
def test_two_thousand_namespaces(tmp_path: Path) -> None:
    """No more requests than namespaces by kinds and a few, never more in flight than allowed, and all of it seen."""
    names = [f"team-{number:04d}" for number in range(2000)]
    with Crowd(tmp_path, names) as server:
        snapshot = collect(server, tmp_path, Limits(timeout=600, retries=2))
        count = len(server.requests)
    assert count <= len(names) * len(SPACED) + 20
    assert server.most <= 20
    assert len(snapshot.tables["bindings"]["name"]) == len(names)
    assert {gap.namespace for gap in snapshot.gaps if gap.kind in SPACED} == {"*"}
    assert "read in 2000 of the 2000" in gaps(snapshot)["rolebindings/*"][1]


@pytest.mark.parametrize("at_once", [1, 7])
def test_requests_in_flight(tmp_path: Path, at_once: int) -> None:
    """As many as allowed, and never one more."""
    with Crowd(tmp_path, [f"ns-{number}" for number in range(30)], together=at_once) as server:
        collect(server, tmp_path, Limits(timeout=600, in_flight=at_once))
    assert server.full.is_set()
    assert server.most == at_once


@pytest.mark.slow
def test_time_that_runs_out_in_the_middle(tmp_path: Path) -> None:
    """What was read is there; each list that was not is a gap of its namespace."""
    names = [f"ns-{number}" for number in range(12)]
    world = crowd(names)
    with SimulatedZone(world, tmp_path, tenant_of=names) as server:
        server.faults.append(Fault("/namespaces/ns-5/", hang(), times=None))
        snapshot = collect(server, tmp_path, Limits(timeout=3, request_timeout=30, retries=0, in_flight=8))
    found = gaps(snapshot)
    assert {found[f"{plural}/ns-5"][0] for plural in SPACED} == {"timeout"}
    assert len(snapshot.tables["bindings"]["name"]) == 11
    never_wrong(snapshot, world | {"serviceaccounts": [], "groups": []})


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize(("kind", "action"), [*enumerate((refuse_with(403), reset(), broken_json(0.9)))])
def test_a_fault_at_each_request_of_a_tenant_s_run(tmp_path: Path, kind: int, action: Any) -> None:
    """Whichever list goes wrong, for ever or once: right or unknown, and said."""
    world = world_of(5)
    names = [item["metadata"]["name"] for item in world["namespaces"]]
    with SimulatedZone(world, tmp_path, tenant_of=names) as server:
        expected = collect(server, tmp_path)
        for index, times in product(some_of(len(server.requests), kind), (1, None)):
            server.faults = [Fault("", action, nth=index, times=times)]
            snapshot = collect(server, tmp_path)
            assert {gap.kind for gap in snapshot.gaps} >= {gap.kind for gap in expected.gaps}
            never_wrong(snapshot, world)
