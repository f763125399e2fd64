"""What the page says of each namespace and subject: on tables of a few rows, and against plain loops on random ones."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.rbac.subjects import ACCOUNT, ANY, GROUP, USER, Identity, virtual_groups
from audit.tables.model import Table, Text
from audit.tables.schemas import NO, UNKNOWN, YES
from audit.tenancy.platform import Platform
from reports.html.overview import overview
from reports.html.page_tables import joined_table, page_tables
from tests.reports.html.pages import AUTHENTICATED, NOBODY, WHEN, Row, tables_of
from tests.worlds.random_zones import world_of
from tests.worlds.snapshots import all_tables, snapshot_of

CI: Row = {"subject_kind": ACCOUNT, "subject": "ns:ci"}
EVERY_ACCOUNT: Row = {"subject_kind": GROUP, "subject": "system:serviceaccounts"}
SPACES: Sequence[Row] = [
    {"zone": "z", "namespace": "shop", "organization": "acme"},
    {"zone": "z", "namespace": "app", "organization": "beta"},
    {"zone": "z", "namespace": "free"},
]


def lines(table: Table) -> list[dict[str, Any]]:
    """Return the rows of a table of the page."""
    columns = {
        name: values.strings() if isinstance(values, Text) else values.tolist()
        for name, values in table.columns.items()
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def made(name: str, **rows: Sequence[Row]) -> list[dict[str, Any]]:
    return lines(page_tables(tables_of(**rows), Platform())[name])


@pytest.mark.parametrize(
    ("who", "circle"),
    [
        (NOBODY, "anyone"),
        ({"subject_kind": USER, "subject": "system:anonymous"}, "anyone"),
        (AUTHENTICATED, "every user"),
        ({"subject_kind": GROUP, "subject": "system:authenticated:oauth"}, "every user"),
        (EVERY_ACCOUNT, "every account"),
        ({"subject_kind": USER, "subject": "system:authenticated"}, ""),
        ({"subject_kind": ACCOUNT, "subject": "system:serviceaccounts"}, ""),
        ({"subject_kind": GROUP, "subject": "system:serviceaccounts:ns"}, ""),
    ],
)
def test_whom_a_namespace_is_open_to(who: Row, circle: str) -> None:
    """By each of the platform's names, and only for what it may; a name of another kind is one account."""
    row: Row = {**who, "pull": YES, "push": UNKNOWN}
    (found,) = made("namespaces", access=[row])
    assert (found["open_pull"], found["open_push"]) == (circle, "")


def test_a_control_counts_the_open_findings_that_touch_it() -> None:
    """Not those that are accepted or gone, nor those that touch another control, were its name longer."""
    states = {"F 1": ("new", "open", "accepted", "gone"), "F 1, F 2": ("open",), "F 11, G 1": ("new",)}
    findings = [
        {"controls": names, "state": state, "severity": "low"} for names, found in states.items() for state in found
    ]
    controls = [{"framework": "F", "control": number, "checks": "a"} for number in ("1", "2", "3")]
    found = made("controls", findings=findings, controls=controls)
    assert [(row["control"], row["findings"]) for row in found] == [("1", 3), ("2", 1), ("3", 0)]


def test_what_is_open_everywhere_opens_every_namespace_of_its_zone() -> None:
    """The widest circle counts, here or everywhere; another zone is not touched."""
    spaces = [{"zone": "z", "namespace": "one"}, {"zone": "z", "namespace": "two"}, {"zone": "y", "namespace": "one"}]
    rows: list[Row] = [
        {**AUTHENTICATED, "namespace": "*", "pull": YES},
        {**NOBODY, "namespace": "two", "pull": YES},
        {**EVERY_ACCOUNT, "namespace": "one", "pull": YES, "push": YES},
    ]
    found = {(row["zone"], row["namespace"]): row for row in made("namespaces", namespaces=spaces, access=rows)}
    assert {place: row["open_pull"] for place, row in found.items()} == {
        ("z", "one"): "every user",
        ("z", "two"): "anyone",
        ("y", "one"): "",
    }
    assert found["z", "one"]["open_push"] == "every account"


