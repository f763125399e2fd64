"""What a subject lacks for a grant to have an effect: the registry asks for more than one right."""

from typing import Final

import numpy as np

from audit.access.bound_subjects import BoundSubjects
from audit.access.effective import EffectiveAccess
from audit.access.grants import DIRECT, Grants, place_keys, places_of
from audit.access.rights import Rights
from audit.rbac.rules import EVERYTHING, NEEDS, RIGHTS
from audit.snapshot.model import Ints
from audit.tables.arrays import Longs, Mask, Positions, different, packed, positions, ranked
from audit.tables.model import Text

_ACTIONS: Final = ("push", "create")
_LOGIN: Final = EVERYTHING + 1  # the bit above all rights
_LACKED: Final = RIGHTS | {"login": _LOGIN}


def lacks_column(effective: EffectiveAccess, keys: Longs, rights: Rights[Ints]) -> Text:
    """Return in words what each grant has no effect without; `?` stands after what may be missing.

    `keys` are the places of the table `access`, sorted, and `rights` what the API server would answer about them.
    """
    grants = effective.all_grants
    place = place_keys(effective.bound, grants.namespace, grants.repository, grants.subject)
    missing, unknown = np.zeros((2, len(place)), dtype=np.int32)
    for action in _ACTIONS:
        needed = NEEDS[action]
        # A grant that gives all by itself needs no look.
        rows = np.flatnonzero(((grants.granted & RIGHTS[action]) > 0) & ((grants.granted & needed) != needed))
        at = positions(keys, place[rows])
        lacks = (needed & ~rights.granted[at]) > 0
        rows, at = rows[lacks], at[lacks]
        if not len(rows):
            continue
        lacking = (needed & ~rights.granted[at]).astype(np.int32)
        able = keys[(rights.granted & needed) == needed]
        lacking[_contains(effective.bound, able, place[rows])] = 0
        lacking[_completed_by_members(grants, rows, lacking)] = 0
        unknown[rows] |= lacking & rights.possible[at]
        missing[rows] |= lacking & ~rights.possible[at]
    if effective.logins is not None:
        refused, doubtful = effective.logins.lacking(grants.subject)
        missing[refused & (grants.granted > 0)] |= _LOGIN
        unknown[doubtful & (grants.granted > 0)] |= _LOGIN
    pairs, of_row = ranked(missing * 2 * _LOGIN + unknown, (2 * _LOGIN) ** 2)
    return Text(of_row.astype(np.int32), [_words(*divmod(pair, 2 * _LOGIN)) for pair in pairs.tolist()])


def _contains(bound: BoundSubjects, keys: Longs, places: Longs) -> Mask:
    """Return for each of `places` whether one of `keys` is the same place, or in it."""
    keys = keys[np.isin(keys % len(bound.subjects), places % len(bound.subjects))]
    namespace, repository, subject = places_of(bound, keys)
    every = np.zeros_like(namespace)
    wider = ((namespace, every, subject), (every, repository, subject), (every, every, subject))
    containing = different(np.concatenate([keys, *(place_keys(bound, *place) for place in wider)]))
    return positions(containing, places) >= 0


def _completed_by_members(grants: Grants, rows: Positions, lacking: Ints) -> Mask:
    """Return which of the grants in `rows` are to a group of which a member lacks nothing."""
    direct = grants.group[rows] == DIRECT
    wanted = different(packed(grants.entry[rows[direct]], grants.capability[rows[direct]]))
    # Of these grants, the rows of members that lack nothing.
    complete = grants.group != DIRECT
    complete[rows[lacking > 0]] = False
    sources = packed(grants.entry[complete], grants.capability[complete])
    found = different(sources[positions(wanted, sources) >= 0])
    completed: Mask = positions(found, packed(grants.entry[rows], grants.capability[rows])) >= 0
    completed &= direct
    return completed


def _words(missing: int, unknown: int) -> str:
    words = (name if missing & right else f"{name}?" for name, right in _LACKED.items() if (missing | unknown) & right)
    return ", ".join(words)
