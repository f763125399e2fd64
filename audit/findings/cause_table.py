"""The table `causes`: what is counted of each cause, those first whose fix removes most risk for each change."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from audit.checks.bindings import EVERY
from audit.findings.causes import FindingCause, gravity, sentence_of
from audit.findings.model import NEW, OPEN, FindingRecord
from audit.findings.remaining import Remaining
from audit.tables.model import Table, Text, table_of, text_column
from audit.tables.schemas import ANSWERS, SEVERITIES, YES

TEN: Final = 10
# How much worse each severity is: no number of findings of one is to hide a finding of a much worse one.
RISK: Final = {"critical": 1000, "high": 100, "medium": 10, "low": 1, "info": 0}


class CauseRow(NamedTuple):
    """A cause with what is counted of it; `counted` are its findings by severity, state and answer."""

    cause: FindingCause
    counted: Counter[tuple[str, str, str]]
    severity: str
    by_severity: Mapping[str, int]
    fix: str
    changes: int

    def number(self, wanted: Callable[[str, str], bool]) -> int:
        """Return how many findings have a state and an answer that are wanted."""
        return sum(number for (_, state, answer), number in self.counted.items() if wanted(state, answer))

    @property
    def risk(self) -> int:
        """Return the risk that its open findings are, as a number to compare."""
        return sum(RISK[severity] * count for severity, count in self.by_severity.items())

    @property
    def order(self) -> tuple[float, int, str]:
        """Return the sort key: most risk removed for each change first."""
        return -self.risk / max(self.changes, 1), -self.risk, self.cause.id


def ranked(causes: Sequence[FindingCause]) -> list[CauseRow]:
    """Return causes with their counts, those first whose fix removes most risk for each change."""
    rows = []
    for cause in causes:
        count = Counter(map(_COUNTED, cause.findings))
        by_severity: dict[str, int] = dict.fromkeys(SEVERITIES, 0)
        for (severity, state, answer), number in count.items():
            if state in {NEW, OPEN} and answer == ANSWERS[YES] and severity in by_severity:
                by_severity[severity] += number
        worst = min((severity for severity, _, _ in count), key=gravity)
        rows.append(CauseRow(cause, count, worst, by_severity, *cause.fix()))
    return sorted(rows, key=lambda row: row.order)


_COUNTED: Final = attrgetter("severity", "state", "answer")
_FOUND_BY: Final = attrgetter("severity", "check")


def is_open(finding: FindingRecord) -> bool:
    """Return whether a finding certainly holds and nobody accepted it."""
    return finding.state in {NEW, OPEN} and finding.answer == ANSWERS[YES]


def causes_table(
    rows: Sequence[CauseRow],
    owner: Callable[[str], str] = lambda _: "",
    remaining: Remaining | None = None,
    proposed: Sequence[str] = (),
) -> Table:
    """Return the table `causes` in the given order.

    `owner` names the organization of a namespace; `proposed` are the ids of the causes whose fixes are proposed.
    """
    made: list[Mapping[str, str | int]] = []
    for row in rows:
        cause, findings = row.cause, row.cause.findings
        places = {finding.namespace for finding in findings}
        namespaces = places - {EVERY}
        checks = sorted(dict.fromkeys(map(_FOUND_BY, findings)), key=lambda found: gravity(found[0]))
        made.append(
            {
                "id": cause.id,
                "zone": cause.zone,
                "severity": row.severity,
                "kind": cause.kind,
                "checks": ", ".join(dict.fromkeys(check for _, check in checks)),
                "detail": sentence_of(cause),
                "findings": len(findings),
                **{name: row.by_severity[name] for name in ("critical", "high")},
                "new": row.number(lambda state, answer: state == NEW and answer == ANSWERS[YES]),
                "accepted": row.number(lambda state, _: state not in {NEW, OPEN}),
                "unknown": row.number(lambda state, answer: state in {NEW, OPEN} and answer != ANSWERS[YES]),
                "namespaces": -1 if EVERY in places else len(namespaces),
                "organizations": len({*map(owner, namespaces)} - {""}),
                "people": remaining.people(cause.id) if remaining else -1,
                "changes": row.changes,
                "proposed": proposed.index(cause.id) + 1 if cause.id in proposed else 0,
                "fix": row.fix,
                "remains": remaining.text(cause.id) if remaining else "",
            }
        )
    return table_of("causes", made)


def with_causes(findings: Table, causes: Sequence[FindingCause]) -> Table:
    """Return the table `findings` with the cause of each."""
    of = {finding.id: cause.id for cause in causes for finding in cause.findings}
    column: Text = text_column([of.get(name, "") for name in findings.text("id").strings()])
    return Table("findings", {**findings.columns, "cause": column})


class FirstCauses:
    """The first causes of a run over all its zones, and how many critical and high findings they close."""

    def __init__(self) -> None:
        self.rows: list[CauseRow] = []
        self.closing = self.total = 0

    def add(self, rows: Sequence[CauseRow]) -> None:
        """Add the causes of a zone."""
        # Causes whose findings are all accepted or unknown remove no risk.
        self.rows = sorted([*self.rows, *(row for row in rows if row.risk)], key=lambda row: row.order)[:TEN]
        self.total += sum(map(_grave, rows))
        self.closing = sum(map(_grave, self.rows))

    @property
    def text(self) -> str:
        """Return in a sentence what they close."""
        if not self.total:
            return "no finding is critical or high"
        first = f"the first {len(self.rows)} causes close" if len(self.rows) > 1 else "the first cause closes"
        return f"{first} {self.closing:,} of {self.total:,} critical and high findings"


def _grave(row: CauseRow) -> int:
    return row.by_severity["critical"] + row.by_severity["high"]
