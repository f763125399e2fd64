"""Who belongs where: organizations of namespaces and subjects, who is everybody, and what the platform itself makes."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from audit.checks.organizations import TEAM
from audit.checks.platform import Platform
from audit.rbac.subjects import ACCOUNT, ACCOUNTS, ANONYMOUS, ANY, EVERY_LOGIN, EVERYONE, GROUP, NOBODY, USER
from audit.tables import NO, YES, Table, Text, text_column

Mask = NDArray[np.bool_]
Codes = NDArray[np.int64]

EVERY: Final = "*"
_ACCOUNTS_OF: Final = f"{ACCOUNTS}:"
PLATFORM_OWN: Final = Platform()
# Whom a subject lets in as one of many, from the narrowest circle to the widest; as numbers, their places here.
CIRCLES: Final = ("", "every account", "every user", "anyone")
_CIRCLE: Final = {
    (GROUP, ACCOUNTS): 1,
    (GROUP, EVERYONE): 2,
    (GROUP, EVERY_LOGIN): 2,
    (GROUP, NOBODY): 3,
    (USER, ANONYMOUS): 3,
}
# How a subject belongs to a namespace where it has access.
OWN, OTHER, EVERYBODY, PLATFORM, NOT_KNOWN = "own organization", "other organization", "everybody", "platform", "none"
_BELONGS: Final = ("", OWN, OTHER, EVERYBODY, PLATFORM, NOT_KNOWN)


class Pairs:
    """The different pairs of values of two text columns: judged once each, however many rows have them."""

    def __init__(self, table: Table, first: str, second: str) -> None:
        """Take the columns `first` and `second` of a table."""
        left, right = table.text(first), table.text(second)
        size = max(len(right.values), 1)
        found, self.of_row = np.unique(left.codes.astype(np.int64) * size + right.codes, return_inverse=True)
        self.values = [(left.values[code // size], right.values[code % size]) for code in found.tolist()]

    def spread(self, judged: list[int]) -> Codes:
        """Return for each row what was judged of its pair."""
        return np.array(judged, dtype=np.int64)[self.of_row]


def circles(table: Table) -> Codes:
    """Return for each row whom it lets in as one of many, as a place in CIRCLES."""
    who = Pairs(table, "subject_kind", "subject")
    return who.spread([_CIRCLE.get(pair, 0) for pair in who.values])


def platform(table: Table) -> Mask:
    """Return which rows are of the platform's own subjects."""
    who = Pairs(table, "subject_kind", "subject")
    return who.spread([PLATFORM_OWN.trusts(*pair) for pair in who.values]).astype(bool)


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
        through = Pairs(grants, "subject", "group")
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
    places = Pairs(table, "zone", "namespace")
    found = text_column([EVERY if space == EVERY else homes.of_space(zone, space) for zone, space in places.values])
    return Text(found.codes[places.of_row], found.values)


def belongs_column(access: Table, organization: Text, homes: Homes) -> Text:
    """Return how each row's subject belongs to its namespace, in a word; empty where that is no question."""
    zones, who = access.text("zone"), Pairs(access, "subject_kind", "subject")
    size, many = len(organization.values), len(who.values)
    keys = (zones.codes.astype(np.int64) * many + who.of_row) * size + organization.codes
    found, of_row = np.unique(keys, return_inverse=True)
    judged = []
    for key in found.tolist():
        one, where = divmod(key, size)
        kind, subject = who.values[one % many]
        judged.append(_belongs(homes, zones.values[one // many], kind, subject, organization.values[where]))
    return Text(np.array(judged, dtype=np.int32)[of_row], _BELONGS)


def _belongs(homes: Homes, zone: str, kind: str, subject: str, organization: str) -> int:
    if (kind, subject) in _CIRCLE or kind in {ANY, "AnyUser"}:
        return _BELONGS.index(EVERYBODY)
    if PLATFORM_OWN.trusts(kind, subject):
        return _BELONGS.index(PLATFORM)
    theirs = homes.of_subject(zone, kind, subject)
    if not theirs:
        return _BELONGS.index(NOT_KNOWN)
    if organization in {"", EVERY}:
        return 0
    return _BELONGS.index(OWN if organization in theirs else OTHER)


def expected(access: Table) -> Mask:
    """Return which rows are what OpenShift makes by itself: nobody decided them, and they are alike everywhere.

    In each namespace its accounts pull and its builder pushes; in the platform's own namespaces, and everywhere, the
    platform's own subjects have access, and everybody pulls what `openshift` shares. A row with one right more, or by
    another binding, is not among them.
    """
    spaces, who = Pairs(access, "namespace", "subject"), Pairs(access, "subject_kind", "binding")
    own = spaces.spread([_own(space, subject) for space, subject in spaces.values])
    by = who.spread([_OWN_BINDINGS.get(pair, 0) for pair in who.values])
    once = access.numbers("grants") == 1
    quiet = access.numbers("push") == NO
    pullers = (own == 1) & (by == 1) & quiet
    builders = (own == 2) & (by == 2)  # noqa: PLR2004  numbers of _own and _OWN_BINDINGS
    theirs = spaces.spread([space == EVERY or PLATFORM_OWN.has(space) for space, _ in spaces.values]).astype(bool)
    shared = spaces.spread([space == "openshift" and subject == EVERYONE for space, subject in spaces.values])
    pulled = shared.astype(bool) & quiet & (access.numbers("pull") == YES)
    mask: Mask = ((pullers | builders) & once) | (theirs & platform(access)) | pulled
    return mask


_OWN_BINDINGS: Final = {(GROUP, "system:image-pullers"): 1, (ACCOUNT, "system:image-builders"): 2}


def _own(space: str, subject: str) -> int:
    return 1 if subject == f"{_ACCOUNTS_OF}{space}" else 2 if subject == f"{space}:builder" else 0
