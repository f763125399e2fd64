"""What has become of a decision: whether a later run proves it, contradicts it, or did not see.

Silence is no answer, and what was not seen is neither gone nor there.
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
_BLIND: Final = "its role was not seen"
_OTHER_NAMES: Final = "its names were not replaced by the same key"
_DONE: Final = {"revoke": "revoked", "reduce": "reduced"}


class LineOutcome(NamedTuple):
    """A line, what was decided on it, and how that stands. `removal` is empty where nothing was to be taken away.

    `state` is `open`, `kept`, `reopened`, `exception`, `exception ended`, `revoked` or `reduced`. `why` is for people.
    """

    asked: CampaignLine
    decision: Decision | None
    state: str
    removal: str = ""
    why: str = ""

    @property
    def said(self) -> str:
        """Return state and removal in words: `revoked, verified gone`."""
        return f"{self.state}, {self.removal}" if self.removal else self.state

    @property
    def undecided(self) -> bool:
        """Say whether somebody has to decide on this line, still or again."""
        return self.state in {OPEN, REOPENED, ENDED}


class LaterState:
    """What was seen after the campaign began, zone by zone."""

    def __init__(self, campaign: Campaign, zones: Sequence[ZoneLines], selects: Selects | None = None) -> None:
        """Take what was seen; what is not newer than the campaign's own facts proves nothing."""
        self._within, self._selects = campaign.within, selects
        self.zones = {one.zone: one for one in zones}
        self._basis = {one.zone: one for one in campaign.basis}
        self._known = {one.line.id for one in campaign.lines}
        self._held = {zone: _held(one) for zone, one in self.zones.items()}

    @property
    def groups(self) -> Groups:
        """Return the people of the groups that were seen."""
        return {zone: one.groups for zone, one in self.zones.items()}

    @property
    def added(self) -> list[CampaignLine]:
        """Return the grants that are no line of the campaign: nobody was asked about them."""
        found = (asked for one in self.zones.values() for asked in one.within(self._within, self._selects))
        return [asked for asked in found if asked.line.id not in self._known]

    def line(self, asked: CampaignLine) -> CampaignLine | None:
        """Return a line as it was seen; None when it was not."""
        zone = self.zones.get(asked.line.zone)
        return zone.lines.get(asked.line.id) if zone else None

    def silent(self, asked: CampaignLine) -> str:
        """Say why nothing can be said about a line now; nothing when something can."""
        zone = self.zones.get(asked.line.zone)
        if zone is None:
            return NOT_LOOKED
        before, as_of = self._basis.get(zone.zone), zone.basis.as_of
        if not as_of or (before and as_of <= before.as_of):
            return NOT_LOOKED
        if before and before.names != zone.basis.names:
            return _OTHER_NAMES
        if zone.snapshot.state == STALE:
            return f"zone {zone.zone} could not be read"
        kind = "clusterrolebindings" if asked.line.namespace == EVERY else "rolebindings"
        unseen = zone.snapshot.missing(kind)
        if asked.line.namespace != EVERY:
            code = np.array([zone.snapshot.code(asked.line.namespace)], dtype=np.int32)
            unseen = bool(zone.snapshot.unseen(kind, code)[0])
        return f"its {kind} were not seen" if unseen else ""

    def since(self, asked: CampaignLine, day: date) -> bool:
        """Say whether a zone was read on this day or later."""
        return self.zones[asked.line.zone].basis.as_of[:10] >= day.isoformat()

    def others(self, asked: CampaignLine) -> list[CampaignLine]:
        """Return other ways by which the subject has one of a line's rights in the same place."""
        line = asked.line
        held = self._held[line.zone]
        rights = _certain(asked)
        places = {line.namespace, EVERY}
        return [
            one
            for place in sorted(places)
            for one in held.get((line.subject_kind, line.subject, place), ())
            if one.line.id != line.id and _certain(one) & rights
        ]


