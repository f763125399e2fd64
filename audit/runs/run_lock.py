"""Serializes the end of runs, so that no two runs name the same previous run.

The turn after a run is claimed under the name of that run; a folder or bucket grants a name once. The claimant checks
that the run is still the last one, writes its manifest and releases the turn. A run that died releases nothing: when
nothing has moved for PATIENCE seconds, the turn is taken under the next name.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from audit.errors import UsageError
from audit.runs.runs import Link, Runs
from audit.storage.store import Store

PATIENCE: Final = 30.0  # seconds; a turn takes as long as writing three small files
PAUSE: Final = 0.2


@contextmanager
def chain_lock(store: Store, tell: Callable[[str], None]) -> Iterator[Link | None]:
    """Wait for the turn and yield the run that ended last (None: no run); no other run ends meanwhile."""
    # Damaged manifests were reported when the run began.
    runs = Runs(store, lambda _: None)
    last, tries = _claimed(store, runs, tell)
    try:
        yield last
    finally:
        for attempt in range(1, tries + 1):
            _release(store, last, attempt)


def _claimed(store: Store, runs: Runs, tell: Callable[[str], None]) -> tuple[Link | None, int]:
    """Return the previous run, and the number of names tried until one could be claimed."""
    last, attempt, waited = runs.head(), 1, 0.0
    while True:
        claimed = store.claim(_name(last, attempt))
        now = runs.head()
        if now != last:
            # Another run has ended: claim the turn after that one.
            if claimed:
                _release(store, last, attempt)
            last, attempt, waited = now, 1, 0.0
        elif claimed:
            return last, attempt
        elif waited < PATIENCE:
            time.sleep(PAUSE)
            waited += PAUSE
        else:
            tell(f"note: a run that was ending in {store.where} did not finish: this run takes its place in the chain")
            attempt, waited = attempt + 1, 0.0


def _name(last: Link | None, attempt: int) -> str:
    return f".turn-{attempt}-after-{last.run_id if last else 'none'}"


def _release(store: Store, last: Link | None, attempt: int) -> None:
    # A turn that cannot be released blocks nobody once the next run has ended.
    with suppress(UsageError):
        store.release(_name(last, attempt))
