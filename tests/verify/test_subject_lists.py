"""Whole subject lists of OpenShift, which errs: the tables are only wrong where its access reviews say so too."""

import json
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from hypothesis import given

from audit.access.authorizer import Authorizer
from audit.access.bound_subjects import bound_subjects
from audit.cli import run_command
from audit.collect.access_reviews import AllowedSubjects
from audit.collect.decode import CollectError
from audit.collect.required_access import OPTIONAL
from audit.rbac.rules import NEEDS, QUESTIONS
from audit.snapshot.model import Gap
from audit.verify.sampling import SamplePlan
from audit.verify.subject_lists import ListComparison, ListQuery, compare_lists, draw_places
from tests.commands.test_commands import configuration, live
from tests.simulator.faults import Fault, other_body
from tests.simulator.server import SimulatedZone
from tests.simulator.who_can import who_can
from tests.verify.test_verify import PULLER, asking, small_world
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import worlds, write_dump
from tests.worlds.snapshots import snapshot_of


def compared(world: World, cluster: World, *gaps: Gap) -> ListComparison:
    def lister(asked: dict[str, str]) -> AllowedSubjects:
        said = who_can(cluster, asked)
        return AllowedSubjects(tuple(said["users"]), tuple(said["groups"]), said["evalutionError"])

    snapshot = snapshot_of(world, gaps)
    return compare_lists(
        Authorizer(bound_subjects(snapshot)),
        lister,
        asking(cluster),
        draw_places(snapshot, 99, SamplePlan(None, 1)),
        Event(),
        at_once=2,
    )


@given(worlds())
def test_the_lists_of_every_world_are_settled(world: World) -> None:
    """Whatever the lists add or leave out, the cluster's own answers are those of the tables."""
    found = compared(world, world)
    assert found.differences == ()
    assert found.sound
    assert found.asked >= 4


@given(worlds())
def test_what_was_not_seen_is_no_doubt(world: World) -> None:
    """Whom we do not know about, a list may name."""
    assert compared(world, world, Gap("clusterroles", "", "refused")).differences == ()
    assert compared(world, world, Gap("rolebindings", "", "refused")).differences == ()


@pytest.mark.parametrize("resource", ["*/layers", "imagestreams/layers"])
def test_the_slash_trap(resource: str) -> None:
    """`*/layers` grants nothing in the registry, and the list names its holders: there it errs, and we do not."""
    world = small_world("ann", rules=[{**PULLER[0], "resources": [resource]}])
    found = compared(world, world)
    assert (found.asked, found.settled, found.differences) == (2, int(resource == "*/layers"), ())
    assert found.same == (1 if resource == "*/layers" else 2)


def test_an_account_without_a_namespace() -> None:
    """In a cluster-wide binding it is nobody; the list takes it for one of the namespace that was asked about."""
    world = small_world()
    binding = {**world["rolebindings"][0], "metadata": {"name": "wide"}}
    world["clusterrolebindings"] = [{**binding, "subjects": [{"kind": "ServiceAccount", "name": "ci"}]}]
    found = compared(world, world)
    assert (found.settled, found.differences) == (1, ())


def test_a_missing_role_makes_a_list_partial() -> None:
    """The list says so itself; nothing is made of what it lacks."""
    world = small_world("ann")
    world["clusterroles"] = []
    found = compared(world, world)
    assert (found.partial, found.same) == (2, 2)
    assert found.sound


def test_a_subject_that_the_tables_lack() -> None:
    """The cluster lets somebody in whom we do not know, and one less: both are differences with our reasons."""
    found = compared(small_world("ann", "bob"), small_world("ann", "carl"))
    assert [(one.cell.who.name, one.cell.answer) for one in found.differences] == [("bob", 1), ("carl", 0)]
    assert not found.sound
    assert found.same == 1


