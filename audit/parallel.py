"""Many things at the same time, in threads that a stop does not have to wait for."""

from collections.abc import Callable, Iterator, Sequence
from queue import Empty, Queue
from threading import Lock, Thread
from typing import Final, TypeVar

GRACE: Final = 2.0  # seconds that what is under way has to end when it is over
_LOOK: Final = 0.1  # seconds between two looks at whether it is

T = TypeVar("T")
R = TypeVar("R")


def run_parallel(
    items: Sequence[T], work: Callable[[T], R], over: Callable[[], bool], *, at_once: int, grace: float = GRACE
) -> Iterator[tuple[int, R]]:
    """Yield the position and result of each item as it is done; what is not done `grace` seconds after `over` is left.

    `over` says that it is time to end: somebody asked to stop, or the time is used up. What `work` raises is raised
    here.
    """
    todo, turn = iter(enumerate(items)), Lock()
    done: Queue[tuple[int, R] | Exception] = Queue()

    def worker() -> None:
        while not over():
            with turn:
                at, item = next(todo, (-1, None))
            if at < 0 or item is None:
                return
            try:
                done.put((at, work(item)))
            except Exception as error:  # noqa: BLE001  raised again by the caller's thread
                done.put(error)

    for _ in range(min(at_once, len(items))):
        # A thread that waits for a silent server must not keep the program from ending.
        Thread(target=worker, daemon=True).start()
    waiting = len(items)
    while waiting and grace > 0:
        try:
            result = done.get(timeout=_LOOK)
        except Empty:
            grace -= _LOOK if over() else 0
            continue
        waiting -= 1
        if isinstance(result, Exception):
            raise result
        yield result
