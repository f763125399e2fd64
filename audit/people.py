"""Everybody that the bindings of a zone name, numbered; and who is listed in the groups among them.

There are tens of thousands, so they are columns of numbers and names: an object for each is made only where one is
asked for.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from audit.rbac.subjects import (
    ACCOUNT,
    ACCOUNTS,
    ANONYMOUS,
    ANY,
    ANY_USER,
    EVERY_LOGIN,
    EVERYONE,
    GROUP,
    MASTERS,
    NOBODY,
    USER,
    Identity,
    identity,
    user,
)
from audit.snapshot import Ints, Snapshot

KINDS: Final = (ANY, ANY_USER, GROUP, ACCOUNT, USER)  # as they sort
# Stand for those who may have access that could not be seen; nobody is bound to them.
ANYBODY: Final = Identity(ANY, "*")
ANY_PERSON: Final = Identity(ANY_USER, "*")
PERSON: Final = 1  # the position of ANY_PERSON
_NONE: Final = -1


@dataclass(frozen=True)
class People:
    """Identities sorted by kind and name, the first two ANYBODY and ANY_PERSON, and the people in their groups."""

    kind: Ints  # position in KINDS
    names: list[str]
    account: NDArray[np.int64]  # `account_keys` of service accounts; -1 where that is not how one was spelled
    member_first: Ints  # for each identity, where its members start in `members`
    member_count: Ints  # -1 when there is no group object
    members: Ints  # positions of identities

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.names)

    @cached_property
    def identities(self) -> list[Identity]:
        """Return all as objects."""
        return [Identity(KINDS[kind], name) for kind, name in zip(self.kind.tolist(), self.names, strict=True)]

    @cached_property
    def inert(self) -> NDArray[np.bool_]:
        """Say of each whether nobody can ever be this; see Identity.inert."""
        found = np.zeros(len(self), dtype=bool)
        mine = self.of_kind(ACCOUNT)
        found[mine] = [name.startswith(":") for name in self.names[mine]]
        return found

    def of_kind(self, kind: str) -> slice:
        """Return where those of a kind stand."""
        low, high = np.searchsorted(self.kind, [KINDS.index(kind), KINDS.index(kind) + 1]).tolist()
        return slice(low, high)

    def circles(self, *, groups_unseen: bool) -> Ints:
        """Return for each identity, a row of three, the positions of what it is as one of everybody; -1 for none.

        These are the groups of `asserted_groups`, and ANY_PERSON for a user whose groups were not all seen.
        """
        circles = np.full((len(self), 3), _NONE, dtype=np.int32)
        groups, accounts, users = (self.of_kind(kind) for kind in (GROUP, ACCOUNT, USER))
        at = {name: groups.start + number for number, name in enumerate(self.names[groups])}
        everyone, logins, nobody, every_account = (
            at.get(name, _NONE) for name in (EVERYONE, EVERY_LOGIN, NOBODY, ACCOUNTS)
        )
        circles[PERSON] = everyone, logins, _NONE
        circles[users] = everyone, logins, PERSON if groups_unseen else _NONE
        own = [at.get(f"{ACCOUNTS}:{name[: name.find(':')]}", _NONE) for name in self.names[accounts]]
        circles[accounts, 0], circles[accounts, 1], circles[accounts, 2] = own, every_account, everyone
        circles[self.inert] = _NONE
        circles[groups, 0] = everyone
        for name, number in at.items():
            if name.startswith(f"{ACCOUNTS}:"):
                circles[number, :2] = every_account, everyone
        for name in (EVERYONE, NOBODY, MASTERS):
            if name in at:
                circles[at[name]] = _NONE
        anonymous = bisect_left(self.names, ANONYMOUS, users.start, users.stop)
        if self.names[anonymous : anonymous + 1] == [ANONYMOUS]:
            circles[anonymous] = nobody, _NONE, _NONE
        return circles


def account_keys(spaces: Ints, names: Ints) -> NDArray[np.int64]:
    """Return a number for each namespace and name of an account, both given as positions of texts."""
    return spaces.astype(np.int64) << 32 | names


def different(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the different numbers, sorted: as `np.unique` does, and much sooner where they almost are so."""
    ordered = np.sort(numbers)
    new = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    return ordered[new]


