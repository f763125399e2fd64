"""Who belongs where: organizations of namespaces and subjects, who is everybody, and what the platform itself makes."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from audit.rbac.subjects import ACCOUNT, ACCOUNTS, ANONYMOUS, ANY, ANY_USER, EVERY_LOGIN, EVERYONE, GROUP, NOBODY, USER
from audit.tables.arrays import Mask, ranked
from audit.tables.model import NO, YES, Table, Text, text_column
from audit.tenancy.organizations import TEAM
from audit.tenancy.platform import Platform

Codes = NDArray[np.int64]

EVERY: Final = "*"
_ACCOUNTS_OF: Final = f"{ACCOUNTS}:"
# Whom a subject lets in as one of many, from the narrowest circle to the widest; as numbers, their places here.
CIRCLES: Final = ("", "every account", "every user", "anyone")
CIRCLE_OF: Final = {
    (GROUP, ACCOUNTS): 1,
    (GROUP, EVERYONE): 2,
    (GROUP, EVERY_LOGIN): 2,
    (GROUP, NOBODY): 3,
    (USER, ANONYMOUS): 3,
}
# How a subject belongs to a namespace where it has access.
OWN, OTHER, EVERYBODY, PLATFORM, NOT_KNOWN = "own organization", "other organization", "everybody", "platform", "none"
# In a report for one organization these stand, with a number, for names that are not shown.
HIDDEN_OTHER, HIDDEN = "(of another organization)", "(not shown)"
_BELONGS: Final = ("", OWN, OTHER, EVERYBODY, PLATFORM, NOT_KNOWN)


class DistinctPairs:
    """The different pairs of values of two text columns: judged once each, however many rows have them."""

    def __init__(self, table: Table, first: str, second: str) -> None:
        """Take the columns `first` and `second` of a table."""
        left, right = table.text(first), table.text(second)
        size = max(len(right.values), 1)
        found, self.of_row = ranked(left.codes.astype(np.int64) * size + right.codes, len(left.values) * size)
        self.values = [(left.values[code // size], right.values[code % size]) for code in found.tolist()]

    def spread(self, judged: list[int]) -> Codes:
        """Return for each row what was judged of its pair."""
        return np.array(judged, dtype=np.int64)[self.of_row]


def circles(table: Table) -> Codes:
    """Return for each row whom it lets in as one of many, as a place in CIRCLES."""
    who = DistinctPairs(table, "subject_kind", "subject")
    return who.spread([CIRCLE_OF.get(pair, 0) for pair in who.values])


def platform_rows(table: Table, platform: Platform) -> Mask:
    """Return which rows are of the platform's own subjects."""
    who = DistinctPairs(table, "subject_kind", "subject")
    return who.spread([platform.trusts(*pair) for pair in who.values]).astype(bool)


class Homes:
    """The organizations of namespaces and subjects; groups `ORG` and `ORG+TEAM` hold an organization's people."""

    def __init__(self, namespaces: Table, grants: Table) -> None:
        """Take the tables `namespaces` and `grants` of all zones."""
        columns = (namespaces.text(name).strings() for name in ("zone", "namespace", "organization"))
        self._of_space: dict[tuple[str, str], str] = {(row[0], row[1]): row[2] for row in zip(*columns, strict=True)}
        self.organizations = sorted(set(self._of_space.values()) - {""})
        groups = {*grants.text("group").values, *grants.text("subject").values}
        self._known = {*self.organizations, *(group.partition(TEAM)[0] for group in groups if TEAM in group[1:])}
        self._of_person: dict[str, set[str]] = {}
        through = DistinctPairs(grants, "subject", "group")
        for person, group in through.values:
            if group and (home := self._of_group(group)):
                self._of_person.setdefault(person, set()).add(home)

    def of_space(self, zone: str, namespace: str) -> str:
        """Return the organization of a namespace; empty when it has none."""
        return self._of_space.get((zone, namespace), "")

    def of_subject(self, zone: str, kind: str, subject: str) -> frozenset[str]:
        """Return the organizations that a subject is of, as far as it can be told."""
        if kind == ACCOUNT:
            home = self.of_space(zone, subject.partition(":")[0])
        elif kind == GROUP:
            own = subject.removeprefix(_ACCOUNTS_OF)
            home = self.of_space(zone, own) if own != subject else self._of_group(subject)
        else:
            return frozenset(self._of_person.get(subject, ()))
        return frozenset([home] if home else ())

    def _of_group(self, group: str) -> str:
        base = group.partition(TEAM)[0]
        return base if base in self._known else ""


