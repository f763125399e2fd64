"""Reviews: what is asked, which answers are taken, and what a later run says of them."""

import csv
import hashlib
import json
import tracemalloc
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from minisign import KeyPair
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.formula import ArrayFormula

from audit.cli import run_command
from audit.commands import review as reviewing
from audit.runs.signing import Verifier
from audit.snapshot.model import Gap, Snapshot, encode
from tests.worlds.clock import clock
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import HOSTILE
from tests.worlds.small import CREATE, PULL, PUSH, bind, group, namespace, role, world
from tests.worlds.snapshots import snapshot_of

REVIEWERS = """
reviewers:
  - who: [cara, ann, eve]
    organization: acme
  - who: [dora]
    organization: "*"
    everywhere: true
"""
BASE = (
    role("shop", "team", PUSH),
    bind("shop", "ci", "team", ("ServiceAccount", "shop:ci"), kind="Role"),
    bind("shop", "kim", "team", ("User", "kim"), kind="Role"),
    bind("mall", "kim", "system:image-pusher", ("User", "kim")),
    bind("mall", "opaque", "system:image-puller", ("Group", "from-elsewhere")),
    bind("mall", "all", "system:image-puller", ("Group", "system:authenticated")),
    bind("", "everywhere", "registry-viewer", ("User", "ben")),
)
SHOP_CI, SHOP_KIM, MALL_KIM = "shop/shop:ci", "shop/kim", "mall/kim"


def seen_at(snapshot: Snapshot, day: int) -> Snapshot:
    """The same, as it was read on a day of March 2026."""
    origin = msgspec.structs.replace(snapshot.origin, finished=f"2026-03-{day:02}T01:00:00Z")
    return replace(snapshot, origin=origin)


