"""The table `causes`: what is counted of each cause, those first whose fix removes most risk for each change."""

from collections.abc import Callable, Mapping, Sequence
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
    """A cause with what is counted of it."""

    cause: FindingCause
    severity: str
    by_severity: Mapping[str, int]
    fix: str
    changes: int

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
        counts: dict[str, int] = dict.fromkeys(SEVERITIES, 0)
        for one in cause.findings:
            if is_open(one) and one.severity in counts:
                counts[one.severity] += 1
        severity = min(cause.findings, key=gravity).severity
        rows.append(CauseRow(cause, severity, counts, *cause.fix()))
    return sorted(rows, key=lambda row: row.order)


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
        namespaces = {one.namespace for one in findings} - {EVERY}
        sure = [one for one in findings if is_open(one)]
        made.append(
            {
                "id": cause.id,
                "zone": cause.zone,
                "severity": row.severity,
                "kind": cause.kind,
                "checks": ", ".join(dict.fromkeys(one.check for one in sorted(findings, key=gravity))),
                "detail": sentence_of(cause),
                "findings": len(findings),
                **{name: row.by_severity[name] for name in ("critical", "high")},
                "new": sum(one.state == NEW for one in sure),
                "accepted": sum(one.state not in {NEW, OPEN} for one in findings),
                "unknown": sum(one.state in {NEW, OPEN} and one.answer != ANSWERS[YES] for one in findings),
                "namespaces": -1 if any(one.namespace == EVERY for one in findings) else len(namespaces),
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
    of = {one.id: cause.id for cause in causes for one in cause.findings}
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
        first = f"the first {len(self.rows)} causes close" if len(self.rows) > 1 else "the first cause closes"
        return f"{first} {self.closing:,} of {self.total:,} critical and high findings"


def _grave(row: CauseRow) -> int:
    return row.by_severity["critical"] + row.by_severity["high"]
