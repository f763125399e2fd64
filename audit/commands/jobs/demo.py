"""`demo`: the reports on the zones that come with the program."""

from pathlib import Path
from typing import Final

from audit.command_line.options import RunOptions
from audit.command_line.result import Result
from audit.commands.jobs.report import report

_ZONES: Final = Path(__file__).parents[2] / "demo"


def demo(out: str) -> Result:
    """Report on the zones that come with the program."""
    return report(sorted(map(str, _ZONES.glob("demo-*"))), None, RunOptions(out=out))
