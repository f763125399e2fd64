"""Who is bound to what: every binding joined with its role's capabilities and its subjects, each judged once.

This is the index behind the tables (`audit.access`) and single answers (`audit.answers`). Groups are not expanded
here; `Ways.members` says who is listed in them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from audit.rbac.roles import HOW, Aggregations, ClusterRole, how_granted
from audit.rbac.rules import EVERYTHING, Capability, judge_text
from audit.rbac.subjects import ANONYMOUS, GROUP, MASTERS, USER, Identity, identity, user
from audit.snapshot import Ints, Snapshot

# Rows of the role table that stand for a role that is not there, could not be seen, or is built in.
MISSING: Final = -1
UNSEEN: Final = -2
BUILT_IN: Final = -3
# The row of the binding table that stands for the platform's own `system:masters`.
NO_BINDING: Final = -1


@dataclass(frozen=True, slots=True)
class Uses:
    """The roles that bindings refer to, each judged once: capabilities `first[u]` … `first[u] + count[u] - 1`."""

    role: Ints  # row in the role table, or MISSING, UNSEEN, BUILT_IN
    first: Ints
    count: Ints
    repository: Ints  # position in `repositories`; 0 is every one
    granted: Ints  # rights held for certain
    possible: Ints  # rights held or not known
    how: Ints  # position in HOW
    sources: tuple[str, ...]  # one a use: the roles aggregated from
    repositories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ways:
    """One entry for each binding and subject: `binding`, `who` (position in `identities`) and `use` of a role."""

    snapshot: Snapshot
    identities: list[Identity]  # sorted
    binding: Ints
    who: Ints
    use: Ints
    uses: Uses
    member_first: Ints  # for each identity, where its members start in `members`
    member_count: Ints  # -1 when there is no group object
    members: Ints  # positions in `identities`

    @property
    def namespace(self) -> Ints:
        """Return for each entry the text position of its namespace; 0 is cluster-wide."""
        # The built-in entry is the last binding row + 1 turned to -1: it is cluster-wide too.
        spaces = np.append(self.snapshot.tables["bindings"]["namespace"], np.int32(0))
        return spaces[self.binding]


def ways_in(snapshot: Snapshot, namespaces: Iterable[str] | None = None) -> Ways:
    """Return the ways of `snapshot`; with `namespaces`, only those and what is cluster-wide."""
    rows = _binding_rows(snapshot, namespaces)
    role = _roles(snapshot)[rows]
    used, use_of = np.unique(role, return_inverse=True)
    uses = _judge(snapshot, np.append(used, BUILT_IN))
    # A role that is there and gives nothing in the registry is of no interest; one that is missing is shown.
    keep = (uses.count[use_of] > 0) if len(rows) else np.zeros(0, dtype=bool)
    binding, kinds, spaces, names = _subjects(snapshot, rows[keep])
    entries = _Entries(snapshot)
    who = entries.identify(kinds, spaces, names)
    known = who >= 0
    use_by_binding = np.full(len(snapshot.tables["bindings"]["name"]), -1, dtype=np.int32)
    use_by_binding[rows] = use_of
    pairs = np.unique(np.stack([binding[known], who[known]], axis=1), axis=0) if known.any() else np.empty((0, 2), int)
    binding = np.append(pairs[:, 0], NO_BINDING).astype(np.int32)
    who = np.append(pairs[:, 1], entries.add(Identity(GROUP, MASTERS))).astype(np.int32)
    use = np.append(use_by_binding[pairs[:, 0].astype(np.int32)], len(used)).astype(np.int32)
    return entries.finish(binding, who, use, uses)


def _binding_rows(snapshot: Snapshot, namespaces: Iterable[str] | None) -> NDArray[np.intp]:
    spaces = snapshot.tables["bindings"]["namespace"]
    if namespaces is None:
        return np.arange(len(spaces))
    wanted = [snapshot.code(name) for name in {*namespaces, ""}]
    return np.flatnonzero(np.isin(spaces, wanted))


def _roles(snapshot: Snapshot) -> Ints:
    """Return for each binding the row of its role, or MISSING or UNSEEN."""
    bindings, roles = snapshot.tables["bindings"], snapshot.tables["roles"]
    size = max(len(snapshot.strings), 1)
    keys = roles["namespace"].astype(np.int64) * size + roles["name"]
    local = bindings["role_kind"] == snapshot.code("Role")
    wide = bindings["role_kind"] == snapshot.code("ClusterRole")
    cluster = bindings["namespace"] == 0
    wanted = np.where(local, bindings["namespace"], 0).astype(np.int64) * size + bindings["role"]
    at = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    # A ClusterRoleBinding that refers to a Role finds none: there is no namespace to look in.
    usable = wide | (local & ~cluster)
    found = usable & (keys[at] == wanted) if len(keys) else np.zeros(len(wanted), dtype=bool)
    unseen = (wide & snapshot.missing("clusterroles")) | (local & ~cluster & unseen_in(snapshot, "roles", bindings))
    return np.where(found, at, np.where(unseen, UNSEEN, MISSING)).astype(np.int32)


def unseen_in(snapshot: Snapshot, kind: str, rows: dict[str, Ints] | object) -> NDArray[np.bool_]:
    """Return for each row (with a `namespace`) whether objects of `kind` in its namespace could not be seen."""
    spaces: Ints = rows["namespace"]  # type: ignore[index]
    gaps = {gap.namespace for gap in snapshot.gaps if gap.kind == kind}
    if "" in gaps:
        return np.ones(len(spaces), dtype=bool)
    unseen = np.isin(spaces, [snapshot.code(name) for name in gaps])
    if "*" in gaps:
        unseen |= ~np.isin(spaces, snapshot.tables["namespaces"]["name"])
    return unseen


def _judge(snapshot: Snapshot, used: NDArray[np.int32]) -> Uses:
    roles = snapshot.tables["roles"]
    text = snapshot.strings
    aggregations = Aggregations(
        ClusterRole(text[name], text[labels], text[rules], text[aggregation])
        for space, name, labels, rules, aggregation in zip(
            *(roles[c].tolist() for c in ("namespace", "name", "labels", "rules", "aggregation")), strict=True
        )
        if not space
    )
    capabilities: list[tuple[Capability, int, str]] = []
    first, sources = [0], []
    for row in used.tolist():
        found, source = _use(snapshot, row, aggregations)
        capabilities += found
        first.append(len(capabilities))
        sources.append(source)
    repositories = sorted({"", *(c.repository for c, _, _ in capabilities)})
    at = {name: code for code, name in enumerate(repositories)}
    return Uses(
        role=used.astype(np.int32),
        first=_ints(first[:-1]),
        count=np.diff(_ints(first)),
        repository=_ints([at[c.repository] for c, _, _ in capabilities]),
        granted=_ints([c.rights for c, _, _ in capabilities]),
        possible=_ints([c.rights | possible for c, possible, _ in capabilities]),
        how=_ints([HOW.index(how) for _, _, how in capabilities]),
        sources=tuple(sources),
        repositories=tuple(repositories),
    )


def _use(snapshot: Snapshot, row: int, roles: Aggregations) -> tuple[list[tuple[Capability, int, str]], str]:
    """Return the capabilities of a role row, each with what is possible beside it and how it came, and the sources."""
    nothing = Capability("", 0, 0)
    if row == BUILT_IN:
        return [(Capability("", EVERYTHING, 0), 0, "system")], ""
    if row < 0:
        return [(nothing, EVERYTHING if row == UNSEEN else 0, "")], ""
    table, text = snapshot.tables["roles"], snapshot.strings
    name, cluster_role = text[table["name"][row]], not table["namespace"][row]
    sources = roles.sources(name) if cluster_role else ()
    found = judge_text(_all_rules(snapshot, row))
    hows = [how_granted(c, cluster_role=cluster_role, name=name, aggregated=bool(sources)) for c in found]
    return [(c, 0, how) for c, how in zip(found, hows, strict=True)], ", ".join(sources)


def _all_rules(snapshot: Snapshot, row: int) -> str:
    """Return the rules of a role; where files hold it twice with other rules, all of them: never lose access."""
    table, text = snapshot.tables["roles"], snapshot.strings
    rules = text[table["rules"][row]]
    same = (table["namespace"] == table["namespace"][row]) & (table["name"] == table["name"][row])
    others = {text[code] for code in table["rules"][same].tolist()} - {rules, "[]"}
    for other in sorted(others):
        rules = other if rules == "[]" else f"{rules[:-1]},{other[1:]}"
    return rules


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


class _Entries:
    """Numbers identities in the order of their first use, and sorts them at the end."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._at: dict[Identity, int] = {}

    def add(self, who: Identity) -> int:
        return self._at.setdefault(who, len(self._at))

    def identify(self, kinds: Ints, spaces: Ints, names: Ints) -> Ints:
        """Return the number of each subject, -1 for a kind that matches nobody."""
        if not len(kinds):
            return np.empty(0, dtype=np.int32)
        text, size = self._snapshot.strings, len(self._snapshot.strings)
        # A namespace matters to service accounts only.
        spaces = np.where(kinds == self._snapshot.code("ServiceAccount"), spaces, 0)
        keys = (kinds.astype(np.int64) * size + spaces) * size + names
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        numbers = []
        for kind, space, name in zip(kinds[first].tolist(), spaces[first].tolist(), names[first].tolist(), strict=True):
            who = identity(text[kind], text[space], text[name])
            numbers.append(-1 if who is None else self.add(who))
        return _ints(numbers)[inverse]

    def finish(self, binding: Ints, who: Ints, use: Ints, uses: Uses) -> Ways:
        groups, members = self._snapshot.tables["groups"], self._snapshot.tables["members"]
        bound = [(number, one.name) for one, number in self._at.items() if one.kind == GROUP]
        names = _ints([self._snapshot.code(name) for _, name in bound])
        low, high = np.searchsorted(groups["name"], names), np.searchsorted(groups["name"], names, side="right")
        start = np.searchsorted(members["group"], low)
        end = np.searchsorted(members["group"], high)
        people: list[int] = []
        spans: dict[int, tuple[int, int]] = {}
        for (number, _), exists, a, b in zip(bound, (high > low).tolist(), start.tolist(), end.tolist(), strict=True):
            listed = self._people(members["user"][a:b]) if exists else []
            spans[number] = (len(people), len(listed) if exists else -1)
            people += listed
        identities = sorted(self._at)
        rank = np.empty(len(identities), dtype=np.int32)
        rank[[self._at[one] for one in identities]] = np.arange(len(identities), dtype=np.int32)
        spanned = [spans.get(self._at[one], (0, -1)) for one in identities]
        return Ways(
            snapshot=self._snapshot,
            identities=identities,
            binding=binding,
            who=rank[who],
            use=use,
            uses=uses,
            member_first=_ints([first for first, _ in spanned]),
            member_count=_ints([count for _, count in spanned]),
            members=rank[_ints(people)],
        )

    def _people(self, users: Ints) -> list[int]:
        """Return the people among a group's users: only they get groups from group objects."""
        text = self._snapshot.strings
        who = (user(text[code]) for code in np.unique(users).tolist())
        return [self.add(one) for one in who if one.kind == USER and one.name != ANONYMOUS]


def _ints(numbers: Iterable[int]) -> Ints:
    return np.array(list(numbers), dtype=np.int32)
