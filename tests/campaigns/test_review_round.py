"""A whole campaign: decided in a real spreadsheet program and in CSV, applied, and proven by what is seen later."""

import csv
import json
from collections import Counter
from pathlib import Path
from zipfile import ZipFile

import pytest

from audit.cli import run_command
from audit.commands import review as reviewing
from audit.snapshot.model import Gap, encode
from tests.campaigns.spreadsheet import typed
from tests.campaigns.test_reviews import seen_at
from tests.worlds.clock import clock
from tests.worlds.plain_rbac import World
from tests.worlds.small import CREATE, PULL, PUSH, bind, namespace, role, world
from tests.worlds.snapshots import snapshot_of

SPACES, PEOPLE, SILENT = 100, 50, 10
VERDICTS = ("keep", "reduce", "revoke", "exception")
BLIND = 7  # a namespace whose bindings are not seen later
REVIEWERS = """
reviewers:
  - who: [cara]
    organization: team-*
  - who: [dora]
    namespace: "*"
"""


def estate(*, later: bool = False) -> World:
    """A hundred namespaces, with fifty people each in four roles; later, what was done in every other of them."""
    pieces = []
    for space in range(SPACES):
        name, done = f"ns-{space:03}", later and space % 2 == 0
        pieces.append(namespace(name, f"team-{space % 9}"))
        rules = {"keep": [PUSH], "reduce": [PULL if done else PUSH], "revoke": [PUSH], "exception": [PUSH]}
        if later and space % 10 == 0:
            rules["keep"].append(CREATE)
        pieces += [role(name, f"to-{verdict}", *of) for verdict, of in rules.items()]
        for person in range(PEOPLE):
            verdict = VERDICTS[person % 4]
            if done and verdict == "revoke":
                continue
            subject = ("User", f"=person {space}-{person}")
            pieces.append(bind(name, f"b-{person:02}", f"to-{verdict}", subject, kind="Role"))
    return world(*pieces)


@pytest.mark.no_cover
@pytest.mark.slow
def test_a_campaign_of_five_thousand_lines_goes_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half is typed into LibreOffice, half written as CSV; every removal is proven, denied, or not known."""
    (tmp_path / "reviewers.yaml").write_text(REVIEWERS)
    (tmp_path / "before.snapshot").write_bytes(encode(seen_at(snapshot_of(estate()), 1)))
    gap = Gap("rolebindings", f"ns-{BLIND:03}", "refused", "no")
    (tmp_path / "after.snapshot").write_bytes(encode(seen_at(snapshot_of(estate(later=True), [gap]), 5)))
    monkeypatch.setattr(reviewing, "datetime", clock(2))
    campaign = tmp_path / "campaign"
    start = ["review", "start", "-s", str(tmp_path / "before.snapshot"), "-r", str(tmp_path / "reviewers.yaml")]
    assert run_command([*start, "--due", "2026-03-31", "-n", "ns-*", "-o", str(campaign)]) == 0
    rows = read(campaign / "review.csv")
    assert len(rows) == SPACES * PEOPLE
    answers = [answer(row) for row in rows[:-SILENT]]
    half = len(rows) // 2
    sheet = typed(campaign / "review.xlsx", answers[:half], tmp_path / "decided.xlsx")
    assert b"LibreOffice" in ZipFile(sheet).read("docProps/app.xml")
    with (tmp_path / "decided.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(rows[0])
        for at, row in enumerate(rows[half:], half):
            said = answers[at] if at < len(answers) else [""] * 6
            writer.writerow([row["id"], *said, *list(row.values())[7:]])
    capsys.readouterr()
    assert run_command(["review", "apply", str(campaign), str(sheet), str(tmp_path / "decided.csv"), "--json"]) == 0
    taken = json.loads(capsys.readouterr().out)
    assert taken == {"taken": len(answers), "known": 0, "undecided": half + SILENT}
    monkeypatch.setattr(reviewing, "datetime", clock(6))
    proof = ["-s", str(tmp_path / "after.snapshot"), "-o", str(tmp_path / "evidence"), "--json"]
    assert run_command(["review", "export", str(campaign), *proof]) == 3
    outcomes = {one["id"]: one["outcome"] for one in read(tmp_path / "evidence/decisions.csv")}
    assert outcomes == {row["id"]: expected(at, row) for at, row in enumerate(rows)}
    counts = Counter(outcomes.values())
    assert counts == json.loads(capsys.readouterr().out)["outcomes"]
    assert min(counts["revoked, verified gone"], counts["revoked, still there"], counts["reduced, verified"]) > 500
    assert counts["revoked, unknown"] == len([n for n in range(PEOPLE) if n % 4 == 2])
    assert counts["open"] == SILENT


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def person(row: dict[str, str]) -> tuple[int, int]:
    """The namespace and the person of a line, by number."""
    space, _, number = row["subject"].rpartition(" ")[2].partition("-")
    return int(space), int(number)


def answer(row: dict[str, str]) -> list[str]:
    """What somebody types beside a line."""
    verdict = VERDICTS[person(row)[1] % 4]
    who = "cara" if person(row)[0] % 2 else "dora"
    until = "2026-09-30" if verdict == "exception" else ""
    return [verdict, until, who, "2026-03-02", f"because of {verdict}", "4711"]


def expected(at: int, row: dict[str, str]) -> str:
    """What has become of a line, by how the later estate was made."""
    (space, number), done = person(row), person(row)[0] % 2 == 0
    if at >= SPACES * PEOPLE - SILENT:
        return "open"
    if VERDICTS[number % 4] == "keep":
        return "reopened" if space % 10 == 0 else "kept"
    if VERDICTS[number % 4] == "exception":
        return "exception"
    if space == BLIND:
        return f"{'reduced' if number % 4 == 1 else 'revoked'}, unknown"
    if number % 4 == 1:
        return "reduced, verified" if done else "reduced, still there"
    return "revoked, verified gone" if done else "revoked, still there"
