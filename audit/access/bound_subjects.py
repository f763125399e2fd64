"""Who is bound to what: every binding joined with its role's capabilities and its subjects, each judged once.

This is the index behind the tables (`audit.access.effective`) and single answers (`audit.access.authorizer`). Groups
are not expanded here; `BoundSubjects.subjects` says who is listed in them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audit.access.subjects import Subjects, SubjectsBuilder
from audit.rbac.roles import HOW, Aggregations, ClusterRole, how_granted
from audit.rbac.rules import EVERYTHING, Capability, covering_text, judge_text
from audit.rbac.subjects import GROUP, MASTERS, Identity
from audit.snapshot.model import Ints, Snapshot
from audit.tables.arrays import different, positions, ranked

# Rows of the role table that stand for a role that is not there, could not be seen, or is built in.
MISSING: Final = -1
UNSEEN: Final = -2
BUILT_IN: Final = -3
# The row of the binding table that stands for the platform's own `system:masters`.
NO_BINDING: Final = -1


@dataclass(frozen=True, slots=True)
class JudgedRoles:
    """The roles that bindings refer to, each judged once: capabilities `first[u]` … `first[u] + count[u] - 1`."""

    role: Ints  # row in the role table, or MISSING, UNSEEN, BUILT_IN
    first: Ints
    count: Ints
    repository: Ints  # position in `repositories`; 0 is every one
    granted: Ints  # rights held for certain
    possible: Ints  # rights held or not known
    how: Ints  # position in HOW
    rules: tuple[str, ...]  # one a capability: what of the role gives it, in words
    sources: tuple[str, ...]  # one a use: the roles aggregated from
    repositories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BoundSubjects:
    """One entry for each binding and subject: `binding`, `who` (position in `people`) and `use` of a role."""

    snapshot: Snapshot
    subjects: Subjects
    binding: Ints
    who: Ints
    use: Ints
    roles: JudgedRoles

    @property
    def identities(self) -> list[Identity]:
        """Return who is meant by the positions in `who`."""
        return self.subjects.identities

    @property
    def namespace(self) -> Ints:
        """Return for each entry the text position of its namespace; 0 is cluster-wide."""
        # The built-in entry is the last binding row + 1 turned to -1: it is cluster-wide too.
        spaces = np.append(self.snapshot.tables["bindings"]["namespace"], np.int32(0))
        return spaces[self.binding]


def bound_subjects(snapshot: Snapshot, namespaces: Iterable[str] | None = None) -> BoundSubjects:
    """Return the subjects of all bindings; with `namespaces`, only of those in them and of cluster-wide ones."""
    rows = _binding_rows(snapshot, namespaces)
    used, use_of_row = ranked(role_rows(snapshot)[rows] - UNSEEN, len(snapshot.tables["roles"]["name"]) - UNSEEN)
    uses = _judge(snapshot, [*(used + UNSEEN).tolist(), BUILT_IN])
    # A role that is there and gives nothing in the registry is of no interest; one that is missing is shown.
    kept = uses.count[use_of_row] > 0
    use_of_binding = np.zeros(len(snapshot.tables["bindings"]["name"]), dtype=np.int32)
    use_of_binding[rows] = use_of_row
    binding, kinds, spaces, names = _subjects(snapshot, rows[kept])
    builder = SubjectsBuilder(snapshot)
    who = builder.identify(kinds, spaces, names)
    # A subject that a binding names twice is one way; a kind that matches nobody is none.
    pairs = different((binding.astype(np.int64) << 32 | who)[who >= 0])
    binding, who = (pairs >> 32).astype(np.int32), (pairs & 0xFFFFFFFF).astype(np.int32)
    who = np.append(who, np.int32(builder.add(Identity(GROUP, MASTERS))))
    people, rank = builder.finish()
    return BoundSubjects(
        snapshot=snapshot,
        subjects=people,
        binding=np.append(binding, np.int32(NO_BINDING)),
        who=rank[who],
        use=np.append(use_of_binding[binding], np.int32(len(used))),
        roles=uses,
    )


def _binding_rows(snapshot: Snapshot, namespaces: Iterable[str] | None) -> NDArray[np.intp]:
    spaces = snapshot.tables["bindings"]["namespace"]
    if namespaces is None:
        return np.arange(len(spaces))
    wanted = [snapshot.code(name) for name in {*namespaces, ""}]
    return np.flatnonzero(np.isin(spaces, wanted))


def role_rows(snapshot: Snapshot) -> Ints:
    """Return for each binding the row of its role, or MISSING or UNSEEN."""
    bindings, roles = snapshot.tables["bindings"], snapshot.tables["roles"]
    size = max(len(snapshot.strings), 1)
    keys = roles["namespace"].astype(np.int64) * size + roles["name"]
    local = bindings["role_kind"] == snapshot.code("Role")
    wide = bindings["role_kind"] == snapshot.code("ClusterRole")
    cluster = bindings["namespace"] == 0
    wanted = np.where(local, bindings["namespace"], 0).astype(np.int64) * size + bindings["role"]
    # A ClusterRoleBinding that refers to a Role finds none: there is no namespace to look in.
    at = np.where(wide | (local & ~cluster), positions(keys, wanted), MISSING)
    unseen = (wide & snapshot.missing("clusterroles")) | (
        local & ~cluster & snapshot.unseen("roles", bindings["namespace"])
    )
    return np.where(at >= 0, at, np.where(unseen, UNSEEN, MISSING)).astype(np.int32)


def _judge(snapshot: Snapshot, used: Sequence[int]) -> JudgedRoles:
    # As lists: one number at a time is slow to take from an array.
    roles = {name: column.tolist() for name, column in snapshot.tables["roles"].items()}
    text = snapshot.strings
    aggregations = Aggregations(
        ClusterRole(text[name], text[labels], text[rules], text[aggregation])
        for space, name, labels, rules, aggregation in zip(
            *(roles[c] for c in ("namespace", "name", "labels", "rules", "aggregation")), strict=True
        )
        if not space
    )
    # Most roles of namespaces are copies of a few: each is judged once.
    judged: dict[tuple[int, str, str | None], _Use] = {}
    capabilities: list[tuple[Capability, int, str]] = []
    rules: list[str] = []
    first, sources = [0], []
    for row in used:
        said = _all_rules(text, roles, row) if row >= 0 else ""
        name = text[roles["name"][row]] if row >= 0 and not roles["namespace"][row] else None
        key = min(row, 0), said, name
        use = judged.get(key) or judged.setdefault(key, _use(*key, aggregations))
        capabilities += use.capabilities
        rules += use.rules
        first.append(len(capabilities))
        sources.append(use.sources)
    repositories = sorted({"", *(c.repository for c, _, _ in capabilities)})
    at = {name: code for code, name in enumerate(repositories)}
    return JudgedRoles(
        role=_ints(used),
        first=_ints(first[:-1]),
        count=np.diff(_ints(first)),
        repository=_ints([at[c.repository] for c, _, _ in capabilities]),
        granted=_ints([c.rights for c, _, _ in capabilities]),
        possible=_ints([c.rights | possible for c, possible, _ in capabilities]),
        how=_ints([HOW.index(how) for _, _, how in capabilities]),
        rules=tuple(rules),
        sources=tuple(sources),
        repositories=tuple(repositories),
    )


class _Use(NamedTuple):
    """What a role gives: its capabilities, each with what is possible beside it and how it came."""

    capabilities: list[tuple[Capability, int, str]]
    rules: list[str]
    sources: str


def _use(row: int, rules: str, name: str | None, roles: Aggregations) -> _Use:
    """Judge the rules of a role (`row` below 0: one that is not there); `name` is None for a role of a namespace."""
    nothing = Capability("", 0, 0)
    if row == BUILT_IN:
        return _Use([(Capability("", EVERYTHING, 0), 0, "system")], [""], "")
    if row < 0:
        return _Use([(nothing, EVERYTHING if row == UNSEEN else 0, "")], [""], "")
    sources = () if name is None else roles.sources(name)
    found = judge_text(rules)
    return _Use(
        [(c, 0, how_granted(c, name=name, aggregated=bool(sources))) for c in found],
        [covering_text(rules, c.repository) for c in found],
        ", ".join(sources),
    )


def _all_rules(text: Sequence[str], roles: Mapping[str, Sequence[int]], row: int) -> str:
    """Return the rules of a role; where files hold it twice with other rules, all of them: never lose access."""
    spaces, names, rules = roles["namespace"], roles["name"], roles["rules"]
    found, place = {text[rules[row]]}, (spaces[row], names[row])
    while (row := row + 1) < len(names) and (spaces[row], names[row]) == place:
        found.add(text[rules[row]])
    found.discard("[]")
    return f"[{','.join(said[1:-1] for said in sorted(found))}]"


def _subjects(snapshot: Snapshot, rows: NDArray[np.intp]) -> tuple[Ints, Ints, Ints, Ints]:
    """Return binding, kind, namespace and name of each subject of the given bindings."""
    subjects, bindings = snapshot.tables["subjects"], snapshot.tables["bindings"]
    wanted = np.zeros(len(bindings["name"]), dtype=bool)
    wanted[rows] = True
    mine = wanted[subjects["binding"]]
    binding, space = subjects["binding"][mine], subjects["namespace"][mine]
    # In a RoleBinding an absent namespace means the binding's own.
    space = np.where(space == 0, bindings["namespace"][binding], space)
    return binding, subjects["kind"][mine], space.astype(np.int32), subjects["name"][mine]


def _ints(numbers: Iterable[int]) -> Ints:
    return np.array(list(numbers), dtype=np.int32)
