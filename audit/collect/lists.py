"""LIST requests of one zone, several at the same time: each whole, or what was read of it and a gap."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple, TypeVar

import msgspec

from audit.collect.connect.connection import Connection
from audit.collect.connect.retry import failure, retry
from audit.collect.decode import CollectError, Page, page_of_json
from audit.collect.limits import Limits
from audit.parallel import run_parallel
from audit.regular_files import LARGEST, too_large
from audit.snapshot.builder import SnapshotBuilder
from audit.snapshot.model import Gap, Listing
from audit.snapshot.objects import Item, Kind

_WHOLE_ZONE: Final = {"unauthenticated", "unreachable", "credentials"}  # not the fault of one list
_GRACE: Final = 1.0  # seconds after the end of the budget
_OK: Final = 200

T = TypeVar("T")


class ListJob(NamedTuple):
    """A LIST to request: one kind in one namespace, or ("") in all."""

    kind: Kind
    namespace: str = ""

    def gap(self, reason: str, detail: str) -> Gap:
        """Return the gap that this list leaves."""
        return Gap(self.kind.plural, self.namespace, reason, detail)


@dataclass(slots=True)
class ListResult:
    """Result of a LIST; with a `gap`, the items are those of the best attempt."""

    job: ListJob
    gap: Gap | None = None
    items: list[Item] = field(default_factory=list)
    version: str = ""
    pages: int = 0

    @property
    def listing(self) -> Listing:
        """Return how the list was read."""
        return Listing(self.job.kind.plural, len(self.items), self.version, self.pages)

    def put(self, facts: SnapshotBuilder) -> None:
        """Add items, and listing or gap, to the facts of a zone."""
        facts.add(self.job.kind.plural, self.items)
        if self.gap:
            facts.gap(self.gap)
        else:
            facts.listed(self.listing)


def read_lists(connection: Connection, limits: Limits, jobs: Sequence[ListJob]) -> Iterator[ListResult]:
    """Yield the result of each list as it is done; one that does not end within the budget is a gap."""
    budget, left = connection.budget, set(range(len(jobs)))
    reader = _Reader(connection, limits)
    for at, outcome in run_parallel(jobs, reader.read, lambda: budget.spent, at_once=limits.in_flight, grace=_GRACE):
        left.remove(at)
        yield outcome
    for at in sorted(left):
        yield ListResult(jobs[at], jobs[at].gap(*budget.why_spent()))


class _Reader:
    """Reads lists; safe for several threads."""

    def __init__(self, connection: Connection, limits: Limits) -> None:
        self._connection = connection
        self._limits = limits
        self._failed = 0
        self._away: CollectError | None = None

    def read(self, job: ListJob) -> ListResult:
        """Return the result of a list. Never raises."""
        if self._away:
            return ListResult(job, job.gap(self._away.reason, self._away.detail))
        reading = _List(self._connection, job, self._limits)
        try:
            reading.read()
        except CollectError as error:
            reading.outcome.gap = job.gap(error.reason, error.detail)
            self._count(error)
        except BaseException as error:  # noqa: BLE001  a bug must not look like an empty list
            bug = f"a bug in reading this list: {type(error).__name__}"
            reading.outcome.gap = job.gap("error", "out of memory" if isinstance(error, MemoryError) else bug)
        else:
            self._failed = 0
        return reading.outcome

    def _count(self, error: CollectError) -> None:
        """Stop reading once so many lists in a row have failed that the zone must be at fault."""
        self._failed += error.reason in _WHOLE_ZONE
        if self._failed >= 2 * self._limits.in_flight:
            self._away = error


class _List:
    """The LIST of one kind, page by page."""

    def __init__(self, connection: Connection, job: ListJob, limits: Limits) -> None:
        self.outcome = ListResult(job)
        self._connection = connection
        self._limits = limits
        self._path = job.kind.path_in(job.namespace)
        self._size = 0  # bytes of all pages

    def read(self) -> None:
        """Read the whole list. Raises CollectError with the reason why it is incomplete."""
        best: list[Item] = []
        left = self._limits.retries
        while True:
            try:
                return self._from_the_start()
            except CollectError as error:
                # What was read of an incomplete list is still true.
                self.outcome.items = best = max(best, self.outcome.items, key=len)
                if error.reason != "expired" or not left:
                    raise
                left -= 1

    def _from_the_start(self) -> None:
        outcome, more = self.outcome, ""
        outcome.items, outcome.pages, outcome.version = [], 0, ""
        self._size = 0
        seen: set[str] = set()
        while more or not outcome.pages:
            page = retry(partial(self._page, more), self._limits.retries, self._connection.budget)
            outcome.items += page.items
            if self._size > LARGEST:
                raise CollectError("cut", f"the pages of this list have {too_large()}")
            if outcome.version and page.version not in {"", outcome.version}:
                raise CollectError("expired", "the server continued with another version of the list")
            outcome.version = page.version or outcome.version
            outcome.pages += 1
            more = page.more
            if more in seen:
                raise CollectError("malformed", "the server returned the same page token twice")
            seen.add(more)

    def _page(self, more: str) -> Page:
        kind = self.outcome.job.kind
        query = {"limit": str(self._limits.page_size)} | ({"continue": more} if more else {})
        query |= {"fieldSelector": kind.selector} if kind.selector else {}
        response = self._connection.get(self._path, query, accept=kind.accept)
        if response.status != _OK:
            raise failure(response)
        self._size += len(response.body)
        page = page_of_json(kind, response.body)
        self._connection.refuse_repeated(msgspec.json.encode(page))
        return page
