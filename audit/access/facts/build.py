"""Snapshot -> the tables of facts; findings, exceptions and changes are made of these."""

from audit.access.facts.coverage import coverage
from audit.access.facts.inventory import inventory
from audit.access.tables import tables_of
from audit.snapshot.model import Snapshot
from audit.snapshot.scope import Scope
from audit.tables.model import Table, table_of
from audit.tenancy.membership import organizations_table
from audit.tenancy.organizations import ORGANIZATION_LABEL


def facts_of(
    snapshot: Snapshot, scope: Scope | None = None, *, organization_label: str = ORGANIZATION_LABEL
) -> dict[str, Table]:
    """Return the tables of what exists in one zone and who can do what; `scope` says what is reported on."""
    scope = scope or Scope()
    return {
        **tables_of(snapshot, scope.namespaces),
        **inventory(snapshot, scope.namespaces, organization_label=organization_label),
        "organizations": organizations_table(snapshot, scope.namespaces, label=organization_label),
        "coverage": coverage(snapshot, scope.excluded),
        "usage": table_of("usage", ()),
        "routes": table_of("routes", ()),
    }
