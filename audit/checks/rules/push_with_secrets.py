"""An account pushes by a role that also reads every secret."""

import re
from collections.abc import Iterator
from typing import Final

from audit.checks.bindings import EVERY, DirectGrant, sentence
from audit.checks.check import BINDINGS, Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.remedies import ADD_LOCAL_ROLE, ADD_ROLE, CREATE_ROLE, REMOVE_USER, fill
from audit.rbac.subjects import ACCOUNT_PREFIX

_PULLER: Final = "system:image-puller"
_PUSHER: Final = "system:image-pusher"
_BUILDER: Final = "system:image-builder"
_ALSO: Final = ", which also reads every secret there"


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    grants = [bound for bound in context.pushing_accounts if context.roles.reads_secrets(bound)]
    yield GrantFindings(
        context.zone,
        grants,
        [f"{sentence(grant, 'can push')}{_ALSO}; to push, {_least(context, grant)} is enough" for grant in grants],
        ["\n".join((*_instead(context, grant), *context.remover.take_away(grant))) for grant in grants],
    )


def _least(context: CheckContext, bound: DirectGrant) -> str:
    """Return the least of the ready-made roles that keeps a pusher working."""
    return _PUSHER if bound.namespace in context.with_repositories else _BUILDER


def _instead(context: CheckContext, bound: DirectGrant) -> tuple[str, ...]:
    """Return the commands that give what pushing needs, before the role is taken away."""
    names = {"namespace": bound.namespace, "user": f"{ACCOUNT_PREFIX}{bound.subject}"}
    if bound.repositories == EVERY:
        return (fill(ADD_ROLE, role=_least(context, bound), **names),)
    # The ready-made roles would open the other repositories of the namespace.
    only = bound.repositories.split(", ")
    role = re.sub(r"[^a-z0-9.-]", "-", f"registry-push-{'-'.join(only)}")[:63].rstrip("-.")
    limits = "".join(fill(" --resource-name={name}", name=name) for name in only)
    create = fill(CREATE_ROLE, namespace=bound.namespace, role=role)
    pull = (fill(ADD_ROLE, role=_PULLER, **names),) if context.roles.pulls_everything(bound) else ()
    return create + limits, fill(ADD_LOCAL_ROLE, role=role, **names), *pull


CHECK = Check(
    id="push-with-secrets",
    title="An account that pushes can read every secret",
    severity="high",
    confidence="medium",
    why=(
        "registry-editor, edit and admin allow reading and writing every secret of the namespace, including the "
        "tokens of its other accounts. An account that only pushes needs system:image-pusher, or system:image-builder "
        "where the repository does not exist yet."
    ),
    remedy=(ADD_ROLE, REMOVE_USER),
    needs=(*BINDINGS, "imagestreams"),
    find=_find,
)
