"""Parquet: the same tables, typed, and a history of runs as one of them."""

import json
import shutil
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audit.cli import run_command
from audit.snapshot.model import Gap
from audit.tables.model import Table
from audit.tables.schemas import OF_THE_RUN, SCHEMAS, VERSION
from reports.parquet import parquet_bytes, place_of
from tests.worlds.random_zones import HOSTILE, world_of, write_dump
from tests.worlds.snapshots import all_tables, snapshot_of


def made(seed: int) -> dict[str, Table]:
    return all_tables(snapshot_of(world_of(seed), [Gap("groups", "", "refused")]))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", SCHEMAS)
def test_every_row_is_read_back(name: str, seed: int) -> None:
    """Texts and answers as they are, counts as numbers, a count that is not known as null."""
    table = made(seed)[name]
    read = pq.read_table(pa.BufferReader(parquet_bytes(table)))
    expected = [
        {
            column: None if value == -1 else value
            for column, value in row.items()
            if column != "zone" or name in OF_THE_RUN
        }
        for row in table.records()
    ]
    assert read.to_pylist() == expected
    about = json.loads(read.schema.metadata[b"registry-audit"])
    assert about == {"table": name, "version": VERSION}
    for column in SCHEMAS[name]:
        if column.name != "zone" or name in OF_THE_RUN:
            kind = read.schema.field(column.name).type
            assert pa.types.is_int32(kind) if column.type == "count" else pa.types.is_dictionary(kind)


def test_an_empty_table_is_a_file_too() -> None:
    """It has its columns, so that a history reads on."""
    table = made(1)["access"].take(np.zeros(0, dtype=np.intp))
    assert pq.read_table(pa.BufferReader(parquet_bytes(table))).num_rows == 0


def test_no_name_leads_out_of_the_folder() -> None:
    """Zones are named by people and by folders."""
    for zone in (*HOSTILE, "../../x", "a/b", ".."):
        assert place_of("access", "run", zone).count("/") == 4
        assert place_of("changes", "run", zone).count("/") == 3


@pytest.fixture(name="runs", scope="module")
def _runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs over two zones, one of which has a name that needs care."""
    folder = tmp_path_factory.mktemp("history")
    dumps = [
        write_dump(world_of(number), folder / "dumps" / name) for number, name in enumerate(("zone-1", "zone=2 %"))
    ]
    for _ in range(2):
        sources = [argument for dump in dumps for argument in ("-s", str(dump))]
        assert run_command(["report", *sources, "-o", str(folder / "runs"), "-f", "parquet", "-f", "csv"]) == 0
    return folder / "runs"


def asked(runs: Path, sql: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    assert run_command(["query", sql, "--runs", str(runs), "--json"]) == 0
    rows: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return rows


def test_a_history_of_runs_is_one_table(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Run and zone are columns; `latest` counts no run twice; one run by itself is read as well."""
    capsys.readouterr()
    found = asked(runs, "SELECT run, zone, count(*) AS rows FROM access GROUP BY ALL ORDER BY ALL", capsys)
    folders = sorted(path.name for path in runs.iterdir() if path.is_dir() and not path.is_symlink())
    assert [(row["run"], row["zone"]) for row in found] == [
        (run, zone) for run in folders for zone in ("zone-1", "zone=2 %")
    ]
    lines = (runs / folders[0] / "access.csv").read_bytes().count(b"\r\n") - 1
    assert found[0]["rows"] == found[2]["rows"]
    one = asked(runs / folders[0], "SELECT count(*) AS rows, count(DISTINCT run) AS runs FROM access", capsys)
    assert one == [{"rows": lines, "runs": 1}]
    assert asked(runs / "latest", "SELECT count(*) AS rows FROM access", capsys) == [{"rows": lines}]


