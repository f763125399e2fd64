"""Tokens that never expire, by account."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from audit.checks.bindings import listed
from audit.checks.check import Finding
from audit.checks.context import CheckContext
from audit.checks.remedies import DELETE_SECRET, fill
from audit.rbac.subjects import ACCOUNT


class TokenSecret(NamedTuple):
    """A secret that holds a token; `created` is RFC 3339, `last_used` a day, empty when none is recorded."""

    name: str
    created: str
    last_used: str


def tokens(context: CheckContext) -> Iterator[tuple[str, list[TokenSecret]]]:
    """Yield each account outside the platform with its tokens, by name."""
    table = context.tables["tokens"]
    columns = (table.text(name).strings() for name in ("account", "token", "created", "last_used"))
    by_account: dict[str, list[TokenSecret]] = {}
    for account, *rest in zip(*columns, strict=True):
        by_account.setdefault(account, []).append(TokenSecret(*rest))
    for account, secrets in sorted(by_account.items()):
        if not context.platform.trusts(ACCOUNT, account):
            yield account, sorted(secrets)


def about(
    context: CheckContext,
    account: str,
    secrets: Sequence[TokenSecret],
    what: str,
    spare: Sequence[TokenSecret] | None = None,
) -> Finding:
    """Return a finding about tokens of one account; `spare` are those to delete (default: all)."""
    namespace = account.partition(":")[0]
    doomed = secrets if spare is None else spare
    return Finding(
        zone=context.zone,
        namespace=namespace,
        subject_kind=ACCOUNT,
        subject=account,
        detail=f"service account {account} {what}: {listed([secret.name for secret in secrets])}",
        evidence_in="tokens",
        rows=len(secrets),
        remedy=tuple(fill(DELETE_SECRET, namespace=namespace, secret=secret.name) for secret in doomed),
    )
