"""Several tokens that never expire for one account."""

from collections.abc import Iterator

from audit.checks.check import Check, Finding, Threshold
from audit.checks.context import CheckContext
from audit.checks.controls import CREDENTIALS
from audit.checks.remedies import DELETE_SECRET
from audit.checks.tokens import about, tokens


def _find(context: CheckContext) -> Iterator[Finding]:
    for account, held in tokens(context):
        if len(held) > context.threshold(CHECK, "tokens"):
            # The one that was used last is the one that somebody would miss.
            *spare, _ = sorted(held, key=lambda one: (one.last_used, one.created, one.name))
            yield about(context, account, held, f"has {len(held)} tokens that never expire", spare)


CHECK = Check(
    id="token-many",
    title="Several tokens for one account",
    severity="low",
    confidence="high",
    why="Nobody can tell which of them is still needed, so none is removed.",
    remedy=(DELETE_SECRET,),
    controls=CREDENTIALS,
    needs=("tokens",),
    find=_find,
    thresholds={"tokens": Threshold(1, "report an account with more tokens than this")},
)
