"""A person is bound directly although the organization works with teams."""

from collections.abc import Iterator

from audit.checks.check import BINDINGS, Check, GrantFindings, Threshold
from audit.checks.context import CheckContext
from audit.checks.neighbours import any_right
from audit.checks.remedies import TAKE_AWAY
from audit.rbac.subjects import USER


def _find(context: CheckContext) -> Iterator[GrantFindings]:
    rows, known = context.bindings, context.organizations
    people = rows.of(USER) & context.outsiders & rows.local & any_right(context)

    def beside_teams(user: str, namespace: str) -> bool:
        ours, theirs = context.owner(namespace), known.of_person(user)
        return known.has_teams(ours) and (not theirs or ours in theirs)

    def of_the_house(user: str, namespace: str) -> bool:
        return context.owner(namespace) in known.of_person(user)

    # The platform binds whoever creates a namespace, by this name: expected while the person is in the organization.
    creators = rows.where("binding", lambda name: name == "admin") & rows.where("role", lambda name: name == "admin")
    creators &= rows.pairs(people & creators, of_the_house)
    if context.threshold(CHECK, "creators"):
        creators[:] = False
    return context.findings(rows.pairs(people, beside_teams) & ~creators, "has direct access")


CHECK = Check(
    id="direct-user",
    title="A person bound directly instead of through a team",
    severity="low",
    confidence="medium",
    why=(
        "The organization works with teams, and whoever leaves a team loses its access. What a person was granted "
        "directly remains."
    ),
    remedy=TAKE_AWAY,
    needs=(*BINDINGS, "namespaces", "groups"),
    find=_find,
    fixed_by="subject",
    thresholds={"creators": Threshold(0, "1: also report people who created the namespace")},
)
