"""`review`: access reviews by people."""

from pathlib import Path
from typing import Annotated

import typer

from audit.command_line.declare import GroupedHelp, command
from audit.command_line.options import (
    Campaign,
    LaterOptions,
    OptionalConfig,
    Replicas,
    SignKey,
    Snapshots,
    UseOptions,
    Zones,
)
from audit.command_line.result import Result
from audit.command_line.signals import interruptible

review_app = typer.Typer(
    cls=GroupedHelp, help="Have people review every grant.", no_args_is_help=True, rich_markup_mode=None
)


@command(
    review_app,
    "start",
    example="review start --snapshot reports --reviewers reviewers.yaml --due 2027-01-31 --out reviews/q1",
)
def review_start(
    reviewers: Annotated[
        Path, typer.Option("--reviewers", "-r", help="Who reviews what (YAML, docs/campaigns.md).", metavar="FILE")
    ],
    due: Annotated[str, typer.Option("--due", help="Last day for decisions.", metavar="YYYY-MM-DD")],
    out: Annotated[
        str, typer.Option("--out", "-o", help="Folder or URL of the campaign, a new one.", metavar="DIR|URL")
    ],
    snapshot: Snapshots = None,
    config: OptionalConfig = None,
    zone: Zones = None,
    organization: Annotated[
        list[str] | None,
        typer.Option("--organization", help="Only namespaces of this organization (glob; repeatable).", metavar="NAME"),
    ] = None,
    namespace: Annotated[
        list[str] | None,
        typer.Option("--namespace", "-n", help="Only this namespace (glob; repeatable).", metavar="NAME"),
    ] = None,
    runs: Annotated[
        str | None,
        typer.Option(
            "--runs", help="The folder of runs, which keeps use: when each access was used last.", metavar="DIR|URL"
        ),
    ] = None,
    replicas: Replicas = None,
) -> Result:
    """Start a campaign: a line for each grant, as a workbook and CSV to decide in."""
    from audit.campaigns.campaign import CampaignScope
    from audit.commands import review

    state = review.ZonesState(snapshot or (), zone or (), config)
    use = UseOptions(runs=runs, replicas=replicas) if runs else None
    within = CampaignScope(tuple(organization or ()), tuple(namespace or ()))
    with interruptible():
        return review.start(state, reviewers, within, due, out, use)


@command(review_app, "apply", example="review apply reviews/q1 answers.xlsx")
def review_apply(
    campaign: Campaign,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Answers: .xlsx, .csv or .yaml.")],
    later: LaterOptions,
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Replace earlier decisions that differ.")] = False,
) -> Result:
    """Apply the answers in files, all or none: every mistake is reported at once."""
    from audit.commands import review

    with interruptible():
        return review.apply(campaign, files, review.ZonesState.later(later), replace=replace)


@command(review_app, "status", example="review status reviews/q1 --snapshot reports")
def review_status(
    campaign: Campaign,
    later: LaterOptions,
    todo: Annotated[
        Path | None,
        typer.Option("--todo", help="Write what is undecided, as it is now (.xlsx or .csv).", metavar="FILE"),
    ] = None,
) -> Result:
    """Show the progress of a campaign; with a later run, which removals are proven and what is open again."""
    from audit.commands import review

    with interruptible():
        return review.status(campaign, review.ZonesState.later(later), todo)


@command(review_app, "script", example="review script reviews/q1 --snapshot reports --out scripts")
def review_script(
    campaign: Campaign,
    out: Annotated[str, typer.Option("--out", "-o", help="Folder or URL to write to.", metavar="DIR|URL")],
    later: LaterOptions,
) -> Result:
    """Write the commands of all decisions: a script for each zone, which changes nothing without APPLY=yes."""
    from audit.commands import review

    with interruptible():
        return review.script(campaign, review.ZonesState.later(later), out)


@command(review_app, "export", example="review export reviews/q1 --out evidence")
def review_export(
    campaign: Campaign,
    out: Annotated[str, typer.Option("--out", "-o", help="Folder or URL to write to.", metavar="DIR|URL")],
    later: LaterOptions,
    sign_key: SignKey = None,
) -> Result:
    """Write the evidence: who had which access, who decided what, and what became of it."""
    from audit.commands import review

    with interruptible():
        return review.export(campaign, review.ZonesState.later(later), out, sign_key)
