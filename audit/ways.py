"""Who is bound to what: every binding joined with its role's capabilities and its subjects, each judged once.

This is the index behind the tables (`audit.access`) and single answers (`audit.answers`). Groups are not expanded
here; `Ways.members` says who is listed in them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from audit.rbac.roles import HOW, Aggregations, ClusterRole, how_granted
from audit.rbac.rules import EVERYTHING, Capability, judge_text
from audit.rbac.subjects import ACCOUNT, ANONYMOUS, ANY, ANY_USER, GROUP, MASTERS, USER, Identity, identity, user
from audit.snapshot import Ints, Snapshot

# Rows of the role table that stand for a role that is not there, could not be seen, or is built in.
MISSING: Final = -1
UNSEEN: Final = -2
BUILT_IN: Final = -3
# The row of the binding table that stands for the platform's own `system:masters`.
NO_BINDING: Final = -1
# Stand for those who may have access that could not be seen; nobody is bound to them.
ANYBODY: Final = Identity(ANY, "*")
ANY_PERSON: Final = Identity(ANY_USER, "*")


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
    identities: list[Identity]  # sorted; the first two are ANYBODY and ANY_PERSON
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
    """Return the ways of `snapshot`; with `namespaces`, only those in them and what is cluster-wide."""
    rows = _binding_rows(snapshot, namespaces)
    used, use_of_row = np.unique(role_rows(snapshot)[rows], return_inverse=True)
    uses = _judge(snapshot, [*used.tolist(), BUILT_IN])
    # A role that is there and gives nothing in the registry is of no interest; one that is missing is shown.
    kept = uses.count[use_of_row] > 0
    use_of_binding = np.zeros(len(snapshot.tables["bindings"]["name"]), dtype=np.int32)
    use_of_binding[rows] = use_of_row
    binding, kinds, spaces, names = _subjects(snapshot, rows[kept])
    people = _People(snapshot)
    who = people.identify(kinds, spaces, names)
    # A subject that a binding names twice is one way; a kind that matches nobody is none.
    pairs = np.unique((binding.astype(np.int64) << 32 | who)[who >= 0])
    binding, who = (pairs >> 32).astype(np.int32), (pairs & 0xFFFFFFFF).astype(np.int32)
    return people.finish(
        binding=np.append(binding, np.int32(NO_BINDING)),
        who=np.append(who, np.int32(people.add(Identity(GROUP, MASTERS)))),
        use=np.append(use_of_binding[binding], np.int32(len(used))),
        uses=uses,
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
    at = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    # A ClusterRoleBinding that refers to a Role finds none: there is no namespace to look in.
    usable = wide | (local & ~cluster)
    found = usable & (keys[at] == wanted) if len(keys) else np.zeros(len(wanted), dtype=bool)
    unseen = (wide & snapshot.missing("clusterroles")) | (
        local & ~cluster & snapshot.unseen("roles", bindings["namespace"])
    )
    return np.where(found, at, np.where(unseen, UNSEEN, MISSING)).astype(np.int32)


def _judge(snapshot: Snapshot, used: Sequence[int]) -> Uses:
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
    for row in used:
        found, source = _use(snapshot, row, aggregations)
        capabilities += found
        first.append(len(capabilities))
        sources.append(source)
    repositories = sorted({"", *(c.repository for c, _, _ in capabilities)})
    at = {name: code for code, name in enumerate(repositories)}
    return Uses(
        role=_ints(used),
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
    place = table["namespace"][row], table["name"][row]
    found = {text[table["rules"][row]]}
    while (row := row + 1) < len(table["name"]) and (table["namespace"][row], table["name"][row]) == place:
        found.add(text[table["rules"][row]])
    found.discard("[]")
    return f"[{','.join(rules[1:-1] for rules in sorted(found))}]"


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


class _People:
    """Numbers identities in the order of their first use, and sorts them at the end."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._at: dict[Identity, int] = {ANYBODY: 0, ANY_PERSON: 1}

    def add(self, who: Identity) -> int:
        return self._at.setdefault(who, len(self._at))

    def identify(self, kinds: Ints, spaces: Ints, names: Ints) -> Ints:
        """Return the number of each subject, -1 for a kind that matches nobody."""
        text, size = self._snapshot.strings, len(self._snapshot.strings)
        kind_codes, kind = np.unique(kinds, return_inverse=True)
        # A namespace matters to service accounts only.
        spaces = np.where(kinds == self._snapshot.code(ACCOUNT), spaces, 0)
        _, first, inverse = np.unique((kind * size + spaces) * size + names, return_index=True, return_inverse=True)
        numbers = []
        for at, space, name in zip(kind[first].tolist(), spaces[first].tolist(), names[first].tolist(), strict=True):
            who = identity(text[kind_codes[at]], text[space], text[name])
            numbers.append(-1 if who is None else self.add(who))
        return _ints(numbers)[inverse]

    def finish(self, binding: Ints, who: Ints, use: Ints, uses: Uses) -> Ways:
        """Add the members of the groups that are bound, and return all with identities in their order."""
        groups = self._snapshot.tables["groups"]["name"]
        holders = self._snapshot.tables["members"]["group"]
        spans: dict[int, tuple[int, int]] = {}
        members: list[int] = []
        for one, number in list(self._at.items()):
            code = self._snapshot.code(one.name) if one.kind == GROUP else -1
            low, high = np.searchsorted(groups, code), np.searchsorted(groups, code, side="right")
            if low < high:
                listed = self._people(*np.searchsorted(holders, [low, high]).tolist())
                spans[number] = (len(members), len(listed))
                members += listed
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
            member_first=_ints(first for first, _ in spanned),
            member_count=_ints(count for _, count in spanned),
            members=rank[_ints(members)],
        )

    def _people(self, start: int, end: int) -> list[int]:
        """Return the people among the users of these member rows: only they get groups from group objects."""
        text, users = self._snapshot.strings, self._snapshot.tables["members"]["user"]
        who = (user(text[code]) for code in np.unique(users[start:end]).tolist())
        return [self.add(one) for one in who if one.kind == USER and one.name != ANONYMOUS]


def _ints(numbers: Iterable[int]) -> Ints:
    return np.array(list(numbers), dtype=np.int32)
