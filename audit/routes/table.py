"""The table `routes`, and the column `indirect` of the table `access`."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from typing import Final

import numpy as np

from audit import console
from audit.rbac.subjects import ACCOUNT, ACCOUNTS, GROUP, Identity, home
from audit.routes.candidates import candidates
from audit.routes.closure import TooManyRoutes, Way
from audit.routes.cuts import Cut, Cuts
from audit.routes.names import EACH, RouteNames
from audit.routes.nodes import WORDS, Certainty, Node, NodeKind
from audit.routes.rights import names_of
from audit.routes.routes import Routes, Target
from audit.routes.sentences import RouteSentences
from audit.snapshot.model import Snapshot
from audit.tables.model import Table, Text, table_of
from audit.tables.schemas import NO, YES

Row = dict[str, str | int]
INDIRECT: Final = ("", "no", "unknown", "possible", "yes")
_OF_CERTAINTY: Final = {"certain": "yes", "possible": "possible", "unknown": "unknown"}
_ACTIONS: Final = ("pull", "push", "create")
NOT_FOLLOWED: Final = "not followed: this zone has more routes than are followed in one run"


class RouteRows:
    """The rows of the table `routes` of one zone."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.routes = Routes(snapshot)
        self.names = RouteNames(snapshot)
        self.cuts = Cuts(self.routes)
        self.sentences = RouteSentences(self.routes, self.cuts, self.names)
        self._zone = snapshot.origin.zone
        self._identities = self.routes.holdings.bound.subjects.identities
        self.left = 0  # subjects whose routes were not followed

    def rows(self) -> list[Row]:
        """Return all rows, by place and subject."""
        found = candidates(self.routes.holdings)
        rows: list[Row] = []
        for who in self.routes.stand_ins():
            rows += self.followed(who, cut=False)
        for position in found.closer:
            rows += self.followed(self._identities[position])
            self.routes.forget()
        rows += self._folded([self._identities[position] for position in found.own])
        for position in found.mapping:
            rows += self._mapped(self._identities[position])
        return sorted(rows, key=_order)

    def followed(self, who: Identity, *, cut: bool = True) -> list[Row]:
        """Return the rows of one subject; if that is too much, rows that say that nothing is known of it."""
        try:
            return self.of(who, cut=cut)
        except TooManyRoutes:
            self.left += 1
            return [
                self._unknown(who, action) for action in _ACTIONS if self.routes.direct(who, (0, "", action)) != YES
            ]

    def _unknown(self, who: Identity, action: str) -> Row:
        return {
            "zone": self._zone,
            "namespace": "*",
            "repository": "*",
            "subject_kind": who.kind,
            "subject": self.names.who(who),
            "action": action,
            "certainty": WORDS[Certainty.UNKNOWN],
            "steps": 1,
            "route": NOT_FOLLOWED,
            "count": 1,
        }

    def of(self, who: Identity, *, cut: bool = True) -> list[Row]:
        """Return the rows of one subject."""
        none = Cut((), ())
        return [
            self._row(who, target, way, self.cuts.of(who, target, way) if cut else none)
            for target, way in self.routes.new(who).items()
        ]

    def _row(self, who: Identity, target: Target, way: Way, cut: Cut) -> Row:
        space, repository, action = target
        namespace = self.names.space(space)
        place = f"{namespace}/{repository}" if repository else namespace
        return {
            "zone": self._zone,
            "namespace": namespace,
            "repository": repository or "*",
            "subject_kind": who.kind,
            "subject": self.names.who(who),
            "action": action,
            "certainty": WORDS[way.certainty],
            "through": self._through(who, way),
            "mechanisms": self._mechanisms(who, way),
            "steps": max(way.steps, 1),
            "route": "; ".join(self.sentences.steps(who, way, action, place if place != "*" else "every namespace")),
            "bindings": ", ".join(self.names.bindings(cut.bindings)),
            "survives": ", ".join(self.names.bindings(cut.survives)),
            "count": 1,
        }

    def _through(self, who: Identity, way: Way) -> str:
        node: Node = way.nodes[0] if way.nodes else Node(NodeKind.TOKEN, who)
        return self.names.who(node.who) if node.who else ""

    def _mechanisms(self, who: Identity, way: Way) -> str:
        path = self.routes.reached(who).closure.path(way.nodes)
        steps = [", ".join(names_of(step.rights)) for step in path if step.rights]
        return " > ".join([*steps, *([", ".join(names_of(way.rights))] if way.rights else [])])

    def _mapped(self, who: Identity) -> list[Row]:
        """Return the row of a subject that can map images and comes to nothing else."""
        rows = self.followed(who, cut=False)
        try:
            mapping = self.routes.reached(who).ways.get((0, "", "pull"))
            giving = self.cuts.on(who, mapping) if mapping else []
        except TooManyRoutes:
            return rows
        cut = ", ".join(self.names.bindings(giving[-1] if giving else ()))
        self.routes.forget()
        return [row | {"bindings": cut} for row in rows]

    def _folded(self, accounts: Iterable[Identity]) -> list[Row]:
        """Return one row for accounts of the same name whose routes stay in their own namespaces and are alike."""
        alike: dict[tuple[object, ...], list[Identity]] = defaultdict(list)
        for account in accounts:
            alike[self._signature(account)].append(account)
        rows: dict[tuple[object, ...], Row] = {}
        for some in alike.values():
            with self.names.folded(home(some[0].name) if len(some) > 1 else ""):
                found = self.followed(some[0])
            self.routes.forget()
            for row in found:
                # A row about what was not followed has no `through`.
                names = ("subject", "action", "certainty", "namespace", "through", "route")
                key = tuple(row.get(name, "") for name in names)
                before = rows.get(key, {"count": 0})
                rows[key] = {**row, "count": len(some) + int(before["count"])}
        return list(rows.values())

    def _signature(self, account: Identity) -> tuple[object, ...]:
        """Return what two accounts have in common whose routes are alike but for the name of their namespace."""
        holdings, namespace = self.routes.holdings, home(account.name)
        space = holdings.snapshot.code(namespace)
        group = holdings.bound.subjects.position(Identity(GROUP, f"{ACCOUNTS}:{namespace}"))
        subjects = [(other.name.partition(":")[2], other) for other in holdings.accounts.get(namespace, ())]
        own = [
            (name, holdings.state(other), self._entries(holdings.bound.subjects.position(other), space))
            for name, other in subjects
        ]
        return account.name.partition(":")[2], tuple(own), self._entries(group, space)

    def _entries(self, position: int, space: int) -> tuple[tuple[str, int], ...]:
        """Return the rules and the name of the binding of each entry of a subject in a namespace."""
        holdings = self.routes.holdings
        names = holdings.snapshot.tables["bindings"]["name"]
        return tuple(
            (holdings.rules_of_role[role], int(names[binding]))
            for place, role, binding in (holdings.all_entries(position) if position >= 0 else ())
            if place == space
        )


