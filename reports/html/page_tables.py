"""The tables of the page: those of the run, with the columns that the page adds."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from audit.tables.model import Table, joined
from audit.tables.schemas import YES
from audit.tenancy.belonging import EVERY, belongs_column, circles, expected, organization_column
from audit.tenancy.organizations import Organizations, organizations_in
from audit.tenancy.platform import Platform
from reports.html.cause_order import merged_causes
from reports.html.counting import count, looked_up, matched, numbered
from reports.html.namespace_table import namespace_table
from reports.html.subject_table import subject_table
from reports.html.table_columns import (
    OPEN_STATES,
    PLACE,
    ROW,
    WHO,
    Columns,
    only_columns,
    unclear,
    with_columns,
    without_columns,
)

_UNUSED: Final = {"grants": {"binding_uid", "scope"}}


def joined_table(name: str, tables: Iterable[Table]) -> Table:
    """Return a table of the run, one zone after the other, without the columns that the page does not show."""
    # Removed zone by zone: the uids of a fleet's bindings alone would take a hundred megabytes.
    return joined([without_columns(table, _UNUSED.get(name, set())) for table in tables])


def page_tables(tables: Mapping[str, Table], platform: Platform) -> dict[str, Table]:
    """Return the tables of the page by name; `tables` are those of the run (see `joined_table`)."""
    organizations = organizations_in(tables["namespaces"], tables["grants"])
    made = dict(tables)
    access = made["access"] = _access(tables, organizations, platform)
    for name in ("findings", "changes", "repositories"):
        made[name] = with_columns(made[name], {"organization": organization_column(made[name], organizations)})
    made["namespaces"] = namespace_table(made, organizations)
    made["subjects"] = subject_table(made, organizations)
    made["repositories"] = _repositories(made)
    made["causes"] = merged_causes(made["causes"])
    made["controls"] = _controls(made)
    made["access"] = without_columns(access, {"circle"})
    return made


def _access(tables: Mapping[str, Table], organizations: Organizations, platform: Platform) -> Table:
    access, changes = tables["access"], tables["changes"]
    organization = organization_column(access, organizations)
    return with_columns(
        access,
        {
            "organization": organization,
            "belongs": belongs_column(access, organization, organizations, platform),
            "expected": expected(access, platform).astype(np.int32),
            "change": looked_up(changes.text("change"), matched(access, changes, ROW)),
            "unclear": unclear(access).astype(np.int32),
            "circle": circles(access).astype(np.int32),
        },
    )


def _controls(tables: Mapping[str, Table]) -> Table:
    """Add to each control the number of open findings that touch it."""
    findings = tables["findings"].take(tables["findings"].where("state", {*OPEN_STATES}))
    touched: Counter[str] = Counter()
    for controls, number in Counter(findings.text("controls").strings()).items():
        touched.update(dict.fromkeys(controls.split(", "), number))
    names = zip(*(tables["controls"].text(name).strings() for name in ("framework", "control")), strict=True)
    counts = [touched[f"{framework} {control}"] for framework, control in names]
    return with_columns(tables["controls"], {"findings": np.array(counts, dtype=np.int32)})


def _repositories(tables: Mapping[str, Table]) -> Table:
    """Add to each repository the number of subjects that can pull and push by a role binding of its namespace."""
    repositories, access = tables["repositories"], only_columns(tables["access"], *ROW, "pull", "push")
    whole = access.take(access.where("repository", {EVERY}) & ~access.where("namespace", {EVERY}))
    named = access.take(~access.where("repository", {EVERY}) & ~access.where("namespace", {EVERY}))
    namespaces, columns = numbered(whole, PLACE), Columns()
    size, among = int(namespaces.max(initial=-1)) + 1, matched(repositories, whole, PLACE)
    namespace = np.where(among >= 0, np.append(namespaces, 0)[among], size)
    for action in ("pull", "push"):
        able = whole.take(whole.numbers(action) == YES)
        everywhere = np.append(count(namespaces, whole.numbers(action) == YES, size), 0)[namespace]
        mine = named.take(named.numbers(action) == YES)
        mine = mine.take(matched(mine, able, (*PLACE, *WHO)) < 0)
        where = matched(mine, repositories, (*PLACE, "repository"))
        columns[f"{action}_subjects"] = (everywhere + count(where, where >= 0, len(repositories))).astype(np.int32)
    names = matched(repositories, tables["namespaces"], PLACE)
    for name in ("open_pull", "open_push"):
        columns[name] = looked_up(tables["namespaces"].text(name), names)
    return with_columns(repositories, columns)
