"""The lines of a review: one for each grant of a zone, by the subject that the binding names.

Members of a group are decided on with the group. Grants of the platform itself are separate lines.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from audit.rbac.subjects import ACCOUNT, ACCOUNTS, GROUP
from audit.tables.model import Table
from audit.tables.schemas import UNKNOWN, YES
from audit.tenancy.platform import Platform

RIGHTS: Final = ("pull", "push", "create", "delete", "catalog", "sign")
_EVERY: Final = "*"
_KEYS: Final = ("namespace", "subject_kind", "subject", "binding_kind", "binding", "role_kind", "role")
_SHARED: Final = ("zone", *_KEYS, "repository", "binding_uid", "since", "aggregated_from", "problem")
_BUILT_IN: Final = "built-in"
_PRIVILEGED: Final = frozenset({"push", "create", "delete"})
# The role bindings that OpenShift creates in every namespace for its own service accounts.
_DEFAULTS: Final = {"system:image-pullers", "system:image-builders", "system:deployers"}


class Line(NamedTuple):
    """One grant. `rights` and `repositories` are joined by `, `; `?` follows a right that is not certain.

    `id` is a digest of zone, namespace, subject, binding and role; `path` one of everything else that a decision is
    about: a decision on another path does not apply. `privileged`: push, prune, or a cluster-wide grant.
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

    @property
    def why_privileged(self) -> str:
        """Return what makes it privileged, joined by `, `; empty when it is not."""
        rights = [right for right in self.rights.split(", ") if right in _PRIVILEGED]
        wide = ["in every namespace"] if self.namespace == _EVERY else []
        return ", ".join([*rights, *wide]) if self.privileged else ""


def review_lines(grants: Table, platform: Platform) -> Iterator[Line]:
    """Yield the lines of one zone, by namespace and subject; bindings that grant nothing have no line."""
    direct = _direct(grants)
    columns = {name: direct.text(name).strings() for name in _SHARED}
    answers = np.stack([direct.numbers(right) for right in RIGHTS], axis=1) if len(direct) else np.empty((0, 0))
    of_grant: dict[tuple[str, ...], list[int]] = {}
    for row, key in enumerate(zip(*(columns[name] for name in _KEYS), strict=True)):
        of_grant.setdefault(key, []).append(row)
    for key, rows in of_grant.items():
        shared = {name: columns[name][rows[0]] for name in _SHARED}
        held = [answers[rows, at] for at in range(len(RIGHTS))]
        rights = [
            right if (one == YES).any() else f"{right}?"
            for right, one in zip(RIGHTS, held, strict=True)
            if ((one == YES) | (one == UNKNOWN)).any()
        ]
        if rights:
            repositories = sorted({columns["repository"][row] for row in rows})
            yield _line(key, shared, rights, [_EVERY] if _EVERY in repositories else repositories, platform)


def _direct(grants: Table) -> Table:
    """Return the rows of whoever a binding names itself."""
    return grants.take(grants.where("group", {""}) & ~grants.where("binding_kind", {_BUILT_IN}))


def _line(
    key: tuple[str, ...], shared: dict[str, str], rights: list[str], repositories: list[str], platform: Platform
) -> Line:
    namespace, kind, subject, _, binding, *_ = key
    certain = {right.removesuffix("?") for right in rights}
    path = [rights, repositories, shared["aggregated_from"], shared["binding_uid"], shared["since"], shared["problem"]]
    return Line(
        id=_digest([shared["zone"], *key]),
        zone=shared["zone"],
        namespace=namespace,
        subject_kind=kind,
        subject=subject,
        rights=", ".join(rights),
        repositories=", ".join(repositories),
        binding_kind=shared["binding_kind"],
        binding=binding,
        role_kind=shared["role_kind"],
        role=shared["role"],
        aggregated_from=shared["aggregated_from"],
        since=shared["since"],
        privileged=bool(certain & _PRIVILEGED) or namespace == _EVERY,
        platform=platform.has(namespace)
        or platform.trusts(kind, subject)
        or _default(namespace, kind, subject, binding),
        path=_digest(path),
    )


def _default(namespace: str, kind: str, subject: str, binding: str) -> bool:
    """Return whether this is a role binding that OpenShift creates in each namespace for its accounts."""
    own = {(GROUP, f"{ACCOUNTS}:{namespace}"), (ACCOUNT, f"{namespace}:builder"), (ACCOUNT, f"{namespace}:deployer")}
    return binding in _DEFAULTS and (kind, subject) in own


def _digest(parts: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]
