"""Reads files that a stranger may have put there: regular files only, within a limit, and without waiting.

The limit is for what is held in memory, so it holds after unpacking, and for the answers of servers too.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

LIMIT: Final = "REGISTRY_AUDIT_MAX_MIB"  # environment variable
_USUAL, _LEAST, _MOST = 512, 16, 1 << 20  # MiB; a pod has 2 GiB
SMALL: Final = 16 << 20  # bytes of a key, a token, a kubeconfig, or another file of settings


def _limit() -> int:
    given = os.environ.get(LIMIT, "")
    return int(given) if limit_is_valid(given) and given else _USUAL


def limit_is_valid(text: str) -> bool:
    """Return whether a text is a limit in MiB that can be used, or "" for the usual one."""
    return not text or (text.isascii() and text.isdecimal() and len(text) < 8 and _LEAST <= int(text) <= _MOST)  # noqa: PLR2004


LARGEST: Final = _limit() << 20  # bytes of a file or of an answer that is read whole, and of what it unpacks to


def too_large(size: int = LARGEST) -> str:
    """Return what to say of a file or an answer that is larger than that many bytes."""
    text = f"more than {size >> 20} MiB" if size >> 20 else f"more than {size:,} bytes"
    return f"{text} ({LIMIT} sets the limit)" if size == LARGEST else text


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
            raise OSError(errno.EFBIG, too_large(limit), str(path))
        return file.read()
