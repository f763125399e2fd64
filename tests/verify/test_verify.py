"""The tables compared with the cluster's own reviews: agreement, planted differences, refusals, failures, the bound."""

import json
import os
import re
from collections.abc import Callable
from math import comb
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.access.authorizer import Authorizer
from audit.access.bound_subjects import bound_subjects
from audit.cli import run_command
from audit.collect.access_reviews import Allowed
from audit.collect.decode import CollectError
from audit.rbac.subjects import Identity
from audit.snapshot.model import Gap
from audit.verify.binomial import highest_share
from audit.verify.cells import Verification, verify
from audit.verify.result import Agreement
from audit.verify.sampling import POPULATIONS, SampledCell, SamplePlan, sample
from audit.verify.subject_lists import draw_places
from tests.commands.test_commands import DEMO, configuration, live, the_run
from tests.simulator.answers import Answer
from tests.simulator.faults import (
    Fault,
    broken_json,
    cut,
    login_page,
    other_body,
    refuse_with,
    reset,
    some_of,
    status_with_200,
)
from tests.simulator.server import SimulatedZone
from tests.worlds.plain_rbac import World, allowed
from tests.worlds.random_zones import HOSTILE, furnished, world_of, world_with_logins, worlds, write_dump
from tests.worlds.snapshots import snapshot_of

WORLDS = int(os.environ.get("REGISTRY_AUDIT_WORLDS", "30"))
PULLER = [{"verbs": ["get"], "apiGroups": ["image.openshift.io"], "resources": ["imagestreams/layers"]}]


def small_world(*people: str, rules: list[dict[str, Any]] | None = None) -> World:
    """One namespace in which `people` may pull, unless `rules` say otherwise."""
    subjects = [{"kind": "User", "name": name} for name in people]
    ref = {"kind": "ClusterRole", "name": "puller"}
    world: World = {
        plural: [] for plural in ("clusterrolebindings", "roles", "serviceaccounts", "imagestreams", "groups")
    }
    bound: World = {
        **world,
        "namespaces": [{"metadata": {"name": "ns"}}],
        "clusterroles": [{"metadata": {"name": "puller"}, "rules": PULLER if rules is None else rules}],
        "rolebindings": [{"metadata": {"name": "b", "namespace": "ns"}, "roleRef": ref, "subjects": subjects}],
    }
    return furnished(bound)


def asking(world: World) -> Callable[[str, tuple[str, ...], dict[str, str]], Allowed]:
    """A cluster that answers of this world."""

    def review(name: str, groups: tuple[str, ...], asked: dict[str, str]) -> Allowed:
        fields = (asked[part] for part in ("verb", "group", "resource", "namespace", "name"))
        return Allowed(allowed(world, name, groups, *fields))

    return review


def authorizer_of(world: World) -> Authorizer:
    return Authorizer(bound_subjects(snapshot_of(world)))


def compared(world: World, cluster: World, wanted: int | None = None, seed: int = 1) -> Verification:
    return verify(authorizer_of(world), asking(cluster), SamplePlan(wanted, seed), Event(), at_once=2)


@pytest.mark.slow
@settings(max_examples=WORLDS)
@given(worlds())
def test_every_cell_of_every_world_agrees(world: World) -> None:
    """All that the tables say, and what they say by having no row, a plain reading of RBAC answers likewise."""
    found = compared(world, world)
    assert found.differences == ()
    assert found.verified.failed == 0
    assert found.verified.agreed == found.verified.asked


@pytest.mark.slow
@settings(max_examples=WORLDS)
@given(st.integers(0, 2**20).map(world_with_logins))
def test_who_may_use_the_registry_is_asked_first(world: World) -> None:
    """Where not everybody may, the cluster is asked about that as the registry asks it."""
    assert compared(world, world).differences == ()


