"""A group that nobody can see into."""

from collections.abc import Iterator

from audit.checks.check import BINDINGS, Check, Finding
from audit.checks.context import CheckContext
from audit.checks.controls import LIFE_CYCLE
from audit.checks.neighbours import any_right
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.subjects import GROUP


def _find(context: CheckContext) -> Iterator[Finding]:
    groups = context.bindings.of(GROUP)
    absent = context.bindings.where("account", lambda state: state == "absent")
    return context.findings(
        groups & context.outsiders & absent & any_right(context), "whose members nobody can see has access"
    )


CHECK = Check(
    id="opaque-group",
    title="A group that nobody can see into",
    severity="medium",
    confidence="high",
    why=(
        "No group object lists its members: an identity provider or a certificate may say that somebody is in it, "
        "and nobody can review who. If nobody asserts it, it waits for whoever creates a group of that name."
    ),
    remedy=TAKE_AWAY,
    controls=LIFE_CYCLE,
    needs=(*BINDINGS, "groups"),
    find=_find,
)
