"""The lines of a review: one for each grant of a zone, by the subject that the binding names.

Members of a group are decided on with the group. Grants of the platform itself are separate lines.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from audit.rbac.subjects import ACCOUNT, ACCOUNTS, GROUP
from audit.tables.model import Table
from audit.tables.schemas import UNKNOWN, YES
from audit.tenancy.platform import Platform

RIGHTS: Final = ("pull", "push", "create", "delete", "catalog", "sign")
_EVERY: Final = "*"
_BUILT_IN: Final = "built-in"
_PRIVILEGED: Final = frozenset({"push", "create", "delete"})
# The role bindings that OpenShift creates in every namespace for its own service accounts.
_DEFAULTS: Final = {"system:image-pullers", "system:image-builders", "system:deployers"}


class Line(NamedTuple):
    """One grant. `rights` and `repositories` are joined by `, `; `?` follows a right that is not certain.

    `id` is a digest of zone, namespace, subject, binding and role; `path` one of everything else that a decision is
    about: a decision on another path does not apply. `privileged`: push, prune, or a cluster-wide grant. `lacks` is
    what the subject lacks in some of the repositories, as in the table `grants`: the registry refuses it there.
    """

    id: str
    zone: str
    namespace: str
    subject_kind: str
    subject: str
    rights: str
    repositories: str
    binding_kind: str
    binding: str
    role_kind: str
    role: str
    aggregated_from: str
    since: str
    privileged: bool
    platform: bool
    path: str
    lacks: str = ""  # not in campaigns of version 0.1

    @property
    def why_privileged(self) -> str:
        """Return what makes it privileged, joined by `, `; empty when it is not."""
        rights = [right for right in self.rights.split(", ") if right in _PRIVILEGED]
        wide = ["in every namespace"] if self.namespace == _EVERY else []
        return ", ".join([*rights, *wide]) if self.privileged else ""


def review_lines(grants: Table, platform: Platform) -> Iterator[Line]:
    """Yield the lines of one zone, by namespace and subject; bindings that grant nothing have no line."""
    own = cache(platform.trusts)
    of_platform = cache(platform.has)
    for grant in _grants(_direct(grants)):
        if not grant.maybe:
            continue
        shared = grant.shared
        repositories = [_EVERY] if _EVERY in grant.repositories else sorted(grant.repositories)
        rights = _rights(grant.yes, grant.maybe)
        what = [shared.aggregated_from, shared.binding_uid, shared.since, shared.problem]
        yield Line(
            id=_digest(shared[:_IDENTITY]),
            zone=shared.zone,
            namespace=shared.namespace,
            subject_kind=shared.subject_kind,
            subject=shared.subject,
            rights=", ".join(rights),
            repositories=", ".join(repositories),
            binding_kind=shared.binding_kind,
            binding=shared.binding,
            role_kind=shared.role_kind,
            role=shared.role,
            aggregated_from=shared.aggregated_from,
            since=shared.since,
            privileged=not _PRIVILEGED.isdisjoint(_rights(grant.maybe, grant.maybe)) or shared.namespace == _EVERY,
            platform=of_platform(shared.namespace)
            or own(shared.subject_kind, shared.subject)
            or _default(shared.namespace, shared.subject_kind, shared.subject, shared.binding),
            path=_digest([rights, repositories, *what]),
            lacks=", ".join(sorted(grant.lacks)),
        )


class _Shared(NamedTuple):
    """What all rows of one grant share; the first eight fields identify it."""

    zone: str
    namespace: str
    subject_kind: str
    subject: str
    binding_kind: str
    binding: str
    role_kind: str
    role: str
    binding_uid: str
    since: str
    aggregated_from: str
    problem: str


_IDENTITY: Final = 8


class _Grant:
    """One grant; `yes` and `maybe` have a bit for each of RIGHTS: certain, and certain or unknown."""

    __slots__ = ("lacks", "maybe", "repositories", "shared", "yes")

    def __init__(self, shared: _Shared) -> None:
        self.shared = shared
        self.yes = self.maybe = 0
        self.repositories: set[str] = set()
        self.lacks: set[str] = set()


def _grants(direct: Table) -> Iterable[_Grant]:
    """Return the grants of rows, each with what all its rows give."""
    rows = map(_Shared._make, zip(*(direct.text(name).strings() for name in _Shared._fields), strict=True))
    answers = np.stack([direct.numbers(right) for right in RIGHTS], axis=1)
    bits = 1 << np.arange(len(RIGHTS))
    yes, maybe = (np.isin(answers, wanted) @ bits for wanted in ([YES], [YES, UNKNOWN]))
    found: dict[tuple[str, ...], _Grant] = {}
    repositories, lacks = (direct.text(name).strings() for name in ("repository", "lacks"))
    facts = zip(rows, repositories, lacks, yes.tolist(), maybe.tolist(), strict=True)
    for shared, repository, lacking, certain, possible in facts:
        key = shared[:_IDENTITY]
        grant = found.get(key)
        if grant is None:
            grant = found[key] = _Grant(shared)
        grant.yes |= certain
        grant.maybe |= possible
        grant.repositories.add(repository)
        if lacking:
            grant.lacks.update(lacking.split(", "))
    return found.values()


@cache
def _rights(yes: int, maybe: int) -> list[str]:
    """Return the rights of these bits, those that are not certain with `?`."""
    held = [(right, 1 << at) for at, right in enumerate(RIGHTS) if maybe & 1 << at]
    return [right if yes & bit else f"{right}?" for right, bit in held]


def _direct(grants: Table) -> Table:
    """Return the rows of whoever a binding names itself."""
    return grants.take(grants.where("group", {""}) & ~grants.where("binding_kind", {_BUILT_IN}))


def _default(namespace: str, kind: str, subject: str, binding: str) -> bool:
    """Return whether this is a role binding that OpenShift creates in each namespace for its accounts."""
    if binding not in _DEFAULTS:
        return False
    own = {(GROUP, f"{ACCOUNTS}:{namespace}"), (ACCOUNT, f"{namespace}:builder"), (ACCOUNT, f"{namespace}:deployer")}
    return (kind, subject) in own


def _digest(parts: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]
