"""Changes between two small worlds: each kind with its cause, and what is no change of anybody's access."""

import copy
from typing import Any

import numpy as np
import pytest

from audit.changes.build import ComparisonScope, changes_of, zone_moved
from audit.changes.numbers import combined
from audit.changes.state import State
from audit.changes.zone import APPEARED, GONE
from audit.snapshot.model import Gap
from tests.worlds.plain_rbac import World
from tests.worlds.snapshots import snapshot_of

Object = dict[str, Any]
IMAGES, LAYERS, STREAMS = "image.openshift.io", "imagestreams/layers", "imagestreams"
PULL = {"verbs": ["get"], "apiGroups": [IMAGES], "resources": [LAYERS]}
PUSH = {"verbs": ["get", "update"], "apiGroups": [IMAGES], "resources": [LAYERS]}
CREATE = {"verbs": ["create"], "apiGroups": [IMAGES], "resources": [STREAMS]}
PODS = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
AGGREGATE = {"clusterRoleSelectors": [{"matchLabels": {"to": "all"}}]}
ORGANIZATION = "appuio.io/organization"


def thing(name: str, namespace: str = "", labels: dict[str, str] | None = None, **rest: Any) -> Object:
    born = "2026-01-01T00:00:00Z"
    metadata = {"name": name, "namespace": namespace, "uid": f"{namespace}/{name}", "creationTimestamp": born}
    return {"metadata": {**metadata, "labels": labels}, **rest}


def bind(name: str, namespace: str, role: str, *subjects: str) -> Object:
    """Bind a role (`Role/x` or a cluster role) to subjects (`User/x`, `Group/x`, `ServiceAccount/x`)."""
    kind, _, role_name = role.rpartition("/")
    named = [dict(zip(("kind", "name"), subject.split("/", 1), strict=True)) for subject in subjects]
    return thing(name, namespace, roleRef={"kind": kind or "ClusterRole", "name": role_name}, subjects=named)


def world(**kinds: list[Object]) -> World:
    """Namespaces a and b, the roles puller and pusher, and what is given."""
    roles = [thing("puller", rules=[PULL]), thing("pusher", rules=[PUSH]), thing("nothing", rules=[PODS])]
    usual = {"namespaces": [thing("a"), thing("b")], "clusterroles": roles}
    return usual | {**kinds, "clusterroles": [*roles, *kinds.get("clusterroles", ())]}


def changes(before: World, after: World, gaps: tuple[list[Gap], list[Gap]] = ([], [])) -> list[dict[str, str]]:
    found = changes_of(State.of(snapshot_of(before, gaps[0])), State.of(snapshot_of(after, gaps[1])))
    return [{name: str(value) for name, value in row.items()} for row in found.records()]


def told(rows: list[dict[str, str]]) -> list[tuple[str, ...]]:
    """What changed, where, for whom (or which object), before and after, and why."""
    return [
        (
            row["change"],
            row["namespace"],
            row["subject"] or row["object"],
            f"{row['before']} > {row['after']}",
            row["cause"],
        )
        for row in rows
    ]


def test_a_binding_that_was_created_gives_access_and_the_other_way_round_takes_it() -> None:
    """Said for whom, where, what, by which binding to which role, since when; nobody else is told of."""
    ann = bind("x", "a", "puller", "User/ann")
    other = bind("y", "a", "puller", "User/bob")
    (row,) = changes(world(rolebindings=[other]), world(rolebindings=[other, ann]))
    assert row == {
        "change": "gained",
        "object": "access",
        "zone": "zone-1",
        "namespace": "a",
        "repository": "*",
        "subject_kind": "User",
        "subject": "ann",
        "before": "",
        "after": "pull",
        "cause": "RoleBinding x to ClusterRole puller was created",
        "binding_kind": "RoleBinding",
        "binding": "x",
        "since": "2026-01-01T00:00:00Z",
        "from_run": "",
        "group": "",
        "role_kind": "ClusterRole",
        "role": "puller",
    }
    assert told(changes(world(rolebindings=[ann]), world())) == [
        ("lost", "a", "ann", "pull > ", "RoleBinding x to ClusterRole puller was deleted")
    ]


