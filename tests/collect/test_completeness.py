"""Lists that cannot be complete become gaps, with the evidence in words; whole zones of every kind are left alone."""

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from audit.collect.bootstrap import BOOTSTRAP_ROLES, DEFAULT_BINDINGS, expected_in_namespaces
from audit.collect.completeness import REASON, believed
from audit.command_line.sources import saved
from audit.snapshot.model import TENANT, Gap, Snapshot, encode
from tests.collect.destroyed import Collector
from tests.collect.destruction import FORMS, Damage, read_lists
from tests.paths import ROOT
from tests.worlds.random_zones import furnished, world_of
from tests.worlds.snapshots import snapshot_of

Lists = dict[str, list[dict[str, Any]]]
MINI = {kind: content["items"] for kind, content in read_lists(ROOT / "tests/data/golden-mini").items()}


def judged(lists: Lists) -> dict[str, Gap]:
    return {gap.kind: gap for gap in believed(snapshot_of(dumped(lists))).gaps}


def dumped(lists: Lists) -> Lists:
    return copy.deepcopy(lists)


def without(kind: str, keep: Callable[[dict[str, Any]], bool]) -> Lists:
    return {**MINI, kind: [item for item in MINI[kind] if keep(item)]}


def space(item: dict[str, Any]) -> str:
    return str(item["metadata"].get("namespace", item["metadata"]["name"]))


@pytest.mark.parametrize("seed", range(8))
def test_whole_zones_are_left_alone(seed: int) -> None:
    """A recorded zone, a small one, one without OpenShift's objects: no gap."""
    assert judged(MINI) == {}
    assert judged(world_of(seed)) == {}
    plain: Lists = {kind: [] for kind in MINI} | {"namespaces": [{"metadata": {"name": "a"}}]}
    assert judged(furnished(plain)) == {}


@pytest.mark.parametrize(
    "kind", ["namespaces", "clusterroles", "clusterrolebindings", "rolebindings", "serviceaccounts", "groups", "roles"]
)
def test_an_empty_list_is_a_refused_one(kind: str) -> None:
    """`oc` and `kubectl` leave an empty list when they are refused."""
    gap = judged({**MINI, kind: []})[kind]
    assert (gap.namespace, gap.reason) == ("", REASON)


@pytest.mark.parametrize(
    ("lists", "kind", "namespace", "evidence"),
    [
        (without("namespaces", lambda item: space(item) != "org-0005-ns00048"), "namespaces", "", "org-0005-ns00048"),
        (without("clusterroles", lambda item: space(item) < "s"), "clusterroles", "", "system:image-builder"),
        (without("clusterroles", lambda item: space(item) != "view"), "clusterroles", "", "cluster role view"),
        (without("rolebindings", lambda item: space(item) < "org-0005"), "rolebindings", "", "no bindings in"),
        (
            without("rolebindings", lambda item: space(item) != "org-0001-ns00034"),
            "rolebindings",
            "org-0001-ns00034",
            "no bindings in namespace org-0001-ns00034",
        ),
        (without("roles", lambda item: space(item) < "org-0003"), "roles", "", "named by bindings and not listed"),
        (
            without("serviceaccounts", lambda item: space(item) < "org-0004"),
            "serviceaccounts",
            "",
            "no account `default`",
        ),
        (without("groups", lambda item: space(item) < "org-0004"), "groups", "", "bound and not listed"),
    ],
)
def test_a_list_that_was_cut_is_noticed(lists: Lists, kind: str, namespace: str, evidence: str) -> None:
    """What the other lists name, and what every cluster has, shows that a list is incomplete."""
    gap = judged(lists)[kind]
    assert (gap.namespace, gap.reason) == (namespace, REASON)
    assert evidence in gap.detail


def test_bootstrap_bindings_end_the_list() -> None:
    """Where bootstrap roles were recorded, their bindings must be there too."""
    role = {"metadata": {"name": "system:volume-scheduler"}, "rules": []}
    gap = judged({**MINI, "clusterroles": [*MINI["clusterroles"], role]})["clusterrolebindings"]
    assert "system:volume-scheduler" in gap.detail


def test_single_objects_are_a_list_only_with_what_every_cluster_has() -> None:
    """A must-gather has the objects of operators: files of one object each say nothing of others."""
    snapshot: Snapshot = snapshot_of(dumped(without("clusterroles", lambda item: space(item) != "edit")))
    (gap,) = (gap for gap in believed(snapshot, {"clusterroles"}).gaps if gap.kind == "clusterroles")
    assert gap.detail.startswith("single objects, without ")
    assert "edit" in gap.detail


