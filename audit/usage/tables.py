"""The table `usage`, and what it adds to the tables `access` and `grants`: when access was used last, if ever."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audit.rbac.subjects import ANY, ANY_USER, GROUP, MASTERS, USER, Identity, user, virtual_groups
from audit.snapshot.model import Snapshot
from audit.tables.arrays import Mask
from audit.tables.model import Table, Text, table_of, text_column
from audit.tables.schemas import NO
from audit.usage.requests import CATALOG, CREATE, DELETE, PULL, PUSH, READ, SIGN, UPLOAD
from audit.usage.zone_use import ZoneUse, rfc3339

EVERY: Final = "*"
# The right that an action needs.
RIGHT_OF: Final[Mapping[str, str]] = {
    PULL: "pull",
    READ: "pull",
    PUSH: "push",
    UPLOAD: "push",
    CREATE: "create",
    DELETE: "delete",
    CATALOG: "catalog",
    SIGN: "sign",
}
_ANYBODY: Final = Identity(ANY, EVERY)
_LARGEST: Final = (1 << 31) - 1
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_UNKNOWN: Final = -1

_Key = tuple[str, str, str, str]  # kind and name of a subject, namespace, repository


class RightUse(NamedTuple):
    """The last time that somebody used a right in a place; `subjects` are who that was and the groups that it is in."""

    subjects: Sequence[Identity]
    namespace: str
    repository: str
    right: str
    last: datetime


def usage_table(use: ZoneUse, zone: str, namespaces: Iterable[str] | None = None) -> Table:
    """Return the table `usage`; with `namespaces`, of those and of the whole registry."""
    wanted = None if namespaces is None else {*namespaces, ""}
    rows = [_row(zone, row) for row in use.totals.to_pylist() if wanted is None or row["namespace"] in wanted]
    names = ("namespace", "repository", "subject_kind", "subject", "action", "outcome", "source", "grant")
    return table_of("usage", sorted(rows, key=lambda row: [str(row[name]) for name in names]))


def _row(zone: str, row: Mapping[str, object]) -> dict[str, str | int]:
    subject = user(str(row["user"]))
    count, days, first, last = row["count"], row["days"], row["first"], row["last"]
    assert isinstance(count, int) and isinstance(days, int)  # noqa: S101, PT018  by their schema
    assert isinstance(first, datetime) and isinstance(last, datetime)  # noqa: S101, PT018
    return {
        "zone": zone,
        "namespace": str(row["namespace"]) or EVERY,
        "repository": str(row["repository"]) or EVERY,
        "subject_kind": subject.kind,
        "subject": subject.name,
        "action": str(row["action"]),
        "outcome": "denied" if row["denied"] else "done",
        "first": rfc3339(first),
        "last": rfc3339(last),
        "count": min(count, _LARGEST),
        "days": days,
        "source": str(row["source"]),
        "grant": str(row["grant"]),
    }


def with_use(tables: Mapping[str, Table], use: ZoneUse, snapshot: Snapshot) -> dict[str, Table]:
    """Return `access` and `grants` of a zone with their columns of use filled."""
    uses = right_uses(use, snapshot)
    return {name: _Joined(tables[name], use, uses).table() for name in ("access", "grants")}


def with_use_of(action: str, access: Table, use: ZoneUse, snapshot: Snapshot) -> Table:
    """Return `access` with the columns of use filled by the use of one action: `pull`, `push` or `create`."""
    meant = {"pull"} if action == "pull" else {"push", "create"}
    none = np.zeros(len(access), dtype=np.int32)
    others = {right: none for right in RIGHT_OF.values() if right not in meant and right in access.columns}
    # A push needs the right to pull, which is not what the question is about.
    judged = _Joined(Table(access.name, {**access.columns, **others}), use, right_uses(use, snapshot)).table()
    return Table(access.name, {**judged.columns, **{right: access.columns[right] for right in others}})


def right_uses(use: ZoneUse, snapshot: Snapshot) -> list[RightUse]:
    """Return which rights were used where, by whom; anything is used by `ANY` too."""
    groups = _groups(snapshot)
    made = []
    for row in use.totals.to_pylist():
        right = RIGHT_OF.get(row["action"])
        if right and not row["denied"]:
            who = user(row["user"])
            names = {*virtual_groups(who), *(groups.get(who.name, ()) if who.kind == USER else ())}
            subjects = [who, _ANYBODY, *(Identity(GROUP, name) for name in names)]
            made.append(RightUse(subjects, row["namespace"], row["repository"], right, row["last"]))
    return made


def _groups(snapshot: Snapshot) -> Mapping[str, list[str]]:
    """Return the groups of each person."""
    names, text = snapshot.tables["groups"]["name"], snapshot.strings
    members, made = snapshot.tables["members"], defaultdict(list)
    for group, member in zip(names[members["group"]].tolist(), members["user"].tolist(), strict=True):
        made[text[member]].append(text[group])
    return made


class _Joined:
    """A table of access, joined with use."""

    def __init__(self, table: Table, use: ZoneUse, uses: Sequence[RightUse]) -> None:
        self._table, self._use = table, use
        self._rights = [right for right in dict.fromkeys(RIGHT_OF.values()) if right in table.columns]
        self._able = {right: table.numbers(right) != NO for right in self._rights}
        self._old = table.text("since").matching(lambda since: bool(since) and since <= rfc3339(use.begin))
        # Somebody whose groups cannot be listed may have used what nobody else is known to have.
        unlisted = table.where("subject_kind", {GROUP}) & table.where("account", {"absent", "unknown"})
        self._doubtful = table.where("subject_kind", {ANY, ANY_USER}) | unlisted | table.where("subject", {MASTERS})
        self._last = self._lasts(uses)

    def table(self) -> Table:
        """Return the table with the columns of use."""
        # A right to create image streams is used through the API too, where nobody looks for it.
        registry = [right for right in self._rights if right != "create"]
        able = np.any([self._able[right] for right in registry], axis=0)
        last, doubtful = self._of_rows(self._rights)
        columns = dict(self._table.columns)
        columns["used"] = answers = self._answers(last, able, doubtful)
        columns["last_used"] = text_column(["" if moment is None else rfc3339(moment) for moment in last])
        columns["unused_days"] = self._days(last, answers)
        pushes, doubtful = self._of_rows(["push", "create"])
        columns["push_used"] = self._answers(pushes, self._able["push"], doubtful)
        return Table(self._table.name, columns)

    def _lasts(self, uses: Sequence[RightUse]) -> dict[_Key, dict[str, datetime]]:
        """Return for who and where of each row, and for anybody there, the last use of each right."""
        found: dict[_Key, dict[str, datetime] | None] = dict.fromkeys(self._keys())
        found |= dict.fromkeys((*_ANYBODY, *key[2:]) for key in self._keys(self._doubtful))
        for use in uses:
            places = {(namespace, name) for namespace in (use.namespace, EVERY) for name in (use.repository, EVERY)}
            for subject in use.subjects:
                for key in [key for place in places if (key := (*subject, *place)) in found]:
                    lasts = found[key] = found[key] or {}
                    lasts[use.right] = max(lasts.get(use.right, use.last), use.last)
        return {key: lasts for key, lasts in found.items() if lasts}

    def _keys(self, rows: Mask | None = None) -> Iterator[_Key]:
        table = self._table if rows is None else self._table.take(rows)
        names = ("subject_kind", "subject", "namespace", "repository")
        return zip(*(table.text(name).strings() for name in names), strict=True)

    def _of_rows(self, rights: Sequence[str]) -> tuple[list[datetime | None], Mask]:
        """Return for each row when one of the rights was used last, and whether others may be behind a use."""
        able = np.stack([self._able[right] for right in rights], axis=1).tolist()
        lasts: list[datetime | None] = []
        doubtful = self._doubtful.copy()
        for row, key in enumerate(self._keys()):
            held = [right for right, may in zip(rights, able[row], strict=True) if may]
            of_key = self._last.get(key)
            lasts.append(max((of_key[right] for right in held if right in of_key), default=None) if of_key else None)
            if doubtful[row]:
                anybody = self._last.get((*_ANYBODY, *key[2:]), {})
                doubtful[row] = any(right in anybody for right in held)
        return lasts, doubtful

    def _answers(self, last: Sequence[datetime | None], able: Mask, doubtful: Mask) -> Text:
        certain = self._old & ~doubtful
        never = {old: self._use.answer(None, _LONG_AGO if old else None) for old in (True, False)}
        words = [
            "" if not may else never[old] if moment is None else self._use.answer(moment, _LONG_AGO if old else None)
            for may, moment, old in zip(able.tolist(), last, certain.tolist(), strict=True)
        ]
        return text_column(words)

    def _days(self, last: Sequence[datetime | None], answers: Text) -> NDArray[np.int32]:
        """Return the days since the last use; without one those that must have passed, if it is known."""
        never = {"not used": self._use.threshold_days}
        days = [
            never.get(answer, _UNKNOWN) if moment is None else max((self._use.end - moment).days, 0)
            for moment, answer in zip(last, answers.strings(), strict=True)
        ]
        return np.array(days, dtype=np.int32)
