"""Random worlds are the same each time, full of traps, and quick to make."""

import gzip
import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings

from tests.worlds.plain_rbac import World, can
from tests.worlds.random_zones import (
    HOSTILE,
    REPOSITORIES,
    VIRTUAL,
    Form,
    questions,
    shuffled,
    world_of,
    worlds,
    write_dump,
)

MANY = [world_of(seed) for seed in range(600)]


def bindings(world: World) -> list[dict[str, Any]]:
    return [*world["rolebindings"], *world["clusterrolebindings"]]


def test_a_seed_is_a_world() -> None:
    """The same seed gives the same world, another seed another."""
    assert world_of(7) == world_of(7) != world_of(8)


def test_worlds_are_quick() -> None:
    """A thousand worlds take a few seconds at most, so that a test can afford thousands."""
    start = time.process_time()
    for seed in range(1000):
        world_of(seed)
    assert time.process_time() - start < 5


def test_names_are_unique() -> None:
    """No world has what no API server could hold: two objects of one kind, namespace and name."""
    for world in MANY:
        for plural, objects in world.items():
            keys = Counter((item["metadata"].get("namespace"), item["metadata"]["name"]) for item in objects)
            assert max(keys.values(), default=1) == 1, plural


def test_objects_live_in_namespaces_that_exist() -> None:
    """Roles and bindings are only where a namespace is."""
    for world in MANY:
        namespaces = {item["metadata"]["name"] for item in world["namespaces"]}
        for plural in ("roles", "rolebindings", "serviceaccounts", "imagestreams"):
            assert {item["metadata"]["namespace"] for item in world[plural]} <= namespaces


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "trap",
    [
        r'"resourceNames": \[""\]',
        r'"resourceNames": \["app-0", ""\]',
        r'"resourceNames": \[\]',
        r'"resourceNames": null',
        r'"rules": null',
        r'"rules": \[\]',
        r'"subjects": null',
        r'"subjects": \[\]',
        r'"users": null',
        r'"users": \[\]',
        r'"aggregationRule"',
        r'aggregate-to-view": "true"',
        r'"nonResourceURLs"',
        r'"name": "missing"',
        r'"name": "no-object"',
        r'"name": "org-1\+ops"',
        r'"kind": "User"[^{}]*"name": "system:serviceaccount:',
        r'"kind": "User"[^{}]*"name": "system:anonymous"',
        r'"kind": "User"[^{}]*"name": "system:masters"',
        r'"kind": "Group"[^{}]*"name": "system:serviceaccounts:',
        r'"users": \[[^]]*"system:serviceaccount:',
        r'"users": \[[^]]*"system:anonymous"',
        *(rf'"{word}"' for word in (r"\*/layers", "images", "imagesignatures", "Puller", "Alice", "Org-1")),
        *(re.escape(json.dumps(name, ensure_ascii=False)) for name in (*HOSTILE, *VIRTUAL)),
    ],
)
def test_every_trap_is_met(trap: str) -> None:
    """Each spelling that has misled someone appears in several worlds of some hundred."""
    met = sum(re.search(trap, json.dumps(world, ensure_ascii=False)) is not None for world in MANY)
    assert met >= 5


def test_accounts_without_a_namespace_are_met_in_both_kinds_of_bindings() -> None:
    """They mean the binding's own namespace in one kind and nobody in the other."""
    for plural in ("rolebindings", "clusterrolebindings"):
        subjects = [subject for world in MANY for item in world[plural] for subject in item.get("subjects") or []]
        assert sum(subject["kind"] == "ServiceAccount" and "namespace" not in subject for subject in subjects) > 20


def test_doubles_are_met() -> None:
    """Subjects are bound twice by one binding, and users named twice by one group."""
    subjects = [item["subjects"] for world in MANY for item in bindings(world) if item.get("subjects")]
    users = [group["users"] for world in MANY for group in world["groups"] if group["users"]]
    assert sum(len(some) > len({json.dumps(one) for one in some}) for some in subjects) > 20
    assert sum(len(some) > len(set(some)) for some in users) > 20


