"""What has been accepted: the file with all its mistakes, what it covers, and how it ends."""

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from audit.checks.settings import Settings
from audit.errors import ConfigError
from audit.findings.causes import causes_of
from audit.findings.exceptions import ExceptionEntry, exceptions_table, load_exceptions, remarks
from audit.findings.fail_on import Gate, tally
from audit.findings.model import FindingRecord, judge, since
from tests.findings.test_findings import PUBLIC, QUIET, after, context_of, found_in
from tests.worlds.plain_rbac import World
from tests.worlds.small import bind, namespace, world
from tests.worlds.snapshots import decided

TODAY = date(2026, 3, 1)
OPEN_SHOP = world(
    bind("shop", "public", "system:image-puller", ("Group", "system:unauthenticated")),
    bind("mall", "public", "system:image-puller", ("Group", "system:unauthenticated")),
)


def decision(until: str = "2026-12-31", **rest: str) -> ExceptionEntry:
    given = {"check": "anonymous-pull", "why": "public images", "decided_by": "board", "until": until}
    return ExceptionEntry.model_validate(given | rest)


def accepted(found: Sequence[FindingRecord], *decisions: ExceptionEntry) -> list[FindingRecord]:
    return decided(found, decisions, TODAY)[0]


def load(tmp_path: Path, text: str) -> tuple[ExceptionEntry, ...]:
    path = tmp_path / "exceptions.yaml"
    path.write_text(text, encoding="utf-8")
    return load_exceptions(path)


def test_a_decision_covers_by_globs() -> None:
    """Check, zone, namespace and subject, all of them; the rest of the finding stays as it was."""
    found = found_in(OPEN_SHOP)
    one, other = accepted(found, decision(namespace="sh*", subject="group/system:*", zone="zone-?", id="D-1"))
    assert (one.namespace, one.state, one.exception) == ("mall", "new", "")
    assert (other.namespace, other.state, other.exception, other.until) == ("shop", "accepted", "D-1", "2026-12-31")
    assert other.detail == found[1].detail
    for near in (
        {"namespace": "shop-*"},
        {"namespace": "Shop"},
        {"zone": "zone-2"},
        {"subject": "user/*"},
        {"check": "anonymous-push"},
    ):
        assert {one.state for one in accepted(found, decision(**near))} == {"new"}


def test_one_that_has_ended_covers_nothing_and_is_told() -> None:
    """The last day still counts; the day after, the finding is as it was and says why."""
    (last, *_) = accepted(found_in(OPEN_SHOP), decision(until="2026-03-01"))
    assert last.state == "accepted"
    found, (use,) = decided(found_in(OPEN_SHOP), [decision(until="2026-02-28", id="D-1")], TODAY)
    assert [(one.state, one.exception, one.until) for one in found] == [("new", "D-1", "2026-02-28")] * 2
    assert (use.state, use.findings) == ("expired", 2)
    assert list(remarks([use])) == ["exception D-1 was valid until 2026-02-28: 2 findings are open again"]


@pytest.mark.parametrize(
    ("until", "state"), [("2026-03-31", "ending"), ("2026-04-01", "active"), ("2026-02-28", "expired")]
)
def test_the_end_is_announced_thirty_days_ahead(until: str, state: str) -> None:
    """To the day; one that has time left says nothing."""
    _, (use,) = decided(found_in(OPEN_SHOP), [decision(until=until)], TODAY)
    assert use.state == state
    assert bool(list(remarks([use]))) == (state != "active")


def test_one_that_matches_nothing_is_told() -> None:
    """A slip in a name would otherwise look like a decision."""
    _, uses = decided(found_in(OPEN_SHOP), [decision(namespace="shpo", id="D-1"), decision(id="D-2")], TODAY)
    assert [(use.decision.name, use.state, use.findings) for use in uses] == [
        ("D-1", "unused", 0),
        ("D-2", "active", 2),
    ]
    assert list(remarks(uses)) == ["exception D-1 matches no finding: remove it or check its spelling"]
    assert [row["id"] for row in exceptions_table(uses[::-1]).records()] == ["D-1", "D-2"]


