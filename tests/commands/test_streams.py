"""Output never decides: streams that are closed, full, broken, asleep or without a letter, and signals at any time."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from audit import console
from tests.paths import ROOT
from tests.worlds.random_zones import world_of, write_dump

RUN, ANSWER = "run", "answer"
# Each test starts the program, whose lines other tests reach.
pytestmark = pytest.mark.no_cover


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("facts") / "dump"
    write_dump(world_of(1), folder)
    return folder


def arguments(kind: str, dump: Path, out: Path) -> list[str]:
    if kind == ANSWER:
        return ["who", "pull", "ns-1", "--snapshot", str(dump)]
    config = out.with_suffix(".yaml")
    config.write_text(yaml.safe_dump({"zones": [{"id": "a", "source": {"dump": str(dump)}}]}))
    return ["run", "--config", str(config), "--out", str(out), "--format", "csv"]


def shell(redirections: str, command: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program in a shell, which can close streams."""
    script = f'exec "$0" -m audit "$@" {redirections}'
    return subprocess.run(
        ["bash", "-c", script, sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    "redirections", [">&-", ">/dev/full", "2>&-", "2>/dev/full", ">&- 2>&- <&-", ">/dev/full 2>&1"]
)
def test_a_run_is_whole_whatever_becomes_of_its_output(tmp_path: Path, dump: Path, redirections: str) -> None:
    """Closed and full streams: exit code 0, every file, a manifest, and `latest`."""
    out = tmp_path / "out"
    done = shell(redirections, arguments(RUN, dump, out))
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    manifest = json.loads((out / "latest/manifest.json").read_text())
    assert manifest["state"] == "complete"
    assert all((out / "latest" / file["name"]).stat().st_size == file["size"] for file in manifest["files"])


@pytest.mark.parametrize(
    ("redirections", "more"),
    [(">&-", []), (">/dev/full", ["--json"]), (">&- 2>&-", ["--json"]), (">/dev/full 2>&1", [])],
)
def test_an_answer_that_cannot_be_delivered_is_an_error(dump: Path, redirections: str, more: list[str]) -> None:
    """Exit code 2 and one message, if that can be written."""
    done = shell(redirections, [*arguments(ANSWER, dump, dump), *more])
    assert done.returncode == 2
    assert done.stderr.count("cannot write the result") == ("2>" not in redirections)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["can", "--help"], ["config", "schema"]])
def test_help_is_an_answer_too(command: list[str]) -> None:
    """A full disk is an error; a reader that has seen enough is none."""
    assert shell(">/dev/full", command).returncode == 2
    assert shell("| true; exit ${PIPESTATUS[0]}", command).returncode == 0


@pytest.mark.parametrize(
    ("expected", "command"),
    [
        (0, ["who", "pull", "ns-1", "--snapshot", "DUMP"]),
        (3, ["can", "nobody", "pull", "ns-1", "--snapshot", "PARTIAL"]),
        (3, ["report", "--snapshot", "PARTIAL", "--out", "OUT"]),
        (10, ["report", "--snapshot", "DEMO", "--out", "OUT", "--format", "csv", "--fail-on", "info"]),
        (5, ["check-evidence", "DAMAGED"]),
        (4, ["--log-format", "json", "run", "--config", "NOTHING", "--out", "OUT"]),
    ],
)
def test_a_reader_that_leaves_changes_no_exit_code(
    tmp_path: Path, dump: Path, expected: int, command: list[str]
) -> None:
    """`2>&1 | true`: the documented exit code of the work."""
    partial, damaged, nothing = tmp_path / "partial", tmp_path / "damaged", tmp_path / "nothing.yaml"
    if "PARTIAL" in command:
        write_dump(world_of(1), partial)
        (partial / "rolebindings.json").unlink()
    if "DAMAGED" in command:
        assert shell("", ["report", "--snapshot", str(dump), "--out", str(damaged), "--format", "csv"]).returncode == 0
        (damaged / "latest/access.csv").write_text("other")
    nothing.write_text("zones: [{id: a, source: {dump: nowhere}}]")
    places = {"DUMP": dump, "PARTIAL": partial, "OUT": tmp_path / "out", "DAMAGED": damaged, "NOTHING": nothing}
    places["DEMO"] = ROOT / "audit/demo/demo-1"
    done = shell("2>&1 | true; exit ${PIPESTATUS[0]}", [str(places.get(word, word)) for word in command])
    assert done.returncode == expected


