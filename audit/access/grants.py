"""Bound subjects -> the table `grants`, with groups expanded to people and kept.

All is array work: roles were judged once in `audit.access.bound_subjects`, groups are expanded by repeating rows, and
answers are bits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from audit.access.bound_subjects import MISSING, NO_BINDING, UNSEEN, BoundSubjects, JudgedRoles
from audit.access.subjects import KINDS, account_keys
from audit.rbac.roles import HOW
from audit.rbac.rules import CATALOG, CLUSTER_ONLY, CREATE, DELETE, EVERYTHING, PULL, PUSH, SIGN
from audit.rbac.subjects import ACCOUNT, ANY, ANY_USER, GROUP, USER, VIRTUAL
from audit.snapshot.model import Ints, Snapshot
from audit.tables.arrays import positions, ranges
from audit.tables.model import NO, UNKNOWN, YES, Numbers, Table, Text, text_column

DIRECT: Final = -1  # in place of the group through which a grant is held
FLAGS: Final = {"pull": PULL, "push": PUSH, "create": CREATE, "delete": DELETE, "catalog": CATALOG, "sign": SIGN}


@dataclass(frozen=True, slots=True)
class Rows:
    """Grants, one a row: where (`space`, `repository`), who, through which group, by which way, and what."""

    space: Ints  # position in the snapshot's texts; 0 is every namespace
    repository: Ints  # position in `JudgedRoles.repositories`; 0 is every one
    who: Ints  # position in `BoundSubjects.subjects`
    group: Ints  # the same, or DIRECT
    way: Ints  # row of BoundSubjects
    capability: Ints  # row of the capabilities in JudgedRoles
    granted: Ints
    possible: Ints
    how: Ints

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Self:
        """Return the given rows (positions or a mask)."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))


def expand(bound: BoundSubjects) -> Rows:
    """Expand groups to people and roles to capabilities, sorted by place and subject."""
    edges, who, group = _with_members(bound)
    uses = bound.roles
    use = bound.use[edges]
    count = uses.count[use]
    capability = ranges(uses.first[use], count)
    edges, who, group = (np.repeat(values, count) for values in (edges, who, group))
    space = bound.namespace[edges]
    inert = bound.subjects.inert[who]
    reach = np.where(space == 0, np.int32(EVERYTHING), np.int32(EVERYTHING & ~CLUSTER_ONLY))
    reach[inert] = 0
    rows = Rows(
        space=space,
        repository=uses.repository[capability],
        who=who,
        group=group,
        way=edges,
        capability=capability.astype(np.int32),
        granted=uses.granted[capability] & reach,
        possible=uses.possible[capability] & reach,
        how=np.where(inert, np.int32(0), uses.how[capability]),
    )
    # What a RoleBinding cannot give is no grant; what grants nothing because something is missing is shown.
    shown = np.flatnonzero((rows.possible > 0) | inert | (uses.role[bound.use[edges]] == MISSING))
    place = place_keys(bound, space, rows.repository, who)[shown]
    source = (bound.binding[edges].astype(np.int64) * (len(bound.subjects) + 1) + group)[shown]
    return rows.take(shown[np.lexsort([source, place])])


def place_keys(bound: BoundSubjects, space: Ints, repository: Ints, who: Ints) -> NDArray[np.int64]:
    """Return one number for each namespace, repository and subject, which sort as these do."""
    return (space.astype(np.int64) * len(bound.roles.repositories) + repository) * len(bound.subjects) + who


def _with_members(bound: BoundSubjects) -> tuple[Ints, Ints, Ints]:
    """Return way, subject and group of each way, and of each person in a group that it names."""
    people, every = bound.subjects, np.arange(len(bound.who), dtype=np.int32)
    count = np.maximum(people.member_count[bound.who], 0)
    through = np.repeat(every, count)
    members = people.members[ranges(people.member_first[bound.who], count)]
    direct = np.full(len(every), DIRECT, dtype=np.int32)
    return np.append(every, through), np.append(bound.who, members), np.append(direct, bound.who[through])


def grants_table(zone: str, bound: BoundSubjects, rows: Rows, states: Ints) -> Table:
    """Return the table `grants`, a row for each of `rows`; `states` are those of `states_of`."""
    snapshot, uses = bound.snapshot, bound.roles
    use, binding = bound.use[rows.way], bound.binding[rows.way]
    return Table(
        "grants",
        {
            **place_columns(zone, bound, rows.space, rows.repository, rows.who),
            **answers(rows.granted, rows.possible, FLAGS),
            "scope": Text((rows.space > 0).astype(np.int32), ("cluster", "namespace")),
            "how": Text(rows.how, HOW),
            "group": group_column(bound, rows.group),
            **binding_columns(bound, binding, rows.space),
            "binding_uid": _binding_text(snapshot, "uid", binding),
            "since": since_column(snapshot, binding),
            **role_columns(snapshot, binding),
            "aggregated_from": sources(bound, use),
            "account": Text(states[rows.who], STATES),
            "problem": _problems(uses.role[use], bound.subjects.inert[rows.who]),
            "rule": _rules(uses, rows),
        },
    )


