"""The table `privileged`: who can push in every namespace, prune, sign, or use the registry by a wildcard, and why."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from audit.rbac.roles import WILDCARD
from audit.tables.model import Table, table_of
from audit.tables.schemas import ANSWERS, NO, UNKNOWN
from audit.tenancy.belonging import EVERY
from audit.tenancy.organizations import Organizations
from audit.tenancy.platform import Platform

# Rights that are privileged in every namespace, by what the roster calls them.
_RIGHTS: Final = {"push": "push", "delete": "prune", "sign": "sign"}
NOT_KNOWN: Final = "not known"
ROUTE: Final = "push by a route"
_COPIED: Final = (
    "zone", "namespace", "repository", "subject_kind", "subject", "group", "binding_kind", "binding", "role_kind",
    "role", "aggregated_from", "rule", "since", "lacks",
)  # fmt: skip


def privileged_table(
    grants: Table, organizations: Organizations, platform: Platform, routes: Table | None = None
) -> Table:
    """Return the roster of a zone: a line for each grant of a privileged right, groups and members.

    Routes to push in every namespace have lines too: without a binding, and what leads there in place of the rule.
    """
    wide = grants.where("namespace", {EVERY})
    able = np.logical_or.reduce([grants.numbers(right) != NO for right in _RIGHTS])
    rows = grants.take((wide & able) | grants.where("how", {WILDCARD}))
    lines = [*_lines(rows, organizations, platform)]
    if routes is not None:
        pushes = routes.take(routes.where("namespace", {EVERY}) & routes.where("action", {"push"}))
        lines += _routes(pushes, organizations, platform)
    return table_of("privileged", lines)


def _lines(grants: Table, organizations: Organizations, platform: Platform) -> Iterator[Mapping[str, str | int]]:
    for row in grants.records():
        kind, subject = str(row["subject_kind"]), str(row["subject"])
        owners = organizations.of_subject(str(row["zone"]), kind, subject)
        yield {
            **{name: row[name] for name in _COPIED},
            "organization": ", ".join(sorted(owners)),
            "platform": "yes" if platform.trusts(kind, subject) else "no",
            "rights": ", ".join(_rights(row)),
            "last_used": str(row["last_used"] or row["used"] or NOT_KNOWN),
        }


def _routes(routes: Table, organizations: Organizations, platform: Platform) -> Iterator[Mapping[str, str | int]]:
    for row in routes.records():
        kind, subject = str(row["subject_kind"]), str(row["subject"])
        if platform.trusts(kind, subject):
            continue
        yield {
            **{name: row[name] for name in ("zone", "namespace", "repository", "subject_kind", "subject")},
            "organization": ", ".join(sorted(organizations.of_subject(str(row["zone"]), kind, subject))),
            "platform": "no",
            "rights": ROUTE + ("" if row["certainty"] == "certain" else "?"),
            "rule": row["route"],
            "last_used": NOT_KNOWN,
        }


def _rights(row: Mapping[str, str | int]) -> Iterator[str]:
    for right, word in _RIGHTS.items():
        if row["namespace"] == EVERY and row[right] != ANSWERS[NO]:
            yield word + ("?" if row[right] == ANSWERS[UNKNOWN] else "")
    if row["how"] == WILDCARD:
        yield "wildcard"
