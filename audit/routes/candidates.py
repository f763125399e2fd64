"""Which subjects can have routes that are news: whole columns at once, so that few closures have to be made.

Most rights that lead further lead nowhere: an admin of a namespace is every account of it, and may push there anyway.
"""

from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from audit.rbac.rules import NEEDS, PULL
from audit.rbac.subjects import ACCOUNT, ACCOUNTS, GROUP, Identity, home
from audit.routes.holdings import Holdings
from audit.routes.moves import BUILDS, CERTAIN_ANY, POSSIBLE_ANY, STRATEGY, WRITE_BINDINGS, WRITE_WIDE
from audit.routes.rights import ALL, CLUSTER_ONLY, bits
from audit.tables.arrays import Ints, Longs, Mask, Positions, different, positions, ranges

_MAPPING: Final = bits("create imagestreammappings")
_SPLIT: Final = bits("get imagestreams/layers, asked apart")
_BIND: Final = bits("bind clusterroles", "bind roles", "escalate roles", "escalate clusterroles")
_WRITES: Final = WRITE_BINDINGS | WRITE_WIDE | bits("write roles", "write clusterroles")
_CERTIFICATES: Final = bits("create certificatesigningrequests", "approve certificatesigningrequests")
_PROJECTS: Final = bits("create projectrequests", "create namespaces")

# What the rights of a subject in a namespace allow, as far as it matters here.
_CERTAIN, _POSSIBLE, _ACCOUNTS_OF, _TAGS, _IMPORTS, _BINDS, _ALONE, _APART, _NAMED = (1 << bit for bit in range(9))
_ANYWHERE: Final = _BINDS | _ALONE | _APART | _NAMED  # news wherever somebody has them
# Of these, one is enough.
_EITHER: Final = {
    _CERTAIN: CERTAIN_ANY,
    _POSSIBLE: POSSIBLE_ANY,
    _ACCOUNTS_OF: bits("impersonate serviceaccounts", "create serviceaccounts", "create secrets"),
    _TAGS: _MAPPING | bits("create imagestreamtags", "update imagestreamtags", "update imagestreams"),
    _IMPORTS: bits("create imagestreamimports"),
    _ALONE: bits(
        "impersonate users", "impersonate groups", "nodes/proxy", "update groups", "create groups", "write users"
    ),
}


class Candidates(NamedTuple):
    """Subjects (positions) to look at closer, and those of whom less is news.

    `own` are accounts that come to nothing but other accounts of their own namespace, which have nothing elsewhere;
    `mapping` can map images, and nothing else of them is news.
    """

    closer: list[int]
    own: list[int]
    mapping: list[int]


class _Rights(NamedTuple):
    """Of each row: bits of `audit.routes.rights`, and the flags _APART and _NAMED."""

    rights: Longs
    flags: Longs

    def plus(self, other: "_Rights") -> "_Rights":
        """Return the rights of both together."""
        return _Rights(self.rights | other.rights, self.flags | other.flags)


def candidates(holdings: Holdings) -> Candidates:
    """Return the subjects of a zone that can have routes."""
    return _Keys(holdings).candidates()


