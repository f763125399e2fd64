"""Replaces names in tables and texts, so that a report for one organization names nobody of another one."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from audit.tables.model import Table, Text, joined

# Columns without names of others: words of our own, times, ids and roles, and what is in the own namespaces. A column
# that is not here is searched, so that none is forgotten.
_NAMELESS: Final = frozenset(
    {
        *("account", "action", "aggregated_from", "answered", "as_of", "asks", "binding_kind", "binding_uid", "change"),
        *("check", "checks", "confidence", "control", "controls", "created", "edition", "evidence_in", "exception"),
        *("first", "first_seen", "framework", "how", "id", "kind", "lacks", "last", "last_seen", "last_used"),
        *("not_answered", "outcome", "platform", "push_used", "pushed", "remains", "repository", "resource_version"),
        *("rights", "role", "role_kind", "rule", "scope", "severity", "since", "source", "state", "subject_kind"),
        *("tables", "title", "token", "until", "used", "zone"),
    }
)
_PART: Final = re.compile(r"[^\W_]+")
_LONGEST: Final = 16  # parts of one name


class HiddenNames:
    """Replaces hidden names in texts: whole texts, and names inside sentences.

    A shown name stays, even where a hidden name is a part of it.
    """

    def __init__(self, hidden: Mapping[str, str], shown: Iterable[str]) -> None:
        self._hidden = {**hidden, **{name: name for name in shown}}
        # Inside a sentence, a name is found by its part from the first to the last letter or digit.
        cores = ((_core(name), name, word) for name, word in self._hidden.items())
        self._cores = {core: core if name == word else word for core, name, word in cores if core}
        self._signs = [name for name in hidden if name and not _core(name)]

    def of_table(self, table: Table) -> Table:
        """Return the table with all hidden names replaced."""
        columns = {
            name: self._of_column(values) if isinstance(values, Text) and name not in _NAMELESS else values
            for name, values in table.columns.items()
        }
        return joined([Table(table.name, columns)])

    def _of_column(self, values: Text) -> Text:
        # The rows are few, but share the texts of the whole zone.
        compact = values.compact()
        return Text(compact.codes, [self.of(text) for text in compact.values])

    def of(self, text: str) -> str:
        """Return a text with all hidden names replaced."""
        if text in self._hidden:
            return self._hidden[text]
        for sign in self._signs:
            text = text.replace(sign, self._hidden[sign])
        parts = [(match.start(), match.end()) for match in _PART.finditer(text)]
        pieces, at, first = [], 0, 0
        while first < len(parts):
            last = self._longest(text, parts, first)
            if last >= first:
                start, end = parts[first][0], parts[last][1]
                pieces += [text[at:start], self._cores[text[start:end]]]
                at, first = end, last
            first += 1
        return "".join([*pieces, text[at:]])

    def _longest(self, text: str, parts: Sequence[tuple[int, int]], first: int) -> int:
        """Return the last part of the longest name that begins with part `first`; `first - 1` if there is none."""
        for last in range(min(len(parts), first + _LONGEST) - 1, first - 1, -1):
            if text[parts[first][0] : parts[last][1]] in self._cores:
                return last
        return first - 1


def _core(name: str) -> str:
    parts = [(match.start(), match.end()) for match in _PART.finditer(name)]
    return name[parts[0][0] : parts[-1][1]] if parts else ""
