"""`checks`: every check with its severity."""

from dataclasses import asdict

from audit.checks.check import Check
from audit.checks.rules.registry import CHECKS, GROUPS
from audit.command_line.result import Grid, Result


def checks() -> Result:
    """Return all checks, in the order of reports."""
    group_of = {check.id: group for group, members in GROUPS.items() for check in members}
    return Result(
        value=lambda: [{"group": group_of[check.id], **_record(check)} for check in CHECKS.values()],
        text=[Grid(["check", "severity", "title"], [[c.id, c.severity, c.title] for c in CHECKS.values()])],
    )


def _record(check: Check) -> dict[str, object]:
    fields = {name: value for name, value in asdict(check).items() if name != "find"}
    return {**fields, "controls": check.controls, "documentation": check.anchor}
