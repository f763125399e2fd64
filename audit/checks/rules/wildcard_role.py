"""A rule with resource `*` includes the registry."""

from collections.abc import Iterator

from audit.checks.check import Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.roles import WILDCARD
from audit.rbac.rules import RIGHTS


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    rows = context.bindings
    # Who administers the whole cluster is a matter of cluster-wide-push.
    administrators = ~rows.local & rows.where("role", lambda role: role == "cluster-admin")
    return context.findings(
        context.strangers & rows.where("how", lambda how: how == WILDCARD) & rows.can(*RIGHTS) & ~administrators,
        "can reach the registry by a wildcard rule",
    )


CHECK = Check(
    id="wildcard-role",
    title="Registry access by a wildcard rule",
    severity="medium",
    confidence="high",
    why=(
        "A rule for every resource includes the registry, and whatever is added to the cluster later. Nobody decided "
        "to grant this access."
    ),
    remedy=TAKE_AWAY,
    find=_find,
)
