"""LISTs of one zone, several at the same time: each whole, or what was seen of it and the reason why it is not."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Final, NamedTuple, TypeVar

from audit.collect.connection import Connection, Response
from audit.collect.credentials import Unreachable
from audit.collect.decode import CollectError, Page, page_of_json, reason_of, status_text
from audit.collect.limits import Budget, Limits
from audit.parallel import run_parallel
from audit.snapshot.builder import SnapshotBuilder
from audit.snapshot.model import Gap, Listing
from audit.snapshot.objects import Item, Kind

_AGAIN: Final = {"overloaded", "cut", "timeout", "unauthenticated", "unreachable"}  # may go well the next time
_OF_THE_ZONE: Final = {"unauthenticated", "unreachable", "credentials"}  # not a matter of one list
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds
_GRACE: Final = 1.0  # seconds beyond the end of the budget
_OK: Final = 200
_BROKEN: Final = 500

T = TypeVar("T")


class ListJob(NamedTuple):
    """A LIST: of one kind in one namespace, or ("") in all."""

    kind: Kind
    namespace: str = ""

    def gap(self, reason: str, detail: str) -> Gap:
        """Return the gap that this list leaves."""
        return Gap(self.kind.plural, self.namespace, reason, detail)


@dataclass(slots=True)
class ListResult:
    """What a LIST gave; with a `gap`, the items are those of its best attempt."""

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
        """Add what was read, and how whole it is, to the facts of a zone."""
        facts.add(self.job.kind.plural, self.items)
        if self.gap:
            facts.gap(self.gap)
        else:
            facts.listed(self.listing)


def read_lists(connection: Connection, limits: Limits, jobs: Sequence[ListJob]) -> Iterator[ListResult]:
    """Yield the outcome of each list as it is done; what does not end within the budget is a gap."""
    budget, left = connection.budget, set(range(len(jobs)))
    reader = _Reader(connection, limits)
    for at, outcome in run_parallel(jobs, reader.read, lambda: budget.spent, at_once=limits.in_flight, grace=_GRACE):
        left.remove(at)
        yield outcome
    for at in sorted(left):
        yield ListResult(jobs[at], jobs[at].gap(*budget.why_spent()))


class _Reader:
    """Reads lists; used by several threads."""

    def __init__(self, connection: Connection, limits: Limits) -> None:
        self._connection = connection
        self._limits = limits
        self._failed = 0
        self._away: CollectError | None = None

    def read(self, job: ListJob) -> ListResult:
        """Return the outcome of a list; whatever happens, it is there."""
        if self._away:
            return ListResult(job, job.gap(self._away.reason, self._away.detail))
        reading = _List(self._connection, job, self._limits)
        try:
            reading.read()
        except CollectError as error:
            reading.outcome.gap = job.gap(error.reason, error.detail)
            self._count(error)
        except Exception as error:  # noqa: BLE001  a fault of ours must not look like an empty list
            reading.outcome.gap = job.gap("error", f"a bug in reading this list: {type(error).__name__}")
        else:
            self._failed = 0
        return reading.outcome

    def _count(self, error: CollectError) -> None:
        """Ask no more once so many lists in a row have failed that it is the zone, and not the lists."""
        self._failed += error.reason in _OF_THE_ZONE
        if self._failed >= 2 * self._limits.in_flight:
            self._away = error


class _List:
    """The LIST of one kind, page by page."""

    def __init__(self, connection: Connection, job: ListJob, limits: Limits) -> None:
        self.outcome = ListResult(job)
        self._connection = connection
        self._limits = limits
        self._path = job.kind.path_in(job.namespace)

    def read(self) -> None:
        """Read the whole list. Raises CollectError with the reason why it is not whole."""
        best: list[Item] = []
        left = self._limits.retries
        while True:
            try:
                return self._from_the_start()
            except CollectError as error:
                # What was seen of a list that is not whole is true all the same.
                self.outcome.items = best = max(best, self.outcome.items, key=len)
                if error.reason != "expired" or not left:
                    raise
                left -= 1

    def _from_the_start(self) -> None:
        outcome, more = self.outcome, ""
        outcome.items, outcome.pages, outcome.version = [], 0, ""
        seen: set[str] = set()
        while more or not outcome.pages:
            page = retry(partial(self._page, more), self._limits.retries, self._connection.budget)
            outcome.items += page.items
            if outcome.version and page.version not in {"", outcome.version}:
                raise CollectError("expired", "the server went on with another version of the list")
            outcome.version = page.version or outcome.version
            outcome.pages += 1
            more = page.more
            if more in seen:
                raise CollectError("malformed", "the server gave the same page token twice")
            seen.add(more)

    def _page(self, more: str) -> Page:
        kind = self.outcome.job.kind
        query = {"limit": str(self._limits.page_size)} | ({"continue": more} if more else {})
        query |= {"fieldSelector": kind.selector} if kind.selector else {}
        response = self._connection.get(self._path, query, accept=kind.accept)
        if response.status != _OK:
            raise failure(response)
        return page_of_json(kind, response.body)


class RetryLater(CollectError):
    """The server asked to come back after `seconds`, or failed in a way that may pass."""

    def __init__(self, reason: str, detail: str, seconds: float) -> None:
        """Take what was said, and when to ask again."""
        super().__init__(reason, detail)
        self.seconds = seconds


def failure(response: Response) -> CollectError:
    """Return what an answer that is not 200 means."""
    reason = reason_of(response.status)
    detail = f"{response.status} {status_text(response.body)}"
    # A server that changes its leader or is being replaced answers 500 for a moment.
    if reason == "overloaded" or response.status >= _BROKEN:
        return RetryLater(reason, detail, _retry_after(response))
    return CollectError(reason, detail)


def retry(ask: Callable[[], T], retries: int, budget: Budget) -> T:
    """Ask until there is an answer, at most `retries` times more, with longer and longer pauses between."""
    for attempt in range(retries):
        try:
            return ask()
        except Unreachable:
            raise
        except CollectError as error:
            once_only = error.reason == "unauthenticated" and attempt > 0
            if once_only or not (isinstance(error, RetryLater) or error.reason in _AGAIN):
                raise
            _pause(error, attempt, budget)
    return ask()


def _pause(error: CollectError, attempt: int, budget: Budget) -> None:
    """Wait before asking again. Raises `error`, or CollectError, when that is later than the budget allows."""
    wanted = error.seconds if isinstance(error, RetryLater) else 0.0
    # Never sooner than asked for; with jitter, so that many clients do not come back at once.
    backoff = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE) * random.uniform(0.5, 1)  # noqa: S311
    left = budget.left()
    if wanted > left:
        said = f"{error.detail}; it asked to come back in {wanted:.0f} s, and there is no such time"
        raise CollectError(error.reason, said)
    if wanted + backoff > left:
        raise error
    budget.stop.wait(wanted + backoff)


def _retry_after(response: Response) -> float:
    """Return the seconds that `Retry-After` asks for: a number, or a date, which is one of the server's own clock."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        then = parsedate_to_datetime(value)
        now = _date(response) or datetime.now(UTC)
        return max((then - now).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return 0.0


def _date(response: Response) -> datetime | None:
    try:
        return parsedate_to_datetime(response.headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
