"""Whom the registry serves at all. It asks the API server, with the caller's own token, who that is and what it may do.

A caller that may not create `selfsubjectreviews` is refused everything; one that may create these and not
`selfsubjectaccessreviews` counts as anonymous. Every cluster starts with a binding that gives both to everybody.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from audit.access.rights import Rights
from audit.access.subjects import ANYBODY, NONE, PERSON, Subjects
from audit.rbac.rules import EVERYTHING, IDENTIFY, LOGIN, REVIEW, login_rights
from audit.rbac.subjects import ANONYMOUS, EVERYONE, GROUP, NOBODY, USER, Identity, may_join
from audit.snapshot.model import Ints, Snapshot
from audit.tables.arrays import Longs, Mask, Positions, ranges

# Whoever comes without a token: the user, who is in the group.
WITHOUT_TOKEN: Final = (Identity(USER, ANONYMOUS), Identity(GROUP, NOBODY))

# Bindings, and the roles of the same names, that every API server creates when it starts: a list that has none of them
# was never whole.
_BOOTSTRAP: Final = frozenset(
    f"system:{name}"
    for name in (
        "basic-user",
        "discovery",
        "kube-controller-manager",
        "kube-dns",
        "kube-scheduler",
        "monitoring",
        "node",
        "node-proxier",
        "public-info-viewer",
        "service-account-issuer-discovery",
        "volume-scheduler",
    )
)
_CONTROLLERS: Final = "system:controller:"
_CLUSTER_ROLE: Final = "ClusterRole"


class LoginBindings(NamedTuple):
    """The cluster-wide bindings that let somebody use the registry, where that is not everybody."""

    rows: Positions  # of the binding table
    rights: Ints  # IDENTIFY and REVIEW, of each of these bindings
    everyone: int  # what of these every caller with a token has


def login_bindings(snapshot: Snapshot) -> LoginBindings | None:
    """Return the bindings that decide who may use the registry; None where everybody may, or where that is not known.

    That not everybody may is certain only where bindings and roles were read whole, and with them what every API server
    creates by itself: a list without any of that says nothing about what everybody has.
    """
    rows = np.flatnonzero(snapshot.tables["bindings"]["namespace"] == 0)
    if not len(rows) or not _seen(snapshot):
        return None
    logins = cluster_role_logins(snapshot)
    names, roles = (_column(snapshot, rows, column) for column in ("name", "role"))
    kinds, to_everyone = _column(snapshot, rows, "role_kind"), _naming_everyone(snapshot)
    everyone = 0
    for row, kind, role in zip(rows.tolist(), kinds, roles, strict=True):
        if kind == _CLUSTER_ROLE and row in to_everyone:
            if _bootstrap(role) and role not in logins and not any(map(_bootstrap, logins)):
                return None
            everyone |= logins.get(role, 0)
    if everyone == LOGIN or not any(map(_bootstrap, names)):
        return None
    given = [logins.get(role, 0) if kind == _CLUSTER_ROLE else 0 for kind, role in zip(kinds, roles, strict=True)]
    rights = np.array(given, dtype=np.int32)
    return LoginBindings(rows[rights > 0], rights[rights > 0], everyone)


def login_rows(snapshot: Snapshot) -> Positions:
    """Return the rows of the cluster-wide bindings that give IDENTIFY or REVIEW, whoever has these anyway."""
    rows, logins = np.flatnonzero(snapshot.tables["bindings"]["namespace"] == 0), cluster_role_logins(snapshot)
    refs = zip(_column(snapshot, rows, "role_kind"), _column(snapshot, rows, "role"), strict=True)
    given = np.array([kind == _CLUSTER_ROLE and logins.get(role, 0) > 0 for kind, role in refs], dtype=bool)
    giving: Positions = rows[given]
    return giving


def everybody_may_log_in(snapshot: Snapshot) -> bool:
    """Return whether it is certain that everybody with a token may use the registry."""
    bindings, logins, everyone = snapshot.tables["bindings"], cluster_role_logins(snapshot), 0
    rows = np.array(sorted(_naming_everyone(snapshot)), dtype=np.intp)
    rows = rows[bindings["namespace"][rows] == 0]
    for kind, role in zip(_column(snapshot, rows, "role_kind"), _column(snapshot, rows, "role"), strict=True):
        everyone |= logins.get(role, 0) if kind == _CLUSTER_ROLE else 0
    return everyone == LOGIN


def _seen(snapshot: Snapshot) -> bool:
    """Return whether all objects were seen that decide who may log in."""
    gaps = snapshot.gaps_of("clusterrolebindings") or snapshot.gaps_of("clusterroles")
    return not gaps and not snapshot.origin.login_hidden


class Logins:
    """Which subjects may use the registry, in a zone where that is not everybody."""

    def __init__(self, subjects: Subjects, own: Ints, *, groups_unseen: bool) -> None:
        """Add to the LOGIN rights of each subject by its `own` bindings those of all that it acts as."""
        size = len(subjects)
        self._also_acts_as = subjects.also_acts_as(groups_unseen=groups_unseen)
        rights = _with_listed_groups(subjects, own, groups_unseen=groups_unseen)
        self.rights = rights | self._of_others(rights)
        without_token = [at for subject in WITHOUT_TOKEN if (at := subjects.position(subject)) != NONE]
        self.without_token = (*without_token, NONE)[0]
        self._without_token = _mask(size, without_token)
        # The registry asks by itself for a caller without a token; ANYBODY and ANY_PERSON stand for what was not seen.
        nobody = [subjects.position(ANYBODY), *([] if groups_unseen else [PERSON])]
        self._exempt = self._without_token | _mask(size, nobody)
        self._of_many = _mask(size, self._also_acts_as[self._also_acts_as != NONE].tolist())

    def of(self, acts_as: Sequence[int]) -> Rights[int]:
        """Return the LOGIN rights of somebody who acts as the subjects at these positions."""
        granted, possible = self.rights.granted[[*acts_as]], self.rights.possible[[*acts_as]]
        return Rights(int(np.bitwise_or.reduce(granted, initial=0)), int(np.bitwise_or.reduce(possible, initial=0)))

    def admit(self, subject: Ints, held: Rights[Ints], anonymous: Rights[Ints]) -> Rights[Ints]:
        """Return what remains of the rights that RBAC gives to each subject; see `admitted`."""
        login = Rights(self.rights.granted[subject], self.rights.possible[subject])
        left, exempt = admitted(held, anonymous, login, self._of_many[subject]), self._exempt[subject]
        return Rights(np.where(exempt, held.granted, left.granted), np.where(exempt, held.possible, left.possible))

    def lacking(self, subject: Ints) -> tuple[Mask, Mask]:
        """Return for each subject whether it may not log in, and whether that is not known."""
        able = self._exempt[subject] | (self.rights.granted[subject] & LOGIN == LOGIN)
        maybe = self.rights.possible[subject] & LOGIN == LOGIN
        return ~able & ~maybe, ~able & maybe

    def places(self, keys: Longs) -> Longs:
        """Return further places where a subject needs a row, because those of its virtual groups do not hold for it.

        These are the places of the virtual groups for those who may log in otherwise than the groups do, and the
        places of callers without a token for those who count as such.
        """
        size, apart = len(self._exempt), self._apart()
        of_place, subject_of = keys // size * size, keys % size
        anonymous = of_place[self._without_token[subject_of]]
        as_anonymous = _may_be_anonymous(self.rights) & ~self._exempt
        return np.concatenate(
            [
                np.zeros(0, dtype=np.int64),
                *(of_place[np.isin(subject_of, self._also_acts_as[at])] + at for at in np.flatnonzero(apart).tolist()),
                *(anonymous + at for at in np.flatnonzero(as_anonymous).tolist()),
            ]
        )

    def _apart(self) -> Mask:
        """Return for each subject whether it may log in otherwise than all that it also acts as."""
        others = self._of_others(self.rights)
        apart: Mask = (self.rights.granted != others.granted) | (self.rights.possible != others.possible)
        return apart & ~self._exempt

    def _of_others(self, rights: Rights[Ints]) -> Rights[Ints]:
        """Return the rights of all that each subject also acts as."""
        # NONE takes the number added at the end.
        columns = (np.append(column, np.int32(0))[self._also_acts_as] for column in (rights.granted, rights.possible))
        return Rights(*(np.bitwise_or.reduce(column, axis=1) for column in columns))


def _with_listed_groups(subjects: Subjects, own: Ints, *, groups_unseen: bool) -> Rights[Ints]:
    """Return the LOGIN rights of each subject by its own bindings and by those of the groups that list it."""
    count = np.maximum(subjects.member_count, 0)
    granted = own.copy()
    np.bitwise_or.at(granted, subjects.members[ranges(subjects.member_first, count)], np.repeat(own, count))
    possible = granted.copy()
    if groups_unseen:
        ordinary = [may_join(identity) for identity in subjects.identities]
        possible[PERSON] |= np.bitwise_or.reduce(own[ordinary], initial=0)
    return Rights(granted, possible)


def _may_be_anonymous(login: Rights[Ints]) -> Mask:
    mask: Mask = (login.possible & IDENTIFY > 0) & (login.granted & REVIEW == 0)
    return mask


def admitted(held: Rights[Ints], anonymous: Rights[Ints], login: Rights[Ints], of_many: Mask) -> Rights[Ints]:
    """Return what remains of the rights that RBAC gives to callers with these LOGIN rights.

    `anonymous` are the rights of a caller without a token in the same place. Rows `of_many` are read as answers for all
    who are in a virtual group, some of whom may log in by another binding: of these only what all have is certain.
    """
    may_be_itself = login.possible & LOGIN == LOGIN
    may_be_refused = login.granted & IDENTIFY == 0
    may_be_anonymous = _may_be_anonymous(login)
    may_be_itself |= may_be_anonymous & of_many
    granted = (
        np.where(may_be_itself, held.granted, EVERYTHING)
        & np.where(may_be_anonymous, anonymous.granted, EVERYTHING)
        & np.where(may_be_refused, 0, EVERYTHING)
    )
    possible = np.where(may_be_itself, held.possible, 0) | np.where(may_be_anonymous, anonymous.possible, 0)
    return Rights(granted.astype(np.int32), possible.astype(np.int32))


def _mask(size: int, positions: Sequence[int]) -> Mask:
    mask = np.zeros(size, dtype=bool)
    mask[list(positions)] = True
    return mask


def cluster_role_logins(snapshot: Snapshot) -> dict[str, int]:
    """Return which of IDENTIFY and REVIEW each cluster role gives; a duplicate gives what any of its copies does."""
    roles, text = snapshot.tables["roles"], snapshot.strings
    wide = np.flatnonzero(roles["namespace"] == 0)
    logins: dict[str, int] = {}
    for name, rules in zip(roles["name"][wide].tolist(), roles["rules"][wide].tolist(), strict=True):
        logins[text[name]] = logins.get(text[name], 0) | login_rights(text[rules])
    return logins


def _bootstrap(name: str) -> bool:
    return name in _BOOTSTRAP or name.startswith(_CONTROLLERS)


def _column(snapshot: Snapshot, rows: Positions, column: str) -> list[str]:
    return [snapshot.strings[code] for code in snapshot.tables["bindings"][column][rows].tolist()]


def _naming_everyone(snapshot: Snapshot) -> set[int]:
    """Return the rows of the bindings that name the group of everybody with a token."""
    subjects = snapshot.tables["subjects"]
    named = (subjects["name"] == snapshot.code(EVERYONE)) & (subjects["kind"] == snapshot.code(GROUP))
    return {*subjects["binding"][named].tolist()}