def test_letters_that_an_encoding_lacks_are_escaped(tmp_path: Path, dump: Path) -> None:
    """Everybody is listed, in Latin-1 and in ASCII, and the log is written too."""
    command = arguments(ANSWER, dump, tmp_path)
    whole = shell("", command, PYTHONIOENCODING="utf-8").stdout.splitlines()
    for encoding in ("latin-1", "ascii"):
        done = shell("", command, PYTHONIOENCODING=encoding)
        assert done.returncode == 0
        assert len(done.stdout.splitlines()) == len(whole)
    out = tmp_path / "é名"
    out.mkdir()
    done = shell("", arguments(RUN, dump, out / "out"), PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    assert done.returncode == 0, done.stderr
    assert "\\udce5" in done.stdout


@contextmanager
def sleeping_reader() -> Iterator[int]:
    """Yield the end of a pipe that is full, and that nobody reads."""
    read, write = os.pipe()
    flags = fcntl.fcntl(write, fcntl.F_GETFL)
    fcntl.fcntl(write, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    for size in (4096, 1):
        try:
            while True:
                os.write(write, b"x" * size)
        except BlockingIOError:
            pass
    fcntl.fcntl(write, fcntl.F_SETFL, flags)
    try:
        yield write
    finally:
        os.close(read)
        os.close(write)


def test_a_reader_that_sleeps_holds_nothing_up(tmp_path: Path, dump: Path) -> None:
    """stdout and stderr full and read by nobody: the run ends, whole."""
    out = tmp_path / "out"
    with sleeping_reader() as stdout, sleeping_reader() as stderr:
        command = [sys.executable, "-m", "audit", *arguments(RUN, dump, out)]
        done = subprocess.run(command, cwd=ROOT, stdout=stdout, stderr=stderr, timeout=120, check=False)
    assert done.returncode == 0
    assert (out / "latest/manifest.json").exists()


def test_a_reader_that_is_slow_gets_all(dump: Path) -> None:
    """A pager may be read for as long as somebody likes: an answer waits."""
    command = [sys.executable, "-m", "audit", "checks", "--json"]
    whole = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, pipesize=4096) as process:
        assert process.stdout is not None
        time.sleep(4)
        assert process.poll() is None
        assert process.stdout.read() == whole
    assert process.returncode == 0


def test_a_lone_surrogate_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """A path that is no UTF-8 comes in as half a letter."""
    console.note("half \udcff")
    console.result("half \udcff\n")
    assert capsys.readouterr() == ("half \\udcff\n", "half \\udcff\n")


@pytest.mark.parametrize(
    ("module", "number"),
    [
        ("audit.cli", signal.SIGTERM),
        ("typer", signal.SIGINT),
        ("numpy", signal.SIGINT),
        ("audit.job.run", signal.SIGTERM),
    ],
)
def test_a_signal_while_the_program_starts(tmp_path: Path, dump: Path, module: str, number: signal.Signals) -> None:
    """During any import: exit code 143 and one line."""
    # The program as it is, but for one module whose import tells that it is under way, and lasts.
    script = (
        "import sys, time\n"
        "class Slow:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            print('importing', flush=True); time.sleep(60)\n"
        "sys.meta_path.insert(0, Slow())\n"
        "from audit.__main__ import main\n"
        "main()\n"
    )
    command = [sys.executable, "-c", script, "report", "--snapshot", str(dump), "--out", str(tmp_path / "out")]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, start_new_session=True, **pipes) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "importing\n"
        process.send_signal(number)
        assert process.stderr.read() == "registry-audit: stopped\n"
    assert process.returncode == 143
