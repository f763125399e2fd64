"""Extras: the main job works without them, and what needs one says so in one message."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from audit import extras
from audit.cli import run_command
from tests.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# A program in which the packages of all extras cannot be imported, nor the client that is only for runs in a cluster.
WITHOUT = """
import importlib.util, sys
from audit.extras import EXTRAS
gone = {package for _, packages in EXTRAS.values() for package in packages} | {'kubernetes'}
class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in gone:
            raise ModuleNotFoundError(name)
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name in gone else find(name, *rest)
import audit.extras
audit.extras.find_spec = importlib.util.find_spec
sys.meta_path.insert(0, Gone())
from audit.cli import run_command
sys.exit(run_command(sys.argv[1:]))
"""


def test_each_extra_is_declared_with_its_packages() -> None:
    """Under the same name, and `all` is all of them; what the user asked for stays in the usual installation."""
    declared = {
        name: {re.split(r"[<>=]", one)[0] for one in packages}
        for name, packages in PROJECT["optional-dependencies"].items()
    }
    everything = declared.pop("all")
    assert {name: {*packages} for name, (_, packages) in extras.EXTRAS.items()} == declared
    assert everything == {f"{PROJECT['name']}[{','.join(sorted(declared))}]"}
    usual = {re.split(r"[<>=]", one)[0] for one in PROJECT["dependencies"]}
    assert {"kubernetes", "pandas"} <= usual
    assert not usual & {package for packages in declared.values() for package in packages}


def test_the_demo_runs_without_any_extra(tmp_path: Path) -> None:
    """The whole job, questions and a review in CSV files; nothing imports what may be missing."""
    out = str(tmp_path / "out")
    for command in (["demo", "--out", out], ["who", "push", "globex-payments", "--snapshot", out]):
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT, *command], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "review" / "review.csv").is_file()
    assert not (tmp_path / "out" / "review" / "review.xlsx").exists()


@pytest.mark.parametrize(
    ("extra", "command"),
    [
        ("sql", ["query", "SELECT 1", "--runs", "OUT"]),
        ("s3", ["who", "push", "shop", "--snapshot", "s3://bucket/runs/latest"]),
        ("s3", ["report", "--snapshot", "DEMO", "--out", "s3://bucket/runs"]),
        ("xlsx", ["report", "--snapshot", "DEMO", "--out", "OUT", "--format", "xlsx"]),
        ("xlsx", ["review", "apply", "OUT", "answers.xlsx"]),
    ],
)
def test_what_needs_an_extra_says_so(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    extra: str,
    command: list[str],
) -> None:
    """One message with what to install, exit code 2, and nothing is written."""
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    named = {"OUT": str(tmp_path / "out"), "DEMO": str(ROOT / "audit/demo/demo-1")}
    assert run_command([named.get(word, word) for word in command]) == 2
    printed = capsys.readouterr()
    packages = " ".join(extras.EXTRAS[extra][1])
    assert f"the extra [{extra}], which is not installed (pip install {packages})" in printed.err
    assert not (tmp_path / "out").exists()
