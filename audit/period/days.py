"""Which days of a period the runs cover, zone by zone, and how far apart they are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Final

from audit.runs.runs import COMPLETE, EarlierRun, run_order

MISSING: Final = "missing"
_STATES: Final = (COMPLETE, "partial", "stale", "failed")  # the best first


@dataclass(frozen=True, slots=True)
class Period:
    """Days in UTC, both included."""

    first: date
    last: date

    def days(self) -> Iterator[date]:
        """Yield each day."""
        for number in range((self.last - self.first).days + 1):
            yield self.first + timedelta(days=number)

    def has(self, moment: datetime) -> bool:
        """Return whether a moment lies in it."""
        return self.first <= moment.astimezone(UTC).date() <= self.last


@dataclass(frozen=True, slots=True)
class DayGap:
    """A day on which a zone was not read completely. `state` is the best of the day's runs, or MISSING without one."""

    zone: str
    day: str
    state: str
    runs: str  # ids, joined by `, `


def time_of(run: EarlierRun) -> datetime:
    """Return when a run began, by its id."""
    order = run_order(run.id)
    return datetime.strptime(order[0] if order else "", "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def rfc3339(moment: datetime) -> str:
    """Return a time as reports write it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def day_gaps(zone: str, runs: Sequence[EarlierRun], period: Period) -> list[DayGap]:
    """Return the days on which no run read this zone completely."""
    by_day: dict[date, list[tuple[str, str]]] = {}
    for run in runs:
        state = next((info.state for info in run.run.zones if info.id == zone), None)
        if state is not None:
            by_day.setdefault(time_of(run).date(), []).append((state, run.id))
    gaps = []
    for day in period.days():
        found = by_day.get(day, [])
        states = {state for state, _ in found}
        best = next((state for state in _STATES if state in states), MISSING)
        if best != COMPLETE:
            gaps.append(DayGap(zone, day.isoformat(), best, ", ".join(run for _, run in found)))
    return gaps


def longest_interval(moments: Sequence[datetime]) -> timedelta:
    """Return the longest time between two of these moments that follow each other."""
    ordered = sorted(moments)
    return max((later - earlier for earlier, later in pairwise(ordered)), default=timedelta())
