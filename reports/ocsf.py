"""Findings as events of the Open Cybersecurity Schema Framework: IAM Analysis Finding (class 2008)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import numpy as np

from audit.findings.model import ACCEPTED, GONE, NEW
from audit.runs.info import RunInfo
from audit.tables.model import Table

VERSION: Final = "1.6.0"
_CATEGORY, _CLASS = 2, 2008
_SEVERITIES: Final = {"info": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}
_CONFIDENCES: Final = {"low": 1, "medium": 2, "high": 3}
_CREATE, _UPDATE, _CLOSE = (1, "Create"), (2, "Update"), (3, "Close")
_OPEN, _SUPPRESSED, _RESOLVED = (1, "New"), (3, "Suppressed"), (4, "Resolved")
_USER, _SYSTEM, _OTHER = 1, 3, 99
_ROWS: Final = 5_000  # a chunk

Row = Mapping[str, Any]


def ocsf_chunks(findings: Iterable[Table], run: RunInfo) -> Iterator[bytes]:
    """Yield the events of all findings, including those that are gone, as JSON Lines in chunks of bytes."""
    zones = {zone.id: zone for zone in run.zones}
    for table in findings:
        for start in range(0, len(table), _ROWS):
            rows = table.take(np.arange(start, min(start + _ROWS, len(table)))).records()
            events = (_event(row, run, zones[str(row["zone"])].registry) for row in rows)
            yield b"".join(msgspec.json.encode(event) + b"\n" for event in events)


def _event(row: Row, run: RunInfo, registry: str) -> dict[str, Any]:
    activity, status = _stage(row["state"])
    severity, confidence = str(row["severity"]), str(row["confidence"])
    first, last = _time(row["first_seen"]), _time(row["last_seen"])
    return {
        "activity_id": activity[0],
        "activity_name": activity[1],
        "category_name": "Findings",
        "category_uid": _CATEGORY,
        "class_name": "IAM Analysis Finding",
        "class_uid": _CLASS,
        "type_name": f"IAM Analysis Finding: {activity[1]}",
        "type_uid": _CLASS * 100 + activity[0],
        "confidence": confidence.capitalize(),
        "confidence_id": _CONFIDENCES[confidence],
        "severity": "Informational" if severity == "info" else severity.capitalize(),
        "severity_id": _SEVERITIES[severity],
        "status": status[1],
        "status_id": status[0],
        "time": last if last is not None else _time(run.started),
        "message": row["detail"],
        "metadata": {
            "product": {"name": "registry-audit", "vendor_name": "registry-audit", "version": run.version},
            "version": VERSION,
            "uid": f"{run.run_id}:{row['id']}",
        },
        "finding_info": _without_none(
            {
                "uid": row["id"],
                "title": row["title"],
                "desc": row["detail"],
                "types": [row["check"]],
                "first_seen_time": first,
                "last_seen_time": last,
                "created_time": first,
            }
        ),
        **({"remediation": {"desc": row["remedy"]}} if row["remedy"] else {}),
        "resources": [_resource(row, registry)],
        **_user(row),
        "permission_analysis_results": [{"policy": _policy(row)}],
        "unmapped": {
            "answer": row["answer"],
            "controls": row["controls"],
            "exception": row["exception"],
            "until": row["until"],
        },
    }


def _stage(state: str) -> tuple[tuple[int, str], tuple[int, str]]:
    if state == GONE:
        return _CLOSE, _RESOLVED
    return _CREATE if state == NEW else _UPDATE, _SUPPRESSED if state == ACCEPTED else _OPEN


def _resource(row: Row, registry: str) -> dict[str, Any]:
    place = "" if row["namespace"] == "*" else row["namespace"]
    return _without_none(
        {
            "type": "container registry namespace",
            "uid": f"{row['zone']}/{row['namespace']}/{row['repository']}",
            "name": "/".join(part for part in (registry or row["zone"], place) if part),
            "namespace": place or None,
            "labels": [f"zone:{row['zone']}"],
        }
    )


def _policy(row: Row) -> dict[str, str]:
    """Return the binding and role that the finding is about; without either, the check."""
    named = {kind: f"{row[f'{kind}_kind']} {row[kind]}" for kind in ("binding", "role") if row[kind]}
    place = f"{row['zone']}/{row['namespace']}"
    if not named:
        return {"name": row["check"], "uid": place}
    return {"name": " to ".join(named.values()), "uid": f"{place}/{next(iter(named.values()))}"}


def _user(row: Row) -> dict[str, Any]:
    """Return the subject as the user of the event; for a group, a user of type Group."""
    if not row["subject"]:
        return {}
    if row["subject_kind"] == "Group":
        return {
            "user": {"name": row["subject"], "type": "Group", "type_id": _OTHER, "groups": [{"name": row["subject"]}]}
        }
    system = row["subject_kind"] == "ServiceAccount"
    kinds: Sequence[Any] = ("System", _SYSTEM) if system else ("User", _USER)
    if row["subject_kind"] not in {"User", "ServiceAccount"}:
        kinds = ("Unknown", 0)
    return {"user": {"name": row["subject"], "type": kinds[0], "type_id": kinds[1]}}


def _time(text: str) -> int | None:
    """Return milliseconds since 1970; None for an unknown time."""
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        return None


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
