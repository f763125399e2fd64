"""Findings as SARIF 2.1.0: one file for code scanning, within the limits of GitHub.

GitHub refuses a file with more than 25,000 results, or larger than 10 MB after gzip. The least severe findings beyond
the limits are omitted, and the file and the run report how many.
"""

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import nsmallest
from itertools import zip_longest
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from audit.checks.bindings import EVERY
from audit.checks.check import Check
from audit.checks.rules.registry import CHECKS
from audit.controls.catalog import BUILT_IN
from audit.findings.model import ACCEPTED, GONE, NEW, OPEN
from audit.runs.info import RunInfo
from audit.tables.model import Table
from audit.tables.schemas import ANSWERS, SEVERITIES, UNKNOWN, YES
from audit.tables.spreadsheet import plain

RESULTS: Final = 25_000
BYTES: Final = 10_000_000  # after gzip
TAGS: Final = 20  # of one rule
_GAPS: Final = 100  # listed in the file; the table `coverage` has all

_LEVELS: Final = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}
# What GitHub sorts alerts by: bands of CVSS.
_SCORES: Final = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.5", "info": "0.5"}
_PROPERTIES: Final = ("severity", "state", "answer", "subject_kind", "subject", "remedy", "first_seen")
_MARKUP: Final = re.compile(r"([\[\]\\])")

Row = Mapping[str, Any]


class Sarif(NamedTuple):
    """The file, its number of findings, and the number of omitted ones."""

    data: bytes
    results: int
    left_out: int


def render_sarif(findings: Iterable[Table], exceptions: Sequence[Table], run: RunInfo) -> Sarif:
    """Return the findings of a run, most severe first, without those that are gone."""
    live = (row for table in findings for row in table.records() if row["state"] != GONE)
    return _limited(live, {row["id"]: str(row["reason"]) for table in exceptions for row in table.records()}, run)


def render_cause_sarif(causes: Iterable[Table], run: RunInfo) -> Sarif:
    """Return one result for each cause of findings in place of one for each finding."""
    live: Iterator[Row] = (row for table in causes for row in table.records() if row["findings"] != row["accepted"])
    return _limited(map(_as_finding, live), {}, run)


def _as_finding(cause: Row) -> Row:
    """Return a cause as a row of `findings` about the zone."""
    empty = dict.fromkeys(("subject_kind", "subject", "binding_kind", "binding", "role_kind", "role", "first_seen"), "")
    sure = cause["findings"] > cause["accepted"] + cause["unknown"]
    return empty | {
        **{name: cause[name] for name in ("id", "zone", "severity", "detail")},
        "check": cause["checks"].partition(", ")[0],
        "namespace": EVERY,
        "state": NEW if cause["new"] else OPEN,
        "answer": ANSWERS[YES if sure else UNKNOWN],
        "remedy": plain(cause["fix"]),
    }


def _limited(found: Iterable[Row], reasons: Mapping[Any, str], run: RunInfo) -> Sarif:
    """Return the most severe results that the limits allow."""
    total = 0

    def counted() -> Iterator[Row]:
        nonlocal total
        for row in found:
            total += 1
            yield row

    rows = nsmallest(RESULTS, counted(), key=_weight)
    kept = len(rows)
    data = _file(rows[:kept], total, reasons, run)
    while (size := len(gzip.compress(data, 6, mtime=0))) > BYTES and kept:
        kept = int(kept * BYTES / size * 0.9)
        data = _file(rows[:kept], total, reasons, run)
    return Sarif(data, kept, total - kept)


def _weight(row: Row) -> tuple[int, bool, str]:
    return SEVERITIES.index(row["severity"]), row["answer"] == ANSWERS[UNKNOWN], row["id"]


def _file(rows: Sequence[Row], total: int, reasons: Mapping[Any, str], run: RunInfo) -> bytes:
    rules = list(dict.fromkeys(str(row["check"]) for row in rows))
    severities = {str(row["check"]): str(row["severity"]) for row in reversed(rows)}
    notices = [f"{zone.id}: missing: {gap}" for zone in run.zones for gap in zone.gaps][:_GAPS]
    if total > len(rows):
        notices.insert(0, f"{len(rows):,} of {total:,} findings, most severe first: findings.csv has all")
    content = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "registry-audit",
                        "version": run.version,
                        "rules": [_rule(CHECKS[name], severities[name]) for name in rules],
                    }
                },
                "automationDetails": {"id": "registry-audit/"},
                "invocations": [
                    {
                        "executionSuccessful": run.state == "complete",
                        "toolExecutionNotifications": [
                            {"level": "warning", "message": {"text": _plain(text)}} for text in notices
                        ],
                    }
                ],
                "columnKind": "unicodeCodePoints",
                "results": [_result(row, rules.index(str(row["check"])), reasons) for row in rows],
            }
        ],
    }
    return (json.dumps(content, indent=1) + "\n").encode()


def _rule(check: Check, severity: str) -> dict[str, Any]:
    remedy = "\n".join(check.remedy)
    return {
        "id": check.id,
        "name": check.id.title().replace("-", ""),
        "shortDescription": {"text": check.title},
        "fullDescription": {"text": check.why},
        "help": {
            "text": f"{check.why}\n\n{remedy}\n\nMore: {check.anchor}",
            "markdown": f"{check.why}\n\n```\n{remedy}\n```\n\nMore: {check.anchor}",
        },
        "defaultConfiguration": {"level": _LEVELS[severity]},
        "properties": {
            "tags": ["security", *_first_of_each(check.id)][:TAGS],
            "precision": {"high": "very-high", "medium": "high"}.get(check.confidence, "medium"),
            "security-severity": _SCORES[severity],
        },
    }


def _first_of_each(check: str) -> list[str]:
    """Return the controls of a check, the first of each framework first: not all of them fit."""
    names = [
        [framework.named(control) for control in framework.controls if check in control.checks]
        for framework in BUILT_IN.frameworks
    ]
    return [name for turn in zip_longest(*names) for name in turn if name]


def _result(row: Row, rule: int, reasons: Mapping[Any, str]) -> dict[str, Any]:
    unknown = row["answer"] == ANSWERS[UNKNOWN]
    thing = (row["binding_kind"], row["binding"]) if row["binding"] else (row["role_kind"], row["role"])
    path = [row["zone"], row["namespace"], *(part for part in thing if part)]
    result = {
        "ruleId": row["check"],
        "ruleIndex": rule,
        "kind": "open" if unknown else "fail",
        "level": "none" if unknown else _LEVELS[row["severity"]],
        "message": {"text": _plain(row["detail"])},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "/".join(quote(part, safe="") for part in path)},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [{"fullyQualifiedName": "/".join(path), "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"primaryLocationLineHash": f"{row['id']}:1", "finding/v1": row["id"]},
        "baselineState": "new" if row["state"] == NEW else "unchanged",
        "properties": {name: row[name] for name in _PROPERTIES},
    }
    if row["state"] == ACCEPTED:
        why = f"{reasons.get(row['exception'], '')} (exception {row['exception']}, until {row['until']})"
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": why}]
    return result


def _plain(text: str) -> str:
    """Return a text as a message without links and placeholders, whatever names it contains."""
    return _MARKUP.sub(r"\\\1", text).replace("{", "{{").replace("}", "}}")
