"""The subjects that the bindings of a zone name, and who is listed in the groups among them.

There are tens of thousands, so they are columns of numbers and names: an `Identity` is made only where one is needed.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from audit.rbac.subjects import (
    ACCOUNT,
    ACCOUNTS,
    ANONYMOUS,
    ANY,
    ANY_USER,
    GROUP,
    USER,
    VIRTUAL,
    Identity,
    virtual_groups,
)
from audit.snapshot.model import Ints
from audit.tables.arrays import Longs, Mask, packed, unpacked

KINDS: Final = (ANY, ANY_USER, GROUP, ACCOUNT, USER)  # in sorted order
# Stand for those who may have access that could not be seen; no binding names them.
ANYBODY: Final = Identity(ANY, "*")
ANY_PERSON: Final = Identity(ANY_USER, "*")
PERSON: Final = 1  # the position of ANY_PERSON
NONE: Final = -1  # in place of the position of a subject
_MOST_GROUPS: Final = 3  # that a subject is in without an object that says so


def also_acts_as(subject: Identity, *, groups_unseen: bool) -> list[Identity]:
    """Return the identities whose access `subject` has beside its own and that of the groups that list it.

    These are the virtual groups, and, where group objects could not all be read, ANY_PERSON for a person.
    """
    groups = [Identity(GROUP, name) for name in virtual_groups(subject)]
    return [*groups, ANY_PERSON] if groups_unseen and is_person(subject) else groups


def is_person(subject: Identity) -> bool:
    """Return whether group objects may list `subject`."""
    return subject.kind == USER and subject.name != ANONYMOUS


@dataclass(frozen=True)
class Subjects:
    """Identities sorted by kind and name, the first two ANYBODY and ANY_PERSON, and the members of groups."""

    kind: Ints  # position in KINDS
    names: list[str]
    account: Longs  # `account_keys` of a service account that a binding names by kind; NONE for all others
    member_first: Ints  # for each identity, where its members start in `members`
    member_count: Ints  # NONE when there is no group object
    members: Ints  # positions of identities

    def __len__(self) -> int:
        """Return the number of identities."""
        return len(self.names)

    @cached_property
    def identities(self) -> list[Identity]:
        """Return all identities as objects."""
        return [Identity(KINDS[kind], name) for kind, name in zip(self.kind.tolist(), self.names, strict=True)]

    @cached_property
    def inert(self) -> Mask:
        """Return for each identity whether it matches nobody; see Identity.inert."""
        inert = np.zeros(len(self), dtype=bool)
        # An account that has a key has a namespace.
        for at in np.flatnonzero((self.kind == KINDS.index(ACCOUNT)) & (self.account < 0)).tolist():
            inert[at] = Identity(ACCOUNT, self.names[at]).inert
        return inert

    def of_kind(self, kind: str) -> slice:
        """Return the positions of all identities of one kind."""
        low, high = self._bounds[KINDS.index(kind)], self._bounds[KINDS.index(kind) + 1]
        return slice(low, high)

    @cached_property
    def _bounds(self) -> list[int]:
        """Return where the identities of each kind begin, and where the last end."""
        bounds: list[int] = np.searchsorted(self.kind, np.arange(len(KINDS) + 1)).tolist()
        return bounds

    def position(self, subject: Identity) -> int:
        """Return the position of an identity, NONE when no binding names it."""
        positions = self.of_kind(subject.kind)
        at = bisect_left(self.names, subject.name, positions.start, positions.stop)
        return at if self.names[at : min(at + 1, positions.stop)] == [subject.name] else NONE

    @cached_property
    def account_groups(self) -> slice:
        """Return the positions of the groups `system:serviceaccounts:NAMESPACE`."""
        groups = self.of_kind(GROUP)
        # ";" is the character after ":".
        low, high = (bisect_left(self.names, f"{ACCOUNTS}{end}", groups.start, groups.stop) for end in (":", ";"))
        return slice(low, high)

    def also_acts_as(self, *, groups_unseen: bool) -> Ints:
        """Return `also_acts_as` of each identity: a row of three positions, NONE for those that no binding names."""
        rows = np.full((len(self), _MOST_GROUPS), NONE, dtype=np.int32)
        for like, positions in self._alike():
            others = [self.position(other) for other in also_acts_as(like, groups_unseen=groups_unseen)]
            rows[positions] = [*others, *[NONE] * (_MOST_GROUPS - len(others))]
        rows[self.of_kind(ACCOUNT), 0] = self._groups_of_accounts()
        rows[self.inert] = NONE
        return rows

    def _alike(self) -> Iterator[tuple[Identity, slice | int]]:
        """Yield an identity and the positions of all that act as the same others, exceptions last.

        The first that a service account acts as differs from namespace to namespace: see `_groups_of_accounts`.
        """
        yield ANY_PERSON, PERSON
        yield Identity(USER, "any"), self.of_kind(USER)
        yield Identity(ACCOUNT, "any:any"), self.of_kind(ACCOUNT)
        yield Identity(GROUP, "any"), self.of_kind(GROUP)
        yield Identity(GROUP, f"{ACCOUNTS}:any"), self.account_groups
        for subject in (Identity(USER, ANONYMOUS), *(Identity(GROUP, name) for name in sorted(VIRTUAL))):
            if (at := self.position(subject)) != NONE:
                yield subject, at

    def _groups_of_accounts(self) -> Ints:
        """Return for each service account the group of its namespace's accounts; NONE where no binding names it."""
        accounts, names = self.of_kind(ACCOUNT), self.names[self.account_groups]
        at = dict(zip(names, range(self.account_groups.start, self.account_groups.stop), strict=True))
        # The accounts of a namespace are neighbours: one lookup for each run of them, and for each without a key.
        keys = self.account[accounts]
        namespaces = unpacked(keys)[0]
        starts = np.ones(len(namespaces), dtype=bool)
        starts[1:] = (namespaces[1:] != namespaces[:-1]) | (keys[1:] < 0)
        firsts = [self.names[row] for row in (accounts.start + np.flatnonzero(starts)).tolist()]
        groups = np.array([at.get(f"{ACCOUNTS}:{name.partition(':')[0]}", NONE) for name in firsts], dtype=np.int32)
        of_each: Ints = groups[np.cumsum(starts) - 1]
        return of_each


def account_keys(namespaces: Ints, names: Ints) -> Longs:
    """Return a number for each namespace and name of an account, both given as positions of texts."""
    return packed(namespaces, names)
