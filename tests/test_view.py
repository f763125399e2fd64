"""What the page shows, on tables of a few rows written by hand, and against plain loops on random ones."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.rbac.subjects import ACCOUNT, ANY, GROUP, USER
from audit.tables import NO, SCHEMAS, UNKNOWN, YES, Numbers, Table, Text, text_column
from reports.run import RunInfo, ZoneInfo
from reports.view import Everywhere, View, frame, make_view

Row = dict[str, str | int]

AUTHENTICATED: Row = {"subject_kind": GROUP, "subject": "system:authenticated"}
NOBODY: Row = {"subject_kind": GROUP, "subject": "system:unauthenticated"}
CI: Row = {"subject_kind": ACCOUNT, "subject": "ns:ci"}


def table(name: str, rows: Sequence[Row]) -> Table:
    """Return a table of the given rows; what they leave out is empty or NO."""
    columns: dict[str, Text | Numbers] = {}
    for column in SCHEMAS[name]:
        if column.type == "text":
            columns[column.name] = text_column([str(row.get(column.name, "")) for row in rows])
        else:
            columns[column.name] = np.array([row.get(column.name, 0) for row in rows], dtype=np.int32)
    return Table(name, columns)


def zone(name: str = "z", state: str = "complete", namespaces: int = 3, excluded: int = 0) -> ZoneInfo:
    return ZoneInfo(
        name, state, "dump", "there", "registry", "v1", "me", "2026-01-01T00:00:00Z", (), namespaces, excluded
    )


def run_of(*zones: ZoneInfo) -> RunInfo:
    return RunInfo("run-1", "1.0", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z", "abc", zones or (zone(),))


def view_of(access: Iterable[Row], run: RunInfo | None = None, limit: int = 10_000, **others: list[Row]) -> View:
    """Return the view of access rows that are, unless they say otherwise, alice's in `z`, `ns`, `*`."""
    start: Row = {"zone": "z", "namespace": "ns", "repository": "*", "subject_kind": USER, "subject": "alice"}
    rows = {"grants": [], "coverage": [], **others, "access": [{**start, **row} for row in access]}
    return make_view({name: table(name, lines) for name, lines in rows.items()}, run or run_of(), limit)


def numbers(view: View) -> dict[str, int]:
    return {number.label: number.value for number in view.numbers}


ANYONE_PULLS = "namespaces that anyone can pull from, without logging in"
USERS_PULL = "namespaces that every user can pull from"
ACCOUNTS_PULL = "namespaces that every service account can pull from"
ACCOUNTS_PUSH = "namespaces that every service account can push to"
PUSH_EVERYWHERE = "subjects outside the platform that can push everywhere"
ACCOUNTS_THAT_PUSH = "accounts that can push"
NOT_KNOWN = "rows with an answer that is not known"


def test_a_cluster_wide_row_counts_for_every_namespace_of_its_zone() -> None:
    """But for those left out; in another zone only the namespaces that say so count."""
    run = run_of(zone("z", namespaces=5, excluded=1), zone("other"))
    rows: list[Row] = [
        {**AUTHENTICATED, "namespace": "*", "pull": YES},
        {**AUTHENTICATED, "pull": YES},
        {**AUTHENTICATED, "pull": YES, "zone": "other"},
        {**AUTHENTICATED, "pull": YES, "zone": "other", "repository": "app"},
        {**AUTHENTICATED, "pull": UNKNOWN, "zone": "other", "namespace": "maybe"},
    ]
    found = numbers(view_of(rows, run))
    assert found[USERS_PULL] == 4 + 1
    assert found[ANYONE_PULLS] == found[ACCOUNTS_PULL] == 0


def test_without_a_list_of_namespaces_those_that_were_met_count() -> None:
    """Everybody may pull from everywhere: that must not come out as zero."""
    rows: list[Row] = [{**AUTHENTICATED, "namespace": "*", "pull": YES}, {}, {"namespace": "b"}, {"repository": "app"}]
    view = view_of(rows, run_of(zone(state="partial", namespaces=0)))
    assert numbers(view)[USERS_PULL] == 2
    assert [(total.label, total.value) for total in view.totals] == [("namespaces", 2), ("subjects", 2), ("grants", 0)]