def _held(zone: ZoneLines) -> dict[tuple[str, str, str], list[CampaignLine]]:
    """Return the lines of each subject and namespace, those of a group also by each person in it."""
    found: dict[tuple[str, str, str], list[CampaignLine]] = {}
    for asked in zone.lines.values():
        line = asked.line
        who = [(line.subject_kind, line.subject)]
        if line.subject_kind == GROUP:
            who += [("User", person) for person in zone.groups.get(line.subject) or ()]
        for kind, name in who:
            found.setdefault((kind, name, line.namespace), []).append(asked)
    return found


def _certain(asked: CampaignLine) -> set[str]:
    return {right for right in asked.line.rights.split(", ") if not right.endswith("?")}


def outcomes(
    campaign: Campaign, decided: Mapping[str, StandingDecision], later: LaterState, today: date
) -> Iterator[LineOutcome]:
    """Yield how each line stands, in the order of the campaign."""
    for asked in campaign.lines:
        found = decided.get(asked.line.id)
        yield LineOutcome(asked, None, OPEN) if found is None else _outcome(asked, found, later, today)


def _outcome(asked: CampaignLine, found: StandingDecision, later: LaterState, today: date) -> LineOutcome:
    decision = found.decision
    if decision.decision in _DONE:
        return LineOutcome(asked, decision, _DONE[decision.decision], *_removal(asked, decision, later))
    if decision.until is not None and decision.until < today:
        return LineOutcome(asked, decision, ENDED, why=f"it ended on {decision.until}")
    state = KEPT if decision.until is None else EXCEPTION
    silent, now = later.silent(asked), later.line(asked)
    if silent or now is None:
        return LineOutcome(asked, decision, state, why="" if silent else "it is not there any more")
    if "?" in now.line.rights:
        return LineOutcome(asked, decision, state, why=_BLIND)
    moved = [*_moved(asked, now, found, later)]
    return LineOutcome(asked, decision, REOPENED if moved else state, why="; ".join(moved))


def _moved(asked: CampaignLine, now: CampaignLine, found: StandingDecision, later: LaterState) -> Iterator[str]:
    """Yield what is otherwise than it was when it was decided on."""
    if now.line.path != found.decision.path:
        yield f"its path has changed ({_told(asked)} before, {_told(now)} now)"
    zone, group = asked.line.zone, asked.line.subject
    if asked.line.subject_kind != GROUP:
        return
    before, people = (groups.get(zone, {}).get(group) for groups in (found.groups, later.groups))
    if people is None:
        return
    new = sorted({*people} - {*(before or ())})
    if new:
        yield f"group {group} has people that it was not seen to have: {', '.join(new)}"


def _told(asked: CampaignLine) -> str:
    line = asked.line
    return f"{line.rights} in {line.repositories}, since {line.since or 'not known'}"


def _removal(asked: CampaignLine, decision: Decision, later: LaterState) -> tuple[str, str]:
    """Return whether what was to go is gone, and why that is said."""
    silent, now = later.silent(asked), later.line(asked)
    if silent:
        return (silent, "") if silent == NOT_LOOKED else (UNKNOWN, silent)
    if now is None:
        ways = [f"{one.line.binding_kind} {one.line.binding} ({one.line.subject})" for one in later.others(asked)]
        return GONE, f"the subject still has access there by {', '.join(ways)}" if ways else ""
    if not later.since(asked, decision.on):
        return NOT_LOOKED, ""
    if not _certain(now):
        return UNKNOWN, _BLIND
    if decision.decision == "reduce" and _less(asked, now):
        return REDUCED, f"{_told(asked)} before, {_told(now)} now"
    return STILL, ""


def _less(before: CampaignLine, now: CampaignLine) -> bool:
    """Say whether a line gives less than it did, and nothing that it did not."""
    rights = [{*one.line.rights.replace("?", "").split(", ")} for one in (before, now)]
    places = [{*one.line.repositories.split(", ")} for one in (before, now)]
    covered = rights[1] <= rights[0] and (EVERY in places[0] or places[1] <= places[0])
    return covered and (rights[0] != rights[1] or places[0] != places[1])
