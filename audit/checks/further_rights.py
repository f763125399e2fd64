"""The rights that lead to other identities or images, by the binding that grants them: what `grants` does not show."""

from collections.abc import Iterator
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from audit.access.authorizer import Authorizer
from audit.access.bound_subjects import NO_BINDING, BoundSubjects, bound_subjects
from audit.checks.bindings import EVERY, DirectGrant
from audit.rbac.subjects import ANY, ANY_USER, Identity
from audit.routes.rights import ALL, CLUSTER_ONLY, NO_RIGHTS, RoleRights, bits, judge_rights, names_of
from audit.snapshot.model import Snapshot
from audit.snapshot.scope import Scope
from audit.tables.arrays import Longs, Mask
from audit.tenancy.platform_names import ACCOUNTS as DEFAULT_ACCOUNTS

# What the roles of the default accounts give: `deployer` runs the pods of deployments, and tags images.
_DEFAULT_ROLES: Final = frozenset({"system:deployer", "system:image-builder", "system:image-puller"})
_BY_DEFAULT: Final = bits(
    "create pods",
    "update replicationcontrollers",
    "create imagestreamtags",
    "update imagestreamtags",
    "get imagestreams/layers, asked apart",
)


class FurtherGrant(NamedTuple):
    """Rights of one subject of one binding: bits of `audit.routes.rights`, and those on single objects by name."""

    grant: DirectGrant
    rights: int
    named: frozenset[tuple[int, str]]

    @property
    def usual(self) -> bool:
        """Return whether this is what every namespace gives its default accounts, and no more."""
        one = self.grant
        return (
            one.role_kind == "ClusterRole"
            and one.role in _DEFAULT_ROLES
            and one.subject.partition(":")[2] in DEFAULT_ACCOUNTS
            and not (self.rights & ~_BY_DEFAULT or self.named)
        )

    def of(self, rights: int) -> str:
        """Return those of `rights` that it gives, in words."""
        return ", ".join(names_of(self.rights & rights))


class FurtherRights:
    """The subjects of all bindings of a zone with the rights that lead further; `scope` says what is reported on."""

    def __init__(self, snapshot: Snapshot, scope: Scope) -> None:
        self._snapshot = snapshot
        self._bound: BoundSubjects = bound_subjects(snapshot, every_role=True)
        self._roles = [self._of_role(row) for row in self._bound.roles.row.tolist()]
        self._space = self._bound.namespace
        of_role = np.array([role.rights for role in self._roles], dtype=np.int64)
        of_names = np.array([_all_named(role) for role in self._roles], dtype=np.int64)
        mask = np.where(self._space > 0, ALL & ~CLUSTER_ONLY, ALL)
        self._rights: Longs = of_role[self._bound.role] & mask
        self._named: Longs = of_names[self._bound.role] & mask
        kinds = {ANY, ANY_USER}
        strange = [one.kind in kinds or one.inert for one in self._bound.subjects.identities]
        self._shown: Mask = ~np.array(strange, dtype=bool)[self._bound.subject] & (self._bound.binding != NO_BINDING)
        if scope.namespaces is not None:
            wanted = [0, *(snapshot.code(name) for name in scope.namespaces)]
            self._shown &= np.isin(self._space, wanted)

    def may(self, who: Identity, action: str, namespace: str, repository: str = "") -> int:
        """Return the direct answer, YES, NO or UNKNOWN; an empty namespace is every one."""
        return self._authorizer.answer(who, action, namespace, repository)

    @cached_property
    def _authorizer(self) -> Authorizer:
        return Authorizer(self._bound)

    def _of_role(self, row: int) -> RoleRights:
        if row < 0:
            return NO_RIGHTS
        return judge_rights(self._snapshot.strings[int(self._snapshot.tables["roles"]["rules"][row])])

    def giving(self, rights: int, *, named: bool = False) -> Iterator[FurtherGrant]:
        """Yield each subject of each binding that gives any of `rights`; with `named`, also on single objects only."""
        rows = self._rights | self._named if named else self._rights
        bound, snapshot = self._bound, self._snapshot
        text, table = snapshot.strings, snapshot.tables["bindings"]
        for entry in np.flatnonzero(self._shown & ((rows & rights) != 0)).tolist():
            who = bound.subjects.identities[int(bound.subject[entry])]
            binding, space = int(bound.binding[entry]), int(self._space[entry])
            grant = DirectGrant(
                text[space] if space else EVERY,
                who.kind,
                who.name,
                "RoleBinding" if space else "ClusterRoleBinding",
                text[int(table["name"][binding])],
                text[int(table["role_kind"][binding])],
                text[int(table["role"][binding])],
                "",
                EVERY,
                1,
            )
            yield FurtherGrant(grant, int(self._rights[entry]), self._roles[int(bound.role[entry])].named)


def _all_named(role: RoleRights) -> int:
    found = 0
    for bit, _ in role.named:
        found |= bit
    return found
