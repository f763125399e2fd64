"""What has been accepted: a file kept in Git that says which findings, why, who decided, and until when."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fnmatch import fnmatchcase, translate
from pathlib import Path
from typing import Annotated, Final

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from audit.checks.rules.registry import CHECKS
from audit.config.model_file import FileFormat, load_model, location, suggestion
from audit.config.yaml_reader import Document
from audit.findings.model import ACCEPTED, GONE, FindingRecord, order
from audit.tables.model import Table, table_of
from audit.tenancy.platform import spelled

ENDING_DAYS: Final = 30
ACTIVE, ENDING, EXPIRED, UNUSED = "active", "ending", "expired", "unused"

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
GLOB: Final = re.compile(r"[*?\[]")


def _day(value: object) -> object:
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise ValueError("there is no such day") from error
    raise ValueError("must be a day: YYYY-MM-DD")


Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Day = Annotated[date, BeforeValidator(_day)]


class ExceptionEntry(BaseModel):
    """One decision: which findings, why, by whom, and until when."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    id: Text | None = Field(default=None, description="Its name in reports; without one, it is made of what it says.")
    check: Text = Field(description="Checks, by id or glob.")
    zone: Text = Field(default="*", description="Zones, by id or glob.")
    namespace: Text = Field(default="*", description="Namespaces, by name or glob.")
    subject: Text = Field(
        default="*", description="Subjects: a glob of `user/NAME`, `group/NAME` or `sa/NAMESPACE:NAME`."
    )
    why: Text = Field(description="Why it is accepted.")
    decided_by: Text = Field(description="Who decided.")
    ticket: str = Field(default="", description="Where it is written down.")
    until: Day = Field(description="Last day on which it holds (YYYY-MM-DD).")

    @property
    def name(self) -> str:
        """Return its id; of one without, one that stays the same while it says the same of the same."""
        about = json.dumps([self.check, self.zone, self.namespace, self.subject])
        return self.id or f"exception-{hashlib.sha256(about.encode()).hexdigest()[:8]}"


class _Covering:
    """Which findings of a check a decision is about; each glob is read once."""

    def __init__(self, decision: ExceptionEntry, real: Callable[[str], str]) -> None:
        self._real = real
        self._zone, self._namespace, self._subject = (
            None if glob == "*" else re.compile(translate(glob)).match
            for glob in (decision.zone, decision.namespace, decision.subject)
        )

    def covers(self, finding: FindingRecord) -> bool:
        return (
            (self._namespace is None or self._namespace(self._real(finding.namespace)) is not None)
            and (self._zone is None or self._zone(finding.zone) is not None)
            and (self._subject is None or self._subject(self._who(finding)) is not None)
        )

    def _who(self, finding: FindingRecord) -> str:
        return spelled(finding.subject_kind, self._real(finding.subject))


