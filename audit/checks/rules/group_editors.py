"""People outside the platform can change who is in a group that has access."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from audit.checks.bindings import EVERY, SPELLED, listed
from audit.checks.check import BINDINGS, Check, Finding
from audit.checks.context import CheckContext
from audit.checks.further_rights import FurtherGrant
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.rules import RIGHTS
from audit.rbac.subjects import GROUP, Identity, may_join
from audit.routes.rights import bits

_UPDATE, _CREATE = bits("update groups"), bits("create groups")


def _find(context: CheckContext) -> Iterator[Finding]:
    if not (editors := [*context.further.giving(_UPDATE | _CREATE, named=True)]):
        return
    groups = _with_access(context)
    there = {context.snapshot.strings[code] for code in context.snapshot.tables["groups"]["name"].tolist()}
    for found in editors:
        one = found.grant
        if context.platform.trusts(one.kind, one.subject) or _pushes_everywhere(context, one.kind, one.subject):
            continue
        names = sorted(name for name in groups if _edits(found, name, exists=name in there) and name != one.subject)
        if names:
            place = listed([f"{name} (in {listed(sorted(groups[name]))})" for name in names])
            yield context.finding(
                one,
                f"{SPELLED[one.kind]} {one.subject} can change who is in groups with access, through "
                f"{one.binding_kind} {one.binding} ({one.role_kind} {one.role}): {place}",
                evidence_in="coverage",
            )


def _with_access(context: CheckContext) -> Mapping[str, set[str]]:
    """Return the groups that may list people and that bindings give access, with the places."""
    rows, places = context.bindings, defaultdict[str, set[str]](set)
    for one in rows.bound(rows.of(GROUP, lambda name: may_join(Identity(GROUP, name))) & rows.can(*RIGHTS)):
        places[one.subject].add("every namespace" if one.namespace == EVERY else one.namespace)
    return places


def _pushes_everywhere(context: CheckContext, kind: str, subject: str) -> bool:
    """Return whether a subject needs no group to push: other checks report it."""
    rows = context.bindings
    return bool((rows.of(kind, lambda name: name == subject) & ~rows.local & rows.can("create")).any())


def _edits(found: FurtherGrant, group: str, *, exists: bool) -> bool:
    if not exists:
        return bool(found.rights & _CREATE)
    return bool(found.rights & _UPDATE) or (_UPDATE, group) in found.named


CHECK = Check(
    id="group-editors",
    title="People can add themselves to a group with access",
    severity="high",
    confidence="high",
    why=(
        "Who may change a group object, or create one of a name that bindings refer to, chooses who has the access of "
        "the group, itself among them. No role binding shows that. Groups belong to whoever manages the organizations; "
        "those whose names hold a colon are safe, because OpenShift refuses such objects."
    ),
    remedy=TAKE_AWAY,
    needs=(*BINDINGS, "groups"),
    find=_find,
)
