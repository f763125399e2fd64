"""What fails costs only itself: the manifest, `latest` and the other parts are written, and say what is missing."""

import errno
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Never

import pytest

from audit.access.facts import build
from audit.cli import run_command
from audit.errors import UsageError
from audit.job.judging import Judging
from audit.runs.check import check_evidence
from audit.snapshot.model import encode
from audit.storage.files import write_private
from audit.storage.store import Folder
from reports import formats
from tests.worlds.small import BOUND
from tests.worlds.snapshots import snapshot_of


class NativePanicError(BaseException):
    """As a library in Rust raises it."""


FAILURES = [
    MemoryError(),
    NativePanicError("index out of bounds"),
    RecursionError("too deep"),
    OSError(errno.ENOSPC, "No space left on device"),
    UnicodeDecodeError("ascii", b"\xc3", 0, 1, "ordinal not in range"),
]


@pytest.fixture(name="facts")
def facts_fixture(tmp_path: Path) -> list[str]:
    paths = []
    for zone in ("one", "two"):
        path = tmp_path / f"{zone}.snapshot"
        path.write_bytes(encode(snapshot_of(BOUND, zone=zone)))
        paths += ["--snapshot", str(path)]
    return paths


def manifest_of(out: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((out / "latest/manifest.json").read_text())
    return content


def failing(error: BaseException) -> Callable[..., Never]:
    def fail(*arguments: object, **more: object) -> Never:
        raise error

    return fail


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_a_format_that_fails(
    tmp_path: Path, facts: list[str], error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are there, the manifest names it with the reason, `latest` moves, exit code 3, evidence is valid."""

    def half(report: formats.Report) -> Iterator[formats.File]:
        yield formats.File("findings.sarif", [b"{}"])
        raise error

    monkeypatch.setattr(formats, "FORMATS", {**formats.FORMATS, "sarif": half})
    out = tmp_path / "out"
    chosen = [word for name in ("sarif", "csv", "html", "parquet") for word in ("--format", name)]
    assert run_command(["report", *facts, "--out", str(out), *chosen]) == 3
    manifest = manifest_of(out)
    assert (manifest["state"], manifest["exit_code"]) == ("partial", 3)
    assert [part["name"] for part in manifest["missing"]] == ["sarif"]
    assert manifest["missing"][0]["reason"]
    assert {"access.csv", "report.html", "findings.json"} <= {file["name"] for file in manifest["files"]}
    assert not check_evidence(str(out), None).problems
    assert {zone["state"] for zone in manifest["zones"]} == {"complete"}


def test_a_file_that_cannot_be_written(tmp_path: Path, facts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file of a run in turn, on a full disk: the others are there, and evidence is valid."""
    plain = tmp_path / "plain"
    assert run_command(["report", *facts, "--out", str(plain), "--format", "csv"]) == 0
    names = [file["name"] for file in manifest_of(plain)["files"]]
    write = Folder.write
    for at, name in enumerate(names):

        def full(self: Folder, file: str, chunks: Any, name: str = name) -> int:
            if file == name:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(self, file, chunks)

        out = tmp_path / f"out-{at}"
        with monkeypatch.context() as patch:
            patch.setattr(Folder, "write", full)
            assert run_command(["report", *facts, "--out", str(out), "--format", "csv"]) == 3
        manifest = manifest_of(out)
        (missing,) = manifest["missing"]
        assert missing["name"] in {name, "csv"}
        assert missing["reason"] == "No space left on device"
        assert not check_evidence(str(out), None).problems
        left = {file["name"] for file in manifest["files"]}
        assert left >= {other for other in names if not other.endswith(".csv")} - {name}


def test_a_disk_that_is_full_at_the_end(tmp_path: Path, facts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left of a format that failed makes room for the manifest."""
    room = {"left": 70_000}

    def limited(path: Path, chunks: Any, *, mode: int = 0o600) -> int:
        data = b"".join(chunks)
        if len(data) > room["left"]:
            room["left"] = min(room["left"], 100)
            raise UsageError("cannot write this file: No space left on device", where=str(path))
        room["left"] -= len(data)
        return write_private(path, [data], mode=mode)

    def remove(self: Folder, name: str, plain: Any = Folder.remove) -> None:
        size = (self.path / name).stat().st_size if (self.path / name).is_file() else 0
        plain(self, name)
        room["left"] += size

    monkeypatch.setattr("audit.storage.store.write_private", limited)
    monkeypatch.setattr(Folder, "remove", remove)
    monkeypatch.setattr("audit.job.run._FORMATS_AT_ONCE", 1)  # the page must not take the space first
    out = tmp_path / "out"
    assert run_command(["report", *facts, "--out", str(out), "--format", "csv", "--format", "html"]) == 3
    manifest = manifest_of(out)
    assert {"csv", "html"} <= {part["name"] for part in manifest["missing"]}
    assert not check_evidence(str(out), None).problems


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_a_zone_whose_tables_cannot_be_made(
    tmp_path: Path, facts: list[str], error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is failed, and its answers unknown; the other zone is whole; evidence is valid."""
    plain = build.facts_of

    def facts_of(snapshot: Any, *arguments: Any, **more: Any) -> Any:
        if snapshot.origin.zone == "one" and snapshot.state != "failed":
            raise error
        return plain(snapshot, *arguments, **more)

    monkeypatch.setattr("audit.job.run.facts_of", facts_of)
    out = tmp_path / "out"
    assert run_command(["report", *facts, "--out", str(out), "--format", "csv"]) == 3
    (run,) = (path for path in out.iterdir() if path.is_dir())
    manifest = json.loads((run / "manifest.json").read_text())
    assert {zone["id"]: zone["state"] for zone in manifest["zones"]} == {"one": "failed", "two": "complete"}
    assert "its tables could not be made" in manifest["run"]["zones"][0]["gaps"][0]
    assert not (out / "latest").exists()
    assert not check_evidence(str(out), None).problems


def test_a_zone_that_cannot_be_judged(tmp_path: Path, facts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is partial and says so; its access is there."""
    monkeypatch.setattr(Judging, "zone", failing(RecursionError("too deep")))
    out = tmp_path / "out"
    assert run_command(["report", *facts, "--out", str(out), "--format", "csv"]) == 3
    (run,) = (path for path in out.iterdir() if path.is_dir())
    manifest = json.loads((run / "manifest.json").read_text())
    assert {zone["state"] for zone in manifest["zones"]} == {"partial"}
    assert all("its findings: " in zone["gaps"][-1] for zone in manifest["run"]["zones"])
    assert not check_evidence(str(out), None).problems


def test_a_stop_is_never_contained(tmp_path: Path, facts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in a format ends the program."""
    monkeypatch.setattr(formats, "FORMATS", {**formats.FORMATS, "csv": failing(KeyboardInterrupt())})
    assert run_command(["report", *facts, "--out", str(tmp_path / "out"), "--format", "csv"]) == 143
