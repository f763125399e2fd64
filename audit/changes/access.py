"""Effective access in two states: in which places which subject can do something else than before.

The rows of `access` of both states are compared as its documentation tells people to read them: what a row of one
state says is looked up in the other, also where that has no row, but wider ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np

from audit.changes.numbers import Pool, combined
from audit.changes.state import State
from audit.rbac.rules import CLUSTER_ONLY, EVERYTHING, RIGHTS
from audit.rbac.subjects import ANONYMOUS, ANY, ANY_USER, GROUP, USER, Identity, virtual_groups
from audit.tables.arrays import Longs, positions
from audit.tables.model import NO, YES, Table

_STAR: Final = 0  # the number of "*" in a Pool
_WHO: Final = ("subject_kind", "subject")


class Held(NamedTuple):
    """Rights as bits, a row each: held for certain, and held or not known."""

    granted: Longs
    possible: Longs

    @classmethod
    def of(cls, table: Table) -> Self:
        """Return the rights of the rows of a table."""
        granted, possible = np.zeros(len(table), dtype=np.int64), np.zeros(len(table), dtype=np.int64)
        for name, bit in RIGHTS.items():
            answers = table.numbers(name)
            granted |= np.where(answers == YES, bit, 0)
            possible |= np.where(answers != NO, bit, 0)
        return cls(granted, possible)


class Index:
    """Numbers the places and subjects of both states, alone and together as keys."""

    def __init__(self, pool: Pool, states: tuple[State, State]) -> None:
        """Take all places and subjects of the tables; `pool` gets their texts."""
        tables = [table for state in states for table in (state.access, state.grants)]
        columns = {
            name: [pool.column(table.text(name)) for table in tables] for name in ("namespace", "repository", *_WHO)
        }
        self.pool = pool
        self._size = len(pool.texts)
        space, repository, kind, subject = (np.concatenate(parts) for parts in columns.values())
        self._places, place = np.unique(space * self._size + repository, return_inverse=True)
        self._people, who = np.unique(kind * self._size + subject, return_inverse=True)
        keys = place.astype(np.int64) * len(self._people) + who
        ends = np.cumsum([len(table) for table in tables])[:-1]
        self.access_before, self.grants_before, self.access_after, self.grants_after = np.split(keys, ends)

    def namespaces(self, keys: Longs) -> Longs:
        """Return the number of the namespace of each key."""
        found: Longs = self._places[keys // len(self._people)] // self._size
        return found

    def repositories(self, keys: Longs) -> Longs:
        """Return the number of the repository of each key."""
        found: Longs = self._places[keys // len(self._people)] % self._size
        return found

    def subjects(self, keys: Longs) -> tuple[Longs, Longs]:
        """Return the numbers of kind and name of the subject of each key."""
        who = self._people[keys % len(self._people)]
        return who // self._size, who % self._size

    def covering(self, keys: Longs) -> Iterator[Longs]:
        """Yield for each key those that give something there: of the same and of wider places, of wider circles.

        The key itself comes first; -1 where there is no such key.
        """
        people = len(self._people)
        where, who = np.divmod(keys, people)
        space, repository = np.divmod(self._places[where], self._size)
        circles = self._circles(who)
        for wide_space in (False, True):
            for wide_repository in (False, True):
                wanted = (0 if wide_space else space) * self._size + (0 if wide_repository else repository)
                place = positions(self._places, np.broadcast_to(wanted, space.shape))
                # What is as wide as can be already has nothing wider.
                there = (place >= 0) & ~(wide_space & (space == _STAR)) & ~(wide_repository & (repository == _STAR))
                for one in circles:
                    yield np.where(there & (one >= 0), place * people + one, -1)

    def _circles(self, who: Longs) -> Longs:
        """Return for each subject, a column each, itself and what it is as one of many; -1 where it is nothing."""
        ones, inverse = np.unique(who, return_inverse=True)
        circles = np.full((6, len(ones)), -1, dtype=np.int64)
        circles[0] = ones
        for at, one in enumerate(ones.tolist()):
            kind, name = divmod(int(self._people[one]), self._size)
            wider = _wider(Identity(self.pool.texts[kind], self.pool.texts[name]))
            for row, other in enumerate(wider, 1):
                circles[row, at] = self._who(other)
        return circles[:, inverse]

    def _who(self, one: Identity) -> int:
        kind, name = self.pool.find(one.kind), self.pool.find(one.name)
        known = kind >= 0 and 0 <= name < self._size
        return int(positions(self._people, np.array([kind * self._size + name]))[0]) if known else -1


def _wider(who: Identity) -> Iterator[Identity]:
    """Yield whatever else gives `who` access: the platform's groups, and those who may be anybody."""
    yield from (Identity(GROUP, name) for name in virtual_groups(who))
    yield Identity(ANY, "*")
    if who.kind == USER and who.name != ANONYMOUS:
        yield Identity(ANY_USER, "*")


