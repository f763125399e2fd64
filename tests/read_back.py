"""Every export of a run, read by other libraries than those that wrote it, and compared with the manifest."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import openpyxl

from audit.tables import SCHEMAS
from reports.sarif import RESULTS

RIGHTS = ("pull", "push", "create", "delete", "catalog", "sign")


def reconciled(run: Path) -> dict[str, int]:
    """Check each number of each file of a run in all formats; returns the rows of each sheet."""
    manifest = json.loads((run / "manifest.json").read_text())
    told = {file["name"]: file["rows"] for file in manifest["files"]}
    for name in SCHEMAS:
        rows = told[f"{name}.csv"]
        with (run / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            assert sum(1 for _ in csv.reader(file)) == rows + 1, name
        with (run / f"{name}.jsonl").open(encoding="utf-8") as lines:
            assert sum(bool(json.loads(line)) for line in lines) == rows == told[f"{name}.jsonl"], name
        parts = [path for path in told if path.startswith(f"parquet/{name}/")]
        assert sum(told[path] for path in parts) == rows, name
        assert one(f"SELECT count(*) FROM read_parquet('{run}/parquet/{name}/**/*.parquet')") == rows, name
    _findings(run, told, manifest)
    sheets = _sheets(run / "review.xlsx")
    _sheets_match(run, sheets, told, manifest)
    for zone in manifest["run"]["zones"]:
        where = f"WHERE zone = '{zone['id']}'"
        assert one(f"SELECT count(*) FROM {table(run, 'namespaces')} {where}") == zone["namespaces"] - zone["excluded"]
    return {name: len(rows) for name, rows in sheets.items()}


def one(sql: str) -> int:
    ((found,),) = rows_of(sql)
    return int(found)


def rows_of(sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(sql).fetchall()


def table(run: Path, name: str) -> str:
    return f"read_csv('{run}/{name}.csv', header=true, all_varchar=true, quote='\"', escape='\"', delim=',')"


def _findings(run: Path, told: dict[str, int], manifest: Any) -> None:
    rows = rows_of(f"SELECT state, answer, severity FROM {table(run, 'findings')}")
    with (run / "findings.ocsf.jsonl").open(encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    assert len(rows) == len(events) == told["findings.csv"] == told["findings.json"] == told["findings.ocsf.jsonl"]
    named = {"Informational": "info"}
    severities = Counter(named.get(event["severity"], event["severity"].lower()) for event in events)
    assert severities == Counter(severity for *_, severity in rows)
    results = json.loads((run / "findings.sarif").read_text())["runs"][0]["results"]
    # Its readers take no more; the run says how many it leaves out.
    live = sum(state != "gone" for state, *_ in rows)
    assert len(results) == told["findings.sarif"] == min(live, RESULTS)
    sure = Counter(severity for state, answer, severity in rows if state in {"new", "open"} and answer == "yes")
    assert {name: count for name, count in manifest["run"]["findings"]["by_severity"].items() if count} == dict(sure)


def _sheets(path: Path) -> dict[str, list[dict[str, Any]]]:
    book = openpyxl.load_workbook(path, read_only=True)
    found = {}
    for sheet in book.worksheets:
        header, *rows = sheet.iter_rows(values_only=True)
        found[sheet.title] = [dict(zip(map(str, header), row, strict=False)) for row in rows]
    book.close()
    return found


def _sheets_match(run: Path, sheets: dict[str, list[dict[str, Any]]], told: dict[str, int], manifest: Any) -> None:
    for sheet in ("Findings", "Namespaces", "Coverage", "Controls"):
        assert len(sheets[sheet]) == told[f"{sheet.lower()}.csv"], sheet
    summary = {row["what"]: row["said"] for row in sheets["Summary"]}
    assert (summary["run"], summary["state"]) == (manifest["run"]["run_id"], manifest["state"])
    for name, rows in sheets.items():
        if name not in {"Summary", "Method"}:
            assert summary[f"rows of {name}"] == len(rows), name
    for severity, count in manifest["run"]["findings"]["by_severity"].items():
        assert summary[f"{severity} findings"] == count
    some = " OR ".join(f"\"{right}\" != 'no'" for right in RIGHTS)
    key = "zone, namespace, subject_kind, subject, binding_kind, binding, role_kind, role"
    wanted = f"\"group\" IS NULL AND binding_kind != 'built-in' AND ({some})"
    lines = one(f"SELECT count(*) FROM (SELECT DISTINCT {key} FROM {table(run, 'grants')} WHERE {wanted})")
    every = [*sheets["Reviews"], *sheets["Platform"]]
    assert len(every) == lines
    assert len({row["id"] for row in every}) == lines
    assert summary["privileged lines"] == sum(row["privileged"] == "yes" for row in every)
    for action in ("pull", "push", "create"):
        for answer in ("yes", "unknown"):
            pairs = f"SELECT DISTINCT zone, namespace, subject_kind, subject FROM {table(run, 'access')}"
            local = f"{pairs} WHERE namespace != '*' AND \"{action}\" = '{answer}'"
            spaces = f"SELECT zone, namespace FROM {table(run, 'namespaces')}"
            counted = one(f"SELECT count(*) FROM ({local}) SEMI JOIN ({spaces}) USING (zone, namespace)")
            assert sum(row[f"{action}: {answer}"] for row in sheets["Namespaces"]) == counted, (action, answer)