def test_a_binding_that_changes_nobody_s_access_is_told_apart() -> None:
    """Who can push can pull; who can everywhere can there; and a role without registry rights gives nothing."""
    had = {
        "rolebindings": [bind("x", "a", "pusher", "User/ann")],
        "clusterrolebindings": [bind("all", "", "puller", "User/bob")],
    }
    more = [
        bind("ann", "a", "puller", "User/ann"),
        bind("bob", "a", "puller", "User/bob"),
        bind("cat", "a", "nothing", "User/cat"),
        bind("dan", "a", "missing", "User/dan"),
    ]
    rows = changes(world(**had), world(**{**had, "rolebindings": [*had["rolebindings"], *more]}))
    assert [(row["change"], row["object"], row["binding"], row["role"], row["subject"]) for row in rows] == [
        ("no-effect", "binding", "ann", "puller", ""),
        ("no-effect", "binding", "bob", "puller", ""),
        ("no-effect", "binding", "cat", "nothing", ""),
        ("no-effect", "binding", "dan", "missing", ""),
    ]
    assert rows[3]["cause"] == "RoleBinding dan to ClusterRole missing was created"


@pytest.mark.parametrize(
    ("before", "after", "change", "cause"),
    [
        ("puller", "pusher", "widened", "recreated and refers to ClusterRole pusher instead of ClusterRole puller"),
        ("pusher", "puller", "narrowed", "recreated and refers to ClusterRole puller instead of ClusterRole pusher"),
    ],
)
def test_a_binding_that_refers_to_another_role(before: str, after: str, change: str, cause: str) -> None:
    """More or less than before, and both roles are named."""
    one, other = (world(rolebindings=[bind("x", "a", role, "User/ann")]) for role in (before, after))
    assert told(changes(one, other)) == [
        (change, "a", "ann", changed_rights(before, after), f"RoleBinding x was {cause}")
    ]


def changed_rights(before: str, after: str) -> str:
    rights = {"puller": "pull", "pusher": "pull, push"}
    return f"{rights[before]} > {rights[after]}"


def test_rights_that_came_while_others_went_are_changed() -> None:
    """Neither widened nor narrowed."""
    creator = [thing("signer", rules=[{"verbs": ["create"], "apiGroups": [IMAGES], "resources": ["imagesignatures"]}])]
    one, other = (
        world(clusterroles=creator, rolebindings=[bind("x", "a", role, "User/ann")]) for role in ("puller", "signer")
    )
    assert [row[:4] for row in told(changes(one, other))] == [("changed", "a", "ann", "pull > sign")]


def test_subjects_that_were_added_to_a_binding_or_removed() -> None:
    """Only they are told of, in their kind's word; the account is of the binding's namespace."""
    one = world(rolebindings=[bind("x", "a", "puller", "User/ann", "Group/g")])
    other = world(rolebindings=[bind("x", "a", "puller", "User/ann", "ServiceAccount/ci")])
    assert told(changes(one, other)) == [
        ("lost", "a", "g", "pull > ", "group g was removed from RoleBinding x to ClusterRole puller"),
        ("gained", "a", "a:ci", " > pull", "service account a:ci was added to RoleBinding x to ClusterRole puller"),
    ]


def group(name: str, *users: str) -> Object:
    return thing(name, users=list(users))


def test_somebody_joins_a_group_and_somebody_leaves_it() -> None:
    """The person's row says through which group; the group's own access is the same and has no row."""
    bound = [bind("x", "a", "puller", "Group/g"), bind("y", "a", "puller", "User/dan")]
    one = world(rolebindings=bound, groups=[group("g", "ann", "bob")])
    other = world(rolebindings=bound, groups=[group("g", "bob", "cat", "dan")])
    rows = changes(one, other)
    assert told(rows) == [
        ("lost", "a", "ann", "pull > ", "user ann was removed from group g"),
        ("gained", "a", "cat", " > pull", "user cat was added to group g"),
    ]
    assert {(row["group"], row["binding"]) for row in rows} == {("g", "x")}


def test_a_bound_group_has_a_row_and_so_has_each_of_its_people() -> None:
    """A reader folds the people by the group that their rows name."""
    groups = [group("g", "ann", "bob")]
    rows = changes(world(groups=groups), world(groups=groups, rolebindings=[bind("x", "a", "puller", "Group/g")]))
    assert [(row["subject_kind"], row["subject"], row["group"]) for row in rows] == [
        ("Group", "g", ""),
        ("User", "ann", "g"),
        ("User", "bob", "g"),
    ]
    assert {row["cause"] for row in rows} == {"RoleBinding x to ClusterRole puller was created"}


