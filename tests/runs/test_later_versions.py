"""Files of a later version: each reader refuses them in one line that names both versions, and goes on with the rest.

docs/compatibility.md promises this of every version, so that going back damages nothing.
"""

import gzip
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audit.campaigns.campaign import VERSION as REVIEW_VERSION
from audit.cli import run_command
from audit.errors import UsageError
from audit.findings.model import VERSION as FINDINGS_VERSION
from audit.findings.model import decode_findings
from audit.format_version import UPGRADE
from audit.runs.head import load_head
from audit.runs.runs import VERSION as MANIFEST_VERSION
from audit.runs.shards import VERSION as SHARD_VERSION
from audit.runs.shards import records
from audit.snapshot.model import VERSION as SNAPSHOT_VERSION
from audit.snapshot.model import decode, is_snapshot
from audit.storage.store import Folder
from audit.tables.schemas import VERSION as TABLES_VERSION
from reports.parquet import version_in
from tests.commands.test_commands import DEMO
from tests.paths import ROOT

DIFFERENT = (lambda held: {**held, "more": [1]}, lambda held: {name: held[name] for name in ("format", "version")})
SHAPES = pytest.mark.parametrize("reshape", DIFFERENT, ids=["with more", "with nothing else"])
Reshape = Callable[[dict[str, object]], dict[str, object]]


def refusal(reads: int) -> str:
    return f"has format version {reads + 1}; this program reads up to version {reads}"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As this version writes them: two runs with Parquet tables, and a review."""
    folder = tmp_path_factory.mktemp("written")
    for _ in range(2):
        assert run_command(["report", "-s", str(DEMO), "-o", str(folder / "runs"), "-f", "csv", "-f", "parquet"]) == 0
    assert run_command(["demo", "--out", str(folder / "demo")]) == 0
    return folder


@pytest.fixture
def runs(written: Path, tmp_path: Path) -> Path:
    """Return a copy of the runs that a test may change."""
    shutil.copytree(written / "runs", tmp_path / "runs", symlinks=True)
    return tmp_path / "runs"


def raised(path: Path, reshape: Reshape) -> None:
    """Write a JSON file again as a later version could."""
    held = json.loads(path.read_text())
    path.write_text(json.dumps(reshape({**held, "version": held["version"] + 1})))


@SHAPES
def test_a_snapshot(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], reshape: Reshape) -> None:
    """By any command and under any name: exit code 2, one line, and what to do."""
    path = next((runs / "latest/snapshots").iterdir())
    held = msgspec.msgpack.decode(gzip.decompress(path.read_bytes()))
    later = gzip.compress(msgspec.msgpack.encode(reshape({**held, "version": SNAPSHOT_VERSION + 1})))
    with pytest.raises(UsageError, match=re.escape(refusal(SNAPSHOT_VERSION))):
        decode(later, "a")
    plain = tmp_path / "facts"
    plain.write_bytes(later)
    assert is_snapshot(plain)
    for command in (["who", "push", "shop"], ["report", "-o", str(tmp_path / "out"), "-f", "csv"]):
        assert run_command([*command, "--snapshot", str(plain)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"{plain}: this snapshot {refusal(SNAPSHOT_VERSION)} ({UPGRADE})" in line
    assert not (tmp_path / "out").exists()


def test_a_snapshot_that_is_only_unlike_one_is_damaged() -> None:
    """The message is about versions only if the file says that it is of one."""
    for held in ({"format": "other", "version": 99}, {"version": 99}, {"format": "registry-audit snapshot"}):
        with pytest.raises(UsageError, match="not a whole snapshot"):
            decode(gzip.compress(msgspec.msgpack.encode(held)), "a")


@SHAPES
def test_a_manifest(runs: Path, capsys: pytest.CaptureFixture[str], reshape: Reshape) -> None:
    """The run is left out, and the next one is compared with the last that can be read; evidence of it is not held."""
    first, second = sorted(path for path in runs.iterdir() if path.name.startswith("2"))
    raised(second / "manifest.json", reshape)
    assert run_command(["report", "-s", str(DEMO), "-o", str(runs), "-f", "csv"]) == 0
    line = f"{second.name}/manifest.json: {refusal(MANIFEST_VERSION)}; this run is ignored"
    assert capsys.readouterr().err.count(line) == 1
    assert json.loads((runs / "latest/manifest.json").read_text())["previous"]["run_id"] == first.name
    assert run_command(["check-evidence", str(runs)]) == 5
    assert f"{second.name}: its manifest {refusal(MANIFEST_VERSION)}" in capsys.readouterr().out


@SHAPES
def test_findings(runs: Path, reshape: Reshape) -> None:
    """Those of an earlier run: everything is new then, and a line says why."""
    path = runs / "latest/findings.json"
    raised(path, reshape)
    with pytest.raises(ValueError, match=f"the file {refusal(FINDINGS_VERSION)}"):
        decode_findings(path.read_bytes())


def test_a_head_record(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the runs and as a copy."""
    path = runs / "head.json"
    held = json.loads(path.read_text())
    path.write_text(json.dumps({**held, "head": {"format": held["head"]["format"], "version": 2}}))
    with pytest.raises(UsageError, match=f"this head record {refusal(1)}"):
        load_head(path)
    assert run_command(["check-evidence", str(runs)]) == 5
    assert f"it {refusal(1)}" in capsys.readouterr().out


