"""Which organization a namespace, a person, a group or a service account belongs to.

A namespace belongs to the organization in its label. A person belongs to an organization by its group `<org>`, by the
group `<org>+<team>` of one of its teams, or by the control API. A service account belongs to that of its namespace.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
import numpy as np

from audit.rbac.subjects import ACCOUNT, ACCOUNTS, GROUP, home
from audit.snapshot.model import Snapshot
from audit.tables.model import Table, Text

ORGANIZATION_LABEL: Final = "appuio.io/organization"
TEAM: Final = "+"


class Organizations:
    """The organizations of one zone or of several."""

    def __init__(
        self,
        of_namespace: Mapping[tuple[str, str], str],
        groups: Iterable[str],
        members: Iterable[tuple[str, str]],
        declared: Iterable[tuple[str, str, str]] = (),
    ) -> None:
        """Build from the organization of each namespace (by zone and name; empty: none), groups and their members.

        `members` are pairs of person and group; `declared` is what the control API lists: organization, team (empty:
        the organization itself) and person (empty: nobody).
        """
        self._of_namespace = of_namespace
        self.with_namespaces = frozenset({*of_namespace.values()} - {""})
        self._with_teams = {group.partition(TEAM)[0] for group in groups if TEAM in group[1:]}
        self._known = self.with_namespaces | self._with_teams
        self._of_person: dict[str, set[str]] = {}
        declared = list(declared)
        for organization, team, _ in declared:
            self._known |= {organization}
            self._with_teams |= {organization} if team else set()
        for person, group in members:
            if organization := self.of_group(group):
                self._of_person.setdefault(person, set()).add(organization)
        for organization, _, person in declared:
            self._of_person.setdefault(person, set()).add(organization)

    def of_namespace(self, zone: str, namespace: str) -> str:
        """Return the organization of a namespace; empty when it has none or is not listed."""
        return self._of_namespace.get((zone, namespace), "")

    def of_group(self, group: str) -> str:
        """Return the organization whose group this is, or whose team's; empty for other groups."""
        base = group.partition(TEAM)[0]
        return base if base in self._known else ""

    def of_person(self, user: str) -> frozenset[str]:
        """Return the organizations that a person is known to be in."""
        return frozenset(self._of_person.get(user, ()))

    def of_subject(self, zone: str, kind: str, subject: str) -> frozenset[str]:
        """Return the organizations that a subject is known to be in."""
        if kind not in {ACCOUNT, GROUP}:
            return self.of_person(subject)
        of_accounts = kind == ACCOUNT or subject.startswith(f"{ACCOUNTS}:")
        organization = self.of_namespace(zone, home(subject)) if of_accounts else self.of_group(subject)
        return frozenset([organization] if organization else ())

    def has_teams(self, organization: str) -> bool:
        """Return whether an organization has teams."""
        return bool(organization) and organization in self._with_teams


def organizations_of(snapshot: Snapshot, label: str = ORGANIZATION_LABEL) -> Organizations:
    """Return the organizations of one zone from its facts."""
    text, table, zone = snapshot.strings, snapshot.tables, snapshot.origin.zone
    groups = [text[code] for code in table["groups"]["name"].tolist()]
    users, of_group = (table["members"][name].tolist() for name in ("user", "group"))
    declared = (table["declared"][name].tolist() for name in ("organization", "team", "user"))
    return Organizations(
        {(zone, namespace): owner for namespace, owner in namespace_owners(snapshot, label).items()},
        groups,
        ((text[user], groups[at]) for user, at in zip(users, of_group, strict=True)),
        ((text[owner], text[team], text[user]) for owner, team, user in zip(*declared, strict=True)),
    )


def organizations_in(namespaces: Table, grants: Table) -> Organizations:
    """Return the organizations of all zones from the tables `namespaces` and `grants`."""
    columns = (namespaces.text(name).strings() for name in ("zone", "namespace", "organization"))
    people, through = grants.text("subject"), grants.text("group")
    bound = Text(people.codes[grants.where("subject_kind", {GROUP})], people.values)
    pairs = np.unique(np.stack([people.codes, through.codes]), axis=1).T.tolist()
    return Organizations(
        {(zone, namespace): owner for zone, namespace, owner in zip(*columns, strict=True)},
        {*through.compact().values, *bound.compact().values},
        ((people.values[person], through.values[group]) for person, group in pairs if through.values[group]),
    )


def namespace_owners(snapshot: Snapshot, label: str = ORGANIZATION_LABEL) -> dict[str, str]:
    """Return the organization of each listed namespace by its label; empty for one that has none."""
    table, text = snapshot.tables["namespaces"], snapshot.strings
    owner = {code: _label(text[code], label) for code in np.unique(table["labels"]).tolist()}
    return {
        text[name]: owner[labels] for name, labels in zip(table["name"].tolist(), table["labels"].tolist(), strict=True)
    }


def _label(labels: str, name: str) -> str:
    return msgspec.json.decode(labels, type=dict[str, str]).get(name, "") if labels else ""
