"""Who holds which of the rights that lead further: by own bindings, by those of groups, and by what is not known."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from audit.access.authorizer import Authorizer
from audit.access.bound_subjects import BoundSubjects, bound_subjects
from audit.access.columns import ACCOUNT_STATES, account_states
from audit.access.judged_roles import BUILT_IN, UNSEEN, role_rows
from audit.access.subjects import NONE, is_person
from audit.rbac.subjects import ACCOUNT, ACCOUNTS, GROUP, USER, Identity, home, may_join, virtual_groups
from audit.routes.rights import ALL, CLUSTER_ONLY, NO_RIGHTS, RoleRights, judge_rights
from audit.snapshot.model import Ints, Snapshot

# The account of a namespace of which nothing is known but its namespace.
ANY_NAME = "*"


class Source(NamedTuple):
    """What one subject of one binding gives."""

    space: int  # text position of the namespace; 0 is every namespace
    granted: int
    possible: int
    named: frozenset[tuple[int, str]]
    binding: int
    role: int  # position in `BoundSubjects.roles`


class HeldRights(NamedTuple):
    """The rights of one identity in one namespace, on every object and on single ones."""

    granted: int
    possible: int
    named: frozenset[tuple[int, str]]

    def __or__(self, other: "HeldRights") -> "HeldRights":
        """Return the rights of both together."""
        return HeldRights(self.granted | other.granted, self.possible | other.possible, self.named | other.named)


NOTHING_HELD = HeldRights(0, 0, frozenset())


class Holdings:
    """The rights of one zone that lead further. All its namespaces are covered: routes know no scope."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.bound: BoundSubjects = bound_subjects(snapshot, every_role=True)
        self.authorizer = Authorizer(self.bound)
        self.groups_unseen = bool(snapshot.gaps_of("groups"))
        self.states = account_states(self.bound)
        # See `audit.routes.coverage`, which fills them.
        self.bindable: dict[tuple[Identity, int], list[int]] = {}
        self.covered: dict[tuple[frozenset[int], int], list[int]] = {}
        self.role_rights = [self._of_role(row) for row in self.bound.roles.row.tolist()]
        self._spaces = self.bound.namespace
        self._order = np.argsort(self.bound.subject, kind="stable")
        ends = np.arange(len(self.bound.subjects) + 1, dtype=np.int32)
        self._first: list[int] = np.searchsorted(self.bound.subject[self._order], ends).tolist()

    def _of_role(self, row: int) -> tuple[RoleRights, int]:
        """Return what a role gives, and what it may give beside that."""
        if row == BUILT_IN:
            return RoleRights(ALL, frozenset()), 0
        if row < 0:
            return NO_RIGHTS, ALL if row == UNSEEN else 0
        return judge_rights(self.rules(row)), 0

    def rules(self, row: int) -> str:
        """Return the rules of a role in the role table, as text."""
        return self.snapshot.strings[int(self.snapshot.tables["roles"]["rules"][row])]

    @cached_property
    def rules_of_role(self) -> Sequence[str]:
        """Return the rules of each role of `BoundSubjects.roles`, as text; the number of one without a row."""
        return [self.rules(row) if row >= 0 else str(row) for row in self.bound.roles.row.tolist()]

    def role_name(self, row: int) -> str:
        """Return the name of a role in the role table."""
        return self.snapshot.strings[int(self.snapshot.tables["roles"]["name"][row])]

    def space_name(self, space: int) -> str:
        """Return the namespace at a text position; `*` for every one."""
        return self.snapshot.strings[space] if space else "*"

    def acts_as(self, who: Identity) -> list[int]:
        """Return the positions of all subjects whose bindings count for an identity: itself, its groups."""
        subjects, found = self.bound.subjects, []
        itself = subjects.position(who)
        if itself != NONE:
            found += [itself, *self._groups_of.get(itself, ())]
        if who.kind == GROUP and who.name == "system:masters":
            return found
        for name in virtual_groups(who):
            if (at := subjects.position(Identity(GROUP, name))) != NONE and at not in found:
                found.append(at)
        return found

    def may_be_in_any_group(self, who: Identity) -> bool:
        """Return whether an identity may be in groups whose members are not known."""
        return self.groups_unseen and is_person(who)

    def sources(self, position: int) -> list[Source]:
        """Return what each binding gives to the subject at a position that gives something or may do so."""
        if position not in self._sources:
            low, high = self._first[position], self._first[position + 1]
            entries = [] if self.bound.subjects.inert[position] else self._order[low:high].tolist()
            self._sources[position] = [source for entry in entries if (source := self._source(entry))]
        return self._sources[position]

    @cached_property
    def _sources(self) -> dict[int, list[Source]]:
        return {}

    def entries(self, position: int) -> Iterator[tuple[int, int, int]]:
        """Yield space, role (a row of the role table, or below 0) and binding of each entry of a subject."""
        for space, role, binding in self.all_entries(position):
            yield space, int(self.bound.roles.row[role]), binding

    def all_entries(self, position: int) -> list[tuple[int, int, int]]:
        """Return space, role (in `BoundSubjects.roles`) and binding of each entry of a subject."""
        low, high = self._first[position], self._first[position + 1]
        return [
            (int(self._spaces[entry]), int(self.bound.role[entry]), int(self.bound.binding[entry]))
            for entry in self._order[low:high].tolist()
        ]

    def registry_entries(self, position: int) -> list[tuple[int, int, int]]:
        """Return those of `all_entries` that give something in the registry."""
        if position not in self._registry:
            entries = self.all_entries(position)
            self._registry[position] = [entry for entry in entries if self.bound.roles.count[entry[1]]]
        return self._registry[position]

    @cached_property
    def _registry(self) -> dict[int, list[tuple[int, int, int]]]:
        return {}

    @cached_property
    def spaces_with_bindings(self) -> Sequence[int]:
        """Return the namespaces that have role bindings or roles of their own, or may have them."""
        tables = (self.snapshot.tables[name]["namespace"] for name in ("roles", "bindings"))
        found = {int(space) for space in np.unique(np.concatenate([*tables])).tolist() if space}
        gaps = {gap.namespace for gap in self.snapshot.gaps_of("roles")}
        every = self.listed if gaps & {"", "*"} else gaps & self.listed
        return sorted(found | {self.snapshot.code(name) for name in every})

    def is_cluster_role(self, row: int) -> bool:
        """Return whether a row of the role table is a cluster role."""
        return not int(self.snapshot.tables["roles"]["namespace"][row])

    def _source(self, entry: int) -> Source | None:
        role, space = int(self.bound.role[entry]), int(self._spaces[entry])
        (rights, named), unknown = self.role_rights[role]
        if not rights and not named and not unknown:
            return None
        mask = ALL & ~CLUSTER_ONLY if space else ALL
        limited = frozenset(pair for pair in named if pair[0] & mask)
        return Source(space, rights & mask, (rights | unknown) & mask, limited, int(self.bound.binding[entry]), role)

    def held(
        self, positions: Iterable[int], without: frozenset[int] = frozenset(), *, uncertain: bool = False
    ) -> dict[int, HeldRights]:
        """Return by namespace what the subjects at these positions hold together, without some bindings.

        Where it is `uncertain` that somebody is one of them, everything is only possible.
        """
        held: dict[int, HeldRights] = {}
        for position in positions:
            for space, granted, possible, named, binding, _ in self.sources(position):
                if binding in without:
                    continue
                before = held.get(space, NOTHING_HELD)
                if uncertain:
                    more = HeldRights(0, possible | sum({bit for bit, _ in named}), frozenset())
                else:
                    more = HeldRights(granted, possible, named)
                held[space] = before | more
        return held

    @cached_property
    def ordinary_groups(self) -> list[int]:
        """Return the positions of the groups that may list people as members."""
        groups = self.bound.subjects.of_kind(GROUP)
        return [at for at in range(groups.start, groups.stop) if may_join(self.bound.subjects.identities[at])]

    @cached_property
    def _groups_of(self) -> Mapping[int, Sequence[int]]:
        """Return the groups that list each subject, all as positions."""
        subjects = self.bound.subjects
        groups_of: dict[int, list[int]] = defaultdict(list)
        for group in np.flatnonzero(subjects.member_count > 0).tolist():
            first = int(subjects.member_first[group])
            for member in subjects.members[first : first + int(subjects.member_count[group])].tolist():
                groups_of[member].append(group)
        return groups_of

    @cached_property
    def accounts(self) -> Mapping[str, Sequence[Identity]]:
        """Return the accounts that bindings name, by namespace."""
        accounts: dict[str, list[Identity]] = defaultdict(list)
        bound = self.bound.subjects.of_kind(ACCOUNT)
        for at in range(bound.start, bound.stop):
            if not self.bound.subjects.inert[at]:
                accounts[home(self.bound.subjects.names[at])].append(self.bound.subjects.identities[at])
        return accounts

    @cached_property
    def listed_accounts(self) -> frozenset[tuple[int, int]]:
        """Return namespace and name (text positions) of each account that was listed."""
        table = self.snapshot.tables["serviceaccounts"]
        return frozenset(zip(table["namespace"].tolist(), table["name"].tolist(), strict=True))

    @cached_property
    def absent_accounts(self) -> Sequence[Identity]:
        """Return the accounts that bindings name and that do not exist, or may not."""
        return [account for some in self.accounts.values() for account in some if self.state(account) != "present"]

    @cached_property
    def users(self) -> Sequence[Identity]:
        """Return the users that bindings or bound groups name."""
        bound = self.bound.subjects.of_kind(USER)
        return self.bound.subjects.identities[bound]

    def state(self, who: Identity) -> str:
        """Return whether the object of an account or group exists: a word of ACCOUNT_STATES."""
        at = self.bound.subjects.position(who)
        return ACCOUNT_STATES[int(self.states[at])] if at != NONE else ""

    @cached_property
    def blind(self) -> frozenset[int]:
        """Return the namespaces (0: every one, or some that are not known) whose bindings were not all seen."""
        snapshot = self.snapshot
        if snapshot.gaps_of("clusterrolebindings"):
            return frozenset({0})
        gaps = {gap.namespace for gap in snapshot.gaps_of("rolebindings")}
        if "" in gaps:
            return frozenset({0})
        spaces = {snapshot.code(name) for name in gaps if name != "*"}
        if "*" in gaps:
            named = np.union1d(
                snapshot.tables["bindings"]["namespace"], snapshot.tables["serviceaccounts"]["namespace"]
            )
            named = np.union1d(named, [snapshot.code(name) for name in self.accounts])
            listed = snapshot.tables["namespaces"]["name"]
            spaces |= {int(code) for code in np.setdiff1d(named, listed).tolist() if code > 0}
        return frozenset(space for space in spaces if space > 0)

    @cached_property
    def roles_by_name(self) -> Mapping[tuple[int, str], Sequence[int]]:
        """Return the rows of the roles of each namespace (0: cluster roles) and name."""
        table, text = self.snapshot.tables["roles"], self.snapshot.strings
        rows: dict[tuple[int, str], list[int]] = defaultdict(list)
        for row, (space, name) in enumerate(zip(table["namespace"].tolist(), table["name"].tolist(), strict=True)):
            rows[space, text[name]].append(row)
        return rows

    @cached_property
    def cluster_roles(self) -> Sequence[int]:
        """Return the rows of all cluster roles."""
        return np.flatnonzero(self.snapshot.tables["roles"]["namespace"] == 0).tolist()

    def roles_in(self, space: int) -> Sequence[int]:
        """Return the rows of all roles of a namespace."""
        return np.flatnonzero(self.snapshot.tables["roles"]["namespace"] == space).tolist()

    def bound_in(self, space: int) -> Sequence[tuple[str, int]]:
        """Return name and row of the binding table of each binding in a namespace (0: cluster-wide ones)."""
        table, text = self.snapshot.tables["bindings"], self.snapshot.strings
        rows = np.flatnonzero(table["namespace"] == space).tolist()
        return [(text[table["name"][row]], row) for row in rows]

    @cached_property
    def role_of_binding(self) -> Ints:
        """Return for each binding the row of its role in the role table, or below 0."""
        return role_rows(self.snapshot)

    @cached_property
    def tokens(self) -> Mapping[tuple[str, str], str]:
        """Return the account (`namespace:name`) of each listed token secret, by namespace and name."""
        table, text = self.snapshot.tables["tokens"], self.snapshot.strings
        columns = (table[name].tolist() for name in ("namespace", "name", "account"))
        return {(text[space], text[name]): text[account] for space, name, account in zip(*columns, strict=True)}

    @cached_property
    def missing_namespaces(self) -> Sequence[str]:
        """Return the namespaces that do not exist, or were not seen, whose accounts bindings name."""
        groups = self.bound.subjects.account_groups
        named = {name.removeprefix(f"{ACCOUNTS}:") for name in self.bound.subjects.names[groups]}
        return sorted({*self.accounts, *named} - self.listed)

    @cached_property
    def listed(self) -> frozenset[str]:
        """Return the namespaces that the zone lists."""
        text = self.snapshot.strings
        return frozenset(text[code] for code in self.snapshot.tables["namespaces"]["name"].tolist())