@dataclass(frozen=True, slots=True)
class Deltas:
    """Where a subject's rights are not the same, one a row, as keys of an Index."""

    keys: Longs
    before: Held
    after: Held

    @property
    def gained(self) -> Longs:
        """Return the rights that were not there for certain, and are now for certain."""
        return self.after.granted & ~self.before.possible

    @property
    def lost(self) -> Longs:
        """Return the rights that were there for certain, and are not now for certain."""
        return self.before.granted & ~self.after.possible

    @property
    def more(self) -> Longs:
        """Return the rights of which there is more certainty or possibility now."""
        return (self.after.granted & ~self.before.granted) | (self.after.possible & ~self.before.possible)

    @property
    def less(self) -> Longs:
        """Return the rights of which there was more before."""
        return (self.before.granted & ~self.after.granted) | (self.before.possible & ~self.after.possible)

    def take(self, rows: Longs) -> Self:
        """Return the given rows (positions or a mask)."""
        held = (Held(one.granted[rows], one.possible[rows]) for one in (self.before, self.after))
        return type(self)(self.keys[rows], *held)


def access_deltas(index: Index, before: State, after: State) -> Deltas:
    """Return each place and subject of either state whose rights there differ; not those who stand for anybody."""
    sides = (_Side(index, before, index.access_before), _Side(index, after, index.access_after))
    keys = np.union1d(sides[0].keys, sides[1].keys)
    kind, _ = index.subjects(keys)
    keys = keys[~np.isin(kind, [index.pool.find(ANY), index.pool.find(ANY_USER)])]
    was, now = (side.held(keys) for side in sides)
    differs = (was.granted != now.granted) | (was.possible != now.possible)
    return Deltas(keys, was, now).take(differs)


class _Side:
    """The rows of `access` of one state, sorted by key."""

    def __init__(self, index: Index, state: State, keys: Longs) -> None:
        order = np.argsort(keys)
        held = Held.of(state.access)
        self.keys = keys[order]
        self._index = index
        self._state = state
        self._granted = np.append(held.granted[order], 0)
        self._possible = np.append(held.possible[order], 0)

    def held(self, keys: Longs) -> Held:
        """Return the effective rights at each key; a row that is there already says all of them."""
        at = positions(self.keys, keys)
        granted, possible = self._granted[at], self._possible[at]
        missing = np.flatnonzero(at < 0)
        for wider in self._index.covering(keys[missing]):
            there = positions(self.keys, wider)
            granted[missing] |= self._granted[there]
            possible[missing] |= self._possible[there]
        possible[missing] |= self._not_seen(keys[missing])
        return Held(granted, possible)

    def _not_seen(self, keys: Longs) -> Longs:
        """Return the rights that anybody may have because the namespace's bindings were not all seen."""
        spaces, inverse = np.unique(self._index.namespaces(keys), return_inverse=True)
        texts = self._index.pool.texts
        blind = [space != _STAR and self._state.unseen("rolebindings", texts[space]) for space in spaces.tolist()]
        return np.where(np.array(blind, dtype=bool)[inverse], EVERYTHING & ~CLUSTER_ONLY, 0)


@dataclass(frozen=True, slots=True)
class Differences:
    """Grants that are not the same in both states, one a row, sorted by key."""

    keys: Longs
    group: Longs  # numbers of texts, as the next two
    binding_kind: Longs
    binding: Longs
    more: Longs  # rights that it gives or may give now and did not
    less: Longs


def grant_differences(index: Index, before: State, after: State) -> Differences:
    """Return the grants that only one of the states has, or that give other rights there."""
    tables, keys = (before.grants, after.grants), np.concatenate([index.grants_before, index.grants_after])
    group, kind, binding = (
        np.concatenate([index.pool.column(table.text(name)) for table in tables])
        for name in ("group", "binding_kind", "binding")
    )
    _, first, inverse = np.unique(combined(keys, group, kind, binding), return_index=True, return_inverse=True)
    size = len(before.grants)
    was, now = (
        _united(Held.of(table), rows, len(first))
        for table, rows in zip(tables, (inverse[:size], inverse[size:]), strict=True)
    )
    more = (now.granted & ~was.granted) | (now.possible & ~was.possible)
    less = (was.granted & ~now.granted) | (was.possible & ~now.possible)
    rows = np.flatnonzero(more | less)
    rows = rows[np.argsort(keys[first[rows]], kind="stable")]
    at = first[rows]
    return Differences(keys[at], group[at], kind[at], binding[at], more[rows], less[rows])


def _united(held: Held, of: Longs, size: int) -> Held:
    """Return the rights of the rows of each number in `of` together: files may hold a binding twice."""
    granted, possible = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    np.bitwise_or.at(granted, of, held.granted)
    np.bitwise_or.at(possible, of, held.possible)
    return Held(granted, possible)
