"""The program on the command line: parses it, runs the command, and reports what went wrong."""

import gc
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from types import TracebackType
from typing import Annotated, Any, Final, NoReturn

import typer
from typer.exceptions import TyperException

from audit import console
from audit.command_line.declare import GroupedHelp
from audit.command_line.result import Result, Verbatim, present
from audit.declarations.answers import answers_app
from audit.declarations.evidence import EVIDENCE, evidence_app
from audit.declarations.jobs import jobs_app
from audit.declarations.review import review_app
from audit.declarations.setup import SETUP, config_app, setup_app
from audit.errors import DEBUG, AuditError, UsageError, printable
from audit.exit_codes import BROKEN, DONE, STOPPED, USAGE
from audit.masking import remember_login
from audit.regular_files import LIMIT, limit_is_valid

_HELP: Final = "Who can pull, push or delete the images of each namespace, in every zone of an OpenShift platform."
_EPILOG: Final = (
    "Exit codes: 0 done, 1 internal error, 2 usage or configuration, 3 partial (something could not be read or "
    "written), 4 nothing usable, 5 invalid evidence, 10 findings at or above --fail-on, or new ones with "
    "--fail-on-new, 143 stopped."
)

_PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")

app = typer.Typer(
    name="registry-audit",
    cls=GroupedHelp,
    help=_HELP,
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _commands in (jobs_app, answers_app, evidence_app, setup_app):
    app.add_typer(_commands)
app.add_typer(config_app, name="config", rich_help_panel=SETUP)
app.add_typer(review_app, name="review", rich_help_panel=EVIDENCE)


@app.callback(invoke_without_command=True)
def program(
    *,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
    log_format: Annotated[
        str,
        typer.Option(
            "--log-format",
            envvar="REGISTRY_AUDIT_LOG_FORMAT",
            help="How to write stderr: auto (for people), text (no progress bars), or json (one line per event).",
            metavar="FORMAT",
        ),
    ] = "auto",
    log_names: Annotated[
        bool,
        typer.Option(
            "--log-names", envvar="REGISTRY_AUDIT_LOG_NAMES", help="In JSON, include fields that may name people."
        ),
    ] = False,
) -> None:
    """Declare the options of the program itself."""
    console.log_as(log_format, names=log_names)
    if show_version:
        from audit.version import version

        console.result(f"registry-audit {version()}\n")
        raise typer.Exit


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program and end it with the documented exit code; tracebacks are for REGISTRY_AUDIT_DEBUG only."""
    if not os.environ.get(DEBUG):
        # What fails while an object is dropped, such as closing a file on a full disk, is reported where it matters.
        sys.unraisablehook = _ignore
        os.environ["RUST_BACKTRACE"] = "0"
    sys.excepthook = _show_place
    sys.exit(run_command(arguments))


def _show_place(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show where a bug is; its message may repeat what somebody else wrote."""
    console.note("".join(traceback.format_exception(kind, error, trace)).rstrip(), level="error")


def _ignore(_: object) -> None:
    """Ignore an error that cannot be raised."""


_COLLECTED_AFTER: Final = 100_000  # objects more than were released


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    # Nearly all that is made lives to the end, in no cycles: looking through it again and again takes a fifth of a run.
    gc.set_threshold(_COLLECTED_AFTER, 50, 100)
    for name in _PROXIES:
        remember_login(os.environ.get(name) or os.environ.get(name.lower(), ""))
    try:
        _check_limit()
        work = _parsed(arguments)
        code = work() if callable(work) else work or DONE
        console.leave()
    except (SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # also what native code raises, such as a panic of a Rust library
        if os.environ.get(DEBUG):
            raise
        return _failed(error)
    return int(code)


def _check_limit() -> None:
    if not limit_is_valid(os.environ.get(LIMIT, "")):
        raise UsageError("not a limit in MiB", where=LIMIT, fix="a whole number from 16 to 1048576")


def _parsed(arguments: Sequence[str] | None) -> Any:
    """Return the work that a command line asks for, or the exit code of what the parser did itself, such as `--help`.

    What the parser prints is written as any result is: it would end the program where it cannot write.
    """
    printed = StringIO()
    try:
        with redirect_stdout(printed):
            return app(arguments, prog_name="registry-audit", standalone_mode=False)
    finally:
        if text := printed.getvalue():
            present(Result(value=str, text=[Verbatim(text)]), as_json=False)


def _hint(context: Any) -> str:
    """Return what to type instead of a line that could not be parsed."""
    example = (context.command.epilog or "").partition("  registry-audit ")[2]
    shown = f"for example `registry-audit {example}`, or " if example else ""
    return f"{shown}try `{context.command_path} --help`"


def _failed(error: BaseException) -> int:
    """Report what went wrong in one message, and return the exit code for it."""
    message, code = f"this is a bug: {type(error).__name__}: {error} ({DEBUG}=1 shows its place)", BROKEN
    if isinstance(error, AuditError):
        message, code = str(error), error.exit_code
    elif isinstance(error, TyperException):
        context = getattr(error, "ctx", None)
        message = error.format_message() + (f" ({_hint(context)})" if context else "")
        code = USAGE
    elif isinstance(error, KeyboardInterrupt):
        message, code = "stopped", STOPPED
    elif isinstance(error, MemoryError):
        message = "out of memory"
    if console.for_programs():
        console.event("error", level="error", exit_code=code, message=message)
    else:
        console.note(f"registry-audit: {message}")
    console.leave(printable(f"registry-audit: exit code {code}: {message}"))
    return code
