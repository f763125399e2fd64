"""A subject outside the platform can pull in every namespace."""

from collections.abc import Iterator

from audit.checks.check import Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    rows = context.bindings
    return context.findings(context.outsiders & ~rows.local & rows.can("pull") & ~rows.can("push"), "can pull")


CHECK = Check(
    id="cluster-wide-pull",
    title="Pull in every namespace",
    severity="medium",
    confidence="high",
    why=(
        "One compromised identity is enough to copy every image of the zone, of all organizations, including in "
        "namespaces that do not exist yet."
    ),
    remedy=TAKE_AWAY,
    find=_find,
)