def test_what_was_not_seen_is_not_without_access() -> None:
    """Anybody may have access there: in one namespace, or in every one of a zone."""
    spaces = [{"zone": "z", "namespace": "one"}, {"zone": "z", "namespace": "two"}, {"zone": "y", "namespace": "one"}]
    blind: Row = {"subject_kind": ANY, "subject": "*", "pull": UNKNOWN}
    here = made("namespaces", namespaces=spaces, access=[{**blind, "namespace": "one"}])
    assert {(row["zone"], row["namespace"]) for row in here if row["blind"]} == {("z", "one")}
    everywhere = made("namespaces", namespaces=spaces, access=[{**blind, "namespace": "*"}])
    assert {(row["zone"], row["namespace"]) for row in everywhere if row["blind"]} == {("z", "one"), ("z", "two")}


def test_people_count_once_however_many_repositories() -> None:
    """Directly, through a group, and for one repository: one person."""
    rows: list[Row] = [
        {"pull": YES, "group": "org"},
        {"pull": YES, "repository": "app"},
        {"subject_kind": GROUP, "subject": "org", "pull": YES, "push": YES},
        {**CI, "push": UNKNOWN},
    ]
    (found,) = made("namespaces", access=rows)
    assert (found["pull_people"], found["pull_groups"], found["pull_accounts"]) == (1, 1, 0)
    assert (found["push_people"], found["push_groups"], found["push_accounts"]) == (0, 1, 0)
    assert found["unknown"] == 1


def test_namespaces_most_important_first() -> None:
    """Open to push, open to anyone, to every user, not seen, unknown, then by who can push."""
    rows: list[Row] = [
        {"namespace": "a-quiet", "pull": YES},
        {"namespace": "b-pushed", "push": YES},
        {"namespace": "c-unknown", "push": UNKNOWN},
        {"namespace": "d-blind", "subject_kind": ANY, "subject": "*", "pull": UNKNOWN},
        {**AUTHENTICATED, "namespace": "e-users", "pull": YES},
        {**NOBODY, "namespace": "f-anyone", "pull": YES},
        {**AUTHENTICATED, "namespace": "g-users-push", "push": YES},
    ]
    names = [row["namespace"] for row in made("namespaces", access=rows)]
    assert names == ["g-users-push", "f-anyone", "e-users", "d-blind", "c-unknown", "b-pushed", "a-quiet"]


@pytest.mark.parametrize(
    ("who", "namespace", "belongs"),
    [
        ({"subject_kind": GROUP, "subject": "acme"}, "shop", "own organization"),
        ({"subject_kind": GROUP, "subject": "acme+ops"}, "shop", "own organization"),
        ({"subject_kind": GROUP, "subject": "acme+ops"}, "app", "other organization"),
        ({"subject_kind": GROUP, "subject": "nobody-knows"}, "app", "none"),
        ({"subject_kind": GROUP, "subject": "system:serviceaccounts:shop"}, "shop", "own organization"),
        ({"subject_kind": GROUP, "subject": "system:serviceaccounts:shop"}, "app", "other organization"),
        ({"subject_kind": GROUP, "subject": "system:serviceaccounts:free"}, "app", "none"),
        ({"subject_kind": ACCOUNT, "subject": "shop:ci"}, "shop", "own organization"),
        ({"subject_kind": ACCOUNT, "subject": "shop:ci"}, "app", "other organization"),
        ({"subject_kind": ACCOUNT, "subject": "shop:ci"}, "free", ""),
        ({"subject_kind": ACCOUNT, "subject": "shop:ci"}, "*", ""),
        ({"subject_kind": ACCOUNT, "subject": "free:ci"}, "app", "none"),
        ({"subject_kind": ACCOUNT, "subject": "openshift-image-registry:registry"}, "app", "platform"),
        ({"subject_kind": ACCOUNT, "subject": "openshift-gitops:argocd"}, "app", "none"),
        ({"subject_kind": USER, "subject": "ann"}, "shop", "own organization"),
        ({"subject_kind": USER, "subject": "ann"}, "app", "other organization"),
        ({"subject_kind": USER, "subject": "stranger"}, "app", "none"),
        (NOBODY, "app", "everybody"),
        (AUTHENTICATED, "*", "everybody"),
        ({"subject_kind": "AnyUser", "subject": "*"}, "app", "everybody"),
    ],
)
def test_who_belongs_where(who: Row, namespace: str, belongs: str) -> None:
    """By labels, names of groups, groups that list a person; `other` only where it is known."""
    grants = [{"subject": "ann", "group": "acme+ops", "namespace": "free"}]
    (found,) = made("access", access=[{**who, "namespace": namespace}], grants=grants, namespaces=SPACES)
    assert found["belongs"] == belongs
    assert found["organization"] == {"shop": "acme", "app": "beta", "free": "", "*": "*"}[namespace]


