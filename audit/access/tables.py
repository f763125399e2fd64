"""Snapshot -> the tables `grants` and `access`."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from audit.access.bound_subjects import NO_BINDING, bound_subjects
from audit.access.columns import (
    ACCOUNT_STATES,
    account_states,
    binding_columns,
    binding_text,
    group_column,
    place_columns,
    problem_column,
    role_columns,
    rule_column,
    since_column,
    source_column,
    without_routes,
    without_use,
)
from audit.access.effective import EffectiveAccess, Place
from audit.access.grants import DIRECT, place_keys, places_of
from audit.access.lacking import lacks_column
from audit.access.meetings import meetings
from audit.access.rights import Rights, answers
from audit.access.subjects import KINDS
from audit.rbac.roles import HOW
from audit.rbac.rules import EVERYTHING, NEEDS, PULL, PUSH, RIGHTS
from audit.rbac.subjects import GROUP
from audit.snapshot.model import Ints, Snapshot
from audit.tables.arrays import Longs, Mask, Positions, different
from audit.tables.model import Table, Text

# How much a grant's rights are worth when one grant has to stand for several, by rights.
_STRENGTH: Final = np.array(
    [
        8 * (rights & NEEDS["create"] == NEEDS["create"])
        + 4 * (rights & NEEDS["push"] == NEEDS["push"])
        + 2 * bool(rights & (PULL | PUSH))
        + bool(rights)
        for rights in range(EVERYTHING + 1)
    ]
)


def tables_of(snapshot: Snapshot, namespaces: Iterable[str] | None = None) -> dict[str, Table]:
    """Return the tables `grants` and `access` of one zone; with `namespaces`, of those and what is cluster-wide."""
    access = _AccessRows(snapshot, namespaces)
    return {"grants": _grants_table(access), "access": access.table()}


def expanded_access(snapshot: Snapshot, namespaces: Iterable[str] | None = None) -> Table:
    """Return `access` with a row in every namespace beside each cluster-wide one, which says what holds there."""
    return _AccessRows(snapshot, namespaces, expanded=True).table()


def _grants_table(access: "_AccessRows") -> Table:
    bound, grants = access.bound, access.effective.all_grants
    snapshot, binding = bound.snapshot, bound.binding[grants.entry]
    return Table(
        "grants",
        {
            **place_columns(snapshot.origin.zone, bound, grants.namespace, grants.repository, grants.subject),
            **answers(grants.rights, RIGHTS),
            "scope": Text((grants.namespace > 0).astype(np.int32), ("cluster", "namespace")),
            "how": Text(grants.how, HOW),
            "group": group_column(bound, grants.group),
            **binding_columns(bound, binding, grants.namespace),
            "binding_uid": binding_text(snapshot, "uid", binding),
            "since": since_column(snapshot, binding),
            **role_columns(snapshot, binding),
            "aggregated_from": source_column(bound, bound.role[grants.entry]),
            "account": Text(access.states[grants.subject], ACCOUNT_STATES),
            "problem": problem_column(bound, grants),
            "rule": rule_column(bound, grants),
            "lacks": lacks_column(access.effective, access.keys, access.rights_by_rbac),
            **without_use(len(grants.subject)),
        },
    )


class _AccessRows:
    """The rows of `access`: the places and subjects whose rights are not said by wider rows, and these rights."""

    def __init__(self, snapshot: Snapshot, namespaces: Iterable[str] | None, *, expanded: bool = False) -> None:
        """Decide them for the `namespaces` that are reported on (None: all); see `expanded_access`."""
        self.bound = bound_subjects(snapshot, namespaces)
        self.effective = EffectiveAccess(self.bound)
        self.states = account_states(self.bound)
        self._wanted = None if namespaces is None else {*namespaces}
        blind = self._blind_spots()
        anybody = self._key((blind, np.zeros_like(blind), np.zeros_like(blind)))
        more = np.append(meetings(self.effective), anybody)
        # Sorted by place and subject.
        self.keys = different(np.append(self.effective.keys, more)) if len(more) else self.effective.keys
        if self.effective.logins is not None:
            self.keys = different(np.append(self.keys, self.effective.logins.places(self.keys)))
        if expanded:
            self.keys = different(np.append(self.keys, self._in_every_namespace(self.keys)))
        self.place = places_of(self.bound, self.keys)
        self.rights = self.effective.rights(self.place)
        self._own = self.effective.at(self.keys)  # where the grants of each row are
        if expanded:
            # Where a subject has no grant, the cluster-wide one is what it has.
            namespace, repository, subject = self.place
            wide = self.effective.at(self._key((np.zeros_like(namespace), repository, subject)))
            self._own = np.where(self._own < 0, wide, self._own)

    @property
    def rights_by_rbac(self) -> Rights[Ints]:
        """Return the rights of each row as the API server would answer about them, whoever may log in."""
        return self.rights if self.effective.logins is None else self.effective.rights_by_rbac(self.place)

    def _key(self, place: Place) -> Longs:
        return place_keys(self.bound, *place)

    def _in_every_namespace(self, keys: Longs) -> Longs:
        """Return the places in each namespace for those that are cluster-wide."""
        namespace, repository, subject = places_of(self.bound, keys)
        wide, namespaces = namespace == 0, self._known()
        many = len(namespaces)
        return self._key(
            (np.repeat(namespaces, wide.sum()), np.tile(repository[wide], many), np.tile(subject[wide], many))
        )

    def _blind_spots(self) -> Ints:
        """Return the namespaces (0: every one) in which anybody may have access."""
        snapshot = self.bound.snapshot
        if snapshot.gaps_of("clusterrolebindings") or snapshot.missing("rolebindings"):
            return np.zeros(1, dtype=np.int32)
        if not snapshot.gaps_of("rolebindings"):
            return np.zeros(0, dtype=np.int32)
        known = self._known()
        return known[snapshot.unseen("rolebindings", known)]

    def _known(self) -> Ints:
        """Return the namespaces that are reported on: listed, or named by a binding or a gap."""
        snapshot = self.bound.snapshot
        known = np.union1d(snapshot.tables["namespaces"]["name"], snapshot.tables["bindings"]["namespace"])
        named = [snapshot.code(gap.namespace) for gap in snapshot.gaps_of("rolebindings")]
        known = np.union1d(known, [code for code in named if code > 0]).astype(np.int32)
        known = known[known > 0]
        if self._wanted is not None:
            known = known[[snapshot.strings[code] in self._wanted for code in known.tolist()]]
        return known

    def _strongest(self) -> Positions:
        """Return for each place with grants the row of its strongest one, -1 where nothing is granted."""
        effective = self.effective
        grants, some = effective.grants, effective.count > 0
        strength = _STRENGTH[grants.granted] * 2 + (grants.group == DIRECT)
        # The first of the strongest: what is left of a row's number counts down.
        size = len(strength)
        best = np.maximum.reduceat(strength * size + np.arange(size)[::-1], effective.first[some])
        strongest = np.full(len(some), -1, dtype=np.intp)
        strongest[some] = size - 1 - best % size
        return strongest

    def table(self) -> Table:
        """Return the table `access`."""
        bound, grants, subjects = self.bound, self.effective.grants, self.bound.subjects
        strongest = np.append(self._strongest(), -1)[self._own]
        # Places without a grant of their own point at a row that is not theirs: their columns are empty.
        some = strongest >= 0
        row = np.where(some, strongest, 0)
        entry = grants.entry[row]
        binding = np.where(some, bound.binding[entry], NO_BINDING)
        binding_kind, name = binding_columns(bound, binding, grants.namespace[row]).values()
        members = np.where(subjects.kind == KINDS.index(GROUP), subjects.member_count, 0).astype(np.int32)
        return Table(
            "access",
            {
                **place_columns(bound.snapshot.origin.zone, bound, *self.place),
                **answers(self.rights, NEEDS),
                "how": Text(np.where(some, grants.how[row], 0).astype(np.int32), HOW),
                "grants": np.append(self.effective.count, 0)[self._own].astype(np.int32),
                "group": group_column(bound, np.where(some, grants.group[row], DIRECT).astype(np.int32)),
                "binding_kind": _blank(binding_kind, some),
                "binding": name,
                **role_columns(bound.snapshot, binding),
                "aggregated_from": _blank(source_column(bound, bound.role[entry]), some),
                "members": members[self.place[2]],
                "account": Text(self.states[self.place[2]], ACCOUNT_STATES),
                "since": since_column(bound.snapshot, binding),
                **without_use(len(binding)),
                **without_routes(len(binding)),
            },
        )


def _blank(column: Text, some: Mask) -> Text:
    """Return the column with an empty text where not `some`."""
    return Text(np.where(some, column.codes, len(column.values)).astype(np.int32), (*column.values, ""))
