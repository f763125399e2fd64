"""The command line: declares every command, and reports what went wrong."""

import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from typer.exceptions import TyperException

from audit import console
from audit.command_line.declare import command
from audit.command_line.options import (
    ACTION_HELP,
    PLACE_HELP,
    SAVED_HELP,
    SUBJECT_HELP,
    AccountScope,
    Action,
    Campaign,
    CollectOptions,
    ConfigFile,
    FactsOptions,
    JobName,
    LaterOptions,
    NamespacesConfig,
    OptionalConfig,
    Out,
    Place,
    PseudonymOptions,
    RunOptions,
    SignKey,
    Snapshots,
    Subject,
    ZoneId,
    Zones,
)
from audit.command_line.result import Result, Verbatim, present
from audit.command_line.signals import interruptible
from audit.errors import DEBUG, AuditError, UsageError, printable
from audit.exit_codes import BROKEN, DONE, STOPPED, USAGE

_HELP: Final = "Who can pull, push or delete the images of each namespace, in every zone of an OpenShift platform."
_EPILOG: Final = (
    "Exit codes: 0 done, 1 error of the program, 2 usage or configuration, 3 partial (something could not be read or "
    "written), 4 nothing usable, 5 evidence that does not hold, 10 findings at or above --fail-on, or new ones with "
    "--fail-on-new, 143 stopped."
)

app = typer.Typer(
    name="registry-audit",
    help=_HELP,
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
config_app = typer.Typer(help="Check the configuration.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(config_app, name="config")
review_app = typer.Typer(help="Have people review every grant.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(review_app, name="review")


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
        typer.Option("--log-names", envvar="REGISTRY_AUDIT_LOG_NAMES", help="In JSON, include what may name people."),
    ] = False,
) -> None:
    """Declare the options of the program itself."""
    console.log_as(log_format, names=log_names)
    if show_version:
        from audit.version import version

        console.result(f"registry-audit {version()}\n")
        raise typer.Exit


@command(app)
def run(
    config: ConfigFile,
    options: RunOptions,
    collect: CollectOptions,
    pseudonyms: PseudonymOptions,
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
    """Collect all zones and write the reports: the whole job."""
    if and_merge and not shard:
        raise UsageError("--merge needs --shard", fix="registry-audit merge writes the report by itself")
    if not shard:
        from audit.commands.run import run

        return run(config, options, collect, pseudonyms)
    if pseudonyms != PseudonymOptions():
        raise UsageError("--pseudonyms cannot be combined with --shard", fix="run all zones together")
    from audit.commands.shard import run_shard

    return run_shard(config, job, options, collect, and_merge=and_merge)


@command(app)
def merge(config: ConfigFile, options: RunOptions, job: JobName = None) -> Result:
    """Write the report of all zones from what the shards of a job have left (`run --shard`)."""
    from audit.commands.merge import merge

    return merge(job, config, options)


@command(app)
def collect(config: ConfigFile, out: Out = None, zone: Zones = None, scope: AccountScope = None) -> Result:
    """Collect the zones into snapshot files, to be read without a cluster."""
    from audit.command_line.overlay import loaded
    from audit.commands.collect import collect

    return collect(loaded(config, out=out, scope=scope), zone or ())


@command(app)
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
    from audit.commands.report import report

    return report(snapshot or (), config, options, pseudonyms, readers or (), zone_id)


@command(app, json=False)
def dump_commands(
    shell: Annotated[str, typer.Option("--shell", help="sh or powershell.", metavar="SHELL")] = "sh",
) -> Result:
    """Print the commands that write a dump of a zone with `oc`, and fail when a list is refused."""
    from audit.commands.dump_commands import dump_commands

    return dump_commands(shell)


@command(app)
def demo(
    out: Annotated[str, typer.Option("--out", "-o", help="Folder to write to.", metavar="DIR")] = "demo-report",
) -> Result:
    """Run the whole job on two small zones that come with the program."""
    from audit.commands.demo import demo

    return demo(out)


@command(app)
def can(
    facts: FactsOptions,
    subject: Annotated[str | None, typer.Argument(metavar="SUBJECT", help=SUBJECT_HELP)] = None,
    action: Annotated[str | None, typer.Argument(metavar="ACTION", help=ACTION_HELP)] = None,
    place: Annotated[str | None, typer.Argument(metavar="NAMESPACE[/REPOSITORY]", help=PLACE_HELP)] = None,
    questions: Annotated[
        Path | None,
        typer.Option(
            "--questions",
            "-q",
            help="Answer each row of this CSV file; columns zone,subject_kind,subject,action,namespace,repository.",
            metavar="FILE",
        ),
    ] = None,
) -> Result:
    """Answer yes, no or unknown: may a subject do something, and why."""
    from audit.command_line import sources
    from audit.commands.can import can
    from audit.commands.questions import questions as answer_questions

    if questions is not None:
        if subject or action or place:
            raise UsageError("--questions takes no SUBJECT, ACTION or NAMESPACE")
        return answer_questions(questions, sources.facts(facts))
    if subject is None or action is None or place is None:
        raise UsageError("can SUBJECT ACTION NAMESPACE[/REPOSITORY], or can --questions FILE")
    return can(sources.only_one(sources.facts(facts)), subject, action, place)


@command(app)
def who(action: Action, place: Place, facts: FactsOptions) -> Result:
    """List everybody who may do something in a namespace."""
    from audit.command_line import sources
    from audit.commands.who import who

    return who(sources.facts(facts), action, place)


@command(app)
def explain(
    subject: Subject,
    facts: FactsOptions,
    namespace: Annotated[str | None, typer.Argument(metavar="NAMESPACE", help="Only in this namespace.")] = None,
) -> Result:
    """Explain every grant that a subject has, one sentence each."""
    from audit.command_line import sources
    from audit.commands.explain import explain

    return explain(sources.facts(facts), subject, namespace)


@command(app)
def reveal(
    path: Annotated[Path, typer.Argument(metavar="MAP", help="The file of --pseudonym-map.")],
    texts: Annotated[list[str], typer.Argument(metavar="TEXT...", help="Pseudonyms, or texts that hold some.")],
) -> Result:
    """Print the names behind pseudonyms."""
    from audit.commands.reveal import reveal

    return reveal(path, texts)


@command(app)
def checks() -> Result:
    """List every check with its severity; --json includes all that is documented of it."""
    from audit.commands.checks import checks

    return checks()


@command(app)
def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="A query over the tables access, grants and coverage.")],
    runs: Annotated[str, typer.Option("--runs", "-r", help="A run, or a folder of runs.", metavar="DIR|URL")],
) -> Result:
    """Answer SQL over the Parquet tables of one run, or of many as one."""
    from audit.commands.query import query

    with interruptible():
        return query(sql, runs)


