"""Single answers with their reasons: may this subject do this there, and by which grants."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from audit.access.bound_subjects import NO_BINDING, BoundSubjects
from audit.rbac.rules import CLUSTER_ONLY, CREATE, EVERYTHING, PULL, PUSH
from audit.rbac.subjects import (
    ANONYMOUS,
    GROUP,
    USER,
    Identity,
    asserted_groups,
    may_join,
)
from audit.snapshot.model import Gap
from audit.tables.model import NO, UNKNOWN, YES

# What each action needs; a repository that does not exist yet is pushed with both rights of `create`.
NEEDS: Final = {"pull": PULL, "push": PUSH, "create": PUSH | CREATE}


class Rights(NamedTuple):
    """Rights held for certain, and rights held or not known (never less)."""

    granted: int = 0
    possible: int = 0

    def either(self, other: "Rights") -> "Rights":
        """Return the rights of both together."""
        return Rights(self.granted | other.granted, self.possible | other.possible)

    def answer(self, needed: int) -> int:
        """Return whether all of `needed` is held: YES, NO or UNKNOWN."""
        if self.granted & needed == needed:
            return YES
        return UNKNOWN if self.possible & needed == needed else NO


class Grant(NamedTuple):
    """A capability that a binding gives. `group` is the group through which it is held, or empty."""

    namespace: str  # "" = every namespace
    repository: str  # "" = every repository
    rights: Rights
    group: str
    who: Identity  # the subject that the binding names
    binding: int  # row of the binding table, or NO_BINDING
    use: int  # position in `BoundSubjects.roles`
    how: int  # position in HOW


class Authorizer:
    """Answers questions about one zone, or about the namespaces that its `BoundSubjects` cover."""

    def __init__(self, bound: BoundSubjects) -> None:
        """Index the bindings by subject and namespace."""
        self.bound = bound
        self._at = {one: number for number, one in enumerate(bound.identities)}
        spaces = bound.namespace
        order = np.lexsort([bound.binding, spaces, bound.who])
        self._edges = order
        self._keys = (bound.who.astype(np.int64) << 32 | spaces)[order]
        self._groups_of: dict[int, list[int]] = defaultdict(list)
        for group in np.flatnonzero(bound.subjects.member_count > 0).tolist():
            first = int(bound.subjects.member_first[group])
            for member in bound.subjects.members[first : first + int(bound.subjects.member_count[group])].tolist():
                self._groups_of[member].append(group)
        self._ordinary = [at for one, at in self._at.items() if may_join(one)]
        self._held: dict[tuple[int, int], dict[str, Rights]] = {}
        self._circles: dict[Identity, tuple[int, ...]] = {}
        self._joinable: dict[int, dict[str, Rights]] = {}

    def answer(self, who: Identity, action: str, namespace: str, repository: str = "") -> int:
        """Return YES, NO or UNKNOWN, as the cluster would answer it.

        `action` is a key of NEEDS. Without a `repository` the question is about any repository that no rule singles
        out. A group is answered for a member of whom nothing else is known.
        """
        return self.held(who, namespace, repository).answer(NEEDS[action])

    def held(self, who: Identity, namespace: str, repository: str = "") -> Rights:
        """Return all rights of `who` in one place, with what cannot be known about them."""
        blind = self.blind(namespace)
        reach = EVERYTHING if any(gap.kind == "clusterrolebindings" for gap in blind) else EVERYTHING & ~CLUSTER_ONLY
        held = Rights(0, reach if blind else 0)
        for space in self._spaces(namespace):
            for one in self._circle(who):
                held = held.either(_of(self._rights(one, space), repository))
            if self._may_have_groups(who):
                held = held.either(_of(self._joinable_rights(space), repository))
        return held

    def blind(self, namespace: str) -> list[Gap]:
        """Return the gaps because of which anybody may have access in `namespace`."""
        places = {"", namespace} if self.listed(namespace) else {"", namespace, "*"}
        snapshot = self.bound.snapshot
        here = [gap for gap in snapshot.gaps_of("rolebindings") if gap.namespace in places]
        return [*snapshot.gaps_of("clusterrolebindings"), *here]

    def listed(self, namespace: str) -> bool:
        """Say whether the zone is known to have this namespace."""
        code = self.bound.snapshot.code(namespace)
        return code in self.bound.snapshot.tables["namespaces"]["name"]

    def grants_of(self, who: Identity) -> Iterator[Grant]:
        """Yield every grant of `who`, direct ones first, then those through each group, by namespace."""
        for number in self._circle(who):
            one = self.bound.identities[number]
            low, high = np.searchsorted(self._keys, [number << 32, (number + 1) << 32])
            for edge in self._edges[low:high].tolist():
                yield from self._grants_along(edge, one, "" if one == who else one.name)

    def groups_unseen(self, who: Identity) -> list[Gap]:
        """Return the gaps because of which `who` may be in groups that are not known."""
        if who.kind != USER or who.name == ANONYMOUS:
            return []
        return self.bound.snapshot.gaps_of("groups")

    def _may_have_groups(self, who: Identity) -> bool:
        return bool(self.groups_unseen(who))

    def _circle(self, who: Identity) -> tuple[int, ...]:
        """Return the identities that `who` acts as: itself, the groups that list it, and the platform's groups."""
        if who not in self._circles:
            itself = self._at.get(who, -1)
            platform = [self._at[g] for g in (Identity(GROUP, n) for n in asserted_groups(who)) if g in self._at]
            listing = self._groups_of.get(itself, [])
            self._circles[who] = tuple(dict.fromkeys([*([itself] if itself >= 0 else []), *listing, *platform]))
        return self._circles[who]

    def _spaces(self, namespace: str) -> list[int]:
        code = self.bound.snapshot.code(namespace)
        return [0, code] if code > 0 else [0]

    def _rights(self, number: int, space: int) -> dict[str, Rights]:
        """Return what one identity's own bindings of one namespace (0 = cluster-wide) give, by repository."""
        if (number, space) not in self._held:
            rights: dict[str, Rights] = {}
            key = number << 32 | space
            low, high = np.searchsorted(self._keys, [key, key + 1])
            for edge in self._edges[low:high].tolist():
                for grant in self._grants_along(edge, self.bound.identities[number], ""):
                    rights[grant.repository] = rights.get(grant.repository, Rights()).either(grant.rights)
            self._held[number, space] = rights
        return self._held[number, space]

    def _joinable_rights(self, space: int) -> dict[str, Rights]:
        """Return what somebody may have who may be in any group: nothing for certain."""
        if space not in self._joinable:
            rights: dict[str, Rights] = {}
            for group in self._ordinary:
                for repository, held in self._rights(group, space).items():
                    rights[repository] = rights.get(repository, Rights()).either(Rights(0, held.possible))
            self._joinable[space] = rights
        return self._joinable[space]

    def _grants_along(self, edge: int, who: Identity, group: str) -> Iterator[Grant]:
        bound, roles = self.bound, self.bound.roles
        use, binding = int(bound.use[edge]), int(bound.binding[edge])
        space = 0 if binding == NO_BINDING else int(bound.snapshot.tables["bindings"]["namespace"][binding])
        reach = EVERYTHING & ~CLUSTER_ONLY if space else EVERYTHING
        reach = 0 if who.inert else reach
        first = int(roles.first[use])
        for at in range(first, first + int(roles.count[use])):
            held = Rights(int(roles.granted[at]) & reach, int(roles.possible[at]) & reach)
            repository = roles.repositories[int(roles.repository[at])]
            yield Grant(bound.snapshot.strings[space], repository, held, group, who, binding, use, int(roles.how[at]))


def _of(rights: dict[str, Rights], repository: str) -> Rights:
    """Return the rights that hold for every repository, and for this one."""
    held = rights.get("", Rights())
    return held.either(rights.get(repository, Rights())) if repository else held
