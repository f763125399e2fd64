"""Grants to upload for a subject that may not pull there: the registry refuses every push."""

from collections.abc import Iterator

from audit.checks.check import Check, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    lacking = context.bindings.where("lacks", lambda lacks: "pull" in lacks.split(", "))
    return context.findings(lacking, "can upload but not pull, so that the registry refuses a push,")


CHECK = Check(
    id="push-without-pull",
    title="A right to push that the registry refuses",
    severity="info",
    confidence="high",
    why=(
        "Before every upload, the registry checks both pull and push on the repository: a subject that has only push "
        "cannot push. The binding is broken or obsolete, and grants access as soon as somebody grants pull as well."
    ),
    remedy=TAKE_AWAY,
    find=_find,
)
