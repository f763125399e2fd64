"""Whoever reaches the registry may push."""

from collections.abc import Iterator

from audit.checks.check import Check, Finding
from audit.checks.context import CheckContext
from audit.checks.controls import OPEN
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.subjects import ANONYMOUS, GROUP, NOBODY, USER


def _find(context: CheckContext) -> Iterator[Finding]:
    rows = context.bindings
    who = rows.of(GROUP, lambda name: name == NOBODY) | rows.of(USER, lambda name: name == ANONYMOUS)
    return context.findings(who & rows.can("push"), "may push")


CHECK = Check(
    id="anonymous-push",
    title="Anybody may push without logging in",
    severity="critical",
    confidence="high",
    why=(
        "Whoever reaches the registry can replace the image that runs in production by one of their own, and no "
        "log says who did."
    ),
    remedy=TAKE_AWAY,
    controls=OPEN,
    find=_find,
)
