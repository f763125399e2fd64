"""What a command returns, and the one place that prints it: as JSON for programs, as text for people."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from audit import console
from audit.exit_codes import DONE


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

    `notes` go to stderr after it, in both forms.
    """

    value: Callable[[], object]
    text: Iterable[str | Grid | Verbatim] = ()
    notes: Iterable[str] = ()
    exit_code: int = DONE


def present(result: Result, *, as_json: bool) -> int:
    """Print a result; return its exit code."""
    if as_json:
        console.result_json(result.value())
    else:
        for block in result.text:
            _print(block)
    for note in result.notes:
        console.note(note)
    return result.exit_code


def _print(block: str | Grid | Verbatim) -> None:
    if isinstance(block, Grid):
        console.table(block.header, [*block.rows])
    elif isinstance(block, Verbatim):
        console.verbatim(block.text)
    else:
        console.lines([block])
