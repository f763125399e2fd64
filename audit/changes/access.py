"""Effective access in two states: in which places which subject can do something else than before.

The rows of `access` of both states are compared as its documentation tells people to read them: what a row of one
state says is looked up in the other, also where that has only rows of places that contain it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from audit.access.effective import unseen_rights
from audit.access.login import WITHOUT_TOKEN, everybody_may_log_in, login_bindings
from audit.access.rights import Rights
from audit.access.subjects import ANYBODY, also_acts_as
from audit.changes.numbers import Pool, combined
from audit.changes.state import State
from audit.rbac.rules import RIGHTS
from audit.rbac.subjects import ANY, ANY_USER, Identity
from audit.tables.arrays import Longs, positions
from audit.tables.model import Table
from audit.tables.schemas import NO, YES

_STAR: Final = 0  # the number of "*" in a Pool
_WHO: Final = ("subject_kind", "subject")
_MOST_OTHERS: Final = 4  # that a subject also acts as


def rights_in(table: Table) -> Rights[Longs]:
    """Return the answers in the rows of `access` or `grants` as bits: YES is granted, UNKNOWN is possible."""
    granted, possible = np.zeros(len(table), dtype=np.int64), np.zeros(len(table), dtype=np.int64)
    for name, bit in RIGHTS.items():
        column = table.numbers(name)
        granted |= np.where(column == YES, bit, 0)
        possible |= np.where(column != NO, bit, 0)
    return Rights(granted, possible)


class Index:
    """Numbers the places and subjects of both states, alone and together as keys."""

    def __init__(self, pool: Pool, states: tuple[State, State]) -> None:
        """Number all places and subjects of the tables; `pool` gets their texts."""
        tables = [table for state in states for table in (state.access, state.grants)]
        columns = {
            name: [pool.column(table.text(name)) for table in tables] for name in ("namespace", "repository", *_WHO)
        }
        self.pool = pool
        self._size = len(pool.texts)
        namespace, repository, kind, subject = (np.concatenate(parts) for parts in columns.values())
        self._places, place = np.unique(namespace * self._size + repository, return_inverse=True)
        self._subjects, who = np.unique(kind * self._size + subject, return_inverse=True)
        keys = place.astype(np.int64) * len(self._subjects) + who
        ends = np.cumsum([len(table) for table in tables])[:-1]
        self.access_before, self.grants_before, self.access_after, self.grants_after = np.split(keys, ends)

    def namespaces(self, keys: Longs) -> Longs:
        """Return the number of the namespace of each key."""
        found: Longs = self._places[keys // len(self._subjects)] // self._size
        return found

    def repositories(self, keys: Longs) -> Longs:
        """Return the number of the repository of each key."""
        found: Longs = self._places[keys // len(self._subjects)] % self._size
        return found

    def subjects(self, keys: Longs) -> tuple[Longs, Longs]:
        """Return the numbers of kind and name of the subject of each key."""
        who = self._subjects[keys % len(self._subjects)]
        return who // self._size, who % self._size

    def covering(self, keys: Longs) -> Iterator[Longs]:
        """Yield for each key the keys whose rights hold there as well; -1 where there is no such key.

        These are of the subject and of all that it also acts as, in the place and in those that contain it; the key
        itself comes first.
        """
        subjects = len(self._subjects)
        where, who = np.divmod(keys, subjects)
        namespace, repository = np.divmod(self._places[where], self._size)
        acts_as = self._acts_as(who)
        for wide_namespace in (False, True):
            for wide_repository in (False, True):
                wanted = (0 if wide_namespace else namespace) * self._size + (0 if wide_repository else repository)
                place = positions(self._places, np.broadcast_to(wanted, namespace.shape))
                # What is as wide as can be already has nothing wider.
                there = (
                    (place >= 0) & ~(wide_namespace & (namespace == _STAR)) & ~(wide_repository & (repository == _STAR))
                )
                for others in acts_as:
                    yield np.where(there & (others >= 0), place * subjects + others, -1)

    def _acts_as(self, who: Longs) -> Longs:
        """Return for each subject, a column each, itself and what it also acts as; -1 where there is nothing more."""
        distinct, inverse = np.unique(who, return_inverse=True)
        acts_as = np.full((_MOST_OTHERS + 1, len(distinct)), -1, dtype=np.int64)
        acts_as[0] = distinct
        for at, number in enumerate(distinct.tolist()):
            kind, name = divmod(int(self._subjects[number]), self._size)
            subject = Identity(self.pool.texts[kind], self.pool.texts[name])
            # Rows of ANY_PERSON and ANYBODY are there only where something was not seen.
            for row, other in enumerate([*also_acts_as(subject, groups_unseen=True), ANYBODY], 1):
                acts_as[row, at] = self._number(other)
        return acts_as[:, inverse]

    def _number(self, subject: Identity) -> int:
        kind, name = self.pool.find(subject.kind), self.pool.find(subject.name)
        known = kind >= 0 and 0 <= name < self._size
        return int(positions(self._subjects, np.array([kind * self._size + name]))[0]) if known else -1


@dataclass(frozen=True, slots=True)
class Deltas:
    """Places where a subject's rights are not the same, one a row, as keys of an Index."""

    keys: Longs
    before: Rights[Longs]
    after: Rights[Longs]

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
        was, now = (Rights(held.granted[rows], held.possible[rows]) for held in (self.before, self.after))
        return type(self)(self.keys[rows], was, now)


