"""Reviews that cannot be rubber-stamped: who decides without looking, on own access, or has left, is caught."""

import csv
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from pathlib import Path

import pytest

from audit.campaigns.spelling import spelling
from audit.cli import run_command
from audit.period.days import Period
from tests.campaigns.test_reviews import Review
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import HOSTILE
from tests.worlds.small import PUSH, Piece, account, bind, group, namespace, role, user, world

PEOPLE = ("stamper", "speeder", "careful", "leaver", "ann", "dora", "ben", "cara")
Rows = list[dict[str, str]]


@pytest.fixture(name="review")
def _review(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Review:
    return Review(tmp_path, monkeypatch, capsys)


def rows_of(review: Review, name: str = "review.csv") -> Rows:
    with (review.campaign / name).open(newline="") as file:
        return [*csv.DictReader(file)]


def answers(review: Review, name: str, rows: Iterator[Mapping[str, str]] | Rows, **same: str) -> Path:
    path, given = review.folder / name, [{**row, "decided on": "2026-03-02", **same} for row in rows]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(given[0]))
        writer.writeheader()
        writer.writerows(given)
    return path


def estate(*more: Piece, gone: tuple[str, ...] = ()) -> World:
    """Return 500 namespaces with ten people each that can push: 5,000 lines, of four reviewers by namespace."""
    spaces = [f"{letter}-{number}" for letter, number in product("sfcl", range(125))]
    pieces: list[Piece] = [user(name) for name in PEOPLE if name not in gone and name not in {"ann", "ben"}]
    for space in spaces:
        pieces.append(namespace(space, "acme"))
        pieces += [bind(space, f"b{at}", "system:image-pusher", ("User", f"person-{at}")) for at in range(10)]
    return world(*pieces, *more)


OWN = (
    bind("c-0", "own", "system:image-pusher", ("User", "ann")),
    bind("c-0", "account", "system:image-pusher", ("ServiceAccount", "shop:ci")),
    bind("c-0", "team", "system:image-pusher", ("Group", "carers")),
    group("carers", "cara"),
)
CYRILLIC, FULLWIDTH = "\u0430nn", "\uff21\uff2e\uff2e"
SPELLINGS = ("ann", "ANN", CYRILLIC, FULLWIDTH, "ann\u200b", "user/ann", "shop:ci", "system:serviceaccount:shop:ci")
ESTATE_REVIEWERS = f"""
reviewers:
  - {{who: [stamper], namespace: "s-*"}}
  - {{who: [speeder], namespace: "f-*"}}
  - {{who: [careful, {", ".join(json.dumps(one) for one in (*SPELLINGS, "CARA"))}], namespace: "c-*"}}
  - {{who: [leaver], namespace: "l-*"}}
  - {{who: [dora], everywhere: true, organization: "*"}}
"""


@pytest.mark.no_cover
@pytest.mark.slow
def test_a_campaign_of_five_thousand_lines_catches_everyone(review: Review) -> None:
    """Two who stamp, self-deciders under nine spellings, and a reviewer who leaves; who is careful is not suspected."""
    assert review.start(made=estate(*OWN), reviewers=ESTATE_REVIEWERS) == 0
    lines = [row for row in rows_of(review) if row["namespace"][1:2] == "-"]
    assert len(lines) >= 5000
    of: dict[str, Rows] = {
        letter: [row for row in lines if row["namespace"].startswith(f"{letter}-")] for letter in "sfcl"
    }

    own = {row["subject"]: row for row in of["c"] if row["binding"].split()[-1] in {"own", "account", "team"}}
    by = {
        **dict.fromkeys(SPELLINGS[:6], own["ann"]),
        **dict.fromkeys(SPELLINGS[6:], own["shop:ci"]),
        "CARA": own["carers"],
    }
    # In one file with 1,250 honest answers: nothing of it is taken, and all are named.
    mixed = [{**row, "decided by": name, "decision": "keep"} for name, row in by.items()]
    mixed += [{**row, "decided by": "careful", "decision": "keep"} for row in of["c"] if row not in own.values()]
    assert review.apply(answers(review, "mixed.csv", mixed)) == 2
    refused = review.said()
    assert refused.count("may not decide on their own access") == len(by) == 9
    for number in range(len(by)):
        assert f"mixed.csv: line {number + 2}: " in refused
    assert f"line {len(by) + 2}:" not in refused

    stamped = answers(review, "s.csv", of["s"], decision="keep", why="OK", **{"decided by": "stamper"})
    fast = ({**row, "why": f"{row['subject']} needs {word(at)}"} for at, row in enumerate(of["f"]))
    speedy = answers(review, "f.csv", fast, decision="keep", **{"decided by": "speeder"})
    assert review.apply(stamped, speedy) == 0
    review.day(6)
    honest = (
        {**row, "why": f"builds {word(at)}", "decision": "revoke" if at % 50 == 0 else "keep"}
        for at, row in enumerate(of["c"])
        if row not in own.values()
    )
    assert review.apply(answers(review, "c.csv", honest, **{"decided by": "careful"})) == 0

    status = review.status("-s", review.saved(estate(*OWN, gone=("leaver",)), 6))
    found = {one["reviewer"]: one["signs"] for one in status["rubber_stamps"]}
    assert found == {
        "stamper": ["all kept", "one text for all", "faster than reading"],
        "speeder": ["all kept", "faster than reading"],
    }
    assert status["reviewers_who_left"] == ["leaver"]
    # Dora may decide in the leaver's namespaces too: nothing waits.
    assert status["waiting_for_them"] == 0
    assert status["undecided"] == len(rows_of(review)) - 2500 - 1250


