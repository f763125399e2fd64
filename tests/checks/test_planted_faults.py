"""An estate with faults of every kind planted in it: all of them are found, and nothing else."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from audit.access.facts.build import facts_of
from audit.checks.context import CheckContext
from audit.checks.rules.registry import CHECKS
from audit.checks.settings import Settings
from audit.findings.model import judge
from audit.routes.table import with_routes
from benchmarks.estate import Estate, Shape
from benchmarks.faults import PlantedFault, plant
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import shuffled
from tests.worlds.small import bind, role
from tests.worlds.snapshots import snapshot_of, written

TIDY = Shape(
    namespaces=400, organizations=20, custom_roles=0, named_roles=0, tokens=0, cluster_wide=0, bindings_per_namespace=8
)
NOW = datetime(2025, 12, 31, tzinfo=UTC)
TIMES = 3
OF_THE_ZONE = "refused-login"  # once, and where it is so no grant has an effect
# What logs say: this estate has none, and tests/worlds/checks.py has the cases.
OF_USE = {"denied-often", "pull-only", "push-unused", "repository-unpulled"}
# Everybody in this estate can pull where they are bound, and no stream has images: tests/worlds/checks.py has cases.
# What follows from other faults, and as tests/worlds/checks.py has it.
OF_ROUTES = {"any-account", "foreign-route", "push-by-route"}
NOT_PLANTED = {OF_THE_ZONE, "push-without-pull", "image-elsewhere"} | OF_USE | OF_ROUTES


@pytest.fixture(scope="module")
def planted() -> tuple[World, list[PlantedFault]]:
    estate = Estate(TIDY)
    faults = plant(estate, TIMES, routes=True)
    return dict(estate.kinds()), faults


def context_of(world: World) -> CheckContext:
    snapshot = snapshot_of(world)
    facts = facts_of(snapshot)
    return CheckContext(snapshot, facts | with_routes(snapshot, facts, None), NOW)


def found_in(world: World) -> list[PlantedFault]:
    found = judge(context_of(world), Settings(), "2025-12-31T00:00:00Z")
    return sorted(PlantedFault(one.check, one.namespace, one.subject) for one in found)


def test_a_tidy_estate_has_no_findings() -> None:
    """What the platform sets up for 400 namespaces is expected, all of it."""
    assert found_in(dict(Estate(TIDY).kinds())) == []


def test_all_that_was_planted_is_found_and_nothing_else(planted: tuple[World, list[PlantedFault]]) -> None:
    """Precision and recall of 100 %, check by check, by the planters' own list."""
    world, faults = planted
    found = [one for one in found_in(world) if one.check not in OF_ROUTES]
    assert Counter(found) - Counter(faults) == Counter()
    assert Counter(faults) - Counter(found) == Counter()
    counts = Counter(fault.check for fault in faults)
    assert counts.keys() == CHECKS.keys() - NOT_PLANTED
    assert min(counts.values()) == TIMES


def test_who_may_not_log_in_is_found_and_nothing_else() -> None:
    """A tidy estate in which somebody took the right to log in from everybody."""
    world = dict(Estate(TIDY).kinds())
    rules = [{"verbs": ["get"], "nonResourceURLs": ["/api"]}]
    pieces = (
        role("", "system:discovery", *rules),
        bind("", "system:discovery", "system:discovery", ("Group", "system:authenticated")),
    )
    for plural, piece in pieces:
        world[plural] = [*world[plural], piece]
    # Where the direct answer is no everywhere, there are more routes than are followed.
    found = [one for one in found_in(world) if one.check not in OF_ROUTES]
    assert found == [PlantedFault(OF_THE_ZONE, "*", "system:authenticated")]


def test_order_changes_nothing(planted: tuple[World, list[PlantedFault]]) -> None:
    """Byte for byte, for the estate in another order."""
    world, _ = planted
    one, other = (judge(context_of(each), Settings(), "") for each in (world, shuffled(world, 7)))
    assert written(one) == written(other)
