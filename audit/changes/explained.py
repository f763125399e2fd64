"""Why access differs, for many rows at once: each joined with the grants that are not the same and bear on it."""

from collections.abc import Mapping
from typing import Final, NamedTuple, Self

import numpy as np

from audit.changes.access import Deltas, Differences, Index
from audit.changes.causes import Cause, Causes, GrantDifference
from audit.changes.objects import Objects, paired
from audit.rbac.rules import NEEDS, RIGHTS
from audit.rbac.subjects import Identity
from audit.tables.arrays import Longs, Positions, positions, ranges
from audit.tables.model import Text

NOT_SEEN: Final = -1
_SHOWN: Final = 3  # causes of one row


class Explained(NamedTuple):
    """The reported rows, each with the difference that explains it best (NOT_SEEN: none) and all its causes."""

    deltas: Deltas
    best: Longs  # rows of Differences
    by: Mapping[str, Longs]  # `group` through which, kind and name of binding and role: numbers of texts
    cause: Text
    since: Text
    causes: tuple[Cause, ...]  # all that are of any row

    def with_cause_of_the_rest(self, cause: Cause) -> Self:
        """Return the same with a cause of the rows that no grant explains."""
        texts = Text(self.cause.codes, [text or cause.text for text in self.cause.values])
        return self._replace(cause=texts, causes=(*self.causes, cause))


class _Pairs(NamedTuple):
    """Which difference bears on which row of access."""

    row: Positions
    difference: Positions
    cause: Longs


def explained(
    index: Index, deltas: Deltas, differences: Differences, objects: tuple[Objects, Objects], causes: Causes
) -> Explained:
    """Return the rows that differ for certain, or by an object that does; others only were not seen as well."""
    pairs, found = _with_causes(_bearing(index, deltas, differences), index, differences, objects, causes)
    reported = (deltas.gained | deltas.lost) > 0
    reported[pairs.row] = True
    rows = np.flatnonzero(reported)
    moved = np.cumsum(reported) - 1
    row = moved[pairs.row]
    count = np.bincount(row, minlength=len(rows))
    first = np.cumsum(count) - count
    # Rows without a pair point at an entry behind all others.
    at = np.where(count > 0, first, len(row))
    best = np.append(pairs.difference, NOT_SEEN)[at]
    kept = deltas.take(rows)
    return Explained(
        deltas=kept,
        best=best,
        by=_columns(index, kept, differences, best, objects),
        cause=_sentences(pairs.cause, first, count, [cause.text for cause in found]),
        since=Text(np.append(pairs.cause, len(found))[at].astype(np.int32), [*(c.since for c in found), ""]),
        causes=tuple(found),
    )


def _bearing(index: Index, deltas: Deltas, differences: Differences) -> _Pairs:
    """Pair each row with the differences of the same and of wider places and circles, the nearest first."""
    pairs: list[tuple[Positions, Positions, Positions]] = []
    for order, wider in enumerate(index.covering(deltas.keys)):
        low = np.searchsorted(differences.keys, wider)
        count = np.where(wider < 0, 0, np.searchsorted(differences.keys, wider, side="right") - low)
        row = np.repeat(np.arange(len(wider)), count)
        pairs.append((row, ranges(low, count), np.full(len(row), order)))
    row, difference, place = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    more, less = _needed(deltas.more)[row], _needed(deltas.less)[row]
    bears = (differences.more[difference] & more) | (differences.less[difference] & less) > 0
    row, difference, place = row[bears], difference[bears], place[bears]
    group, binding = (
        index.pool.sorted(column).codes[difference] for column in (differences.group, differences.binding)
    )
    sort = np.lexsort([differences.binding_kind[difference], binding, group, place, row])
    return _Pairs(row[sort], difference[sort], np.zeros(0, dtype=np.int64))


def _needed(actions: Longs) -> Longs:
    """Return all rights that each of the actions takes: access joins them, a grant may give any."""
    rights = np.zeros_like(actions)
    for action, bit in RIGHTS.items():
        rights |= np.where(actions & bit, NEEDS[action], 0)
    return rights


