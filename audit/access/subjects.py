"""Everybody that the bindings of a zone name, numbered; and who is listed in the groups among them.

There are tens of thousands, so they are columns of numbers and names: an object for each is made only where one is
asked for.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress, filterfalse
from typing import Final

import numpy as np
from numpy.typing import NDArray

from audit.rbac.subjects import (
    ACCOUNT,
    ACCOUNT_PREFIX,
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
from audit.snapshot.model import Ints, Snapshot
from audit.tables.arrays import different, distinct, ranked

KINDS: Final = (ANY, ANY_USER, GROUP, ACCOUNT, USER)  # as they sort
# Stand for those who may have access that could not be seen; nobody is bound to them.
ANYBODY: Final = Identity(ANY, "*")
ANY_PERSON: Final = Identity(ANY_USER, "*")
PERSON: Final = 1  # the position of ANY_PERSON
_NONE: Final = -1
_SHIFT: Final = 32  # bits of the lower of two positions in one number


@dataclass(frozen=True)
class Subjects:
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
        # One that has a key has a namespace.
        for at in np.flatnonzero((self.kind == KINDS.index(ACCOUNT)) & (self.account < 0)).tolist():
            found[at] = self.names[at].startswith(":")
        return found

    def of_kind(self, kind: str) -> slice:
        """Return where those of a kind stand."""
        low, high = np.searchsorted(self.kind, [KINDS.index(kind), KINDS.index(kind) + 1]).tolist()
        return slice(low, high)

    def position(self, kind: str, name: str) -> int:
        """Return where somebody stands, -1 for nobody of that name."""
        mine = self.of_kind(kind)
        at = bisect_left(self.names, name, mine.start, mine.stop)
        return at if self.names[at : min(at + 1, mine.stop)] == [name] else _NONE

    @cached_property
    def account_groups(self) -> slice:
        """Return where the groups of all accounts of one namespace stand."""
        mine = self.of_kind(GROUP)
        low, high = (bisect_left(self.names, f"{ACCOUNTS}{end}", mine.start, mine.stop) for end in (":", ";"))
        return slice(low, high)

    def circles(self, *, groups_unseen: bool) -> Ints:
        """Return for each identity, a row of three, the positions of what it is as one of everybody; -1 for none.

        These are the groups of `asserted_groups`, and ANY_PERSON for a user whose groups were not all seen.
        """
        circles = np.full((len(self), 3), _NONE, dtype=np.int32)
        groups, accounts, users = (self.of_kind(kind) for kind in (GROUP, ACCOUNT, USER))
        everyone, logins, nobody, every_account = (
            self.position(GROUP, name) for name in (EVERYONE, EVERY_LOGIN, NOBODY, ACCOUNTS)
        )
        circles[PERSON] = everyone, logins, _NONE
        circles[users] = everyone, logins, PERSON if groups_unseen else _NONE
        circles[accounts, 0] = self._own_groups()
        circles[accounts, 1:] = every_account, everyone
        circles[self.inert] = _NONE
        circles[groups, 0] = everyone
        circles[self.account_groups, :2] = every_account, everyone
        for kind, name, circle in (
            (GROUP, EVERYONE, _NONE),
            (GROUP, NOBODY, _NONE),
            (GROUP, MASTERS, _NONE),
            (USER, ANONYMOUS, nobody),
        ):
            if (at := self.position(kind, name)) >= 0:
                circles[at] = circle, _NONE, _NONE
        return circles

    def _own_groups(self) -> Ints:
        """Return for each service account the group of all accounts of its namespace; -1 where nobody names it."""
        mine, names = self.of_kind(ACCOUNT), self.names[self.account_groups]
        at = dict(zip(names, range(self.account_groups.start, self.account_groups.stop), strict=True))
        spaces = self.account[mine] >> _SHIFT
        # One look for each namespace: its accounts stand together.
        new = np.ones(len(spaces), dtype=bool)
        new[1:] = (spaces[1:] != spaces[:-1]) | (spaces[1:] < 0)
        some = [self.names[one] for one in (mine.start + np.flatnonzero(new)).tolist()]
        found = np.array([at.get(f"{ACCOUNTS}:{name[: name.find(':')]}", _NONE) for name in some], dtype=np.int32)
        groups: Ints = found[np.cumsum(new) - 1]
        return groups


def account_keys(spaces: Ints, names: Ints) -> NDArray[np.int64]:
    """Return a number for each namespace and name of an account, both given as positions of texts."""
    return spaces.astype(np.int64) << _SHIFT | names


class SubjectsBuilder:
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
        numbers = np.empty(len(kinds), dtype=np.int32)
        for code in distinct(kinds, size):
            mine = np.flatnonzero(kinds == code)
            # A namespace matters to service accounts only.
            if text[code] == ACCOUNT:
                keys, of_each = np.unique(account_keys(spaces[mine], names[mine]), return_inverse=True)
            else:
                keys, of_each = ranked(names[mine], size)
            space, name = (keys >> _SHIFT).astype(np.int32), keys.astype(np.int32)
            numbers[mine] = np.array(self._numbered(text[code], space, name), dtype=np.int32)[of_each]
        return numbers

    def _numbered(self, kind: str, spaces: Ints, names: Ints) -> list[int]:
        """Return the numbers of different subjects of one kind: most have nothing about them that needs a look."""
        text = self._snapshot.strings
        called = [text[name] for name in names.tolist()]
        if kind == GROUP:
            return self._many(GROUP, called)
        if kind == USER:
            return self._users(called)
        parts = (code for column in (spaces, names) for code in distinct(column, len(text)))
        if kind == ACCOUNT and all(text[part] and ":" not in text[part] for part in parts):
            spelled = [f"{text[space]}:{name}" for space, name in zip(spaces.tolist(), called, strict=True)]
            numbers = self._many(ACCOUNT, spelled)
            self._accounts.append((numbers, account_keys(spaces, names)))
            return numbers
        who = [identity(kind, text[space], name) for space, name in zip(spaces.tolist(), called, strict=True)]
        return [_NONE if one is None else self.add(one) for one in who]

    def _users(self, names: Sequence[str]) -> list[int]:
        """Return the numbers of different user names, some of which may be those of service accounts."""
        if any(name.startswith(ACCOUNT_PREFIX) for name in names):
            return [self.add(user(name)) for name in names]
        return self._many(USER, names)

    def _many(self, kind: str, names: Sequence[str]) -> list[int]:
        """Return the numbers of identities of one kind, all different."""
        at = self._at[kind]
        new = list(filterfalse(at.__contains__, names))
        at.update(zip(new, range(self._size, self._size + len(new)), strict=True))
        self._size += len(new)
        return [at[name] for name in names]

    def finish(self) -> tuple[Subjects, Ints]:
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
        return Subjects(kind, names, account, first, count, rank[members]), rank

    def _members(self) -> tuple[Ints, Ints, Ints]:
        """Return the groups that are named and have an object; and for each person in one, which of these, and who."""
        text, tables = self._snapshot.strings, self._snapshot.tables
        objects, group_of, user_of = tables["groups"]["name"], tables["members"]["group"], tables["members"]["user"]
        named = self._at[GROUP]
        codes = [code for code in distinct(objects, len(text)) if text[code] in named]
        # Files may hold a group twice: its people are those of both.
        span = np.full(len(text), _NONE, dtype=np.int32)
        span[codes] = np.arange(len(codes), dtype=np.int32)
        holder = span[objects][group_of] if len(objects) else group_of
        inside = holder >= 0
        pairs = different(holder[inside].astype(np.int64) << 32 | user_of[inside])
        holder, user_code = (pairs >> 32).astype(np.int32), pairs & 0xFFFFFFFF
        found, of_pair = ranked(user_code, len(text))
        person = self._persons([text[code] for code in found.tolist()])[of_pair]
        groups = np.array([named[text[code]] for code in codes], dtype=np.int32)
        return groups, holder[person >= 0], person[person >= 0]

    def _persons(self, names: Sequence[str]) -> Ints:
        """Return the numbers of different users in groups, -1 for one who is none: only people are members."""
        are = [name != ANONYMOUS and (not name.startswith(ACCOUNT_PREFIX) or user(name).kind == USER) for name in names]
        numbers = np.full(len(names), _NONE, dtype=np.int32)
        numbers[np.array(are, dtype=bool)] = self._many(USER, list(compress(names, are)))
        return numbers
