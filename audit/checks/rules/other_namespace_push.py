"""An account of another namespace, or all of its accounts, can push."""

from collections.abc import Iterator

from audit.checks.check import BINDINGS, Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.neighbours import neighbours
from audit.checks.remedies import TAKE_AWAY


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    return context.findings(neighbours(context) & context.bindings.can("push"), "of another namespace can push")


CHECK = Check(
    id="other-namespace-push",
    title="Accounts of another namespace can push",
    severity="medium",
    confidence="medium",
    why=(
        "Anybody who can run a pod in the other namespace, or read its secrets, can replace the images that run in "
        "this one. Give each namespace its own account to push with."
    ),
    remedy=TAKE_AWAY,
    needs=(*BINDINGS, "namespaces"),
    find=_find,
)