@SHAPES
def test_a_shard(tmp_path: Path, reshape: Reshape) -> None:
    """Its zones are missing, with the reason; the other shards count."""
    held: dict[str, object] = {"format": "registry-audit shard", "version": 1, "index": 0, "count": 2, "zones": {}}
    for index in (0, 1):
        (tmp_path / f"{index}.json").write_text(json.dumps({**held, "index": index}))
    raised(tmp_path / "0.json", reshape)
    left = records(Folder(tmp_path))
    assert [*left.found] == [1]
    assert f"this record of a shard {refusal(1)}" in left.damaged[0]


@SHAPES
def test_a_review(written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], reshape: Reshape) -> None:
    """Nothing is guessed of it, also where only later answers are of a later version."""
    review = tmp_path / "review"
    shutil.copytree(written / "demo/review", review)
    status = ["review", "status", str(review)]
    assert run_command(status) == 0
    capsys.readouterr()
    for path in (max((review / "applied").iterdir()), review / "campaign.json"):
        raised(path, reshape)
        assert run_command(status) == 2
        assert f"this review {refusal(1)} ({UPGRADE})" in capsys.readouterr().err


def test_tables(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A column could mean something else there: such files are left out of a query, which is then partial."""
    count = ["query", "SELECT count(DISTINCT run) AS n FROM access", "--runs", str(runs), "--json"]
    assert run_command(count) == 0
    assert json.loads(capsys.readouterr().out) == [{"n": 2}]
    (path,) = (runs / "latest/parquet/access").rglob("*.parquet")
    table = pq.read_table(path, partitioning=None)
    about = json.dumps({"table": "access", "version": TABLES_VERSION + 1})
    pq.write_table(table.replace_schema_metadata({"registry-audit": about}), path)
    assert version_in(pq.read_schema(path)) == TABLES_VERSION + 1
    assert run_command(count) == 3
    printed = capsys.readouterr()
    assert json.loads(printed.out) == [{"n": 1}]
    assert f"this table {refusal(TABLES_VERSION)}" in printed.err


@pytest.mark.parametrize("about", [{}, {"registry-audit": "{}"}, {"registry-audit": "["}, {"registry-audit": "[1]"}])
def test_tables_without_a_version_are_read(about: dict[str, str]) -> None:
    """As they were before there was one."""
    assert version_in(pa.schema([], metadata=about)) == 0


def test_the_document_has_the_versions_of_the_code() -> None:
    """The table of what reads what."""
    table = re.findall(r"^\| (.*?) \| [^|]* \| (\d) \|", (ROOT / "docs/compatibility.md").read_text(), re.MULTILINE)
    versions = {
        "snapshot (`*.snapshot`)": SNAPSHOT_VERSION,
        "Parquet tables": TABLES_VERSION,
        "CSV, JSON Lines": TABLES_VERSION,
        "`manifest.json`": MANIFEST_VERSION,
        "`findings.json`": FINDINGS_VERSION,
        "`head.json`": 1,
        "record of a shard": SHARD_VERSION,
        "review (`campaign.json`, `applied`)": REVIEW_VERSION,
    }
    assert dict(table) == {name: str(version) for name, version in versions.items()}
