"""The review pack: one workbook for reviewers. No cell is a formula, whatever names contain.

Rows are written one after the other and not kept in memory. A sheet that exceeds the limit of a workbook is continued
in another sheet, and the first sheet says so. Equal runs give equal bytes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from audit.tables.spreadsheet import LONGEST, plain
from reports.pack import DECISIONS, Cell, Sheet

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

ROWS: Final = 1_048_576  # of a sheet at most, with its header
_CHUNK: Final = 1 << 20
_OPTIONS: Final = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}


@dataclass(frozen=True, slots=True)
class Split:
    """A sheet that exceeded the limit: its name, its rows, and the number of sheets that hold them."""

    name: str
    rows: int
    sheets: int


def xlsx_chunks(sheets: Sequence[Sheet], when: str, limit: int = ROWS) -> Iterator[bytes]:
    """Yield the workbook of the given sheets in chunks; `when` (RFC 3339) is its time of creation."""
    from xlsxwriter import Workbook

    with TemporaryDirectory(prefix="registry-audit-") as folder:
        path = Path(folder) / "review.xlsx"
        with Workbook(str(path), {**_OPTIONS, "tmpdir": folder}) as book:
            book.set_properties({"title": "Registry access review", "created": _time(when)})
            _Book(book, limit).write(sheets)
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk


def splits(sheets: Sequence[Sheet], limit: int = ROWS) -> list[Split]:
    """Return the sheets that were split."""
    return [Split(sheet.name, sheet.rows, parts) for sheet in sheets if (parts := _parts(sheet, limit)) > 1]


def _parts(sheet: Sheet, limit: int) -> int:
    """Return how many sheets are needed, each with its header."""
    return max(-(-sheet.rows // (limit - 1)), 1)


class _Book:
    """Writes sheets into a workbook."""

    def __init__(self, book: "Workbook", limit: int) -> None:
        self._book = book
        self._limit = limit
        self._bold = book.add_format({"bold": True, "bottom": 1, "valign": "top"})
        self._day = book.add_format({"num_format": "yyyy-mm-dd"})

    def write(self, sheets: Sequence[Sheet]) -> None:
        """Write all sheets, split where needed."""
        notes = [
            f"{split.name}: {split.rows:,} rows, in {split.sheets} sheets" for split in splits(sheets, self._limit)
        ]
        for sheet in sheets:
            rows = iter(sheet.lines(notes))
            for part in range(1, _parts(sheet, self._limit) + 1):
                name = sheet.name if part == 1 else f"{sheet.name} ({part})"
                self._part(sheet, self._book.add_worksheet(name), rows)

    def _part(self, sheet: Sheet, page: "Worksheet", rows: Iterator[Sequence[Cell]]) -> None:
        """Write as many rows as fit."""
        for column, width in enumerate(sheet.widths):
            page.set_column(column, column, width)
        page.freeze_panes(1, 0)
        for column, title in enumerate(sheet.columns):
            page.write_string(0, column, title, self._bold)
        last = self._rows(page, rows)
        page.autofilter(0, 0, max(last, 1), len(sheet.columns) - 1)
        for column, kind in sheet.inputs.items():
            self._validate(page, column, kind, max(last, 1))

    def _rows(self, page: "Worksheet", rows: Iterator[Sequence[Cell]]) -> int:
        """Write rows until the sheet is full or no rows are left; return the number of the last one."""
        at = 0
        text, number = page.write_string, page.write_number
        while at < self._limit - 1:
            row = next(rows, None)
            if row is None:
                return at
            at += 1
            for column, cell in enumerate(row):
                if isinstance(cell, str):
                    if cell:
                        text(at, column, cell if cell.isprintable() and len(cell) <= LONGEST else plain(cell))
                else:
                    number(at, column, cell)
        return at

    def _validate(self, page: "Worksheet", column: int, kind: str, last: int) -> None:
        """Allow only decisions, or only days, in a column."""
        choice: dict[str, Any] = {"validate": "list", "source": list(DECISIONS), "error_title": "Decision"}
        if kind == "day":
            page.set_column(column, column, 12, self._day)
            choice = {"validate": "date", "criteria": ">=", "value": datetime(2020, 1, 1), "error_title": "Day"}  # noqa: DTZ001
        page.data_validation(1, column, last, column, choice | {"ignore_blank": True})


def _time(when: str) -> datetime:
    return datetime.fromisoformat(when).replace(tzinfo=None)
