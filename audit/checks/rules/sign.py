"""A subject outside the platform can sign images in every namespace."""

from collections.abc import Iterator

from audit.checks.check import Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    rows = context.bindings
    return context.findings(context.strangers & ~rows.local & rows.can("sign"), "can sign images")


CHECK = Check(
    id="sign",
    title="Sign images in every namespace",
    severity="medium",
    confidence="high",
    why=(
        "A signature states that an image was reviewed. Whoever can add signatures everywhere can make any image pass."
    ),
    remedy=TAKE_AWAY,
    find=_find,
)
