"""Roles outside the platform whose holders can copy images that they may not pull."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from audit.checks.bindings import EVERY, listed
from audit.checks.check import Check, Finding
from audit.checks.context import CheckContext
from audit.checks.further_rights import FurtherGrant
from audit.checks.remedies import EDIT_LOCAL_ROLE, EDIT_ROLE, TAKE_AWAY, fill
from audit.rbac.subjects import Identity
from audit.routes.rights import ALL, CLUSTER_ONLY, bits
from audit.tenancy.platform_names import ROLES, SYSTEM_NAMES

_MAPPINGS, _IMPORTS = bits("create imagestreammappings"), bits("create imagestreamimports")
_LOCAL: Final = ALL & ~CLUSTER_ONLY
_FEW: Final = 10  # subjects that the remedy takes out of their bindings one by one
_INSTEAD: Final = (
    "# OpenShift restores its own roles: bind system:image-builder or system:image-pusher, which push and cannot map "
    "images, instead of {role}"
)


def _find(context: CheckContext) -> Iterator[Finding]:
    holders: dict[tuple[str, str], list[FurtherGrant]] = defaultdict(list)
    everywhere = _everywhere(context)
    for found in context.further.giving(_MAPPINGS | _IMPORTS):
        one = found.grant
        if found.rights & _LOCAL == _LOCAL:
            continue  # every right there is: wildcard-role and cluster-wide-push report it
        if not context.platform.trusts(one.kind, one.subject) and Identity(one.kind, one.subject) not in everywhere:
            holders[one.role_kind, one.role].append(found)
    for (kind, name), grants in sorted(holders.items()):
        yield _finding(context, kind, name, grants)


def _everywhere(context: CheckContext) -> frozenset[Identity]:
    """Return who may pull everywhere in any case, by a binding of its own."""
    rows = context.bindings
    return frozenset(Identity(one.kind, one.subject) for one in rows.bound(~rows.local & rows.can("pull")))


def _finding(context: CheckContext, kind: str, name: str, grants: Sequence[FurtherGrant]) -> Finding:
    spaces = sorted({found.grant.namespace for found in grants})
    subjects = sorted({found.grant.subject for found in grants})
    maps = any(found.rights & _MAPPINGS for found in grants)
    what = (
        "create imagestreammappings, and so copy every image of the zone by its digest and pull the copy"
        if maps
        else "create imagestreamimports, which pull with all registry secrets of the namespace"
    )
    where = "every namespace" if EVERY in spaces else listed(spaces)
    return Finding(
        zone=context.zone,
        namespace=spaces[0] if len(spaces) == 1 else EVERY,
        role_kind=kind,
        role=name,
        detail=f"holders of {kind} {name} can {what}: {listed(subjects)}, in {where}",
        evidence_in="coverage",
        rows=len(grants),
        remedy=_remedy(context, kind, name, grants),
        severity=None if maps else "low",
    )


def _remedy(context: CheckContext, kind: str, name: str, grants: Sequence[FurtherGrant]) -> tuple[str, ...]:
    if kind == "ClusterRole" and name in ROLES | SYSTEM_NAMES:
        return (_INSTEAD.format(role=name),)
    if len(grants) <= _FEW:
        return tuple(line for found in grants for line in context.remover.take_away(found.grant))
    if kind == "ClusterRole":
        return (fill(EDIT_ROLE, role=name),)
    spaces = sorted({found.grant.namespace for found in grants})
    return tuple(fill(EDIT_LOCAL_ROLE, namespace=space, role=name) for space in spaces[:_FEW])


CHECK = Check(
    id="any-image",
    title="A role lets its holders pull every image",
    severity="medium",
    confidence="high",
    why=(
        "Who may create imagestreammappings in one namespace maps any image of the zone into it by its digest, and no "
        "right on the image's own namespace is asked for. OpenShift's edit, admin, registry-editor and registry-admin "
        "give that: organizations whose images must stay apart need narrower roles. Imports pull with the registry "
        "secrets of the namespace, and are less severe. One finding for each role, however many hold it."
    ),
    remedy=(*TAKE_AWAY, EDIT_ROLE, EDIT_LOCAL_ROLE),
    find=_find,
    fixed_by="role",
)
