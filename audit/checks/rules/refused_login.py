"""Callers that the registry refuses altogether, because it may not ask the API server who they are."""

from collections.abc import Iterator
from typing import Final

from audit.access.login import cluster_role_logins, login_bindings
from audit.checks.bindings import EVERY
from audit.checks.check import Check, Finding
from audit.checks.context import CheckContext
from audit.checks.remedies import ALLOW_LOGIN, CREATE_LOGIN_ROLE, fill
from audit.rbac.rules import IDENTIFY, LOGIN, LOGIN_QUESTIONS
from audit.rbac.subjects import EVERYONE, GROUP

_DEFAULT: Final = "system:basic-user"


def _find(context: CheckContext) -> Iterator[Finding]:
    bindings = login_bindings(context.snapshot)
    if bindings is None:
        return
    missing = [question.resource for question in LOGIN_QUESTIONS if not bindings.everyone & question.right]
    effect = "treats as anonymous" if bindings.everyone & IDENTIFY else "refuses"
    refused = int(context.bindings.where("lacks", lambda lacks: "login" in lacks.split(", ")).sum())
    yield Finding(
        zone=context.zone,
        namespace=EVERY,
        subject_kind=GROUP,
        subject=EVERYONE,
        detail=(
            f"group {EVERYONE} may not create {' and '.join(missing)}: the registry {effect} whoever may not by "
            f"another binding; {refused} grants have no effect"
        ),
        evidence_in="coverage",
        rows=1,
        remedy=_remedy(context),
    )


def _remedy(context: CheckContext) -> tuple[str, ...]:
    """Return the commands that give the default role to everybody, or another one where that does not give enough."""
    if cluster_role_logins(context.snapshot).get(_DEFAULT, 0) == LOGIN:
        return (fill(ALLOW_LOGIN, role=_DEFAULT),)
    return (CREATE_LOGIN_ROLE, fill(ALLOW_LOGIN, role="registry-login"))


CHECK = Check(
    id="refused-login",
    title="The registry refuses callers that every cluster lets in",
    severity="medium",
    confidence="high",
    why=(
        "The registry asks the API server, with the caller's own token, who that is and what it may do. Every cluster "
        "starts with a binding that lets everybody ask (system:basic-user for system:authenticated). Without it, pulls "
        "and pushes fail, whatever the bindings grant; a caller who may not create selfsubjectaccessreviews is treated "
        "as anonymous."
    ),
    remedy=(CREATE_LOGIN_ROLE, ALLOW_LOGIN),
    needs=("clusterrolebindings", "clusterroles"),
    find=_find,
)