def word(number: int) -> str:
    """Return a word that differs in letters, not only in digits."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


@pytest.mark.parametrize(
    ("name", "other", "alike"),
    [
        ("ann", CYRILLIC, True),
        ("ann", FULLWIDTH, True),
        ("shop:ci", "system:serviceaccount:shop:ci", True),
        ("shop:ci", "SA/shop\uff1aci", True),
        ("shop:ci", "serviceaccount/shop:ci", True),
        ("a-b", "a\u2010b", True),
        ("paul", "\u0440\u0430ul", True),
        ("sonia", "\u03c3\u03bfnia", False),
        ("ann", "anna", False),
        ("shop:ci", "mall:ci", False),
        ("user1", "userl", False),
    ],
)
def test_spellings_of_a_name(name: str, other: str, alike: bool) -> None:
    """Case, forms, scripts and ways to write an account are one name; other names are others."""
    assert (spelling(name) == spelling(other)) == alike


SPREAD = (
    role("", "pusher", PUSH),
    *(bind(place, "ci", "pusher", ("Group", "acme")) for place in ("shop", "mall", "bank")),
    *(bind(place, "kim", "pusher", ("User", "kim")) for place in ("shop", "mall")),
    role("shop", "own", PUSH),
    role("mall", "own", PUSH),
    *(bind(place, "own", "own", ("User", "eve"), kind="Role") for place in ("shop", "mall")),
)


def test_one_decision_covers_what_is_the_same_and_nothing_else(review: Review) -> None:
    """The same subject, binding and role in two namespaces of one owner; another owner, and two roles, are apart."""
    assert review.start(made=world(*SPREAD)) == 0
    causes = {row["subject"]: row for row in rows_of(review, "causes.csv")}
    assert causes["kim"]["namespaces"] == "mall, shop"
    # `bank` is of another organization, and a Role is another one in each namespace.
    assert causes["acme"]["namespaces"] == "mall, shop"
    assert "eve" not in causes
    one = answers(review, "causes.csv", [causes["kim"]], decision="revoke", why="left", **{"decided by": "dora"})
    assert review.apply(one) == 0
    outcomes = {line: outcome for line, (outcome, _) in review.outcomes().items()}
    assert {outcomes["shop/kim"], outcomes["mall/kim"]} == {"revoked, not looked at since"}
    assert outcomes["bank/acme"] == outcomes["shop/acme"] == "open"
    assert review.apply(one) == 0
    assert "0 decisions applied, 2 were already known" in review.capture.readouterr().out


def test_a_line_of_its_own_comes_before_its_cause(review: Review) -> None:
    """And what has changed since is not covered: the later state is another path."""
    assert review.start(made=world(*SPREAD)) == 0
    causes = {row["subject"]: row for row in rows_of(review, "causes.csv")}
    shop = next(row for row in rows_of(review) if (row["namespace"], row["subject"]) == ("shop", "kim"))
    same = {"decided by": "dora", "decided on": "2026-03-02"}
    path = review.folder / "both.yaml"
    entries = [
        {"id": causes["kim"]["id"], "decision": "keep", "why": "needed", "path": causes["kim"]["path"]},
        {"id": shop["id"], "decision": "revoke", "why": "left"},
    ]
    path.write_text(
        json.dumps({"decisions": [{**one, **{k.replace(" ", "_"): v for k, v in same.items()}} for one in entries]})
    )
    assert review.apply(path) == 0
    wider = tuple(one for one in SPREAD if one[1]["metadata"]["name"] != "kim")
    changed = world(*wider, *(bind(place, "kim", "pusher", ("User", "kim")) for place in ("shop", "mall")))
    for binding in changed["rolebindings"]:
        if binding["metadata"]["name"] == "kim":
            binding["metadata"]["uid"] += "-new"
    outcomes = review.outcomes(review.saved(changed, 5))
    assert outcomes["mall/kim"][0] == "reopened"
    assert outcomes["shop/kim"][0] == "revoked, still there"


@pytest.mark.parametrize(
    ("cells", "mistake"),
    [({"id": "cause-0"}, "no cause with the id cause-0"), ({"path": "0"}, "the path differs from that of this cause")],
)
def test_a_cause_that_is_not_the_one_of_the_campaign_is_refused(
    review: Review, cells: dict[str, str], mistake: str
) -> None:
    """By its id, or by the digest of its lines."""
    assert review.start(made=world(*SPREAD)) == 0
    row = rows_of(review, "causes.csv")[0] | cells
    path = answers(review, "wrong.csv", [row], decision="keep", **{"decided by": "dora"})
    assert review.apply(path) == 2
    assert mistake in review.said()


def test_a_campaign_says_whom_it_does_not_cover(review: Review) -> None:
    """Lines outside of it, without a reviewer, and with none but their own subject; and reviewers who do not exist."""
    pieces = (
        bind("bank", "eve", "system:image-pusher", ("User", "eve")),
        bind("mall", "elsewhere", "system:image-puller", ("Group", "from-elsewhere")),
    )
    reviewers = 'reviewers: [{who: [eve], organization: other}, {who: [kara], namespace: "mall"}]'
    assert (
        review.start("--json", "-n", "bank", "-n", "mall", "-n", "openshift", made=world(*pieces), reviewers=reviewers)
        == 0
    )
    said = json.loads(review.capture.readouterr().out)
    rows = rows_of(review, "uncovered.csv")
    by_reason: dict[str, set[str]] = {}
    for row in rows:
        by_reason.setdefault(row["reason"], set()).add(f"{row['namespace']}/{row['subject']}")
    assert "bank/eve" in by_reason["each of its reviewers has this access"]
    assert "bank/other" in by_reason["each of its reviewers has this access"]
    assert "openshift/system:authenticated" in by_reason["no reviewer covers it"]
    assert {"shop/ann", "*/system:admin"} <= by_reason["outside of the campaign"]
    assert said["only_own"] == len(by_reason["each of its reviewers has this access"])
    assert said["outside"] == len([row for row in rows if row["reason"] == "outside of the campaign"])
    assert said["unknown_members"] == ["one: from-elsewhere"]
    assert said["reviewers_without_account"] == ["kara"]


def test_lines_of_a_reviewer_who_left_wait_for_others(review: Review) -> None:
    """Only if users and groups were read: who was not looked for has not left."""
    reviewers = "reviewers: [{who: [kim], organization: other}, {who: [ann, ben], organization: acme}]"
    assert review.start(made=world(), reviewers=reviewers) == 0
    gone = world(without=[("users", "kim")])
    status = review.status("-s", review.saved(gone, 5))
    assert status["reviewers_who_left"] == ["kim"]
    assert status["waiting_for_them"] > 0
    assert review.status("-s", review.saved(world(), 6))["reviewers_who_left"] == []
    unread = {name: rows for name, rows in gone.items() if name != "users"}
    assert review.status("-s", review.saved(unread, 7))["reviewers_who_left"] == []


@pytest.fixture(name="executed")
def executed_fixture(tmp_path: Path) -> Callable[..., list[list[str]]]:
    """Run a script with an `oc` that only notes its arguments."""
    tool = tmp_path / "bin" / "oc"
    tool.parent.mkdir()
    tool.write_text(
        '#!/bin/bash\nfor word in "$@"; do printf "%s\\0" "$word"; done >> "$LOG"; printf "\\n" >> "$LOG"\n'
    )
    tool.chmod(0o755)
    log = tmp_path / "log"

    def run(script: Path, **environment: str) -> list[list[str]]:
        log.write_bytes(b"")
        path = f"{tool.parent}:{os.environ['PATH']}"
        subprocess.run(
            ["/bin/bash", str(script)],
            env={"PATH": path, "LOG": str(log), **environment},
            check=True,
            capture_output=True,
        )
        return [
            line.decode(errors="surrogateescape").split("\0")[:-1] for line in log.read_bytes().split(b"\n") if line
        ]

    return run


def test_all_removals_of_a_zone_are_one_script(review: Review, executed: Callable[..., list[list[str]]]) -> None:
    """It changes nothing until told to, gives names as they are, and leaves out what is gone or has changed."""
    names = [name for name in HOSTILE if name.strip() and "\n" not in name and "\0" not in name and name.isprintable()]
    pieces = [bind("shop", f"h{at}", "system:image-pusher", ("User", name)) for at, name in enumerate(names)]
    ci = bind("shop", "ci", "system:image-pusher", ("ServiceAccount", "shop:ci"))
    made = world(*pieces, ci, account("shop", "ci"), bind("mall", "kim", "system:image-pusher", ("User", "kim")))
    assert review.start(made=made) == 0
    chosen = [row for row in rows_of(review) if row["binding"].split()[-1][:1] == "h" and row["namespace"] == "shop"]
    chosen += [
        row
        for row in rows_of(review)
        if row["subject"] in {"shop:ci", "kim"} and row["binding"].split()[-1] in {"ci", "kim"}
    ]
    assert review.apply(answers(review, "a.csv", chosen, decision="revoke", **{"decided by": "dora"})) == 0
    later = world(*pieces, ci, account("shop", "ci"))
    out = review.folder / "scripts"
    snapshot = review.saved(later, 5)
    assert run_command(["review", "script", str(review.campaign), "-s", snapshot, "-o", str(out)]) == 0
    script = out / "one.sh"
    assert executed(script) == []
    commands = executed(script, APPLY="yes")
    assert sorted(one[-1] for one in commands) == sorted([*names, "system:serviceaccount:shop:ci"])
    assert {tuple(one[:3]) for one in commands} == {("adm", "policy", "remove-role-from-user")}
    assert "kim" not in script.read_text()
    assert script.stat().st_mode & 0o077 == 0


def test_a_script_needs_the_state_of_its_zone(review: Review) -> None:
    """Bindings are spelled in many ways: without them, a command would be a guess."""
    assert review.start(made=world(bind("mall", "kim", "system:image-pusher", ("User", "kim")))) == 0
    path = review.decided({"line": "mall/kim", "decision": "revoke"})
    assert review.apply(path) == 0
    assert run_command(["review", "script", str(review.campaign), "-o", str(review.folder / "scripts")]) == 2
    assert "no state of zone one" in review.said()


def test_the_decisions_of_a_campaign_belong_to_a_period(review: Review) -> None:
    """Those of its days only, with who decided and on what."""
    from audit.campaigns.folder import CampaignFolder
    from audit.period.evidence import _decisions
    from audit.storage.store import resolve_store

    assert review.start(made=world(bind("mall", "kim", "system:image-pusher", ("User", "kim")))) == 0
    assert review.apply(review.decided({"line": "mall/kim", "decision": "keep", "why": "builds"})) == 0
    folder = CampaignFolder(resolve_store(str(review.campaign)))
    day = folder.records[0].decisions[0].on
    (row,) = _decisions(folder, Period(day, day), {"one"})
    assert (row["by"], row["decision"], row["subject"], row["why"]) == ("dora", "keep", "kim", "builds")
    assert not [*_decisions(folder, Period(day.replace(day=3), day.replace(day=9)), {"one"})]
    assert not [*_decisions(folder, Period(day, day), {"two"})]
