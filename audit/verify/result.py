"""How far the tables of a zone and the zone itself agree, in numbers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Agreement:
    """Numbers of cells: `asked` = `agreed` + `differed` + `failed`, which the zone gave no answer to.

    `left_out` cells were not asked: they are unknown, or nobody is their subject. `bound`: at most this share of the
    cells is wrong, with 95 % confidence. `why`: why the first one failed, or none was asked (empty: all is well).
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
        """Say whether all that was asked was answered, and as the tables say."""
        return not self.differed and not self.why

    @property
    def unnamed(self) -> "Agreement":
        """Return the same without what a server said, which may name people."""
        return replace(self, why="the zone gave no answer") if self.why else self

    def remarks(self) -> Iterator[str]:
        """Yield for people what is not as it should be, a line each."""
        if self.differed:
            count = f"{self.differed:,} of {self.asked:,} cells"
            yield f"verified: the zone itself answers {count} otherwise than the tables"
        if self.why:
            count = f"{self.failed:,} of {self.asked:,} cells were not" if self.asked else "nothing was"
            yield f"verified: {count} compared with the zone's own answers: {self.why}"
