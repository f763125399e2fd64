"""Somebody outside the platform may pull in every namespace."""

from collections.abc import Iterator

from audit.checks.check import Check, Finding
from audit.checks.context import CheckContext
from audit.checks.controls import LEAST_RIGHT
from audit.checks.remedies import TAKE_AWAY


def _find(context: CheckContext) -> Iterator[Finding]:
    rows = context.bindings
    return context.findings(context.outsiders & ~rows.local & rows.can("pull") & ~rows.can("push"), "may pull")


CHECK = Check(
    id="cluster-wide-pull",
    title="May pull in every namespace",
    severity="medium",
    confidence="high",
    why=(
        "One identity that is lost is enough to copy every image of the zone, of all organizations, in namespaces "
        "that do not exist yet as well."
    ),
    remedy=TAKE_AWAY,
    controls=LEAST_RIGHT,
    find=_find,
)
