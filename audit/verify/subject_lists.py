"""Whole lists of subjects, compared with those of OpenShift's resource access reviews.

That API errs, and every difference is therefore settled by a question of its own, as the registry would ask it: it
takes `imagestreams/layers` apart and so lists whom `*/layers` names; it gives a service account without a namespace
the one that is asked about; and it goes on without roles that it cannot find. It names whom bindings name: nobody is
listed for being in a group.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Final, NamedTuple

import numpy as np

from audit.access.authorizer import Authorizer
from audit.access.tables import tables_of
from audit.collect.access_reviews import AllowedSubjects
from audit.collect.decode import CollectError
from audit.parallel import run_parallel
from audit.rbac.rules import IMAGES, PULL, PUSH, QUESTIONS
from audit.rbac.subjects import GROUP, Identity, user
from audit.snapshot.model import Snapshot
from audit.tables.model import NO, UNKNOWN, YES
from audit.verify.cells import AccessReviewer, CellDifference, ask_all, differences
from audit.verify.sampling import SampledCell, SamplePlan, listed_namespaces

ACTIONS: Final = {"pull": PULL, "push": PUSH}

# Asks a cluster who may do something. Raises CollectError when there is no answer.
Lister = Callable[[dict[str, str]], AllowedSubjects]


class ListQuery(NamedTuple):
    """What a list is about: who may do this in every repository of a namespace?"""

    namespace: str
    action: str


@dataclass(frozen=True, slots=True)
class ListComparison:
    """Lists of one zone: `asked` in all; `same` as ours, `failed`, or with subjects that only one side names.

    Of those, `settled` were ours to be right about, as the cluster's own access reviews say; `differences` were not,
    and `open` got no answer. `partial` lists lack what a missing role would give. `why`: why the first question failed.
    """

    zone: str
    asked: int = 0
    same: int = 0
    failed: int = 0
    partial: int = 0
    settled: int = 0
    open: int = 0
    differences: tuple[CellDifference, ...] = ()
    why: str = ""

    @property
    def sound(self) -> bool:
        """Say whether every list could be had, and the tables are right about all of them."""
        return not self.differences and not self.why


def compare_lists(
    authorizer: Authorizer,
    lister: Lister,
    review: AccessReviewer,
    places: Sequence[ListQuery],
    stop: Event,
    *,
    at_once: int = 8,
) -> ListComparison:
    """Ask for the lists of `places`, and settle whom only one side names."""
    ours = _ours(authorizer.bound.snapshot)

    def ask(place: ListQuery) -> AllowedSubjects | CollectError:
        try:
            return lister(_attributes(place))
        except CollectError as error:
            return error

    said = {places[at]: answer for at, answer in run_parallel(places, ask, stop.is_set, at_once=at_once)}
    lists = {place: answer for place, answer in said.items() if isinstance(answer, AllowedSubjects)}
    doubts = {place: [*_doubts(authorizer, answer, place, ours)] for place, answer in lists.items()}
    cells = sorted({cell for one in doubts.values() for cell in one})
    outcomes = ask_all(authorizer, review, cells, stop, at_once=at_once)
    found = differences(authorizer, outcomes)
    unanswered = [outcome.reason for outcome in outcomes.values() if outcome.allowed is None]
    failures = [f"{one.reason}: {one.detail}" for one in said.values() if isinstance(one, CollectError)]
    return ListComparison(
        authorizer.bound.snapshot.origin.zone,
        asked=len(said),
        same=sum(not one for one in doubts.values()),
        failed=len(failures),
        partial=sum(bool(answer.error) for answer in lists.values()),
        settled=len(cells) - len(found) - len(unanswered),
        open=len(unanswered),
        differences=found,
        why=next(iter([*failures, *unanswered]), ""),
    )


def draw_places(snapshot: Snapshot, wanted: int, draw: SamplePlan) -> list[ListQuery]:
    """Draw `wanted` places at random: namespaces, each with an action."""
    spaces = [name for name in listed_namespaces(snapshot) if draw.namespaces is None or name in draw.namespaces]
    places = [ListQuery(space, action) for space in spaces for action in ACTIONS]
    return [places[at] for at in np.random.default_rng(draw.seed).permutation(len(places))[:wanted].tolist()]


def _attributes(place: ListQuery) -> dict[str, str]:
    (question,) = (one for one in QUESTIONS if one.right == ACTIONS[place.action])
    return {
        "namespace": place.namespace,
        "verb": question.verb,
        "resourceAPIGroup": IMAGES,
        "resource": question.resource,
    }


def _ours(snapshot: Snapshot) -> dict[ListQuery, dict[Identity, int]]:
    """Return for each namespace (or `*`) and action whom bindings let do it in every repository: YES or UNKNOWN."""
    grants = tables_of(snapshot)["grants"]
    columns = [grants.text(name).strings() for name in ("namespace", "repository", "group", "subject_kind", "subject")]
    found: dict[ListQuery, dict[Identity, int]] = defaultdict(dict)
    for action in ACTIONS:
        rows = zip(*columns, grants.numbers(action).tolist(), strict=True)
        for namespace, repository, group, kind, name, answer in rows:
            if answer != NO and repository == "*" and not group:
                held = found[ListQuery(namespace, action)]
                held[Identity(kind, name)] = YES if YES in {answer, held.get(Identity(kind, name))} else UNKNOWN
    return found


def _doubts(
    authorizer: Authorizer, said: AllowedSubjects, place: ListQuery, ours: Mapping[ListQuery, Mapping[Identity, int]]
) -> Iterator[SampledCell]:
    """Yield whom only one side names; whom we do not know about is no doubt."""
    wide, here = ours.get(ListQuery("*", place.action), {}), ours.get(place, {})
    held = {**wide, **here}
    sure = {who for one in (wide, here) for who, answer in one.items() if answer == YES}
    theirs = {*(user(name) for name in said.users or ()), *(Identity(GROUP, name) for name in said.groups or ())}
    for who in (theirs - {*held}) | (sure - theirs):
        answer = authorizer.answer(who, place.action, place.namespace)
        if answer != UNKNOWN:
            yield SampledCell(who, place.action, place.namespace, "*", answer)
