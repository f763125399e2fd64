"""Rows of answers -> decisions, or every mistake in them: answers are accepted as a whole or not at all."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, get_args

import msgspec

from audit.campaigns.campaign import Campaign, CampaignLine, Groups, own
from audit.campaigns.reading import ANSWERED, Row
from audit.rbac.subjects import GROUP
from audit.tables.spreadsheet import neutral, original, plain

Verdict = Literal["keep", "reduce", "revoke", "exception"]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
# What a spreadsheet shows in place of a value that it could not compute.
_ERRORS: Final = {
    "#N/A",
    "#REF!",
    "#VALUE!",
    "#DIV/0!",
    "#NAME?",
    "#NULL!",
    "#NUM!",
    "#SPILL!",
    "#CALC!",
    "#GETTING_DATA",
}
_LONGEST: Final = 2000  # characters of an answer
# Columns that identify the grant: where they are those of another line, the columns were sorted separately.
_IDENTITY: Final = ("zone", "namespace", "subject")


class Decision(msgspec.Struct, frozen=True):
    """A decision on a line, and on which path of it. `on` and `until` are days.

    `independent` is `unknown` when it is not known whether the access is the reviewer's own.
    """

    id: str
    decision: Verdict
    by: str
    on: date
    path: str
    where: str
    until: date | None = None
    why: str = ""
    ticket: str = ""
    independent: Literal["yes", "unknown"] = "yes"

    @property
    def answer(self) -> tuple[object, ...]:
        """Return the decision without its place in a file."""
        return (self.decision, self.by, self.on, self.path, self.until, self.why, self.ticket)


@dataclass(frozen=True, slots=True)
class AnswerContext:
    """What answers are checked against: the campaign, the current lines and groups, and earlier decisions."""

    campaign: Campaign
    first: Mapping[str, CampaignLine]  # its lines by id, as the campaign began
    lines: Mapping[str, CampaignLine]  # the same, as in a later snapshot where there is one
    groups: Groups
    decided: Mapping[str, Decision]  # without reopened ones
    today: date
    replace: bool = False


def answered(row: Row) -> dict[str, str]:
    """Return the cells of a row that make a decision."""
    cells = {name: row.cells.get(name, "").strip() for name in ("id", "path", *ANSWERED)}
    # A name may begin like a formula: it is only compared with the names of reviewers.
    return cells | {"decided by": original(cells["decided by"])}


def is_answer(decision: Decision, cells: Mapping[str, str]) -> bool:
    """Return whether these cells, as `answered` returns them, make this decision."""
    until = decision.until.isoformat() if decision.until else ""
    made = (decision.id, decision.decision, decision.by, decision.on.isoformat(), until, decision.why, decision.ticket)
    names = ("id", "decision", "decided by", "decided on", "until", "why", "ticket")
    return made == tuple(cells[name].lower() if name == "decision" else cells[name] for name in names)


def decisions_of(rows: Iterable[Row], context: AnswerContext) -> tuple[list[Decision], list[str], int]:
    """Return the decisions, every mistake (a line each), and the number of rows without a decision."""
    taken: dict[str, Decision] = {}
    mistakes: list[str] = []
    undecided = 0
    for row in rows:
        cells = answered(row)
        if not cells["decision"]:
            undecided += bool(cells["id"])
            # Names and days that were filled down do not decide anything; other answers need a decision.
            if cells["until"] or cells["why"] or cells["ticket"]:
                mistakes.append(f"{row.where}: answers without a decision")
            continue
        problems = [*_row_problems(row, cells, context)]
        if not problems:
            decision = _decision(row, cells, context)
            problems = [*_conflicts(decision, taken.setdefault(decision.id, decision), context)]
        mistakes += [f"{row.where}: {what}" for what in problems]
    return list(taken.values()), mistakes, undecided


def _row_problems(row: Row, cells: Mapping[str, str], context: AnswerContext) -> Iterator[str]:
    """Yield what is wrong with a single row."""
    entry = context.lines.get(cells["id"])
    yield from _text_problems(cells)
    yield from _form_problems(cells, context)
    if entry is None:
        yield f"this campaign has no line with the id {cells['id'] or '(none)'}"
        return
    for name in _IDENTITY:
        if name in row.cells and _as_returned(row.cells[name]) != _as_returned(neutral(getattr(entry.line, name))):
            yield f"{name} differs from line {cells['id']}: were columns sorted separately?"
    if cells["path"] and cells["path"] not in {entry.line.path, context.first[entry.line.id].line.path}:
        yield "the path differs from that of this line"
    yield from _reviewer_problems(cells["decided by"], entry, context)


def _as_returned(text: str) -> str:
    """Return a name as a spreadsheet returns it: some characters escaped, some blanks lost."""
    return "".join(plain(text).split())


def _text_problems(cells: Mapping[str, str]) -> Iterator[str]:
    for name in ("id", *ANSWERED):
        text = cells[name]
        if name != "decided by" and neutral(text) != text:
            yield f"{name} begins like a formula"
        if text in _ERRORS:
            yield f"{name} is the error value {text}"
        if len(text) > _LONGEST:
            yield f"{name} is longer than {_LONGEST} characters"


def _form_problems(cells: Mapping[str, str], context: AnswerContext) -> Iterator[str]:
    """Yield invalid values, and values that do not go together."""
    verdict = cells["decision"].lower()
    if verdict not in VERDICTS:
        yield f"decision must be one of {', '.join(VERDICTS)}"
    if not cells["decided by"]:
        yield "decided by is empty"
    if not (on := _day(cells["decided on"])):
        yield "decided on is not a day (YYYY-MM-DD)"
    elif not date.fromisoformat(context.campaign.began[:10]) <= on <= context.today:
        yield (
            f"decided on {on} is before the campaign began"
            if on < context.today
            else f"decided on {on} is in the future"
        )
    until = _day(cells["until"])
    if cells["until"] and not until:
        yield "until is not a day (YYYY-MM-DD)"
    elif until and until < context.today:
        yield f"until {until} is in the past"
    if verdict == "exception" and not cells["until"]:
        yield "an exception needs a last day (until)"
    if verdict == "exception" and not cells["why"]:
        yield "an exception needs a reason (why)"
    if verdict != "exception" and cells["until"]:
        yield f"until needs the decision exception, not {verdict}"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def _reviewer_problems(person: str, entry: CampaignLine, context: AnswerContext) -> Iterator[str]:
    if not person:
        return
    allowed = context.campaign.reviewers_of(entry)
    if person not in allowed:
        yield f"{person} is not a reviewer of this line; its reviewers: {', '.join(allowed) or 'none'}"
    if own(entry.line, person, context.groups) == "yes":
        group = f", through group {entry.line.subject}" if entry.line.subject_kind == GROUP else ""
        yield f"{person} may not decide on their own access{group}"


def _decision(row: Row, cells: Mapping[str, str], context: AnswerContext) -> Decision:
    entry = context.lines[cells["id"]]
    verdict = cells["decision"].lower()
    return Decision(
        id=cells["id"],
        decision=next(known for known in VERDICTS if known == verdict),
        by=cells["decided by"],
        on=date.fromisoformat(cells["decided on"]),
        path=cells["path"] or entry.line.path,
        where=row.where,
        until=_day(cells["until"]),
        why=cells["why"],
        ticket=cells["ticket"],
        independent="yes" if own(entry.line, cells["decided by"], context.groups) == "no" else "unknown",
    )


def _conflicts(decision: Decision, first: Decision, context: AnswerContext) -> Iterator[str]:
    """Yield conflicts with another row, or with an earlier decision."""
    if first.answer != decision.answer:
        yield f"conflicts with {first.where} on the same line"
    earlier = context.decided.get(decision.id)
    if earlier and earlier.answer != decision.answer and not context.replace:
        decided = f"{earlier.by} decided on this line on {earlier.on} ({earlier.decision})"
        yield f"{decided}; --replace replaces that decision"
