"""Parallel work in threads that a stop does not have to wait for."""

from collections.abc import Callable, Iterator, Sequence
from queue import Empty, Queue
from threading import Lock, Thread
from typing import Final, TypeVar

GRACE: Final = 2.0  # seconds for what is under way to end
_POLL: Final = 0.1  # seconds between two calls of `over`

T = TypeVar("T")
R = TypeVar("R")


def run_parallel(
    items: Sequence[T], work: Callable[[T], R], over: Callable[[], bool], *, at_once: int, grace: float = GRACE
) -> Iterator[tuple[int, R]]:
    """Yield the position and result of each item as it is done; abandon what is not done `grace` seconds after `over`.

    `over` returns whether to end: a stop was requested, or the time is used up. What `work` raises is raised here.
    """
    todo, turn = iter(enumerate(items)), Lock()
    done: Queue[tuple[int, R] | BaseException] = Queue()

    def worker() -> None:
        while not over():
            with turn:
                at, item = next(todo, (-1, None))
            if at < 0 or item is None:
                return
            try:
                done.put((at, work(item)))
            except BaseException as error:  # noqa: BLE001  raised again by the caller's thread
                done.put(error)

    for _ in range(min(at_once, len(items))):
        # A thread that waits for a silent server must not keep the program from ending.
        Thread(target=worker, daemon=True).start()
    waiting = len(items)
    while waiting and grace > 0:
        try:
            result = done.get(timeout=_POLL)
        except Empty:
            grace -= _POLL if over() else 0
            continue
        waiting -= 1
        if isinstance(result, BaseException):
            raise result
        yield result