class _Keys:
    """What each subject holds in each namespace where a binding names it, or a group that lists it."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        bound = holdings.bound
        self._size = len(bound.subjects)
        self._roles = self._of_roles()
        entries = np.flatnonzero((self._roles.rights | self._roles.flags)[bound.role] != 0)
        entries = entries[~bound.subjects.inert[bound.subject[entries]]]
        entry, subject, through = self._with_members(entries)
        space, role = bound.namespace[entry], bound.role[entry]
        mask = np.where(space > 0, ALL & ~CLUSTER_ONLY, ALL)
        keys = space.astype(np.int64) * self._size + subject
        order = np.argsort(keys, kind="stable")
        first = np.flatnonzero(np.diff(keys[order], prepend=-1))
        self._keys: Longs = keys[order][first]
        self._held = _Rights(
            _union((self._roles.rights[role] & mask)[order], first), _union(self._roles.flags[role][order], first)
        )
        self._through, self._of_key = (
            through[order],
            np.repeat(np.arange(len(first)), np.diff(first, append=len(order))),
        )
        self._first = first
        self.space, self.subject = (column.astype(np.int32) for column in np.divmod(self._keys, self._size))

    def _of_roles(self) -> _Rights:
        """Return what of the rights of each role may lead further."""
        roles, rights, flags = self._holdings.bound.roles, [], []
        for at, ((granted, named), unknown) in enumerate(self._holdings.role_rights):
            capabilities = range(int(roles.first[at]), int(roles.first[at]) + int(roles.count[at]))
            pulls = any(
                roles.granted[capability] & PULL and not roles.repository[capability] for capability in capabilities
            )
            # The layers that a rule covers in the API, and not in the registry.
            apart = granted & _SPLIT and not pulls
            rights.append((granted | unknown) & ~_SPLIT)
            flags.append((_APART if apart else 0) | (_NAMED if named else 0))
        return _Rights(np.array(rights, dtype=np.int64), np.array(flags, dtype=np.int64))

    def _with_members(self, entries: Positions) -> tuple[Positions, Ints, Ints]:
        """Return entry, subject, and the group through which a member has it (-1: none)."""
        bound, subjects = self._holdings.bound, self._holdings.bound.subjects
        named = bound.subject[entries]
        count = np.maximum(subjects.member_count[named], 0)
        members = subjects.members[ranges(subjects.member_first[named], count)]
        through = np.append(np.full(len(entries), -1, dtype=np.int32), np.repeat(named, count))
        return np.append(entries, np.repeat(entries, count)), np.append(named, members), through

    def candidates(self) -> Candidates:
        """Return them; see `candidates`."""
        if not len(self._keys):
            return Candidates([], [], [])
        every = np.zeros_like(self.space)
        own = self._at(self.space, self.subject).plus(self._at(every, self.subject))
        others = self._of_virtual()
        able = self._allowed(own.plus(others))
        writes = (own.plus(others).rights & _WRITES) > 0
        # Who has not everything there can bind what it has to somebody who has the rest.
        able |= np.where(writes & ~(self._full & ((able & _CERTAIN) > 0)), _BINDS, 0)
        news = able & ~self._allowed(others) & self._relevant()
        new: Mask = (news != 0) & ~self._as_their_group(able, news)
        maps: Mask = ((own.rights & _MAPPING) > 0) & ~self._as_their_group(able, able) & ~self._everywhere[self.subject]
        at_home = self._homes[self.subject] == self.space
        only_own = at_home & ~self._far[self.space] & ((news & _ANYWHERE) == 0)
        closer = different(self.subject[new & ~only_own].astype(np.int64))
        accounts = np.setdiff1d(self.subject[new & only_own], closer)
        mapping = np.setdiff1d(self.subject[maps], np.append(closer, accounts))
        return Candidates(closer.tolist(), accounts.tolist(), mapping.tolist())

    def _at(self, space: Ints, subject: Ints) -> _Rights:
        """Return what the bindings of each subject itself give in each namespace; nothing for subject -1."""
        at = positions(self._keys, np.where(subject >= 0, space.astype(np.int64) * self._size + subject, -1))
        # -1 takes the number added at the end.
        return _Rights(*(np.append(column, np.int64(0))[at] for column in self._held))

    def _of_virtual(self) -> _Rights:
        """Return what the groups give that a subject is in without an object that says so."""
        total = _Rights(*np.zeros((2, len(self._keys)), dtype=np.int64))
        for others in self._holdings.authorizer.effective.also_acts_as.T:
            subject = others[self.subject]
            total = total.plus(self._at(self.space, subject)).plus(self._at(np.zeros_like(self.space), subject))
        return total

    def _allowed(self, held: _Rights) -> Longs:
        """Return what rights allow, as the flags above."""
        rights = held.rights
        found = held.flags.copy()
        for flag, some in _EITHER.items():
            found |= np.where(rights & some, flag, 0)
        binds = ((rights & _BIND) > 0) | ((held.flags & _APART) > 0)
        found |= np.where(binds & ((rights & _WRITES) > 0), _BINDS, 0)
        found |= np.where(((rights & BUILDS) > 0) & ((rights & STRATEGY) > 0), _POSSIBLE, 0)
        alone = (rights & _CERTIFICATES) == _CERTIFICATES
        if self._holdings.missing_namespaces:
            alone |= (rights & _PROJECTS) > 0
        return found | np.where(alone, _ALONE, 0)

    def _relevant(self) -> Longs:
        """Return which flags can be news in each namespace: where somebody may push anyway, few can."""
        full = self._full
        far = self._far[self.space] | (self.space == 0)
        accounts = _CERTAIN | _POSSIBLE | _ACCOUNTS_OF | _IMPORTS
        relevant = np.where(full, 0, _TAGS | accounts) | np.where(far, accounts, 0) | _ANYWHERE
        # Who may do everything comes to nothing more.
        return np.where(self._everywhere[self.subject], 0, relevant).astype(np.int64)

    @cached_property
    def _full(self) -> Mask:
        """Return for each key whether the subject may push and create in the namespace."""
        rights = self._holdings.authorizer.effective.rights((self.space, np.zeros_like(self.space), self.subject))
        full: Mask = (rights.granted & NEEDS["create"]) == NEEDS["create"]
        return full

    @cached_property
    def _everywhere(self) -> Mask:
        """Return for each subject whether it may push and create in every namespace."""
        subject = np.arange(self._size, dtype=np.int32)
        every = np.zeros_like(subject)
        rights = self._holdings.authorizer.effective.rights((every, every, subject))
        everywhere: Mask = (rights.granted & NEEDS["create"]) == NEEDS["create"]
        return everywhere

    @cached_property
    def _homes(self) -> Ints:
        """Return for each account, and for the group of a namespace's accounts, this namespace; -1 for others."""
        subjects, code = self._holdings.bound.subjects, self._holdings.snapshot.code
        homes = (subjects.account >> 32).astype(np.int32)
        accounts = subjects.of_kind(ACCOUNT)
        odd = accounts.start + np.flatnonzero(subjects.account[accounts] < 0)
        for at in (*odd.tolist(), *range(subjects.account_groups.start, subjects.account_groups.stop)):
            homes[at] = code(home(subjects.names[at]))
        return homes

    @cached_property
    def _far(self) -> Mask:
        """Return for each text whether it is a namespace whose accounts have something elsewhere."""
        bound, homes = self._holdings.bound, self._homes
        everybody = bound.subjects.position(Identity(GROUP, ACCOUNTS))
        gives = (bound.roles.count > 0) | ((self._roles.rights | self._roles.flags) != 0)
        giving = gives[bound.role]
        of_accounts = giving & (homes[bound.subject] >= 0) & (homes[bound.subject] != bound.namespace)
        far = np.zeros(len(self._holdings.snapshot.strings), dtype=bool)
        far[homes[bound.subject[of_accounts]]] = True
        if everybody >= 0 and (giving & (bound.subject == everybody)).any():
            far[:] = True
        return far

    def _as_their_group(self, able: Longs, wanted: Longs) -> Mask:
        """Return which keys say of a person only what is said of a group that lists it."""
        through = self._through
        space = self.space[self._of_key]
        at = positions(self._keys, np.where(through >= 0, space.astype(np.int64) * self._size + through, -1))
        of_group = np.append(able, np.int64(0))[at]
        by_groups = _union(of_group, self._first)
        named = np.minimum.reduceat(through, self._first) < 0
        # What is bound or joined adds to what a person has itself.
        alike: Mask = ~named & ((wanted & ~by_groups) == 0) & ((wanted & (_BINDS | _ALONE)) == 0)
        return alike


def _union(rights: Longs, first: Positions) -> Longs:
    """Return the union of the rights of each run of rows, which begin at `first`."""
    return np.bitwise_or.reduceat(rights, first) if len(first) else rights
