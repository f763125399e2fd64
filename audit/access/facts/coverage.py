"""Snapshot -> the table `coverage`: what was read of a zone, what could not be read and why, and what was left out."""

from typing import Final

from audit.snapshot.model import STALE, Snapshot
from audit.snapshot.objects import KINDS
from audit.snapshot.stale import staleness
from audit.tables.model import Table, table_of

SEEN: Final = "seen"
EXCLUDED: Final = "excluded"
NOT_ASKED: Final = "not-asked"
UNKNOWN_COUNT: Final = -1


def coverage(snapshot: Snapshot, excluded: int = 0) -> Table:
    """Return a line for each kind, each gap, and for the `excluded` number of namespaces not reported on."""
    origin = snapshot.origin
    shared = {"zone": origin.zone, "source": origin.source, "place": origin.place, "as_of": origin.finished}
    lines = [{**shared, **line} for line in _lines(snapshot)]
    if excluded:
        detail = "left out by the configuration: not in the other tables"
        lines.append({**shared, "kind": "namespaces", "state": EXCLUDED, "count": excluded, "detail": detail})
    return table_of("coverage", [{"namespace": "*", **line} for line in lines])


def _lines(snapshot: Snapshot) -> list[dict[str, str | int]]:
    order = list(KINDS)
    seen = {"state": STALE, "detail": staleness(snapshot.origin)} if snapshot.state == STALE else {"state": SEEN}
    lines: list[dict[str, str | int]] = [
        {"kind": listing.kind, **seen, "count": listing.count, "resource_version": listing.resource_version}
        for listing in snapshot.listings
    ]
    lines += [
        {
            "kind": plural,
            "state": NOT_ASKED,
            "count": UNKNOWN_COUNT,
            "detail": "not needed to answer questions about access",
        }
        for plural, kind in KINDS.items()
        if kind.optional and not snapshot.requested(plural)
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
