"""A role that grants more than its name says, because other roles are aggregated into it."""

from collections.abc import Iterator
from typing import Final

from audit.checks.bindings import EVERY, listed
from audit.checks.check import Check, Finding
from audit.checks.context import CheckContext
from audit.checks.remedies import UNLABEL_ROLE, fill
from audit.rbac.rules import CATALOG, CREATE, DELETE, PULL, PUSH, SIGN
from audit.tenancy.platform_names import SYSTEM_NAMES

_WORDS: Final = {
    PULL: "pull",
    PUSH: "push",
    CREATE: "create image streams",
    DELETE: "delete images",
    CATALOG: "list every repository",
    SIGN: "sign images",
}
_READ: Final = PULL | CATALOG
# What OpenShift's own roles hold by their definition; of any other, a reader expects no more than reading.
_EXPECTED: Final = {"edit": _READ | PUSH | CREATE, "admin": _READ | PUSH | CREATE}


def _find(context: CheckContext) -> Iterator[Finding]:
    for role in context.roles.aggregating():
        excess = role.rights & ~_EXPECTED.get(role.name, _READ)
        sources = [selected for selected in role.selected if selected.rights & excess]
        if sources and role.name not in SYSTEM_NAMES:
            words = ", ".join(word for right, word in _WORDS.items() if right & excess)
            names = [source.name for source in sources]
            yield Finding(
                zone=context.zone,
                namespace=EVERY,
                role_kind="ClusterRole",
                role=role.name,
                detail=f"ClusterRole {role.name} also allows to {words}, aggregated from {listed(names)}",
                evidence_in="coverage",
                rows=1,
                remedy=tuple(
                    fill(UNLABEL_ROLE, role=source.name, label=label) for source in sources for label in source.labels
                ),
            )


CHECK = Check(
    id="aggregation",
    title="Aggregation widens a role",
    severity="high",
    confidence="medium",
    why=(
        "A controller copies the rules of every role with a matching label into this role. A label on another role "
        "has widened it for everybody who is bound to it."
    ),
    remedy=(UNLABEL_ROLE,),
    needs=("clusterroles",),
    find=_find,
    fixed_by="role",
)
