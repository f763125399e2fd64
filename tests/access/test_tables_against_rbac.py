"""The tables and the single answers say what a separate reading of RBAC says, on random worlds full of traps."""

import os
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.access.authorizer import Authorizer
from audit.access.bound_subjects import bound_subjects
from audit.access.tables import tables_of
from audit.rbac.subjects import ANONYMOUS, USER, Identity, user, virtual_groups
from audit.snapshot.model import Gap, Snapshot
from audit.tables.model import Table
from audit.tables.schemas import ANSWERS
from tests.worlds.plain_rbac import World, allowed, caller_of, can, logins_recorded
from tests.worlds.random_zones import (
    NOWHERE,
    VIRTUAL,
    Question,
    questions,
    shuffled,
    varied_world,
    world_of,
    world_with_logins,
    worlds,
)
from tests.worlds.snapshots import snapshot_of

# What a thorough run sets to 10,000 (`make properties`).
WORLDS = int(os.environ.get("REGISTRY_AUDIT_WORLDS", "60"))
RANK = {"no": 0, "unknown": 1, "yes": 2}
GAPS = (
    Gap("rolebindings", "", "refused"),
    Gap("rolebindings", "ns-0", "refused"),
    Gap("rolebindings", "*", "missing"),
    Gap("clusterrolebindings", "", "refused"),
    Gap("roles", "", "malformed"),
    Gap("roles", "ns-1", "refused"),
    Gap("clusterroles", "", "refused"),
    Gap("groups", "", "not-served"),
    Gap("serviceaccounts", "", "refused"),
    Gap("namespaces", "", "refused"),
)


def identity_of(question: Question) -> Identity:
    """The identity that a question is about; a user may be spelled as a service account."""
    return user(question.subject) if question.kind == USER else Identity(question.kind, question.subject)


def lookup(table: Table) -> Callable[[Question], str]:
    """Read answers out of the table `access` as its documentation tells people to."""
    rows: dict[tuple[str, str, str, str], dict[str, str | int]] = {}
    for row in table.records():
        rows[str(row["namespace"]), str(row["repository"]), str(row["subject_kind"]), str(row["subject"])] = row

    def answer(question: Question) -> str:
        who = identity_of(question)
        circle = [who, *(Identity("Group", group) for group in virtual_groups(who)), Identity("Any", "*")]
        if who.kind == USER and who.name != ANONYMOUS:
            circle.append(Identity("AnyUser", "*"))
        best = "no"
        for namespace in (question.namespace, "*"):
            for repository in (question.repository, "*"):
                found = [
                    str(rows[place][question.action])
                    for one in circle
                    if (place := (namespace, repository, *one)) in rows
                ]
                best = max([best, *found], key=RANK.__getitem__)
        return best

    return answer


def truth(world: World, question: Question, *, login: bool = True) -> str:
    """What the registry would do; without `login`, for whoever may log in."""
    return "yes" if can(world, *question, login=login) else "no"


def some_count_as_anonymous(world: World) -> bool:
    """Whether a virtual group may say who its members are, and not ask what they may do.

    Its rows then say only what all members have for certain: one that may ask by another binding has other rights.
    """
    if not logins_recorded(world):
        return False
    questions = (("authentication.k8s.io", "selfsubjectreviews"), ("authorization.k8s.io", "selfsubjectaccessreviews"))
    accounts = (f"system:serviceaccounts:{namespace['metadata']['name']}" for namespace in world["namespaces"])
    return any(
        [allowed(world, *caller_of(world, "Group", group), "create", *question, "", "") for question in questions]
        == [True, False]
        for group in (*VIRTUAL, *accounts)
    )


def said(authorizer: Authorizer, question: Question) -> str:
    """What `can` says."""
    return ANSWERS[authorizer.answer(identity_of(question), question.action, question.namespace, question.repository)]


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(WORLDS))
def test_every_cell_of_a_whole_zone_is_the_cluster_s_own_answer(seed: int) -> None:
    """Nothing hidden: tables and answers say yes or no, and exactly as the cluster does."""
    world = varied_world(seed)
    snapshot, unsure = snapshot_of(world), some_count_as_anonymous(world)
    authorizer, table = Authorizer(bound_subjects(snapshot)), lookup(tables_of(snapshot)["access"])
    for question in questions(world):
        expected = truth(world, question)
        assert said(authorizer, question) == expected, question
        assert table(question) in ({expected, "unknown"} if unsure else {expected}), question


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(WORLDS // 2))
def test_who_may_not_log_in_has_nothing(seed: int) -> None:
    """Where it is recorded who may log in: tables and answers say what the registry would do for each caller."""
    world = world_with_logins(seed)
    snapshot, unsure = snapshot_of(world), some_count_as_anonymous(world)
    authorizer, table = Authorizer(bound_subjects(snapshot)), lookup(tables_of(snapshot)["access"])
    for question in questions(world):
        expected = truth(world, question)
        assert said(authorizer, question) == expected, question
        assert table(question) in ({expected, "unknown"} if unsure else {expected}), question


@pytest.mark.no_cover
@pytest.mark.slow
@settings(max_examples=max(WORLDS, 30))
@given(worlds(), st.lists(st.sampled_from(GAPS), min_size=1, max_size=3, unique=True))
def test_what_is_hidden_turns_answers_into_unknown_and_never_into_no(world: World, gaps: list[Gap]) -> None:
    """With gaps, an answer is the cluster's own or unknown; and the table says what `can` says, or unknown.

    Where the objects that say who may log in were not seen, everybody is taken to, as on every cluster at first.
    """
    login = not {gap.kind for gap in gaps} & {"clusterroles", "clusterrolebindings"}
    snapshot = snapshot_of(world, gaps)
    authorizer = Authorizer(bound_subjects(snapshot))
    table = lookup(tables_of(snapshot)["access"])
    listed = known_namespaces(snapshot)
    for question in questions(world):
        expected, answer = truth(world, question, login=login), said(authorizer, question)
        assert answer in {expected, "unknown"}, question
        if question.namespace in listed:
            assert table(question) in {answer, "unknown"}, question


def known_namespaces(snapshot: Snapshot) -> set[str]:
    """Namespaces that the snapshot knows of: a table has no line for one that nothing speaks of."""
    text, tables = snapshot.strings, snapshot.tables
    codes = {*tables["namespaces"]["name"].tolist(), *tables["bindings"]["namespace"].tolist()}
    return {text[code] for code in codes} - {"", NOWHERE}


@settings(max_examples=max(WORLDS // 5, 20))
@given(worlds(), st.integers(0, 99))
def test_the_order_of_lists_leaves_no_trace(world: World, seed: int) -> None:
    """The same zone served in another order gives the same tables, row by row."""
    one, other = tables_of(snapshot_of(world)), tables_of(snapshot_of(shuffled(world, seed)))
    assert one["access"].records() == other["access"].records()
    assert one["grants"].records() == other["grants"].records()


@pytest.mark.parametrize("seed", range(20))
def test_asking_about_one_namespace_is_asking_about_the_zone(seed: int) -> None:
    """Ways that were made for a few namespaces answer for these as all ways do."""
    world = world_of(seed)
    snapshot = snapshot_of(world)
    whole = Authorizer(bound_subjects(snapshot))
    for namespace in sorted(known_namespaces(snapshot)):
        part = Authorizer(bound_subjects(snapshot, [namespace]))
        for question in questions(world):
            if question.namespace == namespace:
                assert said(part, question) == said(whole, question), question
