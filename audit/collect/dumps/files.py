"""A folder, an archive, one file or standard input -> the files of a dump and their bytes.

Archives are read as streams and nothing is written. Only regular files are opened, so that nothing waits for a FIFO or
a device. Names and sizes in them are hostile.
"""

import bz2
import gzip
import io
import lzma
import os
import stat
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, cast

from audit.collect.decode import CollectError
from audit.collect.dumps.names import is_archive, is_data, tree_place, tree_root
from audit.regular_files import LARGEST, read_regular, too_large

STDIN: Final = "-"
MAX_UNPACKED: Final = LARGEST  # bytes of a file, and that all files of an archive together may unpack to
_MAX_NESTED: Final = 3  # archives in archives
_TOO_MUCH: Final = f"unpacks to {too_large()}"
_ENDED: Final = "the compressed file is truncated"
_PACKED: Final[dict[bytes, Callable[[BinaryIO], BinaryIO]]] = {
    b"\x1f\x8b": lambda file: cast("BinaryIO", gzip.GzipFile(fileobj=file)),
    b"\xfd7zXZ\0": lambda file: cast("BinaryIO", lzma.LZMAFile(file)),  # noqa: SIM115  its reader has no file
    b"BZh": lambda file: cast("BinaryIO", bz2.BZ2File(file)),
}
_ZIP: Final = b"PK\x03\x04"
_ZIP_HEADER: Final = 30  # bytes before the name in the header of a member
_ZIP_UTF8: Final = 0x800  # the flag of a name in UTF-8
_ZIP_END: Final = b"PK\x05\x06"  # the record that ends an archive
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_ERRORS: Final = (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, RuntimeError)


class DumpFile(NamedTuple):
    """One file of a dump: its name in it, when it was changed (seconds since 1970), and how to read it.

    `read` raises CollectError.
    """

    name: str
    changed: float
    read: Callable[[], bytes]


def dump_files(place: Path) -> Iterator[DumpFile]:
    """Yield the files at `place`, sorted by name, that may hold objects; archives are opened. Raises CollectError."""
    if str(place) == STDIN:
        data = sys.stdin.buffer.read(MAX_UNPACKED + 1)
        if len(data) > MAX_UNPACKED:
            raise CollectError("malformed", f"{too_large()}: give a folder of files")
        yield from _opened(DumpFile("standard input", datetime.now(UTC).timestamp(), lambda: data), 0)
    elif not place.exists():
        raise CollectError("missing", f"there is no folder {place}")
    elif place.is_dir():
        for file in _folder(place):
            if is_archive(file.name) and not tree_root(file.name):
                yield from _opened(file, 0)
            else:
                yield file
    else:
        yield from _opened(DumpFile(place.name, _changed(place), lambda: _regular(place, place.parent)), 0)


def unpacked(data: bytes) -> bytes:
    """Return what a compressed file holds, or the bytes as they are. Raises CollectError."""
    for _ in range(_MAX_NESTED):
        if data.startswith(_ZSTD):
            raise CollectError("malformed", "compressed with zstd, which is not read: unpack it first")
        open_packed = next((opener for mark, opener in _PACKED.items() if data.startswith(mark)), None)
        if not open_packed:
            break
        try:
            data = open_packed(io.BytesIO(data)).read(MAX_UNPACKED + 1)
        except _ERRORS as error:
            raise _unreadable(error) from error
        if len(data) > MAX_UNPACKED:
            raise CollectError("malformed", _TOO_MUCH)
    return data


def _unreadable(error: Exception) -> CollectError:
    ended = isinstance(error, EOFError | tarfile.ReadError) or "end-of-stream" in str(error)
    if ended:
        return CollectError("cut", _ENDED)
    return CollectError("malformed", f"cannot be read: {getattr(error, 'strerror', None) or error}")


def _folder(place: Path) -> Iterator[DumpFile]:
    for folder, folders, names in os.walk(place):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if not name.startswith("."):
                yield DumpFile(path.relative_to(place).as_posix(), _changed(path), _reader(path, place))


def _reader(path: Path, place: Path) -> Callable[[], bytes]:
    return lambda: unpacked(_regular(path, place))


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _regular(path: Path, place: Path) -> bytes:
    """Return the bytes of a regular file in the folder `place`; anything else is not opened, or not read."""
    try:
        if not path.resolve().is_relative_to(place.resolve()) and path.is_symlink():
            raise CollectError("malformed", "a link that leads out of the folder is not followed")
        if not stat.S_ISREG(path.stat().st_mode):
            raise CollectError("malformed", "not a regular file, so it is not opened: replace it by one")
        return read_regular(path)  # looks again, since something else may have taken its place meanwhile
    except OSError as error:
        raise CollectError("malformed", f"cannot be read: {error.strerror or error}") from error


