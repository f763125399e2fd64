"""Which organization a namespace, a person, a group or an account belongs to.

A namespace says it by its label. A person is in an organization's group `<org>` or in one of its teams' `<org>+<team>`,
or the control API says that they belong there. An account belongs where its namespace does.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
import numpy as np

from audit.snapshot.model import Snapshot

ORGANIZATION_LABEL: Final = "appuio.io/organization"
TEAM: Final = "+"


class Organizations:
    """The organizations of one zone."""

    def __init__(self, snapshot: Snapshot, of_namespace: Mapping[str, str]) -> None:
        """Take the facts, and the organization of each namespace (empty: none)."""
        self._of_namespace = of_namespace
        groups = snapshot.tables["groups"]["name"]
        names = [snapshot.strings[code] for code in groups.tolist()]
        declared = _declared(snapshot)
        teams = {name.partition(TEAM)[0] for name in names if TEAM in name[1:]}
        teams |= {organization for organization, team, _ in declared if team}
        self.known = frozenset(({*of_namespace.values(), *(one for one, _, _ in declared)} | teams) - {""})
        self._with_teams = teams & self.known
        self._of_person: dict[str, set[str]] = {}
        users = snapshot.tables["members"]["user"].tolist()
        for group, user in zip(snapshot.tables["members"]["group"].tolist(), users, strict=True):
            organization = self.of_group(names[group])
            if organization:
                self._of_person.setdefault(snapshot.strings[user], set()).add(organization)
        for organization, _, person in declared:
            self._of_person.setdefault(person, set()).add(organization)

    def of_namespace(self, namespace: str) -> str:
        """Return the organization of a namespace; empty when it has none or is not listed."""
        return self._of_namespace.get(namespace, "")

    def of_group(self, group: str) -> str:
        """Return the organization that a group is of, as a whole or as a team; empty for other groups."""
        base = group.partition(TEAM)[0]
        return base if base in self.known else ""

    def of_person(self, user: str) -> Iterable[str]:
        """Return the organizations that a person is in; nothing for one who is in none that is known."""
        return sorted(self._of_person.get(user, ()))

    def works_with_teams(self, organization: str) -> bool:
        """Say whether an organization has teams."""
        return organization in self._with_teams


def _declared(snapshot: Snapshot) -> list[tuple[str, str, str]]:
    """Return organization, team (or an empty text) and member, as the control API says it."""
    table, text = snapshot.tables["declared"], snapshot.strings
    columns = (table[name].tolist() for name in ("organization", "team", "user"))
    return [(text[organization], text[team], text[user]) for organization, team, user in zip(*columns, strict=True)]


def organizations(snapshot: Snapshot, label: str = ORGANIZATION_LABEL) -> dict[str, str]:
    """Return the organization of each listed namespace by its label; empty for one that has none."""
    table, text = snapshot.tables["namespaces"], snapshot.strings
    owner = {code: _label(text[code], label) for code in np.unique(table["labels"]).tolist()}
    return {
        text[name]: owner[labels] for name, labels in zip(table["name"].tolist(), table["labels"].tolist(), strict=True)
    }


def _label(labels: str, name: str) -> str:
    return msgspec.json.decode(labels, type=dict[str, str]).get(name, "") if labels else ""