class ExceptionFile(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    exceptions: tuple[ExceptionEntry, ...] = Field(description="The decisions.")


def load_exceptions(path: Path) -> tuple[ExceptionEntry, ...]:
    """Return the decisions in a file. Raises ConfigError with all its mistakes."""
    return load_model(path, _FORM).exceptions


def _more(document: Document) -> list[str]:
    """Return what names no check, and ids that stand there twice."""
    given = document.value.get("exceptions") if isinstance(document.value, dict) else None
    entries = [one if isinstance(one, dict) else {} for one in given] if isinstance(given, list) else []
    mistakes: list[str] = []
    seen: set[str] = set()
    for at, entry in enumerate(entries):
        check, name = entry.get("check"), entry.get("id")
        if isinstance(check, str) and not any(fnmatchcase(one, check) for one in CHECKS):
            said = (
                "this glob matches no check"
                if GLOB.search(check)
                else f"no such check; {suggestion(check, list(CHECKS))}"
            )
            mistakes.append(location(document, ("exceptions", at, "check")) + said)
        about = name or str([entry.get(key, "*") for key in ("check", "zone", "namespace", "subject")])
        if about in seen:
            said = "this id stands there twice" if name else "the same findings are meant by an entry before"
            mistakes.append(location(document, ("exceptions", at)) + said)
        seen.add(about)
    return mistakes


_FORM: Final = FileFormat(
    ExceptionFile,
    "exceptions",
    "exceptions: [{check: ID, why: TEXT, decided_by: NAME, until: YYYY-MM-DD}]",
    "docs/exceptions.md has every key",
    _more,
)


@dataclass(frozen=True, slots=True)
class ExceptionSet:
    """What has been accepted. Of pseudonyms in findings, `real` gives the names; `told` says a decision without any."""

    given: Sequence[ExceptionEntry] = ()
    told: Callable[[ExceptionEntry], ExceptionEntry] = lambda decision: decision
    real: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class ExceptionUse:
    """A decision, how it stands today, and how many findings it covers."""

    decision: ExceptionEntry
    state: str
    findings: int


class ExceptionMatcher:
    """Marks the findings of one zone after the other, and counts what each decision covers."""

    def __init__(self, decisions: ExceptionSet, today: date) -> None:
        """Take the decisions, and the day that they are looked at."""
        self._decisions = [decisions.told(one) for one in decisions.given]
        self._today = today
        self._counts = [0] * len(decisions.given)
        # Findings are many and checks few: most decisions are left out by the check alone.
        self._about = {
            check: [at for at, one in enumerate(decisions.given) if fnmatchcase(check, one.check)] for check in CHECKS
        }
        self._meant = [_Covering(one, decisions.real) for one in decisions.given]

    def accept(self, found: Sequence[FindingRecord]) -> list[FindingRecord]:
        """Return the findings, in their order, with those that are accepted marked as such.

        A finding that several decisions cover is accepted by the one that holds longest. One whose decision has expired
        is as it was, and names it. What is gone needs no decision.
        """
        return sorted(map(self._decided, found), key=order)

    def uses(self) -> list[ExceptionUse]:
        """Return how each decision is used by the findings seen until now."""
        pairs = zip(self._decisions, self._counts, strict=True)
        return [ExceptionUse(one, _state(one, count, self._today), count) for one, count in pairs]

    def _decided(self, finding: FindingRecord) -> FindingRecord:
        if finding.state == GONE:
            return finding
        mine = [at for at in self._about[finding.check] if self._meant[at].covers(finding)]
        for at in mine:
            self._counts[at] += 1
        decided = [self._decisions[at] for at in mine]
        best = max(decided, key=lambda one: (one.until, one.name), default=None)
        return finding if best is None else _marked(finding, best, self._today)


def _marked(finding: FindingRecord, decision: ExceptionEntry, today: date) -> FindingRecord:
    state = finding.state if decision.until < today else ACCEPTED
    return msgspec.structs.replace(finding, state=state, exception=decision.name, until=decision.until.isoformat())


def _state(decision: ExceptionEntry, findings: int, today: date) -> str:
    if decision.until < today:
        return EXPIRED
    if not findings:
        return UNUSED
    return ENDING if decision.until <= today + timedelta(days=ENDING_DAYS) else ACTIVE


def exceptions_table(uses: Sequence[ExceptionUse]) -> Table:
    """Return the table `exceptions`, by id."""
    rows: list[Mapping[str, str | int]] = [
        {
            "id": use.decision.name,
            "state": use.state,
            "check": use.decision.check,
            "zone": use.decision.zone,
            "namespace": use.decision.namespace,
            "subject": use.decision.subject,
            "reason": use.decision.why,
            "decided_by": use.decision.decided_by,
            "ticket": use.decision.ticket,
            "until": use.decision.until.isoformat(),
            "findings": use.findings,
        }
        for use in uses
    ]
    return table_of("exceptions", sorted(rows, key=lambda row: tuple(map(str, row.values()))))


def remarks(uses: Sequence[ExceptionUse]) -> Iterator[str]:
    """Yield a line for each decision that somebody has to look at."""
    for use in uses:
        one = use.decision
        if use.state == EXPIRED:
            yield f"exception {one.name} ended on {one.until}: {use.findings} findings are open again"
        elif use.state == ENDING:
            yield f"exception {one.name} ends on {one.until}: {use.findings} findings will be open again"
        elif use.state == UNUSED:
            yield f"exception {one.name} matches no finding: take it out, or look at how it is spelled"
