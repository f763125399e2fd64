"""The manifest of a run: what was asked, what was seen and what not, and what was written. It is written last."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from audit.errors import STOPPED
from audit.runs import FORMAT, VERSION
from reports.run import RunInfo


@dataclass(frozen=True, slots=True)
class Written:
    """A file of the run: name (relative to the run's folder), size in bytes, SHA-256 (hex), rows (-1: not a table)."""

    name: str
    size: int
    sha256: str
    rows: int = -1


class Hashing:
    """Passes chunks through and hashes them, so that no file is read again."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        """Take what will be written."""
        self._chunks = chunks
        self._sha256 = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        """Yield the chunks."""
        for chunk in self._chunks:
            self._sha256.update(chunk)
            yield chunk

    @property
    def digest(self) -> str:
        """Return the SHA-256 (hex) of the chunks that went through."""
        return self._sha256.hexdigest()


def evidence_digest(files: Iterable[Written]) -> str:
    """Return the SHA-256 (hex) over the names and digests of a run's snapshots: two runs of equal facts share it."""
    lines = (f"{file.sha256}  {file.name}\n" for file in sorted(files, key=lambda file: file.name))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def manifest(run: RunInfo, files: Sequence[Written], *, stopped: bool = False) -> bytes:
    """Return the manifest of a run as JSON. `stopped`: the program was asked to stop before all was written."""
    content = {
        "format": FORMAT,
        "version": VERSION,
        "state": "stopped" if stopped else run.state,
        "as_of": run.as_of,
        "exit_code": STOPPED if stopped else run.exit_code,
        "run": asdict(run),
        "files": [asdict(file) for file in sorted(files, key=lambda file: file.name)],
    }
    return (json.dumps(content, indent=2) + "\n").encode()
