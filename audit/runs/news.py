"""What a run has found and what is new, counted by zone: the source of metrics and messages."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from audit.findings.model import NEW, OPEN, FindingRecord, in_order
from audit.runs.info import ZoneInfo
from audit.tables.model import Numbers, Table
from audit.tables.schemas import ANSWERS, SEVERITIES, YES

_NOBODY: Final = frozenset({"system:anonymous", "system:unauthenticated"})
_GAINED: Final = frozenset({"gained", "widened"})
_KEPT: Final = 50  # new findings that are kept to be named


@dataclass(frozen=True, slots=True)
class ZoneNews:
    """One zone: open findings by severity and by check, the new ones, and changes of access by kind.

    `anonymous` counts the rows by which anonymous users gained access. `changes` and `anonymous` are None, not zero,
    for a zone that was compared with nothing.
    """

    zone: str
    findings: dict[str, int]
    checks: dict[str, int]
    new: dict[str, int]
    unknown: int
    changes: dict[str, int] | None = None
    anonymous: int | None = None

    @property
    def gained(self) -> int:
        """Return how many rows of access were gained or widened."""
        return sum((self.changes or {}).get(change, 0) for change in _GAINED)


@dataclass(frozen=True, slots=True)
class News:
    """What a run has found: each zone that could be read, how many findings are new, and the worst of these."""

    zones: tuple[ZoneNews, ...] = ()
    new: int = 0
    found: tuple[FindingRecord, ...] = ()


class NewsCounter:
    """Counts the findings of a run, zone by zone, and keeps the worst of those that are new."""

    def __init__(self) -> None:
        self._zones: dict[str, ZoneNews] = {}
        self._new = 0
        self._worst: list[FindingRecord] = []

    def zone(self, zone: str, found: Sequence[FindingRecord]) -> None:
        """Count the findings of a zone."""
        live = [finding for finding in found if finding.state in {NEW, OPEN}]
        sure = [finding for finding in live if finding.answer == ANSWERS[YES]]
        new = [finding for finding in sure if finding.state == NEW]
        self._zones[zone] = ZoneNews(
            zone=zone,
            findings=_by_severity(sure),
            checks=dict(sorted(Counter(finding.check for finding in sure).items())),
            new=_by_severity(new),
            unknown=len(live) - len(sure),
        )
        self._new += len(new)
        self._worst = in_order([*self._worst, *new])[:_KEPT]

    def news(self, zones: Iterable[ZoneInfo], changes: Table) -> News:
        """Return the news of a run. Of a zone that could not be read at all there are none: nothing is zero there."""
        read = [zone for zone in zones if zone.state != "failed" and zone.id in self._zones]
        return News(tuple(self._changed(read, changes)), self._new, tuple(self._worst))

    def _changed(self, zones: Sequence[ZoneInfo], changes: Table) -> Iterator[ZoneNews]:
        access = changes.where("object", {"access"})
        nobody = access & changes.where("subject", _NOBODY) & changes.where("change", _GAINED)
        for zone in zones:
            here = changes.where("zone", {zone.id})
            yield replace(
                self._zones[zone.id],
                changes=_changes(changes, access & here) if zone.compared_with else None,
                anonymous=int(np.count_nonzero(nobody & here)) if zone.compared_with else None,
            )


def _by_severity(found: Iterable[FindingRecord]) -> dict[str, int]:
    counts = Counter(finding.severity for finding in found)
    return {severity: counts[severity] for severity in SEVERITIES}


def _changes(changes: Table, rows: NDArray[np.bool_]) -> dict[str, int]:
    text = changes.text("change")
    codes: Numbers = text.codes[rows]
    counts = Counter(text.values[code] for code in codes.tolist())
    return {change: counts[change] for change in ("gained", "widened", "changed", "narrowed", "lost")}
