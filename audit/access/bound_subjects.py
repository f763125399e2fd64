"""Who is bound to what: every binding joined with its role and its subjects.

The grants (`audit.access.grants`), and with them the tables and single answers, are made from this. Groups are not
expanded here; `Subjects` says who is listed in them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from audit.access.judged_roles import BUILT_IN, UNSEEN, JudgedRoles, judge_roles, role_rows
from audit.access.login import login_bindings
from audit.access.subjects import Subjects
from audit.access.subjects_builder import SubjectsBuilder
from audit.rbac.rules import LOGIN
from audit.rbac.subjects import GROUP, MASTERS, Identity
from audit.snapshot.model import Ints, Snapshot
from audit.tables.arrays import Positions, different, packed, ranked, unpacked

# In place of a row of the binding table: the API server's own rule that `system:masters` may do everything.
NO_BINDING: Final = -1


@dataclass(frozen=True, slots=True)
class BoundSubjects:
    """One entry for each subject of each binding that gives something, or refers to a role that is not there."""

    snapshot: Snapshot
    subjects: Subjects
    roles: JudgedRoles
    binding: Ints  # row of the binding table, or NO_BINDING
    subject: Ints  # position in `subjects`
    role: Ints  # position in `roles`
    login: Ints | None  # of each of `subjects`: LOGIN rights by its own bindings; None where all callers may log in

    @property
    def namespace(self) -> Ints:
        """Return for each entry the text position of its namespace; 0 is cluster-wide."""
        # NO_BINDING is -1 and takes the number added at the end: it is cluster-wide too.
        namespaces = np.append(self.snapshot.tables["bindings"]["namespace"], np.int32(0))
        return namespaces[self.binding]


def bound_subjects(
    snapshot: Snapshot, namespaces: Iterable[str] | None = None, *, every_role: bool = False
) -> BoundSubjects:
    """Return the subjects of all bindings; with `namespaces`, only of those in them and of cluster-wide ones.

    With `every_role`, bindings to roles that give nothing in the registry are entries too.
    """
    rows = _binding_rows(snapshot, namespaces)
    role_of_row, roles = _roles(snapshot, rows)
    # A role that exists and gives nothing in the registry is of no interest; one that is missing is shown.
    kept = (roles.count[role_of_row] > 0) | every_role
    role_of_binding = np.zeros(len(snapshot.tables["bindings"]["name"]), dtype=np.int32)
    role_of_binding[rows] = role_of_row
    binding, *columns = _subjects(snapshot, rows[kept])
    builder = SubjectsBuilder(snapshot)
    number = builder.identify(*columns)
    # A subject that a binding names twice is one entry; a kind that matches nobody is none.
    matched = number >= 0
    binding, number = unpacked(different(packed(binding[matched], number[matched])))
    masters = builder.add(Identity(GROUP, MASTERS))
    number = np.append(number, np.int32(masters))
    logins = _logins(snapshot, builder)
    subjects, position = builder.finish()
    return BoundSubjects(
        snapshot=snapshot,
        subjects=subjects,
        roles=roles,
        binding=np.append(binding, np.int32(NO_BINDING)),
        subject=position[number],
        role=np.append(role_of_binding[binding], np.int32(len(roles.row) - 1)),
        login=None if logins is None else _login_of_each(logins, masters, position, subjects),
    )


def _logins(snapshot: Snapshot, builder: SubjectsBuilder) -> tuple[Ints, Ints] | None:
    """Return the numbers of the subjects of the bindings that decide who may log in, and what each gives."""
    bindings = login_bindings(snapshot)
    if bindings is None:
        return None
    rights = np.zeros(len(snapshot.tables["bindings"]["name"]), dtype=np.int32)
    rights[bindings.rows] = bindings.rights
    binding, *columns = _subjects(snapshot, bindings.rows)
    return builder.identify(*columns), rights[binding]


def _login_of_each(logins: tuple[Ints, Ints], masters: int, position: Ints, subjects: Subjects) -> Ints:
    """Return the LOGIN rights of each subject by its own bindings; `position` is that of each number."""
    number, rights = logins
    of_each = np.zeros(len(position), dtype=np.int32)
    np.bitwise_or.at(of_each, position[number[number >= 0]], rights[number >= 0])
    of_each[position[masters]] = LOGIN
    of_each[subjects.inert] = 0
    return of_each


def _binding_rows(snapshot: Snapshot, namespaces: Iterable[str] | None) -> Positions:
    codes = snapshot.tables["bindings"]["namespace"]
    if namespaces is None:
        return np.arange(len(codes))
    wanted = [snapshot.code(name) for name in {*namespaces, ""}]
    return np.flatnonzero(np.isin(codes, wanted))


def _roles(snapshot: Snapshot, rows: Positions) -> tuple[Ints, JudgedRoles]:
    """Return the position of the role of each binding in `rows`, and the roles, the last of them the built-in one."""
    # Roles without a row have numbers below 0: moved up by UNSEEN, all can be ranked.
    moved, position = ranked(role_rows(snapshot)[rows] - UNSEEN, len(snapshot.tables["roles"]["name"]) - UNSEEN)
    return position.astype(np.int32), judge_roles(snapshot, [*(moved + UNSEEN).tolist(), BUILT_IN])


def _subjects(snapshot: Snapshot, rows: Positions) -> tuple[Ints, Ints, Ints, Ints]:
    """Return binding, kind, namespace and name of each subject of the given bindings."""
    subjects, bindings = snapshot.tables["subjects"], snapshot.tables["bindings"]
    wanted = np.zeros(len(bindings["name"]), dtype=bool)
    wanted[rows] = True
    chosen = wanted[subjects["binding"]]
    binding, namespace = subjects["binding"][chosen], subjects["namespace"][chosen]
    # In a RoleBinding an absent namespace means the binding's own.
    namespace = np.where(namespace == 0, bindings["namespace"][binding], namespace)
    return binding, subjects["kind"][chosen], namespace.astype(np.int32), subjects["name"][chosen]
