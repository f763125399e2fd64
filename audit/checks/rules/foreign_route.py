"""A route to images of another organization."""

from collections.abc import Iterator, Sequence
from functools import partial

from audit.checks.bindings import EVERY
from audit.checks.check import BINDINGS, Check, Finding
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY
from audit.checks.route_rows import RouteRow, lower
from audit.rbac.subjects import ACCOUNT, GROUP, Identity, home
from audit.routes.names import EACH
from audit.tables.schemas import YES, Severity
from audit.tenancy.platform import OPEN


def _find(context: CheckContext) -> Iterator[Finding]:
    rows = (row for row in context.routes.rows if row.action != "create" and crosses(context, row))
    yield from context.routes.findings(rows, partial(_severity, context))


def _severity(context: CheckContext, rows: Sequence[RouteRow]) -> Severity:
    """Return how grave it is; less where each account was given its access: foreign-account reports that."""
    severity: Severity = "high" if any(row.action == "push" for row in rows) else "medium"
    return lower(severity) if all(_by_own_account(context, row) for row in rows) else severity


def _by_own_account(context: CheckContext, row: RouteRow) -> bool:
    """Return whether it ends with an account of the own organization that a binding gives this access."""
    own = context.organizations.of_subject(context.zone, row.kind, row.subject)
    if ":" not in row.through or context.owner(home(row.through)) not in own:
        return False
    place, repository = ("" if name == EVERY else name for name in (row.namespace, row.repository))
    return context.further.may(Identity(ACCOUNT, row.through), row.action, place, repository) == YES


def crosses(context: CheckContext, row: RouteRow) -> bool:
    """Return whether a route leads from one organization to another. Who maps images is left to `any-image`."""
    if row.subject.startswith(f"{EACH}:") or (row.maps and row.namespace == EVERY):
        return False
    organizations = context.organizations
    targets = organizations.with_namespaces if row.namespace == EVERY else {context.owner(row.namespace)} - {""}
    own = organizations.of_subject(context.zone, row.kind, row.subject)
    if row.kind == GROUP and row.subject in OPEN:
        return bool(targets)
    # Somebody of no organization is as the account that it becomes first is.
    own = own or frozenset({context.owner(home(row.through))} - {""})
    return bool(own) and bool(targets - own)


CHECK = Check(
    id="foreign-route",
    title="A way to images of another organization",
    severity="high",
    confidence="high",
    why=(
        "Nobody gave this subject access in the other organization's namespace, and it comes there by becoming an "
        "account that has it, by giving itself a role, or by pointing a tag at the image. The finding names the whole "
        "way, what closes it, and what remains then. It is less severe where an account of the own organization was "
        "given the access, which foreign-account reports; for pull than for push; and for what is only possible."
    ),
    remedy=TAKE_AWAY,
    needs=(*BINDINGS, "groups", "namespaces"),
    routes=True,
    find=_find,
)
