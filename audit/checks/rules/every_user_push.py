"""Every logged-in identity can push."""

from collections.abc import Iterator

from audit.checks.check import Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.subjects import EVERY_LOGIN, EVERYONE, GROUP


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    rows = context.bindings
    who = rows.of(GROUP, lambda name: name in {EVERYONE, EVERY_LOGIN})
    return context.findings(who & rows.can("push"), "can push")


CHECK = Check(
    id="every-user-push",
    title="Every user can push",
    severity="critical",
    confidence="high",
    why=(
        "Everybody who can log in, of any organization, and every service account can replace the images that run here."
    ),
    remedy=TAKE_AWAY,
    find=_find,
)