@pytest.mark.parametrize(
    ("who", "label"),
    [
        (NOBODY, ANYONE_PULLS),
        ({"subject_kind": USER, "subject": "system:anonymous"}, ANYONE_PULLS),
        (AUTHENTICATED, USERS_PULL),
        ({"subject_kind": GROUP, "subject": "system:authenticated:oauth"}, USERS_PULL),
        ({"subject_kind": GROUP, "subject": "system:serviceaccounts"}, ACCOUNTS_PULL),
    ],
)
def test_who_is_everybody(who: Row, label: str) -> None:
    """Each of the platform's names, and only for what it may."""
    found = numbers(view_of([{**who, "pull": YES}]))
    assert found.pop(label) == 1
    assert not any(found.values())


@pytest.mark.parametrize("name", ["system:serviceaccounts", "system:authenticated", "system:unauthenticated"])
@pytest.mark.parametrize("kind", [USER, ACCOUNT])
def test_a_name_of_another_kind_is_not_everybody(kind: str, name: str) -> None:
    """An account `serviceaccounts` of a namespace `system` is one account."""
    view = view_of([{"subject_kind": kind, "subject": name, "pull": YES}])
    assert not any(numbers(view).values())
    assert view.namespaces.rows[0]["open"] == ""


@pytest.mark.parametrize(
    ("kind", "name", "counted"),
    [
        (USER, "alice", 1),
        (USER, "openshift-fan:club", 1),
        (GROUP, "org", 1),
        (ACCOUNT, "team:ci", 1),
        (ACCOUNT, "system:ci", 1),  # anybody may call a namespace so
        (ACCOUNT, "openshifty:ci", 1),
        (ACCOUNT, "openshift:ci", 0),
        (ACCOUNT, "openshift-infra:ci", 0),
        (ACCOUNT, "kube-system:ci", 0),
        (GROUP, "system:masters", 0),
        (USER, "system:admin", 0),
    ],
)
def test_who_pushes_everywhere_without_being_the_platform(kind: str, name: str, counted: int) -> None:
    """The platform's own names are reserved; all others count."""
    view = view_of([{"subject_kind": kind, "subject": name, "namespace": "*", "push": YES}])
    assert numbers(view)[PUSH_EVERYWHERE] == counted


def test_accounts_that_can_push_count_once_a_zone() -> None:
    """In however many places, and wherever they are."""
    rows: list[Row] = [{**CI, "push": YES}, {**CI, "push": YES, "namespace": "*"}, {**CI, "push": UNKNOWN, "zone": "b"}]
    found = numbers(view_of(rows, run_of(zone(), zone("b"))))
    assert (found[ACCOUNTS_THAT_PUSH], found[NOT_KNOWN]) == (1, 1)


def test_people_count_once_however_many_repositories() -> None:
    """Directly, through a group, and for one repository: one person."""
    rows: list[Row] = [
        {"pull": YES, "group": "org"},
        {"pull": YES, "repository": "app"},
        {"subject_kind": GROUP, "subject": "org", "pull": YES, "push": YES},
        {**CI, "push": UNKNOWN},
    ]
    (line,) = view_of(rows).namespaces.rows
    assert (line["pull_people"], line["pull_groups"], line["pull_accounts"]) == (1, 1, 0)
    assert (line["push_people"], line["push_groups"], line["push_accounts"]) == (0, 1, 0)
    assert line["unknown"] == 1


