"""How much of a stretch of time the logs cover, and therefore whether access was used, was not used, or is not known.

A log proves use by a line, and disuse only by being whole: lines in every minute, of every replica of the registry, at
a level at which the registry logs requests at all. (The kubelet asks each replica for its health several times a
minute, and each of these requests is a line.)
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from audit.usage.history import Window
from audit.usage.requests import REGISTRY

Answer = Literal["used", "not used", "not known"]
_LEVELS: Final = frozenset({"info", "debug", "trace"})  # at which requests are logged
_MINUTE: Final = timedelta(minutes=1)


class Missing(NamedTuple):
    """A stretch of time that is not covered, and why."""

    begin: datetime
    end: datetime
    reason: str


class Coverage:
    """What the logs of one zone's registry cover; `replicas` is how many pods it has, None when nobody said."""

    def __init__(self, windows: Iterable[Window], replicas: int | None) -> None:
        self._windows = [window for window in windows if window.source == REGISTRY]
        self._replicas = replicas

    def missing(self, begin: datetime, end: datetime) -> list[Missing]:
        """Return which parts of the time from `begin` to `end` are not covered, each with its reason, in order."""
        if not self._windows:
            return [Missing(begin, end, "no log of the registry was read")]
        if self._replicas is None:
            return [Missing(begin, end, "how many replicas the registry has is not known (--replicas)")]
        telling = [window for window in self._windows if window.levels & _LEVELS]
        return list(_joined(self._pieces(telling, begin, end)))

    def answer(self, last: datetime | None, since: datetime | None, begin: datetime, end: datetime) -> Answer:
        """Return whether access was used between `begin` and `end`.

        `last` is its last known use, None when none is known; `since` is when it was granted, None when not known.
        """
        if last is not None and last >= begin:
            return "used"
        old = since is not None and since <= begin
        return "not used" if old and not self.missing(begin, end) else "not known"

    def _pieces(self, telling: Sequence[Window], begin: datetime, end: datetime) -> Iterator[Missing]:
        """Yield the uncovered stretches between the moments at which the log of some pod begins or ends."""
        moments = {moment for window in telling for moment in (window.begin, window.end + _MINUTE)}
        bounds = [begin, *sorted(moment for moment in moments if begin < moment < end), end]
        for start, stop in pairwise(bounds):
            pods = {window.pod for window in telling if window.begin <= start and stop <= window.end + _MINUTE}
            if len(pods) < (self._replicas or 0):
                yield Missing(start, stop, self._reason(len(pods), start, stop))

    def _reason(self, pods: int, start: datetime, stop: datetime) -> str:
        quiet = [window for window in self._windows if window.begin < stop and window.end + _MINUTE > start]
        if pods:
            return f"lines of {pods} of {self._replicas} replicas"
        if any(not window.levels & _LEVELS for window in quiet):
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
