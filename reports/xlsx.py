"""The review pack: one workbook for reviewers. No cell is a formula, whatever names contain.

XlsxWriter makes a workbook with the headers alone; the rows are put into its sheets as they are written, one after the
other, and not kept in memory. A sheet that exceeds the limit of a workbook is continued in another sheet, and the first
sheet says so. Equal runs give equal bytes.
"""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from string import ascii_uppercase
from tempfile import TemporaryDirectory
from typing import IO, Any, Final
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from audit.tables.spreadsheet import LONGEST, plain
from reports.pack import DECISIONS, Cell, Sheet

ROWS: Final = 1_048_576  # of a sheet at most, with its header
_CHUNK: Final = 1 << 20
_PACK: Final = 4  # of zlib's levels: nearly as small as the usual one, in half its time
_BATCH: Final = 1_000  # rows that are written at once
_KEPT: Final = 1 << 16  # texts whose form is kept: most stand in many rows
_SHEETS: Final = "xl/worksheets/sheet"
_END: Final = b"</sheetData>"
# A text that looks like the escape of a character is escaped itself, so that it comes back as it was.
_ESCAPED: Final = re.compile("_(?=x[0-9A-Fa-f]{4}_)")


@dataclass(frozen=True, slots=True)
class Split:
    """A sheet that exceeded the limit: its name, its rows, and the number of sheets that hold them."""

    name: str
    rows: int
    sheets: int


def xlsx_chunks(sheets: Sequence[Sheet], when: str, limit: int = ROWS) -> Iterator[bytes]:
    """Yield the workbook of the given sheets in chunks; `when` (RFC 3339) is its time of creation."""
    notes = [f"{split.name}: {split.rows:,} rows, in {split.sheets} sheets" for split in splits(sheets, limit)]
    # The first sheet has a line for each note.
    lengths = [sheet.rows + (0 if at else len(notes)) for at, sheet in enumerate(sheets)]
    parts = [(sheet, _lengths(rows, limit)) for sheet, rows in zip(sheets, lengths, strict=True)]
    with TemporaryDirectory(prefix="registry-audit-") as folder:
        path = Path(folder) / "review.xlsx"
        with ZipFile(_empty(parts, when)) as empty, ZipFile(path, "w", ZIP_DEFLATED, compresslevel=_PACK) as book:
            content = _content(parts, notes)
            for name in empty.namelist():
                with book.open(name, "w", force_zip64=True) as entry:
                    if name.startswith(_SHEETS):
                        _fill(entry, empty.read(name), *next(content))
                    else:
                        entry.write(empty.read(name))
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk


def splits(sheets: Sequence[Sheet], limit: int = ROWS) -> list[Split]:
    """Return the sheets that were split."""
    parts = [(sheet, len(_lengths(sheet.rows, limit))) for sheet in sheets]
    return [Split(sheet.name, sheet.rows, count) for sheet, count in parts if count > 1]


def _lengths(rows: int, limit: int) -> list[int]:
    """Return how many rows each of the sheets that are needed has, beside its header."""
    full = limit - 1
    return [min(full, rows - at) for at in range(0, max(rows, 1), full)]


def _content(
    parts: Sequence[tuple[Sheet, Sequence[int]]], notes: Sequence[str]
) -> Iterator[tuple[int, Iterator[Sequence[Cell]], int]]:
    """Yield the number of columns, the rows and their number for each sheet of the workbook, in their order."""
    for sheet, counts in parts:
        rows = iter(sheet.lines(notes))
        for count in counts:
            yield len(sheet.columns), islice(rows, count), count


def _empty(parts: Sequence[tuple[Sheet, Sequence[int]]], when: str) -> IO[bytes]:
    """Return a workbook with the headers of all sheets, and all else that their rows need."""
    from xlsxwriter import Workbook

    data = io.BytesIO()
    with Workbook(data, {"in_memory": True}) as book:
        book.set_properties({"title": "Registry access review", "created": _time(when)})
        bold = book.add_format({"bold": True, "bottom": 1, "valign": "top"})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for sheet, counts in parts:
            for part, count in enumerate(counts, 1):
                page = book.add_worksheet(sheet.name if part == 1 else f"{sheet.name} ({part})")
                for column, (title, width) in enumerate(zip(sheet.columns, sheet.widths, strict=True)):
                    page.set_column(column, column, width)
                    page.write_string(0, column, title, bold)
                page.freeze_panes(1, 0)
                page.autofilter(0, 0, max(count, 1), len(sheet.columns) - 1)
                for column, kind in sheet.inputs.items():
                    if kind == "day":
                        page.set_column(column, column, 12, day)
                    page.data_validation(1, column, max(count, 1), column, _allowed(kind))
    return data


def _allowed(kind: str) -> dict[str, Any]:
    """Return the rule that allows only decisions, or only days, in a cell."""
    rule: dict[str, Any] = {"validate": "list", "source": list(DECISIONS), "error_title": "Decision"}
    if kind == "day":
        rule = {"validate": "date", "criteria": ">=", "value": datetime(2020, 1, 1), "error_title": "Day"}  # noqa: DTZ001
    return rule | {"ignore_blank": True}


def _fill(entry: IO[bytes], empty: bytes, width: int, rows: Iterator[Sequence[Cell]], count: int) -> None:
    """Write the XML of a sheet with a header, and its rows after that."""
    letters = [*islice(_letters(), width)]
    before, after = empty.split(_END)
    area = f'<dimension ref="A1:{letters[-1]}{count + 1}"/>'
    entry.write(re.sub(rb"<dimension [^>]*>", area.encode(), before, count=1))
    texts = _Texts()
    at = 1
    while batch := [*islice(rows, _BATCH)]:
        made: list[str] = []
        for row in batch:
            at += 1
            made.append(f'<row r="{at}">')
            made += [
                f'<c r="{letter}{at}"{texts[cell]}</c>'
                if isinstance(cell, str)
                else f'<c r="{letter}{at}"><v>{cell}</v></c>'
                for letter, cell in zip(letters, row, strict=True)
                if cell != ""
            ]
            made.append("</row>")
        entry.write("".join(made).encode())
    entry.write(_END + after)


def _letters() -> Iterator[str]:
    """Yield the names of columns."""
    yield from ascii_uppercase
    yield from (first + letter for first in ascii_uppercase for letter in ascii_uppercase)


class _Texts(dict[str, str]):
    """The form of each text in a cell, between the cell's place and its end."""

    def __missing__(self, text: str) -> str:
        if len(self) >= _KEPT:
            self.clear()
        shown = text if text.isprintable() and len(text) <= LONGEST else plain(text)
        space = "" if shown == shown.strip() else ' xml:space="preserve"'
        form = f' t="inlineStr"><is><t{space}>{escape(_ESCAPED.sub("_x005F_", shown))}</t></is>'
        self[text] = form
        return form


def _time(when: str) -> datetime:
    return datetime.fromisoformat(when).replace(tzinfo=None)
