"""A campaign: what is to be decided by when, and who may decide on it."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import date
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Final, Literal

import msgspec

from audit.access.tables import tables_of
from audit.campaigns.lines import Line, review_lines
from audit.checks.settings import Settings
from audit.rbac.subjects import GROUP, USER, is_virtual
from audit.snapshot.model import Snapshot, encode, gap_lines
from audit.snapshot.scope import Selects, scope_of
from audit.tenancy.membership import groups_of
from audit.tenancy.organizations import namespace_owners

FORMAT: Final = "registry-audit review"
VERSION: Final = 1
EVERY: Final = "*"  # in place of a namespace: every one
Answer = Literal["yes", "no", "unknown"]


class Reviewer(msgspec.Struct, frozen=True):
    """People (user names), and what they decide on: grants in namespaces of an organization, or by name, or everywhere.

    Zones, organizations and namespaces are globs; `everywhere` are the cluster-wide grants, which no glob covers.
    """

    who: tuple[str, ...]
    zone: str = EVERY
    organization: str = ""
    namespace: str = ""
    everywhere: bool = False

    def covers(self, asked: "CampaignLine") -> bool:
        """Say whether a line is theirs to decide."""
        line = asked.line
        if not fnmatchcase(line.zone, self.zone):
            return False
        if line.namespace == EVERY:
            return self.everywhere
        owned = bool(self.organization and asked.organization) and fnmatchcase(asked.organization, self.organization)
        return owned or bool(self.namespace and fnmatchcase(line.namespace, self.namespace))


class CampaignScope(msgspec.Struct, frozen=True):
    """What a campaign is about, as globs: of these organizations or namespaces (neither: of all, and cluster-wide)."""

    organizations: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()

    def holds(self, namespace: str, organization: str) -> bool:
        """Say whether a grant in this namespace is meant."""
        if not self.organizations and not self.namespaces:
            return True
        owned = bool(organization) and any(fnmatchcase(organization, glob) for glob in self.organizations)
        return owned or any(fnmatchcase(namespace, glob) for glob in self.namespaces)


class CampaignLine(msgspec.Struct, frozen=True):
    """A line of the campaign, and whose namespace it is about (empty: nobody's that is known)."""

    line: Line
    organization: str = ""


class ZoneBasis(msgspec.Struct, frozen=True):
    """What a zone's lines were made of: when it was read (RFC 3339), how whole it was, and what was not seen.

    `sha256` (hex) is that of the snapshot's file, as the manifest of a run has it.
    """

    zone: str
    as_of: str
    state: str
    sha256: str
    gaps: tuple[str, ...] = ()
    names: str = ""  # by which key they were replaced: see `audit.snapshot.model.Origin`


# By zone and group: the people in it; None when they could not be seen.
Groups = dict[str, dict[str, tuple[str, ...] | None]]


class Campaign(msgspec.Struct, frozen=True):
    """A campaign as it began. Times are RFC 3339, `due` is the last day."""

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

    def reviewers_of(self, asked: CampaignLine) -> list[str]:
        """Return who may decide on a line, by what they were made reviewers of."""
        return sorted({name for one in self.reviewers if one.covers(asked) for name in one.who})


def own(line: Line, person: str, groups: Groups) -> Answer:
    """Say whether a line is about access of this person: by name, or by a group that lists them.

    What everybody has is nobody's own. Of a group whose people could not be seen, it is not known.
    """
    if line.subject_kind == USER:
        return "yes" if line.subject == person else "no"
    if line.subject_kind != GROUP or is_virtual(line.subject):
        return "no"
    members = groups.get(line.zone, {}).get(line.subject)
    return "unknown" if members is None else "yes" if person in members else "no"


class ZoneLines:
    """What one zone is made of, for a review: its lines by id, its groups, and what could not be seen of it."""

    def __init__(self, snapshot: Snapshot, settings: Settings) -> None:
        """Take a snapshot, by what is the platform's."""
        self.snapshot = snapshot
        self.zone = snapshot.origin.zone
        owners = namespace_owners(snapshot, settings.organization_label)
        lines = review_lines(tables_of(snapshot)["grants"], settings.platform.seen_in(snapshot))
        self.lines = {line.id: CampaignLine(line, owners.get(line.namespace, "")) for line in lines}
        self.groups = dict(_groups(snapshot, self.lines.values()))

    def within(self, within: CampaignScope, selects: Selects | None) -> list[CampaignLine]:
        """Return the lines that a campaign is about; `selects` says which namespaces are reported on."""
        wanted = scope_of(self.snapshot, selects).namespaces
        known = None if wanted is None else {EVERY, *wanted}
        meant = (one for one in self.lines.values() if within.holds(one.line.namespace, one.organization))
        return [one for one in meant if known is None or one.line.namespace in known]

    @cached_property
    def basis(self) -> ZoneBasis:
        """Return what the lines are made of."""
        one = self.snapshot
        digest = hashlib.sha256(encode(one)).hexdigest()
        return ZoneBasis(self.zone, one.origin.finished, one.state, digest, gap_lines(one.gaps), one.origin.names)


def _groups(snapshot: Snapshot, lines: Iterable[CampaignLine]) -> Iterator[tuple[str, tuple[str, ...] | None]]:
    """Yield the people of each group that a line names, but for the platform's own, which list nobody."""
    listed = groups_of(snapshot)
    unseen = bool(snapshot.gaps_of("groups"))
    named = {one.line.subject for one in lines if one.line.subject_kind == GROUP}
    for group in sorted(name for name in named if not is_virtual(name)):
        yield group, None if unseen or group not in listed else tuple(sorted(listed[group]))
