"""A binding to a service account that does not exist."""

from collections.abc import Iterator

from audit.checks.check import BINDINGS, Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.neighbours import any_right
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.subjects import ACCOUNT, home


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    rows = context.bindings
    absent = rows.where("account", lambda state: state == "absent")

    def nowhere(account: str) -> bool:
        return home(account) in context.listed

    return context.findings(
        rows.of(ACCOUNT, nowhere) & absent & context.strangers & any_right(context), "does not exist and has access"
    )


CHECK = Check(
    id="missing-account",
    title="A binding to an account that does not exist",
    severity="medium",
    confidence="high",
    why="Whoever can create service accounts in that namespace can create it and use the access.",
    remedy=TAKE_AWAY,
    needs=(*BINDINGS, "namespaces", "serviceaccounts"),
    find=_find,
)
