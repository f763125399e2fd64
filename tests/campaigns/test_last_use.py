"""The last use beside each line of a review, against the table `grants` of the same zone and logs."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from audit.access.facts.build import facts_of
from audit.campaigns.campaign import ZoneLines
from audit.campaigns.evidence import COLUMNS
from audit.checks.settings import Settings
from audit.cli import run_command
from audit.snapshot.model import SUFFIX, encode
from audit.storage.store import store_of
from audit.usage.files import read_files
from audit.usage.history import History
from audit.usage.tables import with_use
from tests.usage.test_joined import END, the_snapshot, use_of


def test_each_line_has_the_last_use_of_its_grant(tmp_path: Path) -> None:
    """The latest of its repositories; `not used` only where every row of the grant says so."""
    snapshot, use = the_snapshot(), use_of(tmp_path)
    grants = with_use(facts_of(snapshot), use, snapshot)["grants"].records()
    zone = ZoneLines(snapshot, Settings())
    answers = set()
    for entry in zone.weighed(zone.lines.values(), END, use):
        line = entry.line
        names = ("namespace", "binding_kind", "binding", "subject_kind", "subject")
        rows = [row for row in grants if all(row[name] == getattr(line, name) for name in names)]
        assert rows, line
        assert entry.last_used == max(str(row["last_used"]) for row in rows)
        found = {row["used"] for row in rows}
        if entry.used == "not used":
            assert found <= {"not used", ""}
        else:
            assert entry.used in found
        answers.add(entry.used)
    assert {"used", "not used", "not known"} <= answers


def test_nothing_is_said_of_use_without_logs() -> None:
    """Empty cells, and no `not used`."""
    zone = ZoneLines(the_snapshot(), Settings())
    assert {(entry.used, entry.last_used) for entry in zone.weighed(zone.lines.values(), END)} == {("", "")}


@pytest.mark.parametrize("runs", [True, False])
def test_a_campaign_shows_it(tmp_path: Path, runs: bool) -> None:
    """In the CSV to decide in, if the folder of runs is given; and nobody is told `not used` for too short a time."""
    snapshot = the_snapshot()
    (tmp_path / f"zone-1{SUFFIX}").write_bytes(encode(replace(snapshot)))
    use_of(tmp_path)
    History(store_of(str(tmp_path / "runs")), "zone-1").add(read_files([tmp_path / "registry.log"], processes=1))
    reviewers = tmp_path / "reviewers.yaml"
    reviewers.write_text("reviewers:\n  - who: [zoe]\n    organization: '*'\n")
    options = ["--runs", str(tmp_path / "runs"), "--replicas", "1"] if runs else []
    command = ["review", "start", "-s", str(tmp_path / f"zone-1{SUFFIX}"), "-r", str(reviewers), "--due", "2099-01-01"]
    assert run_command([*command, "-o", str(tmp_path / "review"), *options]) == 0
    text = (tmp_path / "review/review.csv").read_text("utf-8-sig")
    rows = {(row["namespace"], row["subject"]): row for row in csv.DictReader(io.StringIO(text))}
    line = rows["shop", "shop:ci"]
    assert (line["used"], bool(line["last used"])) == (("used", True) if runs else ("", False))
    assert {row["used"] for row in rows.values()} <= {"used", "not known", ""}
    assert {"used", "last_used"} <= {*COLUMNS}
