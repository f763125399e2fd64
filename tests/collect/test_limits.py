"""Time, turns and pauses: what is left of a zone's budget, and what goes wrong on the way."""

import ssl
import threading
import time
from pathlib import Path
from threading import Event

import pytest
from urllib3.exceptions import HTTPError, SSLError

from audit.collect.connect import connection, credentials, retry
from audit.collect.decode import CollectError
from audit.collect.limits import Budget


def test_requests_are_kept_apart_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never more in flight than turns, never more a second than asked for, and no turn once the time is up."""
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    stop = Event()
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        clock[0] += seconds
        return False

    monkeypatch.setattr(stop, "wait", wait)
    budget = Budget(110.0, 5, stop, in_flight=2, per_second=4)
    for _ in range(5):
        with budget.slot():
            pass
    assert waited == pytest.approx([0.25] * 4)
    clock[0] = 200.0
    with pytest.raises(CollectError, match="timeout"), budget.slot():
        pass
    stop.set()
    with pytest.raises(CollectError, match="stopped"):
        budget.left()


def test_a_turn_is_waited_for(tmp_path: Path) -> None:
    """With one request in flight at most, the next one begins when that ends, or never when time runs out first."""
    budget = Budget(time.monotonic() + 600, 5, Event(), in_flight=1)
    began = Event()

    def next_one() -> None:
        with budget.slot():
            began.set()

    with budget.slot():
        waiting = threading.Thread(target=next_one)
        waiting.start()
        assert not began.wait(0.3)
    assert began.wait(60)
    waiting.join()
    short = Budget(time.monotonic() + 0.3, 5, Event(), in_flight=1)
    with short.slot(), pytest.raises(CollectError, match="timeout"), short.slot():
        pass


@pytest.mark.parametrize(
    ("error", "reason", "said"),
    [
        (SSLError(ssl.SSLEOFError(8, "EOF")), "unreachable", "TLS: "),
        (SSLError("odd"), "unreachable", "TLS: odd"),
        (HTTPError("odd"), "error", "HTTPError: odd"),
    ],
)
def test_what_seldom_goes_wrong(error: HTTPError, reason: str, said: str) -> None:
    """It may pass: it is no verdict on the certificate."""
    found = connection._no_response(error)
    assert (found.reason, found.detail.startswith(said)) == (reason, True)
    assert not isinstance(found, credentials.Unreachable)


def test_a_pause_that_there_is_no_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is what went wrong, and not the pause."""
    monkeypatch.setattr(retry, "_FIRST_PAUSE", 30)
    tried: list[int] = []

    def ask() -> None:
        tried.append(1)
        raise CollectError("cut", "broken")

    with pytest.raises(CollectError, match="broken"):
        retry.retry(ask, 4, Budget(time.monotonic() + 10, 5, Event()))
    assert len(tried) == 1
