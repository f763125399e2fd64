"""A token that never expires and that nobody uses."""

from collections.abc import Iterator

from audit.checks.check import Check, Finding, Threshold
from audit.checks.context import CheckContext
from audit.checks.remedies import DELETE_SECRET
from audit.checks.tokens import about, tokens


def _find(context: CheckContext) -> Iterator[Finding]:
    days = context.threshold(CHECK, "days")
    limit = context.days_ago(days)
    for account, secrets in tokens(context):
        idle = [
            secret for secret in secrets if secret.created < limit and secret.last_used < limit[: len("2026-01-01")]
        ]
        if idle:
            yield about(context, account, idle, f"has tokens that nobody has used for {days} days")


CHECK = Check(
    id="token-unused",
    title="An unused token",
    severity="medium",
    confidence="medium",
    why=(
        "Nobody misses it, and nobody notices who does use it. The API server records the day of the last use since "
        "Kubernetes 1.28; a token without such a day has not been used since."
    ),
    remedy=(DELETE_SECRET,),
    needs=("tokens",),
    find=_find,
    fixed_by="tokens",
    thresholds={"days": Threshold(90, "days without use")},
)
