"""Snapshot -> the table `organizations`: members by the control API, and by the groups of the zone."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np

from audit.snapshot.model import Snapshot
from audit.tables.model import Table, table_of
from audit.tenancy.organizations import ORGANIZATION_LABEL, namespace_owners

UNKNOWN_COUNT: Final = -1
# States of a group, and of a person in it.
SAME, DIFFERS, NO_GROUP, NOT_DECLARED = "same", "differs", "no-group", "not-declared"
UNKNOWN, NOT_ASKED = "unknown", "not-asked"
ONLY_DECLARED, ONLY_IN_ZONE = _PEOPLE_DIFFER = "only-declared", "only-in-zone"


class Team(NamedTuple):
    """An organization, or (with a team) a team of it."""

    organization: str
    team: str

    @property
    def group(self) -> str:
        """Return the group that holds its members."""
        return f"{self.organization}+{self.team}" if self.team else self.organization


def organizations_table(
    snapshot: Snapshot, namespaces: Iterable[str] | None = None, *, label: str = ORGANIZATION_LABEL
) -> Table:
    """Return the table `organizations` of one zone: the declared ones, and those of `namespaces` (default: all)."""
    declared, groups = _declared(snapshot), groups_of(snapshot)
    owners = namespace_owners(snapshot, label)
    shown = owners if namespaces is None else [name for name in namespaces if name in owners]
    counts = Counter(owners[name] for name in shown if owners[name])
    groups_unseen = snapshot.gaps_of("groups")
    rows: list[Mapping[str, str | int]] = []
    for team in sorted({*declared, *_teams({*counts, *(known.organization for known in declared)}, groups)}):
        shared: dict[str, str | int] = {
            "zone": snapshot.origin.zone,
            "organization": team.organization,
            "team": team.team,
            "group": team.group,
            "namespaces": counts[team.organization],
            "declared": UNKNOWN_COUNT if _unseen(snapshot, team) else len(declared.get(team, ())),
            "members": len(groups[team.group]) if team.group in groups and not groups_unseen else UNKNOWN_COUNT,
        }
        state = _state(snapshot, team, declared, groups)
        rows.append({**shared, "state": state})
        if state == DIFFERS:
            rows += [{**shared, **person} for person in _people(declared[team], groups[team.group])]
    return table_of("organizations", rows)


def drift(table: Table) -> int:
    """Return how many people and groups of a zone differ from what is declared.

    A missing group of an organization without a namespace does not count: there is nothing that it could reach.
    """
    states = table.text("state").strings()
    there = zip(states, (table.numbers("namespaces") > 0).tolist(), strict=True)
    return sum(state in _PEOPLE_DIFFER or (state in {NO_GROUP, NOT_DECLARED} and has) for state, has in there)


def _state(snapshot: Snapshot, team: Team, declared: Mapping[Team, set[str]], groups: Mapping[str, set[str]]) -> str:
    unseen = _unseen(snapshot, team) or (UNKNOWN if snapshot.gaps_of("groups") else "")
    if unseen:
        return unseen
    if team not in declared:
        return NOT_DECLARED
    if team.group not in groups:
        return NO_GROUP
    return SAME if declared[team] == groups[team.group] else DIFFERS


def _unseen(snapshot: Snapshot, team: Team) -> str:
    """Return why it is unknown whom the control API lists; empty when it is known."""
    kind = "teams" if team.team else "organizationmembers"
    if not snapshot.requested(kind):
        return NOT_ASKED
    return UNKNOWN if snapshot.gaps_of(kind) else ""


def _people(declared: set[str], members: set[str]) -> Iterator[dict[str, str]]:
    for user in sorted(declared ^ members):
        yield {"subject": user, "state": ONLY_DECLARED if user in declared else ONLY_IN_ZONE}


def _teams(names: set[str], groups: Iterable[str]) -> set[Team]:
    """Return the organizations of these names, and the teams of them that have a group."""
    split = (group.partition("+") for group in groups)
    teams = {Team(organization, team) for organization, plus, team in split if plus and organization in names and team}
    return {Team(name, "") for name in names} | teams


def _declared(snapshot: Snapshot) -> dict[Team, set[str]]:
    text = snapshot.strings
    found: dict[Team, set[str]] = {}
    columns = (column.tolist() for column in snapshot.tables["declared"].values())
    for organization, team, user in zip(*columns, strict=True):
        people = found.setdefault(Team(text[organization], text[team]), set())
        people |= {text[user]} if user else set()
    return found


def groups_of(snapshot: Snapshot) -> dict[str, set[str]]:
    """Return the members of each group of a zone."""
    text, groups, members = snapshot.strings, snapshot.tables["groups"]["name"], snapshot.tables["members"]
    found: dict[str, set[str]] = {text[code]: set() for code in np.unique(groups).tolist()}
    for group, user in zip(groups[members["group"]].tolist(), members["user"].tolist(), strict=True):
        found[text[group]].add(text[user])
    return found
