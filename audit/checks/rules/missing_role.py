"""A binding to a role that does not exist."""

from collections.abc import Iterator

from audit.checks.check import Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    missing = context.bindings.where("problem", lambda problem: problem == "role missing")
    return context.findings(missing & context.strangers & ~context.own, "is bound to a role that does not exist")


CHECK = Check(
    id="missing-role",
    title="A binding to a role that does not exist",
    severity="medium",
    confidence="high",
    why=(
        "It grants nothing today. As soon as somebody creates a role of that name, for whatever reason, the subject "
        "holds it."
    ),
    remedy=TAKE_AWAY,
    find=_find,
    fixed_by="role",
)
