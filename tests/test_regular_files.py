"""The one way in which a stranger's file is read: regular files only, within a limit, and without waiting."""

import os
from pathlib import Path

import pytest

from audit.regular_files import read_regular
from audit.storage.store import Folder


def test_a_regular_file_is_read(tmp_path: Path) -> None:
    """Whole, also through a link that stays in the folder."""
    (tmp_path / "a").write_bytes(b"data")
    (tmp_path / "b").symlink_to("a")
    assert read_regular(tmp_path / "a", tmp_path) == read_regular(tmp_path / "b", tmp_path, limit=4) == b"data"


def special(kind: str, path: Path) -> Path:
    """Something that is not a regular file."""
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    return path


@pytest.mark.parametrize("kind", ["fifo", "folder", "device", "nothing"])
def test_anything_else_is_an_error_at_once(kind: str, tmp_path: Path) -> None:
    """Nothing is waited for: a FIFO has no writer, a device never ends."""
    path = special(kind, tmp_path / "x")
    with pytest.raises(OSError, match=r"."):
        read_regular(path)
    with pytest.raises(OSError, match=r"."):
        Folder(tmp_path).read("x")


def test_a_link_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    """Neither to a file nor through a folder; a name with dots does not lead out either."""
    (tmp_path / "secret").write_bytes(b"data")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "file").symlink_to(tmp_path / "secret")
    (inner / "folder").symlink_to(tmp_path)
    for name in ("file", "folder/secret", "../secret"):
        with pytest.raises(OSError, match="leads out"):
            Folder(inner).read(name)


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    """By its size, before anything is read: a sparse file of a terabyte costs nothing."""
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="more than 512 MiB"):
        Folder(tmp_path).read("huge")
