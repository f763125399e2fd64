"""Where in time the damaged lines of a file must have been: what was logged then is not known."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from audit.usage.requests import LONGEST_PAUSE, Seen


class _Chunk(NamedTuple):
    first: int  # tick
    last: int
    damaged: bool


class DamageFinder:
    """Follows the chunks of a file in their order.

    A damaged line was logged between the lines around it, if the file is sorted by time, forwards or backwards; in
    any other file at any time.
    """

    def __init__(self) -> None:
        self._chunks: list[_Chunk] = []
        self._waits = False  # for the time at which damage ends

    def chunk(self, sources: Iterable[Seen], *, damaged: bool) -> None:
        """Add a chunk, of which `sources` have the lines."""
        ticks = set().union(*(seen.end_chunk() for seen in sources))
        if ticks:
            self._chunks.append(_Chunk(min(ticks), max(ticks), damaged or self._waits))
            self._waits = False
        elif damaged:
            if self._chunks:
                self._chunks[-1] = self._chunks[-1]._replace(damaged=True)
            self._waits = True

    def end(self, sources: Iterable[Seen]) -> None:
        """Take the stretches in which something was damaged away from what the sources cover."""
        stretches = [*self._damaged()]
        for seen in sources:
            for first, last in stretches:
                seen.damage(first, last)

    def _damaged(self) -> Iterator[tuple[int, int]]:
        chunks = self._chunks
        rising = all(two.first >= one.last - LONGEST_PAUSE for one, two in pairwise(chunks))
        falling = all(two.last <= one.first + LONGEST_PAUSE for one, two in pairwise(chunks))
        damaged = [chunk for chunk in chunks if chunk.damaged]
        if damaged and not (rising or falling):
            yield min(chunk.first for chunk in chunks), max(chunk.last for chunk in chunks)
        else:
            yield from ((chunk.first, chunk.last) for chunk in damaged)
