"""Changes between random worlds full of traps: they add up, say the opposite the other way round, and never guess."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.changes.build import changes_of
from audit.changes.state import State
from audit.snapshot.model import Gap
from audit.tables.model import Table, table_of
from audit.tables.schemas import ANSWERS, SCHEMAS, UNKNOWN, YES
from tests.access.test_tables_against_rbac import GAPS, WORLDS, lookup, some_count_as_anonymous
from tests.worlds.plain_rbac import ACTIONS, World, can, logins_recorded
from tests.worlds.random_zones import NOWHERE, Question, pairs, questions, shuffled, worlds
from tests.worlds.snapshots import snapshot_of

Row = dict[str, str | int]
EXAMPLES = max(WORLDS // 2, 30)
KEY = ("namespace", "repository", "subject_kind", "subject")
FLAGS = tuple(column.name for column in SCHEMAS["access"] if column.type == "answer")
MIRRORED = {
    "gained": "lost",
    "widened": "narrowed",
    "appeared": "gone",
    "changed": "changed",
    "unseen": "unseen",
    "no-effect": "no-effect",
} | {"lost": "gained", "narrowed": "widened", "gone": "appeared"}
DEFINITE = {"gained", "lost", "widened", "narrowed"}
SOME_GAPS = st.lists(st.sampled_from((*GAPS, Gap("imagestreams", "ns-0", "refused"))), max_size=3, unique=True)


def state(world: World, gaps: list[Gap] | None = None) -> State:
    return State.of(snapshot_of(world, gaps or ()))


def rights(text: str | int) -> dict[str, int]:
    """Read rights as the table writes them."""
    words = [word for word in str(text).split(", ") if word]
    return {word.removesuffix("?"): UNKNOWN if word.endswith("?") else YES for word in words}


def applied(was: Table, now: Table, changes: list[Row]) -> Table:
    """The access before, with what the changes say in place of what it was.

    It is taken at each place that either table tells apart: that a wider row says less now takes nothing away from a
    narrower place where nothing changed.
    """
    before = lookup(was)
    columns = {
        key: {name: before(Question(key[2], key[3], name, key[0], key[1])) for name in FLAGS}
        for key in {*places(was), *places(now)}
    }
    for row in changes:
        if row["object"] == "access":
            after = rights(row["after"])
            columns[place(row)] = {name: ANSWERS[after.get(name, 0)] for name in FLAGS}
    rows: list[Row] = [{**dict(zip(KEY, key, strict=True)), **_numbers(held)} for key, held in sorted(columns.items())]
    return table_of("access", rows)


def _numbers(held: dict[str, str]) -> dict[str, int]:
    return {name: ANSWERS.index(answer) for name, answer in held.items()}


def place(row: Row) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in KEY)


def places(access: Table) -> list[tuple[str, ...]]:
    return [place(row) for row in access.records()]


@pytest.mark.no_cover
@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None)
@given(pairs())
def test_the_access_before_and_the_changes_are_the_access_now(two: tuple[World, World]) -> None:
    """Every answer, for everybody whom either world speaks of; and each row says truly what was before."""
    was, now = (state(world) for world in two)
    changes = changes_of(was, now).records()
    before, after = lookup(was.access), lookup(applied(was.access, now.access, changes))
    for question in {*questions(two[0]), *questions(two[1])}:
        assert before(question) in {"yes" if can(two[0], *question) else "no", *unsure(two[0])}, question
        # Where only one of the two says who may log in, what follows from that is not called a change.
        if logins_recorded(two[0]) == logins_recorded(two[1]):
            assert after(question) in {"yes" if can(two[1], *question) else "no", *unsure(two[0]), *unsure(two[1])}, (
                question
            )
    for row in changes:
        if row["object"] == "access":
            assert row["before"] != row["after"]
            assert row["cause"], row
            check_definite(row, two, ([], []))


@settings(max_examples=EXAMPLES, deadline=None)
@given(pairs(), SOME_GAPS, SOME_GAPS)
def test_the_other_way_round_each_row_says_the_opposite(
    two: tuple[World, World], gaps: list[Gap], others: list[Gap]
) -> None:
    """Whatever was not seen on either side."""
    was, now = state(two[0], gaps), state(two[1], others)
    forth, back = changes_of(was, now).records(), changes_of(now, was).records()
    assert sorted(map(told, forth)) == sorted(told(mirror(row)) for row in back)


def unsure(world: World) -> set[str]:
    """What else an answer out of the tables may be where some of a group count as anonymous."""
    return {"unknown"} if some_count_as_anonymous(world) else set()


def told(row: Row) -> tuple[str, ...]:
    names = ("change", "object", *KEY, "before", "after", "binding_kind", "binding", "group")
    return tuple(str(row[name]) for name in names)


def mirror(row: Row) -> Row:
    return {**row, "change": MIRRORED[str(row["change"])], "before": row["after"], "after": row["before"]}


@settings(max_examples=EXAMPLES, deadline=None)
@given(pairs(), SOME_GAPS, SOME_GAPS)
def test_what_was_not_seen_is_never_called_gained_or_lost(
    two: tuple[World, World], gaps: list[Gap], others: list[Gap]
) -> None:
    """What a row says for certain is so; what came or went did so; and every certain change has its cause."""
    for row in changes_of(state(two[0], gaps), state(two[1], others)).records():
        if row["object"] == "access":
            check_definite(row, two, (gaps, others))
            assert row["cause"], row
        elif row["change"] in {"appeared", "gone"}:
            here = [thing(world, row) for world in two]
            assert here == ([False, True] if row["change"] == "appeared" else [True, False]), row


def thing(world: World, row: Row) -> bool:
    """Whether the world has the namespace or repository that a row is about."""
    if row["object"] == "namespace":
        return any(one["metadata"]["name"] == row["namespace"] for one in world["namespaces"])
    streams = [one["metadata"] for one in world["imagestreams"]]
    return any((one["namespace"], one["name"]) == (row["namespace"], row["repository"]) for one in streams)


def check_definite(row: Row, two: tuple[World, World], gaps: tuple[list[Gap], list[Gap]]) -> None:
    """What a row says without a question mark is the cluster's own answer.

    Where it was not seen who may log in, it is the answer for whoever may.
    """
    namespace = NOWHERE if row["namespace"] == "*" else str(row["namespace"])
    repository = "never-named" if row["repository"] == "*" else str(row["repository"])
    answers = []
    for world, some, said in zip(two, gaps, (rights(row["before"]), rights(row["after"])), strict=True):
        login = not {gap.kind for gap in some} & {"clusterroles", "clusterrolebindings"}
        for action in ACTIONS:
            truth = can(world, str(row["subject_kind"]), str(row["subject"]), action, namespace, repository, login)
            assert said.get(action, 0) in {UNKNOWN, int(truth)}, (row, action)
        answers.append(said)
    before, after = answers
    more = [name for name in after if after[name] == YES and name not in before]
    less = [name for name in before if before[name] == YES and name not in after]
    expected = {(True, False): ("gained", "widened"), (False, True): ("lost", "narrowed")}
    assert row["change"] in expected.get((bool(more), bool(less)), ("changed",)), row


@settings(max_examples=max(EXAMPLES // 3, 20), deadline=None)
@given(worlds(), SOME_GAPS, st.integers(0, 99))
def test_equal_states_have_no_changes(world: World, gaps: list[Gap], seed: int) -> None:
    """Nor has the same zone listed in another order; what is not seen both times is no change either."""
    assert len(changes_of(state(world, gaps), state(shuffled(world, seed), gaps))) == 0


@settings(max_examples=max(EXAMPLES // 3, 20), deadline=None)
@given(pairs(), st.integers(0, 99))
def test_the_order_of_lists_leaves_no_trace_in_changes(two: tuple[World, World], seed: int) -> None:
    """Row by row, in the same order."""
    one = changes_of(state(two[0]), state(two[1]))
    other = changes_of(state(shuffled(two[0], seed)), state(shuffled(two[1], seed)))
    assert other.records() == one.records()
