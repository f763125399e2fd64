"""Two states of a zone -> the table `changes`: whose access differs and why, what came and went, and what was not seen.

Nothing is gained or lost, new or gone, unless both states saw it: what only one of them saw is unknown.
"""

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

import numpy as np

from audit.access.rights import Rights
from audit.changes.access import Deltas, Index, access_deltas, grant_differences
from audit.changes.causes import Causes
from audit.changes.differing import differing
from audit.changes.explained import Explained, explained
from audit.changes.logins import login_cause
from audit.changes.numbers import Pool
from audit.changes.objects import BINDING, GROUP, ObjectRef, Objects
from audit.changes.state import State
from audit.changes.zone import APPEARED, GONE, UNKNOWN, UNSEEN, Row, other_changes
from audit.rbac.rules import EVERYTHING, RIGHTS
from audit.tables.arrays import Longs
from audit.tables.model import Numbers, Table, Text, joined, table_of
from audit.tables.schemas import SCHEMAS
from audit.tenancy.organizations import ORGANIZATION_LABEL

NO_EFFECT: Final = "no-effect"
# What became of a subject's access, as numbers of rows.
_CHANGES: Final = ("changed", "gained", "lost", "narrowed", "widened")
_CHANGED, _GAINED, _LOST, _NARROWED, _WIDENED = range(len(_CHANGES))


class ComparisonScope(NamedTuple):
    """What is compared: `namespaces` (None: all), by which label these belong to organizations, and since which run."""

    namespaces: Collection[str] | None = None
    organization_label: str = ORGANIZATION_LABEL
    from_run: str = ""


def changes_of(before: State, after: State, scope: ComparisonScope | None = None) -> Table:
    """Return the changes between two states of one zone, those of access first.

    Equal states have none. With the states the other way round, each row says the opposite.
    """
    scope = scope or ComparisonScope()
    pool = Pool()
    objects = Objects(before, pool), Objects(after, pool)
    causes = Causes(*objects)
    index = Index(pool, (before, after))
    differences = grant_differences(index, before, after)
    found = explained(index, access_deltas(index, before, after), differences, objects, causes)
    logins = login_cause(objects, causes, scope.namespaces, pool)
    if logins is not None:
        found = found.with_cause_of_the_rest(logins)
    logins = login_cause(objects, causes, scope.namespaces, pool)
    if logins is not None:
        found = found.with_cause_of_the_rest(logins)
    rows = list(other_changes(before, after, scope.namespaces, scope.organization_label))
    used = {ref for cause in found.causes for ref in cause.objects}
    rows += _without_effect(objects, causes, used, scope, pool)
    shared = {"zone": after.zone, "from_run": scope.from_run}
    rows = [{**shared, **row} for row in sorted(rows, key=_order)]
    return joined([_access_table(index, found, shared), table_of("changes", rows)])


def zone_moved(zone: str, change: str, from_run: str = "") -> Table:
    """Return the row that says that a zone is there for the first time (APPEARED), or is no longer (GONE)."""
    words = {APPEARED: "was not among the zones before", GONE: "is no longer among the zones"}[change]
    row = {"change": change, "object": "zone", "zone": zone, "namespace": "*", "from_run": from_run}
    return table_of("changes", [{**row, "cause": f"zone {zone} {words}; its access was not compared"}])


def zone_unseen(zone: str, why: str, from_run: str = "") -> Table:
    """Return the row that says that a zone could not be read now, so that nothing is said about it."""
    row = {"change": UNSEEN, "object": "zone", "zone": zone, "namespace": "*", "after": UNKNOWN, "from_run": from_run}
    return table_of("changes", [{**row, "cause": f"not seen now: {why}"}])


def _order(row: Row) -> tuple[str, ...]:
    names = ("object", "namespace", "repository", "subject", "binding_kind", "binding", "role", "cause")
    # What had no effect comes last.
    return (str(row["change"] == NO_EFFECT), *(row.get(name, "") for name in names))


def _access_table(index: Index, found: Explained, shared: Row) -> Table:
    """Return a row for each subject and place whose rights differ, sorted by these."""
    pool, keys = index.pool, found.deltas.keys
    kind, subject = index.subjects(keys)
    columns: dict[str, Text | Numbers] = {
        "change": Text(_outcomes(found.deltas), _CHANGES),
        "namespace": pool.sorted(index.namespaces(keys)),
        "repository": pool.sorted(index.repositories(keys)),
        "subject_kind": pool.sorted(kind),
        "subject": pool.sorted(subject),
        "before": _rights(found.deltas.before),
        "after": _rights(found.deltas.after),
        "cause": found.cause,
        "since": found.since,
        **{name: pool.sorted(numbers) for name, numbers in found.by.items()},
        **{name: _always(text, len(keys)) for name, text in {**shared, "object": "access"}.items()},
    }
    table = Table("changes", {column.name: columns[column.name] for column in SCHEMAS["changes"]})
    places = ("subject", "subject_kind", "repository", "namespace")
    return table.take(np.lexsort([table.text(name).codes for name in places]))


def _always(text: str, rows: int) -> Text:
    return Text(np.zeros(rows, dtype=np.int32), (text,))


def _outcomes(deltas: Deltas) -> Numbers:
    """Return what became of the access of each row; rights that were or are not known make neither more nor less."""
    gained, lost = deltas.gained > 0, deltas.lost > 0
    more = np.where(deltas.before.possible == 0, _GAINED, _WIDENED)
    less = np.where(deltas.after.possible == 0, _LOST, _NARROWED)
    return np.where(gained & ~lost, more, np.where(lost & ~gained, less, _CHANGED)).astype(np.int32)


def _rights(held: Rights[Longs]) -> Text:
    """Return rights as words; `?` stands after one that is not known."""
    pairs, inverse = np.unique(held.granted * (EVERYTHING + 1) + held.possible, return_inverse=True)
    texts = []
    for granted, possible in (divmod(pair, EVERYTHING + 1) for pair in pairs.tolist()):
        words = (name + ("" if granted & bit else "?") for name, bit in RIGHTS.items() if possible & bit)
        texts.append(", ".join(words))
    return Text(inverse.astype(np.int32), texts)


def _without_effect(
    objects: tuple[Objects, Objects], causes: Causes, used: Collection[ObjectRef], scope: ComparisonScope, pool: Pool
) -> Iterator[Row]:
    """Yield a row for each object that differs and is the cause of none; not for what came or went with a namespace."""
    for changed in differing(*objects, scope.namespaces, pool):
        ref = changed.ref
        here = [side.has_namespace(ref.namespace) for side in objects]
        if ref in used or here[0] != here[1]:
            continue
        role_kind, role = causes.role_of(changed)
        row = {
            "change": NO_EFFECT,
            "object": ref.object,
            "namespace": ref.namespace or "*",
            "cause": causes.of_object(changed),
            "since": causes.since(changed),
            "role_kind": role_kind,
            "role": role,
        }
        if ref.object == BINDING:
            kind = "RoleBinding" if ref.namespace else "ClusterRoleBinding"
            yield {**row, "binding_kind": kind, "binding": ref.name}
        else:
            yield {**row, **({"subject_kind": "Group", "subject": ref.name} if ref.object == GROUP else {})}
