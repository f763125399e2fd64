"""The privileged roster: everybody with a right over all namespaces, and nobody else."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from audit.access.facts.build import facts_of
from audit.access.tables import tables_of
from audit.findings.privileged import ROUTE, privileged_table
from audit.routes.table import with_routes
from audit.snapshot.model import Gap
from audit.tables.model import Table, text_column
from audit.tenancy.organizations import organizations_of
from audit.tenancy.platform import Platform
from tests.worlds.plain_rbac import World
from tests.worlds.small import PUSH, RBAC, bind, role, rule, world
from tests.worlds.snapshots import snapshot_of

WHEN = "2026-02-01T00:00:00Z"
BINDS = rule(["clusterrolebindings"], ["create"], group=RBAC)


def roster(made: World, *hidden: Gap) -> Sequence[Mapping[str, Any]]:
    snapshot = snapshot_of(made, hidden)
    grants = tables_of(snapshot)["grants"]
    return privileged_table(grants, organizations_of(snapshot), Platform().seen_in(snapshot)).records()


def short(rows: Sequence[Mapping[str, Any]]) -> set[tuple[str, ...]]:
    """Leave out what every world has: the administrators of the cluster."""
    names = ("namespace", "subject", "group", "organization", "rights", "binding")
    return {tuple(row[name] for name in names) for row in rows if row["binding"] not in {"", "cluster-admins"}}


def test_rights_over_every_namespace_are_listed_with_owner_and_reason() -> None:
    """People, groups with their members, and accounts; pull everywhere and push in one namespace are no such rights."""
    made = world(
        role("", "pruner", rule(["images"], ["delete"])),
        role("", "signer", rule(["imagesignatures"], ["create"])),
        bind("", "everywhere", "system:image-pusher", ("ServiceAccount", "bank:ci"), ("Group", "acme+dev")),
        bind("", "cleaners", "pruner", ("User", "eve")),
        bind("", "signers", "signer", ("User", "kim")),
        bind("", "readers", "system:image-puller", ("User", "ben")),
        bind("shop", "local", "system:image-pusher", ("User", "ben")),
    )
    rows = roster(made)
    assert short(rows) == {
        ("*", "bank:ci", "", "other", "push", "everywhere"),
        ("*", "acme+dev", "", "acme", "push", "everywhere"),
        ("*", "ann", "acme+dev", "acme", "push", "everywhere"),
        ("*", "eve", "", "other", "prune", "cleaners"),
        ("*", "kim", "", "", "sign", "signers"),
    }
    (line,) = (row for row in rows if row["subject"] == "bank:ci")
    assert line["role"] == "system:image-pusher"
    assert "imagestreams/layers" in line["rule"]
    assert line["since"] == "2026-01-01T10:00:00Z"
    assert (line["platform"], line["last_used"]) == ("no", "not known")
    assert next(row["lacks"] for row in rows if row["subject"] == "eve") == ""


def test_wildcards_are_listed_wherever_they_hold() -> None:
    """In one namespace too; the administrators of the cluster hold all of it, and the platform's own are marked."""
    made = world(
        role("shop", "all", rule(["*"], ["*"], group="*")), bind("shop", "boss", "all", ("User", "ben"), kind="Role")
    )
    rows = roster(made)
    assert short(rows) == {("shop", "ben", "", "acme", "wildcard", "boss")}
    administrators = {row["subject"]: row for row in rows if row["binding"] == "cluster-admins"}
    assert administrators.keys() == {"system:masters", "system:admin"}
    for row in administrators.values():
        assert (row["rights"], row["platform"]) == ("push, prune, sign, wildcard", "yes")


def test_what_was_not_seen_may_be_privileged() -> None:
    """A role that could not be read is listed with a question mark, and a right that the registry refuses says so."""
    made = world(
        role("", "hidden", PUSH),
        bind("", "unclear", "hidden", ("User", "eve")),
    )
    rows = roster(made, Gap("clusterroles", "", "refused", "no"))
    assert {row["rights"] for row in rows if row["binding"] == "unclear"} == {"push?, prune?, sign?"}
    refused = world(
        role("", "half", rule(["imagestreams/layers"], ["update"])),
        bind("", "half", "half", ("User", "kim")),
        without=[("rolebindings", "shared-resource-viewers")],
    )
    assert [row["lacks"] for row in roster(refused) if row["binding"] == "half"] == ["pull"]


def test_routes_to_push_everywhere_are_listed() -> None:
    """Each subject that comes to push in every namespace, with the steps; a route into one namespace is none."""
    made = world(
        role(
            "",
            "binder",
            rule(["clusterrolebindings"], ["create"], group=RBAC),
            rule(["clusterroles"], ["bind"], group=RBAC),
        ),
        role("shop", "reader", rule(["secrets"], ["get", "list"], group="")),
        bind("", "binders", "binder", ("User", "kim")),
        bind("shop", "readers", "reader", ("User", "ben"), kind="Role"),
    )
    snapshot = snapshot_of(made)
    facts = facts_of(snapshot)
    routes = with_routes(snapshot, facts, None)["routes"]
    rows = privileged_table(facts["grants"], organizations_of(snapshot), Platform().seen_in(snapshot), routes).records()
    by_route = {row["subject"]: row for row in rows if ROUTE in str(row["rights"])}
    assert by_route.keys() == {"kim"}
    assert by_route["kim"]["rights"] == ROUTE
    assert "clusterrolebindings" in str(by_route["kim"]["rule"])


@pytest.mark.parametrize(
    ("used", "last", "shown"),
    [
        ("used", "2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z"),
        ("not used", "", "not used"),
        ("not known", "", "not known"),
    ],
)
def test_the_last_use_is_that_of_the_grants(used: str, last: str, shown: str) -> None:
    """As the logs of the run say."""
    snapshot = snapshot_of(world())
    grants = facts_of(snapshot)["grants"]
    many = len(grants)
    told = Table(
        "grants", {**grants.columns, "used": text_column([used] * many), "last_used": text_column([last] * many)}
    )
    rows = privileged_table(told, organizations_of(snapshot), Platform().seen_in(snapshot)).records()
    assert {row["last_used"] for row in rows} == {shown}
