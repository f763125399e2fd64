"""The findings of a run in every form that has them: valid by its schema, and the same findings in each."""

import gzip
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from audit.tables.schemas import SEVERITIES
from reports.sarif import RESULTS
from tests.paths import DATA
from tests.runs.read_tables import Tables

_SARIF: Final = DATA / "sarif-2.1.0.json.gz"
_OCSF: Final = OcsfJsonSchemaEmbedded(get_ocsf_schema("1.6.0"))
_STAGES: Final = {
    "new": ("Create", "New"),
    "open": ("Update", "New"),
    "accepted": ("Update", "Suppressed"),
    "gone": ("Close", "Resolved"),
}


def sarif_schema() -> Any:
    # One of its patterns has a bracket that the strict readers of such patterns want to be escaped.
    text = gzip.decompress(_SARIF.read_bytes()).replace(b"{2}]?$", rb"{2}\\]?$")
    return jsonschema_rs.validator_for(json.loads(text))


def ocsf_schema() -> Any:
    assert _OCSF.lookup_class_name_from_uid(2008) == "iam_analysis_finding"
    return jsonschema_rs.validator_for(_OCSF.get_class_schema("iam_analysis_finding"))


def check_findings(run: Path, tables: Tables, told: Mapping[str, int], manifest: Any) -> None:
    """Compare tally, exceptions, OCSF, SARIF and the file for the next run with the table, finding by finding."""
    columns = ("id", "zone", "check", "severity", "state", "answer", "exception", "until")
    quoted = ", ".join(f'"{column}"' for column in columns)
    rows = [dict(zip(columns, row, strict=True)) for row in tables.rows(f"SELECT {quoted} FROM csv.findings")]
    kept = json.loads((run / "findings.json").read_bytes())["findings"]
    assert _set(kept, columns) == _set(rows, columns)
    assert len(kept) == len(rows) == told["findings.json"] == told["findings.ocsf.jsonl"]
    _tally(rows, manifest["run"]["findings"])
    accepted = Counter(row["exception"] for row in rows if row["state"] == "accepted")
    shown = tables.counts("SELECT id, findings FROM csv.exceptions WHERE findings > 0")
    assert shown == accepted
    _events(run, rows)
    assert told["findings.sarif"] == _results(run, rows)


def _set(rows: Any, columns: tuple[str, ...]) -> set[tuple[str, ...]]:
    return {tuple(row[column] for column in columns) for row in rows}


def _tally(rows: list[dict[str, str]], tally: Any) -> None:
    live = [row for row in rows if row["state"] in {"new", "open"}]
    sure = [row for row in live if row["answer"] == "yes"]
    severities = Counter(row["severity"] for row in sure)
    assert tally["by_severity"] == {severity: severities[severity] for severity in SEVERITIES}
    assert tally["unknown"] == len(live) - len(sure)
    assert tally["new"] == sum(row["state"] == "new" for row in sure)
    assert tally["accepted"] == sum(row["state"] == "accepted" for row in rows)
    assert tally["gone"] == sum(row["state"] == "gone" for row in rows)


def _events(run: Path, rows: list[dict[str, str]]) -> None:
    """Each line of OCSF is valid, and one finding of the table."""
    schema, left = ocsf_schema(), {row["id"]: row for row in rows}
    with (run / "findings.ocsf.jsonl").open("rb") as file:
        for line in file:
            event = json.loads(line)
            schema.validate(event)
            row = left.pop(event["finding_info"]["uid"])
            severity = "Informational" if row["severity"] == "info" else row["severity"].capitalize()
            assert (event["severity"], event["finding_info"]["types"]) == (severity, [row["check"]])
            assert (event["activity_name"], event["status"]) == _STAGES[row["state"]]
            unmapped = event["unmapped"]
            assert all(unmapped[name] == row[name] for name in ("answer", "exception", "until"))
            assert event["resources"][0]["labels"] == [f"zone:{row['zone']}"]
    assert not left


def _results(run: Path, rows: list[dict[str, str]]) -> int:
    """The log is valid, and has the worst of what is not gone, each once; returns how many."""
    log = json.loads((run / "findings.sarif").read_bytes())
    sarif_schema().validate(log)
    (one,) = log["runs"]
    live = {row["id"]: row for row in rows if row["state"] != "gone"}
    wanted = min(len(live), RESULTS)
    found = {result["partialFingerprints"]["finding/v1"]: result for result in one["results"]}
    assert len(found) == len(one["results"]) == wanted
    for key, result in found.items():
        row, properties = live[key], result["properties"]
        assert result["ruleId"] == row["check"]
        assert [properties[name] for name in ("severity", "state", "answer")] == [
            row[name] for name in ("severity", "state", "answer")
        ]
        assert ("suppressions" in result) == (row["state"] == "accepted")
    worst = sorted(SEVERITIES.index(row["severity"]) for row in live.values())[:wanted]
    assert sorted(SEVERITIES.index(result["properties"]["severity"]) for result in found.values()) == worst
    said = [told["message"]["text"] for told in one["invocations"][0]["toolExecutionNotifications"]]
    short = f"{wanted:,} of {len(live):,} findings, most severe first"
    assert any(text.startswith(short) for text in said) == (wanted < len(live))
    return wanted