@command(app)
def verify(
    config: ConfigFile,
    snapshot: Snapshots = None,
    zone: Zones = None,
    sample: Annotated[
        int, typer.Option("--sample", "-n", help="Cells to compare in each zone, at random.", metavar="N", min=1)
    ] = 2000,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Draw the same cells as an earlier run with it.", metavar="N", min=0)
    ] = None,
    subjects: Annotated[
        int, typer.Option("--subjects", help="Also compare N lists of subjects of OpenShift.", metavar="N", min=0)
    ] = 0,
    *,
    every: Annotated[bool, typer.Option("--all", help="Compare every cell of the tables.")] = False,
) -> Result:
    """Compare the tables with the zones' own access reviews, and list every difference."""
    from audit.commands import verify as verifying

    options = verifying.VerifyOptions(
        None if every else sample, subjects, verifying.any_seed() if seed is None else seed
    )
    return verifying.verify(config, snapshot or (), zone or (), options)


@command(app)
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
    """Show where each zone is, who we are there, what we may read, and what a report would not know."""
    from audit.commands import zones

    if required_access:
        return zones.required_access(parts or ())
    if parts:
        raise UsageError("--with needs --required-access")
    return zones.zones(config, kubeconfig, context or (), zone or ())


@command(app)
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help=SAVED_HELP)],
    new: Annotated[str, typer.Argument(metavar="NEW", help=SAVED_HELP)],
    output: Annotated[str, typer.Option("--format", "-f", help="table, csv or markdown.", metavar="FORMAT")] = "table",
    config: NamespacesConfig = None,
) -> Result:
    """Show whose access changed between two states, and which change of a binding, role or group caused it."""
    from audit.commands.diff import diff

    return diff(old, new, output, config)


