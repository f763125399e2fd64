"""Each check: it fires where it must and not where it nearly would, can be accepted, and its remedy fixes it."""

from collections.abc import Iterator
from datetime import date

import pytest

from audit.access.facts.build import facts_of
from audit.checks.bindings import DirectGrant
from audit.checks.remedies import RemovalCommands, fill, removal_templates
from audit.checks.rules.registry import CHECKS
from audit.checks.settings import Settings
from audit.findings.exceptions import ExceptionEntry
from audit.findings.model import FindingRecord
from audit.snapshot.model import Gap
from audit.tenancy.platform import Platform, spelled
from tests.collect.oc import Manual, followed, words
from tests.findings.test_findings import QUIET, found_in
from tests.worlds.checks import CASES
from tests.worlds.plain_rbac import World, groups_of
from tests.worlds.random_zones import HOSTILE, world_of
from tests.worlds.small import PULL, bind, group, made, namespace, role, rule, token, world
from tests.worlds.snapshots import decided, snapshot_of

RIGHTS = ("pull", "push", "create", "delete", "catalog", "sign")
# The remedy is a decision that no command can take.
DECIDED_BY_A_PERSON = {"no-effect"}
WITHOUT_A_COMMAND = {"denied-often", "image-elsewhere", "repository-unpulled"}

every_check = pytest.mark.parametrize("check", CHECKS)


def of(check: str, one: World, settings: Settings | None = None) -> list[FindingRecord]:
    return [found for found in found_in(one, settings=settings) if found.check == check]


def test_every_check_has_its_worlds() -> None:
    """None is left out."""
    assert CASES.keys() == CHECKS.keys()


def test_a_tidy_world_has_no_findings() -> None:
    """What the platform and its users set up by themselves is expected."""
    assert found_in(QUIET) == []


@every_check
def test_it_fires(check: str) -> None:
    """On each world that has the fault, there and for that subject only."""
    found = [(one.namespace, one.subject) for each in CASES[check].worlds() for one in of(check, each)]
    assert {*found} == CASES[check].found
    assert len(found) >= len(CASES[check].fires)


@pytest.mark.no_cover
@every_check
def test_it_does_not_fire_where_it_nearly_would(check: str) -> None:
    """Look-alikes are none."""
    for pieces in CASES[check].nearly:
        assert of(check, world(*pieces)) == [], pieces


@pytest.mark.no_cover
@every_check
def test_an_exception_covers_it(check: str) -> None:
    """By check, namespace and subject; the finding stays, accepted."""
    for one in (found for each in CASES[check].worlds() for found in of(check, each)):
        given = {"check": check, "why": "w", "decided_by": "d", "until": "2027-01-01"}
        subject = spelled(one.subject_kind, one.subject)
        exact = ExceptionEntry.model_validate(
            given | {"namespace": one.namespace.replace("*", "[*]"), "subject": subject or "*"}
        )
        other = ExceptionEntry.model_validate(given | {"namespace": "elsewhere"})
        ((covered,), uses) = decided([one], [other, exact], date(2026, 3, 1))
        assert (covered.id, covered.state) == (one.id, "accepted")
        assert [use.state for use in uses] == ["unused", "active"]


@pytest.mark.no_cover
@every_check
def test_its_remedy_fixes_it_and_takes_nothing_else(check: str) -> None:
    """Followed to the letter, the finding goes, and nobody else's access changes."""
    for each in CASES[check].worlds():
        for one in of(check, each):
            assert one.remedy
            if check in WITHOUT_A_COMMAND:
                assert all(line.startswith("# ") for line in one.remedy.split("\n"))
                continue
            if check in DECIDED_BY_A_PERSON:
                with pytest.raises(Manual):
                    followed(each, one.remedy)
                continue
            resolve(each, one)


def resolve(before: World, finding: FindingRecord) -> World:
    after = followed(before, finding.remedy)
    assert finding.id not in {one.id for one in found_in(after)}, finding.remedy
    changed = set(differing(before, after))
    meant = {(kind, name) for kind, name in changed if is_about(before, finding, kind, name)}
    assert changed == meant, finding.remedy
    return after


