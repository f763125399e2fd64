"""Each number of each file of a run, read back by others than those that wrote it, is the manifest's."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import openpyxl
import pytest

from audit.cli import run_command
from audit.snapshot.model import Gap, encode
from benchmarks.estate import Estate, Shape
from reports.formats import FORMATS
from tests.runs.read_back import reconciled
from tests.worlds.snapshots import snapshot_of

EVERY_FORMAT = [part for name in FORMATS for part in ("--format", name)]
SIZE = int(os.environ.get("REGISTRY_AUDIT_NAMESPACES", "600"))  # 10,000 take some minutes
# Of three zones: one that is whole, one of which something is hidden, and one that was there before, and differs.
LARGE = (
    Shape(namespaces=SIZE * 9 // 10, organizations=max(SIZE // 25, 10)),
    Shape(namespaces=SIZE * 7 // 100 + 30, organizations=30, seed=2),
    Shape(namespaces=SIZE * 5 // 100 + 30, organizations=20, seed=3),
)
SMALL = tuple(Shape(namespaces=30, organizations=5, cluster_wide=4, seed=seed) for seed in (1, 2, 3))
CONFIG = """\
zones: [{id: whole}, {id: blind}, {id: changed}]
namespaces: {exclude: {names: ['*-ns-0000?']}}
exceptions: accepted.yaml
"""


def accepted() -> str:
    until = (datetime.now(UTC) + timedelta(days=300)).date()
    shared = f"why: It goes by itself., decided_by: platform, until: {until}"
    return f"exceptions:\n  - {{check: token-old, zone: whole, {shared}}}\n  - {{check: catalog, {shared}}}\n"


def kept(folder: Path, zone: str, world: Mapping[str, Any], *hidden: Gap) -> list[str]:
    path = folder / f"{zone}.snapshot"
    path.write_bytes(encode(snapshot_of(dict(world), hidden, zone=zone)))
    return ["--snapshot", str(path)]


def written(folder: Path, shapes: tuple[Shape, ...]) -> Path:
    """Two runs: one zone by itself; then all three of them."""
    whole, blind, changed = (dict(Estate(shape).kinds()) for shape in shapes)
    (folder / "accepted.yaml").write_text(accepted())
    (folder / "config.yaml").write_text(CONFIG)
    report = ["report", "--config", str(folder / "config.yaml"), "--out", str(folder / "runs")]
    assert untraced("audit", *report, *kept(folder, "changed", changed), "--format", "csv")[0] == 0
    changed["rolebindings"] = [one for number, one in enumerate(changed["rolebindings"]) if number % 40]
    zones = [
        *kept(folder, "changed", changed),
        *kept(folder, "blind", blind, Gap("clusterroles", "", "refused", "no")),
        *kept(folder, "whole", whole),
    ]
    assert untraced("audit", *report, *zones, *EVERY_FORMAT)[0] == 3
    return max(path for path in (folder / "runs").iterdir() if path.is_dir() and not path.is_symlink())


def untraced(module: str, *arguments: str) -> tuple[int, str]:
    """Run a program by itself; its lines are not traced, for other tests do that, and it takes twice as long."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], env=plain, check=False, stdout=subprocess.PIPE, text=True
    )
    return done.returncode, done.stdout


def spoiled(run: Path, name: str) -> None:
    """Change the byte in the middle of a file to the next one."""
    with (run / name).open("r+b") as file:
        at = (run / name).stat().st_size // 2
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1]))


