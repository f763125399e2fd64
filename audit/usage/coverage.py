"""How much of a stretch of time the logs cover, and therefore whether access was used, was not used, or is not known.

A log proves use by a line, and disuse only by being whole: lines without a pause, of every replica of the registry, at
a level at which the registry logs requests at all. (The kubelet asks each replica for its health several times a
minute, and each of these requests is a line. What is lost of a shorter time leaves no trace.)
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from audit.usage.files import UNNAMED
from audit.usage.history import DAMAGED, Window, joined
from audit.usage.requests import REGISTRY, TELLING, TICK

Answer = Literal["used", "not used", "not known"]
_TICK: Final = timedelta(microseconds=TICK)


class Missing(NamedTuple):
    """A stretch of time that is not covered, and why."""

    begin: datetime
    end: datetime
    reason: str


class Coverage:
    """What the logs of one zone's registry cover; `replicas` is how many pods it has, None when nobody said.

    Gaps up to `tolerated` are disregarded.
    """

    def __init__(self, windows: Iterable[Window], replicas: int | None, tolerated: timedelta = timedelta(0)) -> None:
        self._windows = [window for window in windows if window.source == REGISTRY]
        self._replicas = replicas
        self._tolerated = tolerated
        self._known: dict[tuple[datetime, datetime], list[Missing]] = {}

    def missing(self, begin: datetime, end: datetime) -> list[Missing]:
        """Return which parts of the time from `begin` to `end` are not covered, each with its reason, in order."""
        if (begin, end) not in self._known:
            self._known[begin, end] = self._missing(begin, end)
        return self._known[begin, end]

    def answer(self, last: datetime | None, since: datetime | None, begin: datetime, end: datetime) -> Answer:
        """Return whether access was used between `begin` and `end`.

        `last` is its last known use, None when none is known; `since` is when it was granted, None when not known.
        """
        if last is not None and last >= begin:
            return "used"
        old = since is not None and since <= begin
        return "not used" if old and not self.missing(begin, end) else "not known"

    def _missing(self, begin: datetime, end: datetime) -> list[Missing]:
        if not self._windows:
            return [Missing(begin, end, "no log of the registry was read")]
        if self._replicas is None:
            return [Missing(begin, end, "how many replicas the registry has is not known (--replicas)")]
        return [gap for gap in _joined(self._pieces(begin, end)) if gap.end - gap.begin > self._tolerated]

    def last_covered(self, before: datetime) -> datetime | None:
        """Return the last moment up to `before` that the logs of all replicas cover; None if there is none."""
        begin = min((window.begin for window in self._windows), default=before)
        if self._replicas is None or begin >= before:
            return None
        gaps = [*self._pieces(begin, before)]
        end = before
        for gap in reversed(gaps):
            if gap.end < end:
                break
            end = gap.begin
        return end if end > begin else None

    def _pieces(self, begin: datetime, end: datetime) -> Iterator[Missing]:
        """Yield the uncovered stretches between the moments at which the log of some pod begins or ends."""
        # Where in its first ten seconds a log begins is not known, nor where in its last.
        windows = joined(window._replace(levels=TELLING) for window in self._windows if window.levels & TELLING)
        named, unnamed = Counter[datetime](), Counter[datetime]()
        for window in windows:
            if window.begin + _TICK < window.end:
                changes = unnamed if window.pod == UNNAMED else named
                changes[window.begin + _TICK] += 1
                changes[window.end] -= 1
        moments = {*named, *unnamed}
        of_name, other = (sum(count for at, count in of.items() if at <= begin) for of in (named, unnamed))
        for start, stop in pairwise([begin, *sorted(at for at in moments if begin < at < end), end]):
            of_name += named[start] if start > begin else 0
            other += unnamed[start] if start > begin else 0
            # Lines without a name may be a copy of those of any pod.
            pods = of_name or min(other, 1)
            if pods < (self._replicas or 0):
                yield Missing(start, stop, self._reason(pods, start, stop))

    def _reason(self, pods: int, start: datetime, stop: datetime) -> str:
        there = [window for window in self._windows if window.begin < stop and window.end + _TICK > start]
        if any(DAMAGED in window.levels for window in there):
            return "damaged lines"
        if pods:
            return f"lines of {pods} of {self._replicas} replicas"
        # A refused request is logged as a warning too: warnings all the time say that there is nothing else.
        if any(
            not window.levels & TELLING and window.begin <= start + (stop - start) / 2 <= window.end + _TICK
            for window in there
        ):
            return "the log level of the registry does not record requests"
        return "no lines"


def _joined(pieces: Iterable[Missing]) -> Iterator[Missing]:
    """Yield stretches that touch, and have one reason, as one."""
    last: Missing | None = None
    for piece in pieces:
        if last and last.end == piece.begin and last.reason == piece.reason:
            last = last._replace(end=piece.end)
            continue
        if last:
            yield last
        last = piece
    if last:
        yield last
