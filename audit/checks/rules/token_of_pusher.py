"""A token that never expires, of an account that can push."""

from collections.abc import Iterator

from audit.checks.check import BINDINGS, Check, Finding
from audit.checks.context import CheckContext
from audit.checks.remedies import DELETE_SECRET
from audit.checks.tokens import about, tokens


def _find(context: CheckContext) -> Iterator[Finding]:
    for account, secrets in tokens(context):
        if context.pushes(account):
            yield about(context, account, secrets, "can push and has tokens that never expire")


CHECK = Check(
    id="token-of-pusher",
    title="A token that never expires can push",
    severity="high",
    confidence="high",
    why=(
        "Anybody who copies the token once, from a pipeline, a laptop or a backup, can replace images until the "
        "secret is deleted. Tokens of `oc create token --duration` expire."
    ),
    remedy=(DELETE_SECRET,),
    needs=(*BINDINGS, "tokens"),
    find=_find,
    fixed_by="tokens",
)
