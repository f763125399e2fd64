"""A group whose members cannot be listed."""

from collections.abc import Iterator

from audit.checks.check import BINDINGS, Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.neighbours import any_right
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.subjects import GROUP


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    groups = context.bindings.of(GROUP)
    absent = context.bindings.where("account", lambda state: state == "absent")
    return context.findings(
        groups & context.outsiders & absent & any_right(context) & ~context.misspelt,
        "has members that cannot be listed and has access",
    )


CHECK = Check(
    id="opaque-group",
    title="A group whose members are unknown",
    severity="medium",
    confidence="high",
    why=(
        "No group object lists its members. An identity provider or a client certificate may put people into it, and "
        "nobody can review who. If none does, whoever can create a group of that name gets the access."
    ),
    remedy=TAKE_AWAY,
    needs=(*BINDINGS, "groups"),
    find=_find,
    fixed_by="subject",
)
