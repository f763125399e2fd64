"""Anybody who reaches the registry can push."""

from collections.abc import Iterator

from audit.checks.check import Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.subjects import ANONYMOUS, GROUP, NOBODY, USER


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    rows = context.bindings
    who = rows.of(GROUP, lambda name: name == NOBODY) | rows.of(USER, lambda name: name == ANONYMOUS)
    return context.findings(who & rows.can("push"), "can push")


CHECK = Check(
    id="anonymous-push",
    title="Anybody can push without logging in",
    severity="critical",
    confidence="high",
    why="Anybody who reaches the registry can replace the image that runs in production, and no log shows who did.",
    remedy=TAKE_AWAY,
    find=_find,
)