def _with_causes(
    pairs: _Pairs, index: Index, differences: Differences, objects: tuple[Objects, Objects], causes: Causes
) -> tuple[_Pairs, list[Cause]]:
    """Return the pairs whose difference has a cause, each cause of a row once, and the causes."""
    used, inverse = np.unique(pairs.difference, return_inverse=True)
    at: dict[Cause, int] = {}
    numbers = np.full(len(used), -1, dtype=np.int64)
    for position, difference in enumerate(_differences(index, differences, used, objects)):
        cause = causes.of_grant(difference)
        if cause is not None:
            numbers[position] = at.setdefault(cause, len(at))
    cause_of = numbers[inverse]
    known = np.flatnonzero(cause_of >= 0)
    _, first = np.unique(pairs.row[known] * max(len(at), 1) + cause_of[known], return_index=True)
    kept = known[np.sort(first)]
    return _Pairs(pairs.row[kept], pairs.difference[kept], cause_of[kept]), list(at)


def _differences(
    index: Index, differences: Differences, rows: Positions, objects: tuple[Objects, Objects]
) -> list[GrantDifference]:
    columns = (
        *_binding_rows(index, differences, rows, objects),
        *index.subjects(differences.keys[rows]),
        differences.group[rows],
        differences.more[rows],
        differences.less[rows],
    )
    text = index.pool.texts
    return [
        GrantDifference(before, after, Identity(text[kind], text[name]), text[group], more, less)
        for before, after, kind, name, group, more, less in zip(*(c.tolist() for c in columns), strict=True)
    ]


def _binding_rows(
    index: Index, differences: Differences, rows: Positions, objects: tuple[Objects, Objects]
) -> tuple[Positions, Positions]:
    """Return the row of each difference's binding in both states; -1 for none."""
    pool, size = index.pool, len(index.pool.texts)
    bindings = paired(*objects, "bindings", size)
    namespaces = index.namespaces(differences.keys[rows])
    namespaces = np.where(namespaces == pool.find("*"), pool.find(""), namespaces)
    at = positions(bindings.keys, namespaces * size + differences.binding[rows])
    return bindings.before[at], bindings.after[at]


def _columns(
    index: Index, deltas: Deltas, differences: Differences, best: Longs, objects: tuple[Objects, Objects]
) -> dict[str, Longs]:
    """Return what the best explanation of each row is about: group, binding and role; the role now, or else before."""
    known = np.flatnonzero(best >= 0)
    rows = best[known]
    kinds, names = index.subjects(differences.keys[rows])
    own_kinds, own_names = index.subjects(deltas.keys[known])
    own = (kinds == own_kinds) & (names == own_names)
    was, now = _binding_rows(index, differences, rows, objects)
    # A virtual group explains a row by its own grants; a group with an object by those of its members.
    found = {
        "group": np.where(own, differences.group[rows], names),
        "binding_kind": differences.binding_kind[rows],
        "binding": differences.binding[rows],
    }
    for column in ("role_kind", "role"):
        before, after = (np.append(side.column("bindings", column), 0) for side in objects)
        found[column] = np.where(now >= 0, after[now], before[was])
    columns = {name: np.full(len(best), index.pool.find("")) for name in found}
    for name, values in found.items():
        columns[name][known] = values
    return columns


def _sentences(causes: Longs, first: Positions, count: Positions, texts: list[str]) -> Text:
    """Return the causes of each row as one text; few sets of causes are behind many rows."""
    padded = np.append(causes, np.full(_SHOWN, len(texts)))
    shown = [np.where(count > at, padded[first + at], len(texts)) for at in range(_SHOWN)]
    sets = np.stack([*shown, np.maximum(count - _SHOWN, 0)], axis=1)
    unique, inverse = np.unique(sets, axis=0, return_inverse=True)
    sentences = []
    for *some, more in unique.tolist():
        parts = [texts[at] for at in some if at < len(texts)]
        sentences.append("; ".join([*parts, *([f"and {more} more"] if more else [])]))
    return Text(inverse.reshape(-1).astype(np.int32), sentences)
