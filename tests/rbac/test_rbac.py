"""Rules, roles and identities, a few lines each, with what they do not grant."""

from typing import Any

import msgspec
import pytest

from audit.access.tables import tables_of
from audit.rbac.roles import Aggregations, ClusterRole, how_granted, selects
from audit.rbac.rules import (
    CATALOG,
    CREATE,
    DELETE,
    PULL,
    PUSH,
    SIGN,
    Capability,
    covering,
    judge,
    judge_text,
)
from audit.rbac.subjects import ANY, ANY_USER, Identity, identity, is_virtual, may_join, user, virtual_groups
from audit.snapshot.builder import rules_text
from audit.snapshot.objects import ImageStream, Rule, Selector
from tests.worlds.snapshots import snapshot_of

IMAGES = ["image.openshift.io"]
LAYERS = ["imagestreams/layers"]
AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"


@pytest.mark.parametrize(
    ("verbs", "groups", "resources", "rights"),
    [
        (["get"], IMAGES, LAYERS, PULL),
        (["update"], IMAGES, LAYERS, PUSH),
        (["get", "update"], IMAGES, LAYERS, PULL | PUSH),
        (["create"], IMAGES, ["imagestreams"], CREATE),
        (["delete"], IMAGES, ["images"], DELETE),
        (["list"], IMAGES, ["imagestreams"], CATALOG),
        (["create"], IMAGES, ["imagesignatures"], SIGN),
        (["*"], ["*"], ["*"], PULL | PUSH | CREATE | DELETE | CATALOG | SIGN),
        (["*"], IMAGES, LAYERS, PULL | PUSH),
        (["get"], IMAGES, ["*/layers"], 0),
        (["get"], IMAGES, ["imagestreams"], 0),
        (["get"], IMAGES, ["imagestreams/*"], 0),
        (["get"], [""], LAYERS, 0),
        (["GET"], IMAGES, LAYERS, 0),
        (["get"], ["Image.openshift.io"], LAYERS, 0),
        (["list", "watch"], IMAGES, LAYERS, 0),
        (None, IMAGES, LAYERS, 0),
        (["get"], None, LAYERS, 0),
        (["get"], IMAGES, None, 0),
    ],
)
def test_a_rule_gives_what_the_registry_would_be_told(
    verbs: list[str] | None, groups: list[str] | None, resources: list[str] | None, rights: int
) -> None:
    """Verb, group and resource are each equal or `*`; `*/layers` is a trap, and so is the legacy group."""
    found = judge([Rule(verbs, groups, resources)])
    assert [(one.repository, one.rights) for one in found] == ([("", rights)] if rights else [])


@pytest.mark.parametrize(
    ("rules", "repository", "said"),
    [
        (
            [Rule(["get", "update", "patch"], IMAGES, LAYERS)],
            "",
            "get, update imagestreams/layers in image.openshift.io",
        ),
        ([Rule(["*"], ["*"], ["*"])], "", "* * in *"),
        ([Rule(["get"], ["*"], ["pods", *LAYERS])], "", "get imagestreams/layers in *"),
        ([Rule(["get"], IMAGES, ["pods"]), Rule(["get"], [""], LAYERS), Rule()], "", ""),
        ([Rule(["get"], IMAGES, LAYERS)] * 2, "", "get imagestreams/layers in image.openshift.io"),
        (
            [Rule(["get"], IMAGES, LAYERS, ["app"]), Rule(["update"], IMAGES, LAYERS, ["web"])],
            "app",
            "get imagestreams/layers in image.openshift.io named app",
        ),
        (
            [Rule(["create", "list"], IMAGES, ["imagestreams"]), Rule(["get"], IMAGES, LAYERS)],
            "",
            "create, list imagestreams in image.openshift.io; get imagestreams/layers in image.openshift.io",
        ),
    ],
)
def test_the_rule_that_gives_it_is_told_as_it_is_spelled(rules: list[Rule], repository: str, said: str) -> None:
    """Only what the registry asks about, once, and only of this repository."""
    assert covering(rules, repository) == said


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (None, [("", PULL | CREATE)]),
        ([], [("", PULL | CREATE)]),
        (["app"], [("app", PULL)]),
        (["b", "a", "a"], [("a", PULL), ("b", PULL)]),
        ([""], [("", CREATE)]),
        (["", "app"], [("", CREATE), ("app", PULL)]),
        (["*"], []),
    ],
)
def test_names_limit_a_rule_to_repositories(names: list[str] | None, expected: list[tuple[str, int]]) -> None:
    """A right on a name is a right there only; a question without a name is covered by the empty one alone."""
    found = judge([Rule(["get", "create"], IMAGES, [*LAYERS, "imagestreams"], names)])
    assert [(one.repository, one.rights) for one in found] == expected


