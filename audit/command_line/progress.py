"""The progress of collecting: bars on a terminal, log lines elsewhere, JSON lines for programs."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, cast

from audit import console
from audit.errors import printable

if TYPE_CHECKING:
    from rich.progress import Progress

    from audit.collect.run import Listener
    from audit.snapshot.model import Snapshot


@contextmanager
def progress(zones: Sequence[str]) -> "Iterator[Listener]":
    """Show the progress of collecting: bars on a terminal, a line for each zone and list elsewhere."""
    if console.for_programs():
        yield _Events()
        return
    if not console.bars():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    drawing = Console(file=cast("IO[str]", console.bars_file()), force_terminal=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        Progress(*columns, console=drawing, redirect_stdout=False, redirect_stderr=False) as bars,
        console.notes_above_bars(lambda text: drawing.print(text, markup=False, highlight=False)),
    ):
        yield _Bars(bars, zones)


class _Events:
    """One JSON line for each zone when it has been read."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[str, int]] = {}
        self._since: dict[str, float] = {}

    def zone_started(self, zone: str) -> None:
        self._counts[zone], self._since[zone] = {}, time.monotonic()

    def listed(self, zone: str, kind: str, count: int) -> None:
        self._counts.setdefault(zone, {})[kind] = count

    def zone_done(self, zone: str, snapshot: "Snapshot") -> None:
        seconds = round(time.monotonic() - self._since.pop(zone, time.monotonic()), 3)
        console.event(
            "zone",
            zone=zone,
            state=snapshot.state,
            not_seen=len(snapshot.gaps),
            seconds=seconds,
            objects=self._counts.pop(zone, {}),
        )


class _Lines:
    """Log lines: time, zone, what."""

    def zone_started(self, zone: str) -> None:
        self._note(zone, "collecting")

    def listed(self, zone: str, kind: str, count: int) -> None:
        self._note(zone, f"{kind}: {count}")

    def zone_done(self, zone: str, snapshot: "Snapshot") -> None:
        gaps = f", {len(snapshot.gaps)} not seen" if snapshot.gaps else ""
        self._note(zone, f"{snapshot.state}{gaps}")

    def _note(self, zone: str, text: str) -> None:
        console.note(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {zone}: {text}")


class _Bars:
    """One bar over the zones, which names what was read last."""

    def __init__(self, bars: "Progress", zones: Sequence[str]) -> None:
        self._bars = bars
        self._task = bars.add_task("zones", total=len(zones))

    def zone_started(self, zone: str) -> None:
        self._show(f"{zone}: collecting")

    def listed(self, zone: str, kind: str, count: int) -> None:
        self._show(f"{zone}: {count} {kind}")

    def zone_done(self, zone: str, snapshot: "Snapshot") -> None:
        self._show(f"{zone}: {snapshot.state}", advance=1)

    def _show(self, text: str, advance: int = 0) -> None:
        self._bars.update(self._task, advance=advance, description=printable(text))