def test_roles_share_their_name_with_cluster_roles() -> None:
    """Only the kind in the reference tells them apart."""
    shared = [
        world
        for world in MANY
        if {role["metadata"]["name"] for role in world["roles"]}
        & {role["metadata"]["name"] for role in world["clusterroles"]}
    ]
    assert len(shared) > 20


def without(world: World, plural: str, position: int) -> World:
    return {**world, plural: [item for other, item in enumerate(world[plural]) if other != position]}


def halves_come_from_two_bindings(world: World) -> bool:
    """Whether someone may create by two bindings, neither of which is enough."""
    for question in questions(world):
        if question.action != "create" or question.subject == "system:masters" or not can(world, *question):
            continue
        needed = sum(
            not can(without(world, plural, position), *question)
            for plural in ("rolebindings", "clusterrolebindings")
            for position in range(len(world[plural]))
        )
        if needed > 1:
            return True
    return False


@pytest.mark.slow
def test_the_halves_of_create_often_come_from_two_bindings() -> None:
    """In a good part of the worlds someone may create only because two bindings come together."""
    some = MANY[:60]
    assert sum(map(halves_come_from_two_bindings, some)) > len(some) // 4


@pytest.mark.slow
def test_answers_are_mixed() -> None:
    """Each action is often allowed and often not, or nothing would be tested."""
    answers = Counter((asked.action, can(world, *asked)) for world in MANY[:60] for asked in questions(world)[::7])
    share = {action: answers[action, True] / answers[action, False] for action in ("pull", "push", "create")}
    assert all(0.02 < part < 1 for part in share.values()), share


def test_questions_name_everyone() -> None:
    """Each subject, member, account and virtual group is asked about, everywhere and somewhere that is not."""
    for world in MANY[:100]:
        asked = questions(world)
        subjects = {(one.kind, one.subject) for one in asked}
        spaces = {item["metadata"]["name"] for item in world["namespaces"]}
        bound = {
            (one["kind"], one["name"])
            for item in bindings(world)
            for one in item.get("subjects") or []
            if one["kind"] != "ServiceAccount"
        }
        members = {("User", user) for group in world["groups"] for user in group["users"] or []}
        assert bound | members | {("Group", name) for name in VIRTUAL} <= subjects
        assert ("User", "system:anonymous") in subjects
        assert {one.namespace for one in asked} == spaces | {"ns-gone"}
        assert len(asked) == len(set(asked)) == len(subjects) * (len(spaces) + 1) * len(REPOSITORIES) * 3


@settings(max_examples=50, deadline=None)
@given(worlds())
def test_hypothesis_makes_worlds_too(world: World) -> None:
    """The strategy's worlds are of the same sort."""
    assert len(world["namespaces"]) >= 2
    assert questions(world)


@pytest.mark.slow
def test_order_means_nothing() -> None:
    """A shuffled world is another text with the same answers."""
    for seed, world in enumerate(MANY[:20]):
        other = shuffled(world, seed)
        assert {asked: can(world, *asked) for asked in questions(world)} == {
            asked: can(other, *asked) for asked in questions(other)
        }
    assert shuffled(MANY[1], 1) == shuffled(MANY[1], 1) != MANY[1]


@pytest.mark.parametrize("form", ["json", "yaml", "json.gz"])
def test_a_dump_holds_the_world(tmp_path: Path, form: Form) -> None:
    """What is written can be read again, hostile names and all."""
    for number, world in enumerate(MANY[:10]):
        folder = write_dump(world, tmp_path / str(number), form=form)
        for plural in world:
            data = (folder / f"{plural}.{form}").read_bytes()
            text = (gzip.decompress(data) if form == "json.gz" else data).decode()
            listed = yaml.safe_load(text) if form == "yaml" else json.loads(text)
            assert listed["items"] == world[plural]
            assert listed["metadata"]["resourceVersion"]
    assert json.loads((write_dump(MANY[0], tmp_path / "x") / "rolebindings.json").read_text())["kind"] == (
        "RoleBindingList"
    )


def test_a_dump_can_leave_kinds_out(tmp_path: Path) -> None:
    """Only the kinds asked for are written."""
    write_dump(MANY[0], tmp_path, kinds=["roles", "groups"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["groups.json", "roles.json"]
