"""Who can effectively do what: decided here, for whole tables and for single questions alike.

A subject has in a place what any grant gives it: by name, through a group that lists it, or as a member of a virtual
group; in that place, or in one that contains it (every repository of the namespace, the repository in every namespace,
or both). What could not be seen makes rights possible that nobody is known to hold.
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from audit.access.bound_subjects import BoundSubjects
from audit.access.grants import expand, place_keys
from audit.access.login import Logins
from audit.access.rights import NOTHING, Rights, reach
from audit.access.subjects import NONE, PERSON
from audit.rbac.subjects import may_join
from audit.snapshot.model import Ints
from audit.tables.arrays import Longs, Mask, Positions, positions

Place = tuple[Ints, Ints, Ints]  # namespace, repository and subject, as positions: a row each


class EffectiveAccess:
    """The rights of all subjects of one zone, or of the namespaces that its `BoundSubjects` cover."""

    def __init__(self, bound: BoundSubjects) -> None:
        self.bound = bound
        grants = expand(bound)
        self.all_grants = grants
        # A grant that gives nothing to anybody is a matter of the table `grants`.
        gives = grants.possible > 0
        self.grants = grants if gives.all() else grants.take(gives)
        keys = place_keys(bound, self.grants.namespace, self.grants.repository, self.grants.subject)
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        # Of each place and subject with a grant: its key, in which rows of `grants` these are, and their rights.
        self.keys: Longs = keys[first]
        self.first: Positions = first
        self.count: Positions = np.diff(first, append=len(keys))
        self._rights: Rights[Ints] = _united(self.grants.rights, first)
        self.groups_unseen = bool(bound.snapshot.gaps_of("groups"))
        if self.groups_unseen:
            self._add_any_person()
        self.also_acts_as = bound.subjects.also_acts_as(groups_unseen=self.groups_unseen)
        self.logins = None
        if bound.login is not None:
            self.logins = Logins(bound.subjects, bound.login, groups_unseen=self.groups_unseen)

    def own_rights(self) -> Rights[Ints]:
        """Return what the grants of each of `keys` give by themselves."""
        return self._rights

    def at(self, keys: Longs) -> Positions:
        """Return the position of each key among `keys`, -1 for one without a grant."""
        return np.arange(len(keys)) if keys is self.keys else positions(self.keys, keys)

    def rights(self, place: Place) -> Rights[Ints]:
        """Return the effective rights in each place."""
        held = self.rights_by_rbac(place)
        if self.logins is None:
            return held
        namespace, repository, subject = place
        return self.logins.admit(subject, held, self._without_token(namespace, repository))

    def rights_by_rbac(self, place: Place) -> Rights[Ints]:
        """Return the rights in each place as the API server would answer about them, whoever may log in."""
        namespace, repository, subject = place
        held = self._granted_to(place)
        for others in self.also_acts_as.T:
            some = np.flatnonzero(others[subject] >= 0)
            more = self._granted_to((namespace[some], repository[some], others[subject[some]]))
            held.granted[some] |= more.granted
            held.possible[some] |= more.possible
        return Rights(held.granted, held.possible | self.unseen(namespace))

    def _without_token(self, namespace: Ints, repository: Ints) -> Rights[Ints]:
        """Return the rights of a caller without a token in each place."""
        if self.logins is None or self.logins.without_token == NONE:
            return Rights(np.zeros_like(namespace), self.unseen(namespace))
        return self.rights_by_rbac((namespace, repository, np.full_like(namespace, self.logins.without_token)))

    def rights_of(self, acts_as: Sequence[int], namespace: int, repository: int) -> Rights[int]:
        """Return the rights in one place of somebody who acts as the subjects at these positions, without `unseen`."""
        subjects = np.array(acts_as, dtype=np.int32)
        if not len(subjects):
            return NOTHING
        held = self._granted_to((np.full_like(subjects, namespace), np.full_like(subjects, repository), subjects))
        return Rights(int(np.bitwise_or.reduce(held.granted)), int(np.bitwise_or.reduce(held.possible)))

    def unseen(self, namespace: Ints) -> Ints:
        """Return the rights that anybody may have in each namespace because its bindings were not all seen."""
        snapshot = self.bound.snapshot
        # A cluster-wide row is read as an answer for every namespace: it may be wrong for one that was not seen.
        blind = snapshot.unseen("rolebindings", namespace) | snapshot.missing("rolebindings")
        return unseen_rights(namespace=blind, cluster=bool(snapshot.gaps_of("clusterrolebindings")))

    def _granted_to(self, place: Place) -> Rights[Ints]:
        """Return what the grants of each subject itself give, in its place and in those that contain it."""
        namespace, repository, subject = place
        held = Rights(self._everywhere.granted[subject], self._everywhere.possible[subject])
        near = np.flatnonzero(self._somewhere[subject])
        namespace, repository, subject = namespace[near], repository[near], subject[near]
        named = np.flatnonzero(repository)
        every = np.zeros_like(namespace)
        self._add(held, near, (namespace, repository, subject))
        # Where the question is about every repository already, that was all.
        namespace, repository, subject, every = namespace[named], repository[named], subject[named], every[named]
        self._add(held, near[named], (namespace, every, subject))
        self._add(held, near[named], (every, repository, subject))
        return held

    def _add(self, held: Rights[Ints], rows: Positions, place: Place) -> None:
        """Add the rights of the grants for exactly these places to the given rows."""
        at = self.at(place_keys(self.bound, *place))
        held.granted[rows] |= self._or_nothing.granted[at]
        held.possible[rows] |= self._or_nothing.possible[at]

    @cached_property
    def _or_nothing(self) -> Rights[Ints]:
        """Return the rights of each of `keys`, and at the end, where -1 points, none."""
        return Rights(np.append(self._rights.granted, np.int32(0)), np.append(self._rights.possible, np.int32(0)))

    @cached_property
    def _everywhere(self) -> Rights[Ints]:
        """Return the rights of each subject by its own grants for every repository of every namespace."""
        subjects = len(self.bound.subjects)
        end = np.searchsorted(self.keys, subjects)  # such keys are the positions of subjects
        granted, possible = np.zeros((2, subjects), dtype=np.int32)
        granted[self.keys[:end]] = self._rights.granted[:end]
        possible[self.keys[:end]] = self._rights.possible[:end]
        return Rights(granted, possible)

    @cached_property
    def _somewhere(self) -> Mask:
        """Return for each subject whether it has other grants than those."""
        subjects = len(self.bound.subjects)
        some = np.zeros(subjects, dtype=bool)
        some[self.keys[np.searchsorted(self.keys, subjects) :] % subjects] = True
        return some

    def _add_any_person(self) -> None:
        """Add what a person may have who is in groups that were not seen: what any ordinary group has."""
        identities = self.bound.subjects.identities
        ordinary = np.array([may_join(identity) for identity in identities], dtype=bool)
        of_ordinary = np.flatnonzero(ordinary[self.keys % len(identities)])
        keys = self.keys[of_ordinary]
        persons, first = np.unique(keys - keys % len(identities) + PERSON, return_index=True)
        every = np.append(self.keys, persons)
        order = np.argsort(every)
        none, no_rows = np.zeros(len(persons), dtype=np.int32), np.zeros(len(persons), dtype=np.intp)
        possible = _union(self._rights.possible[of_ordinary], first)
        self.keys = every[order]
        self.first = np.append(self.first, no_rows)[order]
        self.count = np.append(self.count, no_rows)[order]
        self._rights = Rights(
            np.append(self._rights.granted, none)[order], np.append(self._rights.possible, possible)[order]
        )


def unseen_rights(*, namespace: Mask, cluster: bool) -> Ints:
    """Return the rights that anybody may have where bindings of the namespace, or cluster-wide ones, were not seen."""
    if cluster:
        return np.full(len(namespace), reach(cluster_wide=True), dtype=np.int32)
    return np.where(namespace, reach(cluster_wide=False), 0).astype(np.int32)


def _united(rights: Rights[Ints], first: Positions) -> Rights[Ints]:
    return Rights(_union(rights.granted, first), _union(rights.possible, first))


def _union(rights: Ints, first: Positions) -> Ints:
    """Return the union of the rights of each run of rows, which begin at `first`."""
    return np.bitwise_or.reduceat(rights, first) if len(first) else rights
