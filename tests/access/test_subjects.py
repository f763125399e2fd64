"""Everybody that bindings name: numbered in columns, and the same as one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.access.bound_subjects import bound_subjects
from audit.access.subjects import ANY_PERSON, ANYBODY, KINDS
from audit.access.subjects_builder import SubjectsBuilder
from audit.rbac.subjects import ACCOUNT, ANONYMOUS, GROUP, MASTERS, USER, Identity, identity, virtual_groups
from audit.tables.arrays import different
from tests.worlds.random_zones import world_of
from tests.worlds.snapshots import snapshot_of

ODD = [
    (ACCOUNT, "shop", "ci"),
    (ACCOUNT, "", "ci"),  # without a namespace
    (ACCOUNT, "", "a:b"),
    (ACCOUNT, "shop", "a:b"),  # no account's name: the API server compares user names
    (USER, "", "system:serviceaccount:shop:ci"),
    (USER, "", "system:serviceaccount:shop"),
    (USER, "", ANONYMOUS),
    (USER, "", "ann"),
    (GROUP, "", "system:serviceaccounts:shop"),
    (GROUP, "", "system:serviceaccounts"),
    (GROUP, "", "system:authenticated"),
    (GROUP, "", "system:unauthenticated"),
    (GROUP, "", "staff"),
    ("Robot", "", "ann"),
]


def gathered(subjects: list[tuple[str, str, str]]) -> tuple[list[Identity], list[Identity | None]]:
    """Return all identities, and those of the given subjects."""
    snapshot = snapshot_of(world_of(1))
    texts = sorted({"", *snapshot.strings, *(text for subject in subjects for text in subject)})
    at = {text: code for code, text in enumerate(texts)}
    moved = {
        name: {column: np.zeros(0, dtype=np.int32) for column in columns} for name, columns in snapshot.tables.items()
    }
    builder = SubjectsBuilder(type(snapshot)(snapshot.origin, (), (), texts, moved))
    columns = np.array([[at[text] for text in subject] for subject in subjects], dtype=np.int32).T
    numbers = builder.identify(*columns)
    builder.add(Identity(GROUP, MASTERS))
    people, rank = builder.finish()
    return people.identities, [people.identities[rank[number]] if number >= 0 else None for number in numbers.tolist()]


@pytest.mark.parametrize("subjects", [ODD, ODD[:1], ODD[4:], ODD[:2]])
def test_every_subject_is_who_it_is_by_itself(subjects: list[tuple[str, str, str]]) -> None:
    """In any company: two spellings of one account are one; a kind that matches nobody is nobody."""
    every, found = gathered(subjects)
    assert found == [identity(kind, namespace, name) for kind, namespace, name in subjects]
    assert every == sorted({ANYBODY, ANY_PERSON, Identity(GROUP, MASTERS), *(one for one in found if one)})


@pytest.mark.parametrize("groups_unseen", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_circles_are_the_groups_that_are_asserted(seed: int, *, groups_unseen: bool) -> None:
    """For everybody in a world full of traps; and a user may be in a group that was not seen."""
    people = bound_subjects(snapshot_of(world_of(seed))).subjects
    at = {one: number for number, one in enumerate(people.identities)}
    rows = people.also_acts_as(groups_unseen=groups_unseen).tolist()
    for one, row in zip(people.identities, rows, strict=True):
        wanted = {at[other] for name in virtual_groups(one) if (other := Identity(GROUP, name)) in at}
        if groups_unseen and one.kind == USER and one.name != ANONYMOUS:
            wanted.add(at[ANY_PERSON])
        assert {number for number in row if number >= 0} == wanted, one


def test_kinds_stand_in_their_order() -> None:
    """Columns are cut by kind, so the kinds must be sorted as identities are."""
    assert list(KINDS) == sorted(KINDS)


@given(st.lists(st.integers(-5, 5)))
def test_different_numbers(numbers: list[int]) -> None:
    """Each once, sorted."""
    assert different(np.array(numbers, dtype=np.int64)).tolist() == sorted(set(numbers))
