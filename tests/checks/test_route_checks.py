"""Findings about routes: how sure they are, how they are folded, what closes them, and what is not known."""

from datetime import UTC, datetime

import pytest

from audit.access.facts.build import facts_of
from audit.checks.context import CheckContext
from audit.checks.settings import Settings
from audit.findings.model import FindingRecord, judge, since
from audit.routes.table import NOT_FOLLOWED, with_routes
from audit.snapshot.model import Gap
from audit.tables.model import table_of
from tests.findings.test_findings import found_in
from tests.worlds.checks import CASES, CI, DEPLOYS, READS
from tests.worlds.plain_rbac import World
from tests.worlds.small import account, bind, namespace, role, rule, world
from tests.worlds.snapshots import snapshot_of

OF_ROUTES = ("any-account", "foreign-route", "push-by-route")
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def of(check: str, one: World) -> list[FindingRecord]:
    return [found for found in found_in(one) if found.check == check]


def test_what_is_only_possible_is_less_severe() -> None:
    """Running a pod needs that no admission refuses it; reading a secret needs nothing."""
    runs = role("", "runs", rule(["pods"], ["create"], group=""))
    (possible,) = of("any-account", world(runs, bind("shop", "x", "runs", CI)))
    (certain,) = of("any-account", world(READS, bind("shop", "x", "reads", CI)))
    assert (possible.severity, possible.confidence, possible.answer) == ("medium", "low", "yes")
    assert (certain.severity, certain.confidence, certain.answer) == ("high", "high", "yes")
    assert "list secrets in shop by shop/x" in certain.detail


def test_access_by_an_account_of_the_own_organization_is_less_severe() -> None:
    """Another check reports its binding; where no binding gives it the access, nothing else does."""
    given = world(bind("bank", "x", "system:image-pusher", CI))
    (by_account,) = of("foreign-route", given)
    tags = role("bank", "tags", rule(["imagestreams"], ["patch"]), rule(["imagestreams/layers"], ["get"]))
    (by_tag,) = (
        found
        for found in of("foreign-route", world(tags, bind("bank", "x", "tags", CI, kind="Role")))
        if found.subject == "shop:ci"
    )
    assert (by_account.subject, by_account.severity) == ("acme", "medium")
    assert by_tag.severity == "high"


def test_what_cannot_be_known_is_one_finding() -> None:
    """Whose token is in a secret of a certain name: for all accounts of a zone together, and never a certain one."""
    one = role("", "one", rule(["secrets"], ["get"], group="", resourceNames=["mine"]))
    places = [f"ns-{number}" for number in range(6)]
    pieces = [
        piece
        for place in places
        for piece in (
            namespace(place, "acme"),
            account(place, f"robot-{place}"),
            bind(place, "b", "system:image-builder", ("ServiceAccount", f"{place}:builder")),
            bind(place, "x", "one", ("ServiceAccount", f"{place}:robot-{place}")),
        )
    ]
    (found,) = of("any-account", world(one, *pieces))
    assert (found.answer, found.severity, found.namespace, found.subject) == ("unknown", "low", "*", "")
    assert "and 1 more" in found.detail


def test_accounts_that_are_alike_are_one_finding() -> None:
    """Of thirty namespaces from a template; the accounts that every namespace has are none."""
    pieces = [DEPLOYS, READS]
    for number in range(30):
        place = f"ns-{number:02}"
        pieces += [
            namespace(place, "acme"),
            *(account(place, name) for name in ("robot", "builder", "deployer", "default")),
            bind(place, "system:image-pullers", "system:image-puller", ("Group", f"system:serviceaccounts:{place}")),
            bind(place, "system:image-builders", "system:image-builder", ("ServiceAccount", f"{place}:builder")),
            bind(place, "system:deployers", "system:deployer", ("ServiceAccount", f"{place}:deployer")),
            bind(place, "x", "reads", ("ServiceAccount", f"{place}:robot")),
        ]
    found = [one for one in found_in(world(*pieces)) if one.check in OF_ROUTES]
    assert [(one.check, one.namespace, one.subject, one.role) for one in found] == [
        ("any-account", "*", "*:robot", "reads")
    ]
    assert "service accounts robot of 30 namespaces" in found[0].detail
    *commands, more = found[0].remedy.split("\n")
    assert len(commands) == 10
    assert more == "# and so for 20 more bindings of the same names"
    # Given more than its own, a default account is as any other.
    more_given = bind("ns-07", "y", "reads", ("ServiceAccount", "ns-07:deployer"))
    assert "ns-07:deployer" in {one.subject for one in of("any-account", world(*pieces, more_given))}


