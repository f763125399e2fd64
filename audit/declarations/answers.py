"""Commands that answer who has, had or used which access."""

from pathlib import Path
from typing import Annotated, Final

import typer

from audit.command_line import complete
from audit.command_line.declare import command
from audit.command_line.options import (
    PLACE_HELP,
    SAVED_HELP,
    SUBJECT_HELP,
    FactsOptions,
    NamespacesConfig,
    OptionalAction,
    OptionalPlace,
    OptionalSubject,
    Replicas,
    Subject,
    UseOptions,
    WhatIfOptions,
    Zones,
)
from audit.command_line.result import Result
from audit.errors import UsageError

ROUTES_HELP: Final = "Include access through another identity, role or image, step by step."
answers_app = typer.Typer(help="Ask who has which access", rich_markup_mode=None)


@command(answers_app, example="can user/ann push shop/web --snapshot reports")
def can(
    facts: FactsOptions,
    subject: OptionalSubject = None,
    action: OptionalAction = None,
    place: OptionalPlace = None,
    questions: Annotated[
        Path | None,
        typer.Option(
            "--questions",
            "-q",
            help="Answer each row of this CSV file; columns zone,subject_kind,subject,action,namespace,repository.",
            metavar="FILE",
        ),
    ] = None,
    *,
    routes: Annotated[bool, typer.Option("--routes", help=ROUTES_HELP)] = False,
) -> Result:
    """Answer yes, no or unknown: may a subject do something, and why."""
    from audit.command_line import sources
    from audit.commands.answers.can import can
    from audit.commands.answers.questions import questions as answer_questions

    if questions is not None:
        if subject or action or place or routes:
            raise UsageError("--questions takes no SUBJECT, ACTION or NAMESPACE, and no --routes")
        return answer_questions(questions, sources.facts(facts))
    if subject is None or action is None:
        raise UsageError(
            "can SUBJECT ACTION NAMESPACE[/REPOSITORY], or can --questions FILE",
            where=f"can {subject or ''}".strip(),
            fix="for example: registry-audit can user/ann push shop",
        )
    _check_place(action, place, f"can user/ann {action} shop")
    return can(sources.facts(facts), subject, action, place, routes=routes)


def _check_place(action: str, place: str | None, example: str) -> None:
    """Raise UsageError for a missing namespace before anything is read."""
    from audit.command_line.typed import action_of, where_of

    if place is None:
        where_of(action_of(action), None, example)


@command(answers_app, example="who push shop --snapshot reports")
def who(
    facts: FactsOptions,
    use: UseOptions,
    action: OptionalAction = None,
    place: OptionalPlace = None,
    image: Annotated[
        str | None,
        typer.Option(
            "--image",
            help="Who can pull an image, from every image stream that holds it.",
            metavar="DIGEST|NAMESPACE[/REPOSITORY[:TAG]]",
        ),
    ] = None,
    unused_for: Annotated[
        str | None,
        typer.Option(
            "--unused-for", help="Only those who have not used it for this long, such as 90d.", metavar="DAYS"
        ),
    ] = None,
    *,
    routes: Annotated[bool, typer.Option("--routes", help=ROUTES_HELP)] = False,
) -> Result:
    """List everybody who may do something in a namespace, or in a whole zone (`who delete`), or pull an image."""
    from audit.command_line import sources
    from audit.commands.answers.who import who
    from audit.commands.answers.who_image import who_can_pull

    if image is not None:
        if action or place or routes or unused_for is not None:
            raise UsageError("--image takes no ACTION, NAMESPACE, --routes or --unused-for", where=f"--image {image}")
        return who_can_pull(sources.facts(facts), image)
    if action is None:
        raise UsageError(
            "Missing argument 'ACTION'.",
            fix="for example `registry-audit who push shop --snapshot reports`, or try `registry-audit who --help`",
        )
    _check_place(action, place, f"who {action} shop")
    if unused_for is None:
        if use != UseOptions():
            raise UsageError("logs are only needed with --unused-for", fix="add --unused-for 90d")
        return who(sources.facts(facts), action, place, routes=routes)
    from audit.command_line.use import unused_in

    if routes:
        raise UsageError("--unused-for is about direct access", fix="leave --routes out")
    return who(snapshots := sources.facts(facts), action, place, unused_in(snapshots, use, unused_for))


