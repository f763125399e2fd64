"""Pseudonyms as such: what is replaced and what not, and that all that is said of pseudonyms is said of the names."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.access.facts.build import facts_of
from audit.access.tables import tables_of
from audit.checks.context import CheckContext
from audit.checks.rules.registry import CHECKS
from audit.checks.settings import Settings
from audit.collect.run import collect_folder
from audit.command_line.pseudonyms import Names
from audit.findings.exceptions import ExceptionEntry, ExceptionMatcher, ExceptionSet
from audit.findings.model import FindingRecord, judge
from audit.job.judging import Judgement
from audit.pseudonyms.pseudonymizer import Pseudonymizer
from audit.pseudonyms.pseudonyms import KINDS, Pseudonyms
from audit.routes.table import with_routes
from audit.snapshot.model import Gap, Snapshot
from audit.snapshot.objects import Aggregation, Requirement, Rule, Selector
from tests.findings.test_findings import NOW, SEEN
from tests.paths import DEMO
from tests.worlds.checks import CASES
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import HOSTILE, worlds
from tests.worlds.small import bind, group, namespace, role, rule, world
from tests.worlds.snapshots import snapshot_of

LABEL = "appuio.io/organization"
KEY = b"k" * 32
DEMOS = sorted(DEMO.glob("demo-*"))


def names() -> Pseudonyms:
    return Pseudonyms(KEY)


def hidden(snapshot: Snapshot, by: Pseudonyms) -> Snapshot:
    return Pseudonymizer(by, LABEL).snapshot(snapshot)


@given(worlds())
def test_every_answer_is_the_same_under_other_names(one: World) -> None:
    """Whatever the roles, selectors and names: access and grants of the pseudonyms are those of the names."""
    by = names()
    real, other = (tables_of(one) for one in (snapshot_of(one), hidden(snapshot_of(one), by)))
    for name, left in _OF_AN_ORDER.items():
        told = [translated(row, by) for row in real[name].records()]
        found = other[name].records()
        assert sorted(str(without(row, left)) for row in found) == sorted(str(without(row, left)) for row in told)


# What depends on the order of names: which of equal grants, or roles, stands for all, and how a rule is told in words.
_OF_AN_ORDER = {
    "access": {"how", "group", "binding_kind", "binding", "role_kind", "role", "aggregated_from", "since"},
    "grants": {"rule", "aggregated_from"},
}


def without(row: Mapping[str, Any], left: set[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in left}


def translated(row: dict[str, Any], by: Pseudonyms) -> dict[str, Any]:
    return row | {
        "namespace": by.namespace(row["namespace"]),
        "repository": by.of("repo", row["repository"]),
        "subject": by.subject(row["subject_kind"], row["subject"]) if row["subject"] != "*" else "*",
        "group": by.group(row["group"]),
        "binding": by.binding(row["binding"]),
        **({"binding_uid": by.code(row["binding_uid"])} if "binding_uid" in row else {}),
        "role": by.role(row["role"]),
    }


@given(worlds())
def test_every_table_has_the_same_rows(one: World) -> None:
    """Not only access: whatever there is of the facts, there are as many of it."""
    real = snapshot_of(one, [Gap("users", "", "refused", "so"), Gap("roles", "x", "refused", "so")])
    assert counts(hidden(real, names())) == counts(real)


def counts(one: Snapshot) -> dict[str, int]:
    return {name: len(table) for name, table in facts_of(one).items()}


@pytest.mark.no_cover
@pytest.mark.parametrize("check", CHECKS)
def test_every_check_finds_the_same(check: str) -> None:
    """In each world that has its fault, and each that nearly has it, with somebody and something of the platform."""
    settings = replace(Settings(), platform=replace(Settings().platform, namespaces=("ban?",), subjects=("*/*nn",)))
    for each in (*CASES[check].worlds(), *(world(*pieces) for pieces in CASES[check].nearly)):
        for given_settings in (Settings(), settings):
            by = Names(names(), Path())
            real = judged(snapshot_of(each), given_settings)
            judgement = by.judgement(Judgement(given_settings))
            other = judged(hidden(snapshot_of(each), by.by), judgement.settings)
            assert Counter(map(kind_of, other)) == Counter(map(kind_of, real))


def kind_of(one: FindingRecord) -> tuple[object, ...]:
    return one.check, one.answer, one.severity, one.subject_kind, one.rows, one.evidence_in, one.remedy.count("\n")


def judged(one: Snapshot, settings: Settings) -> list[FindingRecord]:
    facts = facts_of(one)
    context = CheckContext(one, facts | with_routes(one, facts, None), NOW, settings)
    return judge(context, settings, SEEN)


def test_what_is_replaced_and_how() -> None:
    """By what it is a name of, in the same way wherever it stands; another key gives another pseudonym."""
    by, other = names(), Pseudonyms(b"another key of 32 bytes, or more")
    space, acme, ops = by.of("ns", "acme"), by.of("group", "acme"), by.of("team", "ops")
    assert all(re.fullmatch(rf"{kind}-[a-z2-7]{{20}}", by.of(kind, "acme")) for kind in KINDS)
    assert len({by.of(kind, "acme")[-20:] for kind in KINDS} | {by.code("acme")[-20:]}) == len(KINDS) + 1
    assert other.of("ns", "acme") != space != by.of("ns", "Acme")
    assert by.fingerprint == names().fingerprint != other.fingerprint
    assert by.group("acme+ops") == f"{by.group('acme')}+{by.team('ops')}" == f"{acme}+{ops}"
    assert by.group("github:acme") == f"{by.of('group', 'github')}:{acme}"
    account = by.of("sa", "ci")
    assert by.subject("ServiceAccount", "acme:ci") == f"{space}:{account}"
    assert by.subject("ServiceAccount", ":ci") == f":{account}"
    assert by.subject("ServiceAccount", "acme:default") == f"{space}:default"
    assert by.user("system:serviceaccount:acme:ci") == f"system:serviceaccount:{space}:{account}"
    assert by.user("system:serviceaccount:acme") == f"system:serviceaccount:{by.of('sa', 'acme')}"
    assert by.group("system:serviceaccounts:acme") == f"system:serviceaccounts:{space}"
    assert by.user("system:node:acme") == f"system:{by.of('user', 'node:acme')}"
    assert by.group("system:acme") == f"system:{acme}"
    assert by.role("system:acme") == f"system:{by.of('role', 'acme')}"
    assert by.binding("system:openshift:acme") == f"system:{by.of('binding', 'openshift:acme')}"
    assert by.user("admin") == by.of("user", "admin") != by.role("admin")
    assert by.subject("Odd", "acme") == by.code("acme")


def test_what_nobody_chose_keeps_its_name() -> None:
    """Of a real OpenShift all roles and groups, and the namespaces of the platform; nobody's else."""
    by = names()
    for kept in ("openshift-x", "kube-system", "default"):
        assert by.namespace(kept) == kept
        assert by.subject("ServiceAccount", f"{kept}:robot") == f"{kept}:{by.of('sa', 'robot')}"
    for kept in ("system:masters", "system:authenticated", "system:authenticated:oauth", "system:unauthenticated"):
        assert by.group(kept) == kept
    for kept in ("", "*"):
        assert by.group(kept) == by.namespace(kept) == by.user(kept) == by.role(kept) == by.code("") or kept
    for folder in DEMOS:
        real = collect_folder(folder)
        for table, of in (("roles", by.role), ("bindings", by.binding)):
            found = {real.strings[code] for code in real.tables[table]["name"].tolist()}
            own = {name for name in found if name.startswith("system:") or name in {"cluster-admin", "view", "edit"}}
            assert own
            assert [name for name in own if of(name) != name] == []