def test_a_group_that_was_created_or_deleted() -> None:
    """Its binding was there before; a group that nobody binds has no effect."""
    bound = [bind("x", "a", "puller", "Group/g")]
    one = world(rolebindings=bound, groups=[group("unbound", "ann")])
    other = world(rolebindings=bound, groups=[group("g", "ann"), group("unbound", "bob", "cat")])
    assert told(changes(one, other)) == [
        ("gained", "a", "ann", " > pull", "group g was created, with user ann in it"),
        (
            "no-effect",
            "*",
            "unbound",
            " > ",
            "group unbound was changed: user bob and user cat added; user ann removed",
        ),
    ]
    assert told(changes(other, one))[0] == (
        "lost",
        "a",
        "ann",
        "pull > ",
        "group g was deleted, with user ann in it",
    )
    assert told(changes(world(), world(groups=[group("g", "ann")]))) == [
        ("no-effect", "*", "g", " > ", "group g was created")
    ]


def test_what_came_with_a_binding_is_no_change_of_its_own() -> None:
    """A role that exists for the new binding only, and a group whose members came at the same time."""
    one = world(groups=[group("g")])
    other = world(
        groups=[group("g", "ann")],
        roles=[thing("own", "a", rules=[PULL])],
        rolebindings=[bind("x", "a", "Role/own", "Group/g")],
    )
    assert told(changes(one, other)) == [
        ("gained", "a", "g", " > pull", "RoleBinding x to Role own was created"),
        ("gained", "a", "ann", " > pull", "RoleBinding x to Role own was created"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "cause"),
    [
        ([PULL], [PUSH], "Role own, to which RoleBinding x refers, now gives push"),
        (
            [PULL],
            [CREATE],
            "Role own, to which RoleBinding x refers, now gives create image streams and no longer gives pull",
        ),
        (None, [PULL], "Role own, to which RoleBinding x refers, was created"),
        ([PULL], None, "Role own, to which RoleBinding x refers, was deleted"),
    ],
)
def test_a_role_that_changed(before: list[Object] | None, after: list[Object] | None, cause: str) -> None:
    """The binding is the same; the sentence says what the role gives now."""
    one, other = (
        world(
            roles=[] if rules is None else [thing("own", "a", rules=rules)],
            rolebindings=[bind("x", "a", "Role/own", "User/ann")],
        )
        for rules in (before, after)
    )
    assert [row[4] for row in told(changes(one, other))] == [cause]


def aggregated(rules: list[Object], part: list[Object], labels: dict[str, str] | None) -> World:
    roles = [thing("all", rules=rules, aggregationRule=AGGREGATE), thing("part", rules=part, labels=labels)]
    return world(clusterroles=roles, rolebindings=[bind("x", "a", "all", "User/ann", "User/bob")])


@pytest.mark.parametrize(
    ("before", "after", "cause"),
    [
        (
            ([PULL], [PULL], {"to": "all"}),
            ([], [PULL], None),
            "no longer gives pull: part is no longer aggregated into it",
        ),
        (([], [PULL], None), ([PULL], [PULL], {"to": "all"}), "now gives pull: part is now aggregated into it"),
        (
            ([PULL], [PULL], {"to": "all"}),
            ([PUSH], [PUSH], {"to": "all"}),
            "now gives push: part is aggregated into it, and changed",
        ),
    ],
)
def test_a_role_that_is_made_of_others(before: tuple[Any, Any, Any], after: tuple[Any, Any, Any], cause: str) -> None:
    """The part whose label or rules changed is named, and is no change without effect beside it."""
    row, other = changes(aggregated(*before), aggregated(*after))
    assert other["cause"] == row["cause"]
    assert row["cause"] == f"ClusterRole all, to which RoleBinding x refers, {cause}"


def test_roles_that_changed_without_effect() -> None:
    """Labels, aggregation, and rules that give nothing in the registry; the order of lists is no change."""
    one = world(clusterroles=[thing("r", rules=[PULL, PODS]), thing("s", rules=[]), thing("t", rules=[])])
    other = world(
        clusterroles=[
            thing("r", rules=[PODS, {**PULL, "verbs": ["get", "get"]}]),
            thing("s", rules=[PODS], labels={"x": "y"}, aggregationRule=AGGREGATE),
        ]
    )
    assert [(row["role_kind"], row["role"], row["cause"]) for row in changes(one, other)] == [
        ("ClusterRole", "s", "ClusterRole s was changed: its rules, labels and aggregation"),
        ("ClusterRole", "t", "ClusterRole t was deleted"),
    ]


