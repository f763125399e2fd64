"""All accounts of a namespace can push there."""

from collections.abc import Iterator

from audit.checks.check import Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.subjects import ACCOUNTS, GROUP, home


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    rows = context.bindings
    own = rows.of(GROUP, lambda name: name.startswith(f"{ACCOUNTS}:")) & rows.local & context.strangers
    return context.findings(
        context.bindings.pairs(own, lambda group, namespace: home(group) == namespace) & rows.can("push"), "can push"
    )


CHECK = Check(
    id="namespace-accounts-push",
    title="All accounts of the namespace can push",
    severity="high",
    confidence="high",
    why=(
        "Every pod of the namespace can replace its images, including pods that serve the Internet. Only what builds "
        "images needs to push."
    ),
    remedy=TAKE_AWAY,
    find=_find,
)
