"""Every service account of the zone can pull."""

from collections.abc import Iterator

from audit.checks.check import Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.subjects import ACCOUNTS, GROUP


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    rows = context.bindings
    who = rows.of(GROUP, lambda name: name == ACCOUNTS)
    return context.findings(who & rows.can("pull") & ~context.own, "can pull")


CHECK = Check(
    id="every-account-pull",
    title="Every service account can pull",
    severity="medium",
    confidence="high",
    why=(
        "Every pod runs as a service account, so anybody who can start a pod in any namespace, of any organization, "
        "can copy these images. The platform's own namespaces share images on purpose and are not reported."
    ),
    remedy=TAKE_AWAY,
    find=_find,
)
