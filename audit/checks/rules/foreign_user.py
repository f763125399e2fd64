"""A person of another organization than the namespace's."""

from collections.abc import Iterator

from audit.checks.check import BINDINGS, Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.neighbours import any_right
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.subjects import USER


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    people = context.bindings.of(USER) & context.outsiders & any_right(context)

    def other(user: str, namespace: str) -> bool:
        theirs, ours = context.organizations.of_person(user), context.owner(namespace)
        return bool(theirs and ours) and ours not in theirs

    return context.findings(context.bindings.pairs(people, other), "of another organization has access")


CHECK = Check(
    id="foreign-user",
    title="A person of another organization",
    severity="high",
    confidence="high",
    why=(
        "The person is in groups of another organization and in none of the organization that owns the namespace. A "
        "namespace that moves to another organization keeps its bindings, and so does a person who changes teams."
    ),
    remedy=TAKE_AWAY,
    needs=(*BINDINGS, "namespaces", "groups"),
    find=_find,
    fixed_by="subject",
)
