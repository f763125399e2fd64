"""Each file operation of a run fails in turn: the other parts are there, and the manifest says which is not.

With `REGISTRY_AUDIT_FUZZ` all operations are tried, else a few that are drawn, and the last.
"""

import errno
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from audit.cli import run_command
from tests.worlds.random_zones import world_of, write_dump

EVERY = "REGISTRY_AUDIT_FUZZ" in os.environ
FAILURES = {"full": errno.ENOSPC, "error": errno.EIO, "denied": errno.EACCES}
OPERATIONS = ("open", "fsync", "mkdir", "replace", "symlink")  # of writing, counted in the folder of runs only


class Failing:
    """Counts operations on files in a folder, and lets one of them fail."""

    def __init__(self, folder: Path, at: int, code: int) -> None:
        self.count = 0
        self.failed = ""
        self._folder = str(folder)
        self._at = at
        self._code = code
        self._ours: set[int] = set()

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in OPERATIONS:
            monkeypatch.setattr(os, name, self._wrapped(name, getattr(os, name)))

    def _wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*given: Any, **more: Any) -> Any:
            if self._concerns(name, given):
                self.count += 1
                if self.count == self._at:
                    self.failed = f"{name} {given[0]}"
                    raise OSError(self._code, os.strerror(self._code), str(given[0]))
            result = real(*given, **more)
            if name == "open" and self._concerns(name, given):
                self._ours.add(result)
            return result

        return operation

    def _concerns(self, name: str, given: tuple[Any, ...]) -> bool:
        if name == "fsync":
            return given[0] in self._ours
        if name == "open" and not given[1] & (os.O_WRONLY | os.O_RDWR):
            return False
        target = given[1] if name == "symlink" else given[0]
        return str(target).startswith(self._folder)


def report(folder: Path, dump: Path) -> int:
    formats = [part for name in ("csv", "html", "jsonl", "sarif") for part in ("--format", name)]
    return run_command(["report", "--snapshot", str(dump), "--out", str(folder), *formats])


def check(out: Path, code: int, what: str) -> None:
    """What is there is whole, what is not is said; `latest` leads to a whole run."""
    manifests = sorted(out.glob("2*/manifest.json")) if out.exists() else []
    latest = out / "latest"
    if latest.is_symlink():
        # It moves where a format is missing too; then the manifest says so.
        found = json.loads((latest / "manifest.json").read_text())
        assert found["state"] == ("partial" if found.get("missing") else "complete"), what
    if not manifests:
        assert code == 2, what
        return
    manifest = json.loads(manifests[-1].read_text())
    for file in manifest["files"]:
        data = (manifests[-1].parent / file["name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == file["sha256"], (what, file["name"])
    names = {file["name"] for file in manifest["files"]}
    missing = json.dumps(manifest.get("missing", []))
    for name in ("report.html", "access.csv", "grants.csv", "findings.sarif", "metrics.prom"):
        assert name in names or name.rpartition(".")[2] in missing, (what, name, missing)
    assert code in {0, 2, 3}, what
    assert not list(out.rglob(".*.tmp")), what


@pytest.mark.slow
@pytest.mark.parametrize("failure", FAILURES)
def test_each_operation_fails_in_turn(tmp_path: Path, failure: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback, no bug, no part lost but the one that failed."""
    dump = write_dump(world_of(3), tmp_path / "dump")
    with pytest.MonkeyPatch.context() as monkeypatch:
        counting = Failing(tmp_path / "all", 0, 0)
        counting.install(monkeypatch)
        assert report(tmp_path / "all", dump) == 0
    assert counting.count > 20
    turns = range(1, counting.count + 1)
    for at in turns if EVERY else [*Random(failure).sample(turns, 2), counting.count]:
        out = tmp_path / f"out-{at}"
        with pytest.MonkeyPatch.context() as monkeypatch:
            failing = Failing(out, at, FAILURES[failure])
            failing.install(monkeypatch)
            code = report(out, dump)
        said = capsys.readouterr().err
        what = f"{at}: {failing.failed}: {code}: {said[-600:]}"
        if not failing.failed:  # a run may end with fewer operations than the one that was counted
            assert code == 0, what
            assert at > 0.9 * counting.count, what
            continue
        assert "bug" not in said, what
        assert "internal error: " not in said, what
        check(out, code, what)
