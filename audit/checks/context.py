"""The input of a check: the facts and tables of one zone, its organizations, and the settings of checks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np

from audit.checks.bindings import DirectGrant, DirectGrants, sentence
from audit.checks.check import Check, Finding, GrantFindings
from audit.checks.further_rights import FurtherRights
from audit.checks.remedies import RemovalCommands
from audit.checks.roles import Roles
from audit.checks.route_rows import JudgedRoutes
from audit.checks.settings import Settings
from audit.rbac.misspelt import meant_by
from audit.rbac.subjects import ACCOUNT, ACCOUNTS, ANONYMOUS, GROUP, USER, Identity, home, virtual_groups
from audit.snapshot.model import Snapshot
from audit.snapshot.scope import Scope
from audit.tables.arrays import Mask
from audit.tables.model import Table
from audit.tenancy.organizations import Organizations, organizations_of
from audit.tenancy.platform import OPEN


class CheckContext:
    """The input of a check for one zone; `now` is when its facts were read, so that ages do not depend on the clock."""

    def __init__(
        self,
        snapshot: Snapshot,
        tables: Mapping[str, Table],
        now: datetime,
        settings: Settings | None = None,
        scope: Scope | None = None,
    ) -> None:
        """Store the facts, and the tables that `audit.access.facts.build.facts_of` builds from them."""
        self.snapshot = snapshot
        self.tables = tables
        self.now = now
        self.scope = scope or Scope()
        self._settings = settings or Settings()
        self.platform = self._settings.platform.seen_in(snapshot)
        self.label = self._settings.organization_label
        self.zone = snapshot.origin.zone

    @cached_property
    def bindings(self) -> DirectGrants:
        """Return the grants that name their subject directly."""
        return DirectGrants(self.tables["grants"])

    @cached_property
    def organizations(self) -> Organizations:
        """Return the organizations of the zone."""
        return organizations_of(self.snapshot, self.label)

    def owner(self, namespace: str) -> str:
        """Return the organization of a namespace; empty when it has none or is not listed."""
        return self.organizations.of_namespace(self.zone, namespace)

    @cached_property
    def roles(self) -> Roles:
        """Return the rules of roles."""
        return Roles(self.snapshot)

    @cached_property
    def further(self) -> FurtherRights:
        """Return the rights that lead to other identities or images."""
        return FurtherRights(self.snapshot, self.scope)

    @cached_property
    def routes(self) -> JudgedRoutes:
        """Return the routes of the zone."""
        return JudgedRoutes(self)

    @cached_property
    def with_repositories(self) -> frozenset[str]:
        """Return the namespaces that have repositories."""
        return frozenset(self.tables["repositories"].text("namespace").compact().values)

    @cached_property
    def remover(self) -> RemovalCommands:
        """Return the commands that remove subjects from bindings."""
        return RemovalCommands(self.snapshot)

    @cached_property
    def listed(self) -> frozenset[str]:
        """Return the namespaces that the zone lists."""
        return frozenset(self.snapshot.strings[code] for code in self.snapshot.tables["namespaces"]["name"].tolist())

    @cached_property
    def strangers(self) -> Mask:
        """Return for each row of `bindings` whether its subject is outside the platform."""
        rows, trusts = self.bindings, self.platform.trusts
        found = np.zeros(len(rows), dtype=bool)
        for kind in (USER, GROUP, ACCOUNT):
            found |= rows.of(kind, lambda name, kind=kind: not trusts(kind, name))  # type: ignore[misc]
        return found

    @cached_property
    def outsiders(self) -> Mask:
        """Return `strangers` without groups that include everybody: other checks report access of these groups."""
        everybody = self.bindings.of(GROUP, OPEN.__contains__)
        return self.strangers & ~everybody & ~self.bindings.of(USER, lambda name: name == ANONYMOUS)

    @cached_property
    def misspelt(self) -> Mask:
        """Return for each row of `bindings` whether its subject is probably a misspelt built-in group."""
        rows = self.bindings
        users = rows.of(USER, lambda name: bool(meant_by(USER, name)))
        absent = rows.where("account", lambda state: state == "absent")
        return users | (rows.of(GROUP, lambda name: bool(meant_by(GROUP, name))) & absent)

    @cached_property
    def own(self) -> Mask:
        """Return for each row of `bindings` whether its namespace belongs to the platform."""
        return self.bindings.where("namespace", self.platform.has)

    def left_out(self, namespace: str) -> bool:
        """Return whether a namespace exists, but is excluded by the configuration."""
        return namespace in self._left_out

    @cached_property
    def _left_out(self) -> frozenset[str]:
        if self.scope.namespaces is None:
            return frozenset()
        namespaces = np.unique(self.snapshot.tables["bindings"]["namespace"]).tolist()
        there = self.listed | {self.snapshot.strings[code] for code in namespaces if code}
        return there - {*self.scope.namespaces}

    @cached_property
    def elsewhere(self) -> Mask:
        """Return for each row of `bindings` whether its subjects are service accounts of another namespace."""
        rows = self.bindings
        accounts = rows.of(ACCOUNT) | rows.of(GROUP, lambda name: name.startswith(f"{ACCOUNTS}:"))
        return rows.pairs(accounts & rows.local & self.strangers, lambda subject, namespace: home(subject) != namespace)

    @cached_property
    def foreign_accounts(self) -> Mask:
        """Return for each row of `bindings` whether its subjects are service accounts of another organization."""

        def foreign(subject: str, namespace: str) -> bool:
            theirs, ours = self.owner(home(subject)), self.owner(namespace)
            return bool(theirs and ours) and theirs != ours

        return self.bindings.pairs(self.elsewhere, foreign)

    @cached_property
    def pushing_accounts(self) -> Sequence[DirectGrant]:
        """Return the grants in single namespaces that let accounts outside the platform push."""
        rows = self.bindings
        return list(rows.bound(rows.of(ACCOUNT) & rows.local & self.strangers & rows.can("push")))

    def threshold(self, check: Check, name: str) -> int:
        """Return the configured or default value of a threshold."""
        return self._settings.thresholds.get(check.id, {}).get(name, check.thresholds[name].default)

    @cached_property
    def pushers(self) -> frozenset[Identity]:
        """Return the subjects of bindings that grant push anywhere."""
        able = self.bindings.can("push")
        return frozenset(
            Identity(kind, name) for kind in (USER, GROUP, ACCOUNT) for name in self.bindings.names(kind, able)
        )

    def pushes(self, account: str) -> bool:
        """Return whether an account can push anywhere, by its own bindings or those of its groups."""
        who = Identity(ACCOUNT, account)
        return any(
            subject in self.pushers for subject in (who, *(Identity(GROUP, name) for name in virtual_groups(who)))
        )

    @property
    def use_days(self) -> int:
        """Return how long, in days, access that is `not used` has not been used; 0 if use is not known."""
        table = self.tables["access"]
        never = table.numbers("unused_days")[table.where("used", {"not used"}) & table.where("last_used", {""})]
        return int(never.max(initial=0))

    def days_ago(self, days: int) -> str:
        """Return the time `days` days before the facts were read (RFC 3339), which sorts as a string."""
        longest = (self.now.astimezone(UTC) - datetime.min.replace(tzinfo=UTC)).days
        return f"{self.now.astimezone(UTC) - timedelta(days=min(days, longest)):%Y-%m-%dT%H:%M:%SZ}"

    def findings(self, rows: Mask, what: str) -> Iterator[GrantFindings]:
        """Yield a finding for each subject of each binding in `rows`; `what` is the predicate of its sentence."""
        grants = self.bindings.bound(rows)
        remedies = ["\n".join(self.remover.take_away(grant)) for grant in grants]
        yield GrantFindings(self.zone, grants, [sentence(grant, what) for grant in grants], remedies)

    def finding(
        self, bound: DirectGrant, detail: str, remedy: Iterable[str] | None = None, evidence_in: str = "grants"
    ) -> Finding:
        """Return a finding about one subject of one binding; the default remedy removes it from the binding."""
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
            evidence_in=evidence_in,
            rows=bound.rows,
            remedy=tuple(self.remover.take_away(bound) if remedy is None else remedy),
        )
