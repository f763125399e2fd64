"""An account of another organization's namespace."""

from collections.abc import Iterator

from audit.checks.check import BINDINGS, Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.neighbours import any_right
from audit.checks.remedies import TAKE_AWAY


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    return context.findings(context.foreign_accounts & any_right(context), "of another organization has access")


CHECK = Check(
    id="foreign-account",
    title="An account of another organization",
    severity="high",
    confidence="high",
    why="Anybody who can run a pod or read secrets in the other organization's namespace has this access as well.",
    remedy=TAKE_AWAY,
    needs=(*BINDINGS, "namespaces"),
    find=_find,
)
