"""When the access of a line of a review was used last: what nobody used needs the least thought to take away."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from audit.campaigns.lines import Line
from audit.snapshot.model import Snapshot
from audit.tables.model import Table
from audit.usage.tables import with_use
from audit.usage.zone_use import ZoneUse

# The answers, from the one that says the most: a line has the first of those of its repositories.
_ANSWERS: Final = ("used", "not known", "not used", "")
_Key = tuple[str, ...]


class LineUse(NamedTuple):
    """Whether the access was used (`used`, `not used`, `not known`, or empty) and when last (RFC 3339)."""

    used: str = ""
    last_used: str = ""


class LineUses:
    """The use of the access of one zone by what grants it; two grants of the same access are used together."""

    def __init__(self, snapshot: Snapshot, tables: Mapping[str, Table], use: ZoneUse) -> None:
        """Join the tables `access` and `grants` of the zone with its use."""
        grants = with_use(tables, use, snapshot)["grants"]
        names = ("namespace", "binding_kind", "binding", "subject_kind", "subject", "used", "last_used")
        columns = (grants.text(name).strings() for name in names)
        self._of: dict[_Key, LineUse] = {}
        for *key, used, last in zip(*columns, strict=True):
            before = self._of.get(tuple(key), LineUse())
            better = min(before.used, used, key=_ANSWERS.index)
            self._of[tuple(key)] = LineUse(better, max(before.last_used, last))

    def of(self, line: Line) -> LineUse:
        """Return what is known of a line."""
        key = line.namespace, line.binding_kind, line.binding, line.subject_kind, line.subject
        return self._of.get(key, LineUse())
