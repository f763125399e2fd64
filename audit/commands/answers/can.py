"""`can`: may a subject do something, and why."""

from audit.access.authorizer import Authorizer
from audit.access.bound_subjects import bound_subjects
from audit.access.sentences import verdict
from audit.command_line.result import Result
from audit.command_line.typed import action_of, place_hints, place_of, subject_in
from audit.commands.answers.questions import COLUMNS
from audit.exit_codes import of_answer
from audit.snapshot.model import Snapshot
from audit.tables.schemas import ANSWERS, UNKNOWN


def can(snapshot: Snapshot, subject: str, action: str, place: str) -> Result:
    """Return whether a subject may do something, and why."""
    (who, notes), where = subject_in(snapshot, subject), place_of(place)
    answer, why = verdict(Authorizer(bound_subjects(snapshot, [where.namespace])), who, action_of(action), *where)
    question = dict(zip(COLUMNS, (snapshot.origin.zone, *who, action, *where), strict=True))
    return Result(
        value=lambda: {**question, "answer": ANSWERS[answer], "why": list(why)},
        text=[ANSWERS[answer], *(f"  {reason}" for reason in why)],
        notes=[*notes, *place_hints(snapshot, where, place)],
        exit_code=of_answer(complete=answer != UNKNOWN),
    )
