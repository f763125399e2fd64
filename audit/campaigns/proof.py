"""What became of each decision: whether a later snapshot proves it, contradicts it, or does not show it.

A line without a decision is not approved, and what was not read is neither gone nor still there.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

import numpy as np

from audit.campaigns.answers import Decision
from audit.campaigns.campaign import EVERY, Campaign, CampaignLine, Groups, ZoneLines
from audit.campaigns.folder import StandingDecision
from audit.rbac.subjects import GROUP
from audit.snapshot.model import STALE
from audit.snapshot.scope import Selects

OPEN, KEPT, REOPENED, EXCEPTION, ENDED = "open", "kept", "reopened", "exception", "exception ended"
NOT_LOOKED: Final = "not looked at since"
GONE, STILL, UNKNOWN = "verified gone", "still there", "unknown"
REDUCED: Final = "verified"
_BLIND: Final = "its role was not read"
_OTHER_NAMES: Final = "its pseudonyms were made with another key"
_DONE: Final = {"revoke": "revoked", "reduce": "reduced"}


class LineOutcome(NamedTuple):
    """A line, its decision, and the state of it. `removal` is empty unless access was to be removed.

    `state` is `open`, `kept`, `reopened`, `exception`, `exception ended`, `revoked` or `reduced`. `why` explains it.
    """

    entry: CampaignLine
    decision: Decision | None
    state: str
    removal: str = ""
    why: str = ""

    @property
    def text(self) -> str:
        """Return state and removal: `revoked, verified gone`."""
        return f"{self.state}, {self.removal}" if self.removal else self.state

    @property
    def undecided(self) -> bool:
        """Return whether this line needs a decision, still or again."""
        return self.state in {OPEN, REOPENED, ENDED}


class LaterState:
    """The zones as read after the campaign began; a snapshot that is not newer than the campaign's proves nothing."""

    def __init__(self, campaign: Campaign, zones: Sequence[ZoneLines], selects: Selects | None = None) -> None:
        self._within, self._selects = campaign.within, selects
        self.zones = {lines.zone: lines for lines in zones}
        self._basis = {basis.zone: basis for basis in campaign.basis}
        self._known = {entry.line.id for entry in campaign.lines}
        self._held = {zone: _held(lines) for zone, lines in self.zones.items()}

    @property
    def groups(self) -> Groups:
        """Return the members of the groups."""
        return {zone: lines.groups for zone, lines in self.zones.items()}

    @property
    def added(self) -> list[CampaignLine]:
        """Return the grants that are not in the campaign, because they appeared later."""
        found = (entry for lines in self.zones.values() for entry in lines.within(self._within, self._selects))
        return [entry for entry in found if entry.line.id not in self._known]

    def line(self, entry: CampaignLine) -> CampaignLine | None:
        """Return the current state of a line; None when there is none."""
        zone = self.zones.get(entry.line.zone)
        return zone.lines.get(entry.line.id) if zone else None

    def silent(self, entry: CampaignLine) -> str:
        """Return why nothing can be said about a line now; empty when something can."""
        zone = self.zones.get(entry.line.zone)
        if zone is None:
            return NOT_LOOKED
        before, as_of = self._basis.get(zone.zone), zone.basis.as_of
        if not as_of or (before and as_of <= before.as_of):
            return NOT_LOOKED
        if before and before.names != zone.basis.names:
            return _OTHER_NAMES
        if zone.snapshot.state == STALE:
            return f"zone {zone.zone} could not be read"
        kind = "clusterrolebindings" if entry.line.namespace == EVERY else "rolebindings"
        unseen = zone.snapshot.missing(kind)
        if entry.line.namespace != EVERY:
            code = np.array([zone.snapshot.code(entry.line.namespace)], dtype=np.int32)
            unseen = bool(zone.snapshot.unseen(kind, code)[0])
        return f"its {kind} were not read" if unseen else ""

    def since(self, entry: CampaignLine, day: date) -> bool:
        """Return whether the zone of a line was read on this day or later."""
        return self.zones[entry.line.zone].basis.as_of[:10] >= day.isoformat()

    def others(self, entry: CampaignLine) -> list[CampaignLine]:
        """Return other grants that give the subject one of the rights of a line in the same place."""
        line = entry.line
        held = self._held[line.zone]
        rights = _certain(entry)
        places = {line.namespace, EVERY}
        return [
            other
            for place in sorted(places)
            for other in held.get((line.subject_kind, line.subject, place), ())
            if other.line.id != line.id and _certain(other) & rights
        ]


