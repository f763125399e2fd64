"""Whatever happens to logs, use that they no longer show is never `not used`, and what they show did happen.

REGISTRY_AUDIT_HISTORIES sets how many histories are drawn.
"""

import gzip
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

import pytest

from audit.usage.coverage import Coverage
from audit.usage.files import read_files
from audit.usage.history import windows
from tests.usage.logs import START, Request, counted, truth

HISTORIES: Final = int(os.environ.get("REGISTRY_AUDIT_HISTORIES", "40"))
PODS: Final = ("image-registry-6d8f9c7b5-aaaaa", "image-registry-6d8f9c7b5-bbbbb")
Lines = list[tuple[datetime, bytes]]
USES: Final = b'msg="response completed"'


def health(at: datetime) -> bytes:
    return f'time="{at:%Y-%m-%dT%H:%M:%S.%f}Z" level=info msg=response http.request.uri=/healthz'.encode()


class Story:
    """The logs of two replicas, in one of which ann pulled once; others used other things."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.minutes = random.randrange(15, 60)
        self.end = START + timedelta(minutes=self.minutes)
        self.used = START + timedelta(minutes=random.uniform(2, self.minutes - 2))
        self.pod = random.choice(PODS)
        self.made = [Request("ann", "pull", "shop", "web", self.used)]
        self.logs: dict[str, Lines] = {}
        for pod in PODS:
            moments = [
                START + timedelta(seconds=10 * tick + random.random()) for tick in range(-6, self.minutes * 6 + 6)
            ]
            lines = [(moment, health(moment)) for moment in moments]
            if pod == self.pod:
                lines += [(self.used, line.encode()) for line in self.made[0].lines(1)]
            other = Request("bob", "push", "pay", "api", START + timedelta(minutes=random.uniform(0, self.minutes)))
            self.made.append(other)
            lines += [(other.at, line.encode()) for line in other.lines(100 + PODS.index(pod))]
            self.logs[pod] = sorted(lines)

    def around(self) -> tuple[datetime, datetime]:
        """A stretch of at least a minute with the use in it."""
        long = timedelta(seconds=self.random.uniform(60, 900))
        begin = self.used - long * self.random.random()
        return begin, begin + long

    def read(self, folder: Path, form: Callable[[bytes], bytes] = lambda data: data) -> tuple[Coverage, int]:
        for number, (pod, lines) in enumerate(self.logs.items()):
            data = b"\n".join(line for _, line in lines)
            (folder / f"{pod}.{number}.log").write_bytes(form(data))
        read = read_files([folder], processes=1)
        assert counted(read) <= truth(self.made)
        mine = sum(read.uses[use].user == "ann" for use in read.use.tolist())
        return Coverage(windows(read), len(PODS)), mine


def cut_out(story: Story) -> None:
    """A stretch is missing."""
    begin, end = story.around()
    story.logs[story.pod] = [line for line in story.logs[story.pod] if not begin <= line[0] <= end]


def cut_off(story: Story) -> None:
    """The log begins later, or ends earlier."""
    begin, end = story.around()
    early = story.random.random() < 0.5
    story.logs[story.pod] = [line for line in story.logs[story.pod] if (line[0] < begin if early else line[0] > end)]


def no_pod(story: Story) -> None:
    """One of two replicas is missing; perhaps the other one's log is there twice."""
    lines = story.logs.pop(story.pod)
    if story.random.random() < 0.5:
        (other,) = story.logs
        story.logs["copy"] = [*story.logs[other]]
    assert lines


def warnings_only(story: Story) -> None:
    """For a while the registry logs warnings, perhaps many."""
    begin, end = story.around()
    story.logs[story.pod] = [
        (
            at,
            line.replace(b"level=info", b"level=warning").replace(USES, b"msg=response")
            if begin <= at <= end
            else line,
        )
        for at, line in story.logs[story.pod]
        if not (begin <= at <= end and b"level=info" in line and USES in line)
    ]


def damaged(story: Story) -> None:
    """The line of the use is cut, or overwritten, or runs into the next one; perhaps the log is not sorted."""
    lines, random = story.logs[story.pod], story.random
    at = next(n for n, (_, line) in enumerate(lines) if USES in line and b"=ann" in line)
    when, line = lines[at]
    place = random.randrange(1, line.index(b"openshift.auth.user="))
    kind = random.choice(("cut", "begun", "zeros", "merged"))
    lines[at] = (
        when,
        {
            "cut": line[:place],
            "begun": line[place:],
            "zeros": line[:place] + b"\0" * random.randrange(8, 200),
            "merged": line[:place] + lines[at - 1][1],
        }[kind],
    )
    if random.random() < 0.3:
        random.shuffle(lines)
    elif random.random() < 0.3:
        lines.reverse()


HIDES: Final = (cut_out, cut_off, no_pod, warnings_only, damaged)


def rotated(story: Story, folder: Path) -> None:
    """Part of a log in an older file."""
    lines = story.logs[story.pod]
    at = story.random.randrange(1, len(lines))
    story.logs[story.pod] = lines[at:]
    (folder / f"{story.pod}.older.log.gz").write_bytes(gzip.compress(b"\n".join(line for _, line in lines[:at])))


@pytest.mark.parametrize("part", range(4))
def test_hidden_use_is_never_not_used(part: int, tmp_path: Path) -> None:
    """Each way in which a log can lack the use leaves a gap; nothing else does."""
    begin, old = START, START - timedelta(days=1)
    for seed in range(part, HISTORIES, 4):
        random = Random(seed)
        story = Story(random)
        folder = tmp_path / str(seed)
        folder.mkdir()
        whole, _ = Story(Random(seed)).read(folder)
        assert whole.answer(story.used, old, begin, story.end) == "used"
        assert whole.answer(None, old, begin, story.end) == "not used"  # by somebody else
        for file in folder.iterdir():
            file.unlink()
        hide = HIDES[seed % len(HIDES)]
        hide(story)
        if story.pod in story.logs and hide is not damaged and len(story.logs[story.pod]) > 2 and random.random() < 0.3:
            rotated(story, folder)
        coverage, seen = story.read(folder)
        last = story.used if seen else None
        assert not seen, (seed, hide.__name__)
        assert coverage.answer(last, old, begin, story.end) == "not known", (seed, hide.__name__)
        for file in folder.iterdir():
            file.unlink()


@pytest.mark.parametrize("part", range(2))
def test_logs_in_another_form_say_the_same_or_less_with_a_gap(part: int, tmp_path: Path) -> None:
    """Cut anywhere, shuffled, doubled, compressed, prefixed and damaged, in any combination."""
    for seed in range(part, HISTORIES, 2):
        random = Random(seed)
        story = Story(random)
        folder = tmp_path / str(seed)
        folder.mkdir()
        for pod, lines in story.logs.items():
            if random.random() < 0.3:
                lines.extend(lines[: random.randrange(len(lines))])
            if random.random() < 0.3:
                random.shuffle(lines)
            if random.random() < 0.3:
                prefix = f"[pod/{pod}/registry] ".encode()
                lines[:] = [(at, prefix + line) for at, line in lines]
        cut = random.random() < 0.4
        packed = random.random() < 0.4
        place = random.random()

        def form(data: bytes, cut: bool = cut, packed: bool = packed, place: float = place) -> bytes:
            if cut:
                at = int(len(data) * place)
                data = data[:at] + data[at + 20_000 :] if at % 2 else data[at:]
            return gzip.compress(data) if packed else data

        coverage, seen = story.read(folder, form)
        if not seen:
            assert coverage.missing(START, story.end), seed
        if not cut:
            assert seen == 1, seed