def test_bindings_that_changed_without_effect() -> None:
    """Another role that gives the same, another subject that had it anyway, or recreated as it was."""
    one = [bind(name, "a", "nothing", "User/ann") for name in ("x", "y", "z")]
    other = [bind("x", "a", "missing", "User/ann"), bind("y", "a", "nothing", "User/bob"), copy.deepcopy(one[2])]
    other[2]["metadata"]["uid"] = "another"
    refers = "it refers to ClusterRole missing instead of ClusterRole nothing"
    assert [row["cause"] for row in changes(world(rolebindings=one), world(rolebindings=other))] == [
        f"RoleBinding x to ClusterRole missing was changed: {refers}",
        "RoleBinding y to ClusterRole nothing was changed: user bob added; user ann removed",
        "RoleBinding z to ClusterRole nothing was changed: it was recreated without changes",
    ]


def test_a_binding_of_the_whole_cluster_stays_one_row() -> None:
    """Beside those of places where its subject had other rights before."""
    local = [bind("x", "a", "puller", "User/ann"), bind("y", "b", "pusher", "User/ann")]
    rows = changes(
        world(rolebindings=local),
        world(rolebindings=local, clusterrolebindings=[bind("all", "", "pusher", "User/ann")]),
    )
    cause = "ClusterRoleBinding all to ClusterRole pusher was created"
    assert told(rows) == [
        ("gained", "*", "ann", " > pull, push", cause),
        ("widened", "a", "ann", "pull > pull, push", cause),
    ]
    assert {row["binding_kind"] for row in rows} == {"ClusterRoleBinding"}


def test_what_everybody_gets_widens_those_who_had_less_there() -> None:
    """Their rows name the platform's group; those without a row of their own are told by the group's."""
    had = [bind("x", "a", "puller", "User/ann")]
    after = world(rolebindings=[*had, bind("all", "a", "pusher", "Group/system:authenticated")])
    rows = changes(world(rolebindings=had), after)
    assert [(row["change"], row["subject"], row["group"]) for row in rows] == [
        ("gained", "system:authenticated", ""),
        ("widened", "ann", "system:authenticated"),
    ]


def test_two_halves_of_create_that_come_together() -> None:
    """One was there; the binding that brought the other one is the cause."""
    roles = [thing("creator", rules=[CREATE])]
    had = [bind("x", "a", "pusher", "User/ann")]
    one = world(clusterroles=roles, rolebindings=had)
    other = world(clusterroles=roles, rolebindings=[*had, bind("y", "a", "creator", "User/ann")])
    assert told(changes(one, other)) == [
        ("widened", "a", "ann", "pull, push > pull, push, create", "RoleBinding y to ClusterRole creator was created")
    ]


def test_many_causes_are_told_three_at_most() -> None:
    """The rest is counted."""
    bound = [bind(f"x{number}", "a", "puller", "User/ann") for number in range(5)]
    (row,) = changes(world(), world(rolebindings=bound))
    first = "; ".join(f"RoleBinding x{number} to ClusterRole puller was created" for number in range(3))
    assert row["cause"] == f"{first}; and 2 more"


def test_many_names_are_told_five_at_most() -> None:
    """The rest is counted."""
    (row,) = changes(world(groups=[group("g")]), world(groups=[group("g", *"abcdefg")]))
    assert row["cause"] == "group g was changed: user a, user b, user c, user d, user e and 2 more added"


def namespace(name: str, organization: str = "", born: str = "2026-01-01T00:00:00Z") -> Object:
    made = thing(name, labels={ORGANIZATION: organization} if organization else None)
    made["metadata"]["creationTimestamp"] = born
    return made


