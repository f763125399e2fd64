"""In how many namespaces each subject has access: by its own rows, by its virtual groups, and cluster-wide."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audit.rbac.subjects import ACCOUNT, GROUP, VIRTUAL, Identity, virtual_groups
from audit.tables.arrays import Mask
from audit.tables.model import Table, joined
from audit.tenancy.belonging import EVERY
from reports.html.counting import Numbered, numbered
from reports.html.table_columns import PLACE

Counts = NDArray[np.int32]


class Reach:
    """Counts namespaces and zones for each subject, as often as there are actions.

    A subject is a number: `who` has it for each row of `access`, `identities` and `zones` for each subject. A service
    account belongs to one zone; the zone of other subjects is empty, and they are the same in all zones.
    """

    def __init__(
        self,
        access: Table,
        who: Numbered,
        identities: Sequence[Identity],
        zones: Sequence[str],
        namespaces: Table,
    ) -> None:
        wide = access.where("namespace", {EVERY})
        self._size = len(identities)
        self._wide, self._local = np.flatnonzero(wide), np.flatnonzero(~wide)
        self._who = who
        listed = Table("", {name: namespaces.text(name) for name in PLACE})
        local = Table("", {name: access.take(~wide).text(name) for name in PLACE})
        self._number_places(
            joined([listed, local, Table("", {name: access.text(name) for name in PLACE})]), len(listed)
        )
        codes = {zone: code for code, zone in enumerate(self._zone_names)}
        own_zone = np.array([codes.get(zone, -1) for zone in zones], dtype=np.int64)
        # Which zones a subject is in: an account in one, others in all.
        self._valid = (own_zone[:, None] < 0) | (own_zone[:, None] == np.arange(len(codes)))
        self._number_groups(identities)

    def _number_places(self, places: Table, listed: int) -> None:
        """Number the places and zones; `places` are those of listed namespaces, of local rows, and of all rows."""
        text = places.text("zone")
        self._zone_names = list(text.values)
        known = listed + len(self._local)
        head = places.take(np.arange(known))
        place = numbered(head, PLACE)
        self._places = int(place.max(initial=-1)) + 1
        self._zone_of = np.zeros(self._places, dtype=np.int64)
        self._zone_of[place] = text.codes[:known]
        self._place = place[listed:]
        self._row_zone = text.codes[known:].astype(np.int64)
        self.namespaces_of = np.bincount(self._zone_of, minlength=len(self._zone_names))

    def _number_groups(self, identities: Sequence[Identity]) -> None:
        """Find the virtual groups of each subject: a class of those that many share, and that of its namespace."""
        at = {identity: number for number, identity in enumerate(identities) if identity.kind == GROUP}
        classes: dict[tuple[int, ...], int] = {}
        self._class_of = np.zeros(self._size, dtype=np.int64)
        self._own_group = np.full(self._size, -1, dtype=np.int64)
        for number, identity in enumerate(identities):
            groups = virtual_groups(identity)
            shared = tuple(at[group] for name in groups if name in VIRTUAL and (group := Identity(GROUP, name)) in at)
            self._class_of[number] = classes.setdefault(shared, len(classes))
            if identity.kind == ACCOUNT and groups:
                self._own_group[number] = at.get(Identity(GROUP, groups[0]), -1)
        self._classes = list(classes)

    def count(self, able: Mask) -> tuple[Counts, Counts]:
        """Return in how many namespaces, and cluster-wide in how many zones, each subject has what `able` rows give."""
        everywhere = self._everywhere(able)
        base = self._shared_places(able)
        subject, place = self._own_places(able)
        zone = self._zone_of[place]
        more = self._valid[subject, zone] & ~everywhere[subject, zone] & ~base[self._class_of[subject], place]
        pairs = np.unique(subject[more] * max(self._places, 1) + place[more])
        own = np.bincount(pairs // max(self._places, 1), minlength=self._size)
        by_zone = np.array(
            [np.bincount(self._zone_of[row], minlength=len(self._zone_names)) for row in base], dtype=np.int64
        ).reshape(len(self._classes), len(self._zone_names))
        total = np.where(everywhere, self.namespaces_of, by_zone[self._class_of]) * self._valid
        return (own + total.sum(axis=1)).astype(np.int32), (everywhere & self._valid).sum(axis=1).astype(np.int32)

    def _everywhere(self, able: Mask) -> Mask:
        """Return for each subject and zone whether it has access to all namespaces."""
        own = np.zeros((self._size + 1, len(self._zone_names)), dtype=bool)  # the last row: no group
        rows = self._wide[able[self._wide]]
        own[self._who[rows], self._row_zone[rows]] = True
        shared = np.array([own[list(groups)].any(axis=0) for groups in self._classes], dtype=bool)
        shared = shared.reshape(len(self._classes), len(self._zone_names))
        everywhere: Mask = own[:-1] | shared[self._class_of] | own[self._own_group]
        return everywhere

    def _shared_places(self, able: Mask) -> Mask:
        """Return for each class of virtual groups which places it has access to."""
        base = np.zeros((len(self._classes), self._places), dtype=bool)
        rows = self._local[able[self._local]]
        who, place = self._who[rows], self._place[able[self._local]]
        for number, groups in enumerate(self._classes):
            base[number, place[np.isin(who, groups)]] = True
        return base

    def _own_places(self, able: Mask) -> tuple[Numbered, Numbered]:
        """Return subjects and places: of the subjects' own rows, and of the group of each account's namespace."""
        who, place = self._who[self._local[able[self._local]]], self._place[able[self._local]]
        order = np.argsort(who, kind="stable")
        accounts = np.flatnonzero(self._own_group >= 0)
        groups = self._own_group[accounts]
        low, high = (np.searchsorted(who[order], groups, side=side) for side in ("left", "right"))
        some = high - low
        first = np.repeat(low - np.cumsum(some) + some, some) + np.arange(some.sum())
        return np.append(who, np.repeat(accounts, some)), np.append(place, place[order[first]])
