"""An account that may not push is nonetheless any account of its namespace."""

from collections.abc import Iterator

from audit.checks.check import BINDINGS, Check, Finding
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY
from audit.checks.route_rows import only_unknown


def _find(context: CheckContext) -> Iterator[Finding]:
    yield from context.routes.account_findings("high")
    unknown = [row for row in context.routes.rows if row.kind == "ServiceAccount" and row.by_account]
    yield from context.routes.findings(only_unknown(unknown), lambda _: "high")


CHECK = Check(
    id="any-account",
    title="An account that may not push can become any account of its namespace",
    severity="high",
    confidence="high",
    why=(
        "Every account of a namespace has tokens in secrets there. An account that may read secrets, create tokens or "
        "run pods is any of them: builder, which pushes, or one that has access elsewhere. What it may do itself, and "
        "what a review of its bindings shows, is less. What a namespace gives its own default, builder and deployer is "
        "not reported; accounts of a name that are alike in many namespaces are one finding."
    ),
    remedy=TAKE_AWAY,
    needs=(*BINDINGS, "groups", "namespaces"),
    routes=True,
    find=_find,
)