class Gathering:
    """Numbers identities in the order of their first use, and sorts them at the end."""

    def __init__(self, snapshot: Snapshot) -> None:
        """Take the facts of a zone."""
        self._snapshot = snapshot
        self._size = 0
        self._at: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
        self._accounts: list[tuple[list[int], NDArray[np.int64]]] = []
        for who in (ANYBODY, ANY_PERSON):
            self.add(who)

    def add(self, who: Identity) -> int:
        """Return the number of an identity."""
        number = self._at[who.kind].setdefault(who.name, self._size)
        self._size += number == self._size
        return number

    def identify(self, kinds: Ints, spaces: Ints, names: Ints) -> Ints:
        """Return the number of each subject, -1 for a kind that matches nobody; all are positions of texts."""
        text, size = self._snapshot.strings, len(self._snapshot.strings)
        kind_codes, kind = np.unique(kinds, return_inverse=True)
        # A namespace matters to service accounts only.
        spaces = np.where(kinds == self._snapshot.code(ACCOUNT), spaces, 0)
        _, first, inverse = np.unique((kind * size + spaces) * size + names, return_index=True, return_inverse=True)
        kind, spaces, names = kind[first], spaces[first], names[first]
        numbers = np.empty(len(first), dtype=np.int32)
        for at, code in enumerate(kind_codes.tolist()):
            mine = kind == at
            numbers[mine] = self._numbered(text[code], spaces[mine], names[mine])
        return numbers[inverse]

    def _numbered(self, kind: str, spaces: Ints, names: Ints) -> list[int]:
        """Return the numbers of different subjects of one kind: most have nothing about them that needs a look."""
        text = self._snapshot.strings
        if kind == GROUP:
            return self._many(GROUP, [text[name] for name in names.tolist()])
        places = list(zip(spaces.tolist(), names.tolist(), strict=True))
        if kind == ACCOUNT:
            spelled = [f"{text[space]}:{text[name]}" for space, name in places]
            if all(name.count(":") == 1 and name[0] != ":" and name[-1] != ":" for name in spelled):
                numbers = self._many(ACCOUNT, spelled)
                self._accounts.append((numbers, account_keys(spaces, names)))
                return numbers
        who = [identity(kind, text[space], text[name]) for space, name in places]
        return [_NONE if one is None else self.add(one) for one in who]

    def _many(self, kind: str, names: Sequence[str]) -> list[int]:
        """Return the numbers of identities of one kind, all different."""
        at = self._at[kind]
        new = [name for name in names if name not in at]
        at.update(zip(new, range(self._size, self._size + len(new)), strict=True))
        self._size += len(new)
        return [at[name] for name in names]

    def finish(self) -> tuple[People, Ints]:
        """Add the people of the groups; return all in their order, and the position of each number."""
        groups, holders, members = self._members()
        ordered = {kind: sorted(found) for kind, found in self._at.items()}
        names = [name for found in ordered.values() for name in found]
        numbers = [self._at[kind][name] for kind, found in ordered.items() for name in found]
        rank = np.empty(len(names), dtype=np.int32)
        rank[numbers] = np.arange(len(names), dtype=np.int32)
        count, first = np.full(len(names), _NONE, dtype=np.int32), np.zeros(len(names), dtype=np.int32)
        listed = np.bincount(holders, minlength=len(groups)).astype(np.int32)
        count[rank[groups]] = listed
        first[rank[groups]] = np.cumsum(listed) - listed
        account = np.full(len(names), _NONE, dtype=np.int64)
        for numbers, keys in self._accounts:
            account[rank[numbers]] = keys
        kind = np.repeat(np.arange(len(KINDS), dtype=np.int32), [len(found) for found in ordered.values()])
        return People(kind, names, account, first, count, rank[members]), rank

    def _members(self) -> tuple[Ints, Ints, Ints]:
        """Return the groups that are named and have an object; and for each person in one, which of these, and who."""
        text, tables = self._snapshot.strings, self._snapshot.tables
        objects, group_of, user_of = tables["groups"]["name"], tables["members"]["group"], tables["members"]["user"]
        named = self._at[GROUP]
        codes = [code for code in np.unique(objects).tolist() if text[code] in named]
        # Files may hold a group twice: its people are those of both.
        span = np.full(len(text), _NONE, dtype=np.int32)
        span[codes] = np.arange(len(codes), dtype=np.int32)
        holder = span[objects][group_of] if len(objects) else group_of
        inside = holder >= 0
        pairs = different(holder[inside].astype(np.int64) << 32 | user_of[inside])
        holder, user_code = (pairs >> 32).astype(np.int32), pairs & 0xFFFFFFFF
        found, of_pair = np.unique(user_code, return_inverse=True)
        person = np.array([self._person(text[code]) for code in found.tolist()], dtype=np.int32)[of_pair]
        groups = np.array([named[text[code]] for code in codes], dtype=np.int32)
        return groups, holder[person >= 0], person[person >= 0]

    def _person(self, name: str) -> int:
        """Return the number of a user in a group, -1 for one who is none: only people are members of groups."""
        who = user(name)
        return self.add(who) if who.kind == USER and who.name != ANONYMOUS else _NONE