def _held(zone: ZoneLines) -> dict[tuple[str, str, str], list[CampaignLine]]:
    """Return the lines by subject and namespace; those of a group also by each of its members."""
    found: dict[tuple[str, str, str], list[CampaignLine]] = {}
    for entry in zone.lines.values():
        line = entry.line
        who = [(line.subject_kind, line.subject)]
        if line.subject_kind == GROUP:
            who += [("User", person) for person in zone.groups.get(line.subject) or ()]
        for kind, name in who:
            found.setdefault((kind, name, line.namespace), []).append(entry)
    return found


def _certain(entry: CampaignLine) -> set[str]:
    return {right for right in entry.line.rights.split(", ") if not right.endswith("?")}


def outcomes(
    campaign: Campaign, decided: Mapping[str, StandingDecision], later: LaterState, today: date
) -> Iterator[LineOutcome]:
    """Yield the outcome of each line, in the order of the campaign."""
    for entry in campaign.lines:
        found = decided.get(entry.line.id)
        yield LineOutcome(entry, None, OPEN) if found is None else _outcome(entry, found, later, today)


def _outcome(entry: CampaignLine, found: StandingDecision, later: LaterState, today: date) -> LineOutcome:
    decision = found.decision
    if decision.decision in _DONE:
        return LineOutcome(entry, decision, _DONE[decision.decision], *_removal(entry, decision, later))
    if decision.until is not None and decision.until < today:
        return LineOutcome(entry, decision, ENDED, why=f"it ended on {decision.until}")
    state = KEPT if decision.until is None else EXCEPTION
    silent, now = later.silent(entry), later.line(entry)
    if silent or now is None:
        return LineOutcome(entry, decision, state, why="" if silent else "it no longer exists")
    if "?" in now.line.rights:
        return LineOutcome(entry, decision, state, why=_BLIND)
    moved = [*_moved(entry, now, found, later)]
    return LineOutcome(entry, decision, REOPENED if moved else state, why="; ".join(moved))


def _moved(entry: CampaignLine, now: CampaignLine, found: StandingDecision, later: LaterState) -> Iterator[str]:
    """Yield what has changed since the decision."""
    if now.line.path != found.decision.path:
        yield f"its path has changed ({_described(entry)} before, {_described(now)} now)"
    zone, group = entry.line.zone, entry.line.subject
    if entry.line.subject_kind != GROUP:
        return
    before, people = (groups.get(zone, {}).get(group) for groups in (found.groups, later.groups))
    if people is None:
        return
    new = sorted({*people} - {*(before or ())})
    if new:
        yield f"group {group} has new members: {', '.join(new)}"


def _described(entry: CampaignLine) -> str:
    line = entry.line
    return f"{line.rights} in {line.repositories}, since {line.since or 'unknown'}"


def _removal(entry: CampaignLine, decision: Decision, later: LaterState) -> tuple[str, str]:
    """Return whether the access to be removed is gone, and an explanation."""
    silent, now = later.silent(entry), later.line(entry)
    if silent:
        return (silent, "") if silent == NOT_LOOKED else (UNKNOWN, silent)
    if now is None:
        grants = [
            f"{other.line.binding_kind} {other.line.binding} ({other.line.subject})" for other in later.others(entry)
        ]
        return GONE, f"the subject still has access there by {', '.join(grants)}" if grants else ""
    if not later.since(entry, decision.on):
        return NOT_LOOKED, ""
    if not _certain(now):
        return UNKNOWN, _BLIND
    if decision.decision == "reduce" and _less(entry, now):
        return REDUCED, f"{_described(entry)} before, {_described(now)} now"
    return STILL, ""


def _less(before: CampaignLine, now: CampaignLine) -> bool:
    """Return whether a line grants less than before, and nothing new."""
    rights = [{*line.line.rights.replace("?", "").split(", ")} for line in (before, now)]
    places = [{*line.line.repositories.split(", ")} for line in (before, now)]
    covered = rights[1] <= rights[0] and (EVERY in places[0] or places[1] <= places[0])
    return covered and (rights[0] != rights[1] or places[0] != places[1])
