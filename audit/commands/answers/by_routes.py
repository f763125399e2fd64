"""`--routes` of `can`, `who` and `explain`: who gets there another way, in sentences."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from audit.command_line.typed import Place
from audit.rbac.subjects import Identity
from audit.routes.closure import TooManyRoutes
from audit.routes.nodes import WORDS, Certainty
from audit.routes.table import NOT_FOLLOWED, RouteRows, Row
from audit.snapshot.model import Snapshot
from audit.tables.schemas import YES

_NONE = "no route leads there"


class PrintedRoute(NamedTuple):
    """A route in words: how sure it is, its steps, and the bindings whose removal closes it."""

    certainty: str  # a word of WORDS, or `no`
    steps: Sequence[str] = ()
    bindings: Sequence[str] = ()

    @property
    def lines(self) -> list[str]:
        """Return it as lines of text."""
        if not self.steps:
            return [f"by a route: {self.certainty}; {_NONE}"]
        cut = [f"  removing {', '.join(self.bindings)} closes it"] if self.bindings else []
        return [f"by a route: {self.certainty}", *(f"  {at}. {step}" for at, step in enumerate(self.steps, 1)), *cut]

    @property
    def record(self) -> dict[str, object]:
        """Return it for `--json`."""
        return {"certainty": self.certainty, "steps": list(self.steps), "bindings": list(self.bindings)}


def route_of(snapshot: Snapshot, who: Identity, action: str, where: Place) -> PrintedRoute | None:
    """Return the surest route of a subject to an action; None where the direct answer is yes."""
    made = RouteRows(snapshot)
    if made.routes.holdings.authorizer.answer(who, action, *where) == YES:
        return None
    try:
        return _surest(made, who, action, where)
    except TooManyRoutes:
        return PrintedRoute(WORDS[Certainty.UNKNOWN], [NOT_FOLLOWED])


def _surest(made: RouteRows, who: Identity, action: str, where: Place) -> PrintedRoute:
    routes, snapshot = made.routes, made.routes.snapshot
    route = routes.route(who, action, *where)
    if route is None:
        return PrintedRoute("no")
    target = max(snapshot.code(where.namespace), 0), where.repository, action
    place = f"{where.namespace}/{where.repository}" if where.repository else where.namespace
    steps = [*made.sentences.steps(route.holder, route.way, action, place)]
    cut = made.cuts.of(route.holder, target, route.way) if route.holder == who else None
    return PrintedRoute(WORDS[route.way.certainty], steps, made.names.bindings(cut.bindings) if cut else ())


def rows_to(snapshot: Snapshot, action: str, where: Place) -> list[Row]:
    """Return the rows of the table `routes` about an action in a place."""
    rows = RouteRows(snapshot).rows()
    return [
        row
        for row in rows
        if row["action"] == action
        and row["namespace"] in {"*", where.namespace}
        and (not where.repository or row["repository"] in {"*", where.repository})
    ]


def rows_of(snapshot: Snapshot, who: Identity, namespace: str | None) -> list[Row]:
    """Return the rows about a subject, the groups that it is in, and what was not seen."""
    made = RouteRows(snapshot)
    holdings = made.routes.holdings
    identities = holdings.bound.subjects.identities
    others = (*made.routes.stand_ins(who), *(identities[at] for at in holdings.acts_as(who)))
    everybody = [*dict.fromkeys((who, *others))]
    rows = [row for identity in everybody for row in made.followed(identity)]
    return [row for row in rows if namespace is None or row["namespace"] in {"*", namespace}]


def lines_of(rows: Sequence[Row]) -> Iterator[str]:
    """Yield rows as sentences."""
    for row in rows:
        place = row["namespace"] if row["repository"] == "*" else f"{row['namespace']}/{row['repository']}"
        cut = f"; removing {row['bindings']} closes it" if row["bindings"] else ""
        what = f"{row['subject_kind']} {row['subject']} can {row['action']} in {place}"
        yield f"{what} by a route ({row['certainty']}): {row['route']}{cut}"
