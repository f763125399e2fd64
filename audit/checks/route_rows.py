"""The table `routes` as checks read it: whose routes are news, what closes them, and what is not known."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from audit.checks.bindings import EVERY, SPELLED, DirectGrant, listed
from audit.checks.check import Finding
from audit.rbac.subjects import (
    ACCOUNT,
    EVERY_LOGIN,
    GROUP,
    USER,
    Identity,
    home,
    is_virtual,
    may_join,
    virtual_groups,
)
from audit.routes.moves import BUILDS, CERTAIN_ANY, POSSIBLE_ANY
from audit.routes.names import EACH
from audit.routes.rights import ALL, names_of
from audit.routes.table import NOT_FOLLOWED
from audit.tables.model import Table
from audit.tables.schemas import NO, SEVERITIES, UNKNOWN, YES, Severity
from audit.tenancy.platform_names import ACCOUNTS as DEFAULT_ACCOUNTS

if TYPE_CHECKING:
    from audit.checks.context import CheckContext

ANY_ACCOUNT: Final = CERTAIN_ANY | POSSIBLE_ANY | BUILDS
_ANY_NAMES: Final = frozenset(names_of(ANY_ACCOUNT))
_COLUMNS: Final = (
    "namespace",
    "repository",
    "subject_kind",
    "subject",
    "action",
    "certainty",
    "through",
    "mechanisms",
    "route",
    "bindings",
    "survives",
)
_RANK: Final = {"certain": 0, "possible": 1, "unknown": 2}
_MOST: Final = 10  # commands of a remedy
_ROUTE: Final = 400  # characters of a route in a sentence

_Gravity = Callable[[Sequence["RouteRow"]], Severity]


class RouteRow(NamedTuple):
    """A row of the table `routes`."""

    namespace: str
    repository: str
    kind: str
    subject: str
    action: str
    certainty: str
    through: str
    mechanisms: str
    route: str
    bindings: str
    survives: str

    @property
    def first(self) -> frozenset[str]:
        """Return the rights by which the first step is made."""
        return frozenset(self.mechanisms.partition(" > ")[0].split(", "))

    @property
    def by_account(self) -> bool:
        """Return whether the first step makes the subject any account of a namespace."""
        return bool(self.first & _ANY_NAMES)

    @property
    def maps(self) -> bool:
        """Return whether the last step maps an image by its digest."""
        return self.mechanisms.endswith("create imagestreammappings")

    @property
    def place(self) -> str:
        """Return where it leads, for a sentence."""
        if self.namespace == EVERY:
            return "every namespace"
        return self.namespace if self.repository == EVERY else f"{self.namespace}/{self.repository}"


class JudgedRoutes:
    """The routes of one zone that are news: those of subjects that are not the platform's own."""

    def __init__(self, context: "CheckContext") -> None:
        self._context = context
        self._all = [*_decoded(context.tables["routes"])]

    @cached_property
    def rows(self) -> Sequence[RouteRow]:
        """Return the rows that say what somebody comes to, or may; not what a wider group comes to as well."""
        trusts = self._context.platform.trusts
        own = [
            row
            for row in self._all
            if row.kind in {USER, GROUP, ACCOUNT} and row.route != NOT_FOLLOWED and not trusts(row.kind, row.subject)
        ]
        own = [row for row in own if row.kind != ACCOUNT or not self._usual(row.subject)]
        places: dict[tuple[str, str], list[tuple[str, str, int]]] = defaultdict(list)
        for row in self._all:
            if row.kind == GROUP and row.route != NOT_FOLLOWED:
                places[row.subject, row.action].append((row.namespace, row.repository, _RANK[row.certainty]))
        return [row for row in own if not self._implied(row, places)]

    def _usual(self, account: str) -> bool:
        """Return whether an account is one that every namespace has, with the rights that it has everywhere."""
        return account.partition(":")[2] in DEFAULT_ACCOUNTS and account not in self._unusual

    @cached_property
    def _unusual(self) -> frozenset[str]:
        """Return the default accounts that were given more, also as `*:NAME`."""
        found = {
            one.grant.subject
            for one in self._context.further.giving(ALL, named=True)
            if one.grant.kind == ACCOUNT and not one.usual
        }
        return frozenset(found | {f"{EACH}:{name.partition(':')[2]}" for name in found})

    def _implied(self, row: RouteRow, places: Mapping[tuple[str, str], Iterable[tuple[str, str, int]]]) -> bool:
        rank = _RANK[row.certainty]
        return any(
            place in {EVERY, row.namespace} and repository in {EVERY, row.repository} and other <= rank
            for group in self.groups(Identity(row.kind, row.subject))
            for place, repository, other in places.get((group, row.action), ())
        )

    def groups(self, who: Identity) -> Iterator[str]:
        """Yield the groups whose access a subject has beside its own; of a group, those that all its members are in."""
        yield from virtual_groups(who)
        if who.kind == GROUP and may_join(who) and not is_virtual(who.name):
            yield EVERY_LOGIN
        if who.kind == USER:
            yield from self._groups_of.get(who.name, ())

    @cached_property
    def _groups_of(self) -> Mapping[str, Sequence[str]]:
        snapshot, found = self._context.snapshot, defaultdict[str, list[str]](list)
        text, names = snapshot.strings, snapshot.tables["groups"]["name"].tolist()
        columns = (snapshot.tables["members"][name].tolist() for name in ("user", "group"))
        for user, group in zip(*columns, strict=True):
            found[text[user]].append(text[names[group]])
        return found

    @property
    def made(self) -> bool:
        """Return whether routes were looked for: `indirect` then says something wherever the direct answer is no."""
        access = self._context.tables["access"]
        denied = np.logical_or.reduce([access.numbers(action) == NO for action in ("pull", "push", "create")])
        return not bool((denied & access.where("indirect", {""})).any())

    @cached_property
    def not_followed(self) -> frozenset[tuple[str, str]]:
        """Return kind and name of the subjects whose routes were not followed."""
        trusts = self._context.platform.trusts
        found = {(row.kind, row.subject) for row in self._all if row.route == NOT_FOLLOWED}
        return frozenset(one for one in found if not trusts(*one))

    @cached_property
    def missing(self) -> Sequence[str]:
        """Return what is not known of routes, in lines for a finding."""
        if not self.made:
            return ("routes: not followed",)
        return (f"routes of {len(self.not_followed):,} subjects: not followed",) if self.not_followed else ()

    def misses(self, kind: str, subject: str) -> bool:
        """Return whether the routes of a subject are not known."""
        return not self.made or (kind, subject) in self.not_followed

    def findings(self, rows: Iterable[RouteRow], severity: _Gravity) -> Iterator[Finding]:
        """Yield findings about routes, one for each subject and cut; one for all that are not known."""
        known: dict[tuple[str, str, str], list[RouteRow]] = defaultdict(list)
        loose: dict[tuple[str, str], list[RouteRow]] = defaultdict(list)
        unknown: list[RouteRow] = []
        for row in rows:
            if row.certainty == "unknown":
                unknown.append(row)
            else:
                known[row.kind, row.subject, row.bindings].append(row)
        own: dict[DirectGrant, list[RouteRow]] = defaultdict(list)
        for (kind, subject, _), some in known.items():
            cut = self._cut(some[0])
            if len(cut) == 1 and (cut[0].kind, cut[0].subject) == (kind, subject):
                own[cut[0]] += some
            else:
                loose[kind, subject] += some
        for grant, some in own.items():
            yield self._finding(some, severity(some), grant)
        for some in loose.values():
            yield self._finding(some, severity(some), None)
        if unknown:
            yield self._unknown(unknown)

    def _finding(self, rows: Sequence[RouteRow], severity: Severity, grant: DirectGrant | None) -> Finding:
        rows = sorted(rows, key=lambda row: (_RANK[row.certainty], len(row.mechanisms)))
        first = rows[0]
        places = sorted({row.namespace for row in rows})
        sure = first.certainty == "certain"
        return Finding(
            zone=self._context.zone,
            namespace=grant.namespace if grant else places[0] if len(places) == 1 else EVERY,
            subject_kind=first.kind,
            subject=first.subject,
            binding_kind=grant.binding_kind if grant else "",
            binding=grant.binding if grant else "",
            role_kind=grant.role_kind if grant else "",
            role=grant.role if grant else "",
            detail=f"{SPELLED[first.kind]} {first.subject} {'comes' if sure else 'may come'} to {_reach(rows)}: "
            f"{_short(first.route)}{_remains(rows)}",
            evidence_in="routes",
            rows=len(rows),
            remedy=self._remedy(rows),
            severity=severity if sure else lower(severity),
            confidence=None if sure else "low",
        )

    def _remedy(self, rows: Sequence[RouteRow]) -> tuple[str, ...]:
        cuts = {row.bindings: self._cut(row) for row in rows}
        lines = dict.fromkeys(
            line for cut in cuts.values() for grant in cut for line in self._context.remover.take_away(grant)
        )
        if not lines:
            return ("# No bindings were found that close it: the table routes has every step.",)
        if len(lines) > _MOST:
            return (f"# {len(lines)} bindings lead there: the column bindings of the table routes has them.",)
        return (*lines,)

    def _cut(self, row: RouteRow) -> list[DirectGrant]:
        """Return the subjects of bindings that a cut takes out: the subject's own, else those that it acts as."""
        found: list[DirectGrant] = []
        for namespace, name in self._bindings(row.bindings):
            grants = self._context.remover.subjects_of(namespace, name)
            acting = Identity(ACCOUNT if ":" in row.through and not is_virtual(row.through) else row.kind, row.through)
            mine = _among(grants, [(row.kind, row.subject)])
            mine = mine or _among(grants, [(GROUP, one) for one in self.groups(Identity(row.kind, row.subject))])
            found += mine or _among(grants, [acting, *((GROUP, one) for one in self.groups(acting))]) or grants
        return found

    def _bindings(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield namespace (EVERY: cluster-wide) and name of the bindings in a cell; a name may hold the separator."""
        parts = text.split(", ") if text else []
        while parts:
            for end in range(1, len(parts) + 1):
                first, slash, rest = ", ".join(parts[:end]).partition("/")
                place = (first, rest) if slash else (EVERY, first)
                if (not slash or first != EACH) and self._context.remover.has(*place):
                    yield place
                    break
            else:
                end = 1
            parts = parts[end:]

    def _unknown(self, rows: Sequence[RouteRow]) -> Finding:
        subjects = sorted({row.subject for row in rows})
        return Finding(
            zone=self._context.zone,
            namespace=EVERY,
            detail=f"whether there is a route for {listed(subjects)} depends on what is not known, for example whose "
            f"token is in a secret: {_short(rows[0].route)}",
            evidence_in="routes",
            rows=len(rows),
            remedy=("# Ask for what is not known: explain SUBJECT --routes tells each step.",),
            answer=UNKNOWN,
            severity="low",
        )

    def at_home(self) -> Mapping[str, tuple[Sequence[RouteRow], Sequence[DirectGrant]]]:
        """Return by name the accounts that may not push in their namespace and are any account of it.

        With their routes, and the grants that make them so. `*:NAME` are accounts of a name whose routes are alike.
        """
        further = self._context.further
        grants: dict[str, list[DirectGrant]] = defaultdict(list)
        for found in further.giving(ANY_ACCOUNT):
            one = found.grant
            if one.kind == ACCOUNT and one.namespace in {EVERY, home(one.subject)} and not found.usual:
                grants[one.subject].append(one)
        routes: dict[str, list[RouteRow]] = defaultdict(list)
        for row in self.rows:
            if row.kind == ACCOUNT and row.by_account and row.certainty != "unknown":
                routes[row.subject].append(row)
        for subject in [*grants]:
            if subject not in routes:
                grants[f"{EACH}:{subject.partition(':')[2]}"] += grants.pop(subject)
        found_at = {}
        for subject in sorted(routes.keys() & grants.keys()):
            giving = [one for one in grants[subject] if not self._pushes_at_home(one.subject)]
            if giving:
                found_at[subject] = routes[subject], giving
        return found_at

    def _pushes_at_home(self, account: str) -> bool:
        return self._context.further.may(Identity(ACCOUNT, account), "push", home(account)) == YES

    def account_findings(self, severity: Severity) -> Iterator[Finding]:
        """Yield a finding for each entry of `at_home`."""
        for subject, (rows, grants) in self.at_home().items():
            several = len({one.subject for one in grants}) > 1
            one = grants[0] if len({(one.binding_kind, one.role_kind, one.role) for one in grants}) == 1 else None
            made = self._finding(rows, severity, one if len(grants) == 1 else None)
            by = listed(sorted({f"{grant.binding_kind} {grant.binding}" for grant in grants}))
            who = f"service accounts {subject.partition(':')[2]}" if several else f"service account {subject}"
            where = f"of {len({home(one.subject) for one in grants}):,} namespaces" if several else ""
            lines = [line for grant in grants[:_MOST] for line in self._context.remover.take_away(grant)]
            if len(grants) > _MOST:
                lines.append(f"# and so for {len(grants) - _MOST:,} more bindings of the same names")
            yield replace(
                made,
                namespace=made.namespace if made.binding else EVERY if several else home(grants[0].subject),
                subject=subject,
                role_kind=one.role_kind if one else "",
                role=one.role if one else "",
                detail=f"{who} {where}".strip() + f" may not push in the own namespace, and can become any service "
                f"account of it through {by}; {made.detail}",
                remedy=tuple(lines),
            )


def _among(grants: Sequence[DirectGrant], who: Iterable[tuple[str, str]]) -> list[DirectGrant]:
    wanted = {(kind, name) for kind, name in who}
    return [grant for grant in grants if (grant.kind, grant.subject) in wanted]


def _decoded(table: Table) -> Iterator[RouteRow]:
    columns = (table.text(name).strings() for name in _COLUMNS)
    return map(RouteRow, *columns)


def _reach(rows: Sequence[RouteRow]) -> str:
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        found[row.action].add(row.place)
    return "; ".join(f"{action} in {listed(sorted(found[action]))}" for action in sorted(found, reverse=True))


def _remains(rows: Sequence[RouteRow]) -> str:
    survives = sorted({name for row in rows for name in [row.survives] if name})
    return f". Another route remains without {listed(survives)} alone" if survives else ""


def _short(route: str) -> str:
    return route if len(route) <= _ROUTE else f"{route[:_ROUTE]}…"


def only_unknown(rows: Iterable[RouteRow]) -> Iterator[RouteRow]:
    """Yield the rows of which it is not known whether there is a route."""
    return (row for row in rows if row.certainty == "unknown")


def lower(severity: Severity) -> Severity:
    """Return the severity of what is only possible."""
    return SEVERITIES[min(SEVERITIES.index(severity) + 1, len(SEVERITIES) - 1)]