@pytest.mark.no_cover
@pytest.mark.slow
def test_every_number_of_a_large_run_reconciles(tmp_path: Path) -> None:
    """With exceptions, changes, namespaces left out, and answers not known; then one byte of each file is changed."""
    run = written(tmp_path, LARGE)
    manifest = json.loads((run / "manifest.json").read_bytes())
    lists = {(zone["id"], one["kind"]): one for zone in manifest["zones"] for one in zone["lists"]}
    spaces = [one for (_, kind), one in lists.items() if kind == "namespaces"]
    assert sum(one["evaluated"] for one in spaces) > SIZE
    assert sum(one["excluded"] for one in spaces) == 30
    assert lists["blind", "rolebindings"]["unknown"] > SIZE // 2
    assert manifest["run"]["findings"]["accepted"] > SIZE // 10
    assert manifest["run"]["findings"]["gone"] > 0
    told = {file["name"]: file["rows"] for file in manifest["files"]}
    assert told["changes.csv"] > 10
    assert told["findings.sarif"] == min(told["findings.csv"] - manifest["run"]["findings"]["gone"], 25_000)
    code, rows = untraced("tests.runs.read_back", str(run))
    assert code == 0
    assert json.loads(rows)["Reviews"] > 4 * SIZE
    assert untraced("audit", "check-evidence", str(run.parent)) == (0, "2 runs checked: all evidence is valid\n")
    changed = {file["name"] for file in manifest["files"] if file["size"]}
    for name in changed:
        spoiled(run, name)
    code, said = untraced("audit", "check-evidence", "--json", str(run.parent))
    assert code == 5
    problems = [one["what"] for one in json.loads(said)["problems"] if one["run"] == run.name]
    assert {name for name in told if f"{name} was changed" in problems} == changed


@pytest.fixture(scope="module", name="small")
def small_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of a few namespaces."""
    return written(tmp_path_factory.mktemp("small"), SMALL)


@pytest.mark.no_cover
@pytest.mark.slow
def test_a_run_of_a_few_namespaces_reconciles_too(small: Path) -> None:
    """And so does the one before it, which wrote one format, by the command."""
    assert reconciled(small)["Platform"] > 50
    assert run_command(["check-evidence", str(small.parent)]) == 0


def resealed(run: Path, name: str, before: str, after: str) -> None:
    """Change a text of a file once, and the manifest with it."""
    data = (run / name).read_bytes()
    assert before.encode() in data, (name, before)
    data = data.replace(before.encode(), after.encode(), 1)
    (run / name).write_bytes(data)
    manifest = json.loads((run / "manifest.json").read_bytes())
    for file in manifest["files"]:
        if file["name"] == name:
            file |= {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    text = json.dumps(manifest, indent=2).encode()
    (run / "manifest.json").write_bytes(text)
    (run / "manifest.sha256").write_text(f"{hashlib.sha256(text).hexdigest()}  manifest.json\n")


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("access.csv", ",yes,", ",no,"),
        ("grants.jsonl", '"pull":"yes"', '"pull":"no"'),
        ("coverage.csv", ",seen,4,", ",seen,5,"),
        ("findings.json", '"state":"accepted"', '"state":"open"'),
        ("findings.ocsf.jsonl", '"severity":"High"', '"severity":"Low"'),
        ("findings.sarif", '"kind": "fail"', '"kind": "failed"'),
        ("findings.sarif", '"state": "accepted"', '"state": "open"'),
        ("metrics.prom", 'severity="high"} ', 'severity="high"} 1'),
        ("changes.md", "ost access: ", "ost access: 1"),
        ("report.html", 'href="#/namespaces"><b>', 'href="#/namespaces"><b>1'),
        ("manifest.json", '"evaluated": ', '"evaluated": 1'),
        ("manifest.json", '"accepted": ', '"accepted": 1'),
        ("manifest.json", '"rows": ', '"rows": 1'),
    ],
)
def test_a_number_that_is_not_so_is_found(small: Path, tmp_path: Path, name: str, before: str, after: str) -> None:
    """Also when the manifest has the digest of the file that says it."""
    run = Path(shutil.copytree(small, tmp_path / small.name))
    resealed(run, name, before, after)
    with pytest.raises((AssertionError, jsonschema_rs.ValidationError)):
        reconciled(run)


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize(
    ("sheet", "cell"), [("Summary", "B2"), ("Namespaces", "E3"), ("Reviews", "N4"), ("Findings", "A2")]
)
def test_a_cell_that_is_not_so_is_found(small: Path, tmp_path: Path, sheet: str, cell: str) -> None:
    """In the workbook too."""
    run = Path(shutil.copytree(small, tmp_path / small.name))
    book = openpyxl.load_workbook(run / "review.xlsx")
    book[sheet][cell] = 99
    book.save(run / "review.xlsx")
    resealed(run, "review.xlsx", "", "")
    with pytest.raises(AssertionError):
        reconciled(run)
