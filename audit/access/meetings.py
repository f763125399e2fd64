"""Places where a subject's rights from different grants meet, and allow what none of these grants' places shows.

The registry asks for several rights before one push. A subject may have one of them in a place that contains another,
or as a member of a virtual group: where they come together there need not be a grant, and so no row of the table
`access`. These places need rows of their own.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from audit.access.effective import EffectiveAccess
from audit.access.grants import place_keys, places_of
from audit.rbac.rules import CREATE, NEEDS, PULL, PUSH
from audit.snapshot.model import Ints
from audit.tables.arrays import Longs, Mask, different

# Of each subject, by namespace: the repositories (0: every one) of some places.
_Places = dict[int, dict[int, set[int]]]


def meetings(effective: EffectiveAccess) -> Longs:
    """Return the keys of these places, sorted; some of them may have grants all the same."""
    own = effective.own_rights()
    certain = _Sources(
        effective, own.granted, lambda keys: effective.rights_by_rbac(places_of(effective.bound, keys)).granted
    )
    known = _Sources(
        effective, own.possible, lambda keys: effective.rights_by_rbac(places_of(effective.bound, keys)).possible
    )
    return different(np.append(certain.meetings(), known.meetings()))


class _Sources(NamedTuple):
    """Rights of one degree of certainty: `own` are those of each key by itself, `rights` returns all of some keys."""

    effective: EffectiveAccess
    own: Ints
    rights: Callable[[Longs], Ints]

    def meetings(self) -> Longs:
        """Return the places where a push, and then where a create becomes possible."""
        push = NEEDS["push"]
        uploads, creates = self.keys_with(PUSH, lacking=PULL), self.keys_with(CREATE, lacking=push)
        pushes = uploads
        if len(uploads):
            pushes = _join(self.effective, uploads, self.keys_with(PULL, lacking=PUSH, near=uploads))
        if not len(creates):
            return pushes
        able = self.keys_with(push, lacking=CREATE, near=creates)
        able = able[self.rights(able) & push == push]
        return np.append(pushes, _join(self.effective, creates, np.append(able, pushes)))

    def keys_with(self, some: int, *, lacking: int, near: Longs | None = None) -> Longs:
        """Return the keys that give any of `some` by themselves, where not all of `lacking` is held.

        Only those of subjects that have something to do with the subjects of `near` (None: all).
        """
        keys: Longs = self.effective.keys[((self.own & some) > 0) & ((self.own & lacking) != lacking)]
        if near is not None:
            keys = _related(self.effective, keys, near)
        missing: Mask = (self.rights(keys) & lacking) != lacking
        return keys[missing]


def _join(effective: EffectiveAccess, keys: Longs, others: Longs) -> Longs:
    """Return the places that one of `keys` and one of `others` have in common, for the subject that has both."""
    left, right = _places(effective, keys), _places(effective, _related(effective, others, keys))
    found = {
        (namespace, repository, subject)
        for subject, one, other in _pairs(effective, left, right)
        for namespace, repository in _overlaps(left[one], right[other])
    }
    columns = np.array(sorted(found), dtype=np.int32).reshape(-1, 3).T
    return place_keys(effective.bound, *columns)


def _related(effective: EffectiveAccess, keys: Longs, near: Longs) -> Longs:
    """Return those keys whose subject is one of the subjects of `near`, acts as one of them, or they as it."""
    if not len(near):
        return near
    subjects = len(effective.bound.subjects)
    named = np.zeros(subjects + 1, dtype=bool)  # the last stands for NONE
    named[near % subjects] = True
    related = named.copy()
    related[:-1] |= named[effective.also_acts_as].any(axis=1)
    related[effective.also_acts_as[named[:-1]]] = True
    return keys[related[keys % subjects]]


def _places(effective: EffectiveAccess, keys: Longs) -> _Places:
    places: _Places = defaultdict(lambda: defaultdict(set))
    columns = (column.tolist() for column in places_of(effective.bound, keys))
    for namespace, repository, subject in zip(*columns, strict=True):
        places[subject][namespace].add(repository)
    return places


def _pairs(effective: EffectiveAccess, left: _Places, right: _Places) -> Iterator[tuple[int, int, int]]:
    """Yield each subject with the holders of both sides: itself and another that it acts as, or itself twice."""
    for subject in sorted({*left, *right}):
        acts_as = {subject, *effective.also_acts_as[subject].tolist()}
        yield from ((subject, subject, other) for other in sorted(acts_as & right.keys()) if subject in left)
        yield from ((subject, other, subject) for other in sorted(acts_as & left.keys()) if subject in right)


def _overlaps(left: dict[int, set[int]], right: dict[int, set[int]]) -> Iterator[tuple[int, int]]:
    """Yield the places that both sides have in common, each as narrow as the narrower side."""
    for namespace, repositories in left.items():
        for other_namespace in {namespace, 0} & right.keys() if namespace else right:
            others = right[other_namespace]
            for repository in repositories:
                if not repository:
                    yield from ((namespace or other_namespace, other) for other in others)
                elif repository in others or 0 in others:
                    yield namespace or other_namespace, repository
