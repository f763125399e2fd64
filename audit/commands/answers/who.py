"""`who`: everybody who may do something in a namespace."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from audit.access.tables import tables_of
from audit.command_line.result import Grid, Result
from audit.command_line.typed import EVERYWHERE, Place, action_of, check_order, place_hints, where_of
from audit.commands.answers.by_routes import lines_of, rows_to
from audit.exit_codes import of_answer
from audit.snapshot.model import Snapshot, gap_lines
from audit.tables.schemas import ANSWERS, UNKNOWN

if TYPE_CHECKING:
    from audit.usage.zone_use import ZoneUse

_DECIDING = {"clusterrolebindings", "rolebindings", "clusterroles", "roles", "groups"}
_COLUMNS = ("subject_kind", "subject", "namespace", "repository", "how", "group", "binding", "role")


def who(
    snapshots: Sequence[Snapshot],
    action: str,
    place: str | None,
    uses: Mapping[str, "ZoneUse"] | None = None,
    *,
    routes: bool = False,
) -> Result:
    """Return everybody who may do something in a place, without one in a whole zone; partial if there may be others.

    With `uses` (by zone), only those who did not use it, or of whom that is not known. With `routes`, also those who
    come to it another way.
    """
    check_order("who", [action, *filter(None, [place])], 0)
    action = action_of(action)
    where = where_of(action, place, f"who {action} shop")
    hints = place_hints(snapshots, where, place or "")
    there = f" in {place}" if place else ""
    of_zone = uses or {}
    rows = [
        row for snapshot in snapshots for row in holders(snapshot, action, where, of_zone.get(snapshot.origin.zone))
    ]
    if uses:
        rows = [row for row in rows if row["used"] != "used"]
        nobody = [] if rows else [f"everybody who can {action}{there} used it"]
    else:
        nobody = [] if rows else [f"nobody can {action}{there}: {_why_nobody(snapshots, action, where)}"]
    by_route = [row for snapshot in snapshots if routes for row in rows_to(snapshot, action, where)]
    certain = all(row["access"] != ANSWERS[UNKNOWN] and row.get("used") != "not known" for row in rows)
    return Result(
        value=lambda: {"direct": rows, "routes": by_route} if routes else rows,
        text=[
            *([Grid(list(rows[0]), [list(row.values()) for row in rows])] if rows else ()),
            *(f"{row['zone']}: {line}" for row in by_route for line in lines_of([row])),
        ],
        notes=[*hints, *nobody, *_gaps(of_zone), *not_seen(snapshots, rows)],
        exit_code=of_answer(complete=certain and all(row["certainty"] != "unknown" for row in by_route)),
    )


def _gaps(uses: Mapping[str, "ZoneUse"]) -> list[str]:
    from audit.command_line.use import gap_notes

    return [note for use in uses.values() for note in gap_notes(use)]


def not_seen(snapshots: Sequence[Snapshot], rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Yield what was not read of the zones in which somebody may have access that is not known."""
    doubtful = {row["zone"] for row in rows if row["access"] == ANSWERS[UNKNOWN]}
    for snapshot in snapshots:
        if snapshot.origin.zone in doubtful:
            deciding = [gap for gap in snapshot.gaps if gap.kind in _DECIDING]
            yield from (f"{snapshot.origin.zone}: not seen: {line}" for line in gap_lines(deciding))


def _why_nobody(snapshots: Sequence[Snapshot], action: str, where: Place) -> str:
    """Return why nobody is listed; that a list was not seen is a row of its own, and not nobody."""
    if where == EVERYWHERE:
        return "no cluster-wide binding grants it"
    if not any(snapshot.lists(where.namespace) for snapshot in snapshots):
        return "no zone lists this namespace, and no cluster-wide binding grants it"
    return f"no binding in {where.namespace} grants {action}, and no cluster-wide binding does"


def holders(snapshot: Snapshot, action: str, where: Place, use: "ZoneUse | None" = None) -> Iterator[dict[str, str]]:
    """Yield a row for each subject with access: that of the narrowest place that says so."""
    access = tables_of(snapshot, [where.namespace])["access"]
    if use:
        from audit.usage.tables import with_use_of

        access = with_use_of(action, access, use, snapshot)
    best: dict[tuple[str, ...], dict[str, str]] = {}
    for row in access.take(access.numbers(action) > 0).records():
        cells = {name: str(value) for name, value in row.items()}
        if where.repository and cells["repository"] not in {"*", where.repository}:
            continue
        key = cells["subject_kind"], cells["subject"], "" if where.repository else cells["repository"]
        before = best.get(key)
        # Rows come with `*` first; a narrower one replaces it unless it knows less.
        if before is None or before[action] != "yes" or cells[action] == "yes":
            best[key] = cells
    for _, cells in sorted(best.items()):
        columns = (*_COLUMNS, "used", "last_used") if use else _COLUMNS
        yield {"zone": cells["zone"], "access": cells[action], **{name: cells[name] for name in columns}}