def organization_column(table: Table, homes: Homes) -> Text:
    """Return the organization of each row's namespace; `*` for a cluster-wide row, which is in all of them."""
    places = DistinctPairs(table, "zone", "namespace")
    found = text_column([EVERY if space == EVERY else homes.of_space(zone, space) for zone, space in places.values])
    return Text(found.codes[places.of_row], found.values)


def belongs_column(access: Table, organization: Text, homes: Homes, platform: Platform) -> Text:
    """Return how each row's subject belongs to its namespace, in a word; empty where that is no question."""
    zones, who = access.text("zone"), DistinctPairs(access, "subject_kind", "subject")
    size, many = len(organization.values), len(who.values)
    keys = (zones.codes.astype(np.int64) * many + who.of_row) * size + organization.codes
    found, of_row = ranked(keys, len(zones.values) * many * size)
    judged = []
    for key in found.tolist():
        one, where = divmod(key, size)
        kind, subject = who.values[one % many]
        judged.append(_belongs(homes, platform, zones.values[one // many], kind, subject, organization.values[where]))
    return Text(np.array(judged, dtype=np.int32)[of_row], _BELONGS)


def _belongs(homes: Homes, platform: Platform, zone: str, kind: str, subject: str, organization: str) -> int:
    if (kind, subject) in CIRCLE_OF or kind in {ANY, ANY_USER}:
        return _BELONGS.index(EVERYBODY)
    if platform.trusts(kind, subject):
        return _BELONGS.index(PLATFORM)
    if subject.startswith(HIDDEN_OTHER):
        return _BELONGS.index("" if organization in {"", EVERY} else OTHER)
    theirs = homes.of_subject(zone, kind, subject)
    if not theirs:
        return _BELONGS.index(NOT_KNOWN)
    if organization in {"", EVERY}:
        return 0
    return _BELONGS.index(OWN if organization in theirs else OTHER)


def expected(access: Table, platform: Platform) -> Mask:
    """Return which rows are what OpenShift makes by itself: nobody decided them, and they are alike everywhere.

    In each namespace its accounts pull and its builder pushes; in the platform's own namespaces, and everywhere, the
    platform's own subjects have access, and everybody pulls what `openshift` shares. A row with one right more, or by
    another binding, is not among them.
    """
    spaces, quiet = access.text("namespace"), access.numbers("push") == NO
    usual = (_by(access, _PULLERS, _ACCOUNTS_OF, "") & quiet) | _by(access, _BUILDERS, "", ":builder")
    theirs = spaces.matching(lambda space: space == EVERY or platform.has(space))
    shared = access.where("subject", {EVERYONE}) & access.where("namespace", {"openshift"})
    shared &= access.numbers("pull") == YES
    mask: Mask = usual & (access.numbers("grants") == 1)
    mask |= (theirs & platform_rows(access, platform)) | (shared & quiet)
    return mask


_PULLERS: Final = (GROUP, "system:image-pullers")
_BUILDERS: Final = (ACCOUNT, "system:image-builders")


def _by(access: Table, binding: tuple[str, str], before: str, behind: str) -> Mask:
    """Return which rows are of a namespace's own subject, its name between `before` and `behind`, by this binding."""
    spaces, subjects = access.text("namespace"), access.text("subject")
    at = {f"{before}{space}{behind}": code for code, space in enumerate(spaces.values)}
    home = np.array([at.get(subject, -1) for subject in subjects.values], dtype=np.int64)
    kinds = DistinctPairs(access, "subject_kind", "binding")
    mask: Mask = home[subjects.codes] == spaces.codes
    mask &= kinds.spread([pair == binding for pair in kinds.values]).astype(bool)
    return mask
