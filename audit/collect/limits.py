"""Limits for collecting a zone: time, requests in flight, requests per second."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Final

from audit.collect.decode import CollectError
from audit.snapshot.objects import NEEDED

_POLL: Final = 0.1  # seconds between two checks of the stop event


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for collecting a zone: seconds in all and for a request, objects per page, retries, requests.

    `kinds` are the plurals to list; `scope` is `auto`, `cluster` or `tenant`. `per_second` 0 means no limit.
    """

    timeout: float = 300
    request_timeout: float = 60
    page_size: int = 10_000
    retries: int = 4
    kinds: tuple[str, ...] = (*NEEDED, "users")
    in_flight: int = 20
    per_second: float = 0
    scope: str = "auto"


class Budget:
    """Time and requests left for a zone. `end` is a value of `time.monotonic`, `request` seconds without data.

    Safe for several threads.
    """

    def __init__(self, end: float, request: float, stop: Event, *, in_flight: int = 20, per_second: float = 0) -> None:
        self.end = end
        self.request = request
        self.stop = stop
        self._slots = threading.BoundedSemaphore(in_flight)
        self._apart = 1 / per_second if per_second else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    @classmethod
    def of(cls, limits: Limits, stop: Event) -> "Budget":
        """Return the budget of a zone whose collection starts now."""
        end = time.monotonic() + limits.timeout
        return cls(end, limits.request_timeout, stop, in_flight=limits.in_flight, per_second=limits.per_second)

    @property
    def spent(self) -> bool:
        """Return whether no time is left or a stop was requested."""
        return self.stop.is_set() or time.monotonic() >= self.end

    def left(self) -> float:
        """Return the seconds left. Raises CollectError when there are none, or a stop was requested."""
        left = self.end - time.monotonic()
        if left <= 0 or self.stop.is_set():
            raise CollectError(*self.why_spent())
        return left

    def why_spent(self) -> tuple[str, str]:
        """Return reason and detail of the gap when nothing is left."""
        if self.stop.is_set():
            return "stopped", "stopped before it was read"
        return "timeout", "the time limit of this zone was reached"

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait until another request may be sent, and count it as in flight. Raises CollectError as `left` does."""
        while not self._slots.acquire(timeout=min(_POLL, self.left())):
            pass
        try:
            self._wait_for_rate()
            yield
        finally:
            self._slots.release()

    def _wait_for_rate(self) -> None:
        """Keep requests apart as `per_second` requires."""
        if not self._apart:
            return
        with self._lock:
            place = max(self._next, time.monotonic())
            self._next = place + self._apart
        wait = place - time.monotonic()
        if wait > 0:
            self.stop.wait(min(wait, self.left()))
            self.left()
