"""The commands that write a dump: they leave whole lists, or say which are not."""

import os
import subprocess
from pathlib import Path

import pytest

from audit.commands.jobs.dump_commands import dump_commands
from audit.errors import UsageError
from audit.snapshot.objects import NEEDED

OC = """#!/bin/sh
echo '{"kind":"List","apiVersion":"v1","items":[]}'
[ "$2" != "$REFUSED" ] || { echo "Error from server (Forbidden): $2 is forbidden" >&2; exit 1; }
"""


@pytest.mark.parametrize("refused", ["", "roles"])
def test_a_refused_list_fails_and_leaves_no_file(tmp_path: Path, refused: str) -> None:
    """`oc` leaves an empty list when it is refused: it must not pass for one."""
    (tmp_path / "oc").write_text(OC)
    (tmp_path / "oc").chmod(0o755)
    done = subprocess.run(
        ["sh"],
        input=str(dump_commands("sh").value()),
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "REFUSED": refused},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode != 0) == bool(refused)
    files = {path.name for path in (tmp_path / "dump").iterdir()}
    assert files == {f"{kind}.json" for kind in (*NEEDED, "users")} - {f"{refused}.json"}
    assert ("INCOMPLETE, not listed: roles" in done.stderr) == bool(refused)


def test_without_oc_it_is_one_line(tmp_path: Path) -> None:
    """And nothing is written."""
    script = str(dump_commands("sh").value())
    done = subprocess.run(
        ["/bin/sh"], input=script, cwd=tmp_path, env={"PATH": ""}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "oc is not on the PATH: no list was written\n"
    assert not [*tmp_path.iterdir()]


def test_powershell_has_the_same_kinds_and_fails_too() -> None:
    """And it writes UTF-8."""
    text = str(dump_commands("powershell").value())
    assert all(f'"{kind}"' in text for kind in NEEDED)
    assert "throw" in text
    assert "utf8" in text


def test_another_shell_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(UsageError, match="no such shell"):
        dump_commands("fish")
