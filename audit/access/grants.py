"""Bound subjects -> grants: one a row, with groups expanded to their members and kept.

All is array work: roles were judged once in `audit.access.judged_roles`, groups are expanded by repeating rows, and
rights are bits.
"""

from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np

from audit.access.bound_subjects import BoundSubjects
from audit.access.judged_roles import MISSING
from audit.access.rights import Rights, reach
from audit.snapshot.model import Ints
from audit.tables.arrays import Longs, Mask, Positions, ranges

DIRECT: Final = -1  # in place of the group through which a grant is held


@dataclass(frozen=True, slots=True)
class Grants:
    """Grants, one a row: where, who, through which group, by which binding, and what."""

    namespace: Ints  # position in the snapshot's texts; 0 is every namespace
    repository: Ints  # position in `JudgedRoles.repositories`; 0 is every one
    subject: Ints  # position in `BoundSubjects.subjects`
    group: Ints  # the same, or DIRECT
    entry: Ints  # row of BoundSubjects
    capability: Ints  # of JudgedRoles
    granted: Ints
    possible: Ints
    how: Ints

    @property
    def rights(self) -> Rights[Ints]:
        """Return what each row gives."""
        return Rights(self.granted, self.possible)

    def take(self, rows: Positions | Mask) -> Self:
        """Return the given rows (positions or a mask)."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))


def expand(bound: BoundSubjects) -> Grants:
    """Expand groups to members and roles to capabilities, sorted by place and subject."""
    entry, subject, group = _with_members(bound)
    roles = bound.roles
    count = roles.count[bound.role[entry]]
    capability = ranges(roles.first[bound.role[entry]], count)
    entry, subject, group = (np.repeat(column, count) for column in (entry, subject, group))
    namespace, inert = bound.namespace[entry], bound.subjects.inert[subject]
    reached = np.where(namespace == 0, np.int32(reach(cluster_wide=True)), np.int32(reach(cluster_wide=False)))
    reached[inert] = 0
    grants = Grants(
        namespace=namespace,
        repository=roles.repository[capability],
        subject=subject,
        group=group,
        entry=entry,
        capability=capability.astype(np.int32),
        granted=roles.granted[capability] & reached,
        possible=roles.possible[capability] & reached,
        how=np.where(inert, np.int32(0), roles.how[capability]),
    )
    # What a RoleBinding cannot give is no grant; what grants nothing because something is missing is shown.
    shown = np.flatnonzero((grants.possible > 0) | inert | (roles.row[bound.role[entry]] == MISSING))
    place = place_keys(bound, namespace, grants.repository, subject)[shown]
    return grants.take(shown[np.lexsort([_source_keys(bound, entry, group)[shown], place])])


def place_keys(bound: BoundSubjects, namespace: Ints, repository: Ints, subject: Ints) -> Longs:
    """Return one number for each namespace, repository and subject, which sorts as these do."""
    return (namespace.astype(np.int64) * len(bound.roles.repositories) + repository) * len(bound.subjects) + subject


def places_of(bound: BoundSubjects, keys: Longs) -> tuple[Ints, Ints, Ints]:
    """Return namespace, repository and subject of the numbers that `place_keys` makes."""
    place, subject = np.divmod(keys, len(bound.subjects))
    namespace, repository = np.divmod(place, len(bound.roles.repositories))
    return namespace.astype(np.int32), repository.astype(np.int32), subject.astype(np.int32)


def _source_keys(bound: BoundSubjects, entry: Ints, group: Ints) -> Longs:
    """Return one number for each binding and group, which sorts as these do."""
    return bound.binding[entry].astype(np.int64) * (len(bound.subjects) + 1) + group


def _with_members(bound: BoundSubjects) -> tuple[Ints, Ints, Ints]:
    """Return entry, subject and group: a row for each entry, and one for each member of a group that it names."""
    subjects, every = bound.subjects, np.arange(len(bound.subject), dtype=np.int32)
    count = np.maximum(subjects.member_count[bound.subject], 0)
    through = np.repeat(every, count)
    members = subjects.members[ranges(subjects.member_first[bound.subject], count)]
    direct = np.full(len(every), DIRECT, dtype=np.int32)
    return np.append(every, through), np.append(bound.subject, members), np.append(direct, bound.subject[through])
