"""Every logged-in identity can pull."""

from collections.abc import Iterator

from audit.checks.check import Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.subjects import EVERY_LOGIN, EVERYONE, GROUP


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    rows = context.bindings
    who = rows.of(GROUP, lambda name: name in {EVERYONE, EVERY_LOGIN})
    return context.findings(who & rows.can("pull") & ~context.own, "can pull")


CHECK = Check(
    id="every-user-pull",
    title="Every user can pull",
    severity="medium",
    confidence="high",
    why=(
        "Everybody who can log in, of any organization, and every service account can copy these images. The "
        "platform's own namespaces share images on purpose and are not reported."
    ),
    remedy=TAKE_AWAY,
    find=_find,
)