@command(answers_app, example="impact sa/shop:ci --snapshot reports --runs reports --replicas 2")
def impact(
    topic: Annotated[
        str,
        typer.Argument(
            metavar="SUBJECT|BINDING|NAMESPACE",
            help="user/NAME, group/NAME, sa/NAMESPACE:NAME, rolebinding/NAMESPACE:NAME, clusterrolebinding/NAME, or a "
            "namespace.",
        ),
    ],
    facts: FactsOptions,
    use: UseOptions,
) -> Result:
    """Show what was used by a subject, a binding or in a namespace, and would fail without it."""
    from audit.command_line import sources
    from audit.commands.answers.impact import impact

    return impact(sources.only_one(sources.facts(facts)), topic, use)


@command(answers_app, example="least sa/shop:ci --snapshot reports --runs reports --replicas 2")
def least(subject: Subject, facts: FactsOptions, use: UseOptions) -> Result:
    """Print the smallest grant that covers what a subject used, as a manifest; nothing is applied."""
    from audit.command_line import sources
    from audit.commands.answers.least import least

    return least(sources.only_one(sources.facts(facts)), subject, use)


@command(answers_app, example="explain user/ann shop --snapshot reports")
def explain(
    subject: Subject,
    facts: FactsOptions,
    namespace: Annotated[
        str | None,
        typer.Argument(metavar="NAMESPACE", help="Only in this namespace.", autocompletion=complete.namespaces),
    ] = None,
    *,
    routes: Annotated[bool, typer.Option("--routes", help=ROUTES_HELP)] = False,
) -> Result:
    """Explain every grant that a subject has, one sentence each."""
    from audit.command_line import sources
    from audit.commands.answers.explain import explain

    return explain(sources.facts(facts), subject, namespace, routes=routes)


@command(answers_app, example="diff reports/RUN reports/latest --format markdown")
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help=SAVED_HELP)],
    new: Annotated[str, typer.Argument(metavar="NEW", help=SAVED_HELP)],
    output: Annotated[str, typer.Option("--format", "-f", help="table, csv or markdown.", metavar="FORMAT")] = "table",
    config: NamespacesConfig = None,
) -> Result:
    """Show whose access changed between two states, and which change of a binding, role or group caused it."""
    from audit.commands.answers.diff import diff

    return diff(old, new, output, config)


@command(answers_app, "what-if", example="what-if --apply manifests/ --snapshot reports/latest --fail-on high")
def what_if(options: WhatIfOptions, zone: Zones = None, config: NamespacesConfig = None) -> Result:
    """Show whose access and which findings manifests would change, before they are applied; nothing is sent."""
    from audit.commands.answers.what_if import what_if

    return what_if(options, zone or (), config)


@command(answers_app, example="history user/ann --runs reports")
def history(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="SUBJECT|NAMESPACE", help=f"{SUBJECT_HELP} Or ns/NAME.", autocompletion=complete.subjects
        ),
    ],
    runs: Annotated[str, typer.Option("--runs", "-r", help="The folder of runs.", metavar="DIR|URL")],
    zone: Zones = None,
    config: NamespacesConfig = None,
) -> Result:
    """Show since when a subject, or everybody in a namespace, has which access."""
    from audit.commands.answers.history import history

    return history(subject, runs, zone or (), config)


@command(answers_app, example="usage shop --usage logs --runs reports")
def usage(
    topic: Annotated[
        str, typer.Argument(metavar="NAMESPACE|SUBJECT|IMAGE", help=f"{PLACE_HELP} Or user/NAME, sa/NAMESPACE:NAME.")
    ],
    logs: Annotated[
        list[Path] | None,
        typer.Option("--usage", help="A log of the registry or of an API server, or a folder of logs.", metavar="PATH"),
    ] = None,
    runs: Annotated[
        str | None, typer.Option("--runs", "-r", help="The folder of runs: keep use there.", metavar="DIR|URL")
    ] = None,
    zone: Annotated[
        str | None, typer.Option("--zone", "-z", help="The zone that the logs are of.", metavar="ID")
    ] = None,
    replicas: Replicas = None,
) -> Result:
    """Show which access was used, by whom and when, as logs say it."""
    from audit.commands.answers.usage import usage

    return usage(topic, logs or (), runs, zone, replicas)
