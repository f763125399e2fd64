"""Rights that are held in a place, for certain and as far as is known, and what they answer. The one place for both."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar

import numpy as np

from audit.rbac.rules import CLUSTER_ONLY, EVERYTHING
from audit.tables.arrays import Ints, Longs
from audit.tables.model import Numbers
from audit.tables.schemas import NO, UNKNOWN, YES

Bits = TypeVar("Bits", int, Ints, Longs)


@dataclass(frozen=True, slots=True)
class Rights(Generic[Bits]):
    """Bits of `audit.rbac.rules`: one number, or an array with one a row."""

    granted: Bits  # held for certain
    possible: Bits  # held, or not known: never less than `granted`

    def __or__(self, other: "Rights[Bits]") -> "Rights[Bits]":
        """Return the rights of both together: rights from different grants add up."""
        return Rights(self.granted | other.granted, self.possible | other.possible)

    def __and__(self, rights: Bits | int) -> "Rights[Bits]":
        """Return these rights as far as they are among `rights`."""
        return Rights(self.granted & rights, self.possible & rights)


NOTHING = Rights(0, 0)


def answer(rights: Rights[int], needed: int) -> int:
    """Return whether all of `needed` is held: YES, NO or UNKNOWN."""
    return int(_answers_to(needed)[rights.granted, rights.possible])


def answers(rights: Rights[Ints], needs: Mapping[str, int]) -> dict[str, Numbers]:
    """Return a column for each name: the `answer` of each row to whether it has all that the name needs."""
    pairs = rights.granted * (EVERYTHING + 1) + rights.possible
    return {name: _answers_to(needed).ravel().take(pairs) for name, needed in needs.items()}


@cache
def _answers_to(needed: int) -> Numbers:
    """Return the answer for each pair of rights granted and rights possible: there are few."""
    rights = np.arange(EVERYTHING + 1)
    held = rights & needed == needed
    return np.where(held[:, None], YES, np.where(held, UNKNOWN, NO)).astype(np.int32)


def reach(*, cluster_wide: bool) -> int:
    """Return the rights that a binding can give: those that no namespace has, only a ClusterRoleBinding gives."""
    return EVERYTHING if cluster_wide else EVERYTHING & ~CLUSTER_ONLY
