"""Files of answers (workbook, CSV or YAML) -> their rows as text, each with its place."""

from collections.abc import Iterator, Mapping
from datetime import datetime, time
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zipfile import BadZipFile, ZipFile

from pydantic import BaseModel, ConfigDict, Field

from audit.config.model_file import FileFormat, location, parse_model
from audit.config.yaml_reader import Document
from audit.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

# The columns of an answer; other columns of a row are only compared.
ANSWERED: Final = ("decision", "until", "decided by", "decided on", "why", "ticket")
_NEEDED: Final = {"id", "decision"}
_LARGEST: Final = 64 << 20  # bytes of a file
_UNPACKED: Final = 1 << 30  # bytes of an unpacked workbook
_FORMULA: Final = "=(a formula)"


class Row(NamedTuple):
    """One row: its place for people, and its cells by the name of their column."""

    where: str
    cells: Mapping[str, str]


class Unreadable(Exception):
    """The rows of a file cannot be read; `str` gives the reasons, a line each."""


def rows_of(path: Path, data: bytes) -> list[Row]:
    """Return the rows of the file with the bytes `data`. Raises Unreadable with a line for each mistake."""
    read = {".xlsx": _spreadsheet, ".csv": _csv, ".yaml": _yaml, ".yml": _yaml}.get(path.suffix.lower())
    if read is None:
        raise Unreadable("is not .xlsx, .csv or .yaml")
    if len(data) > _LARGEST:
        raise Unreadable(f"is larger than {_LARGEST >> 20} MiB")
    return list(read(path, data))


def _spreadsheet(path: Path, data: bytes) -> Iterator[Row]:
    """Yield the rows of each sheet with answers."""
    found = False
    for name, frame in _sheets(data).items():
        lines = ([_text(cell) for cell in line] for line in frame.itertuples(index=False))
        header = [title.strip().lower() for title in next(lines, [])]
        if {*header} >= _NEEDED:
            found = True
            yield from (
                Row(f"{path.name}: {name} row {number}", _cells(header, line)) for number, line in enumerate(lines, 2)
            )
    if not found:
        raise Unreadable("has no sheet with the columns id and decision")


def _sheets(data: bytes) -> "dict[str, pd.DataFrame]":
    """Return all sheets. Formulas are not evaluated, nor is their cached value used."""
    import pandas as pd

    try:
        with ZipFile(BytesIO(data)) as packed:
            size = sum(one.file_size for one in packed.infolist())
        if size <= _UNPACKED:
            return pd.read_excel(
                BytesIO(data),
                sheet_name=None,
                header=None,
                dtype=object,
                na_filter=False,
                engine="openpyxl",
                engine_kwargs={"data_only": False},
            )
    except Exception as error:  # openpyxl raises many types for a damaged file
        what = "is not a workbook (.xlsx)" if isinstance(error, BadZipFile) else f"cannot be read: {error}"
        raise Unreadable(" ".join(what.split())[:300]) from error
    raise Unreadable(f"unpacks to more than {_UNPACKED >> 30} GiB")


def _text(cell: Any) -> str:
    """Return a cell as text; a date becomes YYYY-MM-DD."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == datetime.min.time() else cell.isoformat(" ")
    if isinstance(cell, bool | int | float | time):
        return str(cell)
    # Objects of openpyxl for formulas that fill several cells.
    return _FORMULA


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
        many = len(given) if isinstance(given, list) else 0
        places.extend(f"{path.name}: {location(document, ('decisions', at))}".rstrip(": ") for at in range(many))
        return []

    least = "decisions: [{id: ID, decision: keep, decided_by: NAME, decided_on: YYYY-MM-DD}]"
    try:
        answers = parse_model(data.decode(), path, FileFormat(Answers, "answers", least, check=check, fix=""))
    except ConfigError as error:
        raise Unreadable("\n".join(error.mistakes)) from error
    except UnicodeDecodeError as error:
        raise Unreadable(f"is not UTF-8 (byte {error.start + 1})") from error
    for where, entry in zip(places, answers.decisions, strict=True):
        yield Row(where, {name.replace("_", " "): text for name, text in entry.model_dump().items()})
