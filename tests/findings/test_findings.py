"""Findings: their ids, what runs know of each other, and what a zone's gaps do to them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest

from audit.access.facts.build import facts_of
from audit.checks.bindings import sentence
from audit.checks.check import Check, Finding
from audit.checks.context import CheckContext
from audit.checks.remedies import fill, removal_template
from audit.checks.rules.registry import CHECKS
from audit.checks.settings import Settings
from audit.findings.model import FindingRecord, decode_findings, findings_table, found_of, judge, since
from audit.routes.table import with_routes
from audit.snapshot.model import Gap
from audit.snapshot.scope import Scope
from audit.tables.arrays import Mask
from audit.tables.schemas import SCHEMAS
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import shuffled, world_of
from tests.worlds.small import BOUND, bind, world
from tests.worlds.snapshots import snapshot_of, written
from tests.worlds.use import use_tables

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SEEN = "2026-03-01T00:00:00Z"
PUBLIC = world(bind("shop", "public", "system:image-puller", ("Group", "system:unauthenticated")))
QUIET = world()


def context_of(
    one: World, gaps: Sequence[Gap] = (), settings: Settings | None = None, scope: Scope | None = None
) -> CheckContext:
    snapshot = snapshot_of(one, gaps)
    facts = facts_of(snapshot, scope)
    facts |= with_routes(snapshot, facts, scope.namespaces if scope else None)
    tables = use_tables(one, snapshot, facts, NOW)
    return CheckContext(snapshot, tables, NOW, settings or Settings(), scope)


def found_in(one: World, gaps: Sequence[Gap] = (), settings: Settings | None = None) -> list[FindingRecord]:
    return judge(context_of(one, gaps, settings), settings or Settings(), SEEN)


def after(
    before: list[FindingRecord], one: World, gaps: Sequence[Gap] = (), scope: Scope | None = None
) -> dict[str, FindingRecord]:
    context = context_of(one, gaps, scope=scope)
    later = judge(context, Settings(), "2026-04-01T00:00:00Z")
    return {found.check: found for found in since(later, before, context, Settings()) if found.subject_kind != "Any"}


def test_a_finding_needs_a_place_and_evidence() -> None:
    """It cannot be made without: where, and rows of a table that show it."""
    good = {"zone": "z", "namespace": "*", "detail": "", "evidence_in": "grants", "rows": 1}
    assert Finding(**good)  # type: ignore[arg-type]
    for wrong in ({"zone": ""}, {"namespace": ""}, {"evidence_in": "rumours"}, {"rows": 0}):
        with pytest.raises(ValueError, match="a finding needs"):
            Finding(**(good | wrong))  # type: ignore[arg-type]


def test_an_id_is_made_of_what_the_finding_is_about() -> None:
    """Neither order nor time nor severity changes it; another zone, place, subject or binding does."""
    (one,) = found_in(PUBLIC)
    assert one.check == "anonymous-pull"
    (later,) = judge(context_of(PUBLIC), Settings(severities={"anonymous-pull": "low"}), "2027-01-01T00:00:00Z")
    assert (later.id, later.severity) == (one.id, "low")
    others = [
        world(bind("shop", "open", "system:image-puller", ("Group", "system:unauthenticated"))),
        world(bind("shop", "public", "system:image-puller", ("User", "system:anonymous"))),
        world(bind("", "public", "system:image-puller", ("Group", "system:unauthenticated"))),
    ]
    assert len({one.id, *(found.id for other in others for found in found_in(other))}) == 4


@pytest.mark.parametrize("seed", range(20))
def test_many_findings_at_once_are_as_one_after_the_other(seed: int) -> None:
    """A check that returns columns gives the rows that it would give finding by finding, with the same commands."""
    context = context_of(world_of(seed))
    singly = Check(**{**vars_of(CHECKS["nobody"]), "find": one_by_one})
    many = Check(**{**vars_of(singly), "find": lambda context: context.findings(everybody(context), "can pull")})
    rows = [judged([check], context) for check in (singly, many)]
    assert rows[0] == rows[1]
    assert bool(rows[0]) == bool(len(context.bindings))


def vars_of(check: Check) -> dict[str, Any]:
    return {name: getattr(check, name) for name in Check.__slots__}


def everybody(context: CheckContext) -> Mask:
    return np.ones(len(context.bindings), dtype=bool)


def one_by_one(context: CheckContext) -> Iterator[Finding]:
    for grant in context.bindings.bound(everybody(context)):
        names = {"namespace": grant.namespace, "binding": grant.binding, "role": grant.role}
        name = f"system:serviceaccount:{grant.subject}" if grant.kind == "ServiceAccount" else grant.subject
        usual = fill(removal_template(grant.binding_kind, grant.role_kind, grant.kind), user=name, group=name, **names)
        taken = context.remover.take_away(grant)
        assert taken == (usual,) or "oc adm policy" not in taken[0]
        yield context.finding(grant, sentence(grant, "can pull"))


def judged(checks: Sequence[Check], context: CheckContext) -> list[FindingRecord]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("audit.findings.model.CHECKS", {check.id: check for check in checks})
        return judge(context, Settings(), SEEN)


def test_first_seen_goes_on_and_what_was_fixed_is_gone_once() -> None:
    """New, then open since the first time, then gone, then no more; and new again when it comes back."""
    new = found_in(PUBLIC)
    assert [(one.state, one.first_seen) for one in new] == [("new", SEEN)]
    (still,) = after(new, PUBLIC).values()
    assert (still.state, still.first_seen, still.last_seen) == ("open", SEEN, "2026-04-01T00:00:00Z")
    (gone,) = after([still], QUIET).values()
    assert (gone.state, gone.answer, gone.last_seen) == ("gone", "yes", "2026-04-01T00:00:00Z")
    assert after([gone], QUIET) == {}
    assert after([gone], PUBLIC)["anonymous-pull"].state == "new"


@pytest.mark.parametrize(
    "gap",
    [
        Gap("rolebindings", "", "refused"),
        Gap("rolebindings", "shop", "refused"),
        Gap("clusterroles", "", "timeout"),
    ],
)
def test_what_cannot_be_looked_for_is_never_gone(gap: Gap) -> None:
    """A list that decides about it was not seen: it stays open, as not known."""
    carried = after(found_in(PUBLIC), QUIET, [gap])["anonymous-pull"]
    assert (carried.state, carried.answer, carried.last_seen) == ("open", "unknown", SEEN)
    assert "as last seen; the lists that decide this are missing now" in carried.detail
    again = after([carried], QUIET, [gap])["anonymous-pull"]
    assert again == carried


def test_what_nobody_asked_for_is_neither_found_nor_gone() -> None:
    """An optional list that was left alone: one row says so, as no alarm, and what was found is carried on."""
    strays = world(bind("shop", "x", "view", ("User", "zed")))
    before = [one for one in found_in(strays) if one.check == "user-gone"]
    seen = context_of(strays)
    alone = replace(seen.snapshot, listings=tuple(one for one in seen.snapshot.listings if one.kind != "users"))
    context = CheckContext(alone, seen.tables, NOW)
    now = judge(context, Settings(), SEEN)
    (row,) = (one for one in now if one.check == "user-gone")
    assert (row.subject_kind, row.answer, row.severity) == ("Any", "unknown", "info")
    assert row.detail.endswith("users: not requested")
    carried = [one for one in since(now, before, context, Settings()) if one.id == before[0].id]
    assert [(one.state, one.answer) for one in carried] == [("open", "unknown")]


def test_what_is_elsewhere_is_gone_all_the_same() -> None:
    """A gap in another namespace does not keep it, and neither does one of a list that says nothing about it."""
    for gap in (Gap("rolebindings", "other", "refused"), Gap("groups", "", "refused")):
        assert after(found_in(PUBLIC), QUIET, [gap])["anonymous-pull"].state == "gone"


def test_namespaces_that_only_bindings_told_of() -> None:
    """Of namespaces that are not listed nothing was seen: what was found there is not gone."""
    hidden = world(bind("unlisted", "public", "system:image-puller", ("Group", "system:unauthenticated")))
    carried = after(found_in(hidden), QUIET, [Gap("rolebindings", "*", "missing")])["anonymous-pull"]
    assert carried.answer == "unknown"


def test_what_the_configuration_leaves_out_says_nothing() -> None:
    """Neither gone nor open: a namespace that is excluded now, a check that is off now, a check of another version."""
    before = found_in(PUBLIC)
    assert after(before, PUBLIC, scope=Scope(("bank",), 1)) == {}
    assert since([], before, context_of(QUIET), Settings(off=frozenset({"anonymous-pull"}))) == []
    old = [msgspec.structs.replace(before[0], check="of-old")]
    assert since([], old, context_of(QUIET), Settings()) == []


def test_a_check_that_is_off_finds_nothing() -> None:
    """And says nothing about what it did not see."""
    off = Settings(off=frozenset(CHECKS))
    assert found_in(PUBLIC, [Gap("rolebindings", "", "refused")], off) == []


@pytest.mark.parametrize("check", CHECKS.values(), ids=lambda check: check.id)
def test_a_check_that_cannot_look_says_unknown(check: Check) -> None:
    """For each list that it needs: one row at the zone, with the reason, and never silence."""
    for kind in check.needs:
        rows = [one for one in found_in(BOUND, [Gap(kind, "", "refused", "no")]) if one.check == check.id]
        (row,) = (one for one in rows if one.subject_kind == "Any")
        assert (row.namespace, row.answer, row.subject, row.evidence_in) == ("*", "unknown", "*", "coverage")
        assert f"{kind}: the credentials may not read it (no)" in row.detail
    blind = [one for one in found_in(BOUND) if one.check == check.id and one.subject_kind == "Any"]
    assert blind == []


def test_many_gaps_are_told_shortly() -> None:
    """One row still, with the first few reasons and how many more there are; the same refusal is one of them."""
    refused = [Gap("rolebindings", f"ns-{number}", "refused") for number in range(9)]
    (row,) = (one for one in found_in(QUIET, refused) if one.check == "anonymous-pull")
    assert "rolebindings of 9 namespaces (ns-0, ns-1, ns-2 and 6 more): the credentials may not read it" in row.detail
    assert row.rows == 9
    gaps = [Gap("rolebindings", f"ns-{number}", "error", f"500 number {number}") for number in range(9)]
    (row,) = (one for one in found_in(QUIET, gaps) if one.check == "anonymous-pull")
    assert "rolebindings of ns-0: the zone answered with an error (500 number 0)" in row.detail
    assert row.detail.endswith("; 4 more")
    assert row.rows == 9


@pytest.mark.parametrize("seed", range(12))
def test_order_of_arrival_changes_nothing(seed: int) -> None:
    """The same world in any order gives the same bytes; two runs over one snapshot, too."""
    one = world_of(seed)
    expected = written(found_in(one))
    assert expected == written(found_in(one))
    assert expected == written(found_in(shuffled(one, Random(seed).randrange(1000))))


def test_the_table_and_the_file_hold_the_same() -> None:
    """Every column of the one is a field of the other; what was written is read again, and nothing else is."""
    found = found_in(BOUND)
    assert found_of(decode_findings(written(found))["zone-1"]) == found
    table = findings_table(found)
    assert table.records() == [msgspec.structs.asdict(one) for one in found]
    assert {column.name for column in SCHEMAS["findings"]} == {*FindingRecord.__struct_fields__}
    with pytest.raises(ValueError, match="version 2"):
        decode_findings(written(found).replace(b'"version": 1', b'"version": 2'))
    with pytest.raises(msgspec.MsgspecError):
        decode_findings(b"{}")


def test_ids_are_unique() -> None:
    """No two findings of a zone can be taken for one another."""
    found = [one for seed in range(40) for one in found_in(world_of(seed))]
    assert len(found) > 200
    for seed in range(40):
        ids = [one.id for one in found_in(world_of(seed))]
        assert len(ids) == len(set(ids))
