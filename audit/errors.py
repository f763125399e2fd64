"""Errors whose messages share one style: what happened, where, and how to fix it."""

import os
from typing import ClassVar, Final

from audit.exit_codes import BROKEN, STOPPED, USAGE
from audit.masking import masked

DEBUG: Final = "REGISTRY_AUDIT_DEBUG"  # environment variable: show the traceback of an error

_CONTROL = {c: f"\\x{c:02x}" for c in (*range(0x20), *range(0x7F, 0xA0))}
# Bidirectional overrides and line separators can make a terminal show another text than the one meant.
_CONTROL |= {c: f"\\u{c:04x}" for c in (0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))}


def printable(text: str) -> str:
    """Return `text` with every control character escaped, fit for a terminal or a log line.

    Names come from clusters and files, and may hold escape sequences. Line breaks are escaped too.
    """
    return text.translate(_CONTROL)


class AuditError(Exception):
    """A failure that is reported in one message and ends the command with `exit_code`.

    `what` happened, `where` (file and place, zone, address) and `fix` (what to do) are plain text, in which credentials
    are masked; the command line makes names in them harmless before printing.
    """

    exit_code: ClassVar[int] = BROKEN

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what, self.where, self.fix = masked(what), masked(where), masked(fix)
        super().__init__(self.what, self.where, self.fix)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f" ({self.fix})" if self.fix else ""
        return f"{place}{self.what}{remedy}"


class UsageError(AuditError):
    """The command line, or a file that it names, is invalid."""

    exit_code = USAGE


class ConfigError(UsageError):
    """A file that people write is invalid; `mistakes` holds every mistake, one line each."""

    def __init__(self, where: str, mistakes: list[str], fix: str = "", what: str = "configuration") -> None:
        self.mistakes = tuple(map(masked, mistakes))
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__("\n".join([f"{count} in the {what}", *(f"  {m}" for m in mistakes)]), where=where, fix=fix)


class Stopped(AuditError):
    """The program was asked to stop (SIGTERM or Ctrl-C)."""

    exit_code = STOPPED


_MAX_REASON = 300  # characters


def contained(error: BaseException) -> str:
    """Return in one line why a part failed, at a boundary where the other parts go on.

    Raises what must not be contained: a stop, and with REGISTRY_AUDIT_DEBUG=1 everything.
    """
    if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit | Stopped) or os.environ.get(DEBUG):
        raise error
    if isinstance(error, MemoryError):
        return "out of memory"
    if isinstance(error, AuditError):
        text = str(error)
    elif cause := _system_error(error):
        text = cause
    else:
        text = f"internal error: {type(error).__name__}: {error}"
    return printable(masked(text.encode(errors="replace").decode()))[:_MAX_REASON]


def _system_error(error: BaseException | None) -> str:
    """Return the operating system's reason for an error, or for the error behind it; empty if there is none."""
    while error is not None:
        if isinstance(error, OSError) and error.strerror:
            return error.strerror
        error = error.__cause__ or error.__context__
    return ""
