"""Reads files that a stranger may have put there: regular files only, within a limit, and without waiting."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

LARGEST: Final = 1 << 30  # bytes of a file that is read whole


def open_regular(path: Path, root: Path | None = None) -> BinaryIO:
    """Open the regular file at `path` to read it. With `root`, links must not lead out of that folder.

    Raises OSError for everything else: a FIFO, a device, a folder. It never waits.
    """
    if root is not None and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        raise OSError(errno.EPERM, f"a link that leads out of {root}", str(path))
    # O_NONBLOCK: opening a FIFO would wait for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    file = os.fdopen(descriptor, "rb") if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    if file is None:
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return file


def read_regular(path: Path, root: Path | None = None, *, limit: int = LARGEST) -> bytes:
    """Return the bytes of the regular file at `path`, opened by `open_regular`.

    Raises OSError for everything else, and for a file of more than `limit` bytes.
    """
    with open_regular(path, root) as file:
        if os.fstat(file.fileno()).st_size > limit:
            raise OSError(errno.EFBIG, f"more than {limit:,} bytes", str(path))
        return file.read()
