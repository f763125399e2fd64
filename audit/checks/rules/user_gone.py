"""A person without an account has access."""

from collections.abc import Iterator

from audit.checks.check import BINDINGS, Check, Finding
from audit.checks.context import CheckContext
from audit.checks.controls import LIFE_CYCLE
from audit.checks.neighbours import any_right
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.subjects import USER


def _find(context: CheckContext) -> Iterator[Finding]:
    snapshot = context.snapshot
    whole = snapshot.requested("users") and not snapshot.gaps_of("users")
    known = {snapshot.strings[code] for code in snapshot.tables["users"]["name"].tolist()}

    def gone(user: str) -> bool:
        # The platform's first administrator has no user object.
        return whole and user not in known and user != "kube:admin"

    return context.findings(
        context.bindings.of(USER, gone) & context.outsiders & any_right(context),
        "has no account and has access",
    )


CHECK = Check(
    id="user-gone",
    title="A person without an account",
    severity="high",
    confidence="medium",
    why=(
        "The person has left, or the name is misspelt, or they have never logged in: accounts are created at the "
        "first login. Whoever gets an account of that name has the access at once."
    ),
    remedy=TAKE_AWAY,
    controls=LIFE_CYCLE,
    needs=(*BINDINGS, "users"),
    find=_find,
)
