"""Which access existed at any time of a period, from one state of a zone to the next.

Only complete states are compared with each other: what a partial one did not see is not lost. But access that only a
partial state shows did exist, and is recorded.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from audit.changes.build import ComparisonScope, changes_of
from audit.changes.state import State
from audit.rbac.rules import RIGHTS
from audit.tables.model import Table
from audit.tables.schemas import ANSWERS, NO, UNKNOWN

_KEY: Final = ("namespace", "repository", "subject_kind", "subject")
Key = tuple[str, ...]
# How access stands to a period.
THROUGHOUT, BEGAN, ENDED, WITHIN = "throughout", "began", "ended", "came and went"


@dataclass(slots=True)
class AccessSpan:
    """Rights of a subject in a place that stayed the same.

    `since` and `seen` are when the first and last runs of the period that show them were made, `gone` when the first
    run without them was; empty: before the period, or not in it. `created` is when the binding was, where known.
    """

    zone: str
    namespace: str
    repository: str
    subject_kind: str
    subject: str
    rights: str
    since: str = ""
    seen: str = ""
    gone: str = ""
    created: str = ""
    before: str = ""  # the last run that did not show them yet
    cause: str = ""
    cause_of_end: str = ""

    @property
    def when(self) -> str:
        """Return how it stands to the period."""
        if self.since:
            return WITHIN if self.gone else BEGAN
        return ENDED if self.gone else THROUGHOUT

    def record(self) -> dict[str, str]:
        """Return its columns."""
        return {"when": self.when, **asdict(self)}


class AccessSpans:
    """The access of one zone over a period: states go in, oldest first."""

    def __init__(self, organization_label: str) -> None:
        self._scope = ComparisonScope(organization_label=organization_label)
        self._base: State | None = None
        self._base_whole = False
        self._open: dict[Key, AccessSpan] = {}
        self._only_partial: dict[Key, AccessSpan] = {}
        self._last = ""
        self.ended: list[AccessSpan] = []

    @property
    def spans(self) -> list[AccessSpan]:
        """Return all spans, by place and subject."""
        found = [*self.ended, *self._open.values(), *self._only_partial.values()]
        return sorted(found, key=lambda span: (*(getattr(span, name) for name in _KEY), span.since, span.gone))

    def add(self, state: State, when: str, *, whole: bool, within: bool) -> bool:
        """Take a state read at `when` (RFC 3339); return whether it can be compared with those before.

        `within`: it is of the period, not the last one before it.
        """
        if self._base is None:
            self._open = {_key(row): _span(state.zone, row, _rights(row)) for row in state.access.records()}
            for span in self._open.values():
                span.seen = when if within else ""
            self._base, self._base_whole, self._last = state, whole, when
            return True
        if state.snapshot.origin.names != self._base.snapshot.origin.names:
            return False  # pseudonyms of another key are other names
        changes = changes_of(self._base, state, self._scope)
        if whole:
            self._compare(changes, state, when)
        else:
            self._sight(changes, state, when)
        self._last = when
        return True

    def _compare(self, changes: Table, state: State, when: str) -> None:
        partial, self._only_partial = self._only_partial, {}
        for row in _of_access(changes):
            key = _key(row)
            if ended := self._open.pop(key, None):
                ended.gone, ended.cause_of_end = when, row["cause"]
                self.ended.append(ended)
            if row["after"]:
                known = partial.pop(key, None)
                if known and not _certain(known.rights) <= _certain(row["after"]):
                    self._end(known, when)
                    known = None
                span = self._open[key] = known or self._begun(state.zone, row, when)
                span.rights = row["after"]
        for left in partial.values():
            self._end(left, when)
        if not self._base_whole:
            # What the first state did not see may have been there all the time.
            for cells in state.access.records():
                self._open.setdefault(_key(cells), _span(state.zone, cells, _rights(cells)))
        for span in self._open.values():
            span.seen = when
        self._base, self._base_whole = state, True

    def _sight(self, changes: Table, state: State, when: str) -> None:
        """Record what a partial state shows beyond the last complete one; what it lacks says nothing."""
        for row in _of_access(changes):
            key, certain = _key(row), _certain(row["after"])
            if certain <= _certain(row["before"]):
                continue
            known = self._only_partial.get(key)
            if known and _certain(known.rights) != certain:
                self._end(known, when)
                known = None
            span = self._only_partial[key] = known or self._begun(state.zone, row, when)
            span.rights, span.seen = ", ".join(right for right in RIGHTS if right in certain), when

    def _begun(self, zone: str, row: Mapping[str, str], when: str) -> AccessSpan:
        made = _span(zone, row, row["after"])
        made.since, made.seen, made.before = when, when, self._last
        made.cause, made.created = row["cause"], row["since"]
        return made

    def _end(self, span: AccessSpan, when: str) -> None:
        span.gone, span.cause_of_end = when, "only a partial run shows it"
        self.ended.append(span)


def _of_access(changes: Table) -> list[dict[str, str]]:
    rows = changes.take(changes.where("object", {"access"})).records()
    return [{name: str(value) for name, value in row.items()} for row in rows]


def _certain(rights: str) -> set[str]:
    """Return the rights in a list of them that are known to hold."""
    return {right for right in rights.split(", ") if right and not right.endswith("?")}


def _span(zone: str, row: Mapping[str, str | int], rights: str) -> AccessSpan:
    namespace, repository, kind, subject = _key(row)
    return AccessSpan(zone, namespace, repository, kind, subject, rights)


def _key(row: Mapping[str, str | int]) -> Key:
    return tuple(str(row[name]) for name in _KEY)


def _rights(row: Mapping[str, str | int]) -> str:
    mark = {ANSWERS[UNKNOWN]: "?"}
    return ", ".join(name + mark.get(str(row[name]), "") for name in RIGHTS if row[name] != ANSWERS[NO])