SYSTEM = ("default", "kube-node-lease", "kube-public", "kube-system")
CONTROLLERS = [f"system:controller:{name}" for name in ("job-controller", "namespace-controller", "node-controller")]
SCHEDULING = ["system:kube-controller-manager", "system:kube-scheduler", "system:volume-scheduler"]
REF = {"kind": "ClusterRole", "name": "view"}


def one(name: str, namespace: str = "", **fields: Any) -> dict[str, Any]:
    meta = {"name": name, "creationTimestamp": "2026-01-01T10:00:00Z"} | ({"namespace": namespace} if namespace else {})
    return {"metadata": meta, **fields}


def kubernetes(*more: str) -> Lists:
    """What an API server and its controllers make of a new cluster, and further namespaces."""
    lists: Lists = {kind: [] for kind in (*MINI, "users")}
    lists["namespaces"] = [one(name) for name in (*SYSTEM, *more)]
    lists["serviceaccounts"] = [one("default", name) for name in (*SYSTEM, *more)]
    roles = ["admin", "cluster-admin", "edit", "view", *CONTROLLERS, *SCHEDULING]
    lists["clusterroles"] = [one(name, rules=[]) for name in roles]
    bindings = ["cluster-admin", *CONTROLLERS, *SCHEDULING]
    lists["clusterrolebindings"] = [one(name, roleRef=REF) for name in bindings]
    for kind in ("roles", "rolebindings"):
        for place, names in expected_in_namespaces(kind, openshift=False).items():
            lists[kind] += [one(name, place, rules=[], roleRef=REF) for name in names]
    return lists


def openshift(*more: str) -> Lists:
    """The same of OpenShift, whose controllers furnish namespaces."""
    lists = kubernetes("openshift", "openshift-node", *more)
    lists["clusterroles"] += [one(name, rules=[]) for name in BOOTSTRAP_ROLES[4:]]
    for kind in ("roles", "rolebindings"):
        for place in ("openshift", "openshift-node"):
            names = expected_in_namespaces(kind, openshift=True)[place]
            lists[kind] += [one(name, place, rules=[], roleRef=REF) for name in names]
    for place in more:
        lists["serviceaccounts"] += [one(name, place) for name in ("builder", "deployer")]
        lists["rolebindings"] += [one(name, place, roleRef=REF) for name in DEFAULT_BINDINGS]
    return lists


def kubeadm() -> Lists:
    """`kubeadm init`, with a group of its own and one of an identity provider bound."""
    lists = kubernetes("kube-flannel")
    subjects = [{"kind": "Group", "name": name} for name in ("kubeadm:cluster-admins", "oidc-admins")]
    lists["clusterrolebindings"].append(one("kubeadm:cluster-admins", roleRef=REF, subjects=subjects))
    return lists


def minikube() -> Lists:
    """`minikube start`, which binds the account of kube-system."""
    lists = kubernetes()
    account = {"kind": "ServiceAccount", "name": "default", "namespace": "kube-system"}
    lists["clusterrolebindings"].append(one("minikube-rbac", roleRef=REF, subjects=[account]))
    lists["serviceaccounts"].append(one("storage-provisioner", "kube-system"))
    return lists


def without_default_bindings() -> Lists:
    """An OpenShift where somebody took OpenShift's own bindings away in one namespace."""
    lists = openshift("mall", "shop", "wood")
    lists["rolebindings"] = [
        item for item in lists["rolebindings"] if space(item) != "shop" or item["metadata"]["name"] == "admin"
    ]
    lists["rolebindings"].append(one("admin", "shop", roleRef=REF))
    return lists


@pytest.mark.parametrize(
    "lists",
    [
        kubernetes(),
        kubernetes("shop"),
        kubeadm(),
        minikube(),
        openshift(),
        openshift("shop"),
        openshift(*(f"ns-{number}" for number in range(30))),
        without_default_bindings(),
    ],
    ids=["kubernetes", "one namespace", "kubeadm", "minikube", "openshift", "one project", "many", "bindings removed"],
)
def test_undamaged_clusters_are_whole(lists: Lists) -> None:
    """Fresh, small, plain or with OpenShift's bindings removed: nothing is missing that the cluster has."""
    assert judged(lists) == {}


