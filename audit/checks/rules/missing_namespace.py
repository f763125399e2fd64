"""A binding to accounts of a namespace that does not exist."""

from collections.abc import Iterator

from audit.checks.check import BINDINGS, Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.neighbours import accounts, any_right
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.subjects import home


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    rows = context.bindings
    whole = not context.snapshot.gaps_of("namespaces")

    def nowhere(subject: str) -> bool:
        return whole and bool(home(subject)) and home(subject) not in context.listed

    return context.findings(
        accounts(context) & rows.where("subject", nowhere) & context.strangers & any_right(context),
        "of a namespace that does not exist has access",
    )


CHECK = Check(
    id="missing-namespace",
    title="A binding to accounts of a namespace that does not exist",
    severity="high",
    confidence="high",
    why="Users create namespaces: whoever takes that name owns all of its accounts, and has the access.",
    remedy=TAKE_AWAY,
    needs=(*BINDINGS, "namespaces"),
    find=_find,
)
