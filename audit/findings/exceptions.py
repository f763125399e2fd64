"""Exceptions: accepted findings, in a file kept in Git, with the reason, who decided, and until when."""

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
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from audit.checks.rules.registry import CHECKS
from audit.config.model_file import FileFormat, load_model, location, suggestion
from audit.config.yaml_reader import Document
from audit.findings.causes import causes_of
from audit.findings.model import ACCEPTED, GONE, FindingRecord, in_order
from audit.tables.model import Table, table_of
from audit.tenancy.platform import spelled

ENDING_DAYS: Final = 30
ACTIVE, ENDING, EXPIRED, UNUSED, EXCEEDED = "active", "ending", "expired", "unused", "exceeded"

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
GLOB: Final = re.compile(r"[*?\[]")


def _day(value: object) -> object:
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise ValueError("not a date") from error
    raise ValueError("must be a date: YYYY-MM-DD")


Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Day = Annotated[date, BeforeValidator(_day)]


class ExceptionEntry(BaseModel):
    """One exception: which findings, why, by whom, and until when."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    id: Text | None = Field(default=None, description="Its name in reports; by default, a digest of what it covers.")
    check: Text = Field(default="*", description="Id or glob of checks; needed, unless `cause` is given.")
    cause: str = Field(default="", description="Id of a cause, as in the table `causes`: all its findings.")
    zone: Text = Field(default="*", description="Id or glob of zones.")
    namespace: Text = Field(default="*", description="Name or glob of namespaces.")
    subject: Text = Field(
        default="*", description="Glob of subjects, written `user/NAME`, `group/NAME` or `sa/NAMESPACE:NAME`."
    )
    why: Text = Field(description="Why it is accepted.")
    decided_by: Text = Field(description="Who decided.")
    ticket: str = Field(default="", description="Reference to the decision, such as a ticket.")
    until: Day = Field(description="Last day on which it is valid (YYYY-MM-DD).")
    count: int | None = Field(default=None, ge=0, description="How many findings it covered when it was decided.")
    limit: int | None = Field(
        default=None,
        ge=0,
        description="No more findings than this are accepted: the oldest. What is beyond it is open, or new.",
    )

    @model_validator(mode="after")
    def _about_something(self) -> "ExceptionEntry":
        if not self.cause and "check" not in self.model_fields_set:
            raise ValueError("give check or cause")
        if self.limit is not None and self.count is not None and self.limit < self.count:
            raise ValueError("limit is below count: it would not cover what was decided on")
        return self

    @property
    def name(self) -> str:
        """Return its id; without one, a digest that is the same while it covers the same findings."""
        about = json.dumps([self.check, self.zone, self.namespace, self.subject, *filter(None, [self.cause])])
        return self.id or f"exception-{hashlib.sha256(about.encode()).hexdigest()[:8]}"


class _Covering:
    """The findings of a check that an exception covers; each glob is compiled once."""

    def __init__(self, decision: ExceptionEntry, real: Callable[[str], str]) -> None:
        self._real = real
        self._cause = decision.cause
        self._zone, self._namespace, self._subject = (
            None if glob == "*" else re.compile(translate(glob)).match
            for glob in (decision.zone, decision.namespace, decision.subject)
        )

    def covers(self, finding: FindingRecord, cause: str) -> bool:
        return (
            (not self._cause or self._cause == cause)
            and (self._namespace is None or self._namespace(self._real(finding.namespace)) is not None)
            and (self._zone is None or self._zone(finding.zone) is not None)
            and (self._subject is None or self._subject(self._who(finding)) is not None)
        )

    def _who(self, finding: FindingRecord) -> str:
        return spelled(finding.subject_kind, self._real(finding.subject))


class ExceptionFile(BaseModel):
    """The file of exceptions."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    exceptions: tuple[ExceptionEntry, ...] = Field(description="The exceptions.")


def load_exceptions(path: Path) -> tuple[ExceptionEntry, ...]:
    """Return the exceptions in a file. Raises ConfigError with all its mistakes."""
    return load_model(path, _FORM).exceptions


