"""The grants that name their subject directly, as columns.

What a person holds through a group is judged at the group's binding.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from audit.rbac.subjects import ACCOUNT, GROUP, USER
from audit.tables.arrays import Mask, distinct
from audit.tables.model import Table, Text
from audit.tables.schemas import YES

EVERY: Final = "*"
_SHOWN: Final = 5
_SPELLED: Final = {USER: "user", GROUP: "group", ACCOUNT: "service account"}


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

    @property
    def who(self) -> str:
        """Return the subject for a sentence."""
        return f"{_SPELLED[self.kind]} {self.subject}"

    @property
    def place(self) -> str:
        """Return the place for a sentence."""
        if self.namespace == EVERY:
            return "in every namespace"
        return f"in {self.namespace}" if self.repositories == EVERY else f"in {self.namespace} ({self.repositories})"

    @property
    def through(self) -> str:
        """Return binding and role for a sentence."""
        source = f", aggregated from {self.aggregated_from}" if self.aggregated_from else ""
        return f"through {self.binding_kind} {self.binding} ({self.role_kind} {self.role}{source})"


class DirectGrants:
    """The rows of the table `grants` that name their subject directly; a mask has one value for each row."""

    def __init__(self, grants: Table) -> None:
        direct = grants.where("group", {""}) & ~grants.where("binding_kind", {"built-in"})
        rows = grants.take(direct)
        self._table = Table(rows.name, {n: c.compact() if isinstance(c, Text) else c for n, c in rows.columns.items()})
        self._kinds: dict[str, Mask] = {}
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
        found, at = np.unique(key, return_inverse=True)
        meant = [predicate(subject.values[pair // size], namespace.values[pair % size]) for pair in found.tolist()]
        result = np.zeros(len(self), dtype=bool)
        result[rows] = np.array(meant, dtype=bool)[at]
        return result

    def bound(self, rows: Mask) -> Iterator[DirectGrant]:
        """Yield each subject of each binding of these rows once, sorted by place and subject."""
        chosen = self._table.take(rows)
        names = ("namespace", "subject_kind", "subject", "binding_kind", "binding", "role_kind", "role")
        columns = [chosen.text(name).strings() for name in (*names, "aggregated_from", "repository")]
        found: dict[tuple[str, ...], list[str]] = {}
        for *who, source, repository in zip(*columns, strict=True):
            found.setdefault((*who, source), []).append(repository)
        for key, repositories in sorted(found.items()):
            where = EVERY if EVERY in repositories else ", ".join(sorted(repositories))
            namespace, kind, subject, binding_kind, binding, role_kind, role, source = key
            yield DirectGrant(
                namespace, kind, subject, binding_kind, binding, role_kind, role, source, where, len(repositories)
            )

    def names(self, kind: str, rows: Mask) -> set[str]:
        """Return the names of the subjects of a kind in these rows."""
        subject = self._table.text("subject")
        return {subject.values[code] for code in distinct(subject.codes[rows & self.of(kind)], len(subject.values))}


def listed(names: Sequence[str]) -> str:
    """Return names for a sentence: few enough to read."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
