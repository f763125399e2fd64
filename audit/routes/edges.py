"""The single steps of a subject, as people and tests read them."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from audit.rbac.subjects import ACCOUNTS, Identity
from audit.routes.closure import IMAGE_RIGHTS, Facts
from audit.routes.coverage import covered_roles
from audit.routes.holdings import NOTHING_HELD, HeldRights
from audit.routes.moves import WRITE_BINDINGS
from audit.routes.nodes import EVERY_RIGHT, Certainty, Node, NodeKind
from audit.routes.rights import bits, names_of

ANY_IMAGE: Final = "any image"
ANY_RIGHT: Final = "any right"


class Edge(NamedTuple):
    """One step: by which right in which namespace (`*`: every one), whom or what it reaches, and how sure that is."""

    mechanism: str  # name of a right
    namespace: str
    reaches: str  # an account, `system:serviceaccounts:N` for any of N, a role, a user or group, or ANY_IMAGE
    certainty: Certainty
    api_only: bool = False


def edges_of(facts: Facts, who: Identity) -> Iterator[Edge]:
    """Yield every step that a subject can make by its own rights; some several times."""
    held = facts.held(who, frozenset())
    for node, certainty, rights, space in facts.moves.of(who, held):
        namespace = facts.holdings.space_name(space)
        api_only = node.kind in {NodeKind.API, NodeKind.ANY_API}
        for mechanism in names_of(rights):
            for reached in _reached(facts, node):
                yield Edge(mechanism, namespace, reached, certainty, api_only)
    wide = held.get(0, NOTHING_HELD)
    for space, in_space in held.items():
        yield from _others(facts, who, space, in_space | wide)


def _others(facts: Facts, who: Identity, space: int, held: HeldRights) -> Iterator[Edge]:
    """Yield what somebody may bind for having it already, and where images can be changed or copied."""
    namespace = facts.holdings.space_name(space)
    if held.granted & WRITE_BINDINGS & bits("create rolebindings"):
        for row in covered_roles(facts.holdings, who, space):
            yield Edge("create rolebindings", namespace, facts.holdings.role_name(row), Certainty.CERTAIN)
    for mechanism in names_of(held.possible & IMAGE_RIGHTS):
        sure = Certainty.CERTAIN if bits(mechanism) & held.granted else Certainty.UNKNOWN
        yield Edge(mechanism, namespace, ANY_IMAGE, sure)


def _reached(facts: Facts, node: Node) -> Iterator[str]:
    """Yield what a node is called; each role that it stands for."""
    holdings = facts.holdings
    if node.kind in {NodeKind.ANY, NodeKind.ANY_API}:
        yield f"{ACCOUNTS}:{holdings.space_name(node.space)}" if node.space else ACCOUNTS
    elif node.kind is not NodeKind.GAIN:
        yield node.who.name if node.who else ""
    elif node.role == EVERY_RIGHT:
        yield ANY_RIGHT
    elif node.role < 0:
        yield from (holdings.role_name(row) for row in facts.rows(node))
    else:
        yield holdings.role_name(node.role)
