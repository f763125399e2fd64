"""A person without an account has access."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from audit.checks.bindings import EVERY, listed
from audit.checks.check import BINDINGS, Check, Finding, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.neighbours import any_right
from audit.checks.remedies import LEAVE_GROUP, TAKE_AWAY, fill
from audit.rbac.rules import RIGHTS
from audit.rbac.subjects import USER
from audit.tables.arrays import packed, unpacked
from audit.tables.schemas import YES

_FIRST: Final = (
    "# If a synchronization fills the group, correct it there: members are the names that people log in with."
)


def _find(context: CheckContext) -> Iterator[Finding | GrantFindings]:
    snapshot = context.snapshot
    if not snapshot.requested("users") or snapshot.gaps_of("users"):
        return
    # The platform's first administrator has no user object.
    known = {"kube:admin", *(snapshot.strings[code] for code in snapshot.tables["users"]["name"].tolist())}
    gone = context.bindings.of(USER, lambda user: user not in known) & context.outsiders & ~context.misspelt
    yield from context.findings(gone & any_right(context), "has no account and has access")
    for user, (groups, rows) in sorted(_members(context).items()):
        if user not in known and not context.platform.trusts(USER, user):
            yield Finding(
                zone=context.zone,
                namespace=EVERY,
                subject_kind=USER,
                subject=user,
                detail=f"user {user} has no account and has access as a member of {listed(groups)}",
                evidence_in="grants",
                rows=rows,
                remedy=(_FIRST, *(fill(LEAVE_GROUP, group=group, user=user) for group in groups)),
            )


def _members(context: CheckContext) -> dict[str, tuple[list[str], int]]:
    """Return the groups through which each person has access, and the number of rows of grants."""
    grants = context.tables["grants"]
    user, group = grants.text("subject"), grants.text("group")
    able = np.any([grants.numbers(right) == YES for right in RIGHTS], axis=0)
    rows = able & grants.where("subject_kind", {USER}) & ~grants.where("group", {""})
    pairs, counts = np.unique(packed(user.codes[rows], group.codes[rows]), return_counts=True)
    members: dict[str, tuple[list[str], int]] = {}
    for who, through, count in zip(*(column.tolist() for column in (*unpacked(pairs), counts)), strict=True):
        groups, total = members.get(user.values[who], ([], 0))
        members[user.values[who]] = ([*groups, group.values[through]], total + count)
    return members


CHECK = Check(
    id="user-gone",
    title="A person without an account",
    severity="high",
    confidence="medium",
    why=(
        "The person has left, or the name is misspelt, or they have never logged in: accounts are created at the "
        "first login. Whoever gets an account of that name has the access at once."
    ),
    remedy=(*TAKE_AWAY, LEAVE_GROUP),
    needs=(*BINDINGS, "users"),
    find=_find,
    fixed_by="subject",
)
