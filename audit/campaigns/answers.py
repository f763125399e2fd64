"""Rows -> decisions, or everything that is wrong with them: what is impossible is never taken, nor taken in part."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, get_args

import msgspec

from audit.campaigns.campaign import Campaign, CampaignLine, Groups, own
from audit.campaigns.reading import ANSWERED, Row
from audit.tables.spreadsheet import neutral, original, plain

Verdict = Literal["keep", "reduce", "revoke", "exception"]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_LONGEST: Final = 2000  # characters of an answer
# Columns that say what was decided on: a row in which they are another line's was sorted apart.
_SAME: Final = ("zone", "namespace", "subject")


class Decision(msgspec.Struct, frozen=True):
    """What somebody has decided on a line, and on which path of it. `on` and `until` are days.

    `independent` is `unknown` when it could not be seen whether the access is the reviewer's own.
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
    def said(self) -> tuple[object, ...]:
        """Return all that was answered, but for where it stands."""
        return (self.decision, self.by, self.on, self.path, self.until, self.why, self.ticket)


@dataclass(frozen=True, slots=True)
class AnswerContext:
    """What decisions are held against: the campaign, the lines and groups as they are now, and what is decided."""

    campaign: Campaign
    first: Mapping[str, CampaignLine]  # its lines by id, as it began
    lines: Mapping[str, CampaignLine]  # the same; where a later run saw one, as it saw it
    groups: Groups
    decided: Mapping[str, Decision]  # but for what was reopened
    today: date
    replace: bool = False


def decisions_of(rows: Iterable[Row], before: AnswerContext) -> tuple[list[Decision], list[str], int]:
    """Return the decisions, every mistake (a line each), and how many rows say nothing: these stay undecided."""
    taken: dict[str, Decision] = {}
    mistakes: list[str] = []
    silent = 0
    for row in rows:
        cells = {name: row.cells.get(name, "").strip() for name in ("id", "path", *ANSWERED)}
        # A name may begin as a formula does: it is compared with those of reviewers, and nothing else is done with it.
        cells["decided by"] = original(cells["decided by"])
        if not cells["decision"]:
            silent += bool(cells["id"])
            mistakes += [f"{row.where}: {what}" for what in _half(cells)]
            continue
        found = [*_wrong(row, cells, before)]
        if not found:
            decision = _decision(row, cells, before)
            found = [*_against(decision, taken.setdefault(decision.id, decision), before)]
        mistakes += [f"{row.where}: {what}" for what in found]
    return list(taken.values()), mistakes, silent


def _half(cells: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with a row that decides nothing: names and days that were filled down say nothing yet."""
    if cells["until"] or cells["why"] or cells["ticket"]:
        yield "there is no decision beside what is written"


def _wrong(row: Row, cells: Mapping[str, str], before: AnswerContext) -> Iterator[str]:
    """Yield what is wrong with a row by itself."""
    asked = before.lines.get(cells["id"])
    yield from _texts(cells)
    yield from _form(cells, before)
    if asked is None:
        yield f"no line of this campaign has the id {cells['id'] or '(none)'}"
        return
    for name in _SAME:
        if name in row.cells and _alike(row.cells[name]) != _alike(neutral(getattr(asked.line, name))):
            yield f"its {name} is not that of line {cells['id']}: were columns sorted apart?"
    if cells["path"] and cells["path"] not in {asked.line.path, before.first[asked.line.id].line.path}:
        yield "it is about another path of this line than there is"
    yield from _reviewer(cells["decided by"], asked, before)


def _alike(text: str) -> str:
    """Return a name as it comes back from a spreadsheet, which spells some characters out and drops some blanks."""
    return "".join(plain(text).split())


def _texts(cells: Mapping[str, str]) -> Iterator[str]:
    for name in ("id", *ANSWERED):
        text = cells[name]
        if name != "decided by" and neutral(text) != text:
            yield f"{name} begins as a formula does"
        if len(text) > _LONGEST:
            yield f"{name} is longer than {_LONGEST} characters"


def _form(cells: Mapping[str, str], before: AnswerContext) -> Iterator[str]:
    """Yield what does not go together, or is no day."""
    verdict = cells["decision"].lower()
    if verdict not in VERDICTS:
        yield f"decision is none of {', '.join(VERDICTS)}"
    if not cells["decided by"]:
        yield "decided by is empty"
    if not (on := _day(cells["decided on"])):
        yield "decided on is no day (YYYY-MM-DD)"
    elif not date.fromisoformat(before.campaign.began[:10]) <= on <= before.today:
        yield f"decided on {on} is before the campaign began" if on < before.today else f"decided on {on} is to come"
    until = _day(cells["until"])
    if cells["until"] and not until:
        yield "until is no day (YYYY-MM-DD)"
    elif until and until < before.today:
        yield f"until {until} is past"
    if verdict == "exception" and not cells["until"]:
        yield "an exception needs a last day (until)"
    if verdict == "exception" and not cells["why"]:
        yield "an exception needs a reason (why)"
    if verdict != "exception" and cells["until"]:
        yield f"until goes with an exception only, and this says {verdict}"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def _reviewer(person: str, asked: CampaignLine, before: AnswerContext) -> Iterator[str]:
    if not person:
        return
    allowed = before.campaign.reviewers_of(asked)
    if person not in allowed:
        yield f"{person} is no reviewer of this line; {', '.join(allowed) or 'nobody'} is"
    if own(asked.line, person, before.groups) == "yes":
        group = f", through group {asked.line.subject}" if asked.line.subject != person else ""
        yield f"{person} may not decide on their own access{group}"


def _decision(row: Row, cells: Mapping[str, str], before: AnswerContext) -> Decision:
    asked = before.lines[cells["id"]]
    verdict = cells["decision"].lower()
    return Decision(
        id=cells["id"],
        decision=next(one for one in VERDICTS if one == verdict),
        by=cells["decided by"],
        on=date.fromisoformat(cells["decided on"]),
        path=cells["path"] or asked.line.path,
        where=row.where,
        until=_day(cells["until"]),
        why=cells["why"],
        ticket=cells["ticket"],
        independent="yes" if own(asked.line, cells["decided by"], before.groups) == "no" else "unknown",
    )


def _against(decision: Decision, first: Decision, before: AnswerContext) -> Iterator[str]:
    """Yield with what a decision disagrees: another row, or what was decided before."""
    if first.said != decision.said:
        yield f"it disagrees with {first.where} about the same line"
    earlier = before.decided.get(decision.id)
    if earlier and earlier.said != decision.said and not before.replace:
        said = f"{earlier.by} has decided on this line on {earlier.on} ({earlier.decision})"
        yield f"{said}; --replace takes this instead"
