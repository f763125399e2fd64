"""A live API server -> Snapshot: one LIST a kind over all namespaces, all kinds at the same time."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from threading import Event, Lock, Thread
from typing import Final, TypeVar

import msgspec

from audit.collect.connection import Budget, Connection, Response, Unreachable
from audit.collect.decode import Page, Unusable, page_of_json, reason_of, status_text
from audit.facts import Facts
from audit.objects import KINDS, NEEDED, Item, Kind
from audit.snapshot import Gap, Listing, Origin, Snapshot
from audit.zones import Zone

_REVIEW: Final = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_MYSELF: Final = "/apis/user.openshift.io/v1/users/~"
_AGAIN: Final = {"overloaded", "cut", "timeout", "unauthenticated"}  # what may go well the next time
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds
_OK: Final = 200
_SUCCESS: Final = {200, 201}

Listed = Callable[[str, int], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """What collecting a zone may cost: seconds in all and of silence, objects a page, repetitions of a request.

    `kinds` are the plurals to list.
    """

    timeout: float = 300
    request_timeout: float = 60
    page_size: int = 10_000
    retries: int = 4
    kinds: tuple[str, ...] = (*NEEDED, "users")


def collect_cluster(zone: Zone, limits: Limits, *, tool: str = "", listed: Listed, stop: Event) -> Snapshot:
    """Return the snapshot of a live zone; what could not be read is a gap. `listed` hears of each whole list."""
    started = _now()
    budget = Budget(time.monotonic() + limits.timeout, limits.request_timeout, stop)
    facts = Facts()
    place, server, user = zone.api, "", ""
    try:
        connection = Connection(zone, budget)
        place = connection.url
        server = _server_version(connection)
        user = _whoami(connection)
        _all_kinds(connection, limits, facts, listed)
    except Unusable as error:
        for plural in limits.kinds:
            facts.gap(Gap(plural, "", error.reason, error.detail))
    return facts.snapshot(Origin(zone.id, "cluster", place, zone.registry, server, user, started, _now(), tool))


def _all_kinds(connection: Connection, limits: Limits, facts: Facts, listed: Listed) -> None:
    lock = Lock()

    def read(kind: Kind) -> None:
        reading = _List(connection, kind, limits)
        try:
            gap = reading.read()
        except Exception as error:  # noqa: BLE001  a fault of ours must not look like an empty list
            gap = Gap(kind.plural, "", "error", f"a bug in reading this list: {type(error).__name__}")
        with lock:
            facts.add(kind.plural, reading.items)
            if gap:
                facts.gap(gap)
            else:
                facts.listed(Listing(kind.plural, len(reading.items), reading.version, reading.pages))
        if not gap:
            listed(kind.plural, len(reading.items))

    threads = [Thread(target=read, args=(KINDS[plural],), daemon=True) for plural in limits.kinds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class _List:
    """The LIST of one kind, page by page; `items` are what the best attempt has read."""

    def __init__(self, connection: Connection, kind: Kind, limits: Limits) -> None:
        self.items: list[Item] = []
        self.version = ""
        self.pages = 0
        self._connection = connection
        self._kind = kind
        self._limits = limits

    def read(self) -> Gap | None:
        """Read the whole list; return why it is not whole."""
        best: list[Item] = []
        for _ in range(self._limits.retries + 1):
            try:
                self._from_the_start()
            except Unusable as error:
                best = max(best, self.items, key=len)
                failed = error
                if error.reason != "expired":
                    break
            else:
                return None
        # What was seen of a list that is not whole is true all the same.
        self.items = best
        return Gap(self._kind.plural, "", failed.reason, failed.detail)

    def _from_the_start(self) -> None:
        self.items, self.pages, more = [], 0, ""
        seen: set[str] = set()
        while more or not self.pages:
            page = again(partial(self._page, more), self._limits.retries, self._connection.pause)
            self.items += page.items
            self.version = page.version or self.version
            self.pages += 1
            more = page.more
            if more in seen:
                raise Unusable("malformed", "the server gave the same page token twice")
            seen.add(more)

    def _page(self, more: str) -> Page:
        query = {"limit": str(self._limits.page_size)} | ({"continue": more} if more else {})
        query |= {"fieldSelector": self._kind.selector} if self._kind.selector else {}
        response = self._connection.get(self._kind.path, query, accept=self._kind.accept)
        if response.status != _OK:
            raise failure(response)
        return page_of_json(self._kind, response.body)


class Later(Unusable):
    """The server asked to come back after `seconds`."""

    def __init__(self, reason: str, detail: str, seconds: float) -> None:
        """Take what was said, and when to ask again."""
        super().__init__(reason, detail)
        self.seconds = seconds


def failure(response: Response) -> Unusable:
    """Return what an answer that is not 200 means."""
    reason = reason_of(response.status)
    detail = f"{response.status} {status_text(response.body)}"
    if reason == "overloaded":
        return Later(reason, detail, _retry_after(response.headers.get("Retry-After", "")))
    return Unusable(reason, detail)


def again(ask: Callable[[], T], retries: int, pause: Callable[[float], None]) -> T:
    """Ask until there is an answer, at most `retries` times more, with longer and longer pauses between."""
    for attempt in range(retries):
        try:
            return ask()
        except Unreachable:
            raise
        except Unusable as error:
            if error.reason not in _AGAIN or (error.reason == "unauthenticated" and attempt):
                raise
            wanted = error.seconds if isinstance(error, Later) else 0.0
            # Never sooner than asked for; with jitter, so that many clients do not come back at once.
            backoff = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE) * random.uniform(0.5, 1)  # noqa: S311
            pause(max(wanted, backoff))
    return ask()


def _retry_after(value: str) -> float:
    """Return the seconds that a `Retry-After` header asks for: a number, or a date."""
    if value.strip().isdecimal():
        return float(value)
    try:
        return max((parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return 0.0


def _server_version(connection: Connection) -> str:
    """Return the server's version; raises Unreachable when there is no server."""
    try:
        response = connection.get("/version")
    except Unreachable:
        raise
    except Unusable:
        return ""
    return _field(response, "gitVersion")


def _whoami(connection: Connection) -> str:
    """Return the user that the credentials stand for, or an empty text when the server does not say."""
    body = b'{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1"}'
    try:
        response = connection.post(_REVIEW, body)
        if response.status in _SUCCESS:
            return str(msgspec.json.decode(response.body)["status"]["userInfo"]["username"])
        response = connection.get(_MYSELF)
        return str(msgspec.json.decode(response.body)["metadata"]["name"]) if response.status == _OK else ""
    except (Unusable, msgspec.DecodeError, KeyError, TypeError, UnicodeDecodeError):
        return ""  # it is said nowhere else, and nothing depends on it


def _field(response: Response, name: str) -> str:
    try:
        return str(msgspec.json.decode(response.body, type=dict[str, object]).get(name, ""))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