def test_namespaces_most_important_first() -> None:
    """Open to push, open to anyone, to every user, not seen, unknown, then by who can push."""
    rows: list[Row] = [
        {"namespace": "a-quiet", "pull": YES},
        {"namespace": "b-pushed", "push": YES},
        {"namespace": "c-unknown", "push": UNKNOWN},
        {"namespace": "d-blind", "subject_kind": ANY, "subject": "*", "pull": UNKNOWN},
        {**AUTHENTICATED, "namespace": "e-users", "pull": YES},
        {**NOBODY, "namespace": "f-anyone", "pull": YES},
        {**AUTHENTICATED, "namespace": "f-anyone", "pull": YES},
        {**AUTHENTICATED, "namespace": "g-users-push", "push": YES},
    ]
    lines = view_of(rows).namespaces.rows
    names = ["g-users-push", "f-anyone", "e-users", "d-blind", "c-unknown", "b-pushed", "a-quiet"]
    assert [line["namespace"] for line in lines] == names
    assert [line["open"] for line in lines] == ["", "anyone", "every user", "", "", "", ""]
    assert [line["open_push"] for line in lines] == ["every user", "", "", "", "", "", ""]
    assert [line["blind"] for line in lines] == [name == "d-blind" for name in names]


def test_cluster_wide_rows_are_apart_and_counted() -> None:
    """Not among the namespaces, not multiplied, and each section can say how many there are."""
    rows: list[Row] = [
        {"namespace": "*", "pull": YES},
        {"namespace": "*", "pull": YES, "repository": "app"},
        {**AUTHENTICATED, "namespace": "*", "pull": YES},
        {"namespace": "*", "subject": "lister", "catalog": YES},
        {"pull": YES},
    ]
    view = view_of(rows)
    assert view.everywhere == Everywhere(2, "every user", blind=False)
    assert (view.wide.total, view.access.total, view.namespaces.total) == (4, 1, 1)
    assert view.wide.rows[0]["subject"] == "system:authenticated"
    blind = view_of([{"namespace": "*", "subject_kind": ANY, "subject": "*", "pull": UNKNOWN}])
    assert blind.everywhere == Everywhere(0, "", blind=True)


def test_subjects_over_all_zones() -> None:
    """One line a name, with where it can do what, and how it came to the most of it."""
    rows: list[Row] = [
        {"pull": YES, "how": "named"},
        {"pull": YES, "push": YES, "how": "implied", "zone": "b"},
        {"pull": YES, "push": YES, "create": YES, "zone": "b", "namespace": "other"},
        {"subject": "bob", "pull": YES, "how": "system"},
        {"subject": "bob", "pull": YES, "how": "custom", "namespace": "*"},
        {"subject": "carol", "pull": UNKNOWN},
    ]
    bob, alice, carol = view_of(rows, run_of(zone(), zone("b"))).subjects.rows
    assert (alice["subject"], alice["zones"], alice["how"]) == ("alice", 2, "implied")
    assert (alice["pull_namespaces"], alice["push_namespaces"], alice["create_namespaces"]) == (3, 2, 1)
    assert (bob["subject"], bob["pull_everywhere"], bob["pull_namespaces"], bob["how"]) == ("bob", True, 1, "custom")
    assert (carol["subject"], carol["unknown"], carol["how"]) == ("carol", 1, "")


def test_access_most_important_first_and_answers_are_words() -> None:
    """Open to everybody, unknown, create, push, pull; then as the table has them."""
    rows: list[Row] = [
        {"subject": "a", "pull": YES},
        {"subject": "b", "pull": YES, "push": YES},
        {"subject": "c", "push": YES, "create": YES},
        {"subject": "d", "pull": UNKNOWN},
        {**NOBODY, "pull": YES},
        {"subject": "e", "pull": YES, "sign": UNKNOWN},
    ]
    shown = view_of(rows).access
    assert [row["subject"] for row in shown.rows] == ["system:unauthenticated", "d", "c", "b", "a", "e"]
    assert [row["sign"] for row in shown.rows] == ["no", "no", "no", "no", "no", "unknown"]
    assert not shown.cut


def test_sections_end_at_the_limit_with_the_total() -> None:
    """The most important rows are kept, and how many there are is known."""
    rows: list[Row] = [{"subject": f"user-{number}", "namespace": f"ns-{number}"} for number in range(9)]
    rows.append({"subject": "pusher", "push": YES})
    view = view_of(rows, limit=3)
    for section in (view.namespaces, view.subjects, view.access):
        assert (len(section.rows), section.total, section.cut) == (3, 10, True)
    assert view.access.rows[0]["subject"] == "pusher"
    assert not view.wide.cut


