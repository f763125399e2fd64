"""Which run comes next in the chain: one at a time, so that no two name the same run as the one before them.

The turn after a run is claimed under the name of that run, which a folder or a bucket gives to one only. Who has it
looks again whether that run is still the last, writes its manifest, and gives the turn back. One that died in between
gives nothing back: when nothing has moved for PATIENCE seconds, the turn is taken under the next name.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from audit.errors import UsageError
from audit.runs.runs import Link, Runs
from audit.storage.store import Store

PATIENCE: Final = 30.0  # seconds; a turn takes as long as three small files
PAUSE: Final = 0.2


@contextmanager
def chain_lock(store: Store, tell: Callable[[str], None]) -> Iterator[Link | None]:
    """Wait for the turn, and yield the run that ended last (None: there is none); nobody else ends meanwhile."""
    # What is damaged there was told when the run began.
    runs = Runs(store, lambda _: None)
    last, tries = _claimed(store, runs, tell)
    try:
        yield last
    finally:
        for attempt in range(1, tries + 1):
            _release(store, last, attempt)


def _claimed(store: Store, runs: Runs, tell: Callable[[str], None]) -> tuple[Link | None, int]:
    """Return the run to follow, and under how many names it was tried until one could be claimed."""
    last, attempt, waited = runs.head(), 1, 0.0
    while True:
        claimed = store.claim(_name(last, attempt))
        now = runs.head()
        if now != last:
            # Another one has ended: the turn after that one is to be had.
            if claimed:
                _release(store, last, attempt)
            last, attempt, waited = now, 1, 0.0
        elif claimed:
            return last, attempt
        elif waited < PATIENCE:
            time.sleep(PAUSE)
            waited += PAUSE
        else:
            tell(f"note: a run was about to end in {store.where} and did not: this one takes its place in the chain")
            attempt, waited = attempt + 1, 0.0


def _name(last: Link | None, attempt: int) -> str:
    return f".turn-{attempt}-after-{last.run_id if last else 'none'}"


def _release(store: Store, last: Link | None, attempt: int) -> None:
    # One that cannot be taken away is in nobody's way once the next run has ended.
    with suppress(UsageError):
        store.release(_name(last, attempt))