PULLERS: Row = {"subject_kind": GROUP, "subject": "system:serviceaccounts:ns", "binding": "system:image-pullers"}
BUILDERS: Row = {"subject_kind": ACCOUNT, "subject": "ns:builder", "binding": "system:image-builders"}


@pytest.mark.parametrize(
    ("row", "folded"),
    [
        ({**PULLERS, "pull": YES}, True),
        ({**PULLERS, "pull": YES, "push": YES}, False),
        ({**PULLERS, "pull": YES, "push": UNKNOWN}, False),
        ({**PULLERS, "pull": YES, "grants": 2}, False),
        ({**PULLERS, "pull": YES, "binding": "mine"}, False),
        ({**PULLERS, "pull": YES, "subject": "system:serviceaccounts:other"}, False),
        ({**BUILDERS, "pull": YES, "push": YES, "create": YES}, True),
        ({**BUILDERS, "push": YES, "grants": 2}, False),
        ({**BUILDERS, "push": YES, "subject": "other:builder"}, False),
        ({**CI, "push": YES, "binding": "system:image-builders"}, False),
        ({"subject_kind": GROUP, "subject": "system:masters", "namespace": "*", "push": YES}, True),
        ({"subject_kind": GROUP, "subject": "system:masters", "push": YES}, False),
        (
            {
                "subject_kind": ACCOUNT,
                "subject": "openshift-infra:build-controller",
                "namespace": "kube-system",
                "push": YES,
            },
            True,
        ),
        ({"subject_kind": ACCOUNT, "subject": "openshift-infra:x", "namespace": "kube-system", "push": YES}, False),
        ({"subject_kind": ACCOUNT, "subject": "system:ci", "namespace": "*", "push": YES}, False),
        ({"subject_kind": GROUP, "subject": "system:serviceaccounts:ns", "namespace": "*", "push": YES}, False),
        ({**CI, "namespace": "openshift", "push": YES}, False),
        ({**AUTHENTICATED, "namespace": "openshift", "pull": YES}, True),
        ({**AUTHENTICATED, "namespace": "openshift", "pull": YES, "push": YES}, False),
        ({**AUTHENTICATED, "namespace": "*", "pull": YES}, False),
        ({**NOBODY, "namespace": "openshift", "pull": YES}, False),
    ],
)
def test_only_what_the_platform_makes_by_itself_is_folded_away(row: Row, folded: bool) -> None:
    """One right more, another binding, a subject that is not its own: shown."""
    (found,) = made("access", access=[row])
    assert bool(found["expected"]) is folded


