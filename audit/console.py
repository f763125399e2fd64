"""What a person sees: results on stdout, everything else on stderr, and nothing that a name could do to a terminal.

Where a program reads stderr (`--log-format json`), each line there is an object with the time and the run's id. It has
no row of a table, and names of people only on request.

Writing never raises, whatever is wrong with the stream: closed, full, its reader gone or asleep, an encoding that lacks
a letter. Log lines that cannot be written are dropped; a result that cannot be, `undelivered` reports.
"""

import json
import os
import select
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO, TextIOBase
from threading import Lock
from typing import Final, TextIO

from audit.errors import UsageError, printable
from audit.masking import masked

LOG_FORMATS: Final = ("auto", "text", "json")
_TERMINATION_LOG: Final = "REGISTRY_AUDIT_TERMINATION_LOG"  # its path, if it is not that of Kubernetes
_MAX_TERMINATION: Final = 4096  # bytes of it that Kubernetes keeps
_CHUNK: Final = 1000  # characters: at most 4000 bytes, for which a pipe that is ready has room
_PATIENCE: Final = 2.0  # seconds that a log line, or the summary of finished work, waits for its reader


@dataclass(slots=True)
class _Log:
    """How stderr is written, and what every line of it holds."""

    form: str = "auto"
    names: bool = False  # also what may name people
    run: str = ""
    termination: str = ""
    above_bars: Callable[[str], None] | None = None  # how to write a note while progress bars are drawn


_log: Final = _Log()


class _Writer:
    """One of the standard streams, as `sys` has it at that moment."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = Lock()
        self._failed: object = self  # the stream that failed; None is one that was closed before the program began
        self._why = ""
        self._stalled = False

    @property
    def failure(self) -> str:
        """Return why the stream cannot be written to; empty if it can, and if its reader has left."""
        return self._why if self._stream() is self._failed else ""

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        with suppress(OSError, ValueError, AttributeError):
            return bool(self._stream().isatty())
        return False

    def write(self, text: str, *, patience: float | None = _PATIENCE) -> None:
        """Write text; give up when its reader takes nothing for `patience` seconds (None: never)."""
        stream = self._stream()
        if stream is self._failed:
            return
        with self._lock:
            try:
                for at in range(0, len(text), _CHUNK):
                    if not self._ready(stream, patience):
                        return
                    stream.write(_encodable(text[at : at + _CHUNK], stream))
                    stream.flush()
            except BrokenPipeError:
                self._give_up(stream, "")  # whoever read it has seen enough, as with `| head`
            except (OSError, ValueError, AttributeError) as error:
                self._give_up(stream, getattr(error, "strerror", None) or "it is closed")

    def _stream(self) -> TextIO:
        stream: TextIO = getattr(sys, self._name)
        return stream

    def _ready(self, stream: TextIO, patience: float | None) -> bool:
        """Return whether a chunk can be written without waiting for ever: a full pipe may have a sleeping reader."""
        try:
            descriptor = stream.fileno()
        except (OSError, ValueError, AttributeError):
            return True
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        seconds = 0.0 if self._stalled and patience is not None else patience
        self._stalled = not poll.poll(None if seconds is None else seconds * 1000)
        return not self._stalled

    def _give_up(self, stream: TextIO, why: str) -> None:
        self._failed, self._why = stream, why
        # What is still in its buffer must not fail again when the program ends.
        with suppress(OSError, ValueError, AttributeError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)


_out: Final = _Writer("stdout")
_err: Final = _Writer("stderr")


def _encodable(text: str, stream: TextIO) -> str:
    """Return text as the stream can take it: letters that its encoding lacks are escaped."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


class _BarsFile(TextIOBase):
    """stderr, for a library that draws."""

    def write(self, text: str) -> int:
        _err.write(text)
        return len(text)

    def isatty(self) -> bool:
        return _err.isatty()


