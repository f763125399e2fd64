"""Whom a campaign does not cover: lines that nobody may decide on, and reviewers who have left."""

from collections.abc import Iterator, Sequence
from typing import Final

from audit.campaigns.campaign import Campaign, CampaignLine, ZoneLines, own
from audit.campaigns.proof import LaterState, LineOutcome

NO_REVIEWER: Final = "no reviewer covers it"
ONLY_OWN: Final = "each of its reviewers has this access"
OUTSIDE: Final = "outside of the campaign"


def uncovered(campaign: Campaign) -> Iterator[tuple[CampaignLine, str]]:
    """Yield the lines of a campaign that nobody may decide on, with the reason."""
    reviewers: dict[tuple[str, str, str], list[str]] = {}
    for entry in campaign.lines:
        place = (entry.line.zone, entry.organization, entry.line.namespace)
        if place not in reviewers:
            reviewers[place] = campaign.reviewers_of(entry)
        people = reviewers[place]
        if not people:
            yield entry, NO_REVIEWER
        elif all(own(entry.line, person, campaign.groups) == "yes" for person in people):
            yield entry, ONLY_OWN


def outside(campaign: Campaign, zones: Sequence[ZoneLines]) -> Iterator[tuple[CampaignLine, str]]:
    """Yield the lines of the zones that the campaign leaves out."""
    inside = {entry.line.id for entry in campaign.lines}
    for zone in zones:
        for name, entry in zone.lines.items():
            if name not in inside:
                yield entry, OUTSIDE


def left(campaign: Campaign, later: LaterState) -> list[str]:
    """Return the reviewers who had an account when the campaign began, and have none in any zone now.

    Nothing is said unless users and groups of all zones of the campaign were read again.
    """
    zones = [later.zones.get(basis.zone) for basis in campaign.basis]
    read = [zone for zone in zones if zone is not None and zone.lists_people]
    if len(read) < len(zones) or not zones:
        return []
    here = frozenset().union(*(zone.people for zone in read))
    return sorted(name for name in campaign.present if name in campaign.people and name not in here)


def waiting_for(campaign: Campaign, outcomes: Sequence[LineOutcome], gone: Sequence[str]) -> list[LineOutcome]:
    """Return the lines that wait for a decision of which every reviewer has left."""
    away = {*gone}
    return [
        outcome
        for outcome in outcomes
        if outcome.undecided and (who := {*campaign.reviewers_of(outcome.entry)}) and who <= away
    ]