def place_columns(
    zone: str, bound: BoundSubjects, space: Ints, repository: Ints, who: Ints
) -> dict[str, Text | Numbers]:
    """Return the columns that say where and who."""
    kinds = (ACCOUNT, ANY, ANY_USER, GROUP, USER)
    spaces = [*bound.snapshot.strings]
    spaces[0] = "*"
    kind = np.array([kinds.index(kind) for kind in KINDS], dtype=np.int32)[bound.subjects.kind]
    return {
        "zone": Text(np.zeros(len(who), dtype=np.int32), (zone,)),
        "namespace": Text(space, spaces),
        "repository": Text(repository, ("*", *bound.roles.repositories[1:])),
        "subject_kind": Text(kind[who], kinds),
        "subject": Text(who, bound.subjects.names),
    }


def answers(granted: Ints, possible: Ints, needed: Mapping[str, int]) -> dict[str, Numbers]:
    """Return for each name a column of NO, YES or UNKNOWN: whether all the bits that it needs are held."""
    rights = np.arange(EVERYTHING + 1)
    pair = granted * len(rights) + possible
    columns: dict[str, Numbers] = {}
    for name, bits in needed.items():
        # There are few different pairs: each has its answer looked up.
        has = rights & bits == bits
        columns[name] = np.where(has[:, None], YES, np.where(has, UNKNOWN, NO)).astype(np.int32).ravel()[pair]
    return columns


def group_column(bound: BoundSubjects, group: Ints) -> Text:
    """Return the names of groups; empty for DIRECT."""
    return Text(group + 1, ("", *bound.subjects.names))


def binding_columns(bound: BoundSubjects, binding: Ints, space: Ints) -> dict[str, Text]:
    """Return kind and name of bindings (rows of the binding table, or NO_BINDING)."""
    kind = np.where(binding == NO_BINDING, 0, np.where(space == 0, 1, 2)).astype(np.int32)
    return {
        "binding_kind": Text(kind, ("built-in", "ClusterRoleBinding", "RoleBinding")),
        "binding": _binding_text(bound.snapshot, "name", binding),
    }


def role_columns(snapshot: Snapshot, binding: Ints) -> dict[str, Text]:
    """Return kind and name of the roles that bindings refer to."""
    return {
        "role_kind": _binding_text(snapshot, "role_kind", binding),
        "role": _binding_text(snapshot, "role", binding),
    }


def since_column(snapshot: Snapshot, binding: Ints) -> Text:
    """Return when bindings were created; empty for NO_BINDING."""
    return _binding_text(snapshot, "created", binding)


def _binding_text(snapshot: Snapshot, column: str, binding: Ints) -> Text:
    # NO_BINDING is -1: the text added at the end, which is empty.
    return Text(np.append(snapshot.tables["bindings"][column], np.int32(0))[binding], snapshot.strings)


def sources(bound: BoundSubjects, use: Ints) -> Text:
    """Return the roles from which the rights of each use were aggregated."""
    texts = text_column(bound.roles.sources)
    return Text(texts.codes[use], texts.values)


def _problems(role: Ints, inert: NDArray[np.bool_]) -> Text:
    problem = np.where(role == MISSING, 2, np.where(role == UNSEEN, 3, np.where(inert, 1, 0)))
    return Text(problem.astype(np.int32), ("", "account without namespace", "role missing", "role not seen"))


def _rules(uses: JudgedRoles, rows: Rows) -> Text:
    texts = text_column(uses.rules)
    return Text(texts.codes[rows.capability], texts.values)


STATES: Final = ("", "absent", "present", "unknown")
_ABSENT, _PRESENT, _UNKNOWN = 1, 2, 3


def states_of(bound: BoundSubjects) -> Ints:
    """Return for each identity whether the account or group object behind it exists, as a place in STATES."""
    people, snapshot = bound.subjects, bound.snapshot
    states = np.zeros(len(people), dtype=np.int32)
    groups, mine = people.of_kind(GROUP), people.of_kind(ACCOUNT)
    missing = _UNKNOWN if snapshot.gaps_of("groups") else _ABSENT
    states[groups] = np.where(people.member_count[groups] >= 0, _PRESENT, missing)
    states[people.account_groups] = 0
    for name in VIRTUAL:
        if (at := people.position(GROUP, name)) >= 0:
            states[at] = 0
    states[mine] = _account_states(snapshot, people.names[mine], people.account[mine])
    states[people.inert] = _ABSENT
    return states


def _account_states(snapshot: Snapshot, names: Sequence[str], keys: NDArray[np.int64]) -> Ints:
    """Return whether service accounts were listed; `keys` are those of `account_keys`, -1 for one that has none yet."""
    table, keys = snapshot.tables["serviceaccounts"], keys.copy()
    for at in np.flatnonzero(keys < 0).tolist():
        space, name = (np.array([snapshot.code(part)], dtype=np.int32) for part in names[at].partition(":")[::2])
        keys[at] = account_keys(space, name)[0] if space[0] >= 0 <= name[0] else -1
    present = positions(account_keys(table["namespace"], table["name"]), keys) >= 0
    unseen = np.zeros(len(names), dtype=bool)
    if snapshot.gaps_of("serviceaccounts"):
        spaces = np.array([snapshot.code(name.partition(":")[0]) for name in names], dtype=np.int32)
        unseen = snapshot.unseen("serviceaccounts", spaces)
    return np.where(present, _PRESENT, np.where(unseen, _UNKNOWN, _ABSENT)).astype(np.int32)
