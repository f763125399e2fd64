"""A group of another organization than the namespace's."""

from collections.abc import Iterator

from audit.checks.check import BINDINGS, Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.neighbours import any_right
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.subjects import GROUP


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    groups = context.bindings.of(GROUP) & context.outsiders & any_right(context)

    def other(group: str, namespace: str) -> bool:
        theirs, ours = context.organizations.of_group(group), context.owner(namespace)
        return bool(theirs and ours) and theirs != ours

    return context.findings(context.bindings.pairs(groups, other), "of another organization has access")


CHECK = Check(
    id="foreign-group",
    title="A group of another organization",
    severity="high",
    confidence="high",
    why=(
        "All members of another organization, or of one of its teams, have access. Moving a namespace to another "
        "organization changes its label and no binding: the previous organization keeps its access until the bindings "
        "are removed."
    ),
    remedy=TAKE_AWAY,
    needs=(*BINDINGS, "namespaces", "groups"),
    find=_find,
    fixed_by="subject",
)