@command(app)
def history(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT|NAMESPACE", help=f"{SUBJECT_HELP} Or ns/NAME.")],
    runs: Annotated[str, typer.Option("--runs", "-r", help="The folder of runs.", metavar="DIR|URL")],
    zone: Zones = None,
    config: NamespacesConfig = None,
) -> Result:
    """Show since when a subject, or everybody in a namespace, has which access."""
    from audit.commands.history import history

    return history(subject, runs, zone or (), config)


@command(app)
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
    replicas: Annotated[
        int | None, typer.Option("--replicas", min=1, help="How many replicas the registry has.", metavar="N")
    ] = None,
) -> Result:
    """Show which access was used, by whom and when, as logs say it."""
    from audit.commands.usage import usage

    return usage(topic, logs or (), runs, zone, replicas)


@command(app)
def check_evidence(
    path: Annotated[str, typer.Argument(metavar="PATH|URL", help="A run, or a folder of runs.")],
    public_key: Annotated[
        Path | None,
        typer.Option("--public-key", help="Every run must be signed by this minisign key.", metavar="FILE"),
    ] = None,
) -> Result:
    """Check that runs are as they were written: every file, every number, and the chain from run to run."""
    from audit.commands.check_evidence import check_evidence

    return check_evidence(path, public_key)


@command(app)
def prune(
    config: OptionalConfig = None,
    out: Annotated[str | None, typer.Option("--out", "-o", help="Folder or URL of runs.", metavar="DIR|URL")] = None,
    keep_days: Annotated[int | None, typer.Option("--keep-days", help="Remove older runs.", metavar="N", min=1)] = None,
    sign_key: SignKey = None,
) -> Result:
    """Remove the files of old runs; their manifests stay, so that the chain can be checked."""
    from audit.command_line.overlay import loaded
    from audit.commands.prune import prune

    with interruptible():
        return prune(loaded(config, out=out, keep_days=keep_days, sign_key=sign_key))


@command(review_app, "start")
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
) -> Result:
    """Start a campaign: a line for each grant, as a workbook and CSV to decide in."""
    from audit.campaigns.campaign import CampaignScope
    from audit.commands import review

    state = review.ZonesState(snapshot or (), zone or (), config)
    within = CampaignScope(tuple(organization or ()), tuple(namespace or ()))
    with interruptible():
        return review.start(state, reviewers, within, due, out)


@command(review_app, "apply")
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


@command(review_app, "status")
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


@command(review_app, "export")
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


@command(config_app, "check")
def config_check(config: ConfigFile) -> Result:
    """Report everything that is wrong with the configuration and the files it refers to."""
    from audit.commands.config import check

    return check(config)


@command(config_app, "schema", json=False)
def config_schema() -> Result:
    """Print the JSON Schema of the configuration, for editors."""
    from audit.commands.config import schema

    return schema()


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program and end it with the documented exit code; tracebacks are for REGISTRY_AUDIT_DEBUG only."""
    if not os.environ.get(DEBUG):
        # What fails while an object is dropped, such as closing a file on a full disk, is reported where it matters.
        sys.unraisablehook = _ignore
        os.environ["RUST_BACKTRACE"] = "0"
    sys.exit(run_command(arguments))


def _ignore(_: object) -> None:
    """Ignore an error that cannot be raised."""


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
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


def _failed(error: BaseException) -> int:
    """Report what went wrong in one message, and return the exit code for it."""
    message, code = f"this is a bug: {type(error).__name__}: {error} ({DEBUG}=1 shows its place)", BROKEN
    if isinstance(error, AuditError):
        message, code = str(error), error.exit_code
    elif isinstance(error, TyperException):
        context = getattr(error, "ctx", None)
        message = error.format_message() + (f" (try `{context.command_path} --help`)" if context else "")
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
