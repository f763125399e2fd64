"""The page's table of namespaces: how many subjects have access to each, and what else is known of it."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from audit.rbac.subjects import ACCOUNT, ANY, GROUP, USER
from audit.tables.model import Table, Text, joined
from audit.tables.schemas import SEVERITIES, YES
from audit.tenancy.belonging import CIRCLES, EVERY, OTHER, organization_column
from audit.tenancy.organizations import Organizations
from reports.html.counting import Distinct, Numbered, count, first, greatest, looked_up, matched, numbered
from reports.html.outsiders import is_outside, outsiders, without_outsiders
from reports.html.table_columns import (
    ACTIONS,
    OPEN_STATES,
    PLACE,
    WHO,
    Columns,
    descending,
    only_columns,
    unclear,
)

_KINDS: Final = {USER: "people", GROUP: "groups", ACCOUNT: "accounts"}
# The default order of the page: what matters most comes first.
_ORDER: Final = ("open_push", "open_pull", "blind", "push_outside", "unknown", "push_people", "push_accounts")


def namespace_table(tables: Mapping[str, Table], organizations: Organizations) -> Table:
    """Return the namespaces with the number of subjects that have access by a role binding of the namespace."""
    access = only_columns(tables["access"], *PLACE, *WHO, *ACTIONS, "belongs", "circle")
    wide = access.where("namespace", {EVERY})
    local, wide_rows = access.take(~wide), access.take(wide)
    parts = [Table("", {name: table.text(name) for name in PLACE}) for table in (tables["namespaces"], local)]
    places = joined(parts)
    every = numbered(places, PLACE)
    at = first(every)
    names, place, size = places.take(at), every[len(parts[0]) :], len(at)
    listed = matched(names, tables["namespaces"], PLACE)
    columns: Columns = {name: names.text(name) for name in PLACE}
    columns["organization"] = organization_column(names, organizations)
    columns["created"] = looked_up(tables["namespaces"].text("created"), listed)
    columns |= _openness(local, place, names, wide_rows)
    columns |= _counts_of(local, place, size)
    columns |= _outside(access, place, names, organizations)
    columns |= _reports_on(tables, names)
    return descending(Table("namespaces", columns), *_ORDER)


def _openness(local: Table, place: Numbered, names: Table, wide: Table) -> Columns:
    """Return to which of everyone's groups each namespace is open, and whether its role bindings are incomplete."""
    size, columns = len(names), Columns()
    zone = matched(names, wide, ["zone"])
    zones = numbered(wide, ["zone"])
    many = int(zones.max(initial=-1)) + 1
    for action in ("pull", "push"):
        here = greatest(place, np.where(local.numbers(action) == YES, local.numbers("circle"), 0), size)
        beyond = greatest(zones, np.where(wide.numbers(action) == YES, wide.numbers("circle"), 0), many)
        everywhere = np.append(beyond, 0)[np.where(zone >= 0, np.append(zones, 0)[zone], many)]
        columns[f"open_{action}"] = Text(np.maximum(here, everywhere).astype(np.int32), CIRCLES)
    blind_zones = np.append(count(zones, wide.where("subject_kind", {ANY}), many), 0)
    blind = count(place, local.where("subject_kind", {ANY}), size)
    blind += blind_zones[np.where(zone >= 0, np.append(zones, 0)[zone], many)].astype(np.int32)
    columns["blind"] = (blind > 0).astype(np.int32)
    return columns


def _counts_of(local: Table, place: Numbered, size: int) -> Columns:
    """Return how many distinct users, groups and service accounts can do what in each namespace."""
    who, columns = Distinct(place, numbered(local, WHO), size), Columns()
    kinds = {name: local.where("subject_kind", {kind}) for kind, name in _KINDS.items()}
    for action in ACTIONS:
        able = local.numbers(action) == YES
        for name, mine in kinds.items():
            columns[f"{action}_{name}"] = who.count(able & mine)
    columns["unknown"] = count(place, unclear(local), size)
    return columns


def _outside(access: Table, place: Numbered, names: Table, organizations: Organizations) -> Columns:
    """Return how many distinct subjects of other organizations have access to each namespace, also cluster-wide."""
    local = ~access.where("namespace", {EVERY})
    who, columns, size = numbered(access, ("zone", *WHO)), Columns(), len(names)
    other, subjects = access.where("belongs", {OTHER}), Distinct(place, who[local], size)
    owners = [*zip(names.text("zone").strings(), organization_column(names, organizations).strings(), strict=True)]
    for action in ("pull", "push"):
        able = access.numbers(action) == YES
        wide = [*outsiders(access, able, organizations)]
        counts = subjects.count(without_outsiders(access, able & other, who, wide)[local])
        more = {key: sum(key[0] == row.zone and is_outside(row, key[1]) for row in wide) for key in set(owners)}
        columns[f"{action}_outside"] = counts + np.array([more[key] for key in owners], dtype=np.int32)
    return columns


def _reports_on(tables: Mapping[str, Table], names: Table) -> Columns:
    """Return the numbers of findings, changes and repositories of each namespace, and its last push."""
    size, columns = len(names), Columns()
    findings = tables["findings"].take(tables["findings"].where("state", {*OPEN_STATES}))
    where = matched(findings, names, PLACE)
    ranks = np.array(
        [len(SEVERITIES) - SEVERITIES.index(severity) for severity in findings.text("severity").strings()], dtype=int
    )
    worst = greatest(where[where >= 0], ranks[where >= 0], size)
    columns["findings"] = count(where, where >= 0, size)
    columns["worst"] = Text((len(SEVERITIES) - worst).astype(np.int32), [*SEVERITIES, ""])
    for name in ("changes", "repositories"):
        where = matched(tables[name], names, PLACE)
        columns[name] = count(where, where >= 0, size)
    pushed = tables["repositories"].text("pushed")
    last = greatest(where[where >= 0], pushed.codes[where >= 0] + 1, size)
    columns["pushed"] = looked_up(Text(np.arange(len(pushed.values), dtype=np.int32), pushed.values), last - 1)
    return columns
