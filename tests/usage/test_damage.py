"""What is damaged, hidden or doubled is a gap, and never a proof that nothing was used."""

import gzip
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from audit.usage.coverage import Coverage
from audit.usage.files import UNNAMED, read_files
from audit.usage.history import windows
from tests.usage.logs import START, Request, health

HOURS = 5
BEGIN, END = START, START + timedelta(hours=HOURS)
INSIDE = (BEGIN + timedelta(minutes=2), END - timedelta(minutes=2))


def lines(step: float = 10) -> list[bytes]:
    """A quiet registry's log: health checks, sorted."""
    return [line.encode() for line in health(BEGIN, END, step)]


def reasons(folder: Path, replicas: int = 1) -> list[str]:
    """Why the time that the log is about is not covered."""
    return [gap.reason for gap in Coverage(windows(read_files([folder], processes=1)), replicas).missing(*INSIDE)]


def test_a_whole_log_covers_its_time(tmp_path: Path) -> None:
    """At every usual rhythm of health checks."""
    for step in (1, 5, 10, 30, 60):
        (tmp_path / "a.log").write_bytes(b"\n".join(lines(step)))
        assert reasons(tmp_path) == []


def test_a_damaged_line_is_a_gap_where_it_must_have_been(tmp_path: Path) -> None:
    """Around it when the log is sorted, forwards or backwards; else anywhere. An undamaged copy closes the gap."""
    whole = lines()
    at = len(whole) // 3
    damaged = [*whole[:at], whole[at][:44], *whole[at + 1 :]]
    for texts in (damaged, damaged[::-1]):
        (tmp_path / "a.log").write_bytes(b"\n".join(texts))
        gaps = Coverage(windows(read_files([tmp_path], processes=1)), 1).missing(*INSIDE)
        assert {gap.reason for gap in gaps} == {"damaged lines"}
        when = BEGIN + timedelta(hours=HOURS / 3)
        assert any(gap.begin <= when <= gap.end for gap in gaps)
    (tmp_path / "copy.log").write_bytes(b"\n".join(whole))
    assert reasons(tmp_path) == []


def test_damage_in_a_large_log_spares_what_is_far_from_it(tmp_path: Path) -> None:
    """A sorted log loses the time around the damage; one that is not sorted loses all."""
    whole = [line.encode() for line in health(BEGIN, BEGIN + timedelta(days=2), 5)]
    whole = [line + b" go.version=" + b"x" * 300 for line in whole]
    whole[len(whole) // 2] = b"\x00" * 40
    for texts, share in ((whole, 0.25), (Random(1).sample(whole, len(whole)), 1.0)):
        (tmp_path / "a.log").write_bytes(b"\n".join(texts))
        begin, end = BEGIN + timedelta(minutes=2), BEGIN + timedelta(days=2, minutes=-2)
        gaps = Coverage(windows(read_files([tmp_path], processes=1)), 1).missing(begin, end)
        lost = sum(((gap.end - gap.begin) for gap in gaps), timedelta())
        assert 0 < lost / (end - begin) <= share
        assert share < 1 or lost == end - begin


def test_a_line_that_is_still_written_is_a_gap_until_it_is_read_whole(tmp_path: Path) -> None:
    """Each run reads the log of a pod that lives; in a log that is not sorted, the line may be of any time."""
    texts = lines()
    (tmp_path / "a.log").write_bytes(b"\n".join(texts) + b"\n" + texts[-1][:44])
    assert reasons(tmp_path) == ["damaged lines"]
    (tmp_path / "later.log").write_bytes(b"\n".join(texts))
    assert reasons(tmp_path) == []


def _hidden(texts: list[bytes]) -> bytes:
    return b"\n".join(texts[:600] + texts[660:])


def _quiet(texts: list[bytes]) -> bytes:
    """For ten minutes the registry logs warnings only."""
    return b"\n".join(
        [*texts[:600], *(text.replace(b"level=info", b"level=warning") for text in texts[600:660]), *texts[660:]]
    )


def _cut_packed(texts: list[bytes]) -> bytes:
    return gzip.compress(b"\n".join(texts))[:-2000]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_hidden, "no lines"),
        (_quiet, "the log level of the registry does not record requests"),
        (_cut_packed, "damaged lines"),
    ],
)
def test_what_is_lost_has_its_reason(change: Callable[[list[bytes]], bytes], reason: str, tmp_path: Path) -> None:
    """A stretch cut out, a level that says nothing, a compressed file without its end."""
    (tmp_path / "a.log").write_bytes(change(lines()))
    assert reason in reasons(tmp_path)


def test_copies_of_one_log_are_not_two_replicas(tmp_path: Path) -> None:
    """Only a line or a path names a pod."""
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_bytes(b"\n".join(lines()))
    assert {*read_files([tmp_path], processes=1).registry} == {UNNAMED}
    assert reasons(tmp_path, 2) == ["lines of 1 of 2 replicas"]
    for pod in ("image-registry-6d8f9c7b5-abcde", "image-registry-6d8f9c7b5-fghij"):
        (tmp_path / f"{pod}.log").write_bytes(b"\n".join(lines()))
    assert reasons(tmp_path, 2) == []


def test_what_is_not_a_file_of_the_folder_is_counted_and_not_read(tmp_path: Path) -> None:
    """A link that leads out of it, and one that leads nowhere."""
    made = Request("ann", "pull", "shop", "web", START)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/a.log").write_text("\n".join(made.lines(1)))
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/out.log").symlink_to(tmp_path / "elsewhere/a.log")
    (tmp_path / "logs/nowhere.log").symlink_to("missing")
    read = read_files([tmp_path / "logs"], processes=1)
    assert (len(read.use), read.damaged.count) == (0, 2)
    (tmp_path / "logs/a.log").write_text("\n".join(made.lines(1)))
    (tmp_path / "logs/in.log").symlink_to("a.log")
    assert len(read_files([tmp_path / "logs"], processes=1).use) == 1
