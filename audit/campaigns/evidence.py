"""The evidence of a review: for each line what was decided, by whom and when, and what became of it."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from audit.campaigns.campaign import ZoneBasis
from audit.campaigns.folder import CampaignFolder
from audit.campaigns.proof import LaterState, LineOutcome

JSON, CSV, SUMS = "decisions.json", "decisions.csv", "SHA256SUMS"
# Each column and what it means; the same names stand in the JSON.
COLUMNS: Final[Mapping[str, str]] = {
    "id": "Id of the line: of zone, namespace, subject, binding and role.",
    "zone": "Id of the zone.",
    "namespace": "Namespace; `*` is every one.",
    "organization": "Organization of the namespace.",
    "subject_kind": "`User`, `Group` or `ServiceAccount`.",
    "subject": "Whom the binding names; a group stands for its people.",
    "rights": "What it gave when the campaign began; `?` after a right that may be there.",
    "repositories": "In which repositories; `*` is every one.",
    "privileged": "`yes`: push, create or prune, or in every namespace.",
    "platform": "`yes`: the platform has it by itself.",
    "binding_kind": "Kind of the binding.",
    "binding": "Its name.",
    "role_kind": "Kind of the role that it refers to.",
    "role": "Name of that role.",
    "aggregated_from": "Roles from which the rights come into that role.",
    "since": "When the binding was created (RFC 3339).",
    "path": "Digest of what was decided on beside the id: rights, repositories, aggregation, and which binding it was.",
    "decision": "`keep`, `reduce`, `revoke` or `exception`; empty when nobody has decided.",
    "decided_by": "Who decided.",
    "decided_on": "On which day.",
    "until": "Last day of an exception.",
    "why": "Why.",
    "ticket": "Where it is written down.",
    "independent": "`yes`: it was not the reviewer's own access. `unknown`: the group's people were not seen.",
    "state": "`open`, `kept`, `reopened`, `exception`, `exception ended`, `revoked` or `reduced`.",
    "removal": "Of what was to go: `verified gone`, `verified` (reduced), `still there`, `unknown` (not seen), or `not "
    "looked at since`.",
    "outcome": "Both in words: `revoked, verified gone`.",
    "remark": "What was seen, where that needs saying: what has changed, why it is unknown, or that the subject has "
    "access there by another way.",
}


def evidence_json(reviewing: CampaignFolder, outcomes: Sequence[LineOutcome], later: LaterState, when: str) -> bytes:
    """Return the same with what it rests on: campaign, files of answers, and what was seen later."""
    campaign = reviewing.campaign
    head = {
        "format": "registry-audit review evidence",
        "version": 1,
        "written": when,
        "campaign_sha256": reviewing.sha256,
        "began": campaign.began,
        "due": campaign.due.isoformat(),
        "tool": campaign.tool,
        "began_with": [_basis(one) for one in campaign.basis],
        "looked_at_since": [_basis(one.basis) for one in later.zones.values()],
        "answers": [
            {"applied": record.applied, "name": source.name, "sha256": source.sha256}
            for record in reviewing.records
            for source in record.sources
        ],
        "not_asked_about": [one.line.id for one in later.added],
        "lines": [told(outcome) for outcome in outcomes],
    }
    return (json.dumps(head, indent=1) + "\n").encode()


def _basis(one: ZoneBasis) -> Mapping[str, object]:
    return {
        "zone": one.zone,
        "as_of": one.as_of,
        "state": one.state,
        "snapshot_sha256": one.sha256,
        "not_seen": list(one.gaps),
    }


def told(outcome: LineOutcome) -> dict[str, str]:
    """Return what the evidence says of a line, column by column."""
    line, decision = outcome.asked.line, outcome.decision
    said = {
        "organization": outcome.asked.organization,
        "privileged": "yes" if line.privileged else "no",
        "platform": "yes" if line.platform else "no",
        "decision": decision.decision if decision else "",
        "decided_by": decision.by if decision else "",
        "decided_on": decision.on.isoformat() if decision else "",
        "until": decision.until.isoformat() if decision and decision.until else "",
        "why": decision.why if decision else "",
        "ticket": decision.ticket if decision else "",
        "independent": decision.independent if decision else "",
        "state": outcome.state,
        "removal": outcome.removal,
        "outcome": outcome.said,
        "remark": outcome.why,
    }
    return {name: said[name] if name in said else str(getattr(line, name)) for name in COLUMNS}
