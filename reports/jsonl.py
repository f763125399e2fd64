"""Tables as JSON Lines: an object for each row, every value unchanged; an unknown count is null."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import pyarrow as pa

from audit.tables.model import Table
from audit.tables.schemas import Column
from reports.rows import chunks

_UNKNOWN: Final = "-1"


def jsonl_chunks(name: str, tables: Sequence[Table]) -> Iterator[bytes]:
    """Yield the rows of several tables `name` (one for each zone), in chunks of bytes."""
    return chunks(name, tables, _members, ("{", ",", "}\n"))


def _members(column: Column, texts: list[str]) -> pa.Array:
    """Return `"name":value` for each value of a column."""
    key = json.dumps(column.name)
    if column.type == "count":
        values = ["null" if text == _UNKNOWN else text for text in texts]
    else:
        values = [msgspec.json.encode(text).decode() for text in texts]
    return pa.array([f"{key}:{value}" for value in values], type=pa.large_string())