@given(st.text(), st.sampled_from(KINDS))
def test_a_name_comes_back(name: str, kind: str) -> None:
    """Whatever is in it, and whatever stands around its pseudonym; a pseudonym that was not given stays."""
    by = names()
    assert by.real(f"<{by.of(kind, name)}>x") == f"<{name}>x"
    unknown = Pseudonyms(b"0" * 32).of(kind, "somebody else")
    assert by.real(unknown) == unknown


@pytest.mark.parametrize("name", [*HOSTILE, "Ünï+Çödé", "acme:bob:carl", "system:", "+", "x" * 5000, "\ud800"])
def test_no_name_is_too_odd(name: str) -> None:
    """Nothing of it is left, and it comes back."""
    by = names()
    parts = [part for part in re.split("[+:]", name) if part not in {"", "*", "system"}]
    for of in (by.user, by.group, by.namespace, by.role, by.binding, by.account, by.team):
        told = of(name)
        assert by.real(told) == name
        assert not any(part in told for part in parts)


def test_selectors_and_labels_are_replaced_alike() -> None:
    """What a role was aggregated from still is; the platform's own labels stay, and nobody's else."""
    requirement = Requirement("team", "In", ["a", "true"])
    aggregation = Aggregation([Selector({"team": "a"}, [requirement]), Selector(None, None)])
    by = names()
    hiding = Pseudonymizer(by, LABEL)

    def made(one: Aggregation) -> Aggregation:
        return msgspec.json.decode(hiding._aggregation(msgspec.json.encode(one).decode()), type=Aggregation)

    key, value = by.of("label", "team"), by.of("label", "a")
    assert made(aggregation).selectors == [
        Selector({key: value}, [Requirement(key, "In", [value, "true"])]),
        Selector(None, None),
    ]
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    for label, kept in ((f"{prefix}view", True), (f"{prefix}acme", False), ("rbac.authorization.k8s.io/acme", False)):
        ((one,),) = [selector.expressions or [] for selector in made(_asks(label, "Acme")).selectors or ()]
        assert (one.key == label) == kept
        assert "cme" not in one.operator
    assert made(Aggregation(None)) == Aggregation(None)


