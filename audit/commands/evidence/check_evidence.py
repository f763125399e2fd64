"""`check-evidence`: are runs as they were written."""

from pathlib import Path

from audit.command_line.result import Result
from audit.exit_codes import of_evidence
from audit.runs.check import check_evidence as check_runs
from audit.runs.head import load_head
from audit.runs.signing import Verifier

_KEYS = ("run", "what")


def check_evidence(place: str, public_key: Path | None, head: Path | None = None) -> Result:
    """Return what is invalid in the run, or in the runs, at `place`."""
    checked = check_runs(place, Verifier(public_key) if public_key else None, load_head(head) if head else None)
    count = "1 run" if len(checked.runs) == 1 else f"{len(checked.runs)} runs"
    problems = "1 problem" if len(checked.problems) == 1 else f"{len(checked.problems)} problems"
    return Result(
        value=lambda: {
            "holds": not checked.problems,
            "signatures": "checked" if public_key else "not checked",
            "runs": checked.runs,
            "problems": [dict(zip(_KEYS, problem, strict=True)) for problem in checked.problems],
            "remarks": [dict(zip(_KEYS, remark, strict=True)) for remark in checked.remarks],
        },
        text=[
            *(f"{run}: {what}" for run, what in checked.problems),
            f"{count} checked: {problems if checked.problems else 'all evidence is valid'}",
        ],
        notes=[f"{run}: {what}" for run, what in checked.remarks],
        exit_code=of_evidence(valid=not checked.problems),
    )