def test_two_rules_do_not_combine() -> None:
    """Each question must be covered by one rule."""
    assert judge([Rule(["get"], IMAGES, ["secrets"]), Rule(["list"], IMAGES, LAYERS)]) == ()


def test_a_wildcard_is_told_apart() -> None:
    """What only a resource `*` gives, and what is spelled out as well."""
    (found,) = judge([Rule(["*"], IMAGES, ["*"]), Rule(["get"], IMAGES, LAYERS)])
    assert found.wildcard == found.rights & ~PULL


def test_rules_are_judged_by_their_text() -> None:
    """Equal rules have equal texts, null and empty alike."""
    assert rules_text(None) == rules_text([]) == "[]"
    assert judge_text(rules_text([Rule(["get"], IMAGES, LAYERS)])) == (Capability("", PULL, 0),)


@pytest.mark.parametrize(
    ("kind", "namespace", "name", "expected"),
    [
        ("User", "ignored", "ann", Identity("User", "ann")),
        ("User", "", "system:serviceaccount:ns:ci", Identity("ServiceAccount", "ns:ci")),
        ("User", "", "system:serviceaccount:ns", Identity("User", "system:serviceaccount:ns")),
        ("User", "", "system:serviceaccount:ns:a:b", Identity("User", "system:serviceaccount:ns:a:b")),
        ("Group", "", "ann", Identity("Group", "ann")),
        ("ServiceAccount", "ns", "ci", Identity("ServiceAccount", "ns:ci")),
        ("ServiceAccount", "", "ci", Identity("ServiceAccount", ":ci")),
        ("Robot", "", "ann", None),
    ],
)
def test_a_subject_has_one_identity(kind: str, namespace: str, name: str, expected: Identity | None) -> None:
    """An account may be spelled as a user; an unknown kind matches nobody."""
    assert identity(kind, namespace, name) == expected


@pytest.mark.parametrize(
    ("who", "groups"),
    [
        (user("ann"), ("system:authenticated", "system:authenticated:oauth")),
        (user("system:anonymous"), ("system:unauthenticated",)),
        (
            Identity("ServiceAccount", "ns:ci"),
            ("system:serviceaccounts:ns", "system:serviceaccounts", "system:authenticated"),
        ),
        (Identity("ServiceAccount", ":ci"), ()),
        (Identity("Group", "team"), ("system:authenticated",)),
        (Identity("Group", "system:authenticated"), ()),
        (Identity("Group", "system:unauthenticated"), ()),
        (Identity("Group", "system:serviceaccounts:ns"), ("system:serviceaccounts", "system:authenticated")),
        (Identity(ANY, "*"), ()),
        (Identity(ANY_USER, "*"), ("system:authenticated", "system:authenticated:oauth")),
    ],
)
def test_everybody_has_the_platform_s_groups(who: Identity, groups: tuple[str, ...]) -> None:
    """Those that are certain, and no others."""
    assert virtual_groups(who) == groups


def test_what_a_group_object_can_be() -> None:
    """OpenShift refuses a colon in a group's name: the platform's own groups have no object."""
    assert may_join(Identity("Group", "org+team"))
    assert not may_join(Identity("Group", "system:authenticated"))
    assert not may_join(Identity("User", "ann"))
    assert is_virtual("system:serviceaccounts:ns")
    assert not is_virtual("org")


