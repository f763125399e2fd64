"""How a command is declared: its options come from its signature, `--json` is added, and its result is presented."""

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from typing import Annotated, Any, get_type_hints

import typer

from audit.command_line.result import Result, present

# What a command line means once it is parsed; called outside of the parser, it does the work and returns the exit code.
Work = Callable[[], int]
_AS_JSON = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def command(app: typer.Typer, name: str = "", *, json: bool = True) -> Callable[[Callable[..., Result]], None]:
    """Declare a function as a command of `app`.

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
        app.command(name or function.__name__.replace("_", "-"))(parsed)

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
