"""The table `routes` leaves out nobody, its cuts close what they say, and `access` says the same."""

import os
import re
from collections import defaultdict

import numpy as np
import pytest

from audit.access.facts.build import facts_of
from audit.rbac.subjects import Identity
from audit.routes import closure
from audit.routes.nodes import WORDS
from audit.routes.routes import Routes
from audit.routes.table import NOT_FOLLOWED, with_routes
from audit.snapshot.model import Snapshot
from audit.tables.model import Table
from audit.tables.schemas import NO, SCHEMAS
from tests.routes.test_routes_against_plain import snapshot_of
from tests.worlds.plain_rbac import World
from tests.worlds.route_worlds import route_world

WORLDS = int(os.environ.get("ROUTE_WORLDS", "48"))
FIRST = int(os.environ.get("ROUTE_FIRST", "0"))
HIDDEN = ((), (("rolebindings", "a"),), (("groups", ""),), (("roles", ""),))


def _tables(snapshot: Snapshot) -> dict[str, Table]:
    tables = facts_of(snapshot)
    return {**tables, **with_routes(snapshot, tables, None)}


def _who(row: dict[str, str | int]) -> Identity:
    return Identity(str(row["subject_kind"]), str(row["subject"]))


@pytest.mark.no_cover
@pytest.mark.parametrize("hidden", HIDDEN)
def test_nobody_is_left_out(hidden: tuple[tuple[str, str], ...]) -> None:
    """What a closure of any bound subject finds is in the table: of itself, of its group, or of what was not seen."""
    for seed in range(FIRST, FIRST + WORLDS):
        snapshot = snapshot_of(route_world(seed), hidden)
        routes, rows = Routes(snapshot), defaultdict(list)
        for row in _tables(snapshot)["routes"].records():
            rows[_who(row)].append(row)
        identities = routes.holdings.bound.subjects.identities
        for who in identities[2:]:
            others = (who, *(identities[at] for at in routes.holdings.acts_as(who)), *routes.stand_ins(who))
            said = [row for one in others for row in rows[one]] + _folded(rows, who)
            for (space, repository, action), way in routes.new(who).items():
                place = (snapshot.strings[space], repository or "*", action)
                assert any(_covers(row, place) and row["certainty"] in WORDS[: way.certainty + 1] for row in said), (
                    seed,
                    who,
                    place,
                    way,
                )


def test_what_is_not_followed_is_unknown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Wherever a zone becomes too much: each route is in the table or its subject is unknown, and the run says so."""
    left = 0
    for seed in range(FIRST, FIRST + min(WORLDS, 24)):
        snapshot, rows = snapshot_of(route_world(seed), ()), defaultdict(list)
        routes = Routes(snapshot)
        identities = routes.holdings.bound.subjects.identities
        ways = {who: [*routes.new(who)] for who in identities[2:]}
        monkeypatch.setattr(closure, "MOST_LOOKED", routes.facts.looked // 8)
        tables = _tables(snapshot)
        monkeypatch.undo()
        for row in tables["routes"].records():
            left += row["route"] == NOT_FOLLOWED
            rows[_who(row)].append(row)
        for who, targets in ways.items():
            others = (who, *(identities[at] for at in routes.holdings.acts_as(who)), *routes.stand_ins(who))
            said = [row for one in others for row in rows[one]] + _folded(rows, who)
            for space, repository, action in targets:
                place = (snapshot.strings[space], repository or "*", action)
                assert any(_covers(row, place) for row in said), (seed, who, place)
    assert left
    assert re.search(r"the routes of [\d,]+ subjects were not followed, and are unknown", capsys.readouterr().err)


def _covers(row: dict[str, str | int], place: tuple[str, str, str]) -> bool:
    namespace, repository, action = place
    return row["namespace"] in {"*", namespace} and row["repository"] in {"*", repository} and row["action"] == action


def _folded(rows: dict[Identity, list[dict[str, str | int]]], who: Identity) -> list[dict[str, str | int]]:
    return rows[Identity(who.kind, f"*:{who.name.partition(':')[2]}")] if who.kind == "ServiceAccount" else []


def test_access_says_the_same() -> None:
    """`indirect` is what a closure of the subject of each row says, and empty where nothing is denied."""
    for seed in range(FIRST, FIRST + WORLDS):
        snapshot = snapshot_of(route_world(seed))
        routes, access = Routes(snapshot), _tables(snapshot)["access"]
        columns = {name: access.numbers(name) for name in ("pull", "push", "create")}
        for at, row in enumerate(access.records()):
            denied = [action for action, column in columns.items() if column[at] == NO]
            place = ["" if row[name] == "*" else str(row[name]) for name in ("namespace", "repository")]
            found = [routes.route(_who(row), action, *place) for action in denied]
            best = min((route.way.certainty for route in found if route), default=None)
            expected = "" if not denied else "no" if best is None else ("yes", "possible", "unknown")[best]
            assert row["indirect"] == expected, (seed, row)


def _place(metadata: dict[str, str]) -> tuple[str, str]:
    return metadata.get("namespace", ""), metadata["name"]


def _without(world: World, bindings: str) -> World:
    names = {tuple(name.rpartition("/")[::2]) for name in bindings.split(", ")}
    kept = {
        kind: [
            one for one in world[kind] if (one["metadata"].get("namespace", ""), one["metadata"]["name"]) not in names
        ]
        for kind in ("rolebindings", "clusterrolebindings")
    }
    return {**world, **kept}


def test_a_cut_closes_the_route_and_others_survive() -> None:
    """In the world without the bindings of a cut the route is gone; without those of `survives`, each, it is not."""
    closed = survived = 0
    for seed in range(FIRST, FIRST + WORLDS):
        world = route_world(seed)
        for row in _tables(snapshot_of(world))["routes"].records():
            if row["bindings"]:
                assert not _reached(_without(world, str(row["bindings"])), row), (seed, row)
                closed += 1
            for binding in str(row["survives"]).split(", ") if row["survives"] else ():
                assert _reached(_without(world, binding), row), (seed, row, binding)
                survived += 1
    assert closed > WORLDS
    assert survived


def _reached(world: World, row: dict[str, str | int]) -> bool:
    namespace, repository = ("" if row[name] == "*" else str(row[name]) for name in ("namespace", "repository"))
    return Routes(snapshot_of(world)).route(_who(row), str(row["action"]), namespace, repository) is not None


def test_rows_are_as_published() -> None:
    """Every column, in its order, and fewer rows than `access` in a zone of the usual kind."""
    snapshot = snapshot_of(route_world(3))
    tables = _tables(snapshot)
    assert list(tables["routes"].columns) == [column.name for column in SCHEMAS["routes"]]
    assert list(tables["access"].columns) == [column.name for column in SCHEMAS["access"]]
    assert np.all(tables["routes"].numbers("steps") > 0)
