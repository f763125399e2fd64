"""Who reaches what in one zone, beside what the registry lets everybody do directly."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from audit.access.subjects import ANY_PERSON, ANYBODY
from audit.rbac.subjects import Identity
from audit.routes.closure import Closure, Facts, Reached, Way
from audit.routes.holdings import Holdings
from audit.routes.nodes import Certainty
from audit.snapshot.model import Snapshot
from audit.tables.schemas import NO, YES

Target = tuple[int, str, str]  # namespace (text position; 0: every one), repository ("": every one), action


class FoundRoute(NamedTuple):
    """A way to an action that the direct answer denies, in the closure of `holder`."""

    way: Way
    holder: Identity  # the subject, or one that stands for what was not seen


class Routes:
    """The routes of one zone, whatever part of it is reported on."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.holdings = Holdings(snapshot)
        self.facts = Facts(self.holdings)
        self.snapshot = snapshot
        self._reached: dict[tuple[Identity, frozenset[int]], Reached] = {}

    def reached(self, who: Identity, without: frozenset[int] = frozenset()) -> Reached:
        """Return all that a subject reaches, without some bindings (rows of the binding table)."""
        key = who, without
        if key not in self._reached:
            self._reached[key] = Reached(Closure(self.facts, who, without))
        return self._reached[key]

    def forget(self) -> None:
        """Forget what single subjects reach; what they have in common is kept."""
        self._reached.clear()

    def direct(self, who: Identity, target: Target) -> int:
        """Return the direct answer: YES, NO or UNKNOWN."""
        space, repository, action = target
        return self.holdings.authorizer.answer(who, action, self.snapshot.strings[space], repository)

    def new(self, who: Identity, without: frozenset[int] = frozenset()) -> Mapping[Target, Way]:
        """Return the ways of a subject to what it may not do directly, without those that wider ones contain."""
        ways = self.reached(who, without).ways
        news: dict[Target, Way] = {}
        for target, way in ways.items():
            direct = self.direct(who, target)
            if direct == YES or (direct != NO and way.certainty is Certainty.UNKNOWN):
                continue
            if not any(wide in ways and ways[wide].certainty <= way.certainty for wide in wider(target)):
                news[target] = way
        return news

    def stand_ins(self, who: Identity | None = None) -> Iterator[Identity]:
        """Yield the subjects that stand for what was not seen and `who` (None: somebody) may hold."""
        if self.holdings.blind:
            yield ANYBODY
        if self.holdings.groups_unseen if who is None else self.holdings.may_be_in_any_group(who):
            yield ANY_PERSON

    def route(self, who: Identity, action: str, namespace: str, repository: str = "") -> FoundRoute | None:
        """Return the surest and then shortest route of a subject to an action, None where there is none."""
        space = self.snapshot.code(namespace)
        found: list[FoundRoute] = []
        for holder in (who, *self.stand_ins(who)):
            ways = self.reached(holder).ways
            target = max(space, 0), repository, action
            places = [target, *wider(target)] if space > 0 else [(0, repository, action), (0, "", action)]
            found += [FoundRoute(ways[place], holder) for place in places if place in ways]
        return min(found, key=lambda route: route.way[:2], default=None)


def wider(target: Target) -> list[Target]:
    """Return the places that contain one, for the same action."""
    space, repository, action = target
    places = [(space, "", action), (0, repository, action), (0, "", action)]
    return [place for place in dict.fromkeys(places) if place != target]
