"""Tables as CSV: RFC 4180, UTF-8, and harmless in a spreadsheet, unless the configuration wants it otherwise."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audit.config.model import CsvConfig
from audit.tables.model import SCHEMAS, Column, Table
from audit.tables.spreadsheet import neutral
from reports.rows import chunks

# What may need one of the two, for RE2, which looks at a whole column at once: white space has more than one form.
_LOOK: Final = r"""^[^0-9A-Za-z]|["{}\r\n]"""
USUAL: Final = CsvConfig()
_BOM: Final = b"\xef\xbb\xbf"


def cell(text: str, form: CsvConfig = USUAL) -> str:
    """Return one CSV cell: neutralised if so wanted, and quoted where RFC 4180 asks for it."""
    text = neutral(text) if form.neutral else text
    quoted = any(mark in text for mark in ('"', form.delimiter, "\r", "\n"))
    return '"' + text.replace('"', '""') + '"' if quoted else text


def csv_chunks(name: str, tables: Sequence[Table], form: CsvConfig = USUAL) -> Iterator[bytes]:
    """Yield the CSV of several tables `name` (one a zone) under one header line, in chunks of bytes."""
    header = form.delimiter.join(column.name for column in SCHEMAS[name])
    yield (_BOM if form.bom else b"") + f"{header}\r\n".encode()

    def writes(column: Column, texts: list[str]) -> pa.Array:
        # A number that begins with a minus is no formula.
        return pa.array(texts, type=pa.large_string()) if column.type == "count" else _cells(texts, form)

    yield from chunks(name, tables, writes, ("", form.delimiter, "\r\n"))


def _cells(texts: list[str], form: CsvConfig) -> pa.Array:
    """Return `cell` of each text; most need nothing done, and that is seen without looking at them one by one."""
    array = pa.array(texts, type=pa.large_string())
    look = _LOOK.format(re.escape(form.delimiter))
    odd = np.flatnonzero(pc.match_substring_regex(array, look).to_numpy(zero_copy_only=False)).tolist()
    if not odd:
        return array
    for at in odd:
        texts[at] = cell(texts[at], form)
    return pa.array(texts, type=pa.large_string())
