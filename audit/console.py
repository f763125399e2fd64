"""What a person sees: results on stdout, everything else on stderr, and nothing that a name could do to a terminal.

Where a program reads stderr (`--log-format json`), each line there is an object with the time and the run's id. It has
no row of a table, and what may name people only when that is asked for.
"""

import json
import os
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from audit.errors import UsageError, printable

LOG_FORMATS: Final = ("auto", "text", "json")
_LAST_WORDS: Final = "REGISTRY_AUDIT_TERMINATION_LOG"  # where else they go
_MOST: Final = 4096  # bytes of them that Kubernetes keeps


@dataclass(slots=True)
class _Log:
    """How stderr is written, and what stands in every line."""

    form: str = "auto"
    names: bool = False  # also what may name people
    run: str = ""
    last_words: str = ""


_log: Final = _Log()


def log_as(form: str, *, names: bool = False) -> None:
    """Say how to write stderr from now on: `auto` (bars on a terminal), `text` or `json`. Raises UsageError."""
    if form not in LOG_FORMATS:
        raise UsageError(f"no such log format: {form}", fix=f"choose from {', '.join(LOG_FORMATS)}")
    _log.form, _log.names, _log.run, _log.last_words = form, names, "", ""


def log_run(run: str) -> None:
    """Say which run the lines are about from now on."""
    _log.run = run


def remember(words: str) -> None:
    """Keep what `leave` is to leave."""
    _log.last_words = words


def leave(words: str = "") -> None:
    """Leave what was remembered, or else these words, where Kubernetes looks for a pod's last; elsewhere do nothing."""
    text = _log.last_words or words
    if text:
        with suppress(OSError):
            # It is there already, and is nothing else than a file: never made, never a link, never waited for.
            path = os.environ.get(_LAST_WORDS, "/dev/termination-log")
            descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "wb") as file:
                if stat.S_ISREG(os.fstat(descriptor).st_mode):
                    file.truncate()
                    file.write(text.encode(errors="replace")[:_MOST])


def for_programs() -> bool:
    """Say whether stderr is JSON."""
    return _log.form == "json"


def event(name: str, names: Mapping[str, object] | None = None, **fields: object) -> None:
    """Tell a program that reads stderr that something has happened: one line; nobody else is told.

    What stands in `names` may name people, and is told only when that is asked for.
    """
    if for_programs():
        about = {"run": _log.run} if _log.run else {}
        asked = (names or {}) if _log.names else {}
        line = {"time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}", "event": name, **about, **fields, **asked}
        sys.stderr.write(json.dumps(line) + "\n")
        sys.stderr.flush()


def result(text: str) -> None:
    """Write a line of the result, as it is."""
    sys.stdout.write(f"{text}\n")


def verbatim(text: str) -> None:
    """Write text of the result as it is."""
    sys.stdout.write(text)


def lines(texts: Iterable[str]) -> None:
    """Write lines of the result with the names in them made harmless."""
    for text in texts:
        result(printable(text))


def result_json(value: object) -> None:
    """Write the result as JSON; names are plain ASCII there, so no terminal can be harmed."""
    result(json.dumps(value, indent=None if for_programs() else 2))


def note(text: str, *, level: str = "info") -> None:
    """Tell the person something that is not the result; line breaks of ours are kept."""
    if for_programs():
        event("note", level=level, message=text)
        return
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


def bars() -> bool:
    """Return whether progress can be drawn on stderr: a person's terminal, and no log lines were asked for."""
    return _log.form == "auto" and sys.stderr.isatty()
