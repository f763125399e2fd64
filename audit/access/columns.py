"""Columns that the tables `grants` and `access` have in common: places, answers, bindings, and who exists."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from audit.access.bound_subjects import NO_BINDING, BoundSubjects
from audit.access.grants import Grants
from audit.access.judged_roles import MISSING, UNSEEN
from audit.access.subjects import KINDS, account_keys
from audit.rbac.subjects import ACCOUNT, ANY, ANY_USER, GROUP, USER, VIRTUAL, Identity
from audit.snapshot.model import Ints, Snapshot
from audit.tables.arrays import Longs, Mask, positions
from audit.tables.model import Numbers, Text, text_column

_KIND_TEXTS: Final = (ACCOUNT, ANY, ANY_USER, GROUP, USER)  # sorted, as all texts of a column


def place_columns(
    zone: str, bound: BoundSubjects, namespace: Ints, repository: Ints, subject: Ints
) -> dict[str, Text | Numbers]:
    """Return the columns that say where and who."""
    namespaces = [*bound.snapshot.strings]
    namespaces[0] = "*"
    kind = np.array([_KIND_TEXTS.index(kind) for kind in KINDS], dtype=np.int32)[bound.subjects.kind]
    return {
        "zone": Text(np.zeros(len(subject), dtype=np.int32), (zone,)),
        "namespace": Text(namespace, namespaces),
        "repository": Text(repository, ("*", *bound.roles.repositories[1:])),
        "subject_kind": Text(kind[subject], _KIND_TEXTS),
        "subject": Text(subject, bound.subjects.names),
    }


def group_column(bound: BoundSubjects, group: Ints) -> Text:
    """Return the names of groups; empty for DIRECT."""
    return Text(group + 1, ("", *bound.subjects.names))


def binding_columns(bound: BoundSubjects, binding: Ints, namespace: Ints) -> dict[str, Text]:
    """Return kind and name of bindings (rows of the binding table, or NO_BINDING)."""
    kind = np.where(binding == NO_BINDING, 0, np.where(namespace == 0, 1, 2)).astype(np.int32)
    return {
        "binding_kind": Text(kind, ("built-in", "ClusterRoleBinding", "RoleBinding")),
        "binding": binding_text(bound.snapshot, "name", binding),
    }


def role_columns(snapshot: Snapshot, binding: Ints) -> dict[str, Text]:
    """Return kind and name of the roles that bindings refer to."""
    return {name: binding_text(snapshot, name, binding) for name in ("role_kind", "role")}


def since_column(snapshot: Snapshot, binding: Ints) -> Text:
    """Return when bindings were created; empty for NO_BINDING."""
    return binding_text(snapshot, "created", binding)


def binding_text(snapshot: Snapshot, column: str, binding: Ints) -> Text:
    """Return a column of the binding table for each binding; empty for NO_BINDING."""
    # NO_BINDING is -1: it takes the text added at the end, which is empty.
    return Text(np.append(snapshot.tables["bindings"][column], np.int32(0))[binding], snapshot.strings)


def without_use(rows: int) -> dict[str, Text | Numbers]:
    """Return the columns of use when no logs were read."""
    empty = Text(np.zeros(rows, dtype=np.int32), ("",))
    never = np.full(rows, -1, dtype=np.int32)
    return {"used": empty, "last_used": empty, "unused_days": never, "push_used": empty}


def without_routes(rows: int) -> dict[str, Text | Numbers]:
    """Return the column of routes before these are looked for."""
    return {"indirect": Text(np.zeros(rows, dtype=np.int32), ("",))}


def source_column(bound: BoundSubjects, role: Ints) -> Text:
    """Return the roles from which the rights of each role were aggregated."""
    texts = text_column(bound.roles.sources)
    return Text(texts.codes[role], texts.values)


def problem_column(bound: BoundSubjects, grants: Grants) -> Text:
    """Return why a grant gives nothing, or why that is not known."""
    role, inert = bound.roles.row[bound.role[grants.entry]], bound.subjects.inert[grants.subject]
    problem = np.where(role == MISSING, 2, np.where(role == UNSEEN, 3, np.where(inert, 1, 0)))
    return Text(problem.astype(np.int32), ("", "account without namespace", "role missing", "role not seen"))


def rule_column(bound: BoundSubjects, grants: Grants) -> Text:
    """Return the rules that give each grant."""
    texts = text_column(bound.roles.rules)
    return Text(texts.codes[grants.capability], texts.values)


ACCOUNT_STATES: Final = ("", "absent", "present", "unknown")
_NO_OBJECT, _ABSENT, _PRESENT, _UNKNOWN = range(len(ACCOUNT_STATES))


def account_states(bound: BoundSubjects) -> Ints:
    """Return for each subject whether its account or group object exists, as a place in ACCOUNT_STATES."""
    subjects, snapshot = bound.subjects, bound.snapshot
    states = np.full(len(subjects), _NO_OBJECT, dtype=np.int32)
    groups, accounts = subjects.of_kind(GROUP), subjects.of_kind(ACCOUNT)
    missing = _UNKNOWN if snapshot.gaps_of("groups") else _ABSENT
    states[groups] = np.where(subjects.member_count[groups] >= 0, _PRESENT, missing)
    states[subjects.account_groups] = _NO_OBJECT
    for name in VIRTUAL:
        if (at := subjects.position(Identity(GROUP, name))) >= 0:
            states[at] = _NO_OBJECT
    states[accounts] = _listed_accounts(snapshot, subjects.names[accounts], subjects.account[accounts])
    states[subjects.inert] = _ABSENT
    return states


def _listed_accounts(snapshot: Snapshot, names: Sequence[str], keys: Longs) -> Ints:
    """Return whether service accounts were listed; `keys` are those of `account_keys`, below 0 for one without."""
    table, keys = snapshot.tables["serviceaccounts"], keys.copy()
    for at in np.flatnonzero(keys < 0).tolist():
        namespace, name = (np.array([snapshot.code(part)], dtype=np.int32) for part in names[at].partition(":")[::2])
        keys[at] = account_keys(namespace, name)[0] if namespace[0] >= 0 <= name[0] else -1
    present = positions(account_keys(table["namespace"], table["name"]), keys) >= 0
    unseen: Mask = np.zeros(len(names), dtype=bool)
    if snapshot.gaps_of("serviceaccounts"):
        namespaces = np.array([snapshot.code(name.partition(":")[0]) for name in names], dtype=np.int32)
        unseen = snapshot.unseen("serviceaccounts", namespaces)
    return np.where(present, _PRESENT, np.where(unseen, _UNKNOWN, _ABSENT)).astype(np.int32)
