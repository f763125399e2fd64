"""How subjects belong to the namespaces where they have access: own organization, another one, everybody, platform."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from audit.rbac.subjects import ACCOUNT, ACCOUNTS, ANONYMOUS, ANY, ANY_USER, EVERY_LOGIN, EVERYONE, GROUP, NOBODY, USER
from audit.tables.arrays import Mask, ranked
from audit.tables.model import Table, Text, text_column
from audit.tables.schemas import NO, YES
from audit.tenancy.organizations import Organizations
from audit.tenancy.platform import Platform

Codes = NDArray[np.int64]

EVERY: Final = "*"
# Whom a subject lets in as one of many, from the narrowest circle to the widest; as numbers, positions in this tuple.
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
# A report for one organization shows these, with a number, in place of the names of others.
HIDDEN_OTHER, HIDDEN = "(of another organization)", "(not shown)"
_BELONGS: Final = ("", OWN, OTHER, EVERYBODY, PLATFORM, NOT_KNOWN)


class DistinctPairs:
    """The distinct pairs of values of two text columns, each judged once however many rows have it."""

    def __init__(self, table: Table, first: str, second: str) -> None:
        left, right = table.text(first), table.text(second)
        size = max(len(right.values), 1)
        keys, self.of_row = ranked(left.codes.astype(np.int64) * size + right.codes, len(left.values) * size)
        self.values = [(left.values[key // size], right.values[key % size]) for key in keys.tolist()]

    def spread(self, judged: list[int]) -> Codes:
        """Return for each row what was judged of its pair."""
        return np.array(judged, dtype=np.int64)[self.of_row]


def circles(table: Table) -> Codes:
    """Return for each row whom it lets in as one of many, as a position in CIRCLES."""
    subjects = DistinctPairs(table, "subject_kind", "subject")
    return subjects.spread([CIRCLE_OF.get(pair, 0) for pair in subjects.values])


def platform_rows(table: Table, platform: Platform) -> Mask:
    """Return which rows are of the platform's own subjects."""
    subjects = DistinctPairs(table, "subject_kind", "subject")
    return subjects.spread([platform.trusts(*pair) for pair in subjects.values]).astype(bool)


def organization_column(table: Table, organizations: Organizations) -> Text:
    """Return the organization of each row's namespace; `*` for a cluster-wide row, which is in all of them."""
    places = DistinctPairs(table, "zone", "namespace")
    owners = [EVERY if place[1] == EVERY else organizations.of_namespace(*place) for place in places.values]
    column = text_column(owners)
    return Text(column.codes[places.of_row], column.values)


def belongs_column(access: Table, organization: Text, organizations: Organizations, platform: Platform) -> Text:
    """Return how each row's subject belongs to its namespace; empty where the question does not arise.

    `organization` is the column that `organization_column` returns for the same table.
    """
    zones, subjects = access.text("zone"), DistinctPairs(access, "subject_kind", "subject")
    owners, count = len(organization.values), len(subjects.values)
    # One number for each combination of zone, subject and organization.
    keys = (zones.codes.astype(np.int64) * count + subjects.of_row) * owners + organization.codes
    distinct, of_row = ranked(keys, len(zones.values) * count * owners)
    words = []
    for key in distinct.tolist():
        zone_and_subject, owner = divmod(key, owners)
        zone, subject = divmod(zone_and_subject, count)
        kind, name = subjects.values[subject]
        of_subject = organizations.of_subject(zones.values[zone], kind, name)
        words.append(_belongs(kind, name, of_subject, organization.values[owner], platform))
    return Text(np.array([_BELONGS.index(word) for word in words], dtype=np.int32)[of_row], _BELONGS)


def _belongs(kind: str, name: str, of_subject: frozenset[str], organization: str, platform: Platform) -> str:
    somewhere = organization not in {"", EVERY}
    if (kind, name) in CIRCLE_OF or kind in {ANY, ANY_USER}:
        return EVERYBODY
    if platform.trusts(kind, name):
        return PLATFORM
    if name.startswith(HIDDEN_OTHER):
        return OTHER if somewhere else ""
    if not of_subject:
        return NOT_KNOWN
    if not somewhere:
        return ""
    return OWN if organization in of_subject else OTHER


def expected(access: Table, platform: Platform) -> Mask:
    """Return which rows are access that OpenShift creates by itself, the same in every cluster.

    In each namespace its accounts pull and its builder pushes. In the platform's own namespaces and cluster-wide, the
    platform's own subjects have access, and everybody pulls what `openshift` shares. A row with one more right, or by
    another binding, is not expected.
    """
    namespaces, quiet = access.text("namespace"), access.numbers("push") == NO
    usual = (_own_subject(access, _PULLERS, f"{ACCOUNTS}:", "") & quiet) | _own_subject(
        access, _BUILDERS, "", ":builder"
    )
    own = namespaces.matching(lambda namespace: namespace == EVERY or platform.has(namespace))
    shared = access.where("subject", {EVERYONE}) & access.where("namespace", {"openshift"})
    shared &= (access.numbers("pull") == YES) & quiet
    mask: Mask = (usual & (access.numbers("grants") == 1)) | (own & platform_rows(access, platform)) | shared
    return mask


_PULLERS: Final = (GROUP, "system:image-pullers")
_BUILDERS: Final = (ACCOUNT, "system:image-builders")


def _own_subject(access: Table, binding: tuple[str, str], before: str, behind: str) -> Mask:
    """Return which rows are of a namespace's own subject by this binding; `before` and `behind` enclose its name."""
    namespaces, subjects = access.text("namespace"), access.text("subject")
    at = {f"{before}{namespace}{behind}": code for code, namespace in enumerate(namespaces.values)}
    own_namespace = np.array([at.get(subject, -1) for subject in subjects.values], dtype=np.int64)
    mask: Mask = own_namespace[subjects.codes] == namespaces.codes
    mask &= access.where("subject_kind", {binding[0]}) & access.where("binding", {binding[1]})
    return mask
