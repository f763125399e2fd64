"""All that a check may look at: the facts and tables of one zone, whose is what, and what counts as old."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np

from audit.checks.bindings import DirectGrant, DirectGrants
from audit.checks.check import Check, Finding
from audit.checks.remedies import RemovalCommands
from audit.checks.roles import Roles
from audit.checks.settings import Settings
from audit.rbac.subjects import ACCOUNT, ANONYMOUS, GROUP, USER, Identity, virtual_groups
from audit.snapshot.model import Snapshot
from audit.snapshot.scope import Scope
from audit.tables.arrays import Mask
from audit.tables.model import Table
from audit.tenancy.organizations import Organizations, organizations_of


class CheckContext:
    """One zone as checks see it. `now` is when its facts were read: what is old is old by them."""

    def __init__(
        self,
        snapshot: Snapshot,
        tables: Mapping[str, Table],
        now: datetime,
        settings: Settings | None = None,
        scope: Scope | None = None,
    ) -> None:
        """Take the facts, and the tables that `audit.access.build.facts_of` makes of them."""
        self.snapshot = snapshot
        self.tables = tables
        self.now = now
        self.scope = scope or Scope()
        self._settings = settings or Settings()
        self.platform = self._settings.platform
        self.label = self._settings.organization_label
        self.zone = snapshot.origin.zone

    @cached_property
    def bindings(self) -> DirectGrants:
        """Return who is bound to what."""
        return DirectGrants(self.tables["grants"])

    @cached_property
    def organizations(self) -> Organizations:
        """Return which organization everybody belongs to."""
        return organizations_of(self.snapshot, self.label)

    def owner(self, namespace: str) -> str:
        """Return the organization of a namespace; empty when it has none or is not listed."""
        return self.organizations.of_namespace(self.zone, namespace)

    @cached_property
    def roles(self) -> Roles:
        """Return what roles hold beside the registry."""
        return Roles(self.snapshot)

    @cached_property
    def with_repositories(self) -> frozenset[str]:
        """Return the namespaces that have repositories."""
        return frozenset(self.tables["repositories"].text("namespace").compact().values)

    @cached_property
    def remover(self) -> RemovalCommands:
        """Return how subjects are taken out of bindings."""
        return RemovalCommands(self.snapshot)

    @cached_property
    def listed(self) -> frozenset[str]:
        """Return the namespaces that the zone lists."""
        return frozenset(self.snapshot.strings[code] for code in self.snapshot.tables["namespaces"]["name"].tolist())

    @cached_property
    def strangers(self) -> Mask:
        """Say for each row of the bindings whether its subject is not the platform's own."""
        rows, trusts = self.bindings, self.platform.trusts
        found = np.zeros(len(rows), dtype=bool)
        for kind in (USER, GROUP, ACCOUNT):
            found |= rows.of(kind, lambda name, kind=kind: not trusts(kind, name))  # type: ignore[misc]
        return found

    @cached_property
    def outsiders(self) -> Mask:
        """Say the same, but for those who are everybody of some sort: what is open to all has checks of its own."""
        everybody = self.bindings.of(GROUP, lambda name: Identity(GROUP, name).virtual)
        return self.strangers & ~everybody & ~self.bindings.of(USER, lambda name: name == ANONYMOUS)

    @cached_property
    def own(self) -> Mask:
        """Say for each row of the bindings whether it lies in a namespace of the platform."""
        return self.bindings.where("namespace", self.platform.has)

    def left_out(self, namespace: str) -> bool:
        """Say whether a namespace is there, and the configuration leaves it out."""
        return namespace in self._left_out

    @cached_property
    def _left_out(self) -> frozenset[str]:
        if self.scope.namespaces is None:
            return frozenset()
        spaces = np.unique(self.snapshot.tables["bindings"]["namespace"]).tolist()
        there = self.listed | {self.snapshot.strings[code] for code in spaces if code}
        return there - {*self.scope.namespaces}

    def threshold(self, check: Check, name: str) -> int:
        """Return a number that the configuration may have changed."""
        return self._settings.thresholds.get(check.id, {}).get(name, check.thresholds[name].default)

    @cached_property
    def pushers(self) -> frozenset[Identity]:
        """Return who is bound to a right to push somewhere."""
        able = self.bindings.can("push")
        return frozenset(
            Identity(kind, name) for kind in (USER, GROUP, ACCOUNT) for name in self.bindings.names(kind, able)
        )

    def pushes(self, account: str) -> bool:
        """Say whether an account may push somewhere, by itself or as one of everybody."""
        who = Identity(ACCOUNT, account)
        return any(one in self.pushers for one in (who, *(Identity(GROUP, name) for name in virtual_groups(who))))

    def days_ago(self, days: int) -> str:
        """Return the moment that many days before the facts were read (RFC 3339): earlier texts sort before it."""
        return f"{self.now.astimezone(UTC) - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"

    def findings(self, rows: Mask, what: str) -> Iterator[Finding]:
        """Yield a finding for each subject of each binding of these rows: it `what`, and can be taken out."""
        return (
            self.finding(one, f"{one.who} {what} {one.place} by {one.through}") for one in self.bindings.bound(rows)
        )

    def finding(self, bound: DirectGrant, detail: str, remedy: Iterable[str] | None = None) -> Finding:
        """Return a finding about one subject of one binding; without a remedy of its own, it is taken out."""
        return Finding(
            zone=self.zone,
            namespace=bound.namespace,
            repository=bound.repositories,
            subject_kind=bound.kind,
            subject=bound.subject,
            binding_kind=bound.binding_kind,
            binding=bound.binding,
            role_kind=bound.role_kind,
            role=bound.role,
            detail=detail,
            evidence_in="grants",
            rows=bound.rows,
            remedy=tuple(self.remover.take_away(bound) if remedy is None else remedy),
        )
