"""A person who only pulls may push too."""

from collections.abc import Iterator

from audit.checks.bindings import EVERY, sentence
from audit.checks.check import Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.remedies import ADD_ROLE, REMOVE_USER, fill
from audit.rbac.subjects import USER

_PULLER = "system:image-puller"


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    rows = context.bindings
    only_pulls = rows.where("push_used", "not used".__eq__) & rows.where("used", "used".__eq__) & rows.can("push")
    people = rows.of(USER) & only_pulls & context.outsiders & rows.local
    # The ready-made role would open the other repositories of the namespace.
    grants = rows.bound(people & rows.where("repository", EVERY.__eq__))
    instead = [fill(ADD_ROLE, namespace=grant.namespace, role=_PULLER, user=grant.subject) for grant in grants]
    yield GrantFindings(
        context.zone,
        grants,
        [f"{sentence(grant, 'can push')}, and only pulls" for grant in grants],
        ["\n".join((add, *context.remover.take_away(grant))) for add, grant in zip(instead, grants, strict=True)],
    )


CHECK = Check(
    id="pull-only",
    title="A person who only pulls may push",
    severity="low",
    confidence="medium",
    why=(
        "The logs of the registry cover the whole threshold (usage.threshold_days): this person pulled, and did not "
        "push. system:image-puller is enough."
    ),
    remedy=(ADD_ROLE, REMOVE_USER),
    find=_find,
)
