"""The account `default` of a namespace can push."""

from collections.abc import Iterator

from audit.checks.check import Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.subjects import ACCOUNT


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    rows = context.bindings
    return context.findings(
        rows.of(ACCOUNT, lambda name: name.endswith(":default")) & context.strangers & rows.can("push"), "can push"
    )


CHECK = Check(
    id="default-push",
    title="The account `default` can push",
    severity="high",
    confidence="high",
    why=(
        "Pods that specify no service account run as `default`: a vulnerability in any of them is enough to replace "
        "the images of the namespace."
    ),
    remedy=TAKE_AWAY,
    find=_find,
)
