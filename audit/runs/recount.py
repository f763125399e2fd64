"""Counts the rows of the files of a run from their formats alone."""

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Final

import msgspec

from audit.findings.model import decode_findings


class _Results(msgspec.Struct):
    results: list[msgspec.Raw]


class _Sarif(msgspec.Struct):
    runs: tuple[_Results]


def rows_of(name: str, data: bytes) -> int | None:
    """Return the number of rows of a file; None when it is not a table, or not in the format of its suffix."""
    count = _COUNTS.get(PurePosixPath(name).suffix)
    try:
        return count(data) if count else None
    except (OSError, ValueError, msgspec.MsgspecError):
        return None


def _csv(data: bytes) -> int:
    """Count line ends outside of quotes, without the header; a quote in a cell is doubled."""
    if b'"' not in data:
        return data.count(b"\n") - 1
    return sum(part.count(b"\n") for part in data.split(b'"')[::2]) - 1


def _lines(data: bytes) -> int:
    return data.count(b"\n")


def _parquet(data: bytes) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: int = pq.ParquetFile(pa.BufferReader(data)).metadata.num_rows
    return rows


def _findings(data: bytes) -> int:
    return sum(map(len, decode_findings(data).values()))


_SARIF: Final = msgspec.json.Decoder(_Sarif)


def _sarif(data: bytes) -> int:
    return len(_SARIF.decode(data).runs[0].results)


_COUNTS: Final[Mapping[str, Callable[[bytes], int]]] = {
    ".csv": _csv,
    ".jsonl": _lines,
    ".parquet": _parquet,
    ".json": _findings,
    ".sarif": _sarif,
}