def test_a_person_is_one_in_all_zones_and_an_account_is_not() -> None:
    """People and groups come from one directory; each zone has accounts of its own."""
    whose: list[Row] = [{}, {"subject_kind": GROUP}, CI]
    rows: list[Row] = [{"zone": zone, "pull": YES, **who} for zone in ("y", "z") for who in whose]
    found = made("subjects", access=rows)
    assert sorted((row["subject_kind"], row["zone"], row["zones"]) for row in found) == [
        (GROUP, "", 2),
        (ACCOUNT, "y", 1),
        (ACCOUNT, "z", 1),
        (USER, "", 2),
    ]


def test_subjects_say_where_and_how() -> None:
    """Namespaces and zones, those of others, and how they came to the most of it; the most powerful first."""
    rows: list[Row] = [
        {"pull": YES, "how": "named"},
        {"pull": YES, "push": YES, "how": "implied", "zone": "b"},
        {"pull": YES, "push": YES, "create": YES, "zone": "b", "namespace": "other"},
        {"subject": "bob", "pull": YES, "how": "system"},
        {"subject": "bob", "pull": YES, "how": "custom", "namespace": "*"},
        {"subject": "carol", "pull": UNKNOWN},
    ]
    bob, alice, carol = made("subjects", access=rows)
    assert (alice["subject"], alice["zones"], alice["how"]) == ("alice", 2, "implied")
    assert (alice["pull_namespaces"], alice["push_namespaces"], alice["create_namespaces"]) == (3, 2, 1)
    assert (bob["subject"], bob["pull_everywhere"], bob["pull_namespaces"], bob["how"]) == ("bob", 1, 1, "custom")
    assert (carol["subject"], carol["unknown"], carol["how"]) == ("carol", 1, "")


@pytest.mark.parametrize(
    ("coverage", "tokens", "expected"),
    [
        ([{"kind": "tokens", "state": "seen", "zone": "z"}], [], 0),
        ([{"kind": "tokens", "state": "not-asked", "zone": "z"}], [], -1),
        ([{"kind": "tokens", "state": "refused", "zone": "z"}], [], -1),
        ([{"kind": "tokens", "state": "refused", "zone": "y"}], [], 0),
        ([], [{"zone": "z", "account": "ns:ci"}] * 2, 2),
        ([{"kind": "tokens", "state": "refused", "zone": "z"}], [{"zone": "z", "account": "ns:ci"}], 1),
        ([], [{"zone": "y", "account": "ns:ci"}, {"zone": "z", "account": "ns:other"}], 0),
    ],
)
def test_tokens_of_accounts(coverage: list[Row], tokens: list[Row], expected: int) -> None:
    """As many as were seen; where nobody looked, none is not known to be none. People have none."""
    found = made("subjects", access=[CI, {}], coverage=coverage, tokens=tokens)
    assert {row["subject_kind"]: row["tokens"] for row in found} == {ACCOUNT: expected, USER: 0}


def test_repositories_say_who_can() -> None:
    """Those of the whole namespace and of this repository, each once; not those of another."""
    rows: list[Row] = [
        {"pull": YES},
        {"pull": YES, "repository": "web"},
        {"subject": "bob", "pull": YES, "push": YES, "repository": "web"},
        {"subject": "carol", "push": UNKNOWN},
        {"subject": "dan", "pull": YES, "namespace": "*"},
    ]
    places = (("ns", "web"), ("ns", "api"), ("gone", "x"))
    repositories = [{"zone": "z", "namespace": space, "repository": name} for space, name in places]
    spaces = [{"zone": "z", "namespace": "ns"}]
    found = made("repositories", access=rows, repositories=repositories, namespaces=spaces)
    assert [(row["repository"], row["pull_subjects"], row["push_subjects"]) for row in found] == [
        ("web", 2, 1),
        ("api", 1, 0),
        ("x", 0, 0),
    ]


