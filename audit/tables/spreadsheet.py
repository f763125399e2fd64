"""Any text as the cell of a spreadsheet: never a formula, and nothing that a cell cannot hold."""

import re
from typing import Final

from audit.errors import printable

MARK: Final = "'"
LONGEST: Final = 32_767  # characters that a cell can hold
# What a spreadsheet may read as a formula, also after spaces and in full width; and our own mark.
_FORMULA: Final = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]|'")
_CUT: Final = " … (cut here: the table in findings.csv or access.csv has all)"
_BAD: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def neutral(text: str) -> str:
    """Return `text` so that no spreadsheet takes it for a formula: with a leading apostrophe where it might.

    Reversible: a text that begins with an apostrophe gets another one, so removing one always gives the original.
    """
    return MARK + text if _FORMULA.match(text) else text


def original(cell: str) -> str:
    """Return the text that `neutral` made `cell` of."""
    return cell.removeprefix(MARK)


def plain(text: str) -> str:
    """Return a text that a cell can hold: what a workbook cannot is spelled out, and what is too long is cut."""
    text = "\n".join(printable(line) for line in text.split("\n"))
    text = _BAD.sub(lambda match: ascii(match[0])[1:-1], text)
    return text if len(text) <= LONGEST else text[: LONGEST - len(_CUT)] + _CUT
