"""What collecting a zone may cost: time, requests in flight, requests a second."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Final

from audit.collect.decode import CollectError
from audit.snapshot.objects import NEEDED

_LOOK: Final = 0.1  # seconds between two looks at the stop


@dataclass(frozen=True, slots=True)
class Limits:
    """What collecting a zone may cost: seconds in all and of silence, objects a page, repetitions of a request.

    `kinds` are the plurals to list; `scope` is how: `auto`, `cluster` or `tenant`. `per_second` 0: as many as come.
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
    """What is left of a zone's time and turns: `end` (of `time.monotonic`) for all, `request` seconds of silence.

    Safe for several threads.
    """

    def __init__(self, end: float, request: float, stop: Event, *, in_flight: int = 20, per_second: float = 0) -> None:
        """Take the limits, and the event that asks to stop."""
        self.end = end
        self.request = request
        self.stop = stop
        self._slots = threading.BoundedSemaphore(in_flight)
        self._apart = 1 / per_second if per_second else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    @classmethod
    def of(cls, limits: Limits, stop: Event) -> "Budget":
        """Return the budget of a zone whose collection begins now."""
        end = time.monotonic() + limits.timeout
        return cls(end, limits.request_timeout, stop, in_flight=limits.in_flight, per_second=limits.per_second)

    @property
    def spent(self) -> bool:
        """Say whether there is no time left, or somebody asked to stop."""
        return self.stop.is_set() or time.monotonic() >= self.end

    def left(self) -> float:
        """Return the seconds that are left. Raises CollectError when there are none, or when asked to stop."""
        left = self.end - time.monotonic()
        if left <= 0 or self.stop.is_set():
            raise CollectError(*self.why_spent())
        return left

    def why_spent(self) -> tuple[str, str]:
        """Return the reason and detail of a gap that there is because nothing is left."""
        if self.stop.is_set():
            return "stopped", "stopped before it was read"
        return "timeout", "the time for this zone was used up"

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until one request more may be made, and count it as in flight. Raises CollectError as `left` does."""
        while not self._slots.acquire(timeout=min(_LOOK, self.left())):
            pass
        try:
            self._wait_for_place()
            yield
        finally:
            self._slots.release()

    def _wait_for_place(self) -> None:
        """Keep requests apart by what `per_second` says."""
        if not self._apart:
            return
        with self._lock:
            place = max(self._next, time.monotonic())
            self._next = place + self._apart
        wait = place - time.monotonic()
        if wait > 0:
            self.stop.wait(min(wait, self.left()))
            self.left()
