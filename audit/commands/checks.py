"""`checks`: what is looked for."""

from dataclasses import asdict

from audit import console
from audit.checks.check import Check
from audit.checks.rules.registry import CHECKS, GROUPS
from audit.errors import DONE


def checks(*, as_json: bool) -> int:
    """Print all checks, in the order in which they are told."""
    if as_json:
        group_of = {check.id: group for group, held in GROUPS.items() for check in held}
        console.result_json([{"group": group_of[one.id], **_plain(one)} for one in CHECKS.values()])
    else:
        console.table(["check", "severity", "title"], [[one.id, one.severity, one.title] for one in CHECKS.values()])
    return DONE


def _plain(check: Check) -> dict[str, object]:
    said = {name: value for name, value in asdict(check).items() if name != "find"}
    return {**said, "documentation": check.anchor}
