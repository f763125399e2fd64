"""Tables as CSV: RFC 4180, UTF-8, and harmless in a spreadsheet, unless configured otherwise."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audit.config.model import CsvConfig
from audit.tables.model import Table
from audit.tables.schemas import SCHEMAS, Column
from audit.tables.spreadsheet import neutral
from reports.rows import chunks

# Texts that may need quoting or neutralizing; for RE2, which scans a whole column at once.
_SPECIAL: Final = r"""^[^0-9A-Za-z]|["{}\r\n]"""
USUAL: Final = CsvConfig()
_BOM: Final = b"\xef\xbb\xbf"


def cell(text: str, form: CsvConfig = USUAL) -> str:
    """Return one CSV cell, neutralized if configured, and quoted where RFC 4180 requires it."""
    text = neutral(text) if form.neutral else text
    quoted = any(mark in text for mark in ('"', form.delimiter, "\r", "\n"))
    return '"' + text.replace('"', '""') + '"' if quoted else text


def csv_chunks(name: str, tables: Sequence[Table], form: CsvConfig = USUAL) -> Iterator[bytes]:
    """Yield the CSV of several tables `name` (one for each zone) with one header line, in chunks of bytes."""
    header = form.delimiter.join(column.name for column in SCHEMAS[name])
    yield (_BOM if form.bom else b"") + f"{header}\r\n".encode()

    def writes(column: Column, texts: list[str]) -> pa.Array:
        # A number with a minus sign is not a formula.
        return pa.array(texts, type=pa.large_string()) if column.type == "count" else _cells(texts, form)

    yield from chunks(name, tables, writes, ("", form.delimiter, "\r\n"))


def _cells(texts: list[str], form: CsvConfig) -> pa.Array:
    """Return `cell` of each text. Most texts need no change, which a scan of the whole column shows."""
    array = pa.array(texts, type=pa.large_string())
    special = _SPECIAL.format(re.escape(form.delimiter))
    odd = np.flatnonzero(pc.match_substring_regex(array, special).to_numpy(zero_copy_only=False)).tolist()
    if not odd:
        return array
    for at in odd:
        texts[at] = cell(texts[at], form)
    return pa.array(texts, type=pa.large_string())
