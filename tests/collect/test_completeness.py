"""Lists that cannot be whole become gaps, with the evidence in words; whole zones of every kind are left alone."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from audit.collect.completeness import REASON, believed
from audit.snapshot.model import Gap, Snapshot
from tests.collect.destruction import read_lists
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
    """What the other lists name, and what every cluster has, shows that a list is not whole."""
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


def test_judging_twice_changes_nothing() -> None:
    """Gaps that are there already stay as they are."""
    once = believed(snapshot_of(dumped({**MINI, "clusterroles": []})))
    assert believed(once) == once
