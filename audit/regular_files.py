"""Reads files that a stranger may have put there: regular files only, within a limit, and without waiting."""

import errno
import os
import stat
from pathlib import Path
from typing import Final

LARGEST: Final = 1 << 30  # bytes of a file that is read whole


def read_regular(path: Path, root: Path | None = None, *, limit: int = LARGEST) -> bytes:
    """Return the bytes of the regular file at `path`. With `root`, links must not lead out of that folder.

    Raises OSError for everything else: a FIFO, a device, a folder, a file of more than `limit` bytes. It never waits.
    """
    if root is not None and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        raise OSError(errno.EPERM, f"a link that leads out of {root}", str(path))
    # O_NONBLOCK: opening a FIFO would wait for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if found.st_size > limit:
            raise OSError(errno.EFBIG, f"more than {limit:,} bytes", str(path))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)
