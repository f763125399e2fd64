"""What somebody can come to hold on a route, and the step by which that happens."""

from enum import IntEnum
from typing import Final, NamedTuple

from audit.rbac.subjects import Identity


class Certainty(IntEnum):
    """How sure a route is; a route is as sure as its least sure step."""

    CERTAIN = 0
    POSSIBLE = 1  # needs a running pod, an object that exists, or that no admission refuses it
    UNKNOWN = 2  # a list that decides was not read


WORDS: Final = ("certain", "possible", "unknown")


class NodeKind(IntEnum):
    """What kind of thing is held."""

    TOKEN = 0  # an identity, with a token that the registry takes
    API = 1  # an identity in requests to API servers only
    ANY = 2  # any account of a namespace, with its token
    ANY_API = 3
    GAIN = 4  # a role, bound to whomever the holder chooses
    JOIN = 5  # membership of a group


EACH_NAMESPACE: Final = -1  # in place of a namespace: bound in each, and not cluster-wide
# In place of the row of a role.
EVERY_RIGHT: Final = -11
EVERY_CLUSTER_ROLE: Final = -12
EVERY_LOCAL_ROLE: Final = -13
COVERED_ROLES: Final = -14  # all whose rights `who` has already


class Node(NamedTuple):
    """Something that is held. Namespaces are text positions of the snapshot; 0 is every namespace."""

    kind: NodeKind
    who: Identity | None = None
    space: int = 0
    role: int = 0  # of a GAIN: row of the role table, or one of the numbers above


class RouteStep(NamedTuple):
    """How a node is reached: from `parents`, the first of which holds `rights` in `space`."""

    node: Node
    certainty: Certainty
    steps: int
    parents: tuple[Node, ...] = ()
    rights: int = 0
    space: int = 0
