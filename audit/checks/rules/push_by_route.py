"""Somebody who may only pull can push another way."""

from collections.abc import Iterator

from audit.checks.bindings import EVERY
from audit.checks.check import BINDINGS, Check, Finding
from audit.checks.context import CheckContext
from audit.checks.remedies import TAKE_AWAY
from audit.checks.route_rows import RouteRow
from audit.checks.rules.foreign_route import crosses
from audit.rbac.subjects import ACCOUNT, Identity, home
from audit.routes.names import EACH
from audit.tables.schemas import YES
from audit.tenancy.platform_names import ACCOUNTS


def _find(context: CheckContext) -> Iterator[Finding]:
    rows = (row for row in context.routes.rows if row.action == "push" and not crosses(context, row))
    yield from context.routes.findings((row for row in rows if _only_pulls(context, row)), lambda _: "high")


def _only_pulls(context: CheckContext, row: RouteRow) -> bool:
    """Return whether the subject may pull where it may not push, and is no account at home: any-account reports it."""
    at_home = row.kind == ACCOUNT and home(row.subject) in {EACH, row.namespace}
    if at_home and (row.by_account or row.subject.partition(":")[2] in ACCOUNTS):
        return False
    if row.subject.startswith(f"{EACH}:"):
        return True  # every account may pull in its namespace, unless somebody took that away
    place = "" if row.namespace == EVERY else row.namespace
    repository = "" if row.repository == EVERY else row.repository
    return context.further.may(Identity(row.kind, row.subject), "pull", place, repository) == YES


CHECK = Check(
    id="push-by-route",
    title="Somebody who may only pull can push another way",
    severity="high",
    confidence="high",
    why=(
        "The bindings say that this subject only pulls, and a review passes them as harmless. It can replace what is "
        "pulled all the same: as an account that pushes, with a role that it gives itself, or by pointing a tag at "
        "another image."
    ),
    remedy=TAKE_AWAY,
    needs=(*BINDINGS, "groups", "namespaces"),
    routes=True,
    find=_find,
)
