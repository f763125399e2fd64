"""The causes of findings as a summary in Markdown, for a ticket or a chat."""

from collections.abc import Iterable
from typing import Final

from audit.tables.model import Table
from reports.markdown import markdown

CAUSES: Final = "causes.md"
_CAUSES: Final = 10  # of each zone; all are in causes.csv
_LINES: Final = 12  # of a fix
_WIDTH: Final = 300  # characters of a line of a fix


def causes_summary(causes: Iterable[Table], closing: str) -> str:
    """Return a summary of the tables `causes` of a run; `closing` says what the first of them close."""
    lines = ["# Registry access: causes of findings", ""]
    tables = [table for table in causes if len(table)]
    lines += [f"{closing[0].upper()}{closing[1:]}." if tables else "No findings.", ""]
    for table in tables:
        lines += [f"## Zone {markdown(table.text('zone').strings()[0])}", ""]
        for number, row in enumerate(table.records()[:_CAUSES], 1):
            cells = {name: str(value) for name, value in row.items()}
            lines += [f"{number}. **{cells['severity']}**: {markdown(cells['detail'])}", ""]
            counts = f"{cells['findings']} findings, {cells['new']} new"
            remains = f"; remains: {markdown(cells['remains'])}" if cells["remains"] else ""
            lines += [f"   {counts}{remains}", "", *_block(cells["fix"]), ""]
        more = len(table) - _CAUSES
        lines += [f"and {more} more: causes.csv has all", ""] if more > 0 else []
    return "\n".join(lines).rstrip() + "\n"


def _block(fix: str) -> list[str]:
    """Return commands as an indented block, which no text in them can end."""
    if not fix:
        return []
    lines = fix.split("\n")
    more = len(lines) - _LINES
    shown = [line if len(line) <= _WIDTH else f"{line[:_WIDTH]} … (causes.csv has all)" for line in lines[:_LINES]]
    return [
        f"       {line}" for line in (*shown, *([f"# and {more} more lines: causes.csv has all"] if more > 0 else []))
    ]