def test_of_several_the_longest_holds() -> None:
    """Whatever their order; each counts what it covers, and an ended one does not undo another."""
    many = [decision(until="2026-02-01", id="old"), decision(id="long"), decision(until="2026-06-01", id="short")]
    for order in (many, many[::-1]):
        found, uses = decided(found_in(OPEN_SHOP), order, TODAY)
        assert {one.exception for one in found} == {"long"}
        assert {use.findings for use in uses} == {2}


def test_accepted_findings_go_on_and_come_back() -> None:
    """Accepted stays since when it was seen; without the decision it is open, not new; fixed, it is gone."""
    before = accepted(found_in(OPEN_SHOP), decision())
    assert {one.state for one in before} == {"accepted"}
    later = after(before, OPEN_SHOP)["anonymous-pull"]
    assert (later.state, later.first_seen, later.exception) == ("open", before[0].first_seen, "")
    gone = after(before, QUIET)["anonymous-pull"]
    assert (gone.state, gone.exception, gone.until) == ("gone", "", "")
    assert accepted([gone], decision()) == [gone]


def test_a_name_is_made_of_what_is_meant() -> None:
    """Without an id, it stays the same when the reason or the day changes, and differs between decisions."""
    assert decision().name == decision(until="2027-01-01", why="still").name
    assert decision().name != decision(namespace="shop").name


def test_a_file_is_read(tmp_path: Path) -> None:
    """The least, and everything."""
    least, full = load(
        tmp_path,
        "exceptions:\n"
        "- {check: '*', why: w, decided_by: d, until: 2026-05-01}\n"
        "- {id: X, check: prune, zone: z, namespace: n, subject: user/a, why: w, decided_by: d, ticket: T,\n"
        "   until: '2026-05-02'}\n",
    )
    assert (least.namespace, least.subject, least.ticket, least.until) == ("*", "*", "", date(2026, 5, 1))
    assert (full.name, full.zone, full.until) == ("X", "z", date(2026, 5, 2))
    assert load(tmp_path, "exceptions: []") == ()


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Each with its place, its line, and what was meant."""
    text = """\
exceptions:
  - check: anonymos-pull
    why: ""
    until: 2026-02-30
    namspace: shop
  - {check: zz-*, why: w, decided_by: d, until: 1.4.2026}
  - {id: A, check: prune, why: w, decided_by: d, until: 2026-05-01}
  - {id: A, check: sign, why: w, decided_by: d, until: 2026-05-01}
  - {check: sign, why: w, decided_by: d, until: 2026-05-01}
  - {check: sign, why: x, decided_by: d, until: 2027-05-01}
  - sign
