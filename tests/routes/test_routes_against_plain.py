"""Two searches for routes agree on random worlds, and with lists hidden no route is called "no" that could exist."""

import json
import os
from itertools import product
from random import Random

import msgspec
import pytest

from audit.rbac.subjects import identity
from audit.routes.nodes import Certainty
from audit.routes.routes import Routes
from audit.snapshot.builder import SnapshotBuilder
from audit.snapshot.model import Gap, Listing, Origin, Snapshot
from audit.snapshot.objects import KINDS
from audit.tables.schemas import YES
from tests.worlds.plain_rbac import ACTIONS, World
from tests.worlds.plain_routes import Search
from tests.worlds.route_worlds import REPOSITORIES, route_world

# 10,000 worlds take most of an hour of two cores.
WORLDS = int(os.environ.get("ROUTE_WORLDS", "32"))
FIRST = int(os.environ.get("ROUTE_FIRST", "0"))
BLOCKS = 4
HIDDEN = ("rolebindings", "clusterroles", "roles", "groups", "serviceaccounts", "clusterrolebindings")


def snapshot_of(world: World, hidden: tuple[tuple[str, str], ...] = ()) -> Snapshot:
    """The snapshot of a world without some lists: kind, and namespace ("": everywhere)."""
    facts = SnapshotBuilder()
    for plural, objects in world.items():
        shown = [
            one
            for one in objects
            if not any(plural == kind and space in {"", one["metadata"].get("namespace")} for kind, space in hidden)
        ]
        facts.add(plural, [msgspec.json.decode(json.dumps(one), type=KINDS[plural].item) for one in shown])
        facts.listed(Listing(plural, len(shown)))
    for kind, space in hidden:
        facts.gap(Gap(kind, space, "refused"))
    return facts.snapshot(Origin("zone-1", "dump", "nowhere"))


def subjects_of(world: World, rng: Random) -> list[tuple[str, str]]:
    """Some of the subjects of a world."""
    people = [("User", name) for name in ("alice", "bob", "stranger")]
    groups = [("Group", name) for name in ("org-1", "org-1+ops", "system:authenticated")]
    accounts = [
        ("ServiceAccount", f"{one['metadata']['namespace']}:{one['metadata']['name']}")
        for one in world["serviceaccounts"]
    ]
    return [*rng.sample(people, 2), rng.choice(groups), rng.choice(accounts)]


def questions(world: World) -> list[tuple[str, str, str]]:
    """Action, namespace and repository; the last is one that no rule names."""
    namespaces = [one["metadata"]["name"] for one in world["namespaces"]]
    return list(product(ACTIONS, namespaces, (*REPOSITORIES, "zz-unnamed")))


def said(routes: Routes, who: tuple[str, str], question: tuple[str, str, str]) -> str:
    """What the product says of a question whose direct answer is not yes."""
    subject = identity(who[0], *(who[1].split(":", 1) if who[0] == "ServiceAccount" else ("", who[1])))
    assert subject is not None
    action, namespace, repository = question
    direct = routes.holdings.authorizer.answer(subject, action, namespace, repository)
    if direct == YES:
        return "direct"
    route = routes.route(subject, action, namespace, repository)
    if route is None:
        return "unknown" if direct != 0 else "no"
    return "yes" if route.way.certainty is Certainty.CERTAIN else "possible"


@pytest.mark.no_cover
@pytest.mark.parametrize("block", range(BLOCKS))
def test_both_agree(block: int) -> None:
    """Where all lists were read: certain, possible or none at all."""
    for seed in range(FIRST + block, FIRST + WORLDS, BLOCKS):
        world, rng = route_world(seed), Random(seed)
        routes = Routes(snapshot_of(world))
        for who in subjects_of(world, rng):
            certain, possible = (Search(world, *who, certain=certain) for certain in (True, False))
            for question in questions(world):
                answer = said(routes, who, question)
                if answer == "direct":
                    continue
                expected = "yes" if certain.reaches(*question) else "possible" if possible.reaches(*question) else "no"
                assert answer == expected, (seed, who, question)


@pytest.mark.no_cover
@pytest.mark.parametrize("block", range(BLOCKS))
def test_no_hidden_route_is_denied(block: int) -> None:
    """Where lists are hidden: no route is called no that could exist, and none certain that does not."""
    for seed in range(FIRST + block, FIRST + WORLDS, BLOCKS):
        world, rng = route_world(seed), Random(seed)
        spaces = [one["metadata"]["name"] for one in world["namespaces"]]
        hidden = tuple(
            (kind, rng.choice(("", *spaces)) if kind in {"rolebindings", "roles", "serviceaccounts"} else "")
            for kind in rng.sample(HIDDEN, rng.randint(1, 2))
        )
        routes = Routes(snapshot_of(world, hidden))
        for who in subjects_of(world, rng):
            certain, possible = (Search(world, *who, certain=certain) for certain in (True, False))
            for question in questions(world):
                answer = said(routes, who, question)
                if answer == "no":
                    assert not possible.reaches(*question), (seed, hidden, who, question)
                elif answer == "yes":
                    assert certain.reaches(*question), (seed, hidden, who, question)