def test_what_is_said_of_a_namespace_stands_beside_it() -> None:
    """Findings nobody has decided on and the worst of them, changes, repositories and the last push."""
    spaces = [{"zone": "z", "namespace": "one"}, {"zone": "y", "namespace": "one"}]
    findings = [
        {"zone": "z", "namespace": "one", "severity": "low", "state": "open"},
        {"zone": "z", "namespace": "one", "severity": "high", "state": "new"},
        {"zone": "z", "namespace": "one", "severity": "critical", "state": "accepted"},
        {"zone": "z", "namespace": "*", "severity": "critical", "state": "new"},
    ]
    repositories = [
        {"zone": "z", "namespace": "one", "repository": "a", "pushed": "2026-02-01T00:00:00Z"},
        {"zone": "z", "namespace": "one", "repository": "b", "pushed": WHEN},
        {"zone": "z", "namespace": "one", "repository": "c"},
    ]
    changes = [{"zone": "z", "namespace": "one", "change": "gained"}]
    found = made("namespaces", namespaces=spaces, findings=findings, repositories=repositories, changes=changes)
    keys = ("worst", "findings", "changes", "repositories", "pushed")
    by_zone = {row["zone"]: tuple(row[key] for key in keys) for row in found}
    assert by_zone == {"z": ("high", 2, 1, 3, "2026-02-01T00:00:00Z"), "y": ("", 0, 0, 0, "")}


def test_a_row_says_how_it_changed() -> None:
    """Where the comparison with the last run names it."""
    place = {"zone": "z", "namespace": "ns", "repository": "*"}
    changes = [{"change": "widened", "subject_kind": USER, "subject": "alice", **place}]
    found = made("access", access=[{}, {"subject": "bob"}, {"zone": "y"}], changes=changes)
    assert [row["change"] for row in found] == ["widened", "", ""]


def test_no_row_is_a_page_too() -> None:
    """Nothing collected: empty tables and zeros."""
    found = page_tables(tables_of(), Platform())
    assert not any(len(table) for table in found.values())
    shown = overview(found, ["z"], "run-0")
    assert not any(number.value for number in (*shown.totals, *shown.numbers))
    assert (shown.hows, shown.busiest, shown.findings, shown.folded) == ([], [], [], 0)
    assert shown.matrix == []
    shown = overview(found, ["y", "z"], "run-0")
    assert [cell.value for row in shown.matrix for cell in row.cells] == [0] * len(shown.risks) * 2


def rows_of(some: Any) -> st.SearchStrategy[Row]:
    kinds = {
        USER: ("alice", "bob", "system:anonymous", "system:serviceaccounts"),
        GROUP: ("alice", "acme", "system:authenticated", "system:unauthenticated", "system:serviceaccounts"),
        ACCOUNT: ("shop:ci", "kube-system:ci", "system:ci"),
        ANY: ("*",),
    }
    who = some([(kind, name) for kind, names in kinds.items() for name in names])
    place = st.tuples(some(["y", "z"]), some(["*", "shop", "app", "met"]), some(["*", "web"]))
    answers = st.tuples(*[some([NO, YES, UNKNOWN])] * 3)
    names = ("zone", "namespace", "repository", "subject_kind", "subject", "pull", "push", "create", "how")
    parts = st.tuples(place, who, answers, st.tuples(some(["", "named", "wildcard"])))
    return parts.map(lambda found: dict(zip(names, [value for part in found for value in part], strict=True)))


