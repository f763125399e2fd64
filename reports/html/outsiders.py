"""Cluster-wide access of subjects to namespaces of other organizations: no row of a namespace shows it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from audit.tables.arrays import Mask
from audit.tables.model import Table
from audit.tenancy.belonging import EVERY, HIDDEN_OTHER
from audit.tenancy.organizations import Organizations
from reports.html.counting import Numbered
from reports.html.table_columns import WHO


class Outsider(NamedTuple):
    """A subject with cluster-wide access in a zone, and its organizations."""

    zone: str
    kind: str
    name: str
    organizations: frozenset[str]
    row: int  # one of its rows of access


def outsiders(access: Table, able: Mask, organizations: Organizations) -> Iterator[Outsider]:
    """Yield the subjects of organizations that have cluster-wide what the rows `able` give, once for each zone."""
    # The relationship of cluster-wide rows is empty where an organization is known: other rows are nobody's.
    at = np.flatnonzero(able & access.where("namespace", {EVERY}) & access.where("belongs", {""}))
    columns = (access.take(at).text(name).strings() for name in ("zone", *WHO))
    for (zone, kind, name), row in dict(zip(zip(*columns, strict=True), at.tolist(), strict=True)).items():
        yield Outsider(zone, kind, name, organizations.of_subject(zone, kind, name), row)


def is_outside(who: Outsider, organization: str) -> bool:
    """Return whether this organization is certainly another one than the subject's."""
    hidden = who.name.startswith(HIDDEN_OTHER)
    return bool(organization) and (hidden or bool(who.organizations)) and organization not in who.organizations


def without_outsiders(access: Table, able: Mask, who: Numbered, found: Sequence[Outsider]) -> Mask:
    """Return the rows `able` without those of these subjects in their zones: cluster-wide access includes them."""
    if not found:
        return able
    zones = access.text("zone")
    keys = who * len(zones.values) + zones.codes
    mask: Mask = able & ~np.isin(keys, keys[[subject.row for subject in found]])
    return mask


def namespaces_by_organization(namespaces: Table) -> Mapping[str, Counter[str]]:
    """Return for each zone how many namespaces each organization has."""
    counts: dict[str, Counter[str]] = {}
    for zone, owner in zip(namespaces.text("zone").strings(), namespaces.text("organization").strings(), strict=True):
        counts.setdefault(zone, Counter())[owner] += 1
    return counts