def test_bindings_that_grant_nothing_are_listed() -> None:
    """With their reason; those that grant are not."""
    grants: list[Row] = [{"problem": "role missing", "binding": "b"}, {"binding": "fine"}]
    view = view_of([], grants=grants)
    assert [(row["binding"], row["problem"]) for row in view.problems.rows] == [("b", "role missing")]
    assert view.totals[2].value == 2


def test_kinds_that_were_not_seen() -> None:
    """What was seen, and what was left out on purpose, is not among them."""
    coverage: list[Row] = [
        {"kind": "roles", "state": "seen"},
        {"kind": "namespaces", "state": "excluded"},
        {"kind": "groups", "state": "refused"},
        {"kind": "groups", "state": "timeout"},
        {"kind": "clusterroles", "state": "cut"},
    ]
    assert view_of([], coverage=coverage).unseen == ["clusterroles", "groups"]


def test_no_row_is_a_view_too() -> None:
    """Nothing collected: zeros and empty sections."""
    view = view_of([], run_of(zone(state="failed", namespaces=0)))
    assert not any(number.value for number in (*view.numbers, *view.totals))
    assert not any(section.rows for section in (view.wide, view.namespaces, view.subjects, view.access, view.problems))
    assert (view.hows, view.everywhere, view.run.state) == ([], Everywhere(0, "", blind=False), "failed")


def test_texts_become_categories() -> None:
    """A column keeps one text for each name, also where its values hold one twice or many that do not occur."""
    twice = Text(np.array([0, 2, 1], dtype=np.int32), ("alice", "bob", "alice", "nobody"))
    made = frame(Table("access", {**table("access", [{}, {}, {}]).columns, "subject": twice}))
    assert made["subject"].dtype == "category"
    assert made["subject"].tolist() == ["alice", "alice", "bob"]
    assert set(made["subject"].cat.categories) == {"alice", "bob"}


def rows_of(some: Callable[..., st.SearchStrategy[Any]]) -> st.SearchStrategy[Row]:
    kinds = {
        USER: ("alice", "bob", "system:anonymous", "system:serviceaccounts"),
        GROUP: ("alice", "org", "system:authenticated", "system:unauthenticated", "system:serviceaccounts"),
        ACCOUNT: ("ns:ci", "kube-system:ci", "system:ci"),
        ANY: ("*",),
    }
    who = some([(kind, name) for kind, names in kinds.items() for name in names])
    place = st.tuples(some(["a", "b"]), some(["*", "ns", "other"]), some(["*", "app"]))
    answers = st.tuples(*[some([NO, YES, UNKNOWN])] * 3)
    names = ("zone", "namespace", "repository", "subject_kind", "subject", "pull", "push", "create", "how")
    parts = st.tuples(place, who, answers, st.tuples(some(["", "named", "custom"])))
    return parts.map(lambda found: dict(zip(names, [value for part in found for value in part], strict=True)))


@settings(max_examples=60)
@given(st.lists(rows_of(st.sampled_from), max_size=30))
def test_every_count_is_what_a_loop_counts(rows: list[Row]) -> None:
    """Overview, namespaces and subjects; rows are sorted as the tables are."""
    rows.sort(
        key=lambda row: [str(row[name]) for name in ("zone", "namespace", "repository", "subject_kind", "subject")]
    )
    view = view_of(rows, run_of(zone("a", namespaces=7), zone("b", namespaces=9, excluded=1)))
    local = [row for row in rows if row["namespace"] != "*"]
    assert numbers(view) == counted(rows, {"a": 7, "b": 8})
    assert dict(view.hows) == {
        how: sum(row["how"] == how for row in rows) for how in {row["how"] for row in rows} - {""}
    }
    assert {(line["zone"], line["namespace"]) for line in view.namespaces.rows} == places(local)
    for line in view.namespaces.rows:
        mine = [row for row in local if (row["zone"], row["namespace"]) == (line["zone"], line["namespace"])]
        assert line.items() >= counts_of_namespace(mine).items()
    assert len(view.subjects.rows) == len({(row["subject_kind"], row["subject"]) for row in rows})
    for line in view.subjects.rows:
        mine = [row for row in rows if (row["subject_kind"], row["subject"]) == (line["subject_kind"], line["subject"])]
        assert line.items() >= counts_of_subject(mine).items()
    seen = [row["subject"] for section in (view.wide, view.access) for row in section.rows]
    assert sorted(map(str, seen)) == sorted(str(row["subject"]) for row in rows)


