"""How a command is declared: its options come from its signature, `--json` is added, and its result is presented."""

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from typing import Annotated, Any, get_type_hints

import typer
from typer.core import TyperGroup

from audit.command_line.result import Result, present
from audit.exit_codes import USAGE

# What a command line means once it is parsed; called outside of the parser, it does the work and returns the exit code.
Work = Callable[[], int]
_AS_JSON = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


class GroupedHelp(TyperGroup):
    """A group whose help lists the commands by what they are for, with their whole summaries."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Print the help when nothing follows the group; that is not an error message, and no success either."""
        if not args and self.no_args_is_help and not ctx.resilient_parsing:
            typer.echo(ctx.get_help())
            raise typer.Exit(USAGE)
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each group of commands."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            if command := self.get_command(ctx, name):
                title = getattr(command, "rich_help_panel", None) or "Commands"
                sections.setdefault(title, []).append((name, " ".join((command.help or "").split())))
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows)


def command(
    app: typer.Typer, name: str = "", *, json: bool = True, example: str = ""
) -> Callable[[Callable[..., Result]], None]:
    """Declare a function as a command of `app`; `example` is a line without the name of the program.

    Each parameter is an option or argument, or a dataclass whose fields are. Without `json`, there is no `--json`.
    """

    def declare(function: Callable[..., Result]) -> None:
        hints = get_type_hints(function, include_extras=True)
        hints.pop("return")
        groups: dict[str, Any] = {key: kind for key, kind in hints.items() if dataclasses.is_dataclass(kind)}

        def parsed(*, as_json: bool = False, **given: Any) -> Work:
            values = {key: kind(**{field: given.pop(field) for field in _fields(kind)}) for key, kind in groups.items()}
            return lambda: present(function(**given, **values), as_json=as_json)

        options = [*_options(function, hints), *([_option("as_json", _AS_JSON, default=False)] if json else [])]
        parsed.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]  # read by inspect.signature
        parsed.__annotations__ = {option.name: option.annotation for option in options}
        parsed.__doc__ = function.__doc__
        title = app.info.help if isinstance(app.info.help, str) else None
        # "\b" keeps the line as it is, to be copied.
        epilog = f"Example:\n\n\b\n  registry-audit {example}" if example else None
        app.command(name or function.__name__.replace("_", "-"), rich_help_panel=title, epilog=epilog)(parsed)

    return declare


def _options(function: Callable[..., Result], hints: dict[str, Any]) -> Iterator[inspect.Parameter]:
    for parameter in inspect.signature(function).parameters.values():
        kind = hints[parameter.name]
        if dataclasses.is_dataclass(kind):
            fields = get_type_hints(kind, include_extras=True)
            yield from (_option(field.name, fields[field.name], field.default) for field in dataclasses.fields(kind))
        else:
            yield _option(parameter.name, kind, parameter.default)


def _option(name: str, kind: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def _fields(kind: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]
