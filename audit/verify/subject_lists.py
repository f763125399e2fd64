"""Compares whole lists of subjects with OpenShift's resource access reviews.

That API is not exact, so every difference is settled by an access review, as the registry would ask it: it splits
`imagestreams/layers` and so lists the subjects of `*/layers`; it gives a service account without a namespace the
requested one; and it ignores roles that it cannot find. It lists the subjects of bindings, not the members of groups.
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
from audit.rbac.rules import IMAGES, NEEDS, QUESTIONS, Question
from audit.rbac.subjects import GROUP, Identity, user
from audit.snapshot.model import Snapshot
from audit.tables.schemas import NO, UNKNOWN, YES
from audit.verify.cells import AccessReviewer, CellDifference, ask_all, differences
from audit.verify.sampling import SampledCell, SamplePlan, listed_namespaces

ACTIONS: Final = ("pull", "push")

# Asks a cluster who may do something. Raises CollectError when there is no answer.
Lister = Callable[[dict[str, str]], AllowedSubjects]


class ListQuery(NamedTuple):
    """The question of a list: who may do this in every repository of a namespace?"""

    namespace: str
    action: str


@dataclass(frozen=True, slots=True)
class ListComparison:
    """Lists of one zone: `asked` in all; `same` as the tables, `failed`, or with subjects that only one side has.

    Of those subjects, access reviews confirmed the tables for `settled` and contradicted them for `differences`; `open`
    got no answer. `partial` lists lack the grants of a missing role. `why`: why the first question failed.
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
        """Return whether every list was answered and confirms the tables."""
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
    """Ask for the lists of `places`, and settle the subjects that only one side has."""
    ours = _ours(authorizer.bound.snapshot)

    def ask(place: ListQuery) -> AllowedSubjects | CollectError:
        try:
            parts = [
                lister(_attributes(place, question)) for question in QUESTIONS if question.right & NEEDS[place.action]
            ]
        except CollectError as error:
            return error
        return _who_has_all(parts)

    answers = {places[at]: answer for at, answer in run_parallel(places, ask, stop.is_set, at_once=at_once)}
    lists = {place: answer for place, answer in answers.items() if isinstance(answer, AllowedSubjects)}
    doubts = {place: [*_doubts(authorizer, answer, place, ours)] for place, answer in lists.items()}
    cells = sorted({cell for doubtful in doubts.values() for cell in doubtful})
    outcomes = ask_all(authorizer, review, cells, stop, at_once=at_once)
    found = differences(authorizer, outcomes)
    unanswered = [outcome.reason for outcome in outcomes.values() if outcome.allowed is None]
    failures = [f"{answer.reason}: {answer.detail}" for answer in answers.values() if isinstance(answer, CollectError)]
    return ListComparison(
        authorizer.bound.snapshot.origin.zone,
        asked=len(answers),
        same=sum(not doubtful for doubtful in doubts.values()),
        failed=len(failures),
        partial=sum(bool(answer.error) for answer in lists.values()),
        settled=len(cells) - len(found) - len(unanswered),
        open=len(unanswered),
        differences=found,
        why=next(iter([*failures, *unanswered]), ""),
    )


def draw_places(snapshot: Snapshot, wanted: int, draw: SamplePlan) -> list[ListQuery]:
    """Draw `wanted` pairs of a namespace and an action at random."""
    namespaces = [name for name in listed_namespaces(snapshot) if draw.namespaces is None or name in draw.namespaces]
    places = [ListQuery(namespace, action) for namespace in namespaces for action in ACTIONS]
    return [places[at] for at in np.random.default_rng(draw.seed).permutation(len(places))[:wanted].tolist()]


def _who_has_all(parts: Sequence[AllowedSubjects]) -> AllowedSubjects:
    """Return the subjects that are in every list: a push needs pull too."""
    users = set.intersection(*({*(part.users or ())} for part in parts))
    groups = set.intersection(*({*(part.groups or ())} for part in parts))
    return AllowedSubjects(tuple(users), tuple(groups), "; ".join(part.error for part in parts if part.error))


def _attributes(place: ListQuery, question: Question) -> dict[str, str]:
    return {
        "namespace": place.namespace,
        "verb": question.verb,
        "resourceAPIGroup": IMAGES,
        "resource": question.resource,
    }


def _ours(snapshot: Snapshot) -> dict[ListQuery, dict[Identity, int]]:
    """Return by namespace (or `*`) and action the subjects that may do it in every repository: YES or UNKNOWN."""
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
    authorizer: Authorizer, listed: AllowedSubjects, place: ListQuery, ours: Mapping[ListQuery, Mapping[Identity, int]]
) -> Iterator[SampledCell]:
    """Yield the subjects that only one side has, except those whose answer is unknown."""
    wide, here = ours.get(ListQuery("*", place.action), {}), ours.get(place, {})
    held = {**wide, **here}
    sure = {who for answers in (wide, here) for who, answer in answers.items() if answer == YES}
    theirs = {*(user(name) for name in listed.users or ()), *(Identity(GROUP, name) for name in listed.groups or ())}
    for who in (theirs - {*held}) | (sure - theirs):
        answer = authorizer.answer(who, place.action, place.namespace)
        if answer != UNKNOWN:
            yield SampledCell(who, place.action, place.namespace, "*", answer)