def _asks(label: str, operator: str) -> Aggregation:
    return Aggregation([Selector(None, [Requirement(label, operator)])])


def test_rules_keep_what_is_asked_of_them() -> None:
    """Words that no question is about, which custom resources may have from people, are replaced too."""
    by = names()
    given_rules = [
        Rule(["get", "acmeverb"], ["image.openshift.io", "acme.ch"], ["imagestreams/layers", "acmes"], ["web", ""]),
        Rule(["*"], ["*"], ["*"]),
        Rule(None, None, None, None),
    ]
    text = Pseudonymizer(by, LABEL)._rules(msgspec.json.encode(given_rules).decode())
    assert "acme" not in text
    first, second, third = msgspec.json.decode(text, type=list[Rule])
    assert (first.verbs or [])[0] == "get"
    assert (first.resources or [])[0] == "imagestreams/layers"
    assert first.names == [by.of("repo", "web"), ""]
    assert [second, third] == given_rules[1:]


def test_nothing_is_left_of_texts_that_could_be_anything() -> None:
    """Kinds, times and reasons that no cluster gives, and what servers said."""
    one = world(bind("shop", "x", "view", ("Acme", "acme"), ("User", "acme"), kind="AcmeRole"))
    one["namespaces"][0]["metadata"]["creationTimestamp"] = "on acme's birthday"
    real = snapshot_of(one, [Gap("users", "acme", "refused", "acme may not")])
    for stale, kept in (("the zone did not answer (acme is down)", "the zone did not answer"), ("acme", "(left out)")):
        origin = msgspec.structs.replace(real.origin, user="acme", place="/srv/acme", stale=stale)
        found = hidden(replace(real, origin=origin), names())
        assert found.origin.stale == kept
        assert not re.search("acme", f"{found.strings} {found.gaps} {found.origin}", re.IGNORECASE)
        assert found.origin.names == names().fingerprint
        assert found.origin.cluster_id == real.origin.cluster_id


def test_exceptions_are_about_names_and_tell_none() -> None:
    """Globs and exact names match what is behind pseudonyms; what is told is the pseudonym of the whole."""
    one = world(
        bind("shop", "public", "system:image-puller", ("Group", "system:unauthenticated"), ("User", "eve")),
        namespace("shop-2", "acme"),
        bind("shop-2", "public", "system:image-puller", ("User", "eve")),
        group("crew", "ben"),
        role("", "wide", rule(["imagestreams/layers"], ["get"])),
        bind("", "everywhere", "wide", ("Group", "crew"), ("ServiceAccount", "mall:ci")),
    )
    usual = {"check": "*", "why": "acme asked", "decided_by": "Acme Boss", "until": "2999-01-01", "ticket": "acme-1"}
    about: list[dict[str, str]] = [
        {"namespace": "shop*", "subject": "user/*"},
        {"namespace": "shop-2"},
        {"subject": "user/e?e", "id": "acme-id"},
        {"subject": "group/crew"},
        {"subject": "sa/mall:*"},
        {"subject": "*/e[uv]e"},
        {"zone": "elsewhere", "subject": "sa/mall:ci", "ticket": ""},
        {"subject": "group/system:unauthenticated"},
        {},
    ]
    decisions = [ExceptionEntry.model_validate(usual | one) for one in about]
    by = Names(names(), Path())
    day = NOW.date()
    real, told = (
        ExceptionMatcher(ExceptionSet(decisions), day),
        ExceptionMatcher(by.judgement(_by(decisions)).decisions, day),
    )
    given_settings = by.judgement(Judgement()).settings
    accepted = real.accept(judged(snapshot_of(one), Settings()))
    same = told.accept(judged(hidden(snapshot_of(one), by.by), given_settings))
    assert sorted((found.check, found.state) for found in same) == sorted((one.check, one.state) for one in accepted)
    assert [use.findings for use in told.uses()] == [use.findings for use in real.uses()]
    assert min(use.findings for use in real.uses() if use.decision.zone == "*") > 0
    shown = [use.decision for use in told.uses()]
    assert not re.search("acme|crew|eve|shop|mall", str(shown), re.IGNORECASE)
    assert not re.search("acme", str([found.exception for found in same]))
    assert [use.namespace for use in shown[:2]] == [by.by.of("pattern", "shop*"), by.by.namespace("shop-2")]
    assert [use.subject for use in shown[3:5]] == [
        f"group/{by.by.group('crew')}",
        f"sa/{by.by.of('pattern', 'mall:*')}",
    ]
    assert shown[7].subject == "group/system:unauthenticated"
    assert len({use.decision.name for use in told.uses()}) == len(decisions)
    assert by.by.real(shown[2].name) == "acme-id"
    assert json.loads(json.dumps(by.by.names))[shown[0].namespace] == "shop*"


def _by(decisions: list[ExceptionEntry]) -> Judgement:
    return Judgement(decisions=ExceptionSet(decisions))