class Review:
    """A campaign in a folder, and what is done with it."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self.folder, self.patch, self.capture = folder, patch, capture
        self.campaign = folder / "campaign"

    def day(self, day: int) -> None:
        self.patch.setattr(reviewing, "datetime", clock(day))

    def saved(self, made: World, day: int, *gaps: Gap, zone: str = "one") -> str:
        path = self.folder / f"{zone}-{day}.snapshot"
        path.write_bytes(encode(seen_at(snapshot_of(made, gaps, zone), day)))
        return str(path)

    def start(self, *more: str, made: World | None = None, reviewers: str = REVIEWERS) -> int:
        self.day(2)
        (self.folder / "reviewers.yaml").write_text(reviewers)
        snapshot = self.saved(made or world(*BASE), 1)
        command = ["review", "start", "-s", snapshot, "-r", str(self.folder / "reviewers.yaml")]
        return run_command([*command, "--due", "2026-03-31", "-o", str(self.campaign), *more])

    def rows(self, name: str = "review.csv") -> dict[str, dict[str, str]]:
        with (self.campaign / name).open(newline="") as file:
            return {f"{row['namespace']}/{row['subject']}": row for row in csv.DictReader(file)}

    def decided(self, *answers: dict[str, str], name: str = "answers.csv") -> Path:
        """A file of answers; each says which line it is about as `NAMESPACE/SUBJECT`."""
        path, rows = self.folder / name, self.rows() | self.rows("platform.csv")
        usual = {"decided by": "dora", "decided on": "2026-03-02"}
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, next(iter(rows.values())).keys())
            writer.writeheader()
            for one in answers:
                given = {key: value for key, value in one.items() if key != "line"}
                writer.writerow((rows[one["line"]] if "line" in one else {}) | usual | given)
        return path

    def apply(self, *files: Path, more: tuple[str, ...] = ()) -> int:
        return run_command(["review", "apply", str(self.campaign), *map(str, files), *more])

    def outcomes(self, *snapshots: str) -> dict[str, tuple[str, str]]:
        """What is said of each line, and the remark, as the evidence has it."""
        out = self.folder / "evidence"
        given = [part for one in snapshots for part in ("-s", one)]
        run_command(["review", "export", str(self.campaign), "-o", str(out), *given])
        content = json.loads((out / "decisions.json").read_bytes())
        return {f"{one['namespace']}/{one['subject']}": (one["outcome"], one["remark"]) for one in content["lines"]}

    def status(self, *more: str) -> Any:
        self.capture.readouterr()
        self.code = run_command(["review", "status", str(self.campaign), *more, "--json"])
        return json.loads(self.capture.readouterr().out)

    def said(self) -> str:
        return self.capture.readouterr().err


@pytest.fixture(name="review")
def _review(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Review:
    return Review(tmp_path, monkeypatch, capsys)


def test_every_grant_is_a_line(review: Review) -> None:
    """Whoever a binding names, once; what the platform has is apart, what can push or holds everywhere is marked."""
    assert review.start("--json") == 0
    said = json.loads(review.capture.readouterr().out)
    lines = review.rows()
    assert set(lines) == {
        "*/ben", "bank/other", "mall/from-elsewhere", "mall/kim", "mall/system:authenticated", "shop/acme", "shop/ann",
        "shop/kim", "shop/shop:ci",
    }  # fmt: skip
    apart = review.rows("platform.csv")
    assert {"shop/shop:builder", "shop/system:serviceaccounts:shop"} <= set(apart)
    assert (said["lines"], said["of_the_platform"]) == (len(lines) + len(apart), len(apart))
    assert {name for name, row in lines.items() if row["privileged"] == "no"} == {
        "mall/from-elsewhere",
        "mall/system:authenticated",
    }
    reasons = {
        name: lines[name]["why privileged"] for name in ("*/ben", "mall/kim", "shop/acme", "mall/from-elsewhere")
    }
    assert reasons == {
        "*/ben": "in every namespace",
        "mall/kim": "push",
        "shop/acme": "push, create",
        "mall/from-elsewhere": "",
    }
    assert lines["shop/acme"]["members"] == "2: ann, ben"
    assert lines["mall/from-elsewhere"]["members"] == "unknown"
    assert lines["shop/kim"]["reviewers"] == "ann, cara, dora, eve"
    assert (lines["*/ben"]["reviewers"], lines["bank/other"]["reviewers"]) == ("dora", "dora")
    assert said["without_a_reviewer"] == sum(not row["reviewers"] for row in (*lines.values(), *apart.values())) > 0
    assert all(not row["decision"] for row in lines.values())


def test_the_workbook_is_for_deciding(review: Review) -> None:
    """The same lines, with a choice of decisions, a fixed header, and no formula, whatever names say."""
    hostile = bind("shop", "bad", "system:image-puller", ("User", "=HYPERLINK(1)"))
    review.start(made=world(*BASE, hostile))
    book = load_workbook(review.campaign / "review.xlsx")
    sheet = book["Reviews"]
    values = [[cell.value or "" for cell in row] for row in sheet.iter_rows()]
    assert {row[0] for row in values[1:]} == {row["id"] for row in review.rows().values()}
    assert sheet.freeze_panes == "A2"
    assert "keep,reduce,revoke,exception" in str(sheet.data_validations.dataValidation[0].formula1)
    assert {cell.data_type for one in book for row in one.iter_rows() for cell in row} == {"s", "n"}
    assert any("'=HYPERLINK(1)" in row for row in values)
    assert len(list(book["Platform"].rows)) == len(review.rows("platform.csv")) + 1


def test_whatever_names_are_like_the_answers_come_back(review: Review) -> None:
    """Escapes, blanks and formulas in names are no reason to refuse a row: in the workbook and in CSV."""
    names = [*HOSTILE, "bob ", "two  blanks", "'quoted"]
    bound = (bind("shop", f"b-{at}", "system:image-puller", ("User", name)) for at, name in enumerate(names))
    review.start(made=world(*BASE, *bound))
    book = load_workbook(review.campaign / "review.xlsx")
    for row in book["Reviews"].iter_rows(min_row=2):
        row[1].value, row[3].value, row[4].value = "keep", "dora", "2026-03-02"
    book.save(review.folder / "answers.xlsx")
    given = review.decided(*({"line": line, "decision": "keep"} for line in review.rows()))
    assert review.apply(review.folder / "answers.xlsx", given) == 0
    assert review.status()["lines"] == {"kept": 9 + len(names)}


def test_a_campaign_can_be_about_less(review: Review) -> None:
    """Organizations or namespaces by glob; then what is cluster-wide is no part of it, nor what is left out."""
    review.start("--organization", "oth*")
    assert {*review.rows()} == {"bank/other"}
    review.campaign = review.folder / "second"
    config = review.folder / "config.yaml"
    config.write_text("zones: [{id: one}]\nnamespaces: {exclude: {names: [shop]}}\n")
    review.start("--namespace", "*all", "-n", "shop", "-c", str(config))
    assert {line.partition("/")[0] for line in review.rows()} == {"mall"}
    # What was left out is no news later.
    assert review.status("-s", review.saved(world(*BASE), 3), "-c", str(config))["not_asked_about"] == 0
    assert review.status("-s", review.saved(world(*BASE), 3))["not_asked_about"] > 0


def test_what_cannot_begin_is_told(review: Review) -> None:
    """A day that is past or none, nobody to ask, nothing to ask about, a folder that has one."""
    assert review.start("--due", "2026-03-01") == 2
    assert "is in the past" in review.said()
    assert review.start("--due", "soon") == 2
    assert "--due is not a date: soon" in review.said()
    assert review.start("-n", "nowhere") == 2
    assert "no grant" in review.said()
    assert review.start(reviewers="reviewers: [{who: [ann]}, {who: [], namespace: x, team: y}]") == 2
    said = review.said()
    for part in (
        "reviewers[0] (line 1): give one of: organization",
        "reviewers[1].who",
        "unknown key",
        "3 mistakes in the reviewers",
    ):
        assert part in said, said
    assert review.start() == 0
    assert review.start() == 2
    assert "there is already a campaign here" in review.said()
    command = ["review", "start", "-r", str(review.folder / "reviewers.yaml"), "--due", "2026-03-31", "-o", "x"]
    assert run_command(command) == 2
    assert "nothing to decide on" in review.said()
    assert run_command(["review", "status", str(review.folder / "none")]) == 2
    assert "review start begins a campaign" in review.said()


def test_what_was_not_seen_at_the_beginning_is_told(review: Review) -> None:
    """The campaign is partial then, and says of what."""
    review.day(2)
    (review.folder / "reviewers.yaml").write_text(REVIEWERS)
    snapshot = review.saved(world(*BASE), 1, Gap("rolebindings", "bank", "refused", "no"))
    command = ["review", "start", "-s", snapshot, "-r", str(review.folder / "reviewers.yaml"), "-o"]
    assert run_command([*command, str(review.campaign), "--due", "2026-03-31"]) == 3
    assert "one: not seen: rolebindings of bank" in review.said()


MISTAKES: dict[str, tuple[dict[str, str], str]] = {
    "an unknown id": (
        {"id": "0" * 20, "decision": "keep"},
        "this campaign has no line with the id 00000000000000000000",
    ),
    "no id": ({"decision": "keep"}, "this campaign has no line with the id (none)"),
    "their own access": ({"line": "shop/ann", "decision": "keep", "decided by": "ann"}, "their own access"),
    "their own group's": (
        {"line": "shop/acme", "decision": "keep", "decided by": "ann"},
        "ann may not decide on their own access, through group acme",
    ),
    "no reviewer of it": (
        {"line": "bank/other", "decision": "keep", "decided by": "cara"},
        "is not a reviewer of this line",
    ),
    "nobody's name": (
        {"line": "shop/kim", "decision": "keep", "decided by": "zed"},
        "its reviewers: ann, cara, dora, eve",
    ),
    "an exception without an end": ({"line": "shop/kim", "decision": "exception", "why": "x"}, "needs a last day"),
    "an exception without a reason": (
        {"line": "shop/kim", "decision": "exception", "until": "2026-09-01"},
        "needs a reason",
    ),
    "an end that is past": (
        {"line": "shop/kim", "decision": "exception", "why": "x", "until": "2026-03-01"},
        "until 2026-03-01 is in the past",
    ),
    "an end that is none": (
        {"line": "shop/kim", "decision": "exception", "why": "x", "until": "2026-02-30"},
        "until is not a day",
    ),
    "an end without an exception": (
        {"line": "shop/kim", "decision": "keep", "until": "2026-09-01"},
        "until needs the decision exception, not keep",
    ),
    "no such decision": ({"line": "shop/kim", "decision": "maybe"}, "decision must be one of keep, reduce, revoke"),
    "a decision to come": ({"line": "shop/kim", "decision": "keep", "decided on": "2026-03-03"}, "is in the future"),
    "a decision from before": (
        {"line": "shop/kim", "decision": "keep", "decided on": "2026-03-01"},
        "is before the campaign began",
    ),
    "no day": ({"line": "shop/kim", "decision": "keep", "decided on": "yesterday"}, "decided on is not a day"),
    "nobody": ({"line": "shop/kim", "decision": "keep", "decided by": ""}, "decided by is empty"),
    "a formula as a decision": ({"line": "shop/kim", "decision": '=IF(1;"keep")'}, "decision begins like a formula"),
    "a formula as a reason": ({"line": "shop/kim", "decision": "keep", "why": "\t=1+1"}, "why begins like a formula"),
    "a novel": ({"line": "shop/kim", "decision": "keep", "why": "x" * 2001}, "why is longer than 2000"),
    "a reason without a decision": ({"line": "shop/kim", "why": "because"}, "answers without a decision"),
    "sorted apart": ({"line": "shop/kim", "subject": "ben", "decision": "keep"}, "were columns sorted separately?"),
    "another path": (
        {"line": "shop/kim", "path": "0" * 20, "decision": "keep"},
        "the path differs from that of this line",
    ),
}


@pytest.mark.parametrize("how", MISTAKES)
def test_the_impossible_is_refused(how: str, review: Review) -> None:
    """With file and line; the good answers beside it are not taken either."""
    review.start()
    answer, said = MISTAKES[how]
    assert review.apply(review.decided({"line": "mall/kim", "decision": "keep"}, answer)) == 2
    told = review.said()
    # A text that holds a tab is one cell still, and one line.
    assert "answers.csv: line 3: " in told
    assert said in told
    assert review.status()["lines"] == {"open": 9}


def test_all_mistakes_are_told_at_once(review: Review) -> None:
    """Of all files, and two rows that disagree, in whatever files they stand; the same twice is no mistake."""
    review.start()
    first = review.decided(
        {"line": SHOP_KIM, "decision": "keep"},
        {"line": MALL_KIM, "decision": "keep", "why": "two\nlines"},
        {"line": SHOP_CI, "decision": "maybe"},
    )
    second = review.decided(
        {"line": MALL_KIM, "decision": "keep", "why": "two\nlines"},
        {"line": SHOP_KIM, "decision": "revoke"},
        {"id": "x", "decision": "keep"},
        name="more.csv",
    )
    (review.folder / "broken.xlsx").write_bytes(b"nothing")
    assert review.apply(first, second, review.folder / "broken.xlsx", review.folder / "none.csv") == 2
    told = review.said()
    assert "5 mistakes in the answers" in told
    assert "broken.xlsx: is not a workbook" in told
    assert "none.csv: cannot be read: No such file" in told
    assert "answers.csv: line 5: decision must be one of" in told
    assert "more.csv: line 4: conflicts with answers.csv: line 2 on the same line" in told
    assert "more.csv: line 5: this campaign has no line with the id x" in told


def test_reviewers_of_a_group_that_was_not_seen(review: Review) -> None:
    """Whether it is their own access is not known: it is taken, and the evidence says so."""
    review.start()
    elsewhere, everybody = "mall/from-elsewhere", "mall/system:authenticated"
    assert review.apply(review.decided(*({"line": one, "decision": "keep"} for one in (elsewhere, everybody)))) == 0
    review.outcomes()
    content = json.loads((review.folder / "evidence/decisions.json").read_bytes())
    found = {f"{one['namespace']}/{one['subject']}": one["independent"] for one in content["lines"]}
    assert (found[elsewhere], found[everybody], found[SHOP_KIM]) == ("unknown", "yes", "")


def test_silence_is_no_approval(review: Review) -> None:
    """A row without a decision stays open, also when a name and a day were filled down; platform lines are apart."""
    review.start()
    quiet = review.decided({"line": SHOP_KIM}, {"line": SHOP_CI, "decision": "Keep "})
    assert review.apply(quiet, more=("--json",)) == 0
    assert '"undecided": 1' in review.capture.readouterr().out
    status = review.status()
    assert status["lines"] == {"open": 8, "kept": 1}
    assert set(status["platform"]) == {"open"}
    assert (status["undecided"], status["overdue"]) == (8, False)
    review.day(31)
    assert review.status()["overdue"] is False


def test_yaml_says_the_same(review: Review) -> None:
    """Without a path, it is about the line as the campaign has it; mistakes have their lines there too."""
    review.start()
    path, lines = review.folder / "answers.yaml", review.rows()
    one = f"{{id: {lines[SHOP_KIM]['id']}, decision: revoke, decided_by: dora, decided_on: 2026-03-02}}"
    path.write_text(f"decisions:\n  - {one}\n  - {one.replace('dora', 'zed')}\n")
    assert review.apply(path) == 2
    assert "answers.yaml: decisions[1] (line 3): zed is not a reviewer" in review.said()
    path.write_text(f"decisions:\n  - {one}\n  - {{id: x, verdict: keep}}\n")
    assert review.apply(path) == 2
    assert "decisions[1].decision (line 3): is required" in review.said()
    path.write_bytes(b"\xff")
    assert review.apply(path) == 2
    assert "is not UTF-8" in review.said()
    path.write_text(f"decisions: [{one}]\n")
    assert review.apply(path) == 0
    assert review.outcomes()[SHOP_KIM] == ("revoked, not looked at since", "")


def test_spreadsheets_as_people_save_them(review: Review) -> None:
    """Semicolons, days that became dates, numbers; a formula is none of these, whatever it shows."""
    review.start()
    path, line = review.folder / "answers.csv", review.rows()[SHOP_KIM]["id"]
    path.write_bytes(f"\ufeffID;Decision;Decided by;Decided on\r\n{line};keep;dora;2026-03-02\r\n".encode())
    assert review.apply(path) == 0
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["id", "decision", "decided by", "decided on", "why", "ticket", "until"])
    ids = {name: row["id"] for name, row in review.rows().items()}
    today = date(2026, 3, 2)
    sheet.append([ids[MALL_KIM], "exception", "dora", today, "needed", 4711, date(2026, 9, 1)])
    sheet.append([ids[SHOP_CI], "keep", "dora", today, '=HYPERLINK("http://x","fine")', True])
    sheet.append([ids[SHOP_KIM], "keep", "dora", today, ArrayFormula("E4", "=SUM(A1:A9)"), time(4, 30)])
    book.create_sheet("Notes").append(["whatever"])
    book.save(review.folder / "answers.xlsx")
    assert review.apply(review.folder / "answers.xlsx") == 2
    told = review.said()
    assert "answers.xlsx: Sheet row 3: why begins like a formula" in told
    assert "answers.xlsx: Sheet row 4: why begins like a formula" in told
    sheet.delete_rows(3, 2)
    book.save(review.folder / "answers.xlsx")
    assert review.apply(review.folder / "answers.xlsx") == 0
    assert review.outcomes()[MALL_KIM] == ("exception", "")
    evidence = json.loads((review.folder / "evidence/decisions.json").read_bytes())
    (said,) = (one for one in evidence["lines"] if one["id"] == ids[MALL_KIM])
    assert (said["until"], said["ticket"], said["decided_on"]) == ("2026-09-01", "4711", "2026-03-02")


def test_reviewers_of_one_zone_decide_there_only(review: Review) -> None:
    """Nobody is asked about another zone's grants."""
    reviewers = "reviewers: [{who: [zoe], zone: two, namespace: '*'}, {who: [dora], zone: o*, namespace: shop}]"
    review.start(reviewers=reviewers)
    assert {row["reviewers"] for row in review.rows().values()} == {"", "dora"}
    assert review.rows()[MALL_KIM]["reviewers"] == ""


