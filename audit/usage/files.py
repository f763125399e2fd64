"""Log files of any size -> requests: several at once, in bounded memory, each line damaged or not.

A file is plain, or packed with gzip, xz or bzip2. Large plain files are read in parts by several processes.
"""

import bz2
import gzip
import lzma
import os
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from multiprocessing import get_context
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from audit.errors import UsageError
from audit.regular_files import open_regular
from audit.usage.audit_log import AuditLog
from audit.usage.carriers import Unpacker
from audit.usage.damage import DamageFinder
from audit.usage.registry_log import RegistryLog
from audit.usage.requests import AUDIT, Damaged, Requests, Seen, Use, once

_CHUNK: Final = 256 << 10  # what is damaged in one makes a gap of its length
_LONGEST: Final = 16 << 20  # bytes of one line; what is longer is damaged
_PART: Final = 256 << 20  # bytes of a plain file that one process reads
UNNAMED: Final = "unnamed"  # pod of lines and files that do not name theirs: all are of one, as far as anybody knows
_POD: Final = (
    re.compile(r"/(?:openshift-image-registry)_(?P<pod>[^_/]+)_[^/]+/"),  # /var/log/pods/NAMESPACE_POD_UID/
    re.compile(r"/pods/(?P<pod>[^/]+)/[^/]+/"),  # must-gather
    re.compile(r"/(?P<pod>[^_/]+)_openshift-image-registry_[^/]+\.log"),  # /var/log/containers
    re.compile(r"(?P<pod>(?:kube|openshift|oauth)-(?:apiserver|server))"),  # audit logs
    re.compile(r"(?P<pod>image-registry-[0-9a-z]+-[0-9a-z]{5})(?![^./_])[^/]*$"),  # oc logs image-registry-… > ….log
)


class LogFile(AbstractContextManager["LogFile"], Protocol):
    """What is needed of a file, packed or not."""

    def read1(self, size: int) -> bytes:
        """Return some bytes, none at the end."""

    def readline(self, size: int) -> bytes:
        """Return a line."""

    def seek(self, position: int) -> int:
        """Go to a position."""


# Compressed files, by their first bytes.
_PACKED: Final[Mapping[bytes, Callable[[BinaryIO], LogFile]]] = {
    b"\x1f\x8b": gzip.open,
    b"\xfd7zXZ\x00": lzma.open,
    b"BZh": bz2.open,
}


class FilePart(NamedTuple):
    """Bytes `start` to `end` of a file; -1 is its end. With `root`, it was found in that folder."""

    path: str
    start: int = 0
    end: int = -1
    root: str = ""


class Read(NamedTuple):
    """What was read: each request once, in columns, and what its sources cover."""

    uses: list[Use]
    use: NDArray[np.int32]
    time: NDArray[np.int64]  # microseconds since 1970
    request: NDArray[np.uint64]
    registry: dict[str, Seen]  # by pod
    servers: dict[str, Seen]  # by API server
    damaged: Damaged


def read_files(paths: Iterable[Path], processes: int | None = None) -> Read:
    """Return what the log files, and those in the folders, at `paths` say. Raises UsageError for what is no log."""
    parts = [part for path in paths for part in _parts(path)]
    many = min(processes or os.cpu_count() or 1, len(parts))
    if many <= 1:
        return together([read_part(part) for part in parts])
    with ProcessPoolExecutor(many, mp_context=get_context("spawn")) as pool:
        return together(list(pool.map(read_part, parts)))


def _parts(path: Path) -> Iterator[FilePart]:
    """Yield the parts of a file, or of the files in a folder, sorted. Raises UsageError for what cannot be read."""
    if path.is_dir():
        inside = (Path(folder) / name for folder, _, names in os.walk(path) for name in names)
        for file in sorted(inside):
            try:
                found = [*_parts_of(file, path)]
            except OSError:
                found = [FilePart(str(file), root=str(path))]  # who reads it says why
            yield from found
        return
    try:
        yield from _parts_of(path)
    except OSError as error:
        fix = "--usage takes a log file or a folder"
        raise UsageError(f"{path}: {error.strerror or error}", fix=fix) from None


def _parts_of(path: Path, root: Path | None = None) -> Iterator[FilePart]:
    with open_regular(path, root) as file:
        size, packed = os.fstat(file.fileno()).st_size, _packed(file)
    of = str(root or "")
    if size <= _PART or packed:
        yield FilePart(str(path), root=of)
        return
    starts = range(0, size, _PART)
    yield from (FilePart(str(path), start, min(start + _PART, size), of) for start in starts)


