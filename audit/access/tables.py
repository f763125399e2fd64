"""Snapshot -> the tables `grants` and `access`."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from audit.access.bound_subjects import NO_BINDING, BoundSubjects, bound_subjects
from audit.access.columns import (
    ACCOUNT_STATES,
    account_states,
    answers,
    binding_columns,
    binding_text,
    group_column,
    place_columns,
    problem_column,
    role_columns,
    rule_column,
    since_column,
    source_column,
)
from audit.access.effective import EffectiveAccess, Place
from audit.access.grants import DIRECT, Grants, place_keys, places_of
from audit.access.subjects import KINDS
from audit.rbac.roles import HOW
from audit.rbac.rules import CREATE, EVERYTHING, NEEDS, PULL, PUSH, RIGHTS
from audit.rbac.subjects import GROUP
from audit.snapshot.model import Ints, Snapshot
from audit.tables.arrays import Longs, Mask, Positions, different
from audit.tables.model import Table, Text

# How much a grant's rights are worth when one grant has to stand for several, by rights.
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
    effective = EffectiveAccess(bound_subjects(snapshot, namespaces))
    states = account_states(effective.bound)
    wanted = None if namespaces is None else {*namespaces}
    access = _AccessTable(effective, states, wanted).table()
    return {"grants": _grants_table(effective.bound, effective.all_grants, states), "access": access}


def expanded_access(snapshot: Snapshot, namespaces: Iterable[str] | None = None) -> Table:
    """Return `access` with a row in every namespace beside each cluster-wide one, which says what holds there."""
    effective = EffectiveAccess(bound_subjects(snapshot, namespaces))
    wanted = None if namespaces is None else {*namespaces}
    return _AccessTable(effective, account_states(effective.bound), wanted).table(expanded=True)


def _grants_table(bound: BoundSubjects, grants: Grants, states: Ints) -> Table:
    snapshot, binding = bound.snapshot, bound.binding[grants.entry]
    return Table(
        "grants",
        {
            **place_columns(snapshot.origin.zone, bound, grants.space, grants.repository, grants.subject),
            **answers(grants.rights, RIGHTS),
            "scope": Text((grants.space > 0).astype(np.int32), ("cluster", "namespace")),
            "how": Text(grants.how, HOW),
            "group": group_column(bound, grants.group),
            **binding_columns(bound, binding, grants.space),
            "binding_uid": binding_text(snapshot, "uid", binding),
            "since": since_column(snapshot, binding),
            **role_columns(snapshot, binding),
            "aggregated_from": source_column(bound, bound.role[grants.entry]),
            "account": Text(states[grants.subject], ACCOUNT_STATES),
            "problem": problem_column(bound, grants),
            "rule": rule_column(bound, grants),
        },
    )


class _AccessTable:
    """The rows of `access`: the places and subjects whose rights are not said by wider rows, and these rights."""

    def __init__(self, effective: EffectiveAccess, states: Ints, wanted: set[str] | None) -> None:
        self._effective = effective
        self._bound = effective.bound
        self._states = states  # see `account_states`
        self._wanted = wanted  # the namespaces that are reported on (None: all)

    def table(self, *, expanded: bool = False) -> Table:
        """Return the table `access`, sorted by place and subject; see `expanded_access`."""
        blind = self._blind_spots()
        anybody = self._key((blind, np.zeros_like(blind), np.zeros_like(blind)))
        more = np.append(self._meetings(), anybody)
        keys = different(np.append(self._effective.keys, more)) if len(more) else self._effective.keys
        if expanded:
            keys = different(np.append(keys, self._in_every_namespace(keys)))
        place = places_of(self._bound, keys)
        own = self._effective.at(keys)
        if expanded:
            # Where a subject has no grant, the cluster-wide one is what it has.
            space, repository, subject = place
            own = np.where(own < 0, self._effective.at(self._key((np.zeros_like(space), repository, subject))), own)
        return self._table(place, own)

    def _key(self, place: Place) -> Longs:
        return place_keys(self._bound, *place)

    def _in_every_namespace(self, keys: Longs) -> Longs:
        """Return the places in each namespace for those that are cluster-wide."""
        space, repository, subject = places_of(self._bound, keys)
        wide, spaces = space == 0, self._known()
        many = len(spaces)
        return self._key((np.repeat(spaces, wide.sum()), np.tile(repository[wide], many), np.tile(subject[wide], many)))

    def _meetings(self) -> Longs:
        """Return the places without a grant of their own where a subject can create by two halves from elsewhere.

        One half comes from a wider place or from a virtual group, the other from another one; neither row would say
        `create` then, and the table would not show it.
        """
        found: set[tuple[int, int, int]] = set()
        held = self._effective.own_rights()
        for rights in (held.granted, held.possible):
            pushing, creating = (np.flatnonzero(rights & (PUSH | CREATE) == half) for half in (PUSH, CREATE))
            if not len(pushing) or not len(creating):
                continue
            pushes: dict[int, list[tuple[int, int]]] = {}
            creates: dict[int, set[int]] = {}
            for space, repository, subject in self._places(pushing):
                pushes.setdefault(subject, []).append((space, repository))
            for space, _, subject in self._places(creating):
                creates.setdefault(subject, set()).add(space)
            found |= {
                (near, name, subject)
                for subject, pusher, creator in self._related({*pushes}, {*creates})
                for place, name in pushes[pusher]
                for near in _overlap(place, creates[creator])
            }
        spaces, repositories, subjects = np.array(sorted(found), dtype=np.int32).reshape(-1, 3).T
        return self._key((spaces, repositories, subjects))

    def _places(self, at: Positions) -> Iterator[tuple[int, int, int]]:
        """Yield namespace, repository and subject of each of the given places with grants."""
        columns = places_of(self._bound, self._effective.keys[at])
        return zip(*(column.tolist() for column in columns), strict=True)

    def _related(self, pushers: set[int], creators: set[int]) -> Iterator[tuple[int, int, int]]:
        """Yield each subject that has a half itself, and whose other half may be its own or of a virtual group."""
        for subject in sorted(pushers | creators):
            acts_as = {subject, *self._effective.also_acts_as[subject].tolist()}
            yield from ((subject, subject, creator) for creator in sorted(acts_as & creators) if subject in pushers)
            yield from ((subject, pusher, subject) for pusher in sorted(acts_as & pushers) if subject in creators)

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
        """Return the namespaces that are reported on: listed, or named by a binding or a gap."""
        snapshot = self._bound.snapshot
        known = np.union1d(snapshot.tables["namespaces"]["name"], snapshot.tables["bindings"]["namespace"])
        named = [snapshot.code(gap.namespace) for gap in snapshot.gaps_of("rolebindings")]
        known = np.union1d(known, [code for code in named if code > 0]).astype(np.int32)
        known = known[known > 0]
        if self._wanted is not None:
            known = known[[snapshot.strings[code] in self._wanted for code in known.tolist()]]
        return known

    def _strongest(self) -> Positions:
        """Return for each place with grants the row of its strongest one, -1 where nothing is granted."""
        effective = self._effective
        grants, some = effective.grants, effective.count > 0
        strength = _STRENGTH[grants.granted] * 2 + (grants.group == DIRECT)
        # The first of the strongest: what is left of a row's number counts down.
        size = len(strength)
        best = np.maximum.reduceat(strength * size + np.arange(size)[::-1], effective.first[some])
        strongest = np.full(len(some), -1, dtype=np.intp)
        strongest[some] = size - 1 - best % size
        return strongest

    def _table(self, place: Place, own: Positions) -> Table:
        """Return the rows of the given places; `own` says which of the effective keys each shows the grants of."""
        bound, grants, subjects = self._bound, self._effective.grants, self._bound.subjects
        strongest = np.append(self._strongest(), -1)[own]
        # Places without a grant of their own point at a row that is not theirs: their columns are empty.
        some = strongest >= 0
        row = np.where(some, strongest, 0)
        entry = grants.entry[row]
        binding = np.where(some, bound.binding[entry], NO_BINDING)
        binding_kind, name = binding_columns(bound, binding, grants.space[row]).values()
        members = np.where(subjects.kind == KINDS.index(GROUP), subjects.member_count, 0).astype(np.int32)
        return Table(
            "access",
            {
                **place_columns(bound.snapshot.origin.zone, bound, *place),
                **answers(self._effective.rights(place), NEEDS),
                "how": Text(np.where(some, grants.how[row], 0).astype(np.int32), HOW),
                "grants": np.append(self._effective.count, 0)[own].astype(np.int32),
                "group": group_column(bound, np.where(some, grants.group[row], DIRECT).astype(np.int32)),
                "binding_kind": _blank(binding_kind, some),
                "binding": name,
                **role_columns(bound.snapshot, binding),
                "aggregated_from": _blank(source_column(bound, bound.role[entry]), some),
                "members": members[place[2]],
                "account": Text(self._states[place[2]], ACCOUNT_STATES),
                "since": since_column(bound.snapshot, binding),
            },
        )


def _overlap(space: int, others: set[int]) -> set[int]:
    """Return the narrowest places that `space` and one of `others` have in common; 0 is every one."""
    if not space:
        return others
    return {space} if space in others or 0 in others else set()


def _blank(column: Text, some: Mask) -> Text:
    """Return the column with an empty text where not `some`."""
    return Text(np.where(some, column.codes, len(column.values)).astype(np.int32), (*column.values, ""))
