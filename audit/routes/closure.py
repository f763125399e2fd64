"""Everything that one subject can come to hold, each by its surest and then shortest route."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
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


class Facts:
    """What closures of one zone have in common."""

    def __init__(self, holdings: Holdings) -> None:
        self.holdings = holdings
        self.moves = Moves(holdings)
        self._held: dict[Identity, dict[int, HeldRights]] = {}
        self._given: dict[Identity, list[Given]] = {}
        self._gained: dict[Node, Gained] = {}
        self._accounts: dict[int, list[tuple[Identity, Certainty]]] = {}
        self._moves: dict[tuple[Identity, bool], list[Move]] = {}
        self._bindings: dict[Identity, frozenset[int]] = {}

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
        return {space: one | self._uncertain.get(space, NOTHING_HELD) for space, one in both.items()}

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
        limited = frozenset(one for one in named if one[0] & mask)
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
        while self._heap and not self.everything:
            certainty, steps, _, step = heappop(self._heap)
            if step.node not in self.steps:
                self.steps[step.node] = step
                self._expand(step)
            if self._stale and (not self._heap or self._heap[0][:2] > (certainty, steps)):
                self._stale = False
                for identity in self.identities:
                    self._move(identity)

    def _push(self, step: RouteStep) -> None:
        if step.node not in self.steps:
            heappush(self._heap, (step.certainty, step.steps, next(self._order), step))

    def _expand(self, step: RouteStep) -> None:
        node = step.node
        if node.kind in {NodeKind.ANY, NodeKind.ANY_API}:
            kind = NodeKind.TOKEN if node.kind is NodeKind.ANY else NodeKind.API
            accounts = self.facts.accounts_in(node.space)
            best = [one for one in accounts if one[0] in self.facts.almighty and one[1] is CERTAIN]
            for account, certainty in best[:1] if kind is NodeKind.TOKEN and best else accounts:
                reached = Node(kind, account)
                self._push(RouteStep(reached, max(step.certainty, certainty), step.steps, (node,)))
        elif node.kind is NodeKind.GAIN:
            self._gain(node)
        elif node.kind is NodeKind.JOIN:
            self.joined.append(node)
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
        token = node.kind is NodeKind.TOKEN
        self._add_steps(node, self.facts.base_moves(node.who, self.without, token=token), ())
        joined = self.joined if self.joins(node) else []
        if joined or (self.gains and self.combines(node)):
            held = dict(self.facts.held(node.who, self.without))
            for space, more in self._gained.items():
                held[space] = held.get(space, NOTHING_HELD) | more
            for group in joined:
                self.add_gain(held, group)
            self._add_steps(node, self.facts.moves.of(node.who, held, token=token), (*self.gains, *joined))

    def combines(self, node: Node) -> bool:
        """Return whether what was gained may allow more together with what an identity has itself.

        What it allows alone, it allows the subject too.
        """
        who = node.who
        if who is None or who == self.start:
            return True
        held, own = self.facts.held(who, self.without), self.facts.held(self.start, self.without)
        given = self.facts.given(who, self.without)
        if held.get(0, NOTHING_HELD) != own.get(0, NOTHING_HELD) or any(not one.space for one in given):
            return True
        if 0 in self._gained:
            return len(held) > 1 or bool(given)
        return any(space in held for space in self._gained) or any(one.space in self._gained for one in given)

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
        for reached, sure, rights, space in moves:
            if reached not in self.steps:
                parents = (node, *near(extra, space)) if extra else (node,)
                certainty = max(sure, *(self.steps[one].certainty for one in parents))
                steps = max(self.steps[one].steps for one in parents) + 1
                self._push(RouteStep(reached, certainty, steps, parents, rights, space))

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
    return tuple(one for one in extra if one.kind is NodeKind.JOIN or one.space <= 0 or one.space == space)


class Reached:
    """The actions in places that a closure leads to."""

    def __init__(self, closure: Closure) -> None:
        self.closure = closure
        self.facts = closure.facts
        self.ways: dict[tuple[int, str, str], Way] = {}
        self._pulls: dict[int, Way] = {}  # where anything can be pulled, by namespace
        # Where images can be mapped to, imported to, pointed at by a tag, and copied from.
        self._maps: dict[int, Way] = {}
        self._imports: dict[int, Way] = {}
        self._tags: dict[tuple[int, str, Node], Way] = {}
        self._copies: dict[tuple[int, str, Node], Way] = {}
        for node in closure.identities:
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
        steps = [self.closure.steps[one] for one in (node, *extra)]
        return Way(max(step.certainty for step in steps), max(step.steps for step in steps), (node, *extra))

    def _collect(self, node: Node) -> None:
        for extra in self._levels(node):
            self._effects(node, extra)
            if node.kind is NodeKind.TOKEN:
                self._registry(node, extra)

    def _registry(self, node: Node, extra: tuple[Node, ...]) -> None:
        """Add what an identity may do in the registry itself."""
        assert node.who is not None  # noqa: S101  an identity
        given = [*self.facts.given(node.who, self.closure.without)]
        for gain in extra:
            if gain.kind is NodeKind.JOIN and gain.who:
                given += self.facts.given(gain.who, self.closure.without)
            else:
                registry = self.facts.gained(gain).registry
                given += [Given(max(gain.space, 0), name, rights, rights) for name, rights in registry]
        itself = node.who == self.closure.start and not extra
        for space, repository in _places(given):
            rights = self._admitted(node.who, _united(given, space, repository), space, repository)
            if not rights.possible & PULL:
                continue
            way = self._way(node, tuple(one for one in near(extra, space) if self._gives(one)))
            sure = way.certainty if rights.granted & PULL else UNKNOWN
            self._better(self._pulls, space, way._replace(certainty=sure))
            for action in () if itself else ACTIONS:
                needed = NEEDS[action]
                if rights.possible & needed == needed:
                    sure = way.certainty if rights.granted & needed == needed else UNKNOWN
                    self._better(self.ways, (space, repository, action), way._replace(certainty=sure))

    def _gives(self, gain: Node) -> bool:
        return gain.kind is NodeKind.JOIN or bool(self.facts.gained(gain).registry)

    def _admitted(self, who: Identity, held: Rights[int], space: int, repository: str) -> Rights[int]:
        """Return what remains of rights for a caller that may not be served; see `audit.access.login`."""
        authorizer = self.facts.holdings.authorizer
        login = authorizer.login(who)
        if login is None:
            return held
        namespace = self.facts.holdings.snapshot.strings[space]
        anonymous = authorizer.rights_by_rbac(Identity(USER, ANONYMOUS), namespace, repository)
        rows = [
            Rights(np.array([one.granted], dtype=np.int32), np.array([one.possible], dtype=np.int32))
            for one in (held, anonymous, login)
        ]
        left = admitted(rows[0], rows[1], rows[2], np.zeros(1, dtype=bool))
        return Rights(int(left.granted[0]), int(left.possible[0]))

    def _better(self, ways: dict[Any, Way], key: Any, way: Way) -> None:
        before = ways.get(key)
        if before is None or way[:2] < before[:2]:
            ways[key] = way

    def _effects(self, node: Node, extra: tuple[Node, ...]) -> None:
        """Note where an identity can change or copy images."""
        assert node.who is not None  # noqa: S101  an identity
        held = self.facts.held(node.who, self.closure.without)
        if extra:
            held = dict(held)
            for gain in extra:
                self.closure.add_gain(held, gain)
        for space, one in held.items():
            if not (one.possible & _OF_IMAGES or one.named):
                continue
            way = self._way(node, near(extra, space))
            for wanted, found in ((_MAPPING, self._maps), (_IMPORTS, self._imports)):
                if one.possible & wanted:
                    self._better(found, space, self._by(way, one, wanted, space))
            for wanted, named in ((_TAGS, self._tags), (_SPLIT, self._copies)):
                if one.possible & wanted:
                    self._better(named, (space, "", node), self._by(way, one, wanted, space))
                for bit, stream in _streams(one, wanted):
                    self._better(named, (space, stream, node), way._replace(rights=bit, space=space))

    def _by(self, way: Way, held: HeldRights, wanted: int, space: int) -> Way:
        granted = held.granted & wanted
        sure = way.certainty if granted else UNKNOWN
        return way._replace(certainty=sure, rights=granted or held.possible & wanted, space=space)

    def _images(self) -> None:
        """Add what changing and copying images leads to."""
        for space, way in self._maps.items():
            self._better(self.ways, (space, "", "push"), way)
            self._better_if(self._copied(space, way, CERTAIN), (0, ""))
        tagging: dict[Node, Way] = {}  # the best way of each identity to point a tag at an image, and pull it there
        for (space, repository, node), way in self._tags.items():
            self._better(self.ways, (space, repository, "push"), way)
            if copied := self._copied(space, way, CERTAIN):
                self._better(tagging, node, copied)
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
                for into in [space] if space else [one for one in self._pulls if one]:
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
        pull = min(pulls, key=lambda one: one[:2])
        nodes = tuple(dict.fromkeys((*pull.nodes, *way.nodes)))
        certainty = max(way.certainty, pull.certainty, least)
        return way._replace(certainty=certainty, steps=max(way.steps, pull.steps), nodes=nodes)

    def _better_if(self, way: Way | None, place: Place) -> None:
        if way:
            self._better(self.ways, (*place, "pull"), way)


def _streams(held: HeldRights, wanted: int) -> Iterator[tuple[int, str]]:
    """Yield the image streams of rights on single objects."""
    for bit, name in held.named:
        if bit & wanted & ~_TAG_NAMES:
            yield bit, name
        elif bit & wanted and ":" in name:
            # The name of a tag is that of its stream, a colon, and its own.
            yield bit, name.partition(":")[0]


def _places(given: Iterable[Given]) -> set[Place]:
    """Return the places of rights, and those where two of them meet."""
    places = {(one.space, one.repository) for one in given}
    by_space: dict[int, set[str]] = defaultdict(set)
    for space, repository in places:
        by_space[space].add(repository)
    for space, repositories in by_space.items():
        if space:
            # What is granted everywhere for single repositories holds here too, and the other way round.
            places |= {(space, repository) for repository in by_space.get(0, ()) if repository}
            places |= {(space, repository) for repository in repositories}
    return places


def _united(given: Iterable[Given], space: int, repository: str) -> Rights[int]:
    granted = possible = 0
    for one in given:
        if one.space in {0, space} and one.repository in {"", repository}:
            granted |= one.granted
            possible |= one.possible
    return Rights(granted, possible)