def read_part(part: FilePart) -> Read:
    """Return what one part of a file says."""
    registry: defaultdict[str, Seen] = defaultdict(Seen)
    servers: defaultdict[str, Seen] = defaultdict(Seen)
    requests, damaged, finder = Requests(), Damaged(), DamageFinder()
    origin = _origin(part.path)
    unpacker = Unpacker(RegistryLog(requests, registry, damaged), AuditLog(requests, servers, damaged), damaged, origin)

    def sources() -> list[Seen]:
        return [*registry.values(), *servers.values()]

    count = 0
    try:
        with open_regular(Path(part.path), Path(part.root) if part.root else None) as file, _opened(file) as log:
            for lines in _chunks(log, part, damaged):
                unpacker.read(lines)
                finder.chunk(sources(), damaged=damaged.count > count)
                count = damaged.count
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        # What was read before counts; where it ends, a gap begins.
        damaged.add(f"{part.path}: {error}".encode())
        finder.chunk(sources(), damaged=True)
    unpacker.close()
    if damaged.count > count:
        finder.chunk(sources(), damaged=True)
    finder.end(sources())
    use, time, request = requests.columns()
    return Read(list(requests.uses), use, time, request, dict(registry), dict(servers), damaged)


def together(reads: Iterable[Read]) -> Read:
    """Return several parts as one, with each request once."""
    codes: dict[Use, int] = {}
    columns: list[tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.uint64]]] = []
    registry: defaultdict[str, Seen] = defaultdict(Seen)
    servers: defaultdict[str, Seen] = defaultdict(Seen)
    damaged = Damaged()
    for read in reads:
        code = np.array([codes.setdefault(use, len(codes)) for use in read.uses], dtype=np.int32)
        columns.append((code[read.use], read.time, read.request))
        for all_seen, seen in ((registry, read.registry), (servers, read.servers)):
            for name, more in seen.items():
                all_seen[name].update(more)
        damaged.extend(read.damaged)
    empty = (np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.uint64))
    use, time, request = (np.concatenate(column) for column in zip(empty, *columns, strict=True))
    use, time, request = _named(list(codes), *once(use, time, request))
    return Read(list(codes), use, time, request, dict(registry), dict(servers), damaged)


def _named(
    uses: list[Use], use: NDArray[np.int32], time: NDArray[np.int64], request: NDArray[np.uint64]
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.uint64]]:
    """Leave out requests without a name that another server logged with one: it created the object."""
    nameless = np.array([not item.repository and item.source == AUDIT for item in uses], dtype=bool)[use]
    keep = ~(nameless & np.isin(request, request[~nameless]))
    return use[keep], time[keep], request[keep]


def _packed(file: BinaryIO) -> bytes:
    """Return the first bytes of a compressed file, by which it is known; nothing for others."""
    head = file.read(6)
    file.seek(0)
    return next((start for start in _PACKED if head.startswith(start)), b"")


def _opened(file: BinaryIO) -> LogFile:
    packed = _packed(file)
    return _PACKED[packed](file) if packed else cast("LogFile", file)


def _chunks(file: LogFile, part: FilePart, damaged: Damaged) -> Iterator[bytes]:
    """Yield the whole lines that begin in a part of a file, some megabytes at a time."""
    position = part.start
    if position:
        file.seek(position - 1)
        position += len(file.readline(_LONGEST)) - 1
    rest = b""
    while part.end < 0 or position < part.end:
        # What a damaged packed file holds before the damage is read too: `read` would lose it.
        data = file.read1(_CHUNK if part.end < 0 else min(_CHUNK, part.end - position))
        position += len(data)
        if not data:
            break
        whole, line, begun = (rest + data).rpartition(b"\n")
        rest = begun
        if line:
            yield whole + line
        if len(rest) > _LONGEST:
            damaged.add(rest)
            rest = b""
    if part.end >= 0:
        rest += file.readline(_LONGEST)  # the line that the next part skips
    if rest:
        yield rest


def _origin(path: str) -> str:
    """Return the pod or server whose log a file is, by its path."""
    match = next((found for pattern in _POD if (found := pattern.search(path))), None)
    return match["pod"] if match else UNNAMED
