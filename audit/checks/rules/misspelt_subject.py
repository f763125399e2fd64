"""A binding to a built-in group whose name is misspelt."""

from collections.abc import Iterator

from audit.checks.bindings import sentence
from audit.checks.check import BINDINGS, Check, Finding
from audit.checks.context import CheckContext
from audit.checks.neighbours import any_right
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.misspelt import meant_by


def _find(context: CheckContext) -> Iterator[Finding]:
    for grant in context.bindings.bound(context.misspelt & any_right(context)):
        meant = meant_by(grant.kind, grant.subject)
        what = sentence(grant, "matches nobody and has access")
        yield context.finding(grant, f"{what}; did you mean {meant}?")


CHECK = Check(
    id="misspelt-subject",
    title="A misspelt built-in group",
    severity="medium",
    confidence="medium",
    why=(
        "The name resembles a built-in group and matches nobody. Those who should have access do not have it, and an "
        "identity provider that asserts the name would give the access to somebody else."
    ),
    remedy=TAKE_AWAY,
    needs=(*BINDINGS, "groups"),
    find=_find,
)
