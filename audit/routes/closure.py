"""Everything that one subject can come to hold, each by its surest and then shortest route."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final, NamedTuple

import numpy as np

from audit.access.login import admitted
from audit.access.rights import Rights
from audit.access.subjects import ANY_PERSON, ANYBODY
from audit.rbac.rules import EVERYTHING, NEEDS, PULL, judge_text
from audit.rbac.subjects import ACCOUNT, ACCOUNTS, ANONYMOUS, GROUP, USER, Identity, may_join
from audit.routes.coverage import bindable_by_coverage
from audit.routes.holdings import ANY_NAME, NOTHING_HELD, HeldRights, Holdings
from audit.routes.moves import Move, Moves
from audit.routes.nodes import COVERED_ROLES, EVERY_CLUSTER_ROLE, EVERY_RIGHT, Certainty, Node, NodeKind, RouteStep
from audit.routes.rights import ALL, CLUSTER_ONLY, RoleRights, bits, judge_rights
from audit.tables.schemas import YES

ACTIONS: Final = ("pull", "push", "create")
MOST_LOOKED: Final = 700_000  # steps, weighed by what they are combined with: some 20 to 40 seconds for a zone
CERTAIN, POSSIBLE, UNKNOWN = Certainty.CERTAIN, Certainty.POSSIBLE, Certainty.UNKNOWN
_MAPPING: Final = bits("create imagestreammappings")
_TAGS: Final = bits("create imagestreamtags", "update imagestreamtags", "update imagestreams")
_TAG_NAMES: Final = bits("update imagestreamtags")
_IMPORTS: Final = bits("create imagestreamimports")
_SPLIT: Final = bits("get imagestreams/layers, asked apart")
_OF_IMAGES: Final = _MAPPING | _TAGS | _IMPORTS | _SPLIT
IMAGE_RIGHTS: Final = _MAPPING | _TAGS | _IMPORTS

Place = tuple[int, str]  # text position of the namespace (0: every one), and repository ("": every one)


class Given(NamedTuple):
    """Rights of the registry in one place."""

    space: int
    repository: str
    granted: int
    possible: int


class Served(NamedTuple):
    """What a caller may do in the registry (namespace, repository, action), for sure or perhaps; where it may pull.

    `spaces` are the namespaces where it holds anything of the registry; 0 is every one.
    """

    sure: frozenset[tuple[int, str, str]]
    unsure: frozenset[tuple[int, str, str]]
    pulls: frozenset[int]
    unsure_pulls: frozenset[int]
    spaces: frozenset[int]


class ImageRight(NamedTuple):
    """A right on the image stream `stream` ("": on all) of a namespace: bits of it, and whether it is granted."""

    space: int
    stream: str
    rights: int
    sure: bool


class ImageRights(NamedTuple):
    """What an identity can do with images: map them, import them, point tags at them, and copy them by a tag."""

    maps: list[ImageRight]
    imports: list[ImageRight]
    tags: list[ImageRight]
    copies: list[ImageRight]
    sure_tags: dict[Place, ImageRight]  # of the tags, those for sure


class Way(NamedTuple):
    """How an action in a place is reached: with which rights as whom, and whether as an image's copy."""

    certainty: Certainty
    steps: int
    nodes: tuple[Node, ...]  # that are needed at the end
    rights: int = 0  # by which the last of them changes or copies images; 0: it has the access itself
    space: int = 0  # where it holds these


class Gained(NamedTuple):
    """What a role gives to whom it is bound."""

    rights: RoleRights
    registry: tuple[tuple[str, int], ...]  # repository, and rights


class TooManyRoutes(Exception):
    """More was looked at in a zone than is reasonable: what else there is stays unknown."""


