"""A campaign: what has to be decided by when, and who may decide."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Final, Literal

import msgspec

from audit.access.tables import tables_of
from audit.campaigns.last_use import LineUses
from audit.campaigns.lines import Line, review_lines
from audit.campaigns.risk import ZoneRisks
from audit.campaigns.spelling import spelling
from audit.checks.settings import Settings
from audit.rbac.subjects import ACCOUNTS, GROUP, is_virtual
from audit.snapshot.model import Snapshot, encode, gap_lines
from audit.snapshot.scope import Selects, scope_of
from audit.tenancy.membership import groups_of
from audit.tenancy.organizations import namespace_owners
from audit.usage.zone_use import ZoneUse

FORMAT: Final = "registry-audit review"
VERSION: Final = 1
EVERY: Final = "*"  # as a namespace: all of them
Answer = Literal["yes", "no", "unknown"]


class Reviewer(msgspec.Struct, frozen=True):
    """People (user names) and the grants that they decide on: by organization, by namespace, or cluster-wide.

    Zones, organizations and namespaces are globs; cluster-wide grants match only `everywhere`.
    """

    who: tuple[str, ...]
    zone: str = EVERY
    organization: str = ""
    namespace: str = ""
    everywhere: bool = False

    def covers(self, entry: "CampaignLine") -> bool:
        """Return whether these people may decide on a line."""
        line = entry.line
        if not fnmatchcase(line.zone, self.zone):
            return False
        if line.namespace == EVERY:
            return self.everywhere
        owned = bool(self.organization and entry.organization) and fnmatchcase(entry.organization, self.organization)
        return owned or bool(self.namespace and fnmatchcase(line.namespace, self.namespace))


class CampaignScope(msgspec.Struct, frozen=True):
    """The grants in a campaign: by globs of organizations or namespaces (neither: all, and cluster-wide ones)."""

    organizations: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()

    def includes(self, namespace: str, organization: str) -> bool:
        """Return whether grants in this namespace are in the campaign."""
        if not self.organizations and not self.namespaces:
            return True
        owned = bool(organization) and any(fnmatchcase(organization, glob) for glob in self.organizations)
        return owned or any(fnmatchcase(namespace, glob) for glob in self.namespaces)


class CampaignLine(msgspec.Struct, frozen=True):
    """A line of the campaign, and the organization that owns its namespace (empty: not known).

    `risk` is the worst severity of the `findings` about it (titles), and `routes` are those that it opens. `used` is
    `used`, `not used` or `not known`, and `last_used` RFC 3339. All are empty where there is none, or nothing is known.
    """

    line: Line
    organization: str = ""
    risk: str = ""
    findings: str = ""
    routes: str = ""
    used: str = ""
    last_used: str = ""


class ZoneBasis(msgspec.Struct, frozen=True):
    """The snapshot that the lines of a zone come from: when it was read (RFC 3339), its state and its gaps.

    `sha256` (hex) is that of the snapshot file, as in the manifest of a run.
    """

    zone: str
    as_of: str
    state: str
    sha256: str
    gaps: tuple[str, ...] = ()
    names: str = ""  # the key of its pseudonyms: see `audit.snapshot.model.Origin`


# By zone and group: its members; None when they could not be read.
Groups = dict[str, dict[str, tuple[str, ...] | None]]


class Campaign(msgspec.Struct, frozen=True):
    """A campaign as it began. `began` is RFC 3339; `due` is the last day."""

    format: str
    version: int
    tool: str
    began: str
    due: date
    within: CampaignScope
    basis: tuple[ZoneBasis, ...]
    reviewers: tuple[Reviewer, ...]
    lines: tuple[CampaignLine, ...]
    groups: Groups
    present: tuple[str, ...] = ()  # reviewers whom a zone listed as a user or a member of a group

    @property
    def people(self) -> frozenset[str]:
        """Return all reviewers."""
        return frozenset(name for reviewer in self.reviewers for name in reviewer.who)

    def reviewers_of(self, entry: CampaignLine) -> list[str]:
        """Return the user names that may decide on a line, sorted."""
        return sorted({name for reviewer in self.reviewers if reviewer.covers(entry) for name in reviewer.who})


def own(line: Line, person: str, groups: Groups) -> Answer:
    """Return whether a line is about the access of this person, under any spelling: by name, or by a group.

    Virtual groups (everybody) are nobody's own access, except that of the accounts of one namespace. `unknown`: the
    members of the group could not be read.
    """
    name, subject = spelling(person), spelling(line.subject)
    if line.subject_kind != GROUP:
        return "yes" if name == subject else "no"
    if subject.startswith(f"{ACCOUNTS}:"):
        return "yes" if name.startswith(f"{subject.removeprefix(f'{ACCOUNTS}:')}:") else "no"
    if is_virtual(line.subject):
        return "no"
    members = groups.get(line.zone, {}).get(line.subject)
    return "unknown" if members is None else "yes" if name in map(spelling, members) else "no"


class ZoneLines:
    """One zone as a campaign sees it: its lines by id, the members of its groups, and its gaps."""

    def __init__(self, snapshot: Snapshot, settings: Settings) -> None:
        self.snapshot = snapshot
        self.zone = snapshot.origin.zone
        self._settings = settings
        owners = namespace_owners(snapshot, settings.organization_label)
        lines = review_lines(tables_of(snapshot)["grants"], settings.platform.seen_in(snapshot))
        self.lines = {line.id: CampaignLine(line, owners.get(line.namespace, "")) for line in lines}
        self.groups = dict(_groups(snapshot, self.lines.values()))

    def within(self, within: CampaignScope, selects: Selects | None) -> list[CampaignLine]:
        """Return the lines in the scope of a campaign, and in the namespaces that `selects` chooses."""
        wanted = scope_of(self.snapshot, selects).namespaces
        known = None if wanted is None else {EVERY, *wanted}
        inside = (entry for entry in self.lines.values() if within.includes(entry.line.namespace, entry.organization))
        return [entry for entry in inside if known is None or entry.line.namespace in known]

    def weighed(
        self, entries: Iterable[CampaignLine], now: datetime, use: ZoneUse | None = None
    ) -> Iterator[CampaignLine]:
        """Yield lines with their findings, routes and use; `now` decides what is old."""
        risks = ZoneRisks(self.snapshot, self._settings, now)
        uses = LineUses(self.snapshot, tables_of(self.snapshot), use) if use else None
        for entry in entries:
            severity, findings, routes = risks.of(entry.line)
            used, last = uses.of(entry.line) if uses else ("", "")
            yield msgspec.structs.replace(
                entry, risk=severity, findings=findings, routes=routes, used=used, last_used=last
            )

    @cached_property
    def people(self) -> frozenset[str]:
        """Return the users that the zone lists, alone or as members of groups."""
        tables, text = self.snapshot.tables, self.snapshot.strings
        codes = {*tables["users"]["name"].tolist(), *tables["members"]["user"].tolist()}
        return frozenset(text[code] for code in codes)

    @property
    def lists_people(self) -> bool:
        """Return whether users and groups were read completely, so that who is not listed has no account."""
        lists = ("users", "groups")
        return all(self.snapshot.requested(kind) and not self.snapshot.gaps_of(kind) for kind in lists)

    @cached_property
    def basis(self) -> ZoneBasis:
        """Return where the lines come from."""
        snapshot, origin = self.snapshot, self.snapshot.origin
        digest = hashlib.sha256(encode(snapshot)).hexdigest()
        return ZoneBasis(self.zone, origin.finished, snapshot.state, digest, gap_lines(snapshot.gaps), origin.names)


def _groups(snapshot: Snapshot, lines: Iterable[CampaignLine]) -> Iterator[tuple[str, tuple[str, ...] | None]]:
    """Yield the members of each group that a line names, except virtual groups, which list nobody."""
    listed = groups_of(snapshot)
    unseen = bool(snapshot.gaps_of("groups"))
    named = {entry.line.subject for entry in lines if entry.line.subject_kind == GROUP}
    for group in sorted(name for name in named if not is_virtual(name)):
        yield group, None if unseen or group not in listed else tuple(sorted(listed[group]))
