"""Objects that are not the same in both states: bindings, roles and groups, whether or not anybody's access differs."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
import numpy as np

from audit.changes.numbers import Pool, combined
from audit.changes.objects import BINDING, GROUP, ROLE, ObjectRef, Objects, PairedRows, paired
from audit.tables.arrays import Longs, Positions


@dataclass(frozen=True, slots=True)
class Differing:
    """One object that differs, with its rows in both states; -1 where it is not."""

    ref: ObjectRef
    before: int
    after: int


def differing(before: Objects, after: Objects, wanted: Collection[str] | None, pool: Pool) -> Iterator[Differing]:
    """Yield each object that was created, deleted or changed; what one state did not see is neither.

    Only objects of the namespaces in `wanted` (None: of all), and those that are cluster-wide.
    """
    size = len(pool.texts)
    kept = None if wanted is None else pool.known(["", *wanted])
    for table, kind, differ in (("bindings", BINDING, _bindings), ("roles", ROLE, _roles), ("groups", GROUP, _groups)):
        pairs = paired(before, after, table, size)
        both = (pairs.before >= 0) & (pairs.after >= 0)
        changed = ~both
        changed[both] = differ(before, after, pairs, np.flatnonzero(both))
        if kept is not None:
            changed &= np.isin(pairs.keys // size, kept)
        for at in np.flatnonzero(changed).tolist():
            namespace, name = divmod(int(pairs.keys[at]), size)
            ref = ObjectRef(kind, pool.texts[namespace], pool.texts[name])
            changed_object = Differing(ref, int(pairs.before[at]), int(pairs.after[at]))
            absent = before if changed_object.before < 0 else after if changed_object.after < 0 else None
            if absent is None or not absent.unseen(ref):
                yield changed_object


def _bindings(before: Objects, after: Objects, pairs: PairedRows, rows: Positions) -> Longs:
    """Return which bindings refer to another role, name other subjects, or were recreated."""
    changed = np.zeros(len(rows), dtype=bool)
    for column in ("role_kind", "role", "uid"):
        changed |= (
            before.column("bindings", column)[pairs.before[rows]] != after.column("bindings", column)[pairs.after[rows]]
        )
    return changed | _differ_in(before, after, ("subjects", "binding"), (pairs.before[rows], pairs.after[rows]))


def _groups(before: Objects, after: Objects, pairs: PairedRows, rows: Positions) -> Longs:
    return _differ_in(before, after, ("members", "group"), (pairs.before[rows], pairs.after[rows]))


def _differ_in(before: Objects, after: Objects, where: tuple[str, str], rows: tuple[Positions, Positions]) -> Longs:
    """Return for each pair of rows whether what they hold (subjects, members) is not the same set."""
    table, parent = where
    parts, sizes = [], []
    for side, own in zip((before, after), rows, strict=True):
        owners = side.snapshot.tables[table][parent]
        at = np.full(int(owners.max(initial=-1)) + 1, -1, dtype=np.int64)
        known = own < len(at)
        at[own[known]] = np.flatnonzero(known)
        kept = at[owners] >= 0
        columns = [side.column(table, name)[kept] for name in side.snapshot.tables[table] if name != parent]
        parts.append([at[owners][kept], *columns])
        sizes.append(int(kept.sum()))
    columns = [np.concatenate(pair) for pair in zip(*parts, strict=True)]
    codes = combined(*columns)
    was, now = codes[: sizes[0]], codes[sizes[0] :]
    apart = np.zeros(len(rows[0]), dtype=bool)
    apart[columns[0][np.isin(codes, np.setxor1d(was, now))]] = True
    return apart


def _roles(before: Objects, after: Objects, pairs: PairedRows, rows: Positions) -> Longs:
    """Return which roles hold other rules, labels or selectors; the order of lists does not count."""
    changed = np.zeros(len(rows), dtype=bool)
    for column in ("rules", "labels", "aggregation"):
        was = before.column("roles", column)[pairs.before[rows]]
        now = after.column("roles", column)[pairs.after[rows]]
        for at in np.flatnonzero(was != now).tolist():
            texts = (
                before.value("roles", column, pairs.before[rows[at]]),
                after.value("roles", column, pairs.after[rows[at]]),
            )
            changed[at] |= plain(texts[0]) != plain(texts[1])
    return changed


@cache
def plain(text: str) -> str:
    """Return JSON without the order of its lists, and without duplicates in them."""
    return _sorted(msgspec.json.decode(text)) if text else ""


def _sorted(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(sorted({_sorted(item) for item in value}))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{key}:{_sorted(item)}' for key, item in sorted(value.items()))}}}"
    return msgspec.json.encode(value).decode()
