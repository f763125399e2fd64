"""What a command returns, and the one place that prints it: as JSON for programs, as text for people."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from audit import console
from audit.errors import UsageError
from audit.exit_codes import DONE, INVALID_EVIDENCE


class Grid(NamedTuple):
    """A short table."""

    header: Sequence[str]
    rows: Iterable[Sequence[str]]


class Verbatim(NamedTuple):
    """Text that is printed as it is: CSV, Markdown, YAML or JSON, whose format makes names harmless."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of a command: `value` for `--json`, `text` for people (lines, tables), and the exit code.

    `notes` go to stderr after it, in both forms. `files`: the result is in files, and what is printed only sums it up.
    """

    value: Callable[[], object]
    text: Iterable[str | Grid | Verbatim] = ()
    notes: Iterable[str] = ()
    exit_code: int = DONE
    files: bool = False


def present(result: Result, *, as_json: bool) -> int:
    """Print a result, and return its exit code. Raises UsageError for an answer that cannot be delivered."""
    blocks = [console.as_json(result.value())] if as_json else map(_printed, result.text)
    for block in blocks:
        console.result(block, wait=not result.files)
    for note in result.notes:
        console.note(note)
    if not result.files and result.exit_code != INVALID_EVIDENCE and (why := console.undelivered()):
        raise UsageError(f"cannot write the result: {why}", where="stdout")
    return result.exit_code


def _printed(block: str | Grid | Verbatim) -> str:
    if isinstance(block, Grid):
        return console.table(block.header, [*block.rows])
    return block.text if isinstance(block, Verbatim) else console.harmless([block])