@pytest.mark.parametrize("form", ["dump", "tree", "mixed"])
def test_a_namespace_that_comes_or_goes_is_no_sign(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is being deleted, and stays because of a finalizer, has lost its accounts and bindings."""
    lists = openshift("shop", "stuck", "wedged", "wood")
    for kind in ("serviceaccounts", "rolebindings"):
        lists[kind] = [item for item in lists[kind] if item["metadata"]["namespace"] not in {"stuck", "wedged"}]
    del lists["users"]
    collector = Collector(monkeypatch, tmp_path)

    def state() -> dict[str, str]:
        files = FORMS[form]({kind: {"items": items} for kind, items in lists.items()})
        gaps = collector.collect(Damage(form, "", files, {})).gaps
        return {gap.kind: gap.namespace for gap in gaps if gap.reason == REASON}

    assert "serviceaccounts" in state()
    for item in lists["namespaces"]:
        if space(item) in {"stuck", "wedged"}:
            item["metadata"]["deletionTimestamp"] = "2026-02-01T10:00:00Z"
    assert state() == {}


def test_a_namespace_that_was_just_made_is_no_sign() -> None:
    """Controllers need a moment."""
    lists = openshift("new", "shop", "wood")
    lists["rolebindings"] = [item for item in lists["rolebindings"] if space(item) != "new"]
    snapshot = snapshot_of(dumped(lists))
    soon, later = (
        msgspec.structs.replace(snapshot.origin, started=f"2026-01-01T{time}Z") for time in ("10:05:00", "12:00:00")
    )
    assert believed(dataclasses.replace(snapshot, origin=soon)).gaps == ()
    (gap,) = believed(dataclasses.replace(snapshot, origin=later)).gaps
    assert (gap.kind, gap.namespace) == ("rolebindings", "new")


@pytest.mark.parametrize("kind", ["roles", "rolebindings"])
@pytest.mark.parametrize("place", ["kube-system", "openshift"])
def test_what_every_api_server_has_shows_a_namespace_that_is_missing(kind: str, place: str) -> None:
    """A loop that was stopped, an account that may not see it: its part of the list is a gap."""
    lists = openshift("shop")
    lists[kind] = [item for item in lists[kind] if item["metadata"]["namespace"] != place]
    gap = judged(lists)[kind]
    assert (gap.namespace, gap.reason) == (place, REASON)


def test_a_tenant_s_namespaces_are_judged_and_no_others() -> None:
    """An account's own view: a namespace without bindings is a gap of its own; what was refused is one already."""
    lists = openshift("mall", "shop")
    lists["rolebindings"] = [item for item in lists["rolebindings"] if space(item) != "mall"]
    seen = {kind: [item for item in items if space(item) in {"mall", "shop"}] for kind, items in lists.items()}
    seen |= {"clusterroles": lists["clusterroles"], "clusterrolebindings": [], "groups": [], "users": []}
    kinds = ("namespaces", "roles", "rolebindings", "serviceaccounts", "imagestreams")
    hidden = [Gap(kind, "*", "refused") for kind in kinds] + [
        Gap(kind, "", "refused") for kind in ("clusterrolebindings", "groups", "users")
    ]

    def gaps(world: Lists) -> set[Gap]:
        snapshot = snapshot_of(dumped(world))
        origin = msgspec.structs.replace(snapshot.origin, source=TENANT)
        return {*believed(dataclasses.replace(snapshot, gaps=tuple(sorted(hidden)), origin=origin)).gaps} - {*hidden}

    bound = [one(name, "mall", roleRef=REF) for name in DEFAULT_BINDINGS]
    assert gaps({**seen, "rolebindings": [*bound, *seen["rolebindings"]]}) == set()
    (more,) = gaps(seen)
    assert (more.kind, more.namespace, more.reason) == ("rolebindings", "mall", REASON)


def test_a_snapshot_of_an_earlier_version_is_judged_when_it_is_read(tmp_path: Path) -> None:
    """It says complete of a list that was refused; one that was judged already is left as it is."""
    for judged_before in (False, True):
        snapshot = snapshot_of(dumped({**openshift("shop"), "clusterrolebindings": []}))
        origin = msgspec.structs.replace(snapshot.origin, judged=judged_before)
        path = tmp_path / f"{judged_before}.snapshot"
        path.write_bytes(encode(dataclasses.replace(snapshot, origin=origin)))
        (read,) = saved([str(path)])
        assert read.state == ("complete" if judged_before else "partial")


def test_judging_twice_changes_nothing() -> None:
    """Gaps that are there already stay as they are."""
    once = believed(snapshot_of(dumped({**MINI, "clusterroles": []})))
    assert believed(once) == once
