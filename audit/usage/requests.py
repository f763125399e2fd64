"""What one request to a registry, or to an API server, says about the use of access.

Requests are collected as columns of numbers with dictionaries of texts: a day of a busy registry has millions, and an
object for each would not fit in memory.
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

# What a request did. Content and looks (blobs, HEAD of a manifest, tags) need the right to pull, and are no pull.
PULL, PUSH, READ, UPLOAD, DELETE, SIGN, CATALOG = "pull", "push", "read", "upload", "delete", "sign", "catalog"
# What is done through the API, beside the registry.
CREATE, TAG, READ_SECRETS, TOKEN, RUN, IMPERSONATE = "create", "tag", "read-secrets", "token", "run", "impersonate"
ACTIONS: Final = (PULL, PUSH, READ, UPLOAD, DELETE, SIGN, CATALOG, CREATE, TAG, READ_SECRETS, TOKEN, RUN, IMPERSONATE)
Columns = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.uint64]]
REGISTRY, AUDIT = "registry", "audit"  # whose log says it
MINUTE: Final = 60_000_000  # microseconds
DAY: Final = 24 * 60 * MINUTE
TICK: Final = MINUTE // 6
TELLING: Final = frozenset({"trace", "debug", "info"})  # levels at which the registry logs requests
# Ticks without a line that are no gap yet: at least, and at most.
SHORTEST_PAUSE: Final = 3
LONGEST_PAUSE: Final = 12
_OF_A_DAY: Final = DAY // TICK


class Use(NamedTuple):
    """Who did what where: what requests are counted by. A `denied` request is not a use."""

    source: str  # REGISTRY or AUDIT
    user: str  # as the API server names it: `system:serviceaccount:NAMESPACE:NAME` for a service account
    action: str  # one of ACTIONS
    namespace: str  # "" for the whole registry
    repository: str  # or the name of another object: a secret, an account, a pod, the user acted as
    denied: bool
    grant: str = ""  # the binding that allowed it, where the audit log names it: `RoleBinding NAME/NAMESPACE`


@dataclass(slots=True)
class Requests:
    """Requests in the order of arrival: `use[i]` is a position in `uses`, `time[i]` in microseconds since 1970 (UTC).

    `request[i]` identifies the request: the same line read twice is one request.
    """

    uses: dict[Use, int] = field(default_factory=dict)
    use: "array[int]" = field(default_factory=lambda: array("i"))
    time: "array[int]" = field(default_factory=lambda: array("q"))
    request: "array[int]" = field(default_factory=lambda: array("Q"))

    def __len__(self) -> int:
        """Return the number of requests, doubled ones included."""
        return len(self.use)

    def add(self, use: Use, time: int, request: int) -> None:
        """Add one request."""
        self.use.append(self.uses.setdefault(use, len(self.uses)))
        self.time.append(time)
        self.request.append(request)

    def columns(self) -> Columns:
        """Return `use`, `time` and `request` with each request once."""
        return once(
            np.array(self.use, dtype=np.int32),
            np.array(self.time, dtype=np.int64),
            np.array(self.request, dtype=np.uint64),
        )


def once(use: NDArray[np.int32], time: NDArray[np.int64], request: NDArray[np.uint64]) -> Columns:
    """Return the columns with each use of a request once, at its earliest line: logs overlap, and are read again."""
    order = np.lexsort((time, use, request))
    use, time, request = use[order], time[order], request[order]
    first = np.ones(len(use), dtype=bool)
    first[1:] = (request[1:] != request[:-1]) | (use[1:] != use[:-1])
    return use[first], time[first], request[first]


@dataclass(slots=True)
class Damaged:
    """Lines that could not be read: how many, and the beginning of the first few."""

    SHOWN = 3
    LENGTH = 120

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, line: bytes) -> None:
        """Count one line."""
        self.count += 1
        if len(self.examples) < self.SHOWN:
            self.examples.append(line[: self.LENGTH].decode(errors="replace"))

    def extend(self, other: "Damaged") -> None:
        """Add the lines that another reader has counted."""
        self.count += other.count
        self.examples = (self.examples + other.examples)[: self.SHOWN]


class Ticks:
    """Moments, to ten seconds: tick N begins N * TICK after 1970. A year of them takes 3 MB."""

    def __init__(self) -> None:
        self._days: dict[int, NDArray[np.bool_]] = {}  # a value for each tick of a day

    def add(self, ticks: Iterable[int]) -> None:
        """Add ticks."""
        found = np.fromiter(ticks, dtype=np.int64)
        days = found // _OF_A_DAY
        for day in np.unique(days).tolist():
            self._day(day)[found[days == day] - day * _OF_A_DAY] = True

    def update(self, other: "Ticks") -> None:
        """Add those of another."""
        for day, ticks in other._days.items():
            self._day(day)[ticks] = True

    def remove(self, first: int, last: int) -> None:
        """Remove the ticks from `first` to `last`."""
        for day, ticks in self._days.items():
            begin = day * _OF_A_DAY
            ticks[max(first - begin, 0) : max(last + 1 - begin, 0)] = False

    def array(self) -> NDArray[np.int64]:
        """Return the ticks, sorted."""
        parts = [day * _OF_A_DAY + np.flatnonzero(ticks) for day, ticks in sorted(self._days.items())]
        return np.concatenate([np.zeros(0, dtype=np.int64), *parts])

    def _day(self, day: int) -> NDArray[np.bool_]:
        ticks = self._days.get(day)
        if ticks is None:
            ticks = self._days[day] = np.zeros(_OF_A_DAY, dtype=bool)
        return ticks


class Stretch(NamedTuple):
    """From the first to the last tick of a time in which no pause between two ticks is longer than `pause`."""

    first: int
    last: int
    pause: int


@dataclass(slots=True)
class Seen:
    """When a source has lines: the ground of what `not used` may stand on.

    `telling` are the moments of lines at a level at which requests are logged. A line of another level, or one that
    could not be read, proves nothing about what else was logged then.
    """

    telling: Ticks = field(default_factory=Ticks)
    quiet: Ticks = field(default_factory=Ticks)  # of lines at other levels
    damaged: Ticks = field(default_factory=Ticks)  # around damaged lines
    levels: set[str] = field(default_factory=set)
    chunk: set[int] = field(default_factory=set)  # of `telling` since the last `end_chunk`
    quiet_chunk: set[int] = field(default_factory=set)  # of `quiet`

    def update(self, other: "Seen") -> None:
        """Add what another part of the same source has."""
        self.telling.update(other.telling)
        self.quiet.update(other.quiet)
        self.damaged.update(other.damaged)
        self.levels |= other.levels

    def end_chunk(self) -> set[int]:
        """Take in the moments of the lines of a chunk, and return them."""
        chunk, quiet = self.chunk, self.quiet_chunk
        self.telling.add(chunk)
        self.quiet.add(quiet)
        self.chunk, self.quiet_chunk = set(), set()
        return chunk | quiet

    def damage(self, first: int, last: int) -> None:
        """Take away a stretch in which something could not be read, so much of it that nothing bridges it."""
        self.telling.remove(first - LONGEST_PAUSE, last + LONGEST_PAUSE)
        self.damaged.add(range(first, last + 1))


def stretches(ticks: Ticks) -> Iterator[Stretch]:
    """Yield the stretches of time without a gap.

    What a gap is depends on the rhythm of the lines: the kubelet asks each replica for its health every ten seconds,
    and what is three times as long as usual is a gap.
    """
    found = ticks.array()
    if len(found):
        steps = np.diff(found)
        usual = int(np.quantile(steps, 0.9)) if len(steps) else SHORTEST_PAUSE
        pause = min(max(3 * usual, SHORTEST_PAUSE), LONGEST_PAUSE)
        breaks = np.flatnonzero(steps > pause)
        starts, ends = np.append(0, breaks + 1), np.append(breaks, len(found) - 1)
        for first, last in zip(found[starts].tolist(), found[ends].tolist(), strict=True):
            yield Stretch(first, last, pause)