def places(rows: Iterable[Row]) -> set[tuple[str | int, str | int]]:
    return {(row["zone"], row["namespace"]) for row in rows}


def unclear(row: Row) -> bool:
    return UNKNOWN in {row["pull"], row["push"], row["create"]}


def circle(row: Row) -> str:
    names = {
        (GROUP, "system:unauthenticated"): "anyone",
        (USER, "system:anonymous"): "anyone",
        (GROUP, "system:authenticated"): "every user",
        (GROUP, "system:serviceaccounts"): "every account",
    }
    return names.get((str(row["subject_kind"]), str(row["subject"])), "")


def counted(rows: list[Row], sizes: dict[str, int]) -> dict[str, int]:
    def opened(to: str, action: str) -> int:
        able = places(row for row in rows if circle(row) == to and row[action] == YES)
        whole = {where for where, namespace in able if namespace == "*"}
        return sum(sizes[str(where)] for where in whole) + len({place for place in able if place[0] not in whole})

    wide = [row for row in rows if row["namespace"] == "*" and row["push"] == YES]
    pushers = {(row["zone"], row["subject_kind"], row["subject"]) for row in wide}
    platform = {(USER, "system:anonymous"), (USER, "system:serviceaccounts"), (ACCOUNT, "kube-system:ci")}
    platform |= {(GROUP, f"system:{name}") for name in ("authenticated", "unauthenticated", "serviceaccounts")}
    accounts = [row for row in rows if row["subject_kind"] == ACCOUNT and row["push"] == YES]
    return {
        ANYONE_PULLS: opened("anyone", "pull"),
        USERS_PULL: opened("every user", "pull"),
        ACCOUNTS_PULL: opened("every account", "pull"),
        ACCOUNTS_PUSH: opened("every account", "push"),
        PUSH_EVERYWHERE: len({who for who in pushers if who[1:] not in platform}),
        ACCOUNTS_THAT_PUSH: len({(row["zone"], row["subject"]) for row in accounts}),
        NOT_KNOWN: sum(map(unclear, rows)),
    }


def counts_of_namespace(mine: list[Row]) -> dict[str, object]:
    found: dict[str, object] = {"unknown": sum(map(unclear, mine))}
    for action in ("pull", "push", "create"):
        for kind, name in ((USER, "people"), (GROUP, "groups"), (ACCOUNT, "accounts")):
            able = {row["subject"] for row in mine if row["subject_kind"] == kind and row[action] == YES}
            found[f"{action}_{name}"] = len(able)
    for action, name in (("pull", "open"), ("push", "open_push")):
        circles = {circle(row) for row in mine if row[action] == YES} - {"every account", ""}
        found[name] = min(circles, default="")  # "anyone" comes before "every user"
    return found


def counts_of_subject(mine: list[Row]) -> dict[str, object]:
    found: dict[str, object] = {"unknown": sum(map(unclear, mine)), "zones": len({row["zone"] for row in mine})}
    for action in ("pull", "push", "create"):
        able = places(row for row in mine if row[action] == YES)
        found[f"{action}_everywhere"] = any(namespace == "*" for _, namespace in able)
        found[f"{action}_namespaces"] = sum(namespace != "*" for _, namespace in able)
    rights = ("create", "push", "pull")
    saying = [row for row in mine if row["how"]]
    best = max(
        saying, key=lambda row: ([row[right] == YES for right in rights], row["namespace"] == "*"), default={"how": ""}
    )
    return {**found, "how": best["how"]}