@settings(max_examples=60)
@given(st.lists(rows_of(st.sampled_from), max_size=30))
def test_every_count_is_what_a_loop_counts(rows: list[Row]) -> None:
    """Namespaces and subjects, whatever the rows; rows are sorted as the tables are."""
    rows.sort(key=lambda row: [str(row[k]) for k in ("zone", "namespace", "repository", "subject_kind", "subject")])
    spaces = [{**row, "zone": zone} for zone in ("y", "z") for row in SPACES]
    found = page_tables(tables_of(access=rows, namespaces=spaces), Platform())
    local = [row for row in rows if row["namespace"] != "*"]
    named = {(row["zone"], row["namespace"]) for row in (*spaces, *local)}
    namespaces = lines(found["namespaces"])
    assert {(row["zone"], row["namespace"]) for row in namespaces} == named
    assert len(namespaces) == len(named)
    for line in namespaces:
        mine = [row for row in local if (row["zone"], row["namespace"]) == (line["zone"], line["namespace"])]
        wide = [row for row in rows if (row["zone"], row["namespace"]) == (line["zone"], "*")]
        assert line.items() >= (of_namespace(mine, wide) | outside_of(line, mine, wide)).items()
    subjects = lines(found["subjects"])
    assert len(subjects) == len({identity(row) for row in rows})
    for line in subjects:
        assert line.items() >= of_subject([row for row in rows if identity(row) == identity(line)]).items()
        assert line.items() >= reach_of(line, rows, namespaces).items()


def identity(row: Row) -> tuple[object, ...]:
    return (row["subject_kind"], row["subject"], row["zone"] if row["subject_kind"] == ACCOUNT else "")


def circle(row: Row) -> int:
    names = ["", "system:serviceaccounts", "system:authenticated", "system:unauthenticated"]
    if row["subject"] == "system:anonymous":
        return 3
    return names.index(str(row["subject"])) if row["subject_kind"] == GROUP and row["subject"] in names else 0


def unclear(row: Row) -> bool:
    return UNKNOWN in {row["pull"], row["push"], row["create"]}


def of_namespace(mine: list[Row], wide: list[Row]) -> dict[str, object]:
    found: dict[str, object] = {"unknown": sum(map(unclear, mine))}
    for action in ("pull", "push", "create"):
        for kind, name in ((USER, "people"), (GROUP, "groups"), (ACCOUNT, "accounts")):
            able = {row["subject"] for row in mine if row["subject_kind"] == kind and row[action] == YES}
            found[f"{action}_{name}"] = len(able)
    for action in ("pull", "push"):
        widest = max((circle(row) for row in (*mine, *wide) if row[action] == YES), default=0)
        found[f"open_{action}"] = ("", "every account", "every user", "anyone")[widest]
    found["blind"] = int(any(row["subject_kind"] == ANY for row in (*mine, *wide)))
    return found


def of_subject(mine: list[Row]) -> dict[str, object]:
    found: dict[str, object] = {"unknown": sum(map(unclear, mine)), "zones": len({row["zone"] for row in mine})}
    rights = ("create", "push", "pull")
    saying = [row for row in mine if row["how"]]
    best = max(
        saying, key=lambda row: ([row[right] == YES for right in rights], row["namespace"] == "*"), default={"how": ""}
    )
    return {**found, "how": best["how"]}


def reach_of(line: dict[str, Any], rows: list[Row], namespaces: list[dict[str, Any]]) -> dict[str, object]:
    """Ask for each namespace whether the subject has access there: by its rows, virtual groups, or cluster-wide."""
    subject = Identity(line["subject_kind"], line["subject"])
    acts_as = {subject, *(Identity(GROUP, name) for name in virtual_groups(subject))}
    mine = [row for row in rows if Identity(str(row["subject_kind"]), str(row["subject"])) in acts_as]
    mine = [row for row in mine if line["zone"] in {"", row["zone"]}]
    found: dict[str, object] = {}
    for action in ("pull", "push", "create"):
        able = [(row["zone"], row["namespace"]) for row in mine if row[action] == YES]
        places = [(row["zone"], row["namespace"]) for row in namespaces]
        found[f"{action}_namespaces"] = sum(place in able or (place[0], "*") in able for place in places)
        found[f"{action}_everywhere"] = len({zone for zone, namespace in able if namespace == "*"})
    for action in ("pull", "push"):
        own = [row for row in mine if (row["subject_kind"], row["subject"]) == subject and row[action] == YES]
        reached = {(row["zone"], row["namespace"]) for row in own if subject in OF_ACME}
        others = [(row["zone"], row["namespace"]) for row in namespaces if row["organization"] == "beta"]
        found[f"{action}_outside"] = sum(place in reached or (place[0], "*") in reached for place in others)
    return found


