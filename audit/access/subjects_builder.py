"""Numbers the subjects of a zone's bindings, and the members of the groups among them, for `Subjects`."""

from collections.abc import Sequence
from itertools import compress, filterfalse

import numpy as np

from audit.access.subjects import ANY_PERSON, ANYBODY, KINDS, NONE, Subjects, account_keys, is_person
from audit.rbac.subjects import ACCOUNT, ACCOUNT_PREFIX, ANONYMOUS, GROUP, USER, Identity, identity, user
from audit.snapshot.model import Ints, Snapshot
from audit.tables.arrays import Longs, different, distinct, packed, ranked, unpacked


class SubjectsBuilder:
    """Numbers identities in the order of their first use, and sorts them at the end."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._size = 0
        self._at: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
        self._accounts: list[tuple[list[int], Longs]] = []
        for subject in (ANYBODY, ANY_PERSON):
            self.add(subject)

    def add(self, subject: Identity) -> int:
        """Return the number of an identity."""
        number = self._at[subject.kind].setdefault(subject.name, self._size)
        self._size += number == self._size
        return number

    def identify(self, kinds: Ints, namespaces: Ints, names: Ints) -> Ints:
        """Return the number of each subject, NONE for a kind that matches nobody.

        The columns hold positions of texts.
        """
        text, size = self._snapshot.strings, len(self._snapshot.strings)
        numbers = np.empty(len(kinds), dtype=np.int32)
        for code in distinct(kinds, size):
            rows = np.flatnonzero(kinds == code)
            # Only a service account has a namespace; that of any other subject is 0 in its key.
            if text[code] == ACCOUNT:
                keys, of_each = np.unique(account_keys(namespaces[rows], names[rows]), return_inverse=True)
            else:
                keys, of_each = ranked(names[rows], size)
            numbers[rows] = np.array(self._numbered(text[code], *unpacked(keys)), dtype=np.int32)[of_each]
        return numbers

    def _numbered(self, kind: str, namespaces: Ints, names: Ints) -> list[int]:
        """Return the numbers of different subjects of one kind; most can be numbered without an `Identity` each."""
        text = self._snapshot.strings
        spelled = [text[name] for name in names.tolist()]
        if kind == GROUP:
            return self._many(GROUP, spelled)
        if kind == USER:
            return self._users(spelled)
        parts = (code for column in (namespaces, names) for code in distinct(column, len(text)))
        if kind == ACCOUNT and all(text[part] and ":" not in text[part] for part in parts):
            full = [f"{text[namespace]}:{name}" for namespace, name in zip(namespaces.tolist(), spelled, strict=True)]
            numbers = self._many(ACCOUNT, full)
            self._accounts.append((numbers, account_keys(namespaces, names)))
            return numbers
        subjects = [
            identity(kind, text[namespace], name) for namespace, name in zip(namespaces.tolist(), spelled, strict=True)
        ]
        return [NONE if subject is None else self.add(subject) for subject in subjects]

    def _users(self, names: Sequence[str]) -> list[int]:
        """Return the numbers of different user names, some of which may be those of service accounts."""
        if any(name.startswith(ACCOUNT_PREFIX) for name in names):
            return [self.add(user(name)) for name in names]
        return self._many(USER, names)

    def _many(self, kind: str, names: Sequence[str]) -> list[int]:
        """Return the numbers of identities of one kind, all different."""
        at = self._at[kind]
        new = list(filterfalse(at.__contains__, names))
        at.update(zip(new, range(self._size, self._size + len(new)), strict=True))
        self._size += len(new)
        return [at[name] for name in names]

    def finish(self) -> tuple[Subjects, Ints]:
        """Add the members of the groups; return all subjects in their order, and the position of each number."""
        groups, holders, members = self._members()
        ordered = {kind: sorted(names) for kind, names in self._at.items()}
        names = [name for of_kind in ordered.values() for name in of_kind]
        numbers = [self._at[kind][name] for kind, of_kind in ordered.items() for name in of_kind]
        rank = np.empty(len(names), dtype=np.int32)
        rank[numbers] = np.arange(len(names), dtype=np.int32)
        count, first = np.full(len(names), NONE, dtype=np.int32), np.zeros(len(names), dtype=np.int32)
        listed = np.bincount(holders, minlength=len(groups)).astype(np.int32)
        count[rank[groups]] = listed
        first[rank[groups]] = np.cumsum(listed) - listed
        account = np.full(len(names), NONE, dtype=np.int64)
        for numbers, keys in self._accounts:
            account[rank[numbers]] = keys
        kind = np.repeat(np.arange(len(KINDS), dtype=np.int32), [len(of_kind) for of_kind in ordered.values()])
        return Subjects(kind, names, account, first, count, rank[members]), rank

    def _members(self) -> tuple[Ints, Ints, Ints]:
        """Return the bound groups that have an object; and for each membership the place of its group, and who."""
        text, tables = self._snapshot.strings, self._snapshot.tables
        objects, group_of, user_of = tables["groups"]["name"], tables["members"]["group"], tables["members"]["user"]
        named = self._at[GROUP]
        codes = [code for code in distinct(objects, len(text)) if text[code] in named]
        position = np.full(len(text), NONE, dtype=np.int32)
        position[codes] = np.arange(len(codes), dtype=np.int32)
        holder = position[objects][group_of] if len(objects) else group_of
        bound = holder >= 0
        # Files may hold a group twice: its members are those of both, each once.
        holder, user_code = unpacked(different(packed(holder[bound], user_of[bound])))
        users, of_pair = ranked(user_code, len(text))
        person = self._persons([text[code] for code in users.tolist()])[of_pair]
        groups = np.array([named[text[code]] for code in codes], dtype=np.int32)
        return groups, holder[person >= 0], person[person >= 0]

    def _persons(self, names: Sequence[str]) -> Ints:
        """Return the numbers of different users in groups, NONE for one that group objects cannot list."""
        # Only a name with the prefix can be a service account's: all others need no `Identity`.
        people = [
            name != ANONYMOUS and (not name.startswith(ACCOUNT_PREFIX) or is_person(user(name))) for name in names
        ]
        numbers = np.full(len(names), NONE, dtype=np.int32)
        numbers[np.array(people, dtype=bool)] = self._many(USER, list(compress(names, people)))
        return numbers
