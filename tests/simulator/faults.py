"""What can go wrong on the way to an API server, each as a change of the answer that would have been given."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Lock

from tests.simulator.answers import Answer, json_answer, status

Action = Callable[[Answer], Answer]

# Every request in turn takes minutes for all kinds of faults: each kind begins at another one.
_STEP = int(os.environ.get("REGISTRY_AUDIT_EVERY", "4"))


def some_of(count: int, kind: int) -> range:
    """Return which of `count` requests (counted from 1) go wrong, for the fault of this number.

    Every fourth, and all where REGISTRY_AUDIT_EVERY is 1; together the kinds reach each of them.
    """
    return range(1 + kind % _STEP, count + 1, _STEP)


@dataclass
class Fault:
    """Do `action` to matching requests: from the `nth` on (counted from 1), `times` times (None: ever after).

    `match` is part of the path and query, or decides on it; `""` matches every request. Each fault counts all the
    requests that match it; where several fire at once, they change the answer in their order.
    """

    match: str | Callable[[str], bool]
    action: Action
    nth: int | None = None
    times: int | None = 1
    fired: int = field(default=0, init=False)
    _seen: int = field(default=0, init=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    def fires(self, target: str) -> bool:
        if not (self.match in target if isinstance(self.match, str) else self.match(target)):
            return False
        with self._lock:
            self._seen += 1
            late = self._seen - (self.nth or 1)
            fires = late >= 0 and (self.times is None or late < self.times)
            self.fired += fires
            return fires


def refuse_with(code: int, *, retry_after: int | str | None = None, message: str = "simulated") -> Action:
    """Answer with a Status of this code instead."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return lambda _: replace(status(code, message), headers=headers)


def skewed(code: int, *, ahead: timedelta, retry_after: timedelta) -> Action:
    """Answer with a Status of this code by a clock that is `ahead`, and ask by that clock to come back later."""
    now = datetime.now(UTC) + ahead
    headers = {"Date": format_datetime(now, usegmt=True)}
    headers["Retry-After"] = format_datetime(now + retry_after, usegmt=True)
    return lambda _: replace(status(code, "simulated"), headers=headers)


def reset(after: int | None = None) -> Action:
    """Close the connection with RST: before any byte, or after so many bytes of the body."""
    return lambda answer: replace(answer, reset=True, cut=after)


def cut(after: int) -> Action:
    """Announce the whole length, send so many bytes, and close."""
    return lambda answer: replace(answer, cut=after)


def slow(seconds: float) -> Action:
    """Wait before the first byte."""
    return lambda answer: replace(answer, delay=seconds)


def dribble(bytes_a_second: float) -> Action:
    """Answer at once, but slowly."""
    return lambda answer: replace(answer, pace=bytes_a_second)


def hang() -> Action:
    """Never answer; the connection stays open until the server closes."""
    return lambda answer: replace(answer, hang=True)


def broken_json(keep: float = 0.5) -> Action:
    """Give only the first part of the body, with the right length for it."""
    return lambda answer: replace(answer, body=answer.body[: int(len(answer.body) * keep)])


def login_page() -> Action:
    """What a proxy in between says: 200 and HTML."""
    page = b"<!DOCTYPE html><html><head><title>Log in</title></head><body>Please log in.</body></html>"
    return lambda _: Answer(200, page, "text/html; charset=utf-8")


def status_with_200(message: str = "simulated") -> Action:
    """A Status object where a list was asked for, with 200."""
    return lambda _: replace(status(500, message), code=200)


def other_body(body: object) -> Action:
    """Well-formed JSON that is not what was asked for."""
    return lambda _: json_answer(body)