OF_ACME = {(GROUP, "acme"), (ACCOUNT, "shop:ci")}


def outside_of(line: dict[str, Any], mine: list[Row], wide: list[Row]) -> dict[str, object]:
    """Count the subjects of acme that have access to a namespace of beta."""
    found: dict[str, object] = {}
    for action in ("pull", "push"):
        able = {(row["subject_kind"], row["subject"]) for row in (*mine, *wide) if row[action] == YES}
        found[f"{action}_outside"] = len(able & OF_ACME) if line["organization"] == "beta" else 0
    return found


@settings(max_examples=30)
@given(st.lists(rows_of(st.sampled_from), max_size=30))
def test_the_overview_counts_the_rows_it_leads_to(rows: list[Row]) -> None:
    """Each number and each cell of the matrix is the number of rows that its link filters."""
    found = page_tables(tables_of(access=rows, namespaces=SPACES), Platform())
    shown = overview(found, ["y", "z"], "run-0")
    for number in shown.numbers:
        assert number.value == len(led_to(found, number.link)), number
    # With one zone, its organizations.
    for matrix in (shown.matrix, overview(found, ["z"], "run-0").matrix):
        for cell in (cell for row in matrix for cell in row.cells):
            assert cell.value == len(led_to(found, cell.link)), cell
            assert bool(cell.shade) is bool(cell.value)
    for bar in shown.hows:
        assert sum(bar.parts) == len(led_to(found, bar.link))


def led_to(found: dict[str, Table], link: str) -> list[object]:
    """Return the rows that an address filters, as the script does."""
    view, _, terms = link.removeprefix("#/").partition("?")
    wanted: dict[str, set[str]] = {"expected": {"no"}} if view == "access" else {}
    for term in terms.split("&"):
        name, _, value = term.partition("=")
        wanted.setdefault(name, set()).add(unquote(value))
    return [row for row in lines(found[view]) if all(word(name, row[name]) in one for name, one in wanted.items())]


def word(name: str, value: str | int) -> str:
    if isinstance(value, str):
        return value
    answers = name in {"pull", "push", "expected", "unclear", "answer"}
    return ("no", "yes", "unknown")[value] if answers else "some" if value > 0 else "unknown" if value else "none"


def test_a_whole_world_becomes_a_page() -> None:
    """Tables as the program makes them: every row is there once."""
    tables = all_tables(snapshot_of(world_of(5)))
    found = page_tables({name: joined_table(name, [table]) for name, table in tables.items()}, Platform())
    assert [len(found[name]) for name in ("access", "grants")] == [len(tables[name]) for name in ("access", "grants")]
    assert {"binding_uid", "scope"} & {*found["grants"].columns} == set()


def test_a_row_of_access_is_as_old_as_its_binding_and_a_grant_names_its_rule() -> None:
    """The columns `since` and `rule`, on a world full of traps."""
    world = world_of(5)
    for number, binding in enumerate([*world["rolebindings"], *world["clusterrolebindings"]]):
        binding["metadata"]["creationTimestamp"] = f"2026-01-01T00:00:{number:02d}Z"
    tables = all_tables(snapshot_of(world))
    keys = ("zone", "namespace", "binding_kind", "binding", "group", "since")
    ages = {tuple(row[key] for key in keys) for row in tables["grants"].records()}
    strongest = {tuple(row[key] for key in keys) for row in tables["access"].records() if row["grants"]}
    assert len({age[-1] for age in strongest}) > 3
    assert strongest <= ages
    for row in tables["grants"].records():
        granted = "yes" in {row[right] for right in ("pull", "push", "create", "delete", "catalog", "sign")}
        assert not granted or bool(row["rule"]) is (row["binding_kind"] != "built-in")
