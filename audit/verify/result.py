"""How far the tables of a zone agree with the zone's own answers, in numbers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Agreement:
    """Numbers of cells: `asked` = `agreed` + `differed` + `failed` (the zone gave no answer).

    `left_out` cells were not asked: they are unknown, or have no single subject. `bound`: at most this share of the
    cells is wrong, with 95 % confidence. `why`: why the first one failed, or none was asked (empty: none failed).
    `seed` draws the same cells of the same tables again.
    """

    asked: int = 0
    agreed: int = 0
    differed: int = 0
    failed: int = 0
    left_out: int = 0
    bound: float = 1.0
    why: str = ""
    seed: int = 0

    @property
    def sound(self) -> bool:
        """Return whether every answer was given and agrees with the tables."""
        return not self.differed and not self.why

    @property
    def unnamed(self) -> "Agreement":
        """Return a copy without the server's message, which may name people."""
        return replace(self, why="the zone gave no answer") if self.why else self

    def remarks(self) -> Iterator[str]:
        """Yield a message for each thing that is wrong."""
        if self.differed:
            count = f"{self.differed:,} of {self.asked:,} cells"
            yield f"verified: the zone itself answers {count} differently from the tables"
        if self.why:
            count = f"{self.failed:,} of {self.asked:,} cells were not" if self.asked else "nothing was"
            yield f"verified: {count} compared with the zone's own answers: {self.why}"
