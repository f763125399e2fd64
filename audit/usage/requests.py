"""What one request to a registry, or to an API server, says about the use of access.

Requests are collected as columns of numbers with dictionaries of texts: a day of a busy registry has millions, and an
object for each would not fit in memory.
"""

from array import array
from collections.abc import Iterator
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


@dataclass(slots=True)
class Seen:
    """In which minutes a source has lines at all, and of which levels: the ground of what `not used` may stand on."""

    minutes: set[int] = field(default_factory=set)  # minutes since 1970
    levels: set[str] = field(default_factory=set)
    lines: int = 0

    def add(self, other: "Seen") -> None:
        """Add what another part of the same source has."""
        self.minutes |= other.minutes
        self.levels |= other.levels
        self.lines += other.lines

    def windows(self, most: int) -> Iterator[tuple[int, int]]:
        """Yield the first and last minute of each stretch in which no gap is longer than `most` minutes."""
        minutes = np.array(sorted(self.minutes), dtype=np.int64)
        if len(minutes):
            breaks = np.flatnonzero(np.diff(minutes) > most)
            starts, ends = np.append(0, breaks + 1), np.append(breaks, len(minutes) - 1)
            yield from zip(minutes[starts].tolist(), minutes[ends].tolist(), strict=True)
