"""An account of another namespace, or all of its accounts, can pull."""

from collections.abc import Iterator

from audit.checks.check import BINDINGS, Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.neighbours import neighbours
from audit.checks.remedies import TAKE_AWAY


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    rows = context.bindings
    return context.findings(neighbours(context) & rows.can("pull") & ~rows.can("push"), "of another namespace can pull")


CHECK = Check(
    id="other-namespace-pull",
    title="Accounts of another namespace can pull",
    severity="low",
    confidence="medium",
    why=(
        "Sharing images between namespaces of one organization is common. It also ties the namespaces together: "
        "anybody who can run a pod in the other namespace can copy these images."
    ),
    remedy=TAKE_AWAY,
    needs=(*BINDINGS, "namespaces"),
    find=_find,
)
