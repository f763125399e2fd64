"""Files that version 0.1 wrote (two runs with all tables, and a review): every command reads them, and goes on.

They are never written again: docs/compatibility.md promises that runs stay readable.
"""

import json
import tarfile
from pathlib import Path

import pytest

from audit.cli import run_command
from audit.frames import frames
from audit.snapshot.model import load
from tests.commands.test_commands import rows
from tests.paths import ROOT

FIRST, SECOND = "20261126T084151Z", "20261126T084154Z"


@pytest.fixture(name="old")
def old_fixture(tmp_path: Path) -> Path:
    """Return a folder with `runs` and `review` as version 0.1 left them."""
    with tarfile.open(ROOT / "tests/data/version-0.1.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


def value(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> object:
    """Return what a command prints as JSON."""
    assert run_command([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_questions_are_answered_from_them(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Single answers, lists, and tables as frames, from a run and from the folder of runs."""
    runs = str(old / "runs")
    assert load(old / "runs" / SECOND / "snapshots/one.snapshot").state == "complete"
    assert len(frames(runs)["access"]) == len(rows(old / "runs" / SECOND / "access.csv"))
    holders = value(capsys, "who", "push", "vault", "--snapshot", runs)
    assert isinstance(holders, list)
    assert "system:authenticated" in {row["subject"] for row in holders}
    before = value(capsys, "who", "push", "vault", "--snapshot", f"{runs}/{FIRST}")
    assert isinstance(before, list)
    assert "system:authenticated" not in {row["subject"] for row in before}


def test_their_past_is_known(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """History, differences, and SQL over their Parquet files."""
    runs = str(old / "runs")
    history = value(capsys, "history", "group/system:authenticated", "--runs", runs)
    assert isinstance(history, dict)
    assert {span["since"] for span in history["spans"] if span["namespace"] == "vault"} == {SECOND}
    changed = value(capsys, "diff", f"{runs}/{FIRST}", f"{runs}/{SECOND}")
    assert "system:authenticated" in json.dumps(changed)
    counted = value(capsys, "query", "SELECT count(*) AS n FROM access", "--runs", runs)
    assert isinstance(counted, list)
    assert counted[0]["n"] == sum(len(rows(old / "runs" / run / "access.csv")) for run in (FIRST, SECOND))


def test_evidence_holds_and_goes_on(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every file and the chain are checked; the next run is compared with the last, and knows its findings."""
    runs = str(old / "runs")
    assert run_command(["check-evidence", runs]) == 0
    assert run_command(["report", "--snapshot", runs, "--out", runs, "--format", "csv"]) == 0
    capsys.readouterr()
    (new,) = {path.name for path in (old / "runs").glob("2*")} - {FIRST, SECOND}
    assert {row["state"] for row in rows(old / "runs" / new / "findings.csv") if row["check"] == "every-user-push"} == {
        "open"
    }
    assert rows(old / "runs" / new / "changes.csv") == []
    manifest = json.loads((old / "runs" / new / "manifest.json").read_text())
    assert manifest["previous"]["run_id"] == SECOND
    assert run_command(["check-evidence", runs]) == 0


def test_a_review_is_carried_on(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its lines, and what a later state proves about them."""
    status = value(capsys, "review", "status", str(old / "review"), "--snapshot", str(old / "runs"))
    assert isinstance(status, dict)
    assert status["undecided"] == 5