def test_what_was_seen_before_the_decision_proves_nothing(review: Review) -> None:
    """Later than the campaign's own facts, and still from the days before: that it is there then is no failure."""
    review.start()
    review.day(5)
    answer = {"line": SHOP_KIM, "decision": "revoke", "decided on": "2026-03-05"}
    assert review.apply(review.decided(answer)) == 0
    assert review.outcomes(review.saved(world(*BASE), 4))[SHOP_KIM] == ("revoked, not looked at since", "")
    assert review.outcomes(review.saved(world(*BASE), 5))[SHOP_KIM] == ("revoked, still there", "")


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.txt", b"", "is not .xlsx, .csv or .yaml"),
        ("a.csv", b"", "is not valid CSV"),
        ("a.csv", b"a,b\r\n1,2\r\n", "does not have the columns id and decision"),
        ("a.csv", b"id,decision\r\n1,2\r\n1,2,3\r\n", "Expected 2 fields in line 3, saw 3"),
        ("a.csv", b"id,decision\r\n\xff,keep\r\n", "is not UTF-8 (byte 14)"),
        ("a.xlsx", b"PK\x05\x06" + bytes(18), "cannot be read"),
    ],
)
def test_files_that_hold_no_answers_are_told(name: str, data: bytes, said: str, review: Review) -> None:
    """In one message, without a traceback."""
    review.start()
    (review.folder / name).write_bytes(data)
    assert review.apply(review.folder / name) == 2
    assert said in review.said()


