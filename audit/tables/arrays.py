"""Functions on columns of integers that numpy lacks or does more slowly."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Positions = NDArray[np.intp]
Mask = NDArray[np.bool_]

_BITS = 32  # of the lower half of a pair in one number


def different(numbers: Longs) -> Longs:
    """Return the different numbers, sorted, as `np.unique` does, but much faster where they are almost sorted."""
    ordered = np.sort(numbers)
    new = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    return ordered[new]


def distinct(codes: Ints, size: int) -> list[int]:
    """Return the different numbers, all below `size`, sorted: marking them is quicker than sorting."""
    numbers: list[int] = np.flatnonzero(_marked(codes, size)).tolist()
    return numbers


def ranked(keys: Ints | Longs, size: int) -> tuple[Longs, Longs]:
    """Return the different keys, which are from 0 to below `size`, sorted; and for each key its position among them."""
    # Few places and subjects beside many rows: marking those that occur is quicker than sorting.
    if size <= 4 * len(keys) + 1_000_000:
        seen = _marked(keys, size)
        return np.flatnonzero(seen), (np.cumsum(seen) - 1)[keys]
    unique, places = np.unique(keys, return_inverse=True)
    return unique.astype(np.int64), places.astype(np.int64)


def _marked(keys: Ints | Longs, size: int) -> Mask:
    seen = np.zeros(size, dtype=bool)
    seen[keys] = True
    return seen


def positions(keys: Longs, wanted: Longs) -> Positions:
    """Return the position of each of `wanted` in `keys`, which are sorted; -1 for those that are not there."""
    if not len(keys):
        return np.full(len(wanted), -1, dtype=np.intp)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, at, -1)


def ranges(first: Ints | Positions, count: Ints | Positions) -> Positions:
    """Return first[0], first[0] + 1, … for count[0] numbers, then the same for each further entry."""
    counts = count.astype(np.intp)
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    starts: Positions = np.repeat(first - (ends - counts), counts)
    return starts + np.arange(total)


def packed(high: Ints | Longs, low: Ints | Longs) -> Longs:
    """Return one number for each pair, which sorts as the pair does; both are below 2**31, `low` not negative."""
    return high.astype(np.int64) << _BITS | low


def unpacked(pairs: Longs) -> tuple[Ints, Ints]:
    """Return both halves of the numbers that `packed` makes."""
    return (pairs >> _BITS).astype(np.int32), (pairs & (1 << _BITS) - 1).astype(np.int32)
