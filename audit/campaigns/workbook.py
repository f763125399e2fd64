"""Workbooks of answers -> the texts of their cells, sheet by sheet; only cells that exist are looked at."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, time
from io import BytesIO
from typing import Any, Final, NamedTuple
from zipfile import ZipFile

UNPACKED: Final = 1 << 28  # bytes of an unpacked workbook
FORMULA: Final = "=(a formula)"
# How a workbook writes a character as an escape, and with `_x005F_` an underscore that is none.
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
_TRUE: Final = {"1", "true"}


class SheetRow(NamedTuple):
    """The cells of a row that are not empty, by column (from 1)."""

    number: int
    hidden: bool
    cells: Mapping[int, str]


class AnswerSheet(NamedTuple):
    """A sheet, and its rows that have cells."""

    name: str
    hidden: bool
    rows: Iterator[SheetRow]


def unpacked_size(data: bytes) -> int:
    """Return the bytes that a workbook unpacks to. Raises BadZipFile when it is not one."""
    with ZipFile(BytesIO(data)) as packed:
        return sum(file.file_size for file in packed.infolist())


def sheets_of(data: bytes) -> Iterator[AnswerSheet]:
    """Yield the sheets of a workbook; their rows are to be read before the next sheet. Raises whatever openpyxl does.

    Formulas are not evaluated, nor is their cached value used.
    """
    from openpyxl import load_workbook
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

    book = load_workbook(BytesIO(data), read_only=True)
    for sheet in book.worksheets:
        if isinstance(sheet, ReadOnlyWorksheet):
            yield AnswerSheet(sheet.title, sheet.sheet_state != "visible", _rows(book, sheet))


def _rows(book: Any, sheet: Any) -> Iterator[SheetRow]:
    # The public iterators make every cell up to the last one, which may be XFD1048576, and do not tell hidden rows.
    from openpyxl.worksheet._reader import WorkSheetParser

    with sheet._get_source() as source:
        parser = WorkSheetParser(
            source,
            sheet._shared_strings,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        for number, cells in parser.parse():
            texts = {cell["column"]: _text(cell) for cell in cells if cell["value"] is not None}
            if texts:
                hidden = parser.row_dimensions.get(str(number), {}).get("hidden", "") in _TRUE
                yield SheetRow(number, hidden, texts)


def _text(cell: Mapping[str, Any]) -> str:
    """Return a cell as text; a date becomes YYYY-MM-DD."""
    value = cell["value"]
    if cell["data_type"] == "f":
        return FORMULA
    if isinstance(value, str):
        return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat(" ")
    return str(value) if isinstance(value, bool | int | float | time) else FORMULA