def test_lists_without_an_answer() -> None:
    """They are counted with the reason; a doubt that nobody settles stays open."""
    snapshot = snapshot_of(small_world("ann"))
    authorizer, places = Authorizer(bound_subjects(snapshot)), draw_places(snapshot, 9, SamplePlan(None, 1))

    def refused(asked: dict[str, str]) -> AllowedSubjects:
        raise CollectError("refused", "403")

    found = compare_lists(authorizer, refused, asking(small_world("ann")), places[:1], Event())
    assert (found.asked, found.failed, found.why) == (1, 1, "refused: 403")

    def silent(name: str, groups: tuple[str, ...], attributes: dict[str, str]) -> Any:
        raise CollectError("timeout", "late")

    found = compare_lists(authorizer, lambda asked: AllowedSubjects(None, None), silent, places, Event())
    assert (found.asked, found.open, found.differences, found.why) == (2, 3, (), "timeout: late")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A table of its own, the differences with those of the cells, and why there is no list."""
    dump = write_dump(small_world("ann", "bob"), tmp_path / "one")
    with SimulatedZone(small_world("ann"), tmp_path / "a") as server:
        config = configuration(tmp_path, [live(server, tmp_path, "one")])
        command = ["verify", "-c", config, "-s", str(dump), "--all", "--subjects", "9"]
        assert run_command(command) == 3
        said = capsys.readouterr().out
        assert run_command([*command, "--json"]) == 3
        (zone,) = json.loads(capsys.readouterr().out)["zones"]
    assert "LIST ERRS" in said
    assert said.count("User bob, pull") == 1
    assert zone["lists"]["asked"] == 2
    assert len(zone["differences"]) == 1


@pytest.mark.parametrize("plain", [True, False])
def test_a_cluster_that_gives_no_lists(tmp_path: Path, capsys: pytest.CaptureFixture[str], plain: bool) -> None:
    """Plain Kubernetes has no such API, and an answer may be none: the cells are compared all the same."""
    absent = {"resourceaccessreviews"} if plain else set()
    faults = [Fault("resourceaccessreviews", other_body({"users": "x"}), times=None)]
    with SimulatedZone(small_world("ann"), tmp_path / "a", absent=absent, faults=[] if plain else faults) as server:
        config = configuration(tmp_path, [live(server, tmp_path, "one")])
        assert run_command(["verify", "-c", config, "--all", "--subjects", "9"]) == 3
    said = capsys.readouterr().out
    assert "2 questions about lists without an answer: " + ("not-served" if plain else "malformed") in said
    assert "the tables say" not in said


def test_a_server_that_refuses_the_local_review(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Openshift-apiserver asks for a second right itself; without it every list is refused, and the message says so."""
    refuse = {"localresourceaccessreviews"}
    with SimulatedZone(small_world("ann"), tmp_path / "a", refuse=refuse) as server:
        config = configuration(tmp_path, [live(server, tmp_path, "one")])
        assert run_command(["verify", "-c", config, "--all", "--subjects", "9"]) == 3
    assert "2 questions about lists without an answer: refused" in capsys.readouterr().out


def test_the_printed_role_allows_the_lists() -> None:
    """Both rights: the request itself, and the local review in the core group that the server asks for."""
    rights = {(right.verb, right.group, right.resource) for right in OPTIONAL["subjects"].rights}
    assert rights == {
        ("create", "authorization.openshift.io", "resourceaccessreviews"),
        ("create", "", "localresourceaccessreviews"),
    }


def test_a_push_is_listed_for_those_who_may_pull_too() -> None:
    """The list of a push is that of `update` and that of `get` together, as the registry asks for both."""
    world = small_world("ann", rules=[{**PULLER[0], "verbs": ["update"]}])
    asked: list[str] = []

    def lister(attributes: dict[str, str]) -> AllowedSubjects:
        asked.append(attributes["verb"])
        said = who_can(world, attributes)
        return AllowedSubjects(tuple(said["users"]), tuple(said["groups"]), said["evalutionError"])

    snapshot = snapshot_of(world)
    authorizer = Authorizer(bound_subjects(snapshot))
    compare_lists(authorizer, lister, asking(world), [ListQuery("ns", "push")], Event())
    assert asked == [question.verb for question in QUESTIONS if question.right & NEEDS["push"]]
