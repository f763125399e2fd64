"""Snapshot -> the table `coverage`: what was seen of a zone, what was not and why, and what was left out."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from audit.objects import KINDS
from audit.snapshot import Snapshot
from audit.tables import SCHEMAS, Numbers, Table, Text, text_column

SEEN: Final = "seen"
EXCLUDED: Final = "excluded"
UNKNOWN_COUNT: Final = -1


def coverage(snapshot: Snapshot, excluded: int = 0) -> Table:
    """Return a line for each kind, each gap, and for the `excluded` number of namespaces not reported on."""
    origin = snapshot.origin
    shared = {"zone": origin.zone, "source": origin.source, "place": origin.place, "as_of": origin.finished}
    lines = [{**shared, **line} for line in _lines(snapshot)]
    if excluded:
        detail = "left out by the configuration: not in the other tables"
        lines.append({**shared, "kind": "namespaces", "state": EXCLUDED, "count": excluded, "detail": detail})
    return _table(lines)


def _lines(snapshot: Snapshot) -> list[dict[str, str | int]]:
    order = list(KINDS)
    lines: list[dict[str, str | int]] = [
        {"kind": one.kind, "state": SEEN, "count": one.count, "resource_version": one.resource_version}
        for one in snapshot.listings
    ]
    lines += [
        {
            "kind": gap.kind,
            "namespace": "*" if gap.namespace in {"", "*"} else gap.namespace,
            "state": gap.reason,
            "count": UNKNOWN_COUNT,
            "detail": f"in namespaces that are not listed: {gap.detail}" if gap.namespace == "*" else gap.detail,
        }
        for gap in snapshot.gaps
    ]
    return sorted(lines, key=lambda line: (order.index(str(line["kind"])), str(line.get("namespace", "*")), str(line)))


def _table(lines: Sequence[Mapping[str, str | int]]) -> Table:
    columns: dict[str, Text | Numbers] = {}
    for column in SCHEMAS["coverage"]:
        if column.type == "text":
            default = "*" if column.name == "namespace" else ""
            columns[column.name] = text_column([str(line.get(column.name, default)) for line in lines])
        else:
            columns[column.name] = np.array([line[column.name] for line in lines], dtype=np.int32)
    return Table("coverage", columns)
