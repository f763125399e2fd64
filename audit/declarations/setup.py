"""Commands that show what the program would do: zones, checks, the configuration."""

from pathlib import Path
from typing import Annotated, Final

import typer

from audit.command_line.declare import GroupedHelp, command
from audit.command_line.options import ConfigFile, Zones
from audit.command_line.result import Result
from audit.errors import UsageError

SETUP: Final = "Set up"
setup_app = typer.Typer(help=SETUP, rich_markup_mode=None)
config_app = typer.Typer(cls=GroupedHelp, help="Check the configuration.", no_args_is_help=True, rich_markup_mode=None)


@command(setup_app, example="zones --config config.yaml")
def zones(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Check the zones of this configuration.", metavar="FILE")
    ] = None,
    kubeconfig: Annotated[
        Path | None,
        typer.Option("--kubeconfig", "-k", help="Without a configuration: its contexts are the zones.", metavar="FILE"),
    ] = None,
    context: Annotated[
        list[str] | None,
        typer.Option("--context", help="Only contexts of this name or glob (repeatable).", metavar="GLOB"),
    ] = None,
    zone: Zones = None,
    *,
    required_access: Annotated[
        bool, typer.Option("--required-access", help="Print the ClusterRole needed to read a zone, and exit.")
    ] = False,
    parts: Annotated[
        list[str] | None,
        typer.Option(
            "--with", help="With --required-access: also the role for this part (comma-separated).", metavar="PART"
        ),
    ] = None,
) -> Result:
    """Show where each zone is, who you are there, what you may read, and what a report would not know."""
    from audit.commands import zones

    if required_access:
        return zones.required_access(parts or ())
    if parts:
        raise UsageError("--with needs --required-access")
    return zones.zones(config, kubeconfig, context or (), zone or ())


@command(setup_app, example="checks --json")
def checks() -> Result:
    """List every check with its severity; --json includes all that is documented of it."""
    from audit.commands.checks import checks

    return checks()


@command(config_app, "check", example="config check --config config.yaml")
def config_check(config: ConfigFile) -> Result:
    """Report everything that is wrong with the configuration and the files it refers to."""
    from audit.commands.config import check

    return check(config)


@command(config_app, "schema", json=False, example="config schema > config.schema.json")
def config_schema() -> Result:
    """Print the JSON Schema of the configuration, for editors."""
    from audit.commands.config import schema

    return schema()
