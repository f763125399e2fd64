"""Routes in sentences, one a step."""

from collections.abc import Iterator
from typing import Final

from audit.rbac.subjects import Identity
from audit.routes.closure import Way
from audit.routes.cuts import Cuts
from audit.routes.names import RouteNames
from audit.routes.nodes import (
    COVERED_ROLES,
    EVERY_CLUSTER_ROLE,
    EVERY_LOCAL_ROLE,
    EVERY_RIGHT,
    Certainty,
    Node,
    NodeKind,
    RouteStep,
)
from audit.routes.rights import names_of
from audit.routes.routes import Routes

_SHOWN: Final = 3
_SURE: Final = {
    Certainty.CERTAIN: "",
    Certainty.POSSIBLE: " (possible: needs a running pod, an object that exists, or that nothing refuses it)",
    Certainty.UNKNOWN: " (unknown: a list that decides was not read)",
}


class RouteSentences:
    """Tells the routes of one zone."""

    def __init__(self, routes: Routes, cuts: Cuts, names: RouteNames) -> None:
        self._routes, self._cuts, self._names = routes, cuts, names

    def steps(self, holder: Identity, way: Way, action: str, place: str) -> Iterator[str]:
        """Yield a sentence for each step of a way, the last of which says what is reached."""
        closure = self._routes.reached(holder).closure
        path = [step for step in closure.path(way.nodes) if step.rights]
        for step in path:
            yield self._step(step)
        last = way.nodes[0] if way.nodes else Node(NodeKind.TOKEN, holder)
        who = self.node(last)
        if way.rights:
            by = self._by(way.nodes[-1], way.rights, way.space)
            done = "points tags at images there" if action == "push" else "copies images there, and pulls the copies"
            yield f"{self.node(way.nodes[-1])} {done}: {', '.join(names_of(way.rights))}{by}, so {action} of {place}"
        else:
            yield f"{who} may {action} in {place}"

    def _step(self, step: RouteStep) -> str:
        holder = step.parents[0]
        may = ", ".join(names_of(step.rights))
        where = self._names.where(step.space)
        by = self._by(holder, step.rights, step.space)
        return f"{self.node(holder)} has {may} in {where}{by} and becomes {self.node(step.node)}{_SURE[step.certainty]}"

    def _by(self, holder: Node, rights: int, space: int) -> str:
        names = self._names.bindings(self._cuts.giving(holder, rights, space))
        if not names:
            return ""
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return f" by {', '.join(names[:_SHOWN])}{more}"

    def node(self, node: Node) -> str:
        """Return what is held, in words."""
        where = self._names.where(node.space)
        if node.kind in {NodeKind.ANY, NodeKind.ANY_API}:
            return f"any service account of {where}{'' if node.kind is NodeKind.ANY else ', in the API only'}"
        if node.kind is NodeKind.GAIN:
            return f"holder of {self._role(node.role)} in {where}"
        if node.kind is NodeKind.JOIN:
            return f"member of group {node.who.name if node.who else ''}"
        return f"{self._names.named(node.who)}{'' if node.kind is NodeKind.TOKEN else ', in the API only'}"

    def _role(self, role: int) -> str:
        words = {
            EVERY_RIGHT: "every right",
            EVERY_CLUSTER_ROLE: "any cluster role",
            EVERY_LOCAL_ROLE: "any role of it",
            COVERED_ROLES: "any role whose rights it has itself",
        }
        return words.get(role) or f"role {self._routes.holdings.role_name(role)}"