def test_namespaces_come_and_go_with_what_is_in_them() -> None:
    """Their bindings and roles are no changes of their own; the access that was there is lost with them."""
    streams = [thing("app", "a")]
    rest = {
        "roles": [thing("own", "a", rules=[PODS])],
        "rolebindings": [bind("x", "a", "puller", "User/ann"), bind("y", "a", "Role/own", "User/ann")],
    }
    one = world(namespaces=[namespace("a", "org"), namespace("b")], imagestreams=streams, **rest)
    other = world(namespaces=[namespace("b")])
    assert told(changes(one, other)) == [
        ("lost", "a", "ann", "pull > ", "namespace a is gone, and RoleBinding x to ClusterRole puller with it"),
        ("gone", "a", "namespace", "org > ", "namespace a is gone"),
        ("gone", "a", "repository", " > ", "repository app is gone"),
    ]
    assert told(changes(other, one)) == [
        ("gained", "a", "ann", " > pull", "namespace a is new, with RoleBinding x to ClusterRole puller"),
        ("appeared", "a", "namespace", " > org", "namespace a is new"),
        ("appeared", "a", "repository", " > ", "repository app is new"),
    ]


def test_a_namespace_that_moved_is_told_and_nobody_s_access_changed() -> None:
    """The old organization keeps what it has; that is what a reviewer has to see."""
    bound = [bind("x", "a", "puller", "Group/one")]
    one, other = [
        world(namespaces=[namespace("a", owner), namespace("b", "same")], rolebindings=bound)
        for owner in ("one", "two")
    ]
    kept = "that changes no binding: who had access there keeps it"
    moved = f"namespace a moved from organization one to organization two; {kept}"
    assert told(changes(one, other)) == [("changed", "a", "namespace", "one > two", moved)]
    nowhere = changes(world(namespaces=[namespace("a", "one")]), world(namespaces=[namespace("a")]))
    assert nowhere[0]["cause"].startswith("namespace a moved from organization one to no organization; ")


def test_a_namespace_that_was_made_again() -> None:
    """By its time of creation, where both are known."""
    one, other, unknown = (
        world(namespaces=[namespace("a", born=born)]) for born in ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "")
    )
    assert [row["cause"] for row in changes(one, other)] == ["namespace a was deleted and created again"]
    assert changes(one, unknown) == []


def test_another_label_may_say_the_organization() -> None:
    """As the configuration has it; and only the namespaces that are compared are told of."""
    states = [
        State.of(snapshot_of(world(namespaces=[thing("a", labels={"o": one}), thing("b", labels={"o": one})])))
        for one in ("1", "2")
    ]
    rows = changes_of(states[0], states[1], ComparisonScope({"a"}, "o", "run-1")).records()
    assert [(row["namespace"], row["before"], row["after"], row["from_run"]) for row in rows] == [
        ("a", "1", "2", "run-1")
    ]


def test_only_the_namespaces_that_are_compared_are_told_of() -> None:
    """Bindings and repositories of others are left out; what is cluster-wide is not."""
    after = world(
        imagestreams=[thing("app", "b")],
        rolebindings=[bind("x", "b", "puller", "User/ann"), bind("y", "b", "nothing", "User/ann")],
        clusterrolebindings=[bind("all", "", "puller", "User/bob"), bind("none", "", "nothing", "User/bob")],
    )
    states = [State.of(snapshot_of(one), ["a"]) for one in (world(), after)]
    rows = changes_of(states[0], states[1], ComparisonScope(["a"])).records()
    assert [(row["change"], row["namespace"], row["binding"]) for row in rows] == [
        ("gained", "*", "all"),
        ("no-effect", "*", "none"),
    ]


@pytest.mark.parametrize("kind", ["rolebindings", "groups", "clusterroles", "namespaces", "imagestreams"])
def test_what_was_not_seen_now_is_not_gone_and_what_was_not_seen_before_is_not_new(kind: str) -> None:
    """One row says that it was not seen; nothing else is said about it."""
    full = world(
        namespaces=[namespace("a"), namespace("b")],
        groups=[group("g", "ann")],
        rolebindings=[bind("x", "a", "puller", "Group/g")],
        imagestreams=[thing("app", "a")],
    )
    gap = Gap(kind, "", "refused", "403")
    for gaps, when, known in ((([], [gap]), "now", " > ?"), (([gap], []), "before", "? > ")):
        assert told(changes(full, full, gaps)) == [
            (
                "unseen",
                "*",
                "zone",
                known,
                f"not seen {when}: {kind}: the credentials may not read it (403)",
            )
        ]


