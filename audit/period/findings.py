"""How long findings lasted: from the run that showed each first to the one that did not show it any more."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from statistics import median

from audit.findings.model import GONE, FindingRecord
from audit.tables.schemas import ANSWERS, SEVERITIES, YES


@dataclass(slots=True)
class FindingSpan:
    """A finding from when it was first seen to the run that did not show it any more (empty: still open).

    `state` is the last one; times are RFC 3339.
    """

    id: str
    check: str
    severity: str
    zone: str
    namespace: str
    subject: str
    binding: str
    state: str
    found: str
    gone: str = ""

    @property
    def lasted(self) -> timedelta | None:
        """Return how long it lasted; None while it is open, or when a time is not known."""
        try:
            return datetime.fromisoformat(self.gone) - datetime.fromisoformat(self.found)
        except ValueError:
            return None

    def record(self) -> dict[str, str]:
        """Return its columns; `days` it lasted."""
        days = "" if self.lasted is None else f"{self.lasted / timedelta(days=1):.1f}"
        return {**asdict(self), "days": days}


class FindingSpans:
    """The certain findings of a period, run after run, the oldest first."""

    def __init__(self) -> None:
        self._open: dict[str, FindingSpan] = {}
        self._ended: list[FindingSpan] = []

    def add(self, findings: Iterable[FindingRecord], when: str) -> None:
        """Take the findings of a run that was made at `when`."""
        for finding in findings:
            if finding.state == GONE:
                self._gone(finding, when)
            elif finding.answer == ANSWERS[YES]:
                span = self._open.setdefault(finding.id, _span(finding))
                span.state, span.severity = finding.state, finding.severity

    def _gone(self, finding: FindingRecord, when: str) -> None:
        if span := self._open.pop(finding.id, None):
            span.gone, span.state = when, GONE
            self._ended.append(span)

    @property
    def spans(self) -> list[FindingSpan]:
        """Return all of them, the worst first."""
        found = [*self._ended, *self._open.values()]
        return sorted(
            found, key=lambda finding: (SEVERITIES.index(finding.severity), finding.zone, finding.found, finding.id)
        )


def _span(finding: FindingRecord) -> FindingSpan:
    return FindingSpan(
        finding.id,
        finding.check,
        finding.severity,
        finding.zone,
        finding.namespace,
        finding.subject,
        finding.binding,
        finding.state,
        finding.first_seen,
    )


def durations(spans: Iterable[FindingSpan]) -> list[dict[str, str | int]]:
    """Return for each severity how many were found, removed and are open, and median and longest time in days."""
    by_severity: dict[str, list[FindingSpan]] = {}
    for span in spans:
        by_severity.setdefault(span.severity, []).append(span)
    rows: list[dict[str, str | int]] = []
    for severity in SEVERITIES:
        if found := by_severity.get(severity):
            days = [span.lasted / timedelta(days=1) for span in found if span.lasted is not None]
            rows.append(
                {
                    "severity": severity,
                    "findings": len(found),
                    "removed": sum(bool(span.gone) for span in found),
                    "open": sum(not span.gone for span in found),
                    "median_days": f"{median(days):.1f}" if days else "",
                    "longest_days": f"{max(days):.1f}" if days else "",
                }
            )
    return rows
