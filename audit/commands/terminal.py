"""What a person sees: results on stdout, everything else on stderr, and nothing that a name could do to a terminal."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from audit.errors import printable

if TYPE_CHECKING:
    from rich.progress import Progress

    from audit.collect.run import Listener
    from audit.snapshot import Snapshot


def result(text: str) -> None:
    """Write a line of the result, as it is."""
    sys.stdout.write(f"{text}\n")


def lines(texts: Iterable[str]) -> None:
    """Write lines of the result with the names in them made harmless."""
    for text in texts:
        result(printable(text))


def result_json(value: object) -> None:
    """Write the result as JSON; names are plain ASCII there, so no terminal can be harmed."""
    result(json.dumps(value, indent=2))


def note(text: str) -> None:
    """Tell the person something that is not the result; line breaks of ours are kept."""
    sys.stderr.write("\n".join(printable(line) for line in text.split("\n")) + "\n")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a short table: drawn on a terminal, plain aligned columns elsewhere."""
    cells = [[printable(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _draw(header, cells)
        return
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    for line in ([name.upper() for name in header], *cells):
        result("   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _draw(header: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in header:
        drawn.add_column(name, overflow="fold")
    for row in cells:
        drawn.add_row(*(Text(cell) for cell in row))
    Console().print(drawn)


@contextmanager
def progress(zones: Sequence[str]) -> "Iterator[Listener]":
    """Show how collecting goes: bars on a terminal, a line for each zone and list elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    text = TextColumn("{task.description}", markup=False)
    with Progress(text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=Console(stderr=True)) as bars:
        yield _Bars(bars, zones)


class _Lines:
    """Log lines: time, zone, what."""

    def zone_started(self, zone: str) -> None:
        self._say(zone, "collecting")

    def listed(self, zone: str, kind: str, count: int) -> None:
        self._say(zone, f"{kind}: {count}")

    def zone_done(self, zone: str, snapshot: "Snapshot") -> None:
        gaps = f", {len(snapshot.gaps)} not seen" if snapshot.gaps else ""
        self._say(zone, f"{snapshot.state}{gaps}")

    def _say(self, zone: str, text: str) -> None:
        note(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {zone}: {text}")


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
