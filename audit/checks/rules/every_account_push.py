"""Every service account of the zone can push."""

from collections.abc import Iterator

from audit.checks.check import Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.subjects import ACCOUNTS, GROUP


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    rows = context.bindings
    who = rows.of(GROUP, lambda name: name == ACCOUNTS)
    return context.findings(who & rows.can("push"), "can push")


CHECK = Check(
    id="every-account-push",
    title="Every service account can push",
    severity="critical",
    confidence="high",
    why=(
        "Every pod runs as a service account, so anybody who can start a pod in any namespace, of any organization, "
        "can replace the images that run here."
    ),
    remedy=TAKE_AWAY,
    find=_find,
)
