"""Commands that read zones, and write snapshots and reports."""

from typing import Annotated

import typer

from audit.command_line.declare import command
from audit.command_line.options import (
    AccountScope,
    CollectOptions,
    ConfigFile,
    JobName,
    LiveZones,
    OptionalConfig,
    Out,
    PseudonymOptions,
    RunOptions,
    Snapshots,
    ZoneId,
    Zones,
)
from audit.command_line.result import Result
from audit.errors import UsageError

jobs_app = typer.Typer(help="Read zones, write reports", rich_markup_mode=None)


@command(jobs_app, example="run --config config.yaml --out reports")
def run(
    options: RunOptions,
    collect: CollectOptions,
    pseudonyms: PseudonymOptions,
    config: LiveZones = None,
    job: JobName = None,
    *,
    shard: Annotated[
        bool,
        typer.Option(
            "--shard",
            help="Collect only part JOB_COMPLETION_INDEX of JOB_COMPLETIONS of the zones, for `merge`.",
        ),
    ] = False,
    and_merge: Annotated[
        bool, typer.Option("--merge", help="With --shard: the shard that finishes last writes the report of all.")
    ] = False,
) -> Result:
    """Collect all zones, or the current context, and write the reports: the whole job."""
    if and_merge and not shard:
        raise UsageError("--merge needs --shard", fix="registry-audit merge writes the report by itself")
    if not shard:
        from audit.commands.jobs.run import run

        return run(config, options, collect, pseudonyms)
    if pseudonyms != PseudonymOptions():
        raise UsageError("--pseudonyms cannot be combined with --shard", fix="run all zones together")
    if config is None:
        raise UsageError("--shard needs --config", fix="name the zones of all shards in one file")
    from audit.commands.jobs.shard import run_shard

    return run_shard(config, job, options, collect, and_merge=and_merge)


@command(jobs_app, example="merge --config config.yaml --job nightly")
def merge(config: ConfigFile, options: RunOptions, job: JobName = None) -> Result:
    """Write the report of all zones from what the shards of a job have left (`run --shard`)."""
    from audit.commands.jobs.merge import merge

    return merge(job, config, options)


@command(jobs_app, example="collect --config config.yaml --out facts")
def collect(config: LiveZones = None, out: Out = None, zone: Zones = None, scope: AccountScope = None) -> Result:
    """Collect the zones, or the current context, into snapshot files, to be read without a cluster."""
    from audit.command_line.overlay import config_with
    from audit.command_line.sources import configured
    from audit.commands.jobs.collect import collect

    return collect(config_with(configured(config), out=out, scope=scope), zone or ())


@command(jobs_app, example="report --snapshot dump --out reports --format csv --format html")
def report(
    options: RunOptions,
    pseudonyms: PseudonymOptions,
    snapshot: Snapshots = None,
    config: OptionalConfig = None,
    readers: Annotated[
        list[str] | None,
        typer.Option(
            "--for",
            help="Also write a report of what one zone or organization needs to know (repeatable).",
            metavar="zone:ID|organization:NAME",
        ),
    ] = None,
    zone_id: ZoneId = None,
) -> Result:
    """Write the reports from saved snapshots or dumps."""
    from audit.commands.jobs.report import report

    return report(snapshot or (), config, options, pseudonyms, readers or (), zone_id)


@command(jobs_app, json=False, example="dump-commands > dump.sh")
def dump_commands(
    shell: Annotated[str, typer.Option("--shell", help="sh or powershell.", metavar="SHELL")] = "sh",
) -> Result:
    """Print the commands that write a dump of a zone with `oc`, and fail when a list is refused."""
    from audit.commands.jobs.dump_commands import dump_commands

    return dump_commands(shell)


@command(jobs_app, example="demo --out demo-report")
def demo(
    out: Annotated[str, typer.Option("--out", "-o", help="Folder to write to.", metavar="DIR")] = "demo-report",
) -> Result:
    """Show a month of two small zones that come with the program: runs, a report, and a review half done."""
    from audit.commands.jobs.demo import demo

    return demo(out)
