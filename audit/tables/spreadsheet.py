"""Any text as the cell of a spreadsheet: never a formula, and nothing that a cell cannot hold."""

import re
from typing import Final

from audit.errors import printable

MARK: Final = "'"
LONGEST: Final = 32_767  # characters that a cell can hold
# Characters that show nothing: controls, joiners, directions, fillers, variation selectors and tags.
_INVISIBLE: Final = (
    "\\x00-\\x20\\x7f-\\xa0\\xad\\u034f\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u115f\\u1160"
    "\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u2800\\u3164\\ufe00-\\ufe0f\\ufeff"
    "\\uffa0\\ufff0-\\ufffb\\U000110bd\\U000110cd\\U00013430-\\U0001343f\\U0001bca0-\\U0001bca3"
    "\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff"
)
# What a spreadsheet may read as a formula, also after what cannot be seen and in full width; and our own mark.
_FORMULA: Final = re.compile(rf"[\s{_INVISIBLE}]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]|'")
_CUT: Final = " … (cut here: the CSV table has all)"
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