def _order(row: Row) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in ("namespace", "repository", "subject_kind", "subject", "action"))


def with_routes(snapshot: Snapshot, tables: Mapping[str, Table], namespaces: Iterable[str] | None) -> dict[str, Table]:
    """Return the table `routes`, and `access` with the column `indirect`; `namespaces` are reported on (None: all)."""
    made = RouteRows(snapshot)
    rows = made.rows()
    if made.left:
        console.note(f"{snapshot.origin.zone}: the routes of {made.left:,} subjects were not followed, and are unknown")
    wanted = None if namespaces is None else {*namespaces, "*"}
    shown = [row for row in rows if wanted is None or row["namespace"] in wanted]
    access = tables["access"]
    column = _Indirect(access, rows, made.routes).column()
    return {
        "routes": table_of("routes", shown),
        "access": Table("access", {**access.columns, "indirect": column}),
    }


class _Indirect:
    """What the rows of the table `routes` say of subjects, members of groups among them."""

    def __init__(self, access: Table, rows: Iterable[Row], routes: Routes) -> None:
        self._access, self._routes = access, routes
        self._of: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in rows:
            self._of[str(row["subject_kind"]), str(row["subject"])].append(row)

    def column(self) -> Text:
        """Return the column, as positions in INDIRECT."""
        access = self._access
        denied = {action: access.numbers(action) == NO for action in _ACTIONS}
        codes = np.where(np.logical_or.reduce([*denied.values()]), 1, 0).astype(np.int32)
        kinds, subjects = access.text("subject_kind"), access.text("subject")
        key = kinds.codes.astype(np.int64) * max(len(subjects.values), 1) + subjects.codes
        different, of_row = np.unique(key[codes > 0], return_inverse=True)
        found = []
        for code in different.tolist():
            kind, subject = divmod(code, max(len(subjects.values), 1))
            found.append(self._rows_of(Identity(kinds.values[kind], subjects.values[subject])))
        some = np.array([bool(rows) for rows in found], dtype=bool)
        at = np.flatnonzero(codes > 0)[some[of_row]] if found else np.zeros(0, dtype=np.intp)
        spaces, repositories = (access.text(name) for name in ("namespace", "repository"))
        for row, of in zip(at.tolist(), of_row[some[of_row]].tolist() if found else (), strict=True):
            place = spaces.values[spaces.codes[row]], repositories.values[repositories.codes[row]]
            actions = {action for action, no in denied.items() if no[row]}
            codes[row] = max(codes[row], *(_says(row, *place, actions) for row in found[of]))
        return Text(codes, INDIRECT)

    def _rows_of(self, who: Identity) -> list[Row]:
        """Return the rows about a subject, the groups that it is in, and what was not seen."""
        holdings = self._routes.holdings
        identities = holdings.bound.subjects.identities
        everybody = [*self._routes.stand_ins(who), *(identities[at] for at in holdings.acts_as(who))]
        rows = [row for identity in dict.fromkeys((who, *everybody)) for row in self._of.get(identity, ())]
        if who.kind == ACCOUNT:
            namespace, _, name = who.name.partition(":")
            folded = self._of.get((ACCOUNT, f"{EACH}:{name}"), ())
            rows += [row | {"namespace": namespace} for row in folded]
        return rows


def _says(row: Row, namespace: str, repository: str, actions: Container[str]) -> int:
    """Return the position in INDIRECT of what a route says of a place where these actions are denied."""
    here = row["namespace"] in {"*", namespace} and row["repository"] in {"*", repository}
    return INDIRECT.index(_OF_CERTAINTY[str(row["certainty"])]) if here and row["action"] in actions else 0
