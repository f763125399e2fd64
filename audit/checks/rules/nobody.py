"""A subject that can be nobody."""

from collections.abc import Iterator

from audit.checks.check import Check, Finding
from audit.checks.context import CheckContext
from audit.checks.controls import LEAST_RIGHT
from audit.checks.remedies import TAKE_AWAY


def _find(context: CheckContext) -> Iterator[Finding]:
    rows = context.bindings
    return context.findings(
        rows.where("problem", lambda problem: problem == "account without namespace"),
        "without a namespace gets nothing",
    )


CHECK = Check(
    id="nobody",
    title="A subject that can be nobody",
    severity="info",
    confidence="high",
    why=(
        "A cluster-wide binding names a service account without its namespace. Somebody meant to give access, and "
        "it does nothing."
    ),
    remedy=TAKE_AWAY,
    controls=LEAST_RIGHT,
    find=_find,
)
