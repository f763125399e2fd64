"""The objects of one state as comparing needs them: bindings, roles and groups, by name."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
import numpy as np

from audit.access.judged_roles import role_rows
from audit.changes.numbers import Pool
from audit.changes.state import State
from audit.rbac.roles import selects
from audit.rbac.subjects import Identity, identity, user
from audit.snapshot.model import Ints
from audit.snapshot.objects import Aggregation
from audit.tables.arrays import Longs, Positions, positions

BINDING, ROLE, GROUP = "binding", "role", "group"
_KINDS: Final = {BINDING: ("clusterrolebindings", "rolebindings"), ROLE: ("clusterroles", "roles")}


class ObjectRef(NamedTuple):
    """An object that may differ: what it is, its namespace ("" = cluster-wide), and its name."""

    object: str
    namespace: str
    name: str


class RoleName(NamedTuple):
    """The role that a binding refers to."""

    kind: str
    name: str


_AGGREGATION: Final = msgspec.json.Decoder(Aggregation)


class Objects:
    """Bindings, roles and groups of one state. Rows are those of the snapshot's tables; -1 is none."""

    def __init__(self, state: State, pool: Pool) -> None:
        """Number the texts of the snapshot by `pool`."""
        self.state = state
        self.snapshot = state.snapshot
        self.text = state.snapshot.strings
        self.codes = pool.numbers(self.text)
        self.role_rows: Ints = role_rows(state.snapshot)
        subjects = self.snapshot.tables["subjects"]["binding"]
        rows = np.arange(len(self.snapshot.tables["bindings"]["name"]) + 1)
        self._subjects = np.searchsorted(subjects, rows)
        self._listed: dict[int, frozenset[Identity]] = {}
        self._aggregated: dict[int, dict[str, str]] = {}
        self._members: dict[str, frozenset[Identity] | None] = {}
        roles = self.snapshot.tables["roles"]
        self._roles = {*zip(roles["namespace"].tolist(), roles["name"].tolist(), strict=True)}
        self._namespaces = {self.text[code] for code in self.snapshot.tables["namespaces"]["name"].tolist()}

    def column(self, table: str, column: str) -> Longs:
        """Return a column of texts as numbers of the pool."""
        return self.codes[self.snapshot.tables[table][column]]

    def value(self, table: str, column: str, row: int) -> str:
        """Return one text of a table."""
        return self.text[int(self.snapshot.tables[table][column][row])]

    def ref(self, binding: int) -> RoleName:
        """Return the role that a binding refers to."""
        return RoleName(self.value("bindings", "role_kind", binding), self.value("bindings", "role", binding))

    def role_of(self, binding: int) -> ObjectRef:
        """Return the role that a binding refers to, whether or not it exists."""
        ref = self.ref(binding)
        return ObjectRef(
            ROLE, "" if ref.kind == "ClusterRole" else self.value("bindings", "namespace", binding), ref.name
        )

    def has_role(self, role: ObjectRef) -> bool:
        """Return whether a role exists here."""
        return (self.snapshot.code(role.namespace), self.snapshot.code(role.name)) in self._roles

    def listed(self, binding: int) -> frozenset[Identity]:
        """Return the subjects of a binding."""
        if binding not in self._listed:
            self._listed[binding] = frozenset(self._identities(binding))
        return self._listed[binding]

    def _identities(self, binding: int) -> Iterator[Identity]:
        table, own = self.snapshot.tables["subjects"], self.value("bindings", "namespace", binding)
        for row in range(int(self._subjects[binding]), int(self._subjects[binding + 1])):
            kind, namespace, name = (self.text[table[column][row]] for column in ("kind", "namespace", "name"))
            if (subject := identity(kind, namespace or own, name)) is not None:
                yield subject

    def members(self, group: str) -> frozenset[Identity] | None:
        """Return the people that a group lists; None when there is no such group object."""
        if group not in self._members:
            self._members[group] = self._listed_in(group)
        return self._members[group]

    def _listed_in(self, group: str) -> frozenset[Identity] | None:
        names, members = self.snapshot.tables["groups"]["name"], self.snapshot.tables["members"]
        code = self.snapshot.code(group)
        rows = [np.searchsorted(names, code, side) for side in ("left", "right")]
        if rows[0] == rows[1]:
            return None
        first, last = np.searchsorted(members["group"], rows)
        return frozenset(user(self.text[code]) for code in members["user"][first:last].tolist())

    def has_namespace(self, namespace: str) -> bool:
        """Return whether the zone's list has a namespace."""
        return namespace in self._namespaces

    def unseen(self, ref: ObjectRef) -> bool:
        """Return whether an object that is not here may only not have been seen."""
        if ref.object == GROUP:
            return bool(self.snapshot.gaps_of("groups"))
        everywhere, local = _KINDS[ref.object]
        if ref.namespace:
            return bool(self.snapshot.gaps_in(local, ref.namespace))
        return bool(self.snapshot.gaps_of(everywhere))

    def aggregated(self, role: int) -> dict[str, str]:
        """Return the cluster roles that the selectors of a role select: name -> rules as JSON."""
        if role not in self._aggregated:
            self._aggregated[role] = dict(self._selected(role))
        return self._aggregated[role]

    def _selected(self, role: int) -> Iterator[tuple[str, str]]:
        if not self.value("roles", "aggregation", role) or self.value("roles", "namespace", role):
            return
        selectors = _AGGREGATION.decode(self.value("roles", "aggregation", role)).selectors or ()
        roles = self.snapshot.tables["roles"]
        for row in np.flatnonzero(roles["namespace"] == 0).tolist():
            if row != role and any(selects(selector, self._labels(row)) for selector in selectors):
                yield self.value("roles", "name", row), self.value("roles", "rules", row)

    def _labels(self, role: int) -> dict[str, str]:
        labels = self.value("roles", "labels", role)
        return msgspec.json.decode(labels, type=dict[str, str]) if labels else {}


class PairedRows(NamedTuple):
    """Objects of one kind in both states, sorted by key, and the row in each, -1 for none; see `paired`."""

    keys: Longs
    before: Positions
    after: Positions


def paired(before: Objects, after: Objects, table: str, size: int) -> PairedRows:
    """Pair the rows of a table; of doubles, the first. A key is the number of the namespace * `size` + the name's."""
    keys, rows = [], []
    for side in (before, after):
        names = side.column(table, "name")
        spaced = "namespace" in side.snapshot.tables[table]
        namespaces = side.column(table, "namespace") if spaced else side.codes[np.zeros(len(names), dtype=np.int64)]
        own, first = np.unique(namespaces * size + names, return_index=True)
        keys.append(own)
        rows.append(np.append(first, -1))
    every = np.union1d(*keys)
    return PairedRows(every, *(first[positions(own, every)] for own, first in zip(keys, rows, strict=True)))
