"""Several tokens that never expire for one account."""

from collections.abc import Iterator

from audit.checks.check import Check, Finding, Threshold
from audit.checks.context import CheckContext
from audit.checks.remedies import DELETE_SECRET
from audit.checks.tokens import about, tokens


def _find(context: CheckContext) -> Iterator[Finding]:
    for account, secrets in tokens(context):
        if len(secrets) > context.threshold(CHECK, "tokens"):
            # The one that was used last is the one that somebody would miss.
            *spare, _ = sorted(secrets, key=lambda secret: (secret.last_used, secret.created, secret.name))
            yield about(context, account, secrets, f"has {len(secrets)} tokens that never expire", spare)


CHECK = Check(
    id="token-many",
    title="Several tokens for one account",
    severity="low",
    confidence="high",
    why="Nobody can tell which of them is still needed, so none is removed.",
    remedy=(DELETE_SECRET,),
    needs=("tokens",),
    find=_find,
    fixed_by="tokens",
    thresholds={"tokens": Threshold(1, "report an account with more tokens than this")},
)