def differing(before: World, after: World) -> Iterator[tuple[str, str]]:
    """Whose access is another one, wherever."""
    one, other = (access(each) for each in (before, after))
    for kind, name, place, repository in one.keys() | other.keys():
        if one.get((kind, name, place, repository), {}) != other.get((kind, name, place, repository), {}):
            yield kind, name


def access(one: World) -> dict[tuple[str, str, str, str], dict[str, str]]:
    found = {}
    for row in facts_of(snapshot_of(one))["access"].records():
        held = {right: str(row[right]) for right in RIGHTS if row[right] != "no"}
        if held:
            found[str(row["subject_kind"]), str(row["subject"]), str(row["namespace"]), str(row["repository"])] = held
    return found


def is_about(one: World, finding: FindingRecord, kind: str, name: str) -> bool:
    """Whether a subject is that of the finding, or is in it; a role's finding is about all who hold the role."""
    if finding.check in {"aggregation", "any-image"} or (finding.subject_kind, finding.subject) == (kind, name):
        return True
    user = f"system:serviceaccount:{name}" if kind == "ServiceAccount" else name
    groups = ["system:authenticated"] if kind == "Group" else groups_of(one, user)
    if kind == "Group" and name.startswith("system:serviceaccounts"):
        groups.append("system:serviceaccounts")
    return finding.subject_kind == "Group" and finding.subject in groups


def test_the_least_role_keeps_an_account_pushing() -> None:
    """image-pusher where the repositories exist, image-builder where they do not, a role of its own for named ones."""
    ci = ("ServiceAccount", "shop:ci")
    for place, expected, creates in (("shop", "system:image-pusher", False), ("mall", "system:image-builder", True)):
        before = world(bind(place, "x", "registry-editor", ci, ("User", "ann")))
        (one,) = of("push-with-secrets", before)
        assert f"add-role-to-user -n {place} {expected} system:serviceaccount:shop:ci" in one.remedy
        held = access(resolve(before, one))["ServiceAccount", "shop:ci", place, "*"]
        assert ("pull" in held, "push" in held, "create" in held) == (True, True, creates)


def test_a_right_on_named_repositories_stays_on_these() -> None:
    """No ready-made role is as narrow; what else the account may pull stays, too."""
    push = rule(["imagestreams/layers"], ["get", "update"], resourceNames=["web", "api"])
    secrets = rule(["secrets"], ["list"], group="")
    held = {"web": {"pull": "yes", "push": "yes"}, "api": {"pull": "yes", "push": "yes"}}
    for more, everywhere in (((), {}), ((PULL,), {"*": {"pull": "yes"}})):
        own = role("shop", "own", push, secrets, *more)
        before = world(own, bind("shop", "x", "own", ("ServiceAccount", "shop:ci"), kind="Role"))
        (one,) = of("push-with-secrets", before)
        after = access(resolve(before, one))
        assert {key[3]: rights for key, rights in after.items() if key[1] == "shop:ci"} == held | everywhere


def test_a_subject_in_an_unusual_spelling_is_taken_out_all_the_same() -> None:
    """`oc adm policy` does not find it: the binding goes when it has nobody else, and is patched when it has."""
    spelled_out = ("User", "system:serviceaccount:mall:ci")
    alone = world(bind("shop", "x", "system:image-pusher", spelled_out))
    (one,) = of("other-namespace-push", alone)
    assert one.remedy == "oc delete rolebinding -n shop x"
    twice = world(bind("shop", "x", "system:image-pusher", spelled_out, ("ServiceAccount", "mall:ci"), ("User", "kim")))
    (one,) = of("other-namespace-push", twice)
    assert one.remedy.startswith("oc patch rolebinding -n shop --type=merge -p ")
    for each in (alone, twice):
        (one,) = of("other-namespace-push", each)
        resolve(each, one)


