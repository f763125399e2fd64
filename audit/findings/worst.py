"""The worst open findings of a run, check by check: what a person reads first."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from audit.findings.model import NEW, OPEN, FindingRecord
from audit.tables.schemas import ANSWERS, SEVERITIES, YES

_PLACES: Final = 3  # examples of each check


@dataclass(slots=True)
class FindingGroup:
    """The certain, open findings of one check: how many, and some of the places."""

    severity: str
    title: str
    count: int = 0
    places: list[str] = field(default_factory=list)

    @property
    def where(self) -> str:
        """Return examples of places, and how many findings there are beside them."""
        rest = self.count - len(self.places)
        return ", ".join(self.places) + (f" and {rest} more" if rest else "")


class WorstFindings:
    """Counts the findings of zone after zone; holds a few lines for each check only."""

    def __init__(self) -> None:
        self._groups: dict[tuple[int, str], FindingGroup] = {}

    def add(self, found: Iterable[FindingRecord]) -> None:
        """Count the findings of a zone."""
        for finding in found:
            if finding.answer != ANSWERS[YES] or finding.state not in {NEW, OPEN}:
                continue
            key = SEVERITIES.index(finding.severity), finding.check
            group = self._groups.setdefault(key, FindingGroup(finding.severity, finding.title))
            group.count += 1
            place = f"{finding.zone}/{finding.namespace or '*'}"
            # A place that is listed already counts with its first finding.
            if len(group.places) < _PLACES and place not in group.places:
                group.places.append(place)

    def listed(self, most: int) -> list[FindingGroup]:
        """Return the worst groups, at most `most`."""
        return [group for _, group in sorted(self._groups.items(), key=lambda pair: pair[0])][:most]
