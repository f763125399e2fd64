"""A token without an end of an account that may push."""

from collections.abc import Iterator

from audit.checks.check import BINDINGS, Check, Finding
from audit.checks.context import CheckContext
from audit.checks.controls import CREDENTIALS
from audit.checks.remedies import DELETE_SECRET
from audit.checks.tokens import about, tokens


def _find(context: CheckContext) -> Iterator[Finding]:
    for account, held in tokens(context):
        if context.pushes(account):
            yield about(context, account, held, "may push and has tokens that never expire")


CHECK = Check(
    id="token-of-pusher",
    title="A token that never expires may push",
    severity="high",
    confidence="high",
    why=(
        "Whoever copies the token once, from a pipeline, a laptop or a backup, can replace images until somebody "
        "deletes the secret. Tokens of `oc create token --duration` end by themselves."
    ),
    remedy=(DELETE_SECRET,),
    controls=CREDENTIALS,
    needs=(*BINDINGS, "tokens"),
    find=_find,
)