@pytest.mark.parametrize(
    ("check", "plural", "place"),
    [
        *(("missing-role", plural, "") for plural in ("roles", "clusterroles")),
        ("missing-role", "roles", "shop"),
        *(("missing-account", "serviceaccounts", place) for place in ("", "shop")),
        ("missing-namespace", "namespaces", ""),
        ("user-gone", "users", ""),
        *((check, "groups", "") for check in ("empty-group", "opaque-group", "misspelt-subject")),
    ],
)
def test_nothing_is_missing_from_a_list_that_has_a_gap(check: str, plural: str, place: str) -> None:
    """Only that it is unknown is said."""
    gap = Gap(plural, place, "refused")
    kinds = {"roles": "Role", "clusterroles": "ClusterRole"}
    for each in CASES[check].worlds():
        found = [one for one in found_in(each, [gap]) if one.check == check]
        if place:
            # What lies elsewhere is not affected.
            found = [one for one in found if one.namespace == "*" or not one.subject.startswith("openshift")]
        if plural in kinds:
            found = [one for one in found if one.role_kind in {"", kinds[plural]}]
        if plural == "groups":
            found = [one for one in found if one.subject_kind != "User"]
        assert {one.answer for one in found} == {"unknown"}


@pytest.mark.parametrize("key", removal_templates())
def test_a_page_fills_in_the_command_that_a_finding_has(key: str) -> None:
    """For each kind of binding, role and subject."""
    binding_kind, role_kind, kind = key.split()
    space, name = ("shop" if binding_kind == "RoleBinding" else ""), ("shop:ci" if kind == "ServiceAccount" else "-x y")
    one = world(bind(space, "some", "puller", (kind, name), kind=role_kind))
    grant = DirectGrant(space or "*", kind, name, binding_kind, "some", role_kind, "puller", "", "*", 1)
    who = f"system:serviceaccount:{name}" if kind == "ServiceAccount" else name
    given = {"namespace": space, "binding": "some", "role": "puller", "user": who, "group": who}
    (command,) = RemovalCommands(snapshot_of(one)).take_away(grant)
    assert fill(removal_templates()[key], **given) == command


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "name", [*HOSTILE, "a b", "it's", "-x", "--all", "$(id)", "`id`", "a\nb", "\u202eevil", "\\x41'\x07"]
)
def test_hostile_names_are_words_of_a_shell(name: str) -> None:
    """Whatever a group, a binding and a role are called, the command stays one line and means them."""
    for each in (
        world(bind("shop", name, name, ("Group", name)), role("", name, rule(["imagestreams/layers"], ["get"]))),
        world(bind("", name, "view", ("Group", name), ("User", name))),
    ):
        (one,) = of("opaque-group", each)
        assert one.remedy.isprintable()
        assert name in words(one.remedy)
        resolve(each, one)


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", range(40))
def test_remedies_hold_on_random_worlds(seed: int) -> None:
    """Every finding of a world full of traps: its remedy fixes it and takes away nothing else."""
    before = world_of(seed) | {"tokens": []}
    for one in found_in(before):
        if one.check not in DECIDED_BY_A_PERSON and one.remedy and not one.remedy.startswith("#"):
            resolve(before, one)


def test_who_acts_for_the_platform_is_configured() -> None:
    """By globs of subjects and of namespaces; nothing else is trusted for it."""
    before = world(bind("", "x", "registry-editor", ("User", "kim"), ("Group", "acme"), ("ServiceAccount", "shop:ci")))
    platform = Platform(namespaces=("shop",), subjects=("group/ac*",))
    (one,) = of("cluster-wide-push", before, Settings(platform=platform))
    assert one.subject == "kim"
    assert len(of("cluster-wide-push", before)) == 3


def test_thresholds_decide() -> None:
    """As the configuration says."""
    pairs = [
        ("token-unused", (token("shop", "t", "ci"),), {"days": 30}),
        ("token-old", (token("shop", "t", "ci"),), {"days": 30}),
        ("token-many", (token("shop", "t", "ci"),), {"tokens": 0}),
        ("direct-user", (), {"creators": 1}),
        ("stale-repository", (), {"days": 1, "subjects": 3}),
        ("push-in-many-namespaces", (), {"namespaces": 0}),
    ]
    for check, pieces, thresholds in pairs:
        assert of(check, world(*pieces)) == []
        assert of(check, world(*pieces), Settings(thresholds={check: thresholds})), check


