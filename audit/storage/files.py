"""Writes files with access data: private, and atomically."""

import os
from collections.abc import Iterable
from pathlib import Path

from audit.errors import UsageError


def make_private_dir(path: Path) -> Path:
    """Create `path` and its parents; a new last folder has mode 0700. Raises UsageError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"cannot create this folder: {error.strerror}", where=str(path), fix="choose a folder that you can write to"
        ) from error
    return path


def write_private(path: Path, chunks: Iterable[bytes], *, mode: int = 0o600) -> int:
    """Write `chunks` to a temporary file beside `path` and rename it; return the number of bytes.

    Another `mode` is for files without access data. A reader never sees a part of the file, and after a failure the
    former file is still there. Raises UsageError when it cannot be written; an error from `chunks` passes through.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        # O_EXCL: never follow a link at this name.
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise _cannot_write(path, error) from error
    size = 0
    try:
        with os.fdopen(descriptor, "wb") as file:
            for chunk in chunks:
                size += file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        beside.unlink(missing_ok=True)
    return size


def _cannot_write(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"cannot write this file: {error.strerror}",
        where=str(path),
        fix="check the permissions and free space of the folder",
    )