def _more(document: Document) -> list[str]:
    """Return unknown checks and duplicate entries."""
    given = document.value.get("exceptions") if isinstance(document.value, dict) else None
    entries = [item if isinstance(item, dict) else {} for item in given] if isinstance(given, list) else []
    mistakes: list[str] = []
    seen: set[str] = set()
    for at, entry in enumerate(entries):
        check, name = entry.get("check"), entry.get("id")
        if isinstance(check, str) and not any(fnmatchcase(known, check) for known in CHECKS):
            mistake = (
                "this glob matches no check"
                if GLOB.search(check)
                else f"no such check; {suggestion(check, list(CHECKS))}"
            )
            mistakes.append(location(document, ("exceptions", at, "check")) + mistake)
        about = name or str([entry.get(key, "*") for key in ("check", "cause", "zone", "namespace", "subject")])
        if about in seen:
            mistake = "duplicate id" if name else "an earlier entry covers the same findings"
            mistakes.append(location(document, ("exceptions", at)) + mistake)
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
    """The exceptions of a run; `shown` replaces names in an entry by pseudonyms, `real` the reverse in findings."""

    entries: Sequence[ExceptionEntry] = ()
    shown: Callable[[ExceptionEntry], ExceptionEntry] = lambda decision: decision
    real: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class ExceptionUse:
    """An exception, its state today, and how many findings it covers."""

    decision: ExceptionEntry
    state: str
    findings: int


class ExceptionMatcher:
    """Marks the findings of one zone after another, and counts what each exception covers."""

    def __init__(self, decisions: ExceptionSet, today: date) -> None:
        self._decisions = [decisions.shown(entry) for entry in decisions.entries]
        self._today = today
        self._counts = [0] * len(decisions.entries)
        # Many findings, few checks: the check alone rules out most exceptions.
        self._about = {
            check: [at for at, entry in enumerate(decisions.entries) if fnmatchcase(check, entry.check)]
            for check in CHECKS
        }
        self._meant = [_Covering(entry, decisions.real) for entry in decisions.entries]
        self._by_cause = any(entry.cause for entry in decisions.entries)
        self._limits = [entry.limit for entry in decisions.entries]
        self._accepted = [0] * len(decisions.entries)
        self._causes: dict[str, str] = {}

    def accept(self, found: Sequence[FindingRecord]) -> list[FindingRecord]:
        """Return the findings in order, the accepted ones marked.

        Of several exceptions that cover a finding, the one that is valid longest counts. A finding whose exception has
        expired, or covers as many as its limit, keeps its state and names the exception. What is gone needs none.
        """
        if self._by_cause:
            self._causes = {finding.id: cause.id for cause in causes_of(found) for finding in cause.findings}
        if any(limit is not None for limit in self._limits):
            # What was there first is what was decided on.
            found = sorted(found, key=lambda finding: finding.first_seen)
        return in_order([*map(self._decided, found)])

    def uses(self) -> list[ExceptionUse]:
        """Return how many findings each exception has covered so far."""
        pairs = zip(self._decisions, self._counts, strict=True)
        return [ExceptionUse(entry, _state(entry, count, self._today), count) for entry, count in pairs]

    def _decided(self, finding: FindingRecord) -> FindingRecord:
        if finding.state == GONE:
            return finding
        cause = self._causes.get(finding.id, "")
        mine = [at for at in self._about[finding.check] if self._meant[at].covers(finding, cause)]
        for at in mine:
            self._counts[at] += 1
        mine.sort(key=lambda at: (self._has_room(at), self._decisions[at].until, self._decisions[at].name))
        if not mine:
            return finding
        best = mine[-1]
        covered = self._has_room(best) and self._decisions[best].until >= self._today
        self._accepted[best] += covered
        return _marked(finding, self._decisions[best], covered=covered)

    def _has_room(self, at: int) -> bool:
        limit = self._limits[at]
        return limit is None or self._accepted[at] < limit


def _marked(finding: FindingRecord, decision: ExceptionEntry, *, covered: bool) -> FindingRecord:
    state = ACCEPTED if covered else finding.state
    return msgspec.structs.replace(finding, state=state, exception=decision.name, until=decision.until.isoformat())


def _state(decision: ExceptionEntry, findings: int, today: date) -> str:
    if decision.until < today:
        return EXPIRED
    if not findings:
        return UNUSED
    if decision.limit is not None and findings > decision.limit:
        return EXCEEDED
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
            "cause": use.decision.cause,
            "limit": -1 if use.decision.limit is None else use.decision.limit,
        }
        for use in uses
    ]
    return table_of("exceptions", sorted(rows, key=lambda row: tuple(map(str, row.values()))))


def remarks(uses: Sequence[ExceptionUse]) -> Iterator[str]:
    """Yield a line for each exception that needs attention."""
    for use in uses:
        entry = use.decision
        if use.state == EXPIRED:
            yield f"exception {entry.name} was valid until {entry.until}: {use.findings} findings are open again"
        elif use.state == ENDING:
            yield f"exception {entry.name} is valid until {entry.until}: {use.findings} findings will be open again"
        elif use.state == EXCEEDED:
            covered = f"{entry.limit} of {use.findings} findings"
            yield f"exception {entry.name} covers no more than {covered}: the rest is open"
        elif use.state == UNUSED:
            yield f"exception {entry.name} matches no finding: remove it or check its spelling"
