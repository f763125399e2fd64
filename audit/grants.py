"""Ways -> the table `grants`: each way in, with groups expanded to people and kept.

All is array work: roles were judged once in `audit.ways`, groups are expanded by repeating rows, and answers are bits.
"""

from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from audit.rbac.roles import HOW
from audit.rbac.rules import CATALOG, CLUSTER_ONLY, CREATE, DELETE, EVERYTHING, PULL, PUSH, SIGN
from audit.rbac.subjects import ACCOUNT, ANY, ANY_USER, GROUP, USER
from audit.snapshot import Ints, Snapshot
from audit.tables import NO, UNKNOWN, YES, Numbers, Table, Text, text_column
from audit.ways import MISSING, NO_BINDING, UNSEEN, Ways

DIRECT: Final = -1  # in place of the group through which a grant is held
FLAGS: Final = {"pull": PULL, "push": PUSH, "create": CREATE, "delete": DELETE, "catalog": CATALOG, "sign": SIGN}


@dataclass(frozen=True, slots=True)
class Rows:
    """Grants, one a row: where (`space`, `repository`), who, through which group, by which way, and what."""

    space: Ints  # position in the snapshot's texts; 0 is every namespace
    repository: Ints  # position in `Uses.repositories`; 0 is every one
    who: Ints  # position in `Ways.identities`
    group: Ints  # the same, or DIRECT
    way: Ints  # row of Ways
    granted: Ints
    possible: Ints
    how: Ints

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Self:
        """Return the given rows (positions or a mask)."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))


def expand(ways: Ways) -> Rows:
    """Expand groups to people and roles to capabilities, sorted by place and subject."""
    edges, who, group = _with_members(ways)
    uses = ways.uses
    use = ways.use[edges]
    count = uses.count[use]
    capability = ranges(uses.first[use], count)
    edges, who, group = (np.repeat(values, count) for values in (edges, who, group))
    space = ways.namespace[edges]
    inert = np.array([one.inert for one in ways.identities], dtype=bool)[who]
    reach = np.where(inert, 0, np.where(space == 0, EVERYTHING, EVERYTHING & ~CLUSTER_ONLY))
    rows = Rows(
        space=space,
        repository=uses.repository[capability],
        who=who,
        group=group,
        way=edges,
        granted=(uses.granted[capability] & reach).astype(np.int32),
        possible=(uses.possible[capability] & reach).astype(np.int32),
        how=np.where(inert, 0, uses.how[capability]).astype(np.int32),
    )
    # What a RoleBinding cannot give is no grant; what grants nothing because something is missing is shown.
    shown = (rows.possible > 0) | inert | (uses.role[ways.use[rows.way]] == MISSING)
    rows = rows.take(shown)
    return rows.take(np.lexsort([rows.group, ways.binding[rows.way], rows.who, rows.repository, rows.space]))


def _with_members(ways: Ways) -> tuple[Ints, Ints, Ints]:
    """Return way, subject and group of each way, and of each person in a group that it names."""
    every = np.arange(len(ways.who), dtype=np.int32)
    count = np.maximum(ways.member_count[ways.who], 0)
    through = np.repeat(every, count)
    members = ways.members[ranges(ways.member_first[ways.who], count)]
    direct = np.full(len(every), DIRECT, dtype=np.int32)
    return np.append(every, through), np.append(ways.who, members), np.append(direct, ways.who[through])


def ranges(first: Ints | NDArray[np.intp], count: Ints | NDArray[np.intp]) -> NDArray[np.intp]:
    """Return first[0], first[0] + 1, … for count[0] numbers, then the same for each other entry."""
    counts = count.astype(np.intp)
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    starts: NDArray[np.intp] = np.repeat(first - (ends - counts), counts)
    return starts + np.arange(total)


def grants_table(zone: str, ways: Ways, rows: Rows) -> Table:
    """Return the table `grants`, a row for each of `rows`."""
    snapshot, uses = ways.snapshot, ways.uses
    use, binding = ways.use[rows.way], ways.binding[rows.way]
    return Table(
        "grants",
        {
            **place_columns(zone, ways, rows.space, rows.repository, rows.who),
            **{name: answers(rows.granted, rows.possible, bits) for name, bits in FLAGS.items()},
            "scope": Text((rows.space > 0).astype(np.int32), ("cluster", "namespace")),
            "how": Text(rows.how, HOW),
            "group": group_column(ways, rows.group),
            **binding_columns(ways, binding, rows.space),
            "binding_uid": _binding_text(snapshot, "uid", binding),
            "since": _binding_text(snapshot, "created", binding),
            **role_columns(snapshot, binding),
            "aggregated_from": sources(ways, use),
            "account": accounts(ways, rows.who),
            "problem": _problems(
                uses.role[use], np.array([one.inert for one in ways.identities], dtype=bool)[rows.who]
            ),
        },
    )


def place_columns(zone: str, ways: Ways, space: Ints, repository: Ints, who: Ints) -> dict[str, Text | Numbers]:
    """Return the columns that say where and who."""
    kinds = (ACCOUNT, ANY, ANY_USER, GROUP, USER)
    kind = np.array([kinds.index(one.kind) for one in ways.identities], dtype=np.int32)
    return {
        "zone": Text(np.zeros(len(who), dtype=np.int32), (zone,)),
        "namespace": Text(space, ("*", *ways.snapshot.strings[1:])),
        "repository": Text(repository, ("*", *ways.uses.repositories[1:])),
        "subject_kind": Text(kind[who], kinds),
        "subject": Text(who, [one.name for one in ways.identities]),
    }


def answers(granted: Ints, possible: Ints, needed: int) -> Numbers:
    """Return NO, YES or UNKNOWN a row: whether all bits of `needed` are held."""
    yes, maybe = (granted & needed) == needed, (possible & needed) == needed
    return np.where(yes, YES, np.where(maybe, UNKNOWN, NO)).astype(np.int32)


def group_column(ways: Ways, group: Ints) -> Text:
    """Return the names of groups; empty for DIRECT."""
    return Text(group + 1, ("", *(one.name for one in ways.identities)))


def binding_columns(ways: Ways, binding: Ints, space: Ints) -> dict[str, Text]:
    """Return kind and name of bindings (rows of the binding table, or NO_BINDING)."""
    kind = np.where(binding == NO_BINDING, 0, np.where(space == 0, 1, 2)).astype(np.int32)
    return {
        "binding_kind": Text(kind, ("built-in", "ClusterRoleBinding", "RoleBinding")),
        "binding": _binding_text(ways.snapshot, "name", binding),
    }


def role_columns(snapshot: Snapshot, binding: Ints) -> dict[str, Text]:
    """Return kind and name of the roles that bindings refer to."""
    return {
        "role_kind": _binding_text(snapshot, "role_kind", binding),
        "role": _binding_text(snapshot, "role", binding),
    }


def _binding_text(snapshot: Snapshot, column: str, binding: Ints) -> Text:
    # NO_BINDING is -1: the text added at the end, which is empty.
    return Text(np.append(snapshot.tables["bindings"][column], np.int32(0))[binding], snapshot.strings)


def sources(ways: Ways, use: Ints) -> Text:
    """Return the roles from which the rights of each use were aggregated."""
    texts = text_column(ways.uses.sources)
    return Text(texts.codes[use], texts.values)


def _problems(role: Ints, inert: NDArray[np.bool_]) -> Text:
    problem = np.where(role == MISSING, 2, np.where(role == UNSEEN, 3, np.where(inert, 1, 0)))
    return Text(problem.astype(np.int32), ("", "account without namespace", "role missing", "role not seen"))


def accounts(ways: Ways, who: Ints) -> Text:
    """Return whether the account or group object behind each subject exists."""
    snapshot, values = ways.snapshot, ("", "absent", "present", "unknown")
    accounts = snapshot.tables["serviceaccounts"]
    there = set(zip(accounts["namespace"].tolist(), accounts["name"].tolist(), strict=True))
    groups_unseen, accounts_unseen = snapshot.gaps_of("groups"), snapshot.gaps_of("serviceaccounts")
    states = np.zeros(len(ways.identities), dtype=np.int32)
    for at, one in enumerate(ways.identities):
        if one.kind == ACCOUNT:
            namespace, _, name = one.name.partition(":")
            present = (snapshot.code(namespace), snapshot.code(name)) in there
            unseen = accounts_unseen and snapshot.unseen("serviceaccounts", np.array([snapshot.code(namespace)])).all()
        elif one.kind == GROUP and not one.virtual:
            present, unseen = ways.member_count[at] >= 0, groups_unseen
        else:
            continue
        states[at] = values.index("present" if present else "unknown" if unseen and not one.inert else "absent")
    return Text(states[who], values)
