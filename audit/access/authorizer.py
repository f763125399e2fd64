"""Single answers with their reasons: may this subject do this there, and by which grants."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np

from audit.access.bound_subjects import BoundSubjects
from audit.access.effective import EffectiveAccess, unseen_rights
from audit.access.login import WITHOUT_TOKEN, admitted
from audit.access.rights import Rights, answer, reach
from audit.access.subjects import NONE, also_acts_as, is_person
from audit.rbac.rules import NEEDS
from audit.rbac.subjects import Identity
from audit.snapshot.model import Gap, Ints
from audit.tables.arrays import Positions


class Grant(NamedTuple):
    """A capability that a binding gives. `group` is the group through which it is held, or empty."""

    namespace: str  # "" = every namespace
    repository: str  # "" = every repository
    rights: Rights[int]
    group: str
    subject: Identity  # that the binding names
    binding: int  # row of the binding table, or NO_BINDING
    role: int  # position in `BoundSubjects.roles`
    how: int  # position in HOW


class Authorizer:
    """Answers questions about one zone, or about the namespaces that its `BoundSubjects` cover."""

    def __init__(self, bound: BoundSubjects) -> None:
        self.bound = bound
        self._repositories = {name: code for code, name in enumerate(bound.roles.repositories)}
        self._rights: dict[tuple[Identity, str, str], Rights[int]] = {}

    def answer(self, subject: Identity, action: str, namespace: str, repository: str = "") -> int:
        """Return YES, NO or UNKNOWN, as the cluster would answer it.

        `action` is a key of NEEDS. Without a `repository` the question is about any repository that no rule singles
        out. A group is answered for a member of whom nothing else is known.
        """
        return answer(self.rights(subject, namespace, repository), NEEDS[action])

    def rights(self, subject: Identity, namespace: str, repository: str = "") -> Rights[int]:
        """Return all rights of `subject` in one place, with what cannot be known about them."""
        key = subject, namespace, repository
        if key not in self._rights:
            held = self.rights_by_rbac(subject, namespace, repository)
            login = self.login(subject)
            if login is not None:
                anonymous = self.rights_by_rbac(WITHOUT_TOKEN[0], namespace, repository)
                held = _one(admitted(_row(held), _row(anonymous), _row(login), np.zeros(1, dtype=bool)))
            self._rights[key] = held
        return self._rights[key]

    def rights_by_rbac(self, subject: Identity, namespace: str, repository: str = "") -> Rights[int]:
        """Return the rights as the API server would answer about them, whoever may log in."""
        code = max(self.bound.snapshot.code(namespace), 0)
        held = self.effective.rights_of(self._acts_as(subject), code, self._repositories.get(repository, 0))
        return held | self._unseen(namespace)

    def login(self, subject: Identity) -> Rights[int] | None:
        """Return the LOGIN rights of a subject; None where the registry does not ask for any, or everybody has them."""
        logins = self.effective.logins
        return None if logins is None or subject in WITHOUT_TOKEN else logins.of(self._acts_as(subject))

    def blind(self, namespace: str) -> list[Gap]:
        """Return the gaps because of which anybody may have access in `namespace`."""
        snapshot = self.bound.snapshot
        return [*snapshot.gaps_of("clusterrolebindings"), *snapshot.gaps_in("rolebindings", namespace)]

    def grants_of(self, subject: Identity) -> Iterator[Grant]:
        """Yield every grant of `subject`, direct ones first, then those through each group, by namespace."""
        identities, itself = self.bound.subjects.identities, self.bound.subjects.position(subject)
        for position in dict.fromkeys([*self._itself(itself), *self._acts_as(subject)]):
            holder = identities[position]
            low, high = np.searchsorted(self._holders, [position, position + 1])
            for entry in self._entries[low:high].tolist():
                yield from self._grants_along(entry, holder, "" if holder == subject else holder.name)

    def groups_unseen(self, subject: Identity) -> list[Gap]:
        """Return the gaps because of which `subject` may be in groups that are not known."""
        return self.bound.snapshot.gaps_of("groups") if is_person(subject) else []

    def _itself(self, position: int) -> list[int]:
        """Return the position of a subject and those of the groups that list it; nothing for NONE."""
        return [position, *self._groups_of.get(position, [])] if position != NONE else []

    def _unseen(self, namespace: str) -> Rights[int]:
        """Return the rights that anybody may have in a namespace because not all bindings were seen."""
        snapshot = self.bound.snapshot
        blind = np.array([bool(snapshot.gaps_in("rolebindings", namespace))])
        return Rights(0, int(unseen_rights(namespace=blind, cluster=bool(snapshot.gaps_of("clusterrolebindings")))[0]))

    def _acts_as(self, subject: Identity) -> list[int]:
        """Return the positions of the subjects whose rights `subject` has; its own include those of listed groups."""
        groups_unseen = bool(self.groups_unseen(subject))
        every = (subject, *also_acts_as(subject, groups_unseen=groups_unseen))
        return [at for identity in every if (at := self.bound.subjects.position(identity)) != NONE]

    @cached_property
    def effective(self) -> EffectiveAccess:
        """Return the effective access of all subjects at once."""
        return EffectiveAccess(self.bound)

    @cached_property
    def _groups_of(self) -> dict[int, list[int]]:
        """Return the groups that list each subject, all as positions."""
        subjects = self.bound.subjects
        groups_of: dict[int, list[int]] = defaultdict(list)
        for group in np.flatnonzero(subjects.member_count > 0).tolist():
            first = int(subjects.member_first[group])
            for member in subjects.members[first : first + int(subjects.member_count[group])].tolist():
                groups_of[member].append(group)
        return groups_of

    @cached_property
    def _entries(self) -> Positions:
        """Return the entries of `bound` by subject, namespace and binding."""
        return np.lexsort([self.bound.binding, self.bound.namespace, self.bound.subject])

    @cached_property
    def _holders(self) -> Ints:
        """Return the subject of each of `_entries`."""
        return self.bound.subject[self._entries]

    @cached_property
    def _namespaces(self) -> Ints:
        return self.bound.namespace

    def _grants_along(self, entry: int, holder: Identity, group: str) -> Iterator[Grant]:
        """Yield what one entry of `bound` gives to `holder`."""
        bound, roles = self.bound, self.bound.roles
        role, binding = int(bound.role[entry]), int(bound.binding[entry])
        namespace = int(self._namespaces[entry])
        reached = 0 if holder.inert else reach(cluster_wide=not namespace)
        first = int(roles.first[role])
        for at in range(first, first + int(roles.count[role])):
            rights = Rights(int(roles.granted[at]), int(roles.possible[at])) & reached
            repository = roles.repositories[int(roles.repository[at])]
            yield Grant(
                bound.snapshot.strings[namespace], repository, rights, group, holder, binding, role, int(roles.how[at])
            )


def _row(rights: Rights[int]) -> Rights[Ints]:
    return Rights(np.array([rights.granted], dtype=np.int32), np.array([rights.possible], dtype=np.int32))


def _one(rights: Rights[Ints]) -> Rights[int]:
    return Rights(int(rights.granted[0]), int(rights.possible[0]))
