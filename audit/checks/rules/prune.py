"""A subject outside the platform can delete images and prune."""

from collections.abc import Iterator

from audit.checks.check import Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    rows = context.bindings
    return context.findings(context.strangers & rows.can("delete"), "can delete images and prune")


CHECK = Check(
    id="prune",
    title="Delete images and prune",
    severity="high",
    confidence="high",
    why=(
        "Deleting the images of a namespace prevents its pods from starting again, and removes what an investigation "
        "would need. Only the platform prunes."
    ),
    remedy=TAKE_AWAY,
    find=_find,
)
