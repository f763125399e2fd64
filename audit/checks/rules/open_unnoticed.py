"""Everybody can pull or push by a role that does not say so."""

from collections.abc import Iterator

from audit.checks.check import Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.roles import IMPLIED, WILDCARD
from audit.rbac.subjects import ANONYMOUS, GROUP, USER
from audit.tenancy.platform import OPEN as EVERYBODY


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    rows = context.bindings
    who = rows.of(GROUP, lambda name: name in EVERYBODY) | rows.of(USER, lambda name: name == ANONYMOUS)
    unsaid = rows.where("how", lambda how: how in {IMPLIED, WILDCARD})
    return context.findings(who & unsaid & rows.can("pull", "push") & ~context.own, "can reach the registry")


CHECK = Check(
    id="open-unnoticed",
    title="Open to everybody by a role that was not made for the registry",
    severity="high",
    confidence="medium",
    why=(
        "The role grants registry access only because another role is aggregated into it, or by a wildcard. Whoever "
        "bound it to everybody may not know that it includes the registry."
    ),
    remedy=TAKE_AWAY,
    find=_find,
)
