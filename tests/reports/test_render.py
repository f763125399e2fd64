"""Formats are put together at the same time, and each for itself."""

import ctypes
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from audit.cli import run_command
from audit.command_line import typed
from audit.job import memory
from reports import formats
from reports.formats import File, Report
from tests.worlds.random_zones import world_of, write_dump


def test_a_format_that_fails_keeps_no_other_from_being_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure is told, whichever comes first; what was written of the others is all there."""

    def broken(report: Report) -> Iterator[File]:
        yield File("one.txt", [b"whole"])
        raise ValueError("nobody thought of this")

    monkeypatch.setattr(formats, "FORMATS", {**formats.FORMATS, "html": broken})
    dump = write_dump(world_of(1), tmp_path / "zone")
    wanted = [word for name in ("html", "csv", "parquet") for word in ("-f", name)]
    assert run_command(["report", "-s", str(dump), "-o", str(tmp_path / "out"), *wanted]) == 3
    assert "missing: html: internal error: ValueError: nobody thought of this" in capsys.readouterr().err
    (folder,) = (tmp_path / "out").glob("2*")
    written = {path.name for path in folder.iterdir()}
    assert {"one.txt", "access.csv", "tokens.csv", "parquet"} <= written
    assert [part["name"] for part in json.loads((folder / "manifest.json").read_text())["missing"]] == ["html"]
    assert not [name for name in written if name.endswith(".tmp")]


@pytest.mark.parametrize("slip", ["xrg-0123-ns-04567", "org-0123-ns-0456", "org-0123-nss-04567", "org-0123ns-04567"])
def test_a_slip_is_found_among_ten_thousand(slip: str) -> None:
    """Wherever in the name it is, and without a look at each of them."""
    names = [f"org-{number % 400:04d}-ns-{number:05d}" for number in range(10_000)]
    meant = sorted([*names, "org-0123-ns-04567"])
    near = typed.neighbours(slip, meant)
    assert "org-0123-ns-04567" in near
    assert len(near) <= 4 * typed._NEAR


class _Other:
    """A C library that is not GNU's."""


def test_memory_is_given_back_where_that_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once what was large is gone; elsewhere nothing happens, and that is no failure."""
    asked: list[int] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(malloc_trim=asked.append))
    memory.give_back()
    assert asked == [0]
    monkeypatch.setattr(ctypes, "CDLL", lambda name: _Other())
    memory.give_back()