@pytest.mark.slow
@settings(max_examples=WORLDS)
@given(worlds(), st.sampled_from(["rolebindings", "clusterrolebindings", "roles", "clusterroles", "groups"]))
def test_what_was_not_seen_is_never_a_difference(world: World, kind: str) -> None:
    """Cells that are unknown are left out and counted; all others are right though a list is missing."""
    snapshot = snapshot_of(world, [Gap(kind, "", "refused")])
    found = verify(Authorizer(bound_subjects(snapshot)), asking(world), SamplePlan(None, 1), Event(), at_once=2)
    assert found.differences == ()
    if kind == "clusterrolebindings":
        assert found.verified.left_out > 0


def test_a_cluster_that_says_the_contrary() -> None:
    """Every cell is then a difference, with both reasons, and nothing is bounded.

    But for a push, and a create, of whoever can only pull: another of its questions is then refused.
    """
    snapshot = snapshot_of(small_world("ann"))

    def contrary(name: str, groups: tuple[str, ...], asked: dict[str, str]) -> Allowed:
        return Allowed(not asking(small_world("ann"))(name, groups, asked).allowed, "so it is")

    found = verify(Authorizer(bound_subjects(snapshot)), contrary, SamplePlan(None, 1), Event())
    assert found.verified.agreed == 2
    assert found.verified.differed == found.verified.asked - 2 == len(found.differences) > 5
    assert found.verified.bound == 1.0
    (pull,) = (one for one in found.differences if one.cell.who.name == "ann" and one.cell.action == "pull")
    assert pull.cell == SampledCell(Identity("User", "ann"), "pull", "ns", "*", 1)
    assert pull.why == ("user ann can pull in ns by RoleBinding b to ClusterRole puller",)
    assert pull.reason == "so it is"
    everywhere = next(one for one in found.differences if one.cell.who.name == "system:masters")
    assert "can do everything in every namespace" in everywhere.why[0]


def test_the_questions_are_those_of_the_registry() -> None:
    """One resource word and no subresource, groups spelled out, a name where the registry gives one."""
    world = small_world("ann")
    world["groups"] = [{"metadata": {"name": "team"}, "users": ["ann", "ann", "system:serviceaccount:ns:ci"]}]
    subjects: list[dict[str, str]] = [
        {"kind": "User", "name": "ann"},
        {"kind": "Group", "name": "team"},
        {"kind": "ServiceAccount", "name": "ci"},
        {"kind": "User", "name": "system:anonymous"},
    ]
    world["rolebindings"][0]["subjects"] = subjects
    asked: list[tuple[str, tuple[str, ...], dict[str, str]]] = []

    def record(name: str, groups: tuple[str, ...], attributes: dict[str, str]) -> Allowed:
        asked.append((name, groups, attributes))
        return asking(world)(name, groups, attributes)

    verify(authorizer_of(world), record, SamplePlan(None, 1), Event(), at_once=1)
    pull = {
        "verb": "get",
        "group": "image.openshift.io",
        "resource": "imagestreams/layers",
        "namespace": "ns",
        "name": "registry-audit-any",
    }
    pulls = [(name, groups) for name, groups, attributes in asked if attributes == pull]
    assert ("ann", ("team", "system:authenticated", "system:authenticated:oauth")) in pulls
    assert ("", ("team", "system:authenticated")) in pulls
    account = "system:serviceaccounts:ns", "system:serviceaccounts", "system:authenticated"
    assert ("system:serviceaccount:ns:ci", account) in pulls
    assert ("system:anonymous", ("system:unauthenticated",)) in pulls
    creates = [one for _, _, one in asked if (one["verb"], one["resource"]) == ("create", "imagestreams")]
    assert all(one["name"] == "" for one in creates)
    wide = [attributes for _, _, attributes in asked if attributes["resource"] == "images"]
    assert wide
    assert {attributes["namespace"] for attributes in wide} == {""}


def test_a_repository_that_is_called_as_any_is_another_one() -> None:
    """A name that no rule singles out stands for all others, whatever somebody has called one."""
    rules = [{**PULLER[0], "resourceNames": ["registry-audit-any"]}]
    world = small_world("ann", rules=rules)
    assert compared(world, world).differences == ()


