"""What a run has found and what is new in it, counted for each zone: what metrics and messages are made of."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.findings import NEW, OPEN, Found
from audit.tables import ANSWERS, SEVERITIES, YES, Numbers, Table
from reports.run import ZoneInfo

_NOBODY = ("system:anonymous", "system:unauthenticated")
_GAINED = ("gained", "widened")


@dataclass(frozen=True, slots=True)
class ZoneNews:
    """One zone: findings that are still so, by severity and by check, and the new ones; changes of access, by kind.

    `anonymous` counts the rows by which somebody who is not logged in has gained access. `changes` and it are None for
    a zone that was compared with nothing: nothing is said of it, and that is not zero.
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
    """What a run has found: each zone that could be read, and the new findings, the worst first."""

    zones: tuple[ZoneNews, ...] = ()
    found: tuple[Found, ...] = ()


def news(zones: Iterable[ZoneInfo], found: Sequence[Found], changes: Table) -> News:
    """Return the news of a run. Of a zone that could not be read at all there are none: nothing is zero there."""
    counted = list(_zones([zone for zone in zones if zone.state != "failed"], found, changes))
    return News(tuple(counted), tuple(one for one in found if one.state == NEW and one.answer == ANSWERS[YES]))


def _zones(zones: Sequence[ZoneInfo], found: Sequence[Found], changes: Table) -> Iterator[ZoneNews]:
    access = _is(changes, "object", ("access",))
    nobody = access & _is(changes, "subject", _NOBODY) & _is(changes, "change", _GAINED)
    for zone in zones:
        live = [one for one in found if one.zone == zone.id and one.state in {NEW, OPEN}]
        sure = [one for one in live if one.answer == ANSWERS[YES]]
        here = _is(changes, "zone", (zone.id,))
        yield ZoneNews(
            zone=zone.id,
            findings=_by_severity(sure),
            checks=dict(sorted(Counter(one.check for one in sure).items())),
            new=_by_severity([one for one in sure if one.state == NEW]),
            unknown=len(live) - len(sure),
            changes=_changes(changes, access & here) if zone.compared_with else None,
            anonymous=int(np.count_nonzero(nobody & here)) if zone.compared_with else None,
        )


def _by_severity(found: Iterable[Found]) -> dict[str, int]:
    counts = Counter(one.severity for one in found)
    return {severity: counts[severity] for severity in SEVERITIES}


def _is(changes: Table, column: str, wanted: Sequence[str]) -> NDArray[np.bool_]:
    """Say of each row whether its text in a column is one of those wanted."""
    text = changes.text(column)
    codes = [code for code, value in enumerate(text.values) if value in wanted]
    return np.isin(text.codes, codes)


def _changes(changes: Table, rows: NDArray[np.bool_]) -> dict[str, int]:
    text = changes.text("change")
    codes: Numbers = text.codes[rows]
    counts = Counter(text.values[code] for code in codes.tolist())
    return {change: counts[change] for change in ("gained", "widened", "changed", "narrowed", "lost")}