def test_what_was_not_seen_in_one_namespace_says_nothing_of_it_and_all_of_the_others() -> None:
    """Also for a namespace that nothing but the gap speaks of."""
    gaps = [
        Gap("rolebindings", "a", "refused"),
        Gap("imagestreams", "a", "refused"),
        Gap("rolebindings", "c", "refused"),
    ]
    before = world(rolebindings=[bind("x", name, "puller", "User/ann") for name in ("a", "b", "c")])
    after = world(imagestreams=[thing("app", "a")])
    assert [row[:3] for row in told(changes(before, after, ([], gaps)))] == [
        ("lost", "b", "ann"),
        ("unseen", "a", "namespace"),
        ("unseen", "c", "namespace"),
    ]
    assert changes(before, before, (gaps, gaps)) == []


def test_namespaces_that_are_not_listed_may_be_there() -> None:
    """A dump of some namespaces: those without files are not gone, nor are their repositories."""
    gaps = [Gap(kind, "*", "missing") for kind in ("rolebindings", "imagestreams", "namespaces")]
    before = world(rolebindings=[bind("x", "a", "puller", "User/ann")], imagestreams=[thing("app", "a")])
    after = world(namespaces=[thing("b")])
    (row,) = changes(before, after, ([], gaps))
    assert (row["change"], row["before"], row["after"]) == ("unseen", "", "?")
    (back,) = changes(after, before, (gaps, []))
    assert (back["change"], back["before"], back["after"]) == ("unseen", "?", "")


def test_without_a_list_of_namespaces_a_binding_is_created_and_no_namespace_new() -> None:
    """The binding's own list was seen both times."""
    gap = Gap("namespaces", "", "refused")
    rows = changes(world(), world(rolebindings=[bind("x", "a", "puller", "User/ann")]), ([gap], [gap]))
    assert [row["cause"] for row in rows] == ["RoleBinding x to ClusterRole puller was created"]


def test_a_new_binding_to_a_role_that_cannot_be_seen_may_give_anything() -> None:
    """It is told with question marks, and is neither gained nor widened."""
    gaps = [Gap("roles", "", "refused")]
    (row,) = changes(world(), world(rolebindings=[bind("x", "a", "Role/own", "User/ann")]), (gaps, gaps))
    assert told([row]) == [
        ("changed", "a", "ann", " > pull?, push?, create?, sign?", "RoleBinding x to Role own was created")
    ]


def test_a_known_binding_gone_where_others_are_not_seen_is_told_with_question_marks() -> None:
    """Cluster-wide bindings may give the same: what ann has now is not known."""
    gaps = [Gap("clusterrolebindings", "", "refused")]
    (row,) = changes(world(rolebindings=[bind("x", "a", "puller", "User/ann")]), world(), (gaps, gaps))
    assert (row["change"], row["before"].split(", ")[0], row["after"].split(", ")[0]) == ("changed", "pull", "pull?")
    assert row["cause"] == "RoleBinding x to ClusterRole puller was deleted"


def test_a_subject_of_a_kind_that_matches_nobody_is_nobody() -> None:
    """As the API server has it."""
    before = world(rolebindings=[bind("x", "a", "puller", "User/ann")])
    after = world(rolebindings=[bind("x", "a", "puller", "Robot/r2", "User/ann", "User/bob")])
    assert [row[:3] for row in told(changes(before, after))] == [("gained", "a", "bob")]


def test_rows_are_told_apart_however_many_columns_they_have() -> None:
    """Also where the numbers of all columns together would not fit into one."""
    large = np.array([2**31, 2**31, 7], dtype=np.int64)
    rows = combined(large, large, large[::-1], np.array([1, 1, 1])).tolist()
    assert len({*rows}) == 3
    assert combined(large, large, large).tolist()[0] == combined(large, large, large).tolist()[1]


def test_a_zone_that_came_or_went_is_one_row() -> None:
    """Nothing is said about access in it: it was looked at only once."""
    (gone,) = zone_moved("z", GONE, "run-1").records()
    assert (gone["change"], gone["object"], gone["zone"], gone["from_run"]) == ("gone", "zone", "z", "run-1")
    assert gone["cause"] == "zone z is no longer among the zones; its access was not compared"
    (new,) = zone_moved("z", APPEARED).records()
    assert new["cause"] == "zone z was not among the zones before; its access was not compared"
