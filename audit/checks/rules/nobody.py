"""A binding to a subject that matches nobody."""

from collections.abc import Iterator

from audit.checks.check import Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    rows = context.bindings
    return context.findings(
        rows.where("problem", lambda problem: problem == "account without namespace"),
        "has no namespace and gets no access",
    )


CHECK = Check(
    id="nobody",
    title="A subject that matches nobody",
    severity="info",
    confidence="high",
    why=(
        "A cluster-wide binding names a service account without its namespace. It was meant to grant access, and "
        "grants none."
    ),
    remedy=TAKE_AWAY,
    find=_find,
)
