"""Changed inputs at every door: a documented answer, in time, in memory, and never a bug.

`REGISTRY_AUDIT_FUZZ=100000` tries that many of each kind, `REGISTRY_AUDIT_FUZZ_SEED` begins elsewhere. An input that is
not taken well is named by its kind and number: `changed(kind, number, folder)` makes it again.
"""

import os
import resource
import time
from pathlib import Path
from random import Random
from typing import Final

import pytest

from tests.fuzz.mutations import mutated
from tests.fuzz.targets import REFUSED, TARGETS

MANY: Final = int(os.environ.get("REGISTRY_AUDIT_FUZZ", "25"))
FIRST: Final = int(os.environ.get("REGISTRY_AUDIT_FUZZ_SEED", "0"))
_LONGEST: Final = 20.0  # seconds of CPU for one input
_GROWTH: Final = 1 << 30  # bytes


def changed(kind: str, number: int, seeds: list[bytes]) -> bytes:
    """Return the input of this number."""
    random = Random(f"{kind} {number}")
    return TARGETS[kind].after(mutated(seeds, random), random)


@pytest.mark.no_cover
@pytest.mark.parametrize("kind", TARGETS)
def test_changed_inputs_are_taken_well(kind: str, tmp_path: Path) -> None:
    """No exception that is not documented, no code that is not, no input that takes all time or memory."""
    target = TARGETS[kind]
    seeds = list(target.seeds(tmp_path))
    for seed in seeds[:5]:
        target.take(target.after(seed, Random(1)), tmp_path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    failed = []
    for number in range(FIRST, FIRST + MANY):
        data = changed(kind, number, seeds)
        start = time.process_time()
        try:
            target.take(data, tmp_path)
        except REFUSED:
            continue
        except BaseException as error:
            failed.append(f"{kind} {number}: {type(error).__name__}: {str(error)[:500]}: {data[:200]!r}")
            if isinstance(error, KeyboardInterrupt):
                raise
        assert time.process_time() - start < _LONGEST, (number, data[:200])
    assert failed == []
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10) - before < _GROWTH
