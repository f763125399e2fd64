"""One account can push in several namespaces."""

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from audit.checks.bindings import listed
from audit.checks.check import Check, Finding, Threshold
from audit.checks.context import CheckContext
from audit.checks.remedies import REMOVE_USER
from audit.rbac.subjects import ACCOUNT, home

_FIRST: Final = "# First give each namespace its own account to push with."


def _find(context: CheckContext) -> Iterator[Finding]:
    for account, grants in groupby(
        sorted(context.pushing_accounts, key=lambda grant: grant.subject), key=lambda grant: grant.subject
    ):
        bindings = list(grants)
        places = sorted({grant.namespace for grant in bindings})
        if len(places) > context.threshold(CHECK, "namespaces"):
            elsewhere = [grant for grant in bindings if grant.namespace != home(account)]
            yield Finding(
                zone=context.zone,
                namespace="*",
                subject_kind=ACCOUNT,
                subject=account,
                detail=f"service account {account} can push in {len(places)} namespaces: {listed(places)}",
                evidence_in="grants",
                rows=sum(grant.rows for grant in bindings),
                remedy=(_FIRST, *(line for grant in elsewhere for line in context.remover.take_away(grant))),
            )


CHECK = Check(
    id="push-in-many-namespaces",
    title="One account can push in several namespaces",
    severity="medium",
    confidence="high",
    why=(
        "Anybody who obtains the account's token in one namespace can replace the images of the others. The "
        "documented way is one account for each namespace, which pushes only there."
    ),
    remedy=(REMOVE_USER,),
    find=_find,
    fixed_by="subject",
    thresholds={"namespaces": Threshold(1, "report an account that can push in more namespaces than this")},
)
