"""A subject outside the platform can list every repository."""

from collections.abc import Iterator

from audit.checks.check import Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    rows = context.bindings
    return context.findings(context.strangers & rows.can("catalog"), "can list every repository")


CHECK = Check(
    id="catalog",
    title="List every repository",
    severity="low",
    confidence="high",
    why="The names of namespaces and repositories show who the customers are and what they build.",
    remedy=TAKE_AWAY,
    find=_find,
)
