"""Files of answers (workbook, CSV or YAML) -> their rows as strings, with the location of each row."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Final, NamedTuple
from zipfile import BadZipFile

from pydantic import BaseModel, ConfigDict, Field

from audit.campaigns.workbook import UNPACKED, AnswerSheet, sheets_of, unpacked_size
from audit.config.model_file import FileFormat, location, parse_model
from audit.config.yaml_reader import Document
from audit.errors import ConfigError

# The columns that make an answer.
ANSWERED: Final = ("decision", "until", "decided by", "decided on", "why", "ticket")
_NEEDED: Final = {"id", "decision"}
# Columns that identify a row or are compared, in addition to the id.
_COMPARED: Final = {"path", "zone", "namespace", "subject"}
_LARGEST: Final = 64 << 20  # bytes of a file


class Row(NamedTuple):
    """One row: its location for messages, and its cells by column name."""

    where: str
    cells: Mapping[str, str]


class Unreadable(Exception):
    """The rows of a file cannot be read; the message has a line for each reason."""


def rows_of(path: Path, data: bytes) -> list[Row]:
    """Return the rows of the file `path` with the content `data`. Raises Unreadable with a line for each mistake."""
    read = {".xlsx": _spreadsheet, ".csv": _csv, ".yaml": _yaml, ".yml": _yaml}.get(path.suffix.lower())
    if read is None:
        raise Unreadable("is not .xlsx, .csv or .yaml")
    if len(data) > _LARGEST:
        raise Unreadable(f"is larger than {_LARGEST >> 20} MiB")
    return list(read(path, data))


def _spreadsheet(path: Path, data: bytes) -> Iterator[Row]:
    """Yield the rows of each sheet with answers. Hidden answers are rejected, as a reader could not see them."""
    problems: list[str] = []
    try:
        size = unpacked_size(data)
        sheets = [_sheet(sheet, problems) for sheet in sheets_of(data)] if size <= UNPACKED else []
    except Exception as error:  # openpyxl raises many types for a damaged file
        what = "is not a workbook (.xlsx)" if isinstance(error, BadZipFile) else f"cannot be read: {error}"
        raise Unreadable(" ".join(what.split())[:300]) from error
    if size > UNPACKED:
        raise Unreadable(f"unpacks to more than {UNPACKED >> 20} MiB")
    if all(rows is None for rows in sheets):
        raise Unreadable("has no sheet with the columns id and decision")
    if problems:
        raise Unreadable("\n".join(problems))
    yield from (Row(f"{path.name}: {row.where}", row.cells) for rows in sheets for row in rows or ())


def _sheet(sheet: AnswerSheet, problems: list[str]) -> list[Row] | None:
    """Return the rows of a sheet; None if it has no answers. Add its mistakes to `problems`."""
    first = next(sheet.rows, None)
    header = {column: title.strip().lower() for column, title in first.cells.items()} if first else {}
    if first is None or not {*header.values()} >= _NEEDED:
        return None
    problems += [f"{sheet.name} row {first.number}: {what}" for what in _header_problems(header.values())]
    if sheet.hidden:
        problems.append(f"sheet {sheet.name} is hidden: show it, or delete it")
    rows = []
    for row in sheet.rows:
        cells = {title: row.cells.get(column, "") for column, title in header.items() if title}
        if row.hidden and cells["decision"]:
            problems.append(f"{sheet.name} row {row.number} is hidden: show it, or delete it")
        rows.append(Row(f"{sheet.name} row {row.number}", cells))
    return rows


def _header_problems(header: Iterable[str]) -> Iterator[str]:
    """Yield a message for each duplicate column of a decision, because it is unclear which of them is meant."""
    for title, count in Counter(header).items():
        if count > 1 and title in {*_NEEDED, *ANSWERED, *_COMPARED}:
            yield f"duplicate column: {title}"


def _csv(path: Path, data: bytes) -> Iterator[Row]:
    """Yield the rows of a CSV file with commas, or with semicolons as some spreadsheets write it."""
    import pandas as pd

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"is not UTF-8 (byte {error.start + 1}): save it as CSV UTF-8") from error
    first = text.partition("\n")[0]
    try:
        frame = pd.read_csv(
            BytesIO(text.encode()),
            header=None,
            dtype=str,
            na_filter=False,
            skip_blank_lines=False,
            sep=";" if first.count(";") > first.count(",") else ",",
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise Unreadable(" ".join(f"is not valid CSV: {error}".split())) from error
    lines = frame.itertuples(index=False)
    header = [str(title).strip().lower() for title in next(lines)]
    if not {*header} >= _NEEDED:
        raise Unreadable("does not have the columns id and decision")
    if problems := [f"line 1: {what}" for what in _header_problems(header)]:
        raise Unreadable("\n".join(problems))
    number = 1
    for line in lines:
        number += 1
        yield Row(f"{path.name}: line {number}", _cells(header, line))
        # A cell may hold several lines.
        number += sum(cell.count("\n") for cell in line)


def _cells(header: list[str], line: Any) -> dict[str, str]:
    return {name: text for name, text in zip(header, line, strict=False) if name}


class AnswerEntry(BaseModel):
    """One answer of a YAML file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    id: str = Field(description="Id of the line.")
    decision: str = Field(description="`keep`, `reduce`, `revoke` or `exception`.")
    until: str = Field(default="", description="Last day of an exception (YYYY-MM-DD).")
    decided_by: str = Field(description="User name of the reviewer.")
    decided_on: str = Field(description="Day of the decision (YYYY-MM-DD).")
    why: str = Field(default="", description="Reason.")
    ticket: str = Field(default="", description="Ticket.")
    path: str = Field(default="", description="Path of the line that the decision is about.")


class Answers(BaseModel):
    """A YAML file of answers."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    decisions: tuple[AnswerEntry, ...] = Field(description="The answers.")


def _yaml(path: Path, data: bytes) -> Iterator[Row]:
    places: list[str] = []

    def check(document: Document) -> list[str]:
        given = document.value.get("decisions") if isinstance(document.value, dict) else None
        count = len(given) if isinstance(given, list) else 0
        places.extend(f"{path.name}: {location(document, ('decisions', at))}".rstrip(": ") for at in range(count))
        return []

    example = "decisions: [{id: ID, decision: keep, decided_by: NAME, decided_on: YYYY-MM-DD}]"
    try:
        answers = parse_model(data.decode(), path, FileFormat(Answers, "answers", example, check=check, fix=""))
    except ConfigError as error:
        raise Unreadable("\n".join(error.mistakes)) from error
    except UnicodeDecodeError as error:
        raise Unreadable(f"is not UTF-8 (byte {error.start + 1})") from error
    for where, entry in zip(places, answers.decisions, strict=True):
        yield Row(where, {name.replace("_", " "): text for name, text in entry.model_dump().items()})