def log_as(form: str, *, names: bool = False) -> None:
    """Set how stderr is written: `auto` (bars on a terminal), `text` or `json`. Raises UsageError."""
    if form not in LOG_FORMATS:
        raise UsageError(f"no such log format: {form}", fix=f"choose from {', '.join(LOG_FORMATS)}")
    _log.form, _log.names, _log.run, _log.termination = form, names, "", ""


def log_run(run: str) -> None:
    """Set the run that the lines are about."""
    _log.run = run


def remember(message: str) -> None:
    """Keep what `leave` is to leave."""
    _log.termination = message


def leave(message: str = "") -> None:
    """Leave what was remembered, or else this message, where Kubernetes looks for a pod's; elsewhere do nothing."""
    text = _log.termination or message
    if text:
        with suppress(OSError):
            # It exists already, and is a regular file: never created, never a link, never waited for.
            text = masked(text)
            path = os.environ.get(_TERMINATION_LOG, "/dev/termination-log")
            descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "wb") as file:
                if stat.S_ISREG(os.fstat(descriptor).st_mode):
                    file.truncate()
                    file.write(text.encode(errors="replace")[:_MAX_TERMINATION])


def for_programs() -> bool:
    """Return whether stderr is JSON."""
    return _log.form == "json"


def event(name: str, names: Mapping[str, object] | None = None, **fields: object) -> None:
    """Write an event, for a program that reads stderr: one line. People do not see it.

    `names` may name people, and is left out unless requested.
    """
    if for_programs():
        about = {"run": _log.run} if _log.run else {}
        more = (names or {}) if _log.names else {}
        fields |= {key: masked(value) for key, value in fields.items() if isinstance(value, str)}
        line = {"time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}", "event": name, **about, **fields, **more}
        _err.write(json.dumps(line) + "\n")


def note(text: str, *, level: str = "info") -> None:
    """Write what a person should know beside the result; our own line breaks are kept."""
    if for_programs():
        event("note", level=level, message=text)
        return
    lines = "\n".join(printable(line) for line in masked(text).split("\n"))
    if _log.above_bars:
        _log.above_bars(lines)
    else:
        _err.write(lines + "\n")


def result(text: str, *, wait: bool = True) -> None:
    """Write text of the result as it is; without `wait`, give up on a reader that takes nothing."""
    _out.write(text, patience=None if wait else _PATIENCE)


def undelivered() -> str:
    """Return why a result could not be written; empty if it was, and if its reader has seen enough."""
    return _out.failure


def harmless(lines: Iterable[str]) -> str:
    """Return lines of text in which no name can do anything to a terminal."""
    return "".join(f"{printable(line)}\n" for line in lines)


def as_json(value: object) -> str:
    """Return a value as JSON; names are plain ASCII there, so no terminal can be harmed."""
    return json.dumps(value, indent=None if for_programs() else 2, allow_nan=False) + "\n"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a short table: drawn for a terminal, plain aligned columns elsewhere."""
    names = [printable(name) for name in header]
    cells = [[printable(cell) for cell in row] for row in rows]
    if _out.isatty():
        return _drawn(names, cells)
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    aligned = (
        "   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in ([name.upper() for name in names], *cells)
    )
    return "".join(f"{line}\n" for line in aligned)


def _drawn(header: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawing = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in header:
        drawing.add_column(Text(name), overflow="fold")
    for row in cells:
        drawing.add_row(*(Text(cell) for cell in row))
    file = StringIO()
    Console(file=file, force_terminal=True).print(drawing)
    return file.getvalue()


def bars() -> bool:
    """Return whether progress can be drawn on stderr: a person's terminal, and no log lines were requested."""
    return _log.form == "auto" and _err.isatty()


def bars_file() -> TextIOBase:
    """Return stderr as a file to draw on."""
    return _BarsFile()


@contextmanager
def notes_above_bars(write: Callable[[str], None]) -> Iterator[None]:
    """Write notes with `write` while bars are drawn."""
    _log.above_bars = write
    try:
        yield
    finally:
        _log.above_bars = None
