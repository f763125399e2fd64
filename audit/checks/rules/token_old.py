"""An old token that never expires."""

from collections.abc import Iterator

from audit.checks.check import Check, Finding, Threshold
from audit.checks.context import CheckContext
from audit.checks.remedies import DELETE_SECRET
from audit.checks.tokens import about, tokens


def _find(context: CheckContext) -> Iterator[Finding]:
    days = context.threshold(CHECK, "days")
    for account, secrets in tokens(context):
        old = [secret for secret in secrets if secret.created < context.days_ago(days)]
        if old:
            yield about(context, account, old, f"has tokens older than {days} days")


CHECK = Check(
    id="token-old",
    title="An old token",
    severity="medium",
    confidence="high",
    why="The longer a secret lives, the more places hold a copy of it.",
    remedy=(DELETE_SECRET,),
    needs=("tokens",),
    find=_find,
    fixed_by="tokens",
    thresholds={"days": Threshold(365, "days since it was created")},
)
