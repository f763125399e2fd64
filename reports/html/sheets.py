"""The tables of a run -> those of the page: with what they say of each other beside them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from audit.rbac.subjects import ACCOUNT, ANY, GROUP, USER
from audit.tables.arrays import Mask
from audit.tables.model import SEVERITIES, UNKNOWN, YES, Numbers, Table, Text, joined, text_column
from audit.tenancy.belonging import (
    CIRCLES,
    EVERY,
    OTHER,
    belongs_column,
    circles,
    expected,
    organization_column,
)
from audit.tenancy.organizations import Organizations, organizations_in
from audit.tenancy.platform import Platform
from reports.html.counting import Distinct, Numbered, count, first, greatest, looked_up, matched, numbered

Columns = dict[str, Text | Numbers]

ACTIONS: Final = ("pull", "push", "create")
OPEN_STATES: Final = ("new", "open")  # of a finding that nobody has decided on
_KINDS: Final = {USER: "people", GROUP: "groups", ACCOUNT: "accounts"}
_PLACE: Final = ("zone", "namespace")
_WHO: Final = ("subject_kind", "subject")
# What matters most is shown first, where nobody asked for another order.
_FIRST_SPACES: Final = ("open_push", "open_pull", "blind", "push_outside", "unknown", "push_people", "push_accounts")
_FIRST_SUBJECTS: Final = ("push_everywhere", "pull_everywhere", "push_outside", "push_namespaces", "pull_namespaces")
_ROW: Final = (*_PLACE, "repository", *_WHO)


def together(name: str, tables: Iterable[Table]) -> Table:
    """Return a table of the run, the zones one after the other, without the columns that the page does not show."""
    # Left out zone by zone: the uids of a fleet's bindings alone would be a hundred megabytes.
    return joined([_without(table, _LEFT_OUT.get(name, set())) for table in tables])


_LEFT_OUT: Final = {"grants": {"binding_uid", "scope"}}


def sheets(tables: Mapping[str, Table], platform: Platform) -> dict[str, Table]:
    """Return the tables of the page by name; `tables` are those of the run (see `together`)."""
    organizations = organizations_in(tables["namespaces"], tables["grants"])
    made = dict(tables)
    access = made["access"] = _access(tables, organizations, platform)
    for name in ("findings", "changes", "repositories"):
        made[name] = _more(made[name], {"organization": organization_column(made[name], organizations)})
    made["namespaces"] = _namespaces(made, organizations)
    made["subjects"] = _subjects(made, organizations)
    made["repositories"] = _repositories(made)
    made["controls"] = _controls(made)
    made["access"] = _without(access, {"circle"})
    return made


def _without(table: Table, names: set[str]) -> Table:
    return Table(table.name, {name: values for name, values in table.columns.items() if name not in names})


def _only(table: Table, *names: str) -> Table:
    """Return a few columns of a large table, before rows are taken of it."""
    return Table(table.name, {name: table.columns[name] for name in names})


def _more(table: Table, columns: Columns) -> Table:
    return Table(table.name, {**table.columns, **columns})


def _access(tables: Mapping[str, Table], organizations: Organizations, platform: Platform) -> Table:
    access, changes = tables["access"], tables["changes"]
    organization = organization_column(access, organizations)
    return _more(
        access,
        {
            "organization": organization,
            "belongs": belongs_column(access, organization, organizations, platform),
            "expected": expected(access, platform).astype(np.int32),
            "change": looked_up(changes.text("change"), matched(access, changes, _ROW)),
            "unclear": unclear(access).astype(np.int32),
            "circle": circles(access).astype(np.int32),
        },
    )


def unclear(access: Table) -> Mask:
    """Return which rows hold an answer that is not known."""
    mask: Mask = np.any([access.numbers(action) == UNKNOWN for action in ACTIONS], axis=0)
    return mask


def _namespaces(made: Mapping[str, Table], organizations: Organizations) -> Table:
    """Count for each namespace who can do what there by a grant of the namespace itself."""
    access = _only(made["access"], *_PLACE, *_WHO, *ACTIONS, "belongs", "circle")
    wide = access.where("namespace", {EVERY})
    local, wide_rows = access.take(~wide), access.take(wide)
    parts = [Table("", {name: one.text(name) for name in _PLACE}) for one in (made["namespaces"], local)]
    places = joined(parts)
    every = numbered(places, _PLACE)
    at = first(every)
    names, place, size = places.take(at), every[len(parts[0]) :], len(at)
    listed = matched(names, made["namespaces"], _PLACE)
    columns: Columns = {name: names.text(name) for name in _PLACE}
    columns["organization"] = organization_column(names, organizations)
    columns["created"] = looked_up(made["namespaces"].text("created"), listed)
    columns |= _circles_of(local, place, names, wide_rows)
    columns |= _counts_of(local, place, size)
    columns |= _about(made, names)
    return _by(Table("namespaces", columns), *_FIRST_SPACES)


def _circles_of(local: Table, place: Numbered, names: Table, wide: Table) -> Columns:
    """Return whom each namespace is open to, here or everywhere, and whether its bindings were all seen."""
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
    """Return how many people, groups and accounts can do what in each namespace: each once, however often it may."""
    who, columns = Distinct(place, numbered(local, _WHO), size), Columns()
    outside = local.where("belongs", {OTHER})
    kinds = {name: local.where("subject_kind", {kind}) for kind, name in _KINDS.items()}
    for action in ACTIONS:
        able = local.numbers(action) == YES
        for name, mine in kinds.items():
            columns[f"{action}_{name}"] = who.count(able & mine)
        if action != "create":
            columns[f"{action}_outside"] = who.count(able & outside)
    columns["unknown"] = count(place, unclear(local), size)
    return columns


def _about(made: Mapping[str, Table], names: Table) -> Columns:
    """Return what findings, changes and repositories say of each namespace."""
    size, columns = len(names), Columns()
    findings = made["findings"].take(made["findings"].where("state", {*OPEN_STATES}))
    where = matched(findings, names, _PLACE)
    ranks = np.array(
        [len(SEVERITIES) - SEVERITIES.index(one) for one in findings.text("severity").strings()], dtype=int
    )
    worst = greatest(where[where >= 0], ranks[where >= 0], size)
    columns["findings"] = count(where, where >= 0, size)
    columns["worst"] = Text((len(SEVERITIES) - worst).astype(np.int32), [*SEVERITIES, ""])
    for name in ("changes", "repositories"):
        where = matched(made[name], names, _PLACE)
        columns[name] = count(where, where >= 0, size)
    pushed = made["repositories"].text("pushed")
    last = greatest(where[where >= 0], pushed.codes[where >= 0] + 1, size)
    columns["pushed"] = looked_up(Text(np.arange(len(pushed.values), dtype=np.int32), pushed.values), last - 1)
    return columns


def _subjects(made: Mapping[str, Table], organizations: Organizations) -> Table:
    """Count for each subject where it can do what, and how it came to the most of it.

    A person or group is the same one in every zone; a service account is another one in each.
    """
    access = made["access"]
    zone = access.text("zone")
    accounts = access.where("subject_kind", {ACCOUNT})
    own_zone = looked_up(zone, np.where(accounts, np.arange(len(access)), -1))
    access = _more(access, {"own_zone": _ranked(own_zone)})
    who, place, zones = (numbered(access, names) for names in ((*_WHO, "own_zone"), _PLACE, ["zone"]))
    at = first(who)
    size, wide = len(at), access.where("namespace", {EVERY})
    one = access.take(at)
    columns: Columns = {name: one.text(name) for name in _WHO}
    columns["zone"] = one.text("own_zone")
    columns["organization"] = _homes_of(one, organizations)
    places, zones_of = Distinct(who, place, size), Distinct(who, zones, size)
    columns["zones"] = zones_of.count()
    outside = access.where("belongs", {OTHER})
    for action in ACTIONS:
        able = access.numbers(action) == YES
        columns[f"{action}_namespaces"] = places.count(able & ~wide)
        columns[f"{action}_everywhere"] = zones_of.count(able & wide)
        if action != "create":
            columns[f"{action}_outside"] = places.count(able & outside)
    columns["unknown"] = count(who, unclear(access), size)
    says = ~access.where("how", {""})
    # A row that does not say how comes last; of two that give the same, the cluster-wide one counts.
    best = first(who, 16 * says + 2 * _strength(access) + wide)
    columns["how"] = access.take(best).text("how")
    columns["members"] = one.numbers("members")
    columns["account"] = one.text("account")
    columns["tokens"] = _tokens_of(made, Table("", columns))
    return _by(Table("subjects", columns), *_FIRST_SUBJECTS)


def _by(table: Table, *names: str) -> Table:
    """Return the rows with the greatest first, by the first of these columns, then the next; equal ones as they are."""
    columns = [values.codes if isinstance(values, Text) else values for values in map(table.columns.get, names)]
    return table.take(np.lexsort([-values for values in reversed(columns) if values is not None]))


def _ranked(text: Text) -> Text:
    ranked = joined([Table("", {"": text})])
    return ranked.text("")


def _homes_of(subjects: Table, organizations: Organizations) -> Text:
    columns = (subjects.text(name).strings() for name in ("zone", *_WHO))
    return text_column([", ".join(sorted(organizations.of_subject(*who))) for who in zip(*columns, strict=True)])


def _strength(access: Table) -> Numbered:
    """Return how much each row lets its subject do: create above push above pull."""
    pull, push, create = ((access.numbers(action) == YES).astype(np.int64) for action in ACTIONS)
    strength: Numbered = pull + 2 * push + 4 * create
    return strength


def _tokens_of(made: Mapping[str, Table], subjects: Table) -> Numbers:
    """Return how many tokens without an end each account has; -1 where nobody looked or it could not be seen."""
    tokens, coverage = made["tokens"], made["coverage"]
    held = Table("", {"zone": tokens.text("zone"), "subject": tokens.text("account")})
    accounts = subjects.where("subject_kind", {ACCOUNT})
    where = matched(held, Table("", {name: subjects.text(name) for name in held.columns}), ("zone", "subject"))
    found = count(where, where >= 0, len(subjects))
    blind = coverage.take(coverage.where("kind", {"tokens"}) & ~coverage.where("state", {"seen"}))
    unseen = set(blind.text("zone").strings())
    unsure = accounts & subjects.where("zone", {*unseen}) & (found == 0)
    return np.where(unsure, -1, found).astype(np.int32)


def _controls(made: Mapping[str, Table]) -> Table:
    """Count for each control the findings of its checks that nobody has decided on."""
    findings = made["findings"].take(made["findings"].where("state", {*OPEN_STATES}))
    found = Counter(findings.text("check").strings())
    checks = made["controls"].text("checks").strings()
    counts = [sum(found[check] for check in one.split(", ")) for one in checks]
    return _more(made["controls"], {"findings": np.array(counts, dtype=np.int32)})


def _repositories(made: Mapping[str, Table]) -> Table:
    """Count for each repository who can pull and push there by a grant of its namespace."""
    repositories, access = made["repositories"], _only(made["access"], *_ROW, "pull", "push")
    whole = access.take(access.where("repository", {EVERY}) & ~access.where("namespace", {EVERY}))
    named = access.take(~access.where("repository", {EVERY}) & ~access.where("namespace", {EVERY}))
    spaces, columns = numbered(whole, _PLACE), Columns()
    size, among = int(spaces.max(initial=-1)) + 1, matched(repositories, whole, _PLACE)
    space = np.where(among >= 0, np.append(spaces, 0)[among], size)
    for action in ("pull", "push"):
        able = whole.take(whole.numbers(action) == YES)
        everywhere = np.append(count(spaces, whole.numbers(action) == YES, size), 0)[space]
        mine = named.take(named.numbers(action) == YES)
        mine = mine.take(matched(mine, able, (*_PLACE, *_WHO)) < 0)
        where = matched(mine, repositories, (*_PLACE, "repository"))
        columns[f"{action}_subjects"] = (everywhere + count(where, where >= 0, len(repositories))).astype(np.int32)
    names = matched(repositories, made["namespaces"], _PLACE)
    for name in ("open_pull", "open_push"):
        columns[name] = looked_up(made["namespaces"].text(name), names)
    return _more(repositories, columns)