class _Counted(io.RawIOBase):
    """A stream that ends with CollectError when it gives more than MAX_UNPACKED bytes; `tail` is its last block."""

    def __init__(self, file: BinaryIO) -> None:
        self.tail = b""
        self._file = file
        self._left = MAX_UNPACKED

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size if size >= 0 else self._left + 1)
        self._left -= len(data)
        if self._left < 0:
            raise CollectError("malformed", _TOO_MUCH)
        self.tail = data[-tarfile.BLOCKSIZE :] or self.tail
        return data


def _opened(file: DumpFile, depth: int) -> Iterator[DumpFile]:
    """Yield the members of an archive, or the file itself, by its content and not by its name."""
    try:
        data = file.read()
        members = _members(data)
    except CollectError as error:
        yield file._replace(read=_raising(error))
        return
    if members is None:
        yield file._replace(read=lambda: unpacked(data))
        return
    if depth == _MAX_NESTED:
        yield file._replace(read=_raising(CollectError("malformed", "archives nested too deeply: unpack it")))
        return
    found: list[DumpFile] = []
    wrong: CollectError | None = None
    try:
        for member in members:
            found += _opened(member, depth + 1) if is_archive(member.name) else [member]
    except CollectError as error:
        wrong = error
    except _ERRORS as error:
        wrong = _unreadable(error)
    if wrong and wrong.reason != "cut" and not data.startswith(_ZIP):
        found = []  # one checksum guards all of them: any may be damaged
    yield from found
    if wrong:
        yield file._replace(read=_raising(wrong))


def _raising(error: CollectError) -> Callable[[], bytes]:
    def read() -> bytes:
        raise error

    return read


def _members(data: bytes) -> Iterator[DumpFile] | None:
    """Return the members of an archive, or None when it is none."""
    if data.startswith(_ZIP):
        return _zip_members(data)
    opener = next((opener for mark, opener in _PACKED.items() if data.startswith(mark)), None)
    try:
        start = opener(io.BytesIO(data)).read(512) if opener else data[:512]
    except _ERRORS as error:
        raise _unreadable(error) from error
    if start[257:262] != b"ustar":
        return None
    stream = io.BytesIO(data)
    return _tar_members(opener(stream) if opener else cast("BinaryIO", stream))


def _tar_members(stream: BinaryIO) -> Iterator[DumpFile]:
    counted = _Counted(stream)
    with tarfile.open(fileobj=cast("BinaryIO", counted), mode="r|") as archive:
        for member in archive:
            name = _clean(member.name)
            if member.isdir() or not _wanted(name):
                continue
            if not member.isreg() or member.issparse():
                error = CollectError("malformed", "not a regular file in the archive, so it is not read")
                yield DumpFile(name, 0.0, _raising(error))
                continue
            file = archive.extractfile(member)
            yield _member(name, float(member.mtime), file.read() if file else b"")
    while counted.read(tarfile.RECORDSIZE):
        pass
    if counted.tail.strip(b"\0"):  # empty blocks end an archive: without them, members may be missing
        raise CollectError("cut", "the archive is truncated: copy it again")


def _zip_members(data: bytes) -> Iterator[DumpFile]:
    left = MAX_UNPACKED
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if min(len(members), 0xFFFF) != _zip_count(data):  # a damaged entry may hide those after it
            raise CollectError("malformed", "the directory of the archive is damaged: copy it again")
        for member in members:
            if _local_name(data, member) != member.orig_filename:  # a changed name may be of a file that is not read
                raise CollectError("malformed", "the directory of the archive is damaged: copy it again")
            name = _clean(member.filename)
            if member.is_dir() or not _wanted(name):
                continue
            mode = member.external_attr >> 16
            if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
                error = CollectError("malformed", "not a regular file in the archive, so it is not read")
                yield DumpFile(name, 0.0, _raising(error))
                continue
            with archive.open(member) as file:
                content = file.read(left + 1)
            left -= len(content)
            if left < 0:
                raise CollectError("malformed", _TOO_MUCH)
            yield _member(name, datetime(*member.date_time, tzinfo=UTC).timestamp(), content)


def _local_name(data: bytes, member: zipfile.ZipInfo) -> str:
    """Return the name of a member as its own header in the archive has it, not the directory at the end."""
    header = data[member.header_offset :][:_ZIP_HEADER]
    flags, length = (int.from_bytes(header[at : at + 2], "little") for at in (6, 26))
    begin = member.header_offset + _ZIP_HEADER
    return data[begin : begin + length].decode("utf-8" if flags & _ZIP_UTF8 else "cp437", "replace")


def _zip_count(data: bytes) -> int:
    """Return how many members the end of a zip archive counts; 65,535 stands for more, too."""
    end = data.rfind(_ZIP_END)
    return int.from_bytes(data[end + 10 : end + 12], "little")


def _member(name: str, changed: float, data: bytes) -> DumpFile:
    return DumpFile(name, changed, lambda: data if is_archive(name) else unpacked(data))


def _clean(name: str) -> str:
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in {"", ".", ".."})


def _wanted(name: str) -> bool:
    if any(part.startswith(".") for part in name.split("/")):
        return False
    return is_archive(name) or (tree_place(name) is not None if tree_root(name) is not None else is_data(name))