def test_what_many_namespaces_take_is_listed_shortly() -> None:
    """The first few, and how many more; the remedy has all but the account's own."""
    places = [f"ns-{number}" for number in range(8)]
    ci = ("ServiceAccount", "ns-0:ci")
    pieces = [
        piece for place in places for piece in (namespace(place, "acme"), bind(place, "x", "system:image-pusher", ci))
    ]
    (one,) = of("push-in-many-namespaces", world(*pieces))
    assert "can push in 8 namespaces: ns-0, ns-1, ns-2, ns-3, ns-4 and 3 more" in one.detail
    assert len(one.remedy.split("\n")) == 1 + 7
    assert one.rows == 8


def test_the_control_api_says_who_belongs_where() -> None:
    """A member that it declares is nobody's foreigner, and one of another organization is; so is a team's member."""
    members = {"metadata": {"name": "members", "namespace": "acme"}, "spec": {"userRefs": [{"name": "kim"}]}}
    team = {"metadata": {"name": "qa", "namespace": "late"}, "spec": {"userRefs": [{"name": "zoe"}]}}
    before = world(bind("shop", "x", "view", ("User", "kim"), ("User", "zoe")), ("users", made("zoe")))
    assert [one.subject for one in of("foreign-user", before)] == []
    declared = {"organizationmembers": [members], "teams": [team]}
    assert [one.subject for one in of("foreign-user", before | declared)] == ["zoe"]


def test_groups_of_an_organization_are_told_by_their_names() -> None:
    """`<org>` and `<org>+<team>`, of organizations that a label or a team speaks of; no other group."""
    before = world(group("late+team", "kim"), bind("shop", "x", "view", ("User", "kim"), ("Group", "late+team")))
    assert {(one.check, one.subject) for one in found_in(before)} == {
        ("foreign-user", "kim"),
        ("foreign-group", "late+team"),
    }


def test_a_trap_for_layers_counts_for_tags() -> None:
    """`*/layers` gives no pull, and its holder can copy by a tag; the legacy group, or another verb, gives neither."""
    pieces = [
        ("trap", rule(["*/layers"], ["get"]), True),
        ("legacy", rule(["imagestreams/layers"], ["get"], group=""), False),
        ("pushes", rule(["*/layers"], ["update"]), False),
    ]
    for name, one, counts in pieces:
        (found,) = of(
            "no-effect", world(role("shop", name, one), bind("shop", "x", name, ("User", "kim"), kind="Role"))
        )
        assert ("point tags" in found.detail) == counts


def test_a_role_of_openshift_is_one_finding_however_many_hold_it() -> None:
    """Its remedy removes nobody: OpenShift restores the role, and its holders need most of it."""
    maps = rule(["imagestreammappings", "imagestreamimports"], ["create"])
    places = [f"ns-{number}" for number in range(30)]
    bound = [bind(place, "organization-admin", "admin", ("Group", f"org-{place}")) for place in places]
    before = world(role("", "admin", PULL, maps), *bound, without=[("clusterroles", "admin")])
    (one,) = of("any-image", before)
    assert (one.namespace, one.role, one.severity, one.rows) == ("*", "admin", "medium", 33)
    assert "and 28 more" in one.detail
    assert one.remedy.startswith("# OpenShift restores its own roles")
    own = world(role("", "own", PULL, maps), *(bind(place, "x", "own", ("User", "kim")) for place in places))
    (one,) = of("any-image", own)
    assert one.remedy == "oc edit clusterrole own"


def test_imports_are_less_severe_than_mappings() -> None:
    """They pull with the secrets of a namespace only."""
    for resource, severity in (("imagestreammappings", "medium"), ("imagestreamimports", "low")):
        own = role("shop", "own", rule([resource], ["create"]))
        (one,) = of("any-image", world(own, bind("shop", "x", "own", ("User", "kim"), kind="Role")))
        assert one.severity == severity