@pytest.mark.parametrize(
    ("selector", "labels", "expected"),
    [
        ({}, {}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "2"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}, {"a": "1"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {"a": "1"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Near"}]}, {"a": ""}, False),
    ],
)
def test_label_selectors(selector: dict[str, Any], labels: dict[str, str], expected: bool) -> None:
    """As the aggregation controller reads them."""
    assert selects(msgspec.convert(selector, Selector), labels) is expected


PULLS, PUSHES = rules_text([Rule(["get"], IMAGES, LAYERS)]), rules_text([Rule(["get", "update"], IMAGES, LAYERS)])


def cluster_role(name: str, rules: str, into: str = "", made_of: str = "") -> ClusterRole:
    labels = f'{{"{AGGREGATE}{into}":"true"}}' if into else ""
    selector = f'{{"clusterRoleSelectors":[{{"matchLabels":{{"{AGGREGATE}{made_of}":"true"}}}}]}}' if made_of else ""
    return ClusterRole(name, labels, rules, selector)


def test_aggregated_rights_are_traced_to_the_fewest_roles() -> None:
    """`admin` aggregates `edit`, which aggregates others: the leaf that explains the right is named."""
    roles = Aggregations(
        [
            cluster_role("admin", PUSHES, made_of="admin"),
            cluster_role("edit", PUSHES, into="admin", made_of="edit"),
            cluster_role("registry-editor", PUSHES, into="edit"),
            cluster_role("puller", PULLS, into="edit"),
            cluster_role("unrelated", "[]", into="edit"),
            cluster_role("loop", PULLS, into="loop", made_of="loop"),
            cluster_role("not-yet-copied", PUSHES, made_of="nothing"),
        ]
    )
    assert roles.sources("admin") == roles.sources("edit") == ("registry-editor",)
    assert roles.sources("registry-editor") == roles.sources("none") == roles.sources("not-yet-copied") == ()
    assert roles.sources("loop") == ()


@pytest.mark.parametrize(
    ("rights", "wildcard", "cluster", "name", "aggregated", "expected"),
    [
        (0, 0, True, "view", True, ""),
        (PULL, PULL, True, "cluster-admin", False, "wildcard"),
        (PULL, 0, False, "view", False, "custom"),
        (PULL, 0, True, "registry-viewer", False, "named"),
        (PULL, 0, True, "view", False, "implied"),
        (PULL, 0, True, "mine", True, "implied"),
        (PULL, 0, True, "system:image-puller", False, "system"),
        (PULL, 0, True, "mine", False, "custom"),
    ],
)
def test_how_a_right_is_granted(
    rights: int, wildcard: int, cluster: bool, name: str, aggregated: bool, expected: str
) -> None:
    """A description for people; rights never depend on it."""
    capability = Capability("", rights, wildcard)
    assert how_granted(capability, name=name if cluster else None, aggregated=aggregated) == expected


def test_a_repository_was_pushed_when_its_newest_tag_was() -> None:
    """The first item of each tag; none when nothing was ever pushed."""
    tags = [
        {"items": [{"created": "2026-01-02"}, {"created": "2026-01-09"}]},
        {"items": [{"created": "2026-01-05"}]},
        {},
    ]
    stream = {"metadata": {"name": "app", "namespace": "ns"}, "status": {"tags": tags}}
    assert msgspec.convert(stream, ImageStream).pushed() == "2026-01-05"
    assert msgspec.convert({"metadata": {"name": "app"}}, ImageStream).pushed() == ""


def bound(
    role: str, *subjects: dict[str, str], namespace: str | None = "ns", kind: str = "ClusterRole"
) -> dict[str, Any]:
    metadata = {"name": f"to-{role}", "uid": "u-1", "creationTimestamp": "2026-01-01T00:00:00Z"}
    place = {"namespace": namespace} if namespace else {}
    return {"metadata": {**metadata, **place}, "roleRef": {"kind": kind, "name": role}, "subjects": list(subjects)}


def grants_of(**world: list[dict[str, Any]]) -> list[dict[str, str | int]]:
    namespaces = [{"metadata": {"name": "ns"}}]
    found = tables_of(snapshot_of({"namespaces": namespaces, **world}))["grants"].records()
    return [row for row in found if row["binding_kind"] != "built-in"]


def test_a_missing_role_is_seen_and_grants_nothing() -> None:
    """It would come alive when somebody creates it: the row says so."""
    (row,) = grants_of(rolebindings=[bound("gone", {"kind": "User", "name": "ann"})])
    assert (row["problem"], row["pull"], row["how"]) == ("role missing", "no", "")
    assert (row["role_kind"], row["role"], row["binding"]) == ("ClusterRole", "gone", "to-gone")


def test_a_cluster_binding_cannot_refer_to_a_role_of_a_namespace() -> None:
    """There is no namespace to look in."""
    roles = [
        {
            "metadata": {"name": "r", "namespace": "ns"},
            "rules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
        }
    ]
    (row,) = grants_of(
        roles=roles, clusterrolebindings=[bound("r", {"kind": "User", "name": "a"}, namespace=None, kind="Role")]
    )
    assert (row["problem"], row["push"]) == ("role missing", "no")


def test_people_of_a_group_are_named_with_it_and_the_group_is_kept() -> None:
    """A row for the group, one for each member through it; accounts and nobody are never members."""
    users = ["ann", "ann", "system:anonymous", "system:serviceaccount:ns:ci"]
    role = {"metadata": {"name": "r"}, "rules": [{"verbs": ["get"], "apiGroups": IMAGES, "resources": LAYERS}]}
    rows = grants_of(
        clusterroles=[role],
        groups=[{"metadata": {"name": "team"}, "users": users}],
        rolebindings=[bound("r", {"kind": "Group", "name": "team"}, {"kind": "ServiceAccount", "name": "ci"})],
        serviceaccounts=[],
    )
    found = [(row["subject_kind"], row["subject"], row["group"], row["account"]) for row in rows]
    assert found == [
        ("Group", "team", "", "present"),
        ("ServiceAccount", "ns:ci", "", "absent"),
        ("User", "ann", "team", ""),
    ]
    assert {row["since"] for row in rows} == {"2026-01-01T00:00:00Z"}


def test_a_binding_in_a_namespace_never_prunes_or_lists_the_catalog() -> None:
    """These are asked without a namespace: only a cluster-wide binding gives them."""
    role = {"metadata": {"name": "r"}, "rules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]}
    ann = {"kind": "User", "name": "ann"}
    rows = grants_of(
        clusterroles=[role], rolebindings=[bound("r", ann)], clusterrolebindings=[bound("r", ann, namespace=None)]
    )
    assert [(row["scope"], row["push"], row["delete"], row["catalog"]) for row in rows] == [
        ("cluster", "yes", "yes", "yes"),
        ("namespace", "yes", "no", "no"),
    ]


def test_an_account_without_a_namespace_matches_nobody_cluster_wide() -> None:
    """It is shown, and grants nothing."""
    role = {"metadata": {"name": "r"}, "rules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]}
    (row,) = grants_of(
        clusterroles=[role],
        clusterrolebindings=[bound("r", {"kind": "ServiceAccount", "name": "ci"}, namespace=None)],
    )
    assert (row["problem"], row["push"], row["subject"]) == ("account without namespace", "no", ":ci")


def test_a_role_that_stands_twice_loses_nothing() -> None:
    """Files can hold a role twice, with other rules: all of them count."""
    rules = [{"verbs": [verb], "apiGroups": IMAGES, "resources": LAYERS} for verb in ("get", "update")]
    roles = [{"metadata": {"name": "r", "uid": str(n)}, "rules": [rule]} for n, rule in enumerate(rules)]
    (row,) = grants_of(clusterroles=roles, rolebindings=[bound("r", {"kind": "User", "name": "ann"})])
    assert (row["pull"], row["push"]) == ("yes", "yes")
