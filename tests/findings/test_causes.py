"""Causes: each finding has one, and its fix closes its findings and takes away only what it says."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from itertools import combinations
from math import ceil

import pytest

from audit.checks.rules.registry import CHECKS
from audit.checks.settings import Settings
from audit.findings.cause_table import CauseRow, FirstCauses, causes_table, is_open, ranked, with_causes
from audit.findings.causes import FindingCause, causes_of
from audit.findings.closing import proposed
from audit.findings.fixes import commands_of, fix_of
from audit.findings.model import FindingRecord, findings_table
from audit.findings.remaining import Remaining
from tests.checks.test_checks import DECIDED_BY_A_PERSON, WITHOUT_A_COMMAND, access, differing, is_about
from tests.collect.oc import Manual, followed
from tests.findings.test_findings import context_of, found_in
from tests.worlds.checks import CASES
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import world_of
from tests.worlds.small import Piece, bind, group, namespace, world

WORLDS = int(os.environ.get("REGISTRY_AUDIT_WORLDS", "30"))
EVERYBODY = ("Group", "system:authenticated")
SMALL = 7  # causes of which every selection is tried
BY_HAND = DECIDED_BY_A_PERSON | WITHOUT_A_COMMAND


def causes_in(one: World) -> list[FindingCause]:
    return causes_of(found_in(one))


def script(fix: str) -> str:
    """The commands that a shell makes of a fix, one a line: its loops unrolled, each word quoted."""
    shell = shutil.which("bash") or "bash"
    print_words = 'oc() { printf "oc"; printf " %q" "$@"; printf "\\n"; }\n'
    done = subprocess.run([shell, "-c", print_words + fix], capture_output=True, check=True, text=True, env={})
    return done.stdout.rstrip("\n")


def resolve(one: World, causes: Sequence[FindingCause]) -> World:
    for cause in causes:
        commands = script(cause.fix()[0])
        one = followed(one, commands) if commands else one
    return one


def by_hand(cause: FindingCause) -> bool:
    """Whether its fix is a decision that no command takes, or a list that was not seen."""
    comments = all(finding.remedy.startswith("# ") for finding in cause.findings)
    return cause.kind == "lists" or comments or bool(BY_HAND & {finding.check for finding in cause.findings})


@pytest.mark.no_cover
@pytest.mark.parametrize("check", CHECKS)
def test_a_fix_closes_the_findings_of_its_cause_and_takes_away_only_what_it_says(check: str) -> None:
    """In each world of each check: all findings of the cause go, and nobody but its subjects has other access."""
    for one in CASES[check].worlds():
        for cause in causes_in(one):
            if by_hand(cause):
                continue
            after = resolve(one, [cause])
            assert not {finding.id for finding in cause.findings} & {finding.id for finding in found_in(after)}
            changed = set(differing(one, after))
            assert changed == {who for who in changed if any(is_about(one, each, *who) for each in cause.findings)}


@pytest.mark.parametrize("seed", range(WORLDS))
def test_every_finding_belongs_to_one_cause(seed: int) -> None:
    """None is left out, and none is counted twice; the table of findings names the cause."""
    found = found_in(world_of(seed))
    causes = causes_of(found)
    assert sorted(one.id for cause in causes for one in cause.findings) == sorted(one.id for one in found)
    assert len({cause.id for cause in causes}) == len(causes)
    named = with_causes(findings_table(found), causes).text("cause").strings()
    assert {*named} == {cause.id for cause in causes}
    rows = ranked(causes)
    table = causes_table(rows, remaining=Remaining(context_of(world_of(seed)).tables["grants"], causes))
    assert int(table.numbers("findings").sum()) == len(found)
    first = FirstCauses()
    first.add(rows)
    assert first.closing <= first.total == sum(is_open(one) and one.severity in {"critical", "high"} for one in found)


def criticals(one: World) -> list[FindingRecord]:
    return [finding for finding in found_in(one) if finding.severity == "critical"]


@pytest.mark.parametrize("seed", range(WORLDS))
def test_the_proposed_set_closes_all_critical_findings_and_is_hardly_larger_than_the_smallest(seed: int) -> None:
    """Followed to the letter, no critical finding is left; where all selections can be tried, few do with less."""
    one = world_of(seed)
    context = context_of(one)
    rows = ranked(causes_of(found_in(one)))
    chosen = proposed(rows, context, Settings())
    assert bool(chosen) == bool(criticals(one))
    if not chosen:
        return
    by_id = {row.cause.id: row for row in rows}
    assert criticals(resolve(one, [by_id[name].cause for name in chosen])) == []
    useful = [row for row in rows if row.cause.grants and not by_hand(row.cause)]
    if len(useful) <= SMALL:
        assert len(chosen) <= ceil(1.25 * smallest(one, useful, len(chosen)))


def smallest(one: World, rows: Sequence[CauseRow], at_most: int) -> int:
    for size in range(1, at_most):
        for some in combinations(rows, size):
            if not criticals(resolve(one, [row.cause for row in some])):
                return size
    return at_most


def spaces(*names: str) -> list[Piece]:
    return [namespace(name, "acme") for name in names]


def test_a_template_is_one_cause_with_a_loop() -> None:
    """The same binding of an account of each namespace: one decision, one loop that names its zone."""
    names = ("a-1", "a-2", "a-3")
    bound = [bind(name, "deploy", "registry-editor", ("ServiceAccount", f"{name}:ci")) for name in names]
    (cause,) = (one for one in causes_in(world(*spaces(*names), *bound)) if one.kind == "binding")
    fix, changes = cause.fix()
    assert changes == 1
    assert fix.startswith("# In zone zone-1:\nfor namespace in a-1 a-2 a-3; do\n")
    assert 'system:serviceaccount:"$namespace":ci' in fix


def test_findings_about_one_subject_of_one_binding_share_a_cause() -> None:
    """What takes it away closes them all, so that no second decision is asked for."""
    one = world(bind("shop", "open", "admin", EVERYBODY))
    found = found_in(one)
    everybody = {"every-user-push", "every-user-pull", "open-unnoticed", "secrets-open"}
    assert {finding.check for finding in found} == everybody
    (cause,) = causes_of(found)
    assert len(cause.findings) == 4


def test_an_id_does_not_depend_on_how_often_it_occurs() -> None:
    """Another namespace of the same template changes the counts, and not the cause."""
    few, many = (
        causes_in(world(*spaces("a", "b"), *(bind(name, "open", "system:image-puller", EVERYBODY) for name in some)))
        for some in ("a", "ab")
    )
    assert [one.id for one in few] == [one.id for one in many]
    assert [len(one.findings) for one in (*few, *many)] == [1, 2]


def test_what_other_grants_leave_open_is_said() -> None:
    """By another binding, cluster-wide, or as one of everybody."""
    staff = group("staff", "ann")
    for pieces, expected in (
        ([], "nothing"),
        ([bind("shop", "more", "view", ("Group", "staff"))], "in 1 of 1"),
        ([bind("", "more", "view", ("Group", "staff"))], "in 1 of 1"),
        ([bind("shop", "more", "view", EVERYBODY)], "in 1 of 1"),
        ([bind("mall", "more", "view", EVERYBODY)], "nothing"),
    ):
        one = world(staff, bind("shop", "open", "system:image-puller", ("Group", "staff")), *pieces)
        context = context_of(one)
        grant = "shop", "RoleBinding", "open", "Group", "staff"
        cause = FindingCause("id", "binding", "zone-1", {grant: None})  # type: ignore[dict-item]
        remaining = Remaining(context.tables["grants"], [cause])
        assert expected in remaining.text("id"), pieces
        assert remaining.people("id") == 1


def test_names_that_a_shell_would_read_stay_names() -> None:
    """A quoted name is never given a variable, and a namespace that needs quotes is never looped over."""
    line = "oc adm policy remove-role-from-user -n a --rolebinding-name=x edit ' -n a '"
    assert fix_of("z", [("a", line), ("b", line.replace("-n a -", "-n b -"))]).changes == 2
    assert fix_of("z", [("a b", "oc -n 'a b' x")]).text == "# In zone z:\noc -n 'a b' x"
    assert fix_of("z\n", []).text == ""


def test_a_right_that_is_taken_away_is_not_given_in_another_way() -> None:
    """Of a remedy that replaces and one that removes, the removal counts; two different ones are both done."""
    assert commands_of(["add\nremove", "remove"]) == "remove"
    assert commands_of(["a", "b\nc", "a"]) == "a\nb\nc"


def test_a_manual_fix_is_still_a_fix() -> None:
    """It says what to edit."""
    (one,) = CASES["no-effect"].worlds()[:1]
    (cause,) = (cause for cause in causes_in(one) if by_hand(cause))
    assert "oc edit" in cause.fix()[0]
    with pytest.raises(Manual):
        resolve(one, [cause])


def test_causes_and_access_agree_about_who_has_it() -> None:
    """The access that a fix takes away is the one that the tables show."""
    one = world(bind("shop", "open", "system:image-puller", EVERYBODY))
    (cause,) = causes_in(one)
    before, after = access(one), access(resolve(one, [cause]))
    assert [*before.keys() - after.keys()] == [("Group", "system:authenticated", "shop", "*")]


def test_patches_of_one_binding_are_one_fix() -> None:
    """Each holds those who stay: one after the other, they would bring back whom the first took out."""
    subjects = [("User", f"system:serviceaccount:{name}:default") for name in ("shop", "mall")]
    one = world(bind("", "x", "registry-editor", *subjects, ("User", "kim"), ("User", "ann")))
    (cause,) = (each for each in causes_in(one) if each.kind == "subjects")
    assert {finding.subject for finding in cause.findings} == {"shop:default", "mall:default"}
    after = resolve(one, [cause])
    (binding,) = (each for each in after["clusterrolebindings"] if each["metadata"]["name"] == "x")
    assert sorted(subject["name"] for subject in binding["subjects"]) == ["ann", "kim"]
    rows = ranked(causes_in(one))
    (first, *_) = proposed(rows, context_of(one), Settings())
    assert first == cause.id
