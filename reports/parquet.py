"""Tables as Parquet: typed, dictionary-encoded, and partitioned so that many runs can be read as one table."""

import json
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from audit.tables.model import Numbers, Table, Text
from audit.tables.schemas import ANSWERS, OF_THE_RUN, SCHEMAS, VERSION, Column

FOLDER: Final = "parquet"
# Columns that the folders hold and the files do not, as Hive partitions.
PARTITIONS: Final = ("run", "zone")
_UNKNOWN: Final = -1
_ABOUT: Final = "registry-audit"  # the key of a file's metadata


def place_of(table: str, run_id: str, zone: str = "") -> str:
    """Return the path of a zone's part of a table, relative to the run's folder, in the naming of Hive partitions.

    A table of the whole run (OF_THE_RUN) has one part; its rows have the zone.
    """
    part = "" if table in OF_THE_RUN else f"/zone={quote(zone, safe='')}"
    return f"{FOLDER}/{table}/run={quote(run_id, safe='')}{part}/data.parquet"


def parquet_bytes(table: Table) -> bytes:
    """Return a zone's table as a Parquet file; an unknown count is null."""
    partitions = () if table.name in OF_THE_RUN else PARTITIONS
    columns = [column for column in SCHEMAS[table.name] if column.name not in partitions]
    arrays = [_array(column, table.columns[column.name]) for column in columns]
    about = {_ABOUT: json.dumps({"table": table.name, "version": VERSION})}
    made = pa.table(arrays, names=[column.name for column in columns]).replace_schema_metadata(about)
    sink = pa.BufferOutputStream()
    pq.write_table(made, sink, compression="zstd")
    data = bytes(sink.getvalue().to_pybytes())
    del arrays, made, sink
    pa.default_memory_pool().release_unused()
    return data


def version_in(schema: pa.Schema) -> int:
    """Return the version of the tables that a Parquet file was written with; 0 if it does not say."""
    try:
        about = json.loads((schema.metadata or {})[_ABOUT.encode()])
        return int(about["version"])
    except (KeyError, TypeError, ValueError):
        return 0


def _array(column: Column, values: Text | Numbers) -> pa.Array:
    if isinstance(values, Text):
        compact = values.compact()
        return _dictionary(compact.codes, compact.values)
    if column.type == "answer":
        return _dictionary(values, ANSWERS)
    return pa.array(values, mask=values == _UNKNOWN)


def _dictionary(codes: Numbers, values: Sequence[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(values, type=pa.string()))