"""
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, text)
    said = str(raised.value)
    assert "mistakes in the exceptions" in said
    for line in (
        "exceptions[0].check (line 2): no such check; did you mean anonymous-pull?",
        "exceptions[0].why (line 3): must not be empty",
        "exceptions[0].until (line 4): not a date",
        "exceptions[0].namspace (line 5): unknown key; did you mean namespace?",
        "exceptions[0].decided_by (line 2): is required",
        "exceptions[1].check (line 6): this glob matches no check",
        "exceptions[1].until (line 6): must be a date: YYYY-MM-DD",
        "exceptions[3] (line 8): duplicate id",
        "exceptions[5] (line 10): an earlier entry covers the same findings",
        "exceptions[6] (line 11): must be a mapping",
    ):
        assert line in said
    assert said.count("(line") == 10


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- check: prune", "must be a mapping, for example `exceptions: ["),
        ("exceptions: {a: 1}", "exceptions (line 1): must be a list"),
        ("exceptions: [&a {check: prune}, *a]", "aliases are not supported"),
        ("{}", "exceptions (line 1): is required"),
    ],
)
def test_a_file_of_another_form(tmp_path: Path, text: str, said: str) -> None:
    """One message, and never a traceback."""
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, text)
    assert said in str(raised.value)


def test_a_gate_holds_back_what_is_still_so() -> None:
    """At a severity or a worse one, or anything new; not what is accepted, gone or not known."""
    (pull, *_) = found_in(OPEN_SHOP)
    assert (pull.severity, pull.state) == ("high", "new")
    assert Gate("high").holds_back(pull)
    assert Gate("low").holds_back(pull)
    assert not Gate("critical").holds_back(pull)
    assert Gate(fail_on_new=True).holds_back(pull)
    assert Gate("critical", fail_on_new=True).holds_back(pull)
    assert not Gate().holds_back(pull)
    (still,) = after(found_in(PUBLIC), PUBLIC).values()
    assert not Gate(fail_on_new=True).holds_back(still)
    (waived, *_) = accepted([pull], decision())
    gone = after([pull], QUIET)["anonymous-pull"]
    for one in (waived, gone):
        assert not Gate("info", fail_on_new=True).holds_back(one)


def test_counts_tell_what_is_what() -> None:
    """Still so by severity; the others apart."""
    found = [*found_in(OPEN_SHOP), *after(found_in(OPEN_SHOP), QUIET).values()]
    counts = tally([*found, *accepted(found_in(OPEN_SHOP), decision())], Gate("high"))
    assert (counts.by_severity["high"], counts.new, counts.gone, counts.accepted, counts.failing) == (2, 2, 1, 2, 2)
    assert counts.text == "findings: 2 high (2 new, 2 accepted, 1 gone)"
    assert tally([], Gate()).text == "findings: none"


PLACES = ("a-1", "a-2", "a-3", "a-4")


def template(*places: str) -> World:
    """The same binding in some namespaces: one cause."""
    spaces = [namespace(name, "acme") for name in places]
    bound = [bind(name, "open", "system:image-puller", ("Group", "system:unauthenticated")) for name in places]
    return world(*spaces, *bound)


def of_cause(found: Sequence[FindingRecord], **rest: Any) -> ExceptionEntry:
    (cause,) = causes_of(found)
    given = {"cause": cause.id, "why": "w", "decided_by": "d", "until": "2026-12-31"}
    return ExceptionEntry.model_validate(given | rest)


def test_a_cause_is_accepted_whatever_its_findings_are() -> None:
    """By its id, which is the same when it grows; findings of other causes stay open."""
    entry = of_cause(found_in(template("a-1")), id="E")
    assert {one.state for one in accepted(found_in(template(*PLACES)), entry)} == {"accepted"}
    other = found_in(world(bind("shop", "other", "system:image-puller", ("Group", "system:unauthenticated"))))
    assert {one.state for one in accepted(other, entry)} == {"new"}


def test_growth_beyond_the_limit_returns_as_new() -> None:
    """Those that were there first stay accepted; the exception says that it is exceeded."""
    first = found_in(template("a-2", "a-3"))
    entry = of_cause(first, count=2, limit=3, id="E")
    grown = list(after_all(first, template(*PLACES)))
    found, (use,) = decided(grown, [entry], TODAY)
    states = {one.namespace: one.state for one in found}
    assert (states["a-2"], states["a-3"]) == ("accepted", "accepted")
    assert sorted((states["a-1"], states["a-4"])) == ["accepted", "new"]
    assert {one.exception for one in found} == {"E"}
    assert (use.state, use.findings) == ("exceeded", 4)
    assert [*remarks([use])] == ["exception E covers no more than 3 of 4 findings: the rest is open"]
    (row,) = exceptions_table([use]).records()
    assert (row["cause"], row["limit"]) == (entry.cause, 3)


def after_all(before: list[FindingRecord], one: World) -> list[FindingRecord]:
    context = context_of(one)
    return since(judge(context, Settings(), "2026-04-01T00:00:00Z"), before, context, Settings())


def test_another_exception_covers_what_a_limit_leaves() -> None:
    """The one with room counts, even if it ends sooner."""
    found = found_in(template(*PLACES))
    both = of_cause(found, limit=1, id="E"), decision(until="2026-06-30", id="D")
    assert sorted(one.exception for one in accepted(found, *both)) == ["D", "D", "D", "E"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{}", "give check or cause"),
        ("cause: c, count: 5, limit: 4", "limit is below count"),
        ("cause: c, limit: -1", "limit"),
        ("cause: c, limit: some", "limit"),
    ],
)
def test_what_an_entry_of_a_cause_needs(entry: str, message: str, tmp_path: Path) -> None:
    """An entry that would cover everything, or less than was decided, is refused."""
    entry = "" if entry == "{}" else f"{entry}, "
    with pytest.raises(ConfigError, match=re.escape(message)):
        load(tmp_path, f"exceptions: [{{{entry}why: w, decided_by: d, until: 2026-12-31}}]")
