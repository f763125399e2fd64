"""Anybody who reaches the registry can pull."""

from collections.abc import Iterator

from audit.checks.check import Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.subjects import ANONYMOUS, GROUP, NOBODY, USER


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    rows = context.bindings
    who = rows.of(GROUP, lambda name: name == NOBODY) | rows.of(USER, lambda name: name == ANONYMOUS)
    return context.findings(who & rows.can("pull"), "can pull")


CHECK = Check(
    id="anonymous-pull",
    title="Anybody can pull without logging in",
    severity="high",
    confidence="high",
    why=(
        "Images contain code, configuration and often secrets. Anybody who reaches the registry, including from the "
        "Internet, can copy them, and no log shows who did."
    ),
    remedy=TAKE_AWAY,
    find=_find,
)
