"""All documents that are written from the code: the references, and every command as the program itself declares it."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import typer

from audit.cli import app
from docs.build.reference import DOCUMENTS as REFERENCES

_HEAD: Final = """\
# Commands

Every command and option, as `--help` says it. The program's own options stand before the command. Results go to stdout,
everything else to stderr; how each command ends is in [exit-codes.md](exit-codes.md).
"""


def commands_reference() -> str:
    """Return the reference of all commands as Markdown."""
    root = typer.main.get_command(app)
    return "\n".join([_HEAD, _options(root), *_commands(root, root.name or "")]).rstrip() + "\n"


def _commands(group: Any, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        full = f"{path} {name}"
        if hasattr(command, "commands"):
            yield from _commands(command, full)
        else:
            arguments = "".join(_argument(one) for one in command.params if one.param_type_name == "argument")
            yield f"## {full}\n\n{command.help}\n\n```\n{full} [OPTIONS]{arguments}\n```\n"
            yield _options(command)
            if command.epilog:
                yield "Example: `" + command.epilog.rpartition("\n")[2].strip() + "`\n"


def _argument(parameter: Any) -> str:
    return f" {parameter.metavar}" if parameter.required else f" [{parameter.metavar}]"


def _options(command: Any) -> str:
    rows = [f"| {_spelled(one)} | {_escaped(one.help or '')}{_more(one)} |" for one in command.params]
    return "\n".join(["| option | meaning |", "|---|---|", *rows]) + "\n" if rows else ""


def _spelled(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_escaped(parameter.metavar)}`"
    value = f" {parameter.metavar}" if parameter.metavar and not parameter.is_flag else ""
    return ", ".join(f"`{_escaped(name + value)}`" for name in parameter.opts)


def _more(parameter: Any) -> str:
    variable = f" Or the variable `{parameter.envvar}`." if parameter.envvar else ""
    return (" Needed." if parameter.required else "") + variable


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


# What `make docs` writes into docs/.
DOCUMENTS: Final[dict[str, Callable[[], str]]] = {**REFERENCES, "commands.md": commands_reference}