@pytest.mark.parametrize("reason", ["refused", "timeout"])
def test_questions_without_an_answer(reason: str) -> None:
    """They are neither agreement nor difference; after a refusal nothing more is asked."""
    asked = []

    def silent(name: str, groups: tuple[str, ...], attributes: dict[str, str]) -> Allowed:
        asked.append(name)
        raise CollectError(reason, "no")

    found = verify(authorizer_of(small_world("ann")), silent, SamplePlan(None, 1), Event(), at_once=1)
    seen = found.verified
    assert (seen.agreed, seen.differed, seen.failed, seen.bound) == (0, 0, seen.asked, 1.0)
    assert seen.why == f"{reason}: no"
    assert len(asked) == (1 if reason == "refused" else seen.asked)


def test_a_stop_leaves_the_rest_unasked() -> None:
    """What was not asked has failed: nothing is claimed of it."""
    stop = Event()
    stop.set()
    found = verify(authorizer_of(small_world("ann")), asking(small_world("ann")), SamplePlan(None, 1), stop)
    assert found.verified.failed == found.verified.asked > 0
    assert found.verified.why == "stopped before it was asked"


def test_a_seed_draws_the_same_cells_again() -> None:
    """And another one others; a third each from yes, no, and what has no row."""
    snapshot = snapshot_of(world_of(7))
    authorizer = Authorizer(bound_subjects(snapshot))
    one, again, other = (sample(authorizer, SamplePlan(30, seed)) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert sum(len(drawn.cells) for drawn in one.drawn.values()) <= 30
    for population, drawn in one.drawn.items():
        assert len(drawn.cells) == len(set(drawn.cells))
        if population != "no row":
            assert {cell.answer for cell in drawn.cells} == {int(population == "yes")}
            # Chance may miss a kind of cell: one of each is asked all the same.
            every = sample(authorizer, SamplePlan(None, 1)).drawn[population].cells
            kinds = {(cell.who.kind, cell.action) for cell in every}
            assert {(cell.who.kind, cell.action) for cell in (*drawn.cells, *drawn.beside)} == kinds


@pytest.mark.slow
@settings(max_examples=WORLDS)
@given(worlds())
def test_only_namespaces_that_are_reported_on_are_drawn_from(world: World) -> None:
    """And what is cluster-wide; what it says holds without the others too."""
    authorizer = authorizer_of(world)
    chosen = SamplePlan(None, 1, frozenset({"ns-1"}))
    cells = [cell for drawn in sample(authorizer, chosen).drawn.values() for cell in drawn.cells]
    assert {cell.namespace for cell in cells} <= {"*", "ns-1"}
    assert verify(authorizer, asking(world), chosen, Event(), at_once=2).differences == ()
    places = draw_places(authorizer.bound.snapshot, 9, chosen)
    assert {place.namespace for place in places} <= {"ns-1"}


@pytest.mark.slow
@settings(max_examples=WORLDS)
@given(st.integers(1, 40), worlds())
def test_a_sample_is_as_large_as_was_asked_for(wanted: int, world: World) -> None:
    """Never larger, and never smaller while there are cells in the table."""
    drawn = sample(authorizer_of(world), SamplePlan(wanted, 1)).drawn
    assert tuple(drawn) == POPULATIONS
    sizes = [len(one.cells) for one in drawn.values()]
    assert sum(sizes) <= wanted
    assert all(one.whole or len(one.cells) >= wanted // 3 for name, one in drawn.items() if name != "no row")


@pytest.mark.parametrize("looked_at", [1, 2, 5, 17, 40])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
def test_the_bound_holds_as_often_as_it_says(looked_at: int, confidence: float) -> None:
    """Counted out: whatever share is wrong, the bound of a sample lies above it in so many of all samples."""
    bounds = [highest_share(wrong, looked_at, confidence) for wrong in range(looked_at + 1)]
    assert bounds == sorted(bounds)
    assert bounds[-1] == 1.0
    for per_mille in range(0, 1001, 3):
        share = per_mille / 1000
        likely = [comb(looked_at, n) * share**n * (1 - share) ** (looked_at - n) for n in range(looked_at + 1)]
        holds = sum(likely[wrong] for wrong, bound in enumerate(bounds) if bound >= share)
        assert holds >= confidence - 1e-9, share


@pytest.mark.parametrize("looked_at", [10, 300, 2000, 100_000])
def test_the_bound_is_the_rule_of_three(looked_at: int) -> None:
    """With none wrong: exactly 1 - 0.05 ** (1 / n), and nearly three divided by the number."""
    assert highest_share(0, looked_at) == pytest.approx(1 - 0.05 ** (1 / looked_at), rel=1e-9)
    assert highest_share(0, looked_at) < 3 / looked_at
    assert highest_share(1, looked_at) > highest_share(0, looked_at)
    assert highest_share(0, 0) == 1.0


def test_the_bound_of_a_zone_is_that_of_its_worst_part() -> None:
    """All three hold at once, so each is drawn tighter; what was looked at whole is as wrong as it is."""
    found = compared(small_world("ann", "bob"), small_world("ann", "bob"))
    assert found.shares["yes"][0] == found.shares["yes"][1] > 0
    agreed, asked = found.shares["no row"]
    assert agreed == asked
    assert found.verified.bound == highest_share(0, asked, 1 - 0.05 / 3)
    one_wrong = compared(small_world("ann", "bob"), small_world("ann"), None)
    assert one_wrong.verified.differed == 1
    yes_agreed, yes_asked = one_wrong.shares["yes"]
    assert yes_asked - yes_agreed == 1


# Whole commands.


def verified(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, dict[str, Any]]:
    assert run_command(["verify", "--json", *arguments]) == code
    return {zone["zone"]: zone for zone in json.loads(capsys.readouterr().out)["zones"]}


@pytest.mark.slow
def test_zones_that_agree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Collected now, every cell and samples: exit code 0, with the bound and the seed to draw the same again."""
    with SimulatedZone(world_of(3), tmp_path / "a") as one, SimulatedZone(world_of(4), tmp_path / "b") as two:
        config = configuration(tmp_path, [live(one, tmp_path, "one"), live(two, tmp_path, "two")])
        every = verified(capsys, "-c", config, "--all")
        assert run_command(["verify", "-c", config, "--sample", "20", "--seed", "5"]) == 0
        said = capsys.readouterr()
        (only,) = verified(capsys, "-c", config, "--zone", "two")
    assert set(every) == {"one", "two"}
    assert only == "two"
    for zone in every.values():
        assert zone["agreed"] == zone["asked"] > 20
        assert zone["differences"] == []
        assert 0 <= zone["bound"] < 1
    assert "--seed 5 draws the same cells again" in said.err
    assert "95% confidence" in said.err


def test_a_planted_difference_is_found_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The cluster has changed since the snapshot: who, what, where, our reason and its own; exit code 3."""
    dump = write_dump(small_world("ann", "bob"), tmp_path / "one")
    with SimulatedZone(small_world("ann", "carl"), tmp_path / "a") as server:
        config = configuration(tmp_path, [live(server, tmp_path, "one")])
        assert run_command(["verify", "-c", config, "-s", str(dump), "--all"]) == 3
        said = capsys.readouterr().out
        found = verified(capsys, "-c", config, "-s", str(dump), "--all", code=3)["one"]
    assert "one: User bob, pull, ns/*: the tables say yes, the zone no" in said
    assert "  the tables: user bob can pull in ns by RoleBinding b to ClusterRole puller" in said
    assert "  the zone: no reason given" in said
    assert "User ann, pull" not in said
    assert found["differed"] == 1
    (difference,) = found["differences"]
    assert (difference["subject"], difference["table"], difference["zone_says"]) == ("bob", "yes", "no")


def test_access_that_the_tables_do_not_have_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The worst mistake is a row that is missing: pairs without one are asked too, and the cluster says why."""
    dump = write_dump({**small_world("ann"), "users": [{"metadata": {"name": "carl"}}]}, tmp_path / "one")
    with SimulatedZone(small_world("ann", "carl"), tmp_path / "a") as server:
        config = configuration(tmp_path, [live(server, tmp_path, "one")])
        found = verified(capsys, "-c", config, "-s", str(dump), "-n", "300", code=3)["one"]
    (difference,) = found["differences"]
    assert (difference["subject"], difference["action"], difference["table"]) == ("carl", "pull", "no")
    assert difference["reason"] == "RBAC: allowed by a binding of this world"
    assert difference["why"] == ["no binding gives user carl any part of it"]


@pytest.mark.parametrize("tenant", [False, True])
def test_an_auditor_who_may_not_ask(tmp_path: Path, capsys: pytest.CaptureFixture[str], tenant: bool) -> None:
    """It is said, with exit code 3; the tables are neither right nor wrong by that, and nobody insists."""
    refuse, tenant_of = (set(), {"ns-0"}) if tenant else ({"subjectaccessreviews"}, None)
    dump = write_dump(world_of(3), tmp_path / "one")
    with SimulatedZone(world_of(3), tmp_path / "a", refuse=refuse, tenant_of=tenant_of) as server:
        config = configuration(tmp_path, [live(server, tmp_path, "one")])
        assert run_command(["verify", "-c", config, "-s", str(dump)]) == 3
        asked = [request for request in server.requests if "subjectaccessreviews" in request.target]
    said = capsys.readouterr().out
    assert "cannot create resource" in said
    assert "questions without an answer: refused" in said
    assert "unknown" in said
    assert len(asked) <= 8  # those that were on their way when the first was refused


@pytest.mark.parametrize(
    "action",
    [
        refuse_with(400),
        other_body({"status": {}}),
        other_body({"status": {"allowed": "yes"}}),
        other_body([]),
        other_body({"status": {"allowed": False, "evaluationError": "a webhook is away"}}),
    ],
)
def test_reviews_that_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], action: Callable[[Answer], Answer]
) -> None:
    """Two of all fail: they are counted apart, the others agree, and the exit code says that it is not all."""
    dump = write_dump(small_world("ann"), tmp_path / "one")
    fault = Fault("/subjectaccessreviews", action, nth=3, times=2)
    with SimulatedZone(small_world("ann"), tmp_path / "a", faults=[fault]) as server:
        config = configuration(tmp_path, [live(server, tmp_path, "one")], collect={"retries": 0})
        found = verified(capsys, "-c", config, "-s", str(dump), "--all", code=3)["one"]
    assert fault.fired == 2
    assert 1 <= found["failed"] <= 2
    assert found["differed"] == 0
    assert found["agreed"] == found["asked"] - found["failed"] > 0
    assert found["why"]


@pytest.mark.parametrize(
    ("kind", "action"),
    [*enumerate((refuse_with(500), refuse_with(401), reset(), cut(5), broken_json(), login_page(), status_with_200()))],
)
def test_a_fault_at_any_question_is_no_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: int, action: Callable[[Answer], Answer]
) -> None:
    """At each request in turn: never a crash, never a difference, and exit code 3 where an answer is missing."""
    dump = write_dump(small_world("ann"), tmp_path / "one")
    with SimulatedZone(small_world("ann"), tmp_path / "a") as server:
        config = configuration(tmp_path, [live(server, tmp_path, "one")], collect={"retries": 0})
        command = ("-c", config, "-s", str(dump), "-n", "9", "--seed", "1", "--subjects", "1")
        verified(capsys, *command)
        for number in some_of(len(server.requests), kind):
            server.faults = [Fault("reviews", action, nth=number)]
            found = verified(capsys, *command, code=3)["one"]
            assert server.faults[0].fired == 1
            assert found["differences"] == []
            assert found["failed"] + found["lists"]["failed"] + found["lists"]["open"] == 1


def test_zones_that_nobody_can_ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files, and a zone without credentials: said for each, and the one that answers is compared."""
    with SimulatedZone(small_world("ann"), tmp_path / "a") as server:
        zones = [
            live(server, tmp_path, "one"),
            {"id": "demo-1", "source": {"dump": str(DEMO)}},
            {"id": "locked", "api": server.url, "credentials": {"token_file": str(tmp_path / "none")}},
        ]
        found = verified(capsys, "-c", configuration(tmp_path, zones), "-n", "12", code=3)
    assert found["one"]["agreed"] == found["one"]["asked"] > 0
    assert "there is no API server" in found["demo-1"]["why"]
    assert "credentials" in found["locked"]["why"]
    assert found["locked"]["asked"] == 0


def test_hostile_names_are_harmless(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a difference is about is spelled out."""
    dump = write_dump(small_world(*HOSTILE), tmp_path / "one")
    with SimulatedZone(small_world(), tmp_path / "a") as server:
        config = configuration(tmp_path, [live(server, tmp_path, "one")])
        assert run_command(["verify", "-c", config, "-s", str(dump), "--all"]) == 3
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "User \\x1b[31mred, pull" in said


def test_a_snapshot_of_another_zone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to compare it with: exit code 2."""
    assert run_command(["verify", "-c", configuration(tmp_path, [{"id": "a"}]), "-s", str(DEMO)]) == 2
    assert "the configuration has no zone demo-1" in capsys.readouterr().err


def test_a_stop_ends_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the documented exit code."""

    def stopped(*arguments: Any) -> list[Verification]:
        arguments[-1].set()
        return []

    monkeypatch.setattr("audit.commands.evidence.verify.compare", stopped)
    dump = write_dump(small_world(), tmp_path / "a")
    assert run_command(["verify", "-c", configuration(tmp_path, [{"id": "a"}]), "-s", str(dump)]) == 143


def test_a_run_says_that_it_was_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the manifest of each zone; without --verify there is nothing to say."""
    with SimulatedZone(world_of(3), tmp_path / "a") as server:
        config = configuration(tmp_path, [live(server, tmp_path, "one")])
        assert run_command(["run", "-c", config, "-o", str(tmp_path / "out"), "-f", "csv", "--verify", "30"]) == 0
        assert run_command(["run", "-c", config, "-o", str(tmp_path / "plain"), "-f", "csv"]) == 0
    told = re.search(r"one: verified: \d+ of \d+ cells agree \(seed (\d+)\)", capsys.readouterr().err)
    assert told
    (zone,) = json.loads((the_run(tmp_path / "out") / "manifest.json").read_text())["run"]["zones"]
    assert zone["state"] == "complete"
    assert zone["verified"]["agreed"] == zone["verified"]["asked"] >= 20
    assert zone["verified"]["differed"] == zone["verified"]["failed"] == 0
    assert zone["verified"]["seed"] == int(told[1])
    (plain,) = json.loads((the_run(tmp_path / "plain") / "manifest.json").read_text())["run"]["zones"]
    assert plain["verified"] is None


def test_a_run_that_the_zone_contradicts_is_partial(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3, the zone's line says why, and `latest` stays: such tables cannot be relied on."""

    said = other_body({"status": {"allowed": True, "reason": "an authorizer beside RBAC"}})
    fault = Fault("/subjectaccessreviews", said, times=None)
    with SimulatedZone(small_world("ann"), tmp_path / "a", faults=[fault]) as server:
        config = configuration(tmp_path, [live(server, tmp_path, "one")])
        assert run_command(["run", "-c", config, "-o", str(tmp_path / "out"), "--verify", "30"]) == 3
    assert "one: not seen: verified: the zone itself answers" in capsys.readouterr().err
    folder = the_run(tmp_path / "out")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["state"] == "partial"
    assert manifest["run"]["zones"][0]["verified"]["differed"] > 0
    assert "differently from the tables" in (folder / "report.html").read_text()
    assert not (tmp_path / "out/latest").exists()


def test_what_is_said_of_a_verified_zone() -> None:
    """Nothing, when all is well; what differs and what is missing, when not."""
    assert [*Agreement(10, 10).remarks()] == []
    assert Agreement(10, 10).sound
    assert [*Agreement(why="refused").remarks()] == [
        "verified: nothing was compared with the zone's own answers: refused"
    ]
    both = Agreement(2000, 1990, 3, 7, why="timeout: late")
    assert [*both.remarks()] == [
        "verified: the zone itself answers 3 of 2,000 cells differently from the tables",
        "verified: 7 of 2,000 cells were not compared with the zone's own answers: timeout: late",
    ]
    assert not both.sound
