"""The naive RBAC answers as a real API server did, question by question."""

import csv
import gzip
import json
from pathlib import Path

import pytest

from tests.paths import ROOT
from tests.worlds.plain_rbac import World, allowed, can, groups_of

# The larger one is another project's data: read where it stands beside the checkout, and on no user's machine.
RECORDINGS = {
    folder: count
    for folder, count in {
        ROOT / "tests/data/golden-mini": 8988,
        ROOT / "../shared/data/golden-zone": 21259,
    }.items()
    if folder.is_dir()
}


def world_in(folder: Path) -> World:
    return {
        path.name.removesuffix(".json.gz"): json.loads(gzip.decompress(path.read_bytes()))["items"]
        for path in folder.glob("*.json.gz")
    }


def reviews_in(folder: Path) -> list[dict[str, str]]:
    with gzip.open(folder / "access-reviews.csv.gz", "rt", encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))


def within(world: World, namespace: str) -> World:
    """The same world with only this namespace's role bindings, to ask thousands of questions quickly."""
    kept = [binding for binding in world["rolebindings"] if binding["metadata"]["namespace"] == namespace]
    return {**world, "rolebindings": kept}


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("folder", "questions"), RECORDINGS.items(), ids=lambda value: getattr(value, "name", str(value))
)
def test_every_recorded_answer_is_given_again(folder: Path, questions: int) -> None:
    """With the groups that the recording spells out, each of the server's answers is repeated."""
    world, reviews = world_in(folder), reviews_in(folder)
    narrow = {namespace: within(world, namespace) for namespace in {row["namespace"] for row in reviews}}
    # Only the small recording is asked with every namespace's bindings in sight; that is where scope could go wrong.
    sight = dict.fromkeys(narrow, world) if folder.name == "golden-mini" else narrow
    wrong = []
    for row in reviews:
        question = (row["verb"], row["api_group"], row["resource"], row["namespace"], row["name"])
        answer = allowed(sight[row["namespace"]], row["user"], row["groups"].split("|"), *question)
        if answer != (row["allowed"] == "true"):
            wrong.append(row)
    assert len(reviews) == questions
    assert wrong == []


@pytest.mark.parametrize("folder", RECORDINGS, ids=lambda folder: folder.name)
def test_every_caller_has_the_recorded_groups(folder: Path) -> None:
    """Groups worked out from the objects are those the server was asked with, so the answers hold for them too."""
    world = world_in(folder)
    spelled = {row["user"]: set(row["groups"].split("|")) for row in reviews_in(folder)}
    assert {user: set(groups_of(world, user)) for user in spelled} == spelled


def test_every_recorded_answer_is_given_again_with_groups_worked_out() -> None:
    """The whole way, from user name to answer, agrees with the server."""
    folder = ROOT / "tests/data/golden-mini"
    world, reviews = world_in(folder), reviews_in(folder)
    groups = {user: groups_of(world, user) for user in {row["user"] for row in reviews}}
    for row in reviews:
        question = (row["verb"], row["api_group"], row["resource"], row["namespace"], row["name"])
        assert allowed(world, row["user"], groups[row["user"]], *question) == (row["allowed"] == "true"), row


def small_world(resource: str, **rule: list[str]) -> World:
    granted = {"verbs": ["get", "update"], "apiGroups": ["image.openshift.io"], "resources": [resource], **rule}
    return {
        "clusterroles": [{"metadata": {"name": "role"}, "rules": [granted]}],
        "rolebindings": [
            {
                "metadata": {"name": "b", "namespace": "ns"},
                "roleRef": {"kind": "ClusterRole", "name": "role"},
                "subjects": [{"kind": "Group", "name": "system:authenticated"}],
            }
        ],
        "groups": [{"metadata": {"name": "team"}, "users": ["ann", "system:serviceaccount:ns:ci", "system:anonymous"]}],
    }


def test_the_slash_trap() -> None:
    """`*/layers` covers a question only when the subresource is sent apart, which the registry never does."""
    world = small_world("*/layers")
    question = (world, "ann", ["system:authenticated"], "get", "image.openshift.io")
    assert not allowed(*question, "imagestreams/layers", "ns", "app")
    assert allowed(*question, "imagestreams", "ns", "app", "layers")


def test_a_cluster_wide_question_reads_no_role_binding() -> None:
    """Namespace "" is answered by cluster role bindings alone."""
    world = small_world("*")
    assert allowed(world, "ann", ["system:authenticated"], "get", "image.openshift.io", "images", "ns", "")
    assert not allowed(world, "ann", ["system:authenticated"], "get", "image.openshift.io", "images", "", "")


@pytest.mark.parametrize(
    ("kind", "subject", "expected"),
    [
        ("User", "ann", True),
        ("User", "system:anonymous", False),
        ("ServiceAccount", "elsewhere:ci", True),
        ("Group", "team", True),
        ("Group", "system:authenticated:oauth", True),
        ("Group", "system:serviceaccounts", True),
        ("Group", "system:serviceaccounts:ns", True),
        ("Group", "system:unauthenticated", False),
    ],
)
def test_who_is_authenticated(kind: str, subject: str, expected: bool) -> None:
    """A right of `system:authenticated` reaches everyone but the anonymous caller."""
    assert can(small_world("imagestreams/layers"), kind, subject, "push", "ns", "app") is expected


def test_masters_pass_everything() -> None:
    """`system:masters` needs no rule, not even in a namespace that does not exist."""
    assert can({}, "Group", "system:masters", "create", "nowhere", "app")
    assert not can({}, "User", "system:masters", "pull", "nowhere", "app")


def test_accounts_and_anonymous_are_in_no_group_object() -> None:
    """A Group object that names a service account or system:anonymous does not make it a member."""
    world = small_world("imagestreams/layers")
    assert groups_of(world, "system:serviceaccount:ns:ci") == [
        "system:serviceaccounts",
        "system:serviceaccounts:ns",
        "system:authenticated",
    ]
    assert groups_of(world, "system:anonymous") == ["system:unauthenticated"]
    assert groups_of(world, "ann") == ["team", "system:authenticated:oauth", "system:authenticated"]


def test_create_needs_both_halves() -> None:
    """Updating the layers alone pushes to what exists and creates nothing; a named rule never covers a create."""
    assert not can(small_world("imagestreams/layers"), "User", "ann", "create", "ns", "app")
    named = small_world("*", verbs=["*"], resourceNames=["app"])
    assert can(named, "User", "ann", "push", "ns", "app")
    assert not can(named, "User", "ann", "create", "ns", "app")
