"""Somebody outside the platform may sign images in every namespace."""

from collections.abc import Iterator

from audit.checks.check import Check, Finding
from audit.checks.context import CheckContext
from audit.checks.controls import LEAST_RIGHT
from audit.checks.remedies import TAKE_AWAY


def _find(context: CheckContext) -> Iterator[Finding]:
    rows = context.bindings
    return context.findings(context.strangers & ~rows.local & rows.can("sign"), "may sign images")


CHECK = Check(
    id="sign",
    title="May sign images in every namespace",
    severity="medium",
    confidence="high",
    why="A signature says that an image was looked at. Who can add one everywhere can make any image pass.",
    remedy=TAKE_AWAY,
    controls=LEAST_RIGHT,
    find=_find,
)
