"""`who`: everybody who may do something in a namespace."""

from collections.abc import Iterator, Sequence

from audit.access.tables import tables_of
from audit.command_line.result import Grid, Result
from audit.command_line.typed import Place, action_of, check_order, place_hints, place_of
from audit.exit_codes import of_answer
from audit.snapshot.model import Snapshot
from audit.tables.schemas import ANSWERS, UNKNOWN

_COLUMNS = ("subject_kind", "subject", "namespace", "repository", "how", "group", "binding", "role")


def who(snapshots: Sequence[Snapshot], action: str, place: str) -> Result:
    """Return everybody who may do something in a place; the result is partial when there may be others."""
    check_order("who", [action, place], 0)
    action, where = action_of(action), place_of(place)
    hints = place_hints(snapshots, where, place)
    rows = [row for snapshot in snapshots for row in _holders(snapshot, action, where)]
    nobody = [] if rows else [f"nobody can {action} in {place}: {_why_nobody(snapshots, action, where)}"]
    return Result(
        value=lambda: rows,
        text=[Grid(list(rows[0]), [list(row.values()) for row in rows])] if rows else (),
        notes=[*hints, *nobody],
        exit_code=of_answer(complete=all(row["access"] != ANSWERS[UNKNOWN] for row in rows)),
    )


def _why_nobody(snapshots: Sequence[Snapshot], action: str, where: Place) -> str:
    """Return why nobody is listed; that a list was not seen is a row of its own, and not nobody."""
    if not any(snapshot.lists(where.namespace) for snapshot in snapshots):
        return "no zone lists this namespace, and no cluster-wide binding grants it"
    return f"no binding in {where.namespace} grants {action}, and no cluster-wide binding does"


def _holders(snapshot: Snapshot, action: str, where: Place) -> Iterator[dict[str, str]]:
    """Yield a row for each subject with access: that of the narrowest place that says so."""
    access = tables_of(snapshot, [where.namespace])["access"]
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
        yield {"zone": cells["zone"], "access": cells[action], **{name: cells[name] for name in _COLUMNS}}
