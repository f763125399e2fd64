"""`can`: may a subject do something, and why."""

from collections.abc import Sequence

from audit.access.authorizer import Authorizer
from audit.access.bound_subjects import bound_subjects
from audit.access.sentences import verdict
from audit.command_line.result import Result
from audit.command_line.sources import only_one
from audit.command_line.typed import action_of, check_order, never_seen, place_hints, subject_in, where_of
from audit.commands.answers.by_routes import route_of
from audit.commands.answers.questions import COLUMNS
from audit.exit_codes import of_answer
from audit.snapshot.model import Snapshot
from audit.tables.schemas import ANSWERS, UNKNOWN


def _zone_with(snapshots: Sequence[Snapshot], namespace: str) -> Snapshot:
    """Return the only zone, or the only one that lists a namespace. Raises UsageError when there are several."""
    listing = [snapshot for snapshot in snapshots if snapshot.lists(namespace)]
    listed = [snapshot.lists(namespace) for snapshot in snapshots]
    whole = all(here or not snapshot.gaps_of("namespaces") for here, snapshot in zip(listed, snapshots, strict=True))
    return listing[0] if len(listing) == 1 and whole else only_one(listing or snapshots)


def can(snapshots: Sequence[Snapshot], subject: str, action: str, place: str | None, *, routes: bool = False) -> Result:
    """Return whether a subject may do something, and why; with `routes` also whether it gets there another way.

    Raises UsageError when it is not clear in which zone.
    """
    check_order("can", [subject, action, *filter(None, [place])], 1)
    action = action_of(action)
    where = where_of(action, place, f"can user/ann {action} shop")
    snapshot = _zone_with(snapshots, where.namespace)
    who, notes = subject_in(snapshot, subject)
    answer, why = verdict(Authorizer(bound_subjects(snapshot, [where.namespace])), who, action, *where)
    unseen = never_seen(snapshot, who)
    why = (*unseen, *why)
    question = dict(zip(COLUMNS, (snapshot.origin.zone, *who, action, *where), strict=True))
    route = route_of(snapshot, who, action, where) if routes else None
    more = {"route": route.record} if route else {}
    return Result(
        value=lambda: {**question, "answer": ANSWERS[answer], "seen": not unseen, "why": list(why), **more},
        text=[ANSWERS[answer], *(f"  {reason}" for reason in why), *(route.lines if route else ())],
        notes=[*notes, *place_hints([snapshot], where, place or "")],
        exit_code=of_answer(complete=answer != UNKNOWN and not (route and route.certainty == "unknown")),
    )
