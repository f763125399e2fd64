"""Answers recorded from a real API server: not one may differ."""

import csv
import gzip
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.cli import run_command
from tests.paths import DATA, SHARED

MINI = DATA / "golden-mini"
# Stands beside the checkout where the project is built, and on no user's machine.
LARGE = SHARED / "data/golden-zone"
ZONES = [MINI, *([LARGE] if LARGE.is_dir() else [])]
RIGHTS = {
    ("get", "imagestreams/layers"): "pull",
    ("update", "imagestreams/layers"): "push",
    ("create", "imagestreams"): "create",
}
NEEDS = {"pull": {"pull"}, "push": {"pull", "push"}, "create": {"pull", "push", "create"}}


class Recorded:
    """The answers of one zone, and the questions about it as people ask them."""

    def __init__(self, zone: Path) -> None:
        self.rights: dict[tuple[str, str, str, str], bool] = {}
        self.named: dict[tuple[str, str], list[str]] = defaultdict(list)
        with gzip.open(zone / "access-reviews.csv.gz", "rt", encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                right = RIGHTS[row["verb"], row["resource"]]
                self.rights[row["user"], right, row["namespace"], row["name"]] = row["allowed"] == "true"
                if right == "push":
                    self.named[row["user"], row["namespace"]].append(row["name"])

    def questions(self) -> Iterator[tuple[list[str], str]]:
        """Each question with its answer; a push takes several rights, which the server answered one by one."""
        for (user, right, namespace, name), allowed in self.rights.items():
            account = user.removeprefix("system:serviceaccount:")
            subject = ["ServiceAccount", account] if account != user else ["User", user]
            for repository in self.named[user, namespace] if right == "create" else [name]:
                others = NEEDS[right] - {right}
                answer = allowed and all(self.rights[user, other, namespace, repository] for other in others)
                yield ["", *subject, right, namespace, repository], "yes" if answer else "no"


@pytest.mark.no_cover
@pytest.mark.parametrize("zone", ZONES, ids=lambda zone: zone.name)
def test_every_recorded_answer_is_given(zone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All questions in one file, through the command that people use; they come back as they were asked."""
    asked, expected = zip(*Recorded(zone).questions(), strict=True)
    path = tmp_path / "questions.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["zone", "subject_kind", "subject", "action", "namespace", "repository"], *asked])
    assert run_command(["can", "--questions", str(path), "--snapshot", str(zone)]) == 0
    header, *answers = csv.reader(capsys.readouterr().out.splitlines())
    assert header[-1] == "answer"
    assert [row[:-1] for row in answers] == list(asked)
    assert [row for row, answer in zip(answers, expected, strict=True) if row[-1] != answer] == []
    assert {"yes", "no"} == set(expected)
    assert len(expected) > len(Recorded(zone).rights) * 0.9


def test_no_answer_was_left_out() -> None:
    """The small zone has 8,988 recorded answers, and every one of them is asked for."""
    assert len(Recorded(MINI).rights) == 8988


# SHA-256 over the columns that each table had when version 3 was published, in which a push asks for pull as well, and
# how many these are.
FIRST = {
    "access": (21, "25b1509068bdee189d5dcbd0204a14474bac4f9cd6867107997a2a0d85759f26"),
    "grants": (23, "c7a75a40aa1b9e9c71e2c53153a6b3799ae015b22bd0f3a3cc26713a4eeda205"),
}


def test_the_tables_are_those_that_were_first_published(tmp_path: Path) -> None:
    """Byte for byte, whatever became faster since; new columns stand behind the others."""
    assert run_command(["report", "-s", str(MINI), "-o", str(tmp_path), "-f", "csv"]) == 0
    (folder,) = tmp_path.glob("2*")
    for name, (columns, digest) in FIRST.items():
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = [row[:columns] for row in csv.reader(file)]
        assert hashlib.sha256(json.dumps(rows).encode()).hexdigest() == digest, name
