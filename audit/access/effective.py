"""Snapshot -> its tables; and `access`: what each subject may do in each place, all its grants together."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from audit.access.bound_subjects import NO_BINDING, BoundSubjects, bound_subjects
from audit.access.grants import (
    DIRECT,
    FLAGS,
    STATES,
    Rows,
    answers,
    binding_columns,
    expand,
    grants_table,
    group_column,
    place_columns,
    place_keys,
    role_columns,
    since_column,
    sources,
    states_of,
)
from audit.access.subjects import KINDS, PERSON
from audit.rbac.roles import HOW
from audit.rbac.rules import CLUSTER_ONLY, CREATE, EVERYTHING, PULL, PUSH
from audit.rbac.subjects import GROUP, may_join
from audit.snapshot.model import Ints, Snapshot
from audit.tables.arrays import Positions, different, positions
from audit.tables.model import Table, Text

# What each answer of the table takes.
NEEDED_RIGHTS: Final = FLAGS | {"create": PUSH | CREATE}
# How much a grant's rights are worth when one has to stand for several, by rights.
_STRENGTH: Final = np.array(
    [
        8 * (rights & (PUSH | CREATE) == PUSH | CREATE)
        + 4 * bool(rights & PUSH)
        + 2 * bool(rights & PULL)
        + bool(rights)
        for rights in range(EVERYTHING + 1)
    ]
)


def tables_of(snapshot: Snapshot, namespaces: Iterable[str] | None = None) -> dict[str, Table]:
    """Return the tables `grants` and `access` of one zone; with `namespaces`, of those and what is cluster-wide."""
    bound = bound_subjects(snapshot, namespaces)
    rows = expand(bound)
    zone = snapshot.origin.zone
    states = states_of(bound)
    wanted = None if namespaces is None else {*namespaces}
    access = _Access(bound, rows, states, wanted).table(zone)
    return {"grants": grants_table(zone, bound, rows, states), "access": access}


def expanded_access(snapshot: Snapshot, namespaces: Iterable[str] | None = None) -> Table:
    """Return `access` with a row in every namespace beside each cluster-wide one, which says what holds there."""
    bound = bound_subjects(snapshot, namespaces)
    wanted = None if namespaces is None else {*namespaces}
    return _Access(bound, expand(bound), states_of(bound), wanted).table(snapshot.origin.zone, expanded=True)


class _Access:
    """Joins the grants of each subject in each place, with what it has there as one of everybody."""

    def __init__(self, bound: BoundSubjects, rows: Rows, states: Ints, wanted: set[str] | None) -> None:
        """Take all grants, sorted, and `states_of`; `wanted` names the namespaces that are reported on (None: all)."""
        self._bound = bound
        self._states = states
        self._wanted = wanted
        # A grant that gives nothing to anybody is a matter of the table `grants`.
        gives = rows.possible > 0
        self._rows = rows if gives.all() else rows.take(gives)
        self._sizes = len(bound.roles.repositories), len(bound.subjects)
        keys = self._key(self._rows.space, self._rows.repository, self._rows.who)
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        self._keys, self._count = keys[first], np.diff(first, append=len(keys))
        self._granted: Ints = _together(self._rows.granted, first)
        self._possible: Ints = _together(self._rows.possible, first)
        self._strongest = self._strongest_rows(first)
        self._groups_unseen = bool(bound.snapshot.gaps_of("groups"))
        if self._groups_unseen:
            self._add_any_person()
        self._circles = bound.subjects.circles(groups_unseen=self._groups_unseen)

    def table(self, zone: str, *, expanded: bool = False) -> Table:
        """Return the table `access`, sorted by place and subject; see `expanded_access`."""
        blind = self._blind_spots()
        anybody = self._key(blind, np.zeros_like(blind), np.zeros_like(blind))
        more = np.append(self._meetings(), anybody)
        places = different(np.append(self._keys, more)) if len(more) else self._keys
        if expanded:
            places = different(np.append(places, self._in_every_namespace(places)))
        space, repository, who = self._unkey(places)
        own = self._own(places)
        granted, possible = self._effective(own, space, repository, who)
        possible |= self._not_seen(space)
        if expanded:
            # Where a subject has no grant, the cluster-wide one is what it has.
            own = np.where(own < 0, self._own(self._key(np.zeros_like(space), repository, who)), own)
        strongest = np.append(self._strongest, -1)[own]
        counts = np.append(self._count, 0)[own].astype(np.int32)
        return self._table(zone, (space, repository, who), (granted, possible), strongest, counts)

    def _key(self, space: Ints, repository: Ints, who: Ints) -> NDArray[np.int64]:
        return place_keys(self._bound, space, repository, who)

    def _unkey(self, keys: NDArray[np.int64]) -> tuple[Ints, Ints, Ints]:
        repositories, identities = self._sizes
        place = keys // identities
        parts = place // repositories, place % repositories, keys % identities
        return parts[0].astype(np.int32), parts[1].astype(np.int32), parts[2].astype(np.int32)

    def _own(self, keys: NDArray[np.int64]) -> Positions:
        """Return the position of each key among the places with grants, or -1."""
        return np.arange(len(keys)) if keys is self._keys else positions(self._keys, keys)

    def _in_every_namespace(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the places in each namespace for those that are cluster-wide."""
        space, repository, who = self._unkey(places)
        wide, spaces = space == 0, self._known()
        many = len(spaces)
        return self._key(np.repeat(spaces, wide.sum()), np.tile(repository[wide], many), np.tile(who[wide], many))

    def _effective(self, own: Positions, space: Ints, repository: Ints, who: Ints) -> tuple[Ints, Ints]:
        """Return the rights held and possible of each subject in each place: its own, and everybody's there."""
        granted, possible = self._covering(own, space, repository, who)
        for groups in self._circles.T:
            mine = np.flatnonzero(groups[who] >= 0)
            where = space[mine], repository[mine], groups[who[mine]]
            near = np.flatnonzero(self._somewhere[where[2]])
            theirs = np.full(len(mine), -1)
            theirs[near] = self._own(self._key(*(part[near] for part in where)))
            more, maybe = self._covering(theirs, *where)
            granted[mine] |= more
            possible[mine] |= maybe
        return granted, possible

    def _covering(self, own: Positions, space: Ints, repository: Ints, who: Ints) -> tuple[Ints, Ints]:
        """Return what subjects' own grants give: those at `own`, in every repository, in every namespace."""
        granted, possible = (held[who] for held in self._everywhere)
        named = np.flatnonzero(repository)
        space, repository, who = space[named], repository[named], who[named]
        every = np.zeros_like(space)
        for rows, at in (
            (slice(None), own),
            (named, self._own(self._key(space, every, who))),
            (named, self._own(self._key(every, repository, who))),
        ):
            granted[rows] |= np.append(self._granted, np.int32(0))[at]
            possible[rows] |= np.append(self._possible, np.int32(0))[at]
        return granted, possible

    @cached_property
    def _everywhere(self) -> tuple[Ints, Ints]:
        """Return what is granted to each identity, and possible, in every repository of every namespace."""
        identities = len(self._bound.subjects)
        end = np.searchsorted(self._keys, identities)
        granted, possible = np.zeros((2, identities), dtype=np.int32)
        granted[self._keys[:end]], possible[self._keys[:end]] = self._granted[:end], self._possible[:end]
        return granted, possible

    @cached_property
    def _somewhere(self) -> NDArray[np.bool_]:
        """Say of each identity whether it has grants other than those."""
        identities = len(self._bound.subjects)
        found = np.zeros(identities, dtype=bool)
        found[self._keys[np.searchsorted(self._keys, identities) :] % identities] = True
        return found

    def _meetings(self) -> NDArray[np.int64]:
        """Return the places without a grant of their own where a subject can create by two halves from elsewhere.

        One half comes from a wider place or from a group of everybody, the other from another one; neither row would
        say `create` then, and nobody could tell from the table.
        """
        found: set[tuple[int, int, int]] = set()
        for held in (self._granted, self._possible):
            pushing, creating = (np.flatnonzero(held & (PUSH | CREATE) == half) for half in (PUSH, CREATE))
            if not len(pushing) or not len(creating):
                continue
            pushes: dict[int, list[tuple[int, int]]] = {}
            creates: dict[int, set[int]] = {}
            for space, repository, one in self._places(pushing):
                pushes.setdefault(one, []).append((space, repository))
            for space, _, one in self._places(creating):
                creates.setdefault(one, set()).add(space)
            found |= {
                (near, name, one)
                for one, pusher, creator in self._related({*pushes}, {*creates})
                for place, name in pushes[pusher]
                for near in _overlap(place, creates[creator])
            }
        spaces, repositories, subjects = np.array(sorted(found), dtype=np.int32).reshape(-1, 3).T
        return self._key(spaces, repositories, subjects)

    def _places(self, at: Positions) -> Iterator[tuple[int, int, int]]:
        """Yield namespace, repository and subject of each of the given places with grants."""
        return zip(*(part.tolist() for part in self._unkey(self._keys[at])), strict=True)

    def _related(self, pushers: set[int], creators: set[int]) -> Iterator[tuple[int, int, int]]:
        """Yield who has a half by itself, and whose halves come together in it: its own, or a group's of everybody."""
        for one in sorted(pushers | creators):
            circle = {one, *self._circles[one].tolist()}
            yield from ((one, one, creator) for creator in sorted(circle & creators) if one in pushers)
            yield from ((one, pusher, one) for pusher in sorted(circle & pushers) if one in creators)

    def _strongest_rows(self, first: Positions) -> Positions:
        """Return for each place with grants the row of its strongest one."""
        strength = _STRENGTH[self._rows.granted] * 2 + (self._rows.group == DIRECT)
        # The first of the strongest: what is left of a row's number counts down.
        size = len(strength)
        best: Positions = np.maximum.reduceat(strength * size + np.arange(size)[::-1], first)
        return size - 1 - best % size

    def _add_any_person(self) -> None:
        """Add what somebody may have who is in groups that were not seen: what any ordinary group has."""
        identities = self._bound.identities
        ordinary = np.array([may_join(one) for one in identities], dtype=bool)[self._keys % len(identities)]
        keys = self._keys[ordinary]
        persons, first = np.unique(keys - keys % len(identities) + PERSON, return_index=True)
        keys = np.append(self._keys, persons)
        order = np.argsort(keys)
        nothing = np.zeros(len(persons), dtype=np.int32)
        self._keys = keys[order]
        possible = _together(self._possible[ordinary], first)
        self._granted = np.concatenate([self._granted, nothing])[order]
        self._possible = np.concatenate([self._possible, possible])[order]
        self._count = np.concatenate([self._count, nothing])[order]
        self._strongest = np.concatenate([self._strongest, nothing - 1])[order]

    def _not_seen(self, space: Ints) -> Ints:
        """Return the rights that anybody may have in each place because its bindings were not all seen."""
        snapshot = self._bound.snapshot
        # A cluster-wide row is read as an answer for every namespace: it may be wrong for one that was not seen.
        blind = snapshot.unseen("rolebindings", space) | snapshot.missing("rolebindings")
        unseen = np.where(blind, EVERYTHING & ~CLUSTER_ONLY, 0).astype(np.int32)
        if snapshot.gaps_of("clusterrolebindings"):
            unseen[:] = EVERYTHING
        return unseen

    def _blind_spots(self) -> Ints:
        """Return the namespaces (0: every one) in which anybody may have access."""
        snapshot = self._bound.snapshot
        if snapshot.gaps_of("clusterrolebindings") or snapshot.missing("rolebindings"):
            return np.zeros(1, dtype=np.int32)
        if not snapshot.gaps_of("rolebindings"):
            return np.zeros(0, dtype=np.int32)
        known = self._known()
        return known[snapshot.unseen("rolebindings", known)]

    def _known(self) -> Ints:
        """Return the namespaces that are reported on, wherever it is that they are named."""
        snapshot = self._bound.snapshot
        known = np.union1d(snapshot.tables["namespaces"]["name"], snapshot.tables["bindings"]["namespace"])
        named = [snapshot.code(gap.namespace) for gap in snapshot.gaps_of("rolebindings")]
        known = np.union1d(known, [code for code in named if code > 0]).astype(np.int32)
        known = known[known > 0]
        if self._wanted is not None:
            known = known[[snapshot.strings[code] in self._wanted for code in known.tolist()]]
        return known

    def _table(
        self,
        zone: str,
        place: tuple[Ints, Ints, Ints],
        held: tuple[Ints, Ints],
        strongest: Positions,
        counts: Ints,
    ) -> Table:
        bound, rows = self._bound, self._rows
        # Places without a grant of their own point at a row that is not there: their columns are empty.
        some = strongest >= 0
        row = np.where(some, strongest, 0)
        way = rows.way[row]
        binding = np.where(some, bound.binding[way], NO_BINDING)
        binding_kind, name = binding_columns(bound, binding, rows.space[row]).values()
        members = np.where(bound.subjects.kind == KINDS.index(GROUP), bound.subjects.member_count, 0).astype(np.int32)
        return Table(
            "access",
            {
                **place_columns(zone, bound, *place),
                **answers(*held, NEEDED_RIGHTS),
                "how": Text(np.where(some, rows.how[row], 0).astype(np.int32), HOW),
                "grants": counts,
                "group": group_column(bound, np.where(some, rows.group[row], DIRECT).astype(np.int32)),
                "binding_kind": _blank(binding_kind, some),
                "binding": name,
                **role_columns(bound.snapshot, binding),
                "aggregated_from": _blank(sources(bound, bound.use[way]), some),
                "members": members[place[2]],
                "account": Text(self._states[place[2]], STATES),
                "since": since_column(bound.snapshot, binding),
            },
        )


def _together(rights: Ints, first: Positions) -> Ints:
    """Return the union of the rights of each run of rows, which begin at `first`."""
    return np.bitwise_or.reduceat(rights, first) if len(first) else rights


def _overlap(space: int, others: set[int]) -> set[int]:
    """Return the narrowest places that `space` and one of `others` have in common; 0 is every one."""
    if not space:
        return others
    return {space} if space in others or 0 in others else set()


def _blank(column: Text, some: NDArray[np.bool_]) -> Text:
    """Return the column with an empty text where not `some`."""
    return Text(np.where(some, column.codes, len(column.values)).astype(np.int32), (*column.values, ""))