def access_deltas(index: Index, before: State, after: State) -> Deltas:
    """Return each place and subject of either state whose rights there differ; not those who stand for anybody."""
    sides = (_ComparedRows(index, before, index.access_before), _ComparedRows(index, after, index.access_after))
    keys = np.union1d(sides[0].keys, sides[1].keys)
    kind, _ = index.subjects(keys)
    keys = keys[~np.isin(kind, [index.pool.find(ANY), index.pool.find(ANY_USER)])]
    was, now = (side.rights(keys) for side in sides)
    restricted = [login_bindings(state.snapshot) is not None for state in (before, after)]
    if restricted == [True, False]:
        now = _unless_logged_in(index, keys, now, after)
    if restricted == [False, True]:
        was = _unless_logged_in(index, keys, was, before)
    differs = (was.granted != now.granted) | (was.possible != now.possible)
    return Deltas(keys, was, now).take(differs)


def _unless_logged_in(index: Index, keys: Longs, held: Rights[Longs], state: State) -> Rights[Longs]:
    """Return rights as they are known beside a state in which not everybody may log in.

    Where it was not recorded who may, everybody is taken to: nobody is certain to have had what the other state denies.
    """
    if everybody_may_log_in(state.snapshot):
        return held
    kind, name = index.subjects(keys)
    exempt = np.zeros(len(keys), dtype=bool)
    for subject in WITHOUT_TOKEN:
        exempt |= (kind == index.pool.find(subject.kind)) & (name == index.pool.find(subject.name))
    return Rights(np.where(exempt, held.granted, 0), held.possible)


class _ComparedRows:
    """The rows of `access` of one state, sorted by key."""

    def __init__(self, index: Index, state: State, keys: Longs) -> None:
        order = np.argsort(keys)
        held = rights_in(state.access)
        self.keys = keys[order]
        self._index = index
        self._snapshot = state.snapshot
        self._granted = np.append(held.granted[order], 0)
        self._possible = np.append(held.possible[order], 0)

    def rights(self, keys: Longs) -> Rights[Longs]:
        """Return the effective rights at each key; a row that is there already says all of them."""
        at = positions(self.keys, keys)
        granted, possible = self._granted[at], self._possible[at]
        missing = np.flatnonzero(at < 0)
        for wider in self._index.covering(keys[missing]):
            there = positions(self.keys, wider)
            granted[missing] |= self._granted[there]
            possible[missing] |= self._possible[there]
        possible[missing] |= self._not_seen(keys[missing])
        return Rights(granted, possible)

    def _not_seen(self, keys: Longs) -> Longs:
        """Return the rights that anybody may have because the namespace's bindings were not all seen."""
        namespaces, inverse = np.unique(self._index.namespaces(keys), return_inverse=True)
        names = [self._index.pool.texts[namespace] for namespace in namespaces.tolist()]
        blind = [name != "*" and bool(self._snapshot.gaps_in("rolebindings", name)) for name in names]
        # Where cluster-wide bindings were not seen, a row of ANYBODY says so.
        return unseen_rights(namespace=np.array(blind, dtype=bool), cluster=False).astype(np.int64)[inverse]


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
        _united(rights_in(table), rows, len(first))
        for table, rows in zip(tables, (inverse[:size], inverse[size:]), strict=True)
    )
    more = (now.granted & ~was.granted) | (now.possible & ~was.possible)
    less = (was.granted & ~now.granted) | (was.possible & ~now.possible)
    rows = np.flatnonzero(more | less)
    rows = rows[np.argsort(keys[first[rows]], kind="stable")]
    at = first[rows]
    return Differences(keys[at], group[at], kind[at], binding[at], more[rows], less[rows])


def _united(held: Rights[Longs], of: Longs, size: int) -> Rights[Longs]:
    """Return the rights of the rows of each number in `of` together: files may hold a binding twice."""
    granted, possible = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    np.bitwise_or.at(granted, of, held.granted)
    np.bitwise_or.at(possible, of, held.possible)
    return Rights(granted, possible)