def test_an_answer_is_a_table_for_people(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nulls are empty, columns are named."""
    capsys.readouterr()
    assert run_command(["query", "SELECT 1 AS one, NULL AS none, DATE '2026-01-01' AS day", "--runs", str(runs)]) == 0
    assert capsys.readouterr().out == "ONE   NONE   DAY\n1            2026-01-01\n"
    assert asked(runs, "SELECT DATE '2026-01-01' AS day", capsys) == [{"day": "2026-01-01"}]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT nothing FROM access", "the query failed"),
        ("SELEC", "the query failed"),
        ("SELECT * FROM read_csv('/etc/passwd')", "the query failed"),
        ("SELECT * FROM '/etc/passwd'", "the query failed"),
        ("SELECT * FROM read_text('/etc/passwd')", "the query failed"),
        ("SELECT * FROM glob('/*')", "the query failed"),
        ("SELECT * FROM rows", "the query failed"),
        ("COPY access TO '/tmp/registry-audit-copy.csv'", "not a query"),
        ("COPY (SELECT 1) TO 'RUNS/latest/access.csv'", "not a query"),
        ("EXPLAIN ANALYZE COPY (SELECT 1) TO 'RUNS/copy.csv'", "not a query"),
        ("SELECT 1; COPY (SELECT 1) TO 'RUNS/copy.csv'", "not a query"),
        ("EXPORT DATABASE 'RUNS/export'", "not a query"),
        ("ATTACH 'RUNS/database.db'", "not a query"),
        ("INSTALL httpfs", "not a query"),
        ("LOAD httpfs", "not a query"),
        ("PRAGMA database_list", "not a query"),
        ("SET enable_external_access = true", "not a query"),
        ("CREATE TABLE x AS SELECT 1", "not a query"),
        ("DROP VIEW access", "not a query"),
        ("", "not a query"),
    ],
)
def test_a_query_reads_the_tables_and_nothing_else(
    runs: Path, capsys: pytest.CaptureFixture[str], sql: str, said: str
) -> None:
    """A mistake is one message; no file is read or written, neither elsewhere nor among the runs."""
    capsys.readouterr()
    before = {path: path.stat().st_mtime_ns for path in runs.rglob("*")}
    assert run_command(["query", sql.replace("RUNS", str(runs)), "--runs", str(runs)]) == 2
    assert {path: path.stat().st_mtime_ns for path in runs.rglob("*")} == before
    said_all = capsys.readouterr()
    assert said in said_all.err
    assert not said_all.out
    assert not Path("/tmp/registry-audit-copy.csv").exists()


def test_values_are_json(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """NaN is null, dates are text, decimals are numbers, columns of one name are told apart."""
    capsys.readouterr()
    sql = (
        "SELECT 'NaN'::FLOAT AS a, DATE '2026-01-01' AS a, 1.5::DECIMAL(3, 1) AS b, [1, 'inf'::DOUBLE] AS c, {'x': 1} d"
    )
    found = asked(runs, sql, capsys)
    assert found == [{"a": None, "a_2": "2026-01-01", "b": 1.5, "c": [1, None], "d": {"x": 1}}]
    assert run_command(["query", 'SELECT 1 AS "\x1b[31m"', "--runs", str(runs)]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_a_damaged_file_is_left_out(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The others are read; exit code 3."""
    copy = shutil.copytree(runs, tmp_path / "runs", symlinks=True)
    damaged = min(copy.glob("2*/parquet/access/*/*/*.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:100])
    capsys.readouterr()
    assert run_command(["query", "SELECT count(DISTINCT run || zone) AS parts FROM access", "--runs", str(copy)]) == 3
    printed = capsys.readouterr()
    assert printed.out == "PARTS\n3\n"
    assert f"{damaged}: not read: " in printed.err


def test_runs_without_parquet_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And how to get them."""
    assert run_command(["query", "SELECT 1", "--runs", str(tmp_path)]) == 2
    assert "no Parquet tables here (write some: run --format parquet" in capsys.readouterr().err


def test_other_programs_read_it_too(runs: Path) -> None:
    """As Hive partitions, without this program."""
    with duckdb.connect() as connection:
        source = f"read_parquet('{runs}/2*/parquet/grants/*/*/*.parquet', hive_partitioning = true)"
        rows = connection.execute(f"SELECT DISTINCT zone FROM {source} ORDER BY zone").fetchall()
    assert rows == [("zone-1",), ("zone=2 %",)]
