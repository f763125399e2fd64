"""Everybody can read the tokens of accounts, or make some."""

from collections.abc import Iterator

from audit.checks.bindings import EVERY, SPELLED
from audit.checks.check import Check, Finding
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.subjects import ANONYMOUS, GROUP, USER
from audit.routes.moves import CERTAIN_ANY
from audit.tenancy.platform import OPEN


def _find(context: CheckContext) -> Iterator[Finding]:
    for found in context.further.giving(CERTAIN_ANY):
        one = found.grant
        if not (one.kind == GROUP and one.subject in OPEN) and (one.kind, one.subject) != (USER, ANONYMOUS):
            continue
        place = "every namespace" if one.namespace == EVERY else one.namespace
        by = f"{one.binding_kind} {one.binding} ({one.role_kind} {one.role})"
        yield context.finding(
            one,
            f"{SPELLED[one.kind]} {one.subject} has {found.of(CERTAIN_ANY)} in {place} through {by}: whoever is in it "
            "can do there, and elsewhere, what any service account of it can",
            evidence_in="coverage",
        )


CHECK = Check(
    id="secrets-open",
    title="Everybody can become the accounts of a namespace",
    severity="critical",
    confidence="high",
    why=(
        "A token of every service account is in the secrets of its namespace. Who may read them, directly or through "
        "an image stream, or may create tokens, is any of these accounts: what builder may push, everybody may push. A "
        "rule that names single secrets is not reported."
    ),
    remedy=TAKE_AWAY,
    find=_find,
)
