"""The evidence of a campaign: for each line what was decided, by whom and when, and what became of it."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from audit.campaigns.campaign import ZoneBasis
from audit.campaigns.folder import CampaignFolder
from audit.campaigns.proof import LaterState, LineOutcome
from audit.campaigns.stamping import patterns

JSON, CSV, SUMS = "decisions.json", "decisions.csv", "SHA256SUMS"
# Each column and its meaning; the JSON has the same names.
COLUMNS: Final[Mapping[str, str]] = {
    "id": "Id of the line: of zone, namespace, subject, binding and role.",
    "zone": "Id of the zone.",
    "namespace": "Namespace; `*` is all of them.",
    "organization": "Organization of the namespace.",
    "subject_kind": "`User`, `Group` or `ServiceAccount`.",
    "subject": "Subject of the binding; a group stands for its members.",
    "rights": "Rights when the campaign began; `?` marks a right that is not certain.",
    "lacks": "What the subject lacked, so that the registry refused it: `pull` or `push` for a push, `login` for all.",
    "repositories": "Repositories; `*` is all of them.",
    "privileged": "`yes`: push, create or prune, or a cluster-wide grant.",
    "risk": "The worst severity of the findings about it when the campaign began; empty: none.",
    "findings": "Titles of these findings.",
    "routes": "Other ways to access that it opened when the campaign began; `possible` and `unknown` are not certain.",
    "used": "Whether the access was used: `used`, `not used`, `not known`; empty: no logs were given.",
    "last_used": "When it was used last before the campaign began (RFC 3339).",
    "platform": "`yes`: a grant of the platform itself.",
    "binding_kind": "Kind of the binding.",
    "binding": "Name of the binding.",
    "role_kind": "Kind of its role.",
    "role": "Name of its role.",
    "aggregated_from": "Roles from which these rights are aggregated.",
    "since": "When the binding was created (RFC 3339).",
    "path": "Digest of what else the decision is about: rights, repositories, aggregation, and the binding itself.",
    "decision": "`keep`, `reduce`, `revoke` or `exception`; empty: not decided.",
    "decided_by": "Who decided.",
    "decided_on": "Day of the decision.",
    "until": "Last day of an exception.",
    "why": "Reason.",
    "ticket": "Ticket.",
    "independent": "`yes`: not the reviewer's own access. `unknown`: the members of the group were not read.",
    "state": "`open`, `kept`, `reopened`, `exception`, `exception ended`, `revoked` or `reduced`.",
    "removal": "Of access to be removed: `verified gone`, `verified` (reduced), `still there`, `unknown` (not read) or "
    "`not looked at since`.",
    "outcome": "State and removal together: `revoked, verified gone`.",
    "remark": "Explanation: what has changed, why it is unknown, or which other grant gives the same access.",
}


def evidence_json(reviewing: CampaignFolder, outcomes: Sequence[LineOutcome], later: LaterState, when: str) -> bytes:
    """Return the lines as JSON with their sources: the campaign, the files of answers, and later snapshots."""
    campaign = reviewing.campaign
    head = {
        "format": "registry-audit review evidence",
        "version": 1,
        "written": when,
        "campaign_sha256": reviewing.sha256,
        "began": campaign.began,
        "due": campaign.due.isoformat(),
        "tool": campaign.tool,
        "began_with": [_basis(basis) for basis in campaign.basis],
        "looked_at_since": [_basis(zone.basis) for zone in later.zones.values()],
        "answers": [
            {"applied": record.applied, "name": source.name, "sha256": source.sha256}
            for record in reviewing.records
            for source in record.sources
        ],
        "reviewers": [pattern.record() | {"stamped": pattern.stamped} for pattern in patterns(reviewing)],
        "not_asked_about": [entry.line.id for entry in later.added],
        "lines": [line_columns(outcome) for outcome in outcomes],
    }
    return (json.dumps(head, indent=1) + "\n").encode()


def _basis(basis: ZoneBasis) -> Mapping[str, object]:
    return {
        "zone": basis.zone,
        "as_of": basis.as_of,
        "state": basis.state,
        "snapshot_sha256": basis.sha256,
        "not_seen": list(basis.gaps),
    }


def line_columns(outcome: LineOutcome) -> dict[str, str]:
    """Return the columns of a line."""
    line, decision = outcome.entry.line, outcome.decision
    computed = {
        "organization": outcome.entry.organization,
        "risk": outcome.entry.risk,
        "findings": outcome.entry.findings,
        "routes": outcome.entry.routes,
        "used": outcome.entry.used,
        "last_used": outcome.entry.last_used,
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
        "outcome": outcome.text,
        "remark": outcome.why,
    }
    return {name: computed[name] if name in computed else str(getattr(line, name)) for name in COLUMNS}
