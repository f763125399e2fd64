"""Commands over what runs left."""

from pathlib import Path
from typing import Annotated, Final

import typer

from audit.command_line.declare import command
from audit.command_line.options import LiveZones, NamespacesConfig, OptionalConfig, SignKey, Snapshots, Zones
from audit.command_line.result import Result
from audit.command_line.signals import interruptible

EVIDENCE: Final = "Keep and check evidence"
evidence_app = typer.Typer(help=EVIDENCE, rich_markup_mode=None)


@command(
    evidence_app,
    example="query \"SELECT subject, count(*) FROM access WHERE push = 'yes' GROUP BY ALL\" --runs reports/latest",
)
def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="A query over the tables (docs/columns.md lists them).")],
    runs: Annotated[
        str,
        typer.Option(
            "--runs", "-r", help="A run, or a folder of runs: the rows of all are queried.", metavar="DIR|URL"
        ),
    ],
) -> Result:
    """Answer SQL over the Parquet tables of one run, or of many as one."""
    from audit.extras import require

    require("sql")
    from audit.commands.evidence.query import query

    with interruptible():
        return query(sql, runs)


@command(evidence_app, example="verify --config config.yaml --sample 500")
def verify(
    config: LiveZones = None,
    snapshot: Snapshots = None,
    zone: Zones = None,
    sample: Annotated[
        int, typer.Option("--sample", "-n", help="Cells to compare in each zone, at random.", metavar="N", min=1)
    ] = 2000,
    seed: Annotated[
        int | None,
        typer.Option("--seed", help="Draw the same cells as the earlier run with this seed.", metavar="N", min=0),
    ] = None,
    subjects: Annotated[
        int, typer.Option("--subjects", help="Also compare N lists of subjects of OpenShift.", metavar="N", min=0)
    ] = 0,
    *,
    every: Annotated[bool, typer.Option("--all", help="Compare every cell of the tables.")] = False,
) -> Result:
    """Compare the tables with the zones' own access reviews, and list every difference."""
    from audit.commands.evidence import verify as verifying

    options = verifying.VerifyOptions(
        None if every else sample, subjects, verifying.any_seed() if seed is None else seed
    )
    return verifying.verify(config, snapshot or (), zone or (), options)


@command(evidence_app, example="period --from 2026-10-01 --to 2026-12-31 --runs reports")
def period(
    first: Annotated[str, typer.Option("--from", help="The first day, in UTC.", metavar="DAY")],
    last: Annotated[str, typer.Option("--to", help="The last day, in UTC.", metavar="DAY")],
    runs: Annotated[str, typer.Option("--runs", "-r", help="The folder of runs.", metavar="DIR|URL")],
    zone: Zones = None,
    campaign: Annotated[
        list[str] | None,
        typer.Option("--campaign", help="Also the decisions of this campaign (repeatable).", metavar="DIR|URL"),
    ] = None,
    config: NamespacesConfig = None,
    out: Annotated[
        str | None, typer.Option("--out", "-o", help="Write each list there, as CSV.", metavar="DIR|URL")
    ] = None,
) -> Result:
    """Show for a period which days were covered, which access existed, who decided, and how long findings lasted."""
    from audit.commands.evidence.period import period

    return period((first, last), runs, zone or (), campaign or (), config, out)


@command(evidence_app, example="check-evidence reports --public-key audit.pub")
def check_evidence(
    path: Annotated[str, typer.Argument(metavar="PATH|URL", help="A run, or a folder of runs.")],
    public_key: Annotated[
        Path | None,
        typer.Option("--public-key", help="Every run must be signed by this minisign key.", metavar="FILE"),
    ] = None,
    head: Annotated[
        Path | None,
        typer.Option(
            "--head", help="A copy of head.json that was kept elsewhere: its run must still be here.", metavar="FILE"
        ),
    ] = None,
) -> Result:
    """Check that runs are as they were written: every file, every number, and the chain from run to run."""
    from audit.commands.evidence.check_evidence import check_evidence

    return check_evidence(path, public_key, head)


@command(evidence_app, example="prune --out reports --keep-days 400")
def prune(
    config: OptionalConfig = None,
    out: Annotated[str | None, typer.Option("--out", "-o", help="Folder or URL of runs.", metavar="DIR|URL")] = None,
    keep_days: Annotated[int | None, typer.Option("--keep-days", help="Remove older runs.", metavar="N", min=1)] = None,
    sign_key: SignKey = None,
) -> Result:
    """Remove the files of old runs; their manifests stay, so that the chain can be checked."""
    from audit.command_line.overlay import loaded
    from audit.commands.evidence.prune import prune

    with interruptible():
        return prune(loaded(config, out=out, keep_days=keep_days, sign_key=sign_key))


@command(evidence_app, example="reveal names.map user-1f6a")
def reveal(
    path: Annotated[Path, typer.Argument(metavar="MAP", help="The file of --pseudonym-map.")],
    texts: Annotated[list[str], typer.Argument(metavar="TEXT...", help="Pseudonyms, or texts that hold some.")],
) -> Result:
    """Print the names behind pseudonyms."""
    from audit.commands.evidence.reveal import reveal

    return reveal(path, texts)
