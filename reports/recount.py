"""Files of a run, read again: their SHA-256, size and rows, as anybody would count them who knows only the formats."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from audit.findings import decode_findings

_CHUNK: Final = 1 << 20


def digest_and_size(path: Path) -> tuple[str, int]:
    """Return the SHA-256 (hex) of a file and its size in bytes. Raises OSError."""
    found, size = hashlib.sha256(), 0
    for chunk in _chunks(path):
        found.update(chunk)
        size += len(chunk)
    return found.hexdigest(), size


def rows_of(path: Path) -> int | None:
    """Return how many rows a file has; None for one that is no table, or cannot be read as what its name says."""
    count = _COUNTS.get(path.suffix)
    try:
        return count(path) if count else None
    except (OSError, ValueError, msgspec.MsgspecError):
        return None


def _csv(path: Path) -> int:
    """Count line ends outside of quotes, but for the header's; a quote in a cell is written twice."""
    lines, quoted = 0, False
    for chunk in _chunks(path):
        parts = chunk.split(b'"')
        lines += sum(part.count(b"\n") for part in parts[quoted::2])
        quoted ^= len(parts) % 2 == 0
    return lines - 1


def _lines(path: Path) -> int:
    return sum(chunk.count(b"\n") for chunk in _chunks(path))


def _parquet(path: Path) -> int:
    import pyarrow.parquet as pq

    rows: int = pq.ParquetFile(path).metadata.num_rows
    return rows


def _findings(path: Path) -> int:
    return len(decode_findings(path.read_bytes()))


_COUNTS: Final[Mapping[str, Callable[[Path], int]]] = {
    ".csv": _csv,
    ".jsonl": _lines,
    ".parquet": _parquet,
    ".json": _findings,
}


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
