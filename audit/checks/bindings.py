"""The grants that name their subject directly, as columns.

What a person holds through a group is judged at the group's binding.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from audit.rbac.subjects import ACCOUNT, GROUP, USER
from audit.tables.arrays import Ints, Mask, Positions, distinct, ranked
from audit.tables.model import Table, Text
from audit.tables.schemas import YES

EVERY: Final = "*"
_SHOWN: Final = 5
SPELLED: Final = {USER: "user", GROUP: "group", ACCOUNT: "service account"}


# What sets one subject of one binding apart: the first columns of a DirectGrant.
_KEY: Final = (
    "namespace",
    "subject_kind",
    "subject",
    "binding_kind",
    "binding",
    "role_kind",
    "role",
    "aggregated_from",
)


class DirectGrant(NamedTuple):
    """One subject of one binding. `repositories` are joined by `, `; `*` is every one."""

    namespace: str
    kind: str
    subject: str
    binding_kind: str
    binding: str
    role_kind: str
    role: str
    aggregated_from: str
    repositories: str
    rows: int


class DirectGrants:
    """The rows of the table `grants` that name their subject directly; a mask has one value for each row."""

    def __init__(self, grants: Table) -> None:
        direct = grants.where("group", {""}) & ~grants.where("binding_kind", {"built-in"})
        rows = grants.take(direct)
        self._table = Table(rows.name, {n: c.compact() if isinstance(c, Text) else c for n, c in rows.columns.items()})
        self._kinds: dict[str, Mask] = {}
        self._ranked: dict[str, Ints] = {}
        self._complete = self.where("lacks", lambda lacks: not lacks)
        self._admitted = self.where("lacks", lambda lacks: "login" not in lacks)
        self.local = self.where("scope", lambda scope: scope == "namespace")

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._table)

    def where(self, column: str, predicate: Callable[[str], bool]) -> Mask:
        """Return for each row whether `predicate` accepts its text in `column`; each text is judged once."""
        return self._table.text(column).matching(predicate)

    def of(self, kind: str, predicate: Callable[[str], bool] = bool) -> Mask:
        """Return for each row whether its subject is of this kind and `predicate` accepts its name."""
        rows = self._kinds.get(kind)
        if rows is None:
            rows = self._kinds[kind] = self.where("subject_kind", lambda name: name == kind)
        if predicate is bool:
            return rows.copy()
        found = np.zeros(len(self), dtype=bool)
        names = self._table.text("subject")
        found[rows] = Text(names.codes[rows], names.values).matching(predicate)
        return found

    def can(self, *rights: str) -> Mask:
        """Return for each row whether its subject may certainly do any of these by it, alone or with other grants."""
        able = np.zeros(len(self), dtype=bool)
        for right in rights:
            granted = self._table.numbers(right) == YES
            able |= granted & (self._complete if right in {"push", "create"} else self._admitted)
        return able

    def pairs(self, rows: Mask, predicate: Callable[[str, str], bool]) -> Mask:
        """Return those of `rows` whose subject and namespace `predicate` accepts; each pair is judged once."""
        subject, namespace = self._table.text("subject"), self._table.text("namespace")
        size = max(len(namespace.values), 1)
        key = subject.codes[rows].astype(np.int64) * size + namespace.codes[rows]
        found, at = ranked(key, size * len(subject.values))
        subjects = map(subject.values.__getitem__, (found // size).tolist())
        namespaces = map(namespace.values.__getitem__, (found % size).tolist())
        meant = np.fromiter(map(predicate, subjects, namespaces), dtype=bool, count=len(found))
        result = np.zeros(len(self), dtype=bool)
        result[rows] = meant[at]
        return result

    def bound(self, rows: Mask) -> list[DirectGrant]:
        """Return each subject of each binding of these rows once, sorted by place and subject."""
        chosen = np.flatnonzero(rows)
        keys = [self._ranks(name)[chosen] for name in _KEY]
        order = np.lexsort(keys[::-1])
        new = np.zeros(len(order), dtype=bool)
        new[:1] = True
        for key in keys:
            new[1:] |= np.diff(key[order]) != 0
        first = np.flatnonzero(new)
        chosen = chosen[order]
        columns = [self._strings(name, chosen[first]) for name in _KEY]
        counts = np.diff(first, append=len(order))
        where = self._strings("repository", chosen[first])
        for at in np.flatnonzero(counts > 1).tolist():
            group = chosen[first[at] : first[at] + counts[at]]
            repositories = self._strings("repository", group)
            where[at] = EVERY if EVERY in repositories else ", ".join(sorted(repositories))
        return list(map(DirectGrant, *columns, where, counts.tolist()))

    def _strings(self, name: str, rows: Positions) -> list[str]:
        column = self._table.text(name)
        return Text(column.codes[rows], column.values).strings()

    def _ranks(self, name: str) -> Ints:
        """Return for each row the rank of its text in a column: texts compare as their ranks do."""
        ranks = self._ranked.get(name)
        if ranks is None:
            column = self._table.text(name)
            order = sorted(range(len(column.values)), key=column.values.__getitem__)
            rank = np.empty(len(order), dtype=np.int32)
            rank[order] = np.arange(len(order), dtype=np.int32)
            ranks = self._ranked[name] = rank[column.codes]
        return ranks

    def names(self, kind: str, rows: Mask) -> set[str]:
        """Return the names of the subjects of a kind in these rows."""
        subject = self._table.text("subject")
        return {subject.values[code] for code in distinct(subject.codes[rows & self.of(kind)], len(subject.values))}


def sentence(bound: DirectGrant, what: str) -> str:
    """Return who does `what`, where, and through which binding and role."""
    namespace, kind, subject, binding_kind, binding, role_kind, role, source, repositories, _ = bound
    if namespace == EVERY:
        place = "every namespace"
    else:
        place = namespace if repositories == EVERY else f"{namespace} ({repositories})"
    source = f", aggregated from {source}" if source else ""
    return f"{SPELLED[kind]} {subject} {what} in {place} through {binding_kind} {binding} ({role_kind} {role}{source})"


def listed(names: Sequence[str]) -> str:
    """Return names for a sentence: few enough to read."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
