"""Which bindings close a route when they are removed, and what remains without each of them."""

from typing import Final, NamedTuple

from audit.access.bound_subjects import NO_BINDING
from audit.rbac.subjects import Identity
from audit.routes.closure import Way
from audit.routes.nodes import Node, NodeKind
from audit.routes.routes import Routes, Target, wider

_MOST: Final = 6  # bindings of a route that are left out one by one
_SEARCHES: Final = 200  # in a zone, after which cuts are no longer made small


class Cut(NamedTuple):
    """Bindings (rows of the binding table) whose removal closes a route, and those without which it survives."""

    bindings: tuple[int, ...]
    survives: tuple[int, ...]


class Cuts:
    """Finds what closes the routes of one zone."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._searches = 0

    def giving(self, holder: Node, rights: int, space: int, without: frozenset[int] = frozenset()) -> list[int]:
        """Return the bindings by which a node has any of `rights` in a namespace (0: in every one)."""
        if holder.who is None:
            return []
        holdings = self._routes.holdings
        found = {
            source.binding
            for position in holdings.acts_as(holder.who)
            for source in holdings.sources(position)
            if source.space in {0, space} and (source.possible & rights or any(bit & rights for bit, _ in source.named))
        }
        return sorted(found - without - {NO_BINDING})

    def on(self, holder: Identity, way: Way, without: frozenset[int] = frozenset()) -> list[list[int]]:
        """Return for each step of a way the bindings that give it, first the first step."""
        closure = self._routes.reached(holder, without).closure
        steps = [
            self.giving(step.parents[0], step.rights, step.space, without)
            for step in closure.path(way.nodes)
            if step.rights
        ]
        if way.rights:
            steps.append(self.giving(way.nodes[-1], way.rights, way.space, without))
        return [some for some in steps if some]

    def reaches(self, holder: Identity, target: Target, without: frozenset[int]) -> Way | None:
        """Return the way to a target without some bindings, in the narrowest place that says so."""
        ways = self._routes.reached(holder, without).ways
        return next((ways[place] for place in (target, *wider(target)) if place in ways), None)

    def of(self, holder: Identity, target: Target, way: Way) -> Cut:
        """Return the smallest cut that was found for a route, and what survives without each binding of it."""
        steps = self.on(holder, way)
        on_path = list(dict.fromkeys(binding for some in steps for binding in some))
        if len(on_path) > _MOST or self._searches > _SEARCHES:
            return Cut(self._all_of(holder), ())
        self._searches += len(on_path)
        survives = [binding for binding in on_path if self.reaches(holder, target, frozenset({binding}))]
        closing = [binding for binding in on_path if binding not in survives]
        if closing:
            return Cut((closing[0],), tuple(survives))
        return Cut(self._several(holder, target), tuple(survives))

    def _all_of(self, holder: Identity) -> tuple[int, ...]:
        """Return all bindings by which a subject makes any first step: without them there is no route at all."""
        node = Node(NodeKind.TOKEN, holder)
        closure = self._routes.reached(holder).closure
        first = [step for step in closure.steps.values() if node in step.parents and step.rights]
        giving = {binding for step in first for binding in self.giving(node, step.rights, step.space)}
        return tuple(sorted(giving))

    def _several(self, holder: Identity, target: Target) -> tuple[int, ...]:
        """Return several bindings whose removal closes a route; none where that takes too many."""
        removed: set[int] = set()
        while (way := self.reaches(holder, target, frozenset(removed))) is not None:
            steps = self.on(holder, way, frozenset(removed))
            self._searches += 1
            if not steps or len(removed) > _MOST:
                return self._all_of(holder)
            # The subject's own step: whatever comes after it is out of its reach then.
            removed |= set(steps[0])
        for binding in sorted(removed):
            rest = frozenset(removed - {binding})
            if self.reaches(holder, target, rest) is None:
                removed = set(rest)
        return tuple(sorted(removed))