def test_a_workbook_without_answers_or_too_large(review: Review, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, and one that unpacks to too much is not unpacked."""
    review.start()
    book = Workbook()
    book.save(review.folder / "a.xlsx")
    assert review.apply(review.folder / "a.xlsx") == 2
    assert "has no sheet with the columns id and decision" in review.said()
    for limit, said in (("UNPACKED", "unpacks to more than"), ("_LARGEST", "is larger than")):
        with monkeypatch.context() as patch:
            patch.setattr(f"audit.campaigns.reading.{limit}", 10)
            assert review.apply(review.folder / "a.xlsx") == 2
        assert said in review.said()


def test_a_changed_mind_needs_to_be_meant(review: Review) -> None:
    """The same again is known; another decision is a mistake without --replace; all of them stay in the folder."""
    review.start()
    first, second = ({"line": SHOP_KIM, "decision": verdict} for verdict in ("keep", "revoke"))
    assert review.apply(review.decided(first)) == 0
    assert review.apply(review.decided(first)) == 0
    assert "0 decisions applied, 1 were already known" in review.capture.readouterr().out
    assert len(list((review.campaign / "applied").iterdir())) == 1
    assert review.apply(review.decided(second)) == 2
    assert "dora decided on this line on 2026-03-02 (keep); --replace" in review.said()
    assert review.apply(review.decided(second), more=("--replace",)) == 0
    assert review.status()["lines"]["revoked, not looked at since"] == 1
    assert len(list((review.campaign / "applied").iterdir())) == 2
    assert len(list((review.campaign / "answers").iterdir())) == 2


def test_removals_are_proven_by_what_is_seen_later(review: Review) -> None:
    """Gone, still there, or not known; facts from before the decision prove nothing."""
    review.start()
    revoked = (SHOP_KIM, MALL_KIM, "bank/other", "*/ben")
    assert review.apply(review.decided(*({"line": one, "decision": "revoke"} for one in revoked))) == 0
    not_since = ("revoked, not looked at since", "")
    assert {review.outcomes()[one] for one in revoked} == {not_since}
    assert {review.outcomes(review.saved(world(*BASE), 1))[one] for one in revoked} == {not_since}
    gone = [piece for piece in BASE if not (piece[0] == "rolebindings" and piece[1]["metadata"]["name"] == "kim")]
    blind = [Gap("rolebindings", "bank", "refused", "no"), Gap("clusterrolebindings", "", "refused", "no")]
    found = review.outcomes(review.saved(world(*gone, without=[("rolebindings", "other")]), 3, *blind))
    assert found[SHOP_KIM] == found[MALL_KIM] == ("revoked, verified gone", "")
    assert found["bank/other"] == ("revoked, unknown", "its rolebindings were not read")
    assert found["*/ben"] == ("revoked, unknown", "its clusterrolebindings were not read")
    found = review.outcomes(review.saved(world(*BASE), 3))
    assert {found[one] for one in revoked} == {("revoked, still there", "")}
    # Of another zone nothing follows, nor of one that stands in for what could not be read.
    assert review.outcomes(review.saved(world(), 3, zone="two"))[SHOP_KIM] == not_since
    stale = seen_at(snapshot_of(world(), zone="one"), 3)
    origin = msgspec.structs.replace(stale.origin, stale="cannot connect")
    (review.folder / "stale.snapshot").write_bytes(encode(replace(stale, origin=origin)))
    found = review.outcomes(str(review.folder / "stale.snapshot"))
    assert found[SHOP_KIM] == ("revoked, unknown", "zone one could not be read")


def test_access_by_another_way_is_told(review: Review) -> None:
    """A grant may be gone and the access not: by another binding, through a group, or everywhere."""
    review.start()
    assert review.apply(review.decided({"line": SHOP_KIM, "decision": "revoke"})) == 0
    gone = [piece for piece in BASE if piece[1]["metadata"]["name"] != "kim"]
    also = (
        group("crew", "kim"),
        bind("shop", "crew", "system:image-pusher", ("Group", "crew")),
        bind("", "all", "registry-viewer", ("User", "kim")),
    )
    what, why = review.outcomes(review.saved(world(*gone, *also), 3))[SHOP_KIM]
    assert what == "revoked, verified gone"
    assert why == ("the subject still has access there by ClusterRoleBinding all (kim), RoleBinding crew (crew)")


def test_less_is_proven_too(review: Review) -> None:
    """By fewer rights or repositories, or when it is gone; not by others in their place, nor by what was not seen."""
    review.start()
    assert review.apply(review.decided({"line": SHOP_KIM, "decision": "reduce", "why": "to pull"})) == 0
    rest = BASE[1:]

    def now(*rules: Any, gaps: tuple[Gap, ...] = ()) -> tuple[str, str]:
        return review.outcomes(review.saved(world(role("shop", "team", *rules), *rest), 3, *gaps))[SHOP_KIM]

    assert now(PULL)[0] == "reduced, verified"
    assert now({**PUSH, "resourceNames": ["web"]})[0] == "reduced, verified"
    assert now(PUSH) == ("reduced, still there", "")
    assert now(PUSH, CREATE) == ("reduced, still there", "")
    assert now(CREATE, PULL) == ("reduced, still there", "")
    assert now(PUSH, gaps=(Gap("roles", "shop", "refused", "no"),)) == ("reduced, unknown", "its role was not read")
    assert now({**PUSH, "verbs": ["watch"]})[0] == "reduced, verified gone"


def test_a_decision_about_another_path_is_none(review: Review) -> None:
    """What was kept opens again when the role gives something else, or a group has new people."""
    review.start()
    kept = [{"line": one, "decision": "keep"} for one in (SHOP_KIM, MALL_KIM, "bank/other", "mall/from-elsewhere")]
    assert review.apply(review.decided(*kept)) == 0
    moved = (role("shop", "team", PUSH, CREATE), *BASE[1:])
    more = [piece for piece in world(*moved)["groups"] if piece["metadata"]["name"] != "other"]
    changed = world(*moved) | {"groups": [*more, group("other", "eve", "zoe")[1]]}
    later = review.saved(changed, 3)
    found = review.outcomes(later)
    assert found[SHOP_KIM][0] == found["bank/other"][0] == "reopened"
    assert "its path has changed (pull, push in *, since" in found[SHOP_KIM][1]
    assert found["bank/other"][1] == "group other has new members: zoe"
    assert found[MALL_KIM] == ("kept", "")
    # Whose people nobody sees has no new ones that are known.
    assert found["mall/from-elsewhere"] == ("kept", "")
    assert review.status("-s", later)["undecided"] == 9 - 2
    # What is to be decided is asked for as it is now, and answered so.
    review.day(3)
    todo = review.folder / "todo.csv"
    assert run_command(["review", "status", str(review.campaign), "-s", later, "--todo", str(todo)]) == 0
    with todo.open(newline="") as file:
        rows = {f"{row['namespace']}/{row['subject']}": row for row in csv.DictReader(file)}
    assert rows[SHOP_KIM]["rights"] == "pull, push, create"
    assert rows["bank/other"]["members"] == "2: eve, zoe"
    with todo.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[SHOP_KIM].keys())
        writer.writeheader()
        answer = {"decision": "keep", "decided by": "dora", "decided on": "2026-03-03"}
        writer.writerows(rows[one] | answer for one in (SHOP_KIM, "bank/other"))
    assert review.apply(todo) == 2
    assert "the path differs from that of this line" in review.said()
    assert review.apply(todo, more=("-s", later)) == 0
    found = review.outcomes(later)
    assert found[SHOP_KIM] == found["bank/other"] == ("kept", "")
    # As it was at first, it is another path again.
    assert review.outcomes(review.saved(world(*BASE), 4))[SHOP_KIM][0] == "reopened"


def test_what_is_still_to_be_decided_as_a_workbook(review: Review) -> None:
    """Only that; any other kind of file is refused."""
    review.start()
    assert review.apply(review.decided({"line": SHOP_KIM, "decision": "keep"})) == 0
    todo = review.folder / "todo.xlsx"
    assert run_command(["review", "status", str(review.campaign), "--todo", str(todo)]) == 0
    assert load_workbook(todo)["Reviews"].max_row == 1 + 8
    assert run_command(["review", "status", str(review.campaign), "--todo", "todo.ods"]) == 2
    assert "answers must be .xlsx or .csv" in review.said()


def test_exceptions_end(review: Review) -> None:
    """On the day after their last; what is kept and gone, or cannot be judged, is said as such."""
    review.start()
    answer = {"line": SHOP_KIM, "decision": "exception", "why": "until the move", "until": "2026-03-10"}
    kept = ({"line": one, "decision": "keep"} for one in (MALL_KIM, SHOP_CI))
    assert review.apply(review.decided(answer, *kept)) == 0
    gone = [piece for piece in BASE if piece[1]["metadata"]["name"] != "kim"]
    later = review.saved(world(*gone), 3, Gap("roles", "shop", "refused", "no"))
    found = review.outcomes(later)
    assert found[MALL_KIM] == ("kept", "it no longer exists")
    assert found[SHOP_CI] == ("kept", "its role was not read")
    review.day(10)
    assert review.outcomes()[SHOP_KIM] == ("exception", "")
    review.day(11)
    assert review.outcomes()[SHOP_KIM] == ("exception ended", "it ended on 2026-03-10")
    assert review.status()["undecided"] == 7


def test_what_appeared_since_is_no_part_of_it(review: Review) -> None:
    """It is counted, and nobody has approved it."""
    review.start()
    new = (namespace("new", "acme"), bind("new", "new", "system:image-pusher", ("User", "kim")))
    later = review.saved(world(*BASE, *new), 3)
    assert review.status("-s", later)["not_asked_about"] == 1
    assert "new/kim" not in review.outcomes(later)


def test_the_status_is_for_people_too(review: Review) -> None:
    """A table of outcomes, what is left, and a line for what somebody has to look at; unknown is exit code 3."""
    review.start()
    assert review.apply(review.decided({"line": SHOP_KIM, "decision": "revoke"})) == 0
    blind = review.saved(world(*BASE), 3, Gap("rolebindings", "shop", "refused", "no"))
    review.capture.readouterr()
    assert run_command(["review", "status", str(review.campaign), "-s", blind]) == 3
    out, err = review.capture.readouterr()
    assert "revoked, unknown" in out
    assert "8 undecided (6 privileged); due on 2026-03-31" in out
    assert "one/shop kim: revoked, unknown: its rolebindings were not read" in err
    # Decisions are about this campaign, and no other.
    campaign = review.campaign / "campaign.json"
    campaign.write_bytes(campaign.read_bytes().replace(b"2026-03-31", b"2026-04-30"))
    assert run_command(["review", "status", str(review.campaign)]) == 2
    assert "does not follow the previous one" in review.said()


def test_a_campaign_that_is_late_says_so(review: Review) -> None:
    """When its last day is past and something is undecided."""
    review.start()
    campaign = review.campaign / "campaign.json"
    campaign.write_bytes(campaign.read_bytes().replace(b"2026-03-31", b"2026-03-03"))
    review.day(4)
    assert review.status()["overdue"] is True
    assert run_command(["review", "status", str(review.campaign)]) == 0
    assert "due on 2026-03-03, and that is past" in review.capture.readouterr().out


@pytest.mark.parametrize("name", ["campaign.json", "applied/record"])
@pytest.mark.parametrize("data", [b"{", b'{"format": "other"}'])
def test_a_folder_that_was_changed_is_told(name: str, data: bytes, review: Review) -> None:
    """Nothing is built on it."""
    review.start()
    assert review.apply(review.decided({"line": SHOP_KIM, "decision": "keep"})) == 0
    path = next((review.campaign / "applied").iterdir()) if name.startswith("applied") else review.campaign / name
    path.write_bytes(data)
    assert run_command(["review", "status", str(review.campaign)]) == 2
    assert "this is not a" in review.said()


def test_the_evidence_is_whole_and_signed(review: Review, tmp_path: Path) -> None:
    """Every line in both files, what it rests on, a digest of each, and a signature of these."""
    pair = KeyPair.generate()
    (tmp_path / "key").write_bytes(bytes(pair.secret_key))
    (tmp_path / "pub").write_bytes(bytes(pair.public_key))
    review.start(made=world(*BASE, bind("shop", "bad", "system:image-puller", ("User", "=1+1"))))
    answers = review.decided({"line": SHOP_KIM, "decision": "revoke", "why": "left", "ticket": "T-1"})
    assert review.apply(answers) == 0
    later, out = review.saved(world(*BASE[:2], *BASE[3:]), 3), tmp_path / "out"
    command = [
        "review",
        "export",
        str(review.campaign),
        "-s",
        later,
        "-o",
        str(out),
        "--sign-key",
        str(tmp_path / "key"),
    ]
    assert run_command(command) == 0
    sums = (out / "SHA256SUMS").read_bytes()
    for line in sums.decode().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    content = json.loads((out / "decisions.json").read_bytes())
    campaign = hashlib.sha256((review.campaign / "campaign.json").read_bytes()).hexdigest()
    assert content["campaign_sha256"] == campaign
    signature = (out / "SHA256SUMS.minisig").read_bytes()
    assert Verifier(tmp_path / "pub").holds(sums, signature, f"review {campaign}")
    (source,) = content["answers"]
    assert source["sha256"] == hashlib.sha256(answers.read_bytes()).hexdigest()
    assert (review.campaign / "answers" / f"{source['sha256']}.csv").read_bytes() == answers.read_bytes()
    digests = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in (review.saved(world(), 1), later)]
    assert content["looked_at_since"][0]["snapshot_sha256"] == digests[1]
    with (out / "decisions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(content["lines"]) == len(review.rows()) + len(review.rows("platform.csv"))
    (said,) = (row for row in rows if row["subject"] == "kim" and row["namespace"] == "shop")
    told = [said[name] for name in ("decision", "decided_by", "decided_on", "why", "ticket", "outcome")]
    assert told == ["revoke", "dora", "2026-03-02", "left", "T-1", "revoked, verified gone"]
    assert any(row["subject"] == "'=1+1" for row in rows)


def test_a_name_that_looks_like_an_escape_comes_back(review: Review) -> None:
    """A workbook writes `_x0041_` with an escape before it; read without it, all answers would be refused."""
    bound = bind("shop", "odd", "system:image-puller", ("User", "_x0041_"), ("User", "a_x000D_b"))
    review.start(made=world(*BASE, bound))
    book = load_workbook(review.campaign / "review.xlsx")
    for row in book["Reviews"].iter_rows(min_row=2):
        row[1].value, row[3].value, row[4].value = "keep", "dora", "2026-03-02"
    book.save(review.folder / "answers.xlsx")
    assert review.apply(review.folder / "answers.xlsx") == 0
    assert review.status()["lines"] == {"kept": 11}


SELF = """
reviewers:
  - who: ["{who}"]
    namespace: "*"
"""


@pytest.mark.parametrize(
    ("who", "line"),
    [
        ("system:serviceaccount:shop:ci", "shop/shop:ci"),
        ("shop:ci", "shop/shop:ci"),
        ("SHOP:CI", "shop/shop:ci"),
        ("Kim", "shop/kim"),
        ("k\\u200bim", "shop/kim"),
        ("\\uff4bim", "shop/kim"),
        ("ANN", "shop/acme"),
        ("system:serviceaccount:shop:other", "shop/system:serviceaccounts:shop"),
    ],
)
def test_nobody_decides_on_their_own_access_under_any_spelling(who: str, line: str, review: Review) -> None:
    """Accounts by their user name or as the tables have them, names in another case or Unicode form, and groups."""
    review.start(reviewers=SELF.format(who=who))
    name = who.encode().decode("unicode_escape") if "\\u" in who else who
    assert review.apply(review.decided({"line": line, "decision": "keep", "decided by": name})) == 2
    assert "may not decide on their own access" in review.said()


def test_a_duplicate_column_is_refused(review: Review) -> None:
    """Which one counts would be a guess; with its place, in CSV and in a workbook."""
    review.start()
    line = review.rows()[SHOP_KIM]["id"]
    path = review.folder / "a.csv"
    path.write_text(f"id,decision,Decision ,decided by,decided on\n{line},keep,revoke,dora,2026-03-02\n")
    assert review.apply(path) == 2
    assert "a.csv: line 1: duplicate column: decision" in review.said()
    book = Workbook()
    assert book.active is not None
    book.active.append(["id", "decision", "decision", "decided by", "decided on"])
    book.active.append([line, "keep", "revoke", "dora", "2026-03-02"])
    book.save(review.folder / "a.xlsx")
    assert review.apply(review.folder / "a.xlsx") == 2
    assert "a.xlsx: Sheet row 1: duplicate column: decision" in review.said()


@pytest.mark.parametrize("how", ["hidden", "veryHidden", "row", "error"])
def test_what_nobody_has_seen_is_refused(how: str, review: Review) -> None:
    """Hidden sheets, hidden rows with a decision, and cells that show an error, with their place."""
    review.start()
    ids = {name: row["id"] for name, row in review.rows().items()}
    header = ["id", "decision", "decided by", "decided on", "why", "until"]
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(header)
    sheet.append([ids[SHOP_KIM], "keep", "dora", "2026-03-02"])
    other = book.create_sheet("More")
    other.append(header)
    why = "#N/A" if how == "error" else "needed"
    other.append([ids[MALL_KIM], "exception", "dora", "2026-03-02", why, "2026-09-01"])
    other.append([ids[SHOP_CI]])
    other.row_dimensions[3].hidden = True  # a filter hides rows that are not decided, and that is no harm
    said = "sheet More is hidden"
    if how == "row":
        other.row_dimensions[2].hidden, said = True, "More row 2 is hidden"
    elif how == "error":
        said = "More row 2: why is the error value #N/A"
    else:
        other.sheet_state = how
    book.save(review.folder / "a.xlsx")
    assert review.apply(review.folder / "a.xlsx") == 2
    assert f"a.xlsx: {said}" in review.said()
    assert review.status()["undecided"] == 9


def test_a_cell_at_the_end_of_a_sheet_costs_nothing(review: Review) -> None:
    """A workbook of a few kilobytes may have one at XFD1048576; only cells that exist are looked at."""
    review.start()
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["id", "decision", "decided by", "decided on"])
    sheet.append([review.rows()[SHOP_KIM]["id"], "keep", "dora", "2026-03-02"])
    sheet["XFD1048576"] = "x"
    book.save(review.folder / "a.xlsx")
    tracemalloc.start()
    assert review.apply(review.folder / "a.xlsx") == 0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000_000
    assert review.status()["lines"] == {"kept": 1, "open": 8}


@pytest.mark.parametrize("how", ["record", "answers", "answers changed", "both removed from"])
def test_the_last_record_is_proven_by_its_answers(how: str, review: Review) -> None:
    """No later record holds its digest; the export refuses what its files of answers do not say."""
    review.start()
    answers = ({"line": SHOP_KIM, "decision": "revoke"}, {"line": MALL_KIM, "decision": "keep"})
    assert review.apply(review.decided(*answers)) == 0
    assert review.status()["undecided"] == 7
    (record,), (given,) = ((review.campaign / name).iterdir() for name in ("applied", "answers"))
    content = json.loads(record.read_bytes())
    if how == "record":
        content["decisions"][0]["decision"] = "keep"
    elif how == "both removed from":
        del content["decisions"][0]
    record.write_text(json.dumps(content))
    if how == "answers":
        given.unlink()
    elif how == "answers changed":
        given.write_bytes(given.read_bytes().replace(b"revoke", b"keep"))
    assert run_command(["review", "export", str(review.campaign), "-o", str(review.folder / "out")]) == 2
    said = review.said()
    assert any(
        part in said for part in ("is not in its files of answers", "cannot be read", "was changed", "missing from the")
    )
    assert not (review.folder / "out").exists()


def test_a_file_that_was_not_finished_is_not_a_record(review: Review) -> None:
    """A program that was killed leaves one whose name begins with a dot."""
    review.start()
    assert review.apply(review.decided({"line": SHOP_KIM, "decision": "keep"})) == 0
    (record,) = (review.campaign / "applied").iterdir()
    record.rename(record.with_name(f".{record.name}.123.tmp"))
    assert review.status()["undecided"] == 9
    record.with_name(f".{record.name}.123.tmp").write_bytes(b"{")
    assert review.status()["undecided"] == 9
