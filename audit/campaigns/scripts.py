"""Shell scripts with the commands of all decisions, one for each zone; without APPLY=yes they change nothing."""

from collections.abc import Iterator, Sequence
from typing import Final

from audit.campaigns.campaign import CampaignLine, ZoneLines
from audit.campaigns.proof import GONE, REDUCED, LaterState, LineOutcome
from audit.checks.bindings import DirectGrant
from audit.checks.remedies import RemovalCommands, quoted

ENDING: Final = ".sh"
_HEAD: Final = """\
#!/bin/bash
# What was decided to be revoked in zone {zone}: {count} commands.
# Without APPLY=yes, each command is printed and nothing is changed. Log in to the zone first: oc whoami --show-server
# For proof, collect the zone afterwards, and: registry-audit review status CAMPAIGN --snapshot RUN
set -u
failed=0
run() {{
    printf '%s\\n' "$*"
    [ "${{APPLY:-}}" = yes ] || return 0
    "$@" || failed=$((failed + 1))
}}
"""
_END: Final = """\
[ "${APPLY:-}" = yes ] || echo 'Nothing was changed: set APPLY=yes.' >&2
[ "$failed" = 0 ] || { echo "$failed commands failed" >&2; exit 1; }
"""


def zone_script(zone: ZoneLines, outcomes: Sequence[LineOutcome], later: LaterState) -> str:
    """Return the script of one zone; lines whose access is gone already, or has changed, are only comments."""
    remover = RemovalCommands(zone.snapshot)
    lines = [line for outcome in outcomes for line in _lines(outcome, later.line(outcome.entry), remover)]
    count = sum(line.startswith("run ") for line in lines)
    return "".join((_HEAD.format(zone=quoted(zone.zone), count=count), *(f"{line}\n" for line in lines), _END))


def pending(outcomes: Sequence[LineOutcome], zone: str) -> list[LineOutcome]:
    """Return the lines of a zone whose access is to be removed or reduced, and is not known to be."""
    return [
        outcome
        for outcome in outcomes
        if outcome.entry.line.zone == zone
        and outcome.state in {"revoked", "reduced"}
        and outcome.removal not in {GONE, REDUCED}
    ]


def _lines(outcome: LineOutcome, now: CampaignLine | None, remover: RemovalCommands) -> Iterator[str]:
    line, decision = outcome.entry.line, outcome.decision
    what = f"{line.id}: {line.subject_kind} {quoted(line.subject)} in {quoted(line.namespace)}"
    yield f"# {what}, {outcome.state} by {quoted(decision.by) if decision else 'nobody'}"
    if now is None:
        yield "#   it is gone already"
    elif decision is not None and now.line.path != decision.path:
        yield "#   it has changed since the decision: decide again (review status --todo)"
    elif outcome.state == "reduced":
        yield f"#   reduce it by hand: {now.line.binding_kind} {quoted(now.line.binding)} gives {now.line.rights}"
    else:
        yield from (f"run {command}" for command in remover.take_away(_grant(now)))


def _grant(entry: CampaignLine) -> DirectGrant:
    line = entry.line
    names = (
        line.namespace,
        line.subject_kind,
        line.subject,
        line.binding_kind,
        line.binding,
        line.role_kind,
        line.role,
    )
    return DirectGrant(*names, line.aggregated_from, line.repositories, 1)