class Facts:
    """What closures of one zone have in common. They raise TooManyRoutes once they have looked at MOST_LOOKED."""

    def __init__(self, holdings: Holdings) -> None:
        self.holdings = holdings
        self.moves = Moves(holdings)
        self.looked = 0
        self._held: dict[Identity, dict[int, HeldRights]] = {}
        self._given: dict[Identity, list[Given]] = {}
        self._gained: dict[Node, Gained] = {}
        self._accounts: dict[int, list[tuple[Identity, Certainty]]] = {}
        self._moves: dict[tuple[Identity, bool], list[Move]] = {}
        self._bindings: dict[Identity, frozenset[int]] = {}
        self._served: dict[Identity, Served] = {}
        self._images: dict[Identity, ImageRights] = {}

    def look(self, weight: int) -> None:
        """Count that somebody's steps or actions are looked for. Raises TooManyRoutes if that was too often."""
        self.looked += weight
        if self.looked > MOST_LOOKED:
            raise TooManyRoutes

    def bindings(self, who: Identity) -> frozenset[int]:
        """Return the bindings (rows of the binding table) that give an identity anything."""
        if who not in self._bindings:
            positions = self.holdings.acts_as(who)
            entries = (entry for position in positions for entry in self.holdings.all_entries(position))
            self._bindings[who] = frozenset(binding for _, _, binding in entries)
        return self._bindings[who]

    def base_moves(self, who: Identity, without: frozenset[int], *, token: bool) -> list[Move]:
        """Return the steps that an identity can make by its own rights."""
        if without and not without.isdisjoint(self.bindings(who)):
            return [*self.moves.of(who, self.held(who, without), token=token)]
        key = who, token
        if key not in self._moves:
            self._moves[key] = [*dict.fromkeys(self.moves.of(who, self.held(who, frozenset()), token=token))]
        return self._moves[key]

    def held(self, who: Identity, without: frozenset[int]) -> dict[int, HeldRights]:
        """Return what an identity holds by namespace, without some bindings."""
        if who == ANY_PERSON:
            return self._uncertain
        if without and not without.isdisjoint(self.bindings(who)):
            return self._with_uncertain(who, self.holdings.held(self.holdings.acts_as(who), without))
        if who not in self._held:
            self._held[who] = self._with_uncertain(who, self.holdings.held(self.holdings.acts_as(who)))
        return self._held[who]

    def _with_uncertain(self, who: Identity, held: dict[int, HeldRights]) -> dict[int, HeldRights]:
        """Add what groups may give whose members are not known, where the identity holds anything itself."""
        if not self.holdings.may_be_in_any_group(who):
            return held
        both = {space: held.get(space, NOTHING_HELD) for space in {*held, 0}}
        return {space: rights | self._uncertain.get(space, NOTHING_HELD) for space, rights in both.items()}

    @cached_property
    def _uncertain(self) -> dict[int, HeldRights]:
        return self.holdings.held(self.holdings.ordinary_groups, uncertain=True)

    def given(self, who: Identity, without: frozenset[int]) -> list[Given]:
        """Return the registry rights that the bindings of an identity give, by place."""
        if without and not without.isdisjoint(self.bindings(who)):
            return self._given_to(who, without)
        if who not in self._given:
            self._given[who] = self._given_to(who, without)
        return self._given[who]

    def _given_to(self, who: Identity, without: frozenset[int]) -> list[Given]:
        bound, found = self.holdings.bound, dict[tuple[int, str], Rights[int]]()
        uncertain = who == ANY_PERSON
        for position in self.holdings.ordinary_groups if uncertain else self.holdings.acts_as(who):
            if bound.subjects.inert[position]:
                continue
            for space, role, binding in self.holdings.registry_entries(position):
                if binding in without:
                    continue
                first = int(bound.roles.first[role])
                for at in range(first, first + int(bound.roles.count[role])):
                    repository = bound.roles.repositories[int(bound.roles.repository[at])]
                    granted = 0 if uncertain else int(bound.roles.granted[at])
                    rights = Rights(granted, int(bound.roles.possible[at]))
                    found[space, repository] = found.get((space, repository), Rights(0, 0)) | rights
        return [Given(*place, rights.granted, rights.possible) for place, rights in found.items() if rights.possible]

    def served(self, who: Identity, without: frozenset[int]) -> Served:
        """Return what an identity may do in the registry itself."""
        if without and not without.isdisjoint(self.bindings(who)):
            return self.served_with(who, self.given(who, without))
        if who not in self._served:
            self._served[who] = self.served_with(who, self.given(who, without))
        return self._served[who]

    def served_with(self, who: Identity, given: Iterable[Given]) -> Served:
        """Return what a caller with these rights may do. Without pull, the registry refuses everything else as well."""
        given = [*given]
        united = _United(given)
        sure, unsure = set[tuple[int, str, str]](), set[tuple[int, str, str]]()
        for space, repository in united.places():
            rights = self._admitted(who, united.at(space, repository), space, repository)
            for action in ACTIONS if rights.possible & PULL else ():
                needed = NEEDS[action]
                if rights.granted & needed == needed:
                    sure.add((space, repository, action))
                elif rights.possible & needed == needed:
                    unsure.add((space, repository, action))
        pulls, unsure_pulls = (
            frozenset(space for space, _, action in some if action == "pull") for some in (sure, unsure)
        )
        return Served(frozenset(sure), frozenset(unsure), pulls, unsure_pulls, frozenset(held.space for held in given))

    def _admitted(self, who: Identity, held: Rights[int], space: int, repository: str) -> Rights[int]:
        """Return what remains of rights for a caller that may not be served; see `audit.access.login`."""
        authorizer = self.holdings.authorizer
        login = authorizer.login(who)
        if login is None:
            return held
        namespace = self.holdings.snapshot.strings[space]
        anonymous = authorizer.rights_by_rbac(Identity(USER, ANONYMOUS), namespace, repository)
        rows = [
            Rights(np.array([rights.granted], dtype=np.int32), np.array([rights.possible], dtype=np.int32))
            for rights in (held, anonymous, login)
        ]
        left = admitted(rows[0], rows[1], rows[2], np.zeros(1, dtype=bool))
        return Rights(int(left.granted[0]), int(left.possible[0]))

    def images(self, who: Identity, without: frozenset[int]) -> ImageRights:
        """Return what an identity can do with images; what it may pull from the registry itself, it need not copy."""
        if without and not without.isdisjoint(self.bindings(who)):
            return self._image_rights(who, without)
        if who not in self._images:
            self._images[who] = self._image_rights(who, without)
        return self._images[who]

    def _image_rights(self, who: Identity, without: frozenset[int]) -> ImageRights:
        found = image_rights(self.held(who, without))
        if not found.copies:
            return found
        pulled = {
            (space, repository) for space, repository, action in self.served(who, without).sure if action == "pull"
        }
        copies = [
            copy
            for copy in found.copies
            if pulled.isdisjoint({(copy.space, copy.stream), (copy.space, ""), (0, copy.stream), (0, "")})
        ]
        return found._replace(copies=copies)

    def gained(self, node: Node) -> Gained:
        """Return what the role of a GAIN gives."""
        if node not in self._gained:
            self._gained[node] = self._of_gain(node)
        return self._gained[node]

    def _of_gain(self, node: Node) -> Gained:
        if node.role == EVERY_RIGHT:
            return Gained(RoleRights(ALL, frozenset()), (("", EVERYTHING),))
        rights, named, registry = 0, set[tuple[int, str]](), dict[str, int]()
        for row in self.rows(node):
            text = self.holdings.rules(row)
            more, limited = judge_rights(text)
            rights |= more
            named |= limited
            for capability in judge_text(text):
                registry[capability.repository] = registry.get(capability.repository, 0) | capability.rights
        mask = ALL if node.space == 0 else ALL & ~CLUSTER_ONLY
        limited = frozenset(pair for pair in named if pair[0] & mask)
        return Gained(RoleRights(rights & mask, limited), tuple(registry.items()))

    def rows(self, node: Node) -> Iterable[int]:
        """Return the rows of the roles that a GAIN stands for."""
        if node.role >= 0:
            return [node.role]
        if node.role == COVERED_ROLES and node.who:
            return bindable_by_coverage(self.holdings, node.who, max(node.space, 0))
        if node.role == EVERY_CLUSTER_ROLE:
            return self.holdings.cluster_roles
        return self.holdings.roles_in(node.space)

    @cached_property
    def almighty(self) -> frozenset[Identity]:
        """Return the subjects of bindings that may push and create in every namespace by their own bindings alone."""
        bound = self.holdings.bound
        wide = np.flatnonzero(bound.namespace == 0)
        found = set()
        for position in set(bound.subject[wide].tolist()):
            who = bound.subjects.identities[position]
            if self.holdings.authorizer.answer(who, "create", "") == YES:
                found.add(who)
        return frozenset(found)

    def accounts_in(self, space: int) -> list[tuple[Identity, Certainty]]:
        """Return the accounts of a namespace (0: of every one) that bindings name, and one that stands for others."""
        if space not in self._accounts:
            self._accounts[space] = [*self._accounts_in(space)]
        return self._accounts[space]

    def _accounts_in(self, space: int) -> Iterator[tuple[Identity, Certainty]]:
        holdings = self.holdings
        if space:
            namespaces = [holdings.snapshot.strings[space]]
        else:
            groups = holdings.bound.subjects.names[holdings.bound.subjects.account_groups]
            namespaces = sorted({*holdings.accounts, *(name.removeprefix(f"{ACCOUNTS}:") for name in groups)})
        for namespace in namespaces:
            listed = holdings.snapshot.lists(namespace)
            for account in holdings.accounts.get(namespace, ()):
                present = holdings.state(account) == "present"
                yield account, CERTAIN if present else POSSIBLE
            # Every namespace that exists has the account `default`.
            yield Identity(ACCOUNT, f"{namespace}:{ANY_NAME}"), CERTAIN if listed else POSSIBLE
        if not space:
            yield Identity(ACCOUNT, f"{ANY_NAME}:{ANY_NAME}"), CERTAIN


