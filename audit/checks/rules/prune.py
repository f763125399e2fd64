"""Somebody outside the platform may delete images and prune."""

from collections.abc import Iterator

from audit.checks.check import Check, Finding
from audit.checks.context import CheckContext
from audit.checks.controls import LEAST_RIGHT
from audit.checks.remedies import TAKE_AWAY


def _find(context: CheckContext) -> Iterator[Finding]:
    rows = context.bindings
    return context.findings(context.strangers & rows.can("delete"), "may delete images and prune")


CHECK = Check(
    id="prune",
    title="May delete images and prune",
    severity="high",
    confidence="high",
    why=(
        "Deleting the images of a namespace stops its next start, and takes away what an investigation would "
        "need. Only the platform prunes."
    ),
    remedy=TAKE_AWAY,
    controls=LEAST_RIGHT,
    find=_find,
)
