"""Lines with the same cause: the same in everything that a decision is about, in different namespaces.

One decision covers them all. Lines that differ in rights, role, binding, owner, reviewers or members are apart.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final, NamedTuple

from audit.campaigns.campaign import Campaign, CampaignLine
from audit.campaigns.reading import Row
from audit.rbac.subjects import GROUP

PREFIX: Final = "cause-"
_SAME: Final = (
    "zone", "subject_kind", "subject", "rights", "repositories", "binding_kind", "binding", "role_kind", "role",
    "aggregated_from", "privileged", "platform",
)  # fmt: skip
# Columns by which a row of one line is compared: a row of several has none of them.
_OF_A_LINE: Final = ("zone", "namespace", "subject")


class CampaignCause(NamedTuple):
    """Two or more lines with the same cause. `path` is a digest of the paths of all of them."""

    id: str
    path: str
    lines: Sequence[CampaignLine]


class CampaignCauses:
    """The causes of a campaign as it began."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign

    @cached_property
    def by_id(self) -> Mapping[str, CampaignCause]:
        """Return the causes by id, in the order of their first lines."""
        together: dict[str, list[CampaignLine]] = {}
        reviewers: dict[tuple[str, str, str], list[str]] = {}
        for entry in self._campaign.lines:
            place = (entry.line.zone, entry.organization, entry.line.namespace)
            if place not in reviewers:
                reviewers[place] = self._campaign.reviewers_of(entry)
            together.setdefault(self._id(entry, reviewers[place]), []).append(entry)
        return {
            name: CampaignCause(name, _digest(sorted([entry.line.id, entry.line.path] for entry in lines)), lines)
            for name, lines in together.items()
            if len(lines) > 1
        }

    def _id(self, entry: CampaignLine, reviewers: Sequence[str]) -> str:
        line = entry.line
        # Roles of one name in two namespaces are two roles.
        place = line.namespace if line.role_kind == "Role" else ""
        members = self._campaign.groups.get(line.zone, {}).get(line.subject) if line.subject_kind == GROUP else ()
        same = [getattr(line, name) for name in _SAME]
        # Lines of earlier campaigns have none of these, and their causes keep their ids.
        same += [text for text in (line.lacks, entry.risk, entry.findings, entry.routes, entry.used) if text]
        return PREFIX + _digest([same, place, entry.organization, list(reviewers), members])

    def expanded(self, rows: Sequence[Row]) -> tuple[list[Row], list[str]]:
        """Return rows with those of a cause in place of each of its lines, and what is wrong with such rows.

        A row about a single line takes precedence over that of its cause.
        """
        single = {row.cells.get("id", "").strip() for row in rows if row.cells.get("decision", "").strip()}
        made: list[Row] = []
        mistakes: list[str] = []
        for row in rows:
            name = row.cells.get("id", "").strip()
            if not name.startswith(PREFIX):
                made.append(row)
            elif row.cells.get("decision", "").strip():
                cause = self.by_id.get(name)
                if cause is None:
                    mistakes.append(f"{row.where}: this campaign has no cause with the id {name}")
                elif row.cells.get("path", "").strip() not in {"", cause.path}:
                    mistakes.append(f"{row.where}: the path differs from that of this cause")
                else:
                    made += _rows(row, cause, single)
        return made, mistakes


def _rows(row: Row, cause: CampaignCause, single: Iterable[str]) -> Iterator[Row]:
    shared = {name: text for name, text in row.cells.items() if name not in _OF_A_LINE}
    for entry in cause.lines:
        if entry.line.id not in single:
            yield Row(row.where, {**shared, "id": entry.line.id, "path": entry.line.path})


def _digest(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]
