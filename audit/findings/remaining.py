"""Who has access by the grants of a cause, and where other grants leave it open once these are taken away."""

from collections.abc import Sequence

import numpy as np

from audit.access.subjects import also_acts_as
from audit.checks.bindings import EVERY
from audit.findings.causes import FindingCause
from audit.rbac.rules import RIGHTS
from audit.rbac.subjects import GROUP, USER, Identity, is_virtual
from audit.tables.arrays import Longs, Mask, Positions, positions
from audit.tables.model import Table
from audit.tables.schemas import YES


class Remaining:
    """What stays open after each of the causes of one zone, by its table `grants`."""

    def __init__(self, grants: Table, causes: Sequence[FindingCause]) -> None:
        self._at = {cause.id: at for at, cause in enumerate(causes)}
        names = ("namespace", "binding", "subject_kind", "subject")
        texts = {name: grants.text(name).compact() for name in names}
        self._codes = {name: {text: code for code, text in enumerate(column.values)} for name, column in texts.items()}
        namespace, binding, kind, subject = (texts[name].codes.astype(np.int64) for name in names)
        push = grants.numbers("push") == YES
        able = np.any([grants.numbers(right) == YES for right in RIGHTS], axis=0)
        group = grants.text("group").compact()
        direct = np.array([text == "" for text in group.values], dtype=bool)[group.codes]
        of_group = np.array([self._code("subject", text) for text in group.values], dtype=np.int64)[group.codes]
        holder = np.where(direct, subject, of_group)
        self._cause = self._causes(causes, namespace, binding, np.where(direct, kind, self._code(*_GROUP)), holder)
        self._namespace, self._kind, self._subject = namespace, kind, subject
        self._names, self._kinds = texts["subject"].values, texts["subject_kind"].values
        self._place = self._places(namespace, kind, subject)
        people = np.flatnonzero((self._cause >= 0) & (kind == self._code("subject_kind", USER)))
        pairs = np.unique(self._cause[people] * len(texts["subject"].values) + subject[people])
        self._people = np.bincount(pairs // max(len(texts["subject"].values), 1), minlength=len(causes)).tolist()
        groups = direct & (self._cause >= 0) & (kind == self._code(*_GROUP))
        unlisted = grants.where("account", {"absent", "unknown"}) | texts["subject"].matching(is_virtual)
        self._unknown = {*self._cause[groups & unlisted].tolist()}
        rows = np.flatnonzero(direct & (self._cause >= 0) & able)
        opened = np.zeros(len(rows), dtype=bool)
        # Who may pull by another grant keeps less than who may push.
        for some, kept in ((push[rows], push), (~push[rows], able)):
            opened[some] = self._open(rows[some], kept)
        count = np.zeros((2, len(causes)), dtype=np.int64)
        for at, some in enumerate((np.ones(len(rows), dtype=bool), opened)):
            cases = np.unique(np.stack([self._cause[rows[some]], self._place[rows[some]]]), axis=1)
            count[at] = np.bincount(cases[0], minlength=len(causes))
        self._places_of, self._open_of = count.tolist()

    def people(self, cause: str) -> int:
        """Return how many people have access by the grants of a cause; -1 where a group does not list its members."""
        at = self._at[cause]
        return -1 if at in self._unknown else self._people[at]

    def text(self, cause: str) -> str:
        """Return what other grants leave open, in words; empty for a cause that is about no access."""
        at = self._at[cause]
        places, still = self._places_of[at], self._open_of[at]
        if not places:
            return ""
        if not still:
            return "nothing: no other grant gives these subjects the same there"
        return f"other grants give these subjects the same in {still:,} of {places:,} places"

    def _code(self, column: str, text: str) -> int:
        return self._codes[column].get(text, -1)

    def _causes(
        self, causes: Sequence[FindingCause], namespace: Longs, binding: Longs, kind: Longs, holder: Longs
    ) -> Longs:
        """Return the position of the cause that takes each grant away, -1 for none."""
        named = [(*grant, at) for at, cause in enumerate(causes) for grant in cause.grants]
        namespaces, _, bindings, kinds, subjects, numbers = zip(*named, strict=True) if named else ((),) * 6
        texts = {"namespace": namespaces, "binding": bindings, "subject_kind": kinds, "subject": subjects}
        coded = [[self._codes[column].get(text, -1) for text in each] for column, each in texts.items()]
        columns = np.array([*coded, numbers], dtype=np.int64)
        columns = columns[:, (columns >= 0).all(axis=0)]
        keys = self._packed(*columns[:4])
        order = np.argsort(keys)
        rows = positions(keys[order], self._packed(namespace, binding, kind, holder))
        # Where there is none, -1 points at the last of these.
        return np.append(columns[4][order], -1)[rows]

    def _packed(self, namespace: Longs, binding: Longs, kind: Longs, subject: Longs) -> Longs:
        bindings = len(self._codes["binding"]) + 1
        return self._places(namespace, kind, subject) * bindings + binding

    def _places(self, namespace: Longs, kind: Longs, subject: Longs) -> Longs:
        kinds, subjects = len(self._codes["subject_kind"]) + 1, len(self._codes["subject"]) + 1
        return ((namespace + 1) * kinds + kind + 1) * subjects + subject + 1

    def _open(self, rows: Positions, able: Mask) -> Mask:
        """Return for each of these grants whether its subject has access in its place by a grant that is kept."""
        kept_rows = np.flatnonzero(able)
        order = kept_rows[np.argsort(self._place[kept_rows], kind="stable")]
        first = np.flatnonzero(np.diff(self._place[order], prepend=-1))
        keys = self._place[order][first]
        least = np.minimum.reduceat(self._cause[order], first) if len(first) else keys
        most = np.maximum.reduceat(self._cause[order], first) if len(first) else keys
        mine = self._cause[rows]

        def kept(place: Longs) -> Mask:
            at = positions(keys, place)
            return (at >= 0) & ((least[at] != mine) | (most[at] != mine)) if len(keys) else at >= 0

        every = np.full(len(rows), self._code("namespace", EVERY), dtype=np.int64)
        found: Mask = np.zeros(len(rows), dtype=bool)
        for others_kind, others in self._acting_as(rows):
            for where in (self._namespace[rows], every):
                there = (where >= 0) & (others >= 0)
                found |= there & kept(self._places(where, others_kind, others))
        return found

    def _acting_as(self, rows: Positions) -> list[tuple[Longs, Longs]]:
        """Return, by kind and name, each subject itself and the groups of everybody that it is in; -1 for none."""
        kind, subject, size = self._kind[rows], self._subject[rows], len(self._names) + 1
        pairs, inverse = np.unique(kind * size + subject, return_inverse=True)
        groups = np.full((len(pairs), _MOST), -1, dtype=np.int64)
        for at, (of, name) in enumerate(divmod(pair, size) for pair in pairs.tolist()):
            others = also_acts_as(Identity(self._kinds[of], self._names[name]), groups_unseen=False)
            codes = [self._code("subject", identity.name) for identity in others]
            groups[at, : len(codes)] = codes
        of_group = np.full(len(kind), self._code(*_GROUP), dtype=np.int64)
        return [(kind, subject), *((of_group, column[inverse]) for column in groups.T)]


_GROUP = ("subject_kind", GROUP)
_MOST = 4  # groups of everybody that a subject is in
