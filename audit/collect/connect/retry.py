"""Retries of requests: which errors are worth one, and how long to wait before it."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

from audit.collect.connect.connection import Response
from audit.collect.connect.credentials import Unreachable
from audit.collect.decode import CollectError, reason_of, status_text
from audit.collect.limits import Budget

_RETRIED: Final = {"overloaded", "cut", "timeout", "unauthenticated", "unreachable"}
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds
_BROKEN: Final = 500
_ANSWER: Final = 150  # characters of an answer beside which a remedy is given: a detail is not longer than MAX_DETAIL

T = TypeVar("T")


class RetryLater(CollectError):
    """The server asked for a retry after `seconds`, or its failure may be temporary."""

    def __init__(self, reason: str, detail: str, seconds: float) -> None:
        super().__init__(reason, detail)
        self.seconds = seconds


def failure(response: Response) -> CollectError:
    """Return the error for a response that is not 200."""
    reason = reason_of(response.status)
    detail = f"{response.status} {status_text(response.body)}"
    if response.login:
        detail = f"{detail[:_ANSWER]}; log in again: {response.login}"
    # An API server that is being replaced answers 500 for a moment.
    if reason == "overloaded" or response.status >= _BROKEN:
        return RetryLater(reason, detail, _retry_after(response))
    return CollectError(reason, detail)


def retry(ask: Callable[[], T], retries: int, budget: Budget) -> T:
    """Call `ask` until it succeeds, with at most `retries` retries and growing pauses."""
    for attempt in range(retries):
        try:
            return ask()
        except Unreachable:
            raise
        except CollectError as error:
            once_only = error.reason == "unauthenticated" and attempt > 0
            if once_only or not (isinstance(error, RetryLater) or error.reason in _RETRIED):
                raise
            _pause(error, attempt, budget)
    return ask()


def _pause(error: CollectError, attempt: int, budget: Budget) -> None:
    """Wait before a retry. Raises CollectError when that is later than the budget allows."""
    wanted = error.seconds if isinstance(error, RetryLater) else 0.0
    # Never sooner than requested; with jitter, so that clients do not return at the same time.
    backoff = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE) * random.uniform(0.5, 1)  # noqa: S311
    left = budget.left()
    if wanted > left:
        raise CollectError(error.reason, f"{error.detail}; a retry after {wanted:.0f} s exceeds the time limit")
    if wanted + backoff > left:
        raise error
    budget.stop.wait(wanted + backoff)


def _retry_after(response: Response) -> float:
    """Return the seconds of `Retry-After`: a number, or a date by the clock of the server."""
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