class Closure:
    """What `start` can come to hold without some bindings (rows of the binding table)."""

    def __init__(self, facts: Facts, start: Identity, without: frozenset[int] = frozenset()) -> None:
        self.facts = facts
        self.start = start
        self.without = without
        self.steps: dict[Node, RouteStep] = {}
        self.everything = False  # whether somebody was reached who may do everything: nothing is added to that
        self._heap: list[tuple[int, int, int, RouteStep]] = []
        self._order = count()
        self.gains: list[Node] = []
        self._gained: dict[int, HeldRights] = {}  # what they give together, by namespace
        self._registry: set[tuple[int, str, int]] = set()
        self.joined: list[Node] = []
        self.identities: list[Node] = []
        itself = Node(NodeKind.TOKEN, start)
        self._push(RouteStep(itself, CERTAIN, 0))
        if start == ANYBODY:
            for space in sorted(facts.holdings.blind):
                gain = Node(NodeKind.GAIN, None, space, EVERY_RIGHT)
                self._push(RouteStep(gain, UNKNOWN, 1, (itself,), 0, space))
        self._stale = False  # whether something was gained since the identities' steps were looked for
        self._fresh: set[int] = set()  # namespaces in which it was gained
        while self._heap and not self.everything:
            certainty, steps, _, step = heappop(self._heap)
            if step.node not in self.steps:
                self.steps[step.node] = step
                self._expand(step)
            if self._stale and (not self._heap or self._heap[0][:2] > (certainty, steps)):
                fresh, self._fresh, self._stale = self._fresh, set(), False
                for identity in self.identities:
                    self._combine(identity, fresh)

    def _push(self, step: RouteStep) -> None:
        if step.node not in self.steps:
            heappush(self._heap, (step.certainty, step.steps, next(self._order), step))

    def _expand(self, step: RouteStep) -> None:
        node = step.node
        if node.kind in {NodeKind.ANY, NodeKind.ANY_API}:
            kind = NodeKind.TOKEN if node.kind is NodeKind.ANY else NodeKind.API
            accounts = self.facts.accounts_in(node.space)
            best = [pair for pair in accounts if pair[0] in self.facts.almighty and pair[1] is CERTAIN]
            for account, certainty in best[:1] if kind is NodeKind.TOKEN and best else accounts:
                reached = Node(kind, account)
                self._push(RouteStep(reached, max(step.certainty, certainty), step.steps, (node,)))
        elif node.kind is NodeKind.GAIN:
            self._gain(node)
        elif node.kind is NodeKind.JOIN:
            self.joined.append(node)
            self._fresh.add(0)
            sure = step.certainty if self._has_person else max(step.certainty, POSSIBLE)
            self._push(RouteStep(Node(NodeKind.TOKEN, node.who), sure, step.steps, (node,)))
            self._stale = True
        elif Node(NodeKind.TOKEN, node.who) not in self.steps or node.kind is NodeKind.TOKEN:
            self.identities.append(node)
            self.everything = node.kind is NodeKind.TOKEN and node.who in self.facts.almighty
            if not self.everything:
                self._move(node)

    def _gain(self, node: Node) -> None:
        """Note a role that can be bound, unless it adds nothing to those before it."""
        self.everything = not node.space and node.role == EVERY_RIGHT
        (rights, named), registry = self.facts.gained(node)
        space = max(node.space, 0)
        before = self._gained.get(space, NOTHING_HELD) | self._gained.get(0, NOTHING_HELD)
        new = {(space, name, rights) for name, rights in registry} - self._registry
        if new or rights & ~before.granted or named - before.named:
            self._registry |= new
            self._gained[space] = self._gained.get(space, NOTHING_HELD) | HeldRights(rights, rights, named)
            self.gains.append(node)
            self._fresh.add(space)
            self._stale = True

    @cached_property
    def _has_person(self) -> bool:
        """Return whether the subject is a person, or its members are: only people can be listed in groups."""
        start = self.start
        return (start.kind == USER and start.name != ANONYMOUS) or (
            start.kind == GROUP and (may_join(start) or start.name == "system:authenticated:oauth")
        )

    def joins(self, node: Node) -> bool:
        """Return whether an identity can be a member of groups."""
        who = node.who
        assert who is not None  # noqa: S101  an identity
        return who.kind == USER or (who == self.start and self._has_person)

    def _move(self, node: Node) -> None:
        """Add the steps that an identity can make, first without what was gained."""
        assert node.who is not None  # noqa: S101  an identity
        self.facts.look(1)
        token = node.kind is NodeKind.TOKEN
        self._add_steps(node, self.facts.base_moves(node.who, self.without, token=token), ())
        self._combine(node, {*self._gained})

    def _combine(self, node: Node, spaces: Collection[int]) -> None:
        """Add the steps that an identity can make with what was gained in these namespaces (0: in every one)."""
        assert node.who is not None  # noqa: S101  an identity
        joined = self.joined if self.joins(node) else []
        if not joined and not (self.gains and self.combines(node)):
            return
        self.facts.look(1 + len(self.gains))
        own = self.facts.held(node.who, self.without)
        # What a right allows in a namespace depends on what is held there and everywhere.
        everywhere = bool(joined) or 0 in spaces
        held = dict(own) if everywhere else {space: own[space] for space in (0, *spaces) if space in own}
        for space in self._gained if everywhere else spaces:
            held[space] = held.get(space, NOTHING_HELD) | self._gained[space]
        if 0 in self._gained and not everywhere:
            held[0] = held.get(0, NOTHING_HELD) | self._gained[0]
        for group in joined:
            self.add_gain(held, group)
        moves = self.facts.moves.of(node.who, held, token=node.kind is NodeKind.TOKEN)
        self._add_steps(node, moves, (*self.gains, *joined))

    def combines(self, node: Node) -> bool:
        """Return whether what was gained may allow more together with what an identity has itself.

        What it allows alone, it allows the subject too.
        """
        who = node.who
        if who is None or who == self.start:
            return True
        held, own = self.facts.held(who, self.without), self.facts.held(self.start, self.without)
        spaces = self.facts.served(who, self.without).spaces
        if held.get(0, NOTHING_HELD) != own.get(0, NOTHING_HELD) or 0 in spaces:
            return True
        if 0 in self._gained:
            return len(held) > 1 or bool(spaces)
        return not (held.keys().isdisjoint(self._gained) and spaces.isdisjoint(self._gained))

    def add_gain(self, held: dict[int, HeldRights], gain: Node) -> None:
        """Add to what is held what was gained."""
        if gain.kind is NodeKind.JOIN and gain.who:
            for space, more in self.facts.held(gain.who, self.without).items():
                held[space] = held.get(space, NOTHING_HELD) | more
            return
        rights, named = self.facts.gained(gain).rights
        space = max(gain.space, 0)
        held[space] = held.get(space, NOTHING_HELD) | HeldRights(rights, rights, named)

    def _add_steps(self, node: Node, moves: Iterable[Move], extra: tuple[Node, ...]) -> None:
        by_space: dict[int, tuple[tuple[Node, ...], Certainty, int]] = {}
        for reached, sure, rights, space in moves:
            if reached in self.steps:
                continue
            if space not in by_space:
                self.facts.look(1 + len(extra) // 8)
                parents = (node, *near(extra, space))
                known = [self.steps[parent] for parent in parents]
                by_space[space] = parents, max(step.certainty for step in known), max(step.steps for step in known)
            parents, certainty, steps = by_space[space]
            self._push(RouteStep(reached, max(sure, certainty), steps + 1, parents, rights, space))

    def path(self, nodes: Iterable[Node]) -> list[RouteStep]:
        """Return the steps that lead to all of `nodes`, in order, without the start."""
        found: dict[Node, RouteStep] = {}

        def visit(node: Node) -> None:
            if node not in found:
                step = self.steps[node]
                for parent in step.parents:
                    visit(parent)
                found[node] = step

        for node in nodes:
            visit(node)
        return [step for step in found.values() if step.parents]


def near(extra: Iterable[Node], space: int) -> tuple[Node, ...]:
    """Return which of what was gained counts in a namespace (0: in every one)."""
    return tuple(gain for gain in extra if gain.kind is NodeKind.JOIN or gain.space <= 0 or gain.space == space)


class Reached:
    """The actions in places that a closure leads to."""

    def __init__(self, closure: Closure) -> None:
        self.closure = closure
        self.facts = closure.facts
        self.ways: dict[tuple[int, str, str], Way] = {}
        # Of the ways, those that no later one is better than.
        self._settled: set[tuple[int, str, str]] = set()
        self._settled_pulls: set[int] = set()
        self._settled_tags: set[Place] = set()
        self._pulls: dict[int, Way] = {}  # where anything can be pulled, by namespace
        # Where images can be mapped to, imported to, pointed at by a tag, and copied from.
        self._maps: dict[int, Way] = {}
        self._imports: dict[int, Way] = {}
        self._pushes: dict[Place, Way] = {}
        self._tags: dict[tuple[int, Node], Way] = {}  # of identities that can copy images
        self._copies: dict[tuple[int, str, Node], Way] = {}
        steps = closure.steps
        for node in sorted(closure.identities, key=lambda identity: (steps[identity].certainty, steps[identity].steps)):
            self._collect(node)
        self._images()

    def _levels(self, node: Node) -> Iterator[tuple[Node, ...]]:
        """Yield what an identity can use together with it: nothing, then what was gained, the surest first."""
        closure = self.closure
        yield ()
        gains = (closure.gains if closure.combines(node) else []) + (closure.joined if closure.joins(node) else [])
        before = 0
        for level in Certainty:
            some = tuple(gain for gain in gains if closure.steps[gain].certainty <= level)
            if len(some) > before:
                before = len(some)
                yield some

    def _way(self, node: Node, extra: tuple[Node, ...]) -> Way:
        steps = [self.closure.steps[parent] for parent in (node, *extra)]
        return Way(max(step.certainty for step in steps), max(step.steps for step in steps), (node, *extra))

    def _collect(self, node: Node) -> None:
        for extra in self._levels(node):
            self.facts.look(1 + len(extra))
            self._effects(node, extra)
            if node.kind is NodeKind.TOKEN:
                self._registry(node, extra)

    def _registry(self, node: Node, extra: tuple[Node, ...]) -> None:
        """Add what an identity may do in the registry itself."""
        assert node.who is not None  # noqa: S101  an identity
        itself = node.who == self.closure.start and not extra
        if not extra:
            self._serve(self._way(node, ()), self.facts.served(node.who, self.closure.without), itself=itself)
            return
        given = [*self.facts.given(node.who, self.closure.without)]
        for gain in extra:
            if gain.kind is NodeKind.JOIN and gain.who:
                given += self.facts.given(gain.who, self.closure.without)
            else:
                registry = self.facts.gained(gain).registry
                given += [Given(max(gain.space, 0), name, rights, rights) for name, rights in registry]
        giving = tuple(gain for gain in extra if self._gives(gain))
        served = self.facts.served_with(node.who, given)
        for space in sorted({space for some in (served.sure, served.unsure) for space, _, _ in some}):
            way = self._way(node, near(giving, space))
            here = [frozenset(place for place in some if place[0] == space) for some in (served.sure, served.unsure)]
            pulls, unsure_pulls = served.pulls & {space}, served.unsure_pulls & {space}
            self._serve(way, Served(here[0], here[1], pulls, unsure_pulls, served.spaces), itself=itself)

    def _serve(self, way: Way, served: Served, *, itself: bool) -> None:
        """Add what may be done by a way; what a subject may do by itself counts only for what it can pull."""
        unsure = way if way.certainty is UNKNOWN else way._replace(certainty=UNKNOWN)
        # Identities come in the order of their ways: what was reached with nothing but an identity is reached best.
        alone = len(way.nodes) == 1
        for space in sorted(served.pulls - self._settled_pulls):
            _better(self._pulls, space, way)
        for space in sorted(served.unsure_pulls):
            _better(self._pulls, space, unsure)
        if alone:
            self._settled_pulls |= served.pulls
        if itself:
            return
        for target in sorted(served.sure - self._settled):
            _better(self.ways, target, way)
        for target in sorted(served.unsure):
            _better(self.ways, target, unsure)
        if alone:
            self._settled |= served.sure

    def _gives(self, gain: Node) -> bool:
        return gain.kind is NodeKind.JOIN or bool(self.facts.gained(gain).registry)

    def _effects(self, node: Node, extra: tuple[Node, ...]) -> None:
        """Note where an identity can change or copy images."""
        assert node.who is not None  # noqa: S101  an identity
        if not extra:
            way = self._way(node, ())
            self._note(node, self.facts.images(node.who, self.closure.without), lambda _: way, alone=True)
            return
        held = dict(self.facts.held(node.who, self.closure.without))
        for gain in extra:
            self.closure.add_gain(held, gain)
        self._note(node, image_rights(held), lambda space: self._way(node, near(extra, space)))

    def _note(self, node: Node, images: ImageRights, way_of: Callable[[int], Way], *, alone: bool = False) -> None:
        """Note what an identity can do with images; `way_of` is how it gets to do it in a namespace.

        `alone`: with nothing but the identity itself.
        """
        for rights, found in ((images.maps, self._maps), (images.imports, self._imports)):
            for right in rights:
                _improve(found, right.space, way_of(right.space), right)
        for place in sorted(images.sure_tags.keys() - self._settled_tags):
            _improve(self._pushes, place, way_of(place[0]), images.sure_tags[place])
        for right in images.tags if images.copies or len(images.tags) > len(images.sure_tags) else ():
            _improve(self._pushes, (right.space, right.stream), way_of(right.space), right)
            if images.copies:
                _improve(self._tags, (right.space, node), way_of(right.space), right)
        if alone:
            self._settled_tags |= images.sure_tags.keys()
        for right in images.copies:
            _improve(self._copies, (right.space, right.stream, node), way_of(right.space), right)

    def _images(self) -> None:
        """Add what changing and copying images leads to."""
        for space, way in self._maps.items():
            _better(self.ways, (space, "", "push"), way)
            self._better_if(self._copied(space, way, CERTAIN), (0, ""))
        for (space, repository), way in self._pushes.items():
            _better(self.ways, (space, repository, "push"), way)
        tagging: dict[Node, Way] = {}  # the best way of each identity to point a tag at an image, and pull it there
        for (space, node), way in self._tags.items():
            if copied := self._copied(space, way, CERTAIN):
                _better(tagging, node, copied)
        for (space, repository, node), way in self._copies.items():
            if node in tagging and not self._everything_by(max(way.certainty, tagging[node].certainty)):
                both = tagging[node]
                nodes = tuple(dict.fromkeys((*both.nodes, *way.nodes)))
                self._better_if(
                    way._replace(certainty=max(way.certainty, both.certainty), nodes=nodes), (space, repository)
                )
        if not self._everything_by(POSSIBLE):
            for space, way in self._imports.items():
                # The secrets of the namespace that an image is imported to are those that count.
                for into in [space] if space else [space for space in self._pulls if space]:
                    self._import(into, way)

    def _everything_by(self, certainty: Certainty) -> bool:
        """Return whether every image can be pulled by a way that is as sure."""
        way = self.ways.get((0, "", "pull"))
        return way is not None and way.certainty <= certainty

    def _import(self, into: int, way: Way) -> None:
        copied = self._copied(into, way, POSSIBLE)
        for account, certainty in self.facts.accounts_in(into) if copied else ():
            for space, repository, granted, possible in self.facts.given(account, self.closure.without):
                if copied and possible & PULL:
                    sure = max(certainty, POSSIBLE if granted & PULL else UNKNOWN)
                    self._better_if(copied._replace(certainty=max(copied.certainty, sure)), (space, repository))

    def _copied(self, into: int, way: Way, least: Certainty) -> Way | None:
        """Return the way to pull what is copied to a namespace (0: to any) by `way`; None if nothing can be pulled."""
        pulls = [self._pulls[space] for space in ({into, 0} if into else self._pulls) if space in self._pulls]
        if not pulls:
            return None
        pull = min(pulls, key=lambda pull: pull[:2])
        nodes = tuple(dict.fromkeys((*pull.nodes, *way.nodes)))
        certainty = max(way.certainty, pull.certainty, least)
        return way._replace(certainty=certainty, steps=max(way.steps, pull.steps), nodes=nodes)

    def _better_if(self, way: Way | None, place: Place) -> None:
        if way:
            _better(self.ways, (*place, "pull"), way)


def _better(ways: dict[Any, Way], key: Any, way: Way) -> None:
    """Keep a way if it is surer than what is known, or as sure and shorter."""
    before = ways.get(key)
    if (
        before is None
        or way.certainty < before.certainty
        or (way.certainty == before.certainty and way.steps < before.steps)
    ):
        ways[key] = way


def _improve(ways: dict[Any, Way], key: Any, way: Way, right: ImageRight) -> None:
    """Keep a way by which a right is used, if it is better than what is known."""
    certainty = way.certainty if right.sure else UNKNOWN
    before = ways.get(key)
    if before is None or (certainty, way.steps) < (before.certainty, before.steps):
        ways[key] = Way(certainty, way.steps, way.nodes, right.rights, right.space)


def image_rights(held: Mapping[int, HeldRights]) -> ImageRights:
    """Return what held rights allow with images."""
    found = ImageRights([], [], [], [], {})
    for space, in_space in held.items():
        if not (in_space.possible & _OF_IMAGES or in_space.named):
            continue
        for wanted, rights in zip((_MAPPING, _IMPORTS, _TAGS, _SPLIT), found[:4], strict=True):
            if possible := in_space.possible & wanted:
                granted = in_space.granted & wanted
                rights.append(ImageRight(space, "", granted or possible, bool(granted)))
        for wanted, rights in ((_TAGS, found.tags), (_SPLIT, found.copies)):
            rights += [ImageRight(space, stream, bit, sure=True) for bit, stream in _streams(in_space, wanted)]
    for tag in found.tags:
        if tag.sure:
            found.sure_tags.setdefault((tag.space, tag.stream), tag)
    return found


def _streams(held: HeldRights, wanted: int) -> Iterator[tuple[int, str]]:
    """Yield the image streams of rights on single objects."""
    for bit, name in held.named:
        if bit & wanted & ~_TAG_NAMES:
            yield bit, name
        elif bit & wanted and ":" in name:
            # The name of a tag is that of its stream, a colon, and its own.
            yield bit, name.partition(":")[0]


class _United:
    """Rights of the registry from several bindings: what is granted in all namespaces or repositories holds in each."""

    def __init__(self, given: Iterable[Given]) -> None:
        self._at: dict[Place, tuple[int, int]] = {}
        for space, repository, granted, possible in given:
            before = self._at.get((space, repository), (0, 0))
            self._at[space, repository] = before[0] | granted, before[1] | possible

    def places(self) -> set[Place]:
        """Return the places of the rights, and those where two of them meet."""
        everywhere = [repository for space, repository in self._at if not space and repository]
        spaces = {space for space, _ in self._at if space} if everywhere else set()
        return {*self._at, *((space, repository) for space in spaces for repository in everywhere)}

    def at(self, space: int, repository: str) -> Rights[int]:
        """Return all that holds in a place."""
        granted = possible = 0
        for place in {(0, ""), (0, repository), (space, ""), (space, repository)}:
            if place in self._at:
                granted |= self._at[place][0]
                possible |= self._at[place][1]
        return Rights(granted, possible)