def test_a_binding_whose_name_holds_the_separator_is_removed() -> None:
    """Names of bindings may hold a comma and a space."""
    (found,) = of("any-account", world(READS, bind("shop", "a, b, shop", "reads", CI)))
    assert "--rolebinding-name='a, b, shop'" in found.remedy
    (found,) = of("foreign-route", world(READS, bind("bank", "x, y", "reads", ("Group", "acme+dev"))))
    assert "--rolebinding-name='x, y'" in found.remedy


def test_pull_and_push_of_one_subject_are_one_finding() -> None:
    """Ids of findings are different, and the severity is that of the worst."""
    for check in OF_ROUTES:
        for each in CASES[check].worlds():
            found = found_in(each)
            assert len({one.id for one in found}) == len(found)
    (found_one,) = of("foreign-route", world(READS, bind("bank", "x", "reads", ("Group", "acme+dev"))))
    assert found_one.severity == "high"
    assert "push in bank; pull in bank" in found_one.detail
    assert found_one.rows == 2


def test_what_remains_without_a_binding_is_said() -> None:
    """Two bindings give the same right: each alone leaves the other."""
    both = [bind("bank", name, "reads", ("Group", "acme+dev")) for name in ("x", "y")]
    (found,) = of("foreign-route", world(READS, *both))
    assert "Another route remains without bank/x, bank/y alone" in found.detail
    assert found.remedy.count("\n") == 1


@pytest.mark.parametrize("check", OF_ROUTES)
def test_where_routes_were_not_followed_nothing_is_gone(check: str) -> None:
    """Neither where none were looked for, nor for the subjects whose routes were too many: the finding stays."""
    for each in CASES[check].worlds():
        snapshot = snapshot_of(each)
        facts = facts_of(snapshot)
        made = facts | with_routes(snapshot, facts, None)
        before = [one for one in judged(CheckContext(snapshot, made, NOW)) if one.check == check]
        unknown = {"zone": "zone-1", "namespace": "*", "repository": "*", "certainty": "unknown", "route": NOT_FOLLOWED}
        rows = [
            unknown | {"subject_kind": one.subject_kind, "subject": one.subject, "action": "push"} for one in before
        ]
        for tables in (facts, made | {"routes": table_of("routes", rows)}):
            context = CheckContext(snapshot, tables, NOW)
            after = since(judged(context), before, context, Settings())
            here = [one for one in after if one.check == check]
            assert {one.answer for one in here} == {"unknown"}
            assert {one.id for one in before} < {one.id for one in here}
            assert "gone" not in {one.state for one in here}
            assert [one for one in here if one.subject == "*" and "not followed" in one.detail]


def judged(context: CheckContext) -> list[FindingRecord]:
    return judge(context, Settings(), "2026-03-01T00:00:00Z")


@pytest.mark.parametrize("kind", ["rolebindings", "clusterroles", "groups", "namespaces"])
def test_a_list_that_is_missing_makes_it_unknown(kind: str) -> None:
    """Each of the lists of which routes are made."""
    found = found_in(world(), [Gap(kind, "", "refused")])
    for check in OF_ROUTES:
        assert {(one.subject_kind, one.answer) for one in found if one.check == check} == {("Any", "unknown")}
