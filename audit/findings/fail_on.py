"""When a run fails: findings at or above a severity, or new findings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from audit.findings.model import GONE, NEW, OPEN, FindingRecord
from audit.tables.schemas import ANSWERS, SEVERITIES, YES, Severity


@dataclass(frozen=True, slots=True)
class Gate:
    """When to fail: at a severity or a worse one, or at new findings; either is enough."""

    fail_on: Severity | None = None
    fail_on_new: bool = False

    def holds_back(self, finding: FindingRecord) -> bool:
        """Return whether a finding makes the run fail.

        Findings that are accepted, gone or unknown do not: the state of the run says that a list is missing.
        """
        if finding.answer != ANSWERS[YES] or finding.state not in {NEW, OPEN}:
            return False
        if self.fail_on_new and finding.state == NEW:
            return True
        return self.fail_on is not None and SEVERITIES.index(finding.severity) <= SEVERITIES.index(self.fail_on)


@dataclass(frozen=True, slots=True)
class Tally:
    """The number of findings: open by severity, unknown, new, accepted, gone, and those that fail the gate."""

    by_severity: dict[str, int]
    unknown: int
    new: int
    accepted: int
    gone: int
    fail_on: str
    fail_on_new: bool
    failing: int

    @property
    def text(self) -> str:
        """Return the counts as one line."""
        found = [f"{count} {severity}" for severity, count in self.by_severity.items() if count]
        rest = (("new", self.new), ("unknown", self.unknown), ("accepted", self.accepted), ("gone", self.gone))
        others = [f"{count} {word}" for word, count in rest if count]
        return f"findings: {', '.join(found) or 'none'}" + (f" ({', '.join(others)})" if others else "")

    @property
    def failed(self) -> str:
        """Return why the run fails its gate; empty if it does not."""
        if not self.failing:
            return ""
        limits = [f"at or above {self.fail_on}"] if self.fail_on else []
        limits += ["new"] if self.fail_on_new else []
        return f"{self.failing} of the findings {'is' if self.failing == 1 else 'are'} {' or '.join(limits)}"

    def plus(self, other: "Tally") -> "Tally":
        """Return the sum of both; the gate is the same."""
        return replace(
            self,
            by_severity={name: count + other.by_severity[name] for name, count in self.by_severity.items()},
            **{name: getattr(self, name) + getattr(other, name) for name in _COUNTS},
        )


_COUNTS: Final = ("unknown", "new", "accepted", "gone", "failing")


def tally(found: Sequence[FindingRecord], gate: Gate) -> Tally:
    """Return the counts of a run."""
    live = [finding for finding in found if finding.state in {NEW, OPEN}]
    sure = [finding for finding in live if finding.answer == ANSWERS[YES]]
    return Tally(
        by_severity={severity: sum(finding.severity == severity for finding in sure) for severity in SEVERITIES},
        unknown=len(live) - len(sure),
        new=sum(finding.state == NEW for finding in sure),
        accepted=sum(finding.state not in {NEW, OPEN, GONE} for finding in found),
        gone=sum(finding.state == GONE for finding in found),
        fail_on=gate.fail_on or "",
        fail_on_new=gate.fail_on_new,
        failing=sum(map(gate.holds_back, found)),
    )
