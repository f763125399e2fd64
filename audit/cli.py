"""The command line: the only place that chooses exit codes and ends the program."""

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from typer.exceptions import TyperException

from audit import console
from audit.errors import BROKEN, DONE, STOPPED, USAGE, AuditError, UsageError, printable

_HELP: Final = "Who can pull, push or delete the images of each namespace, in every zone of an OpenShift platform."
_EPILOG: Final = (
    "Exit codes: 0 done, 1 error of the program, 2 usage or configuration, 3 partial (something could not be seen), "
    "4 nothing usable, 5 evidence that does not hold, 10 findings that --fail-on or --fail-on-new "
    "asks to fail on, 143 stopped."
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
config_app = typer.Typer(help="Look at the configuration.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(config_app, name="config")
review_app = typer.Typer(help="Have every grant decided on by a person.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(review_app, name="review")

_SUBJECT: Final = "user/NAME (or just NAME), group/NAME or sa/NAMESPACE:NAME."
_ACTION: Final = "pull, push, or create (push a repository that does not exist yet)."
_SAVED: Final = "A run, snapshot, folder of snapshots, or dump."
_PLACE: Final = "Where; without a repository: any that no rule singles out."

ConfigFile = Annotated[Path, typer.Option("--config", "-c", help="Configuration file (YAML).", metavar="FILE")]
Live = Annotated[
    Path | None, typer.Option("--config", "-c", help="Ask the zones of this configuration now.", metavar="FILE")
]
Scope = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Take namespaces and outputs from this configuration.", metavar="FILE"),
]
Basis = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="Take namespaces and their organizations from this configuration.", metavar="FILE"
    ),
]
Out = Annotated[
    str | None,
    typer.Option(
        "--out", "-o", help="Folder or URL (s3://…) to write into; each run gets its own in it.", metavar="DIR|URL"
    ),
]
Zones = Annotated[
    list[str] | None, typer.Option("--zone", "-z", help="Only this zone (may be given several times).", metavar="ID")
]
Snapshots = Annotated[
    list[str] | None,
    typer.Option(
        "--snapshot",
        "-s",
        help="Read this snapshot, folder of snapshots, run (a path or URL), or dump (may be given several times).",
        metavar="PATH|URL",
    ),
]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        "-f",
        help="Only this format: csv, html, jsonl, ocsf, parquet, sarif or xlsx (may be given several times).",
        metavar="FORMAT",
    ),
]
AccountScope = Annotated[
    str | None,
    typer.Option(
        "--scope",
        help="What the account may list: cluster (all namespaces), tenant (those it sees), or auto (find out).",
        metavar="SCOPE",
    ),
]
ExceptionsFile = Annotated[
    Path | None, typer.Option("--exceptions", "-x", help="Findings that have been accepted (YAML).", metavar="FILE")
]
FailOn = Annotated[
    str | None,
    typer.Option(
        "--fail-on", help="Exit code 10 at open findings of this severity or a worse one.", metavar="SEVERITY"
    ),
]
FailOnNew = Annotated[bool, typer.Option("--fail-on-new", help="Exit code 10 at findings that are new.")]
SignKey = Annotated[
    Path | None, typer.Option("--sign-key", help="Sign the manifest with this key of minisign.", metavar="FILE")
]
StaleDays = Annotated[
    float | None,
    typer.Option(
        "--stale-days",
        min=0,
        help="Fill a zone that cannot be read with its last snapshot of DIR, if that is not older; it is `stale`.",
        metavar="DAYS",
    ),
]
JobName = Annotated[
    str | None,
    typer.Option("--job", envvar="REGISTRY_AUDIT_JOB", help="Name that the shards of one job share.", metavar="NAME"),
]
Expand = Annotated[
    bool,
    typer.Option(
        "--expand", help="In CSV and Parquet, tell cluster-wide access in every namespace as well, a row each."
    ),
]
PseudonymKey = Annotated[
    Path | None,
    typer.Option(
        "--pseudonyms",
        help="Replace names by pseudonyms of this key, in every file of the run.",
        metavar="FILE",
    ),
]
PseudonymMap = Annotated[
    Path | None,
    typer.Option("--pseudonym-map", help="Keep the names behind the pseudonyms in this file.", metavar="FILE"),
]
# What a command line asks for: done once it is understood, and returns the exit code.
Work = Callable[[], int]

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.callback(invoke_without_command=True)
def program(
    *,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
    log_format: Annotated[
        str,
        typer.Option(
            "--log-format",
            envvar="REGISTRY_AUDIT_LOG_FORMAT",
            help="How stderr is written: auto (for people), text (no bars), or json (a line for each event).",
            metavar="FORMAT",
        ),
    ] = "auto",
    log_names: Annotated[
        bool,
        typer.Option(
            "--log-names", envvar="REGISTRY_AUDIT_LOG_NAMES", help="In JSON, show what may name people as well."
        ),
    ] = False,
) -> None:
    """Hold the options of the program itself."""
    console.log_as(log_format, names=log_names)
    if show_version:
        from audit.version import version

        console.result(f"registry-audit {version()}")
        raise typer.Exit


@app.command()
def run(
    config: ConfigFile,
    out: Out = None,
    zone: Zones = None,
    formats: Formats = None,
    scope: AccountScope = None,
    stale_days: StaleDays = None,
    verify: Annotated[
        int,
        typer.Option("--verify", help="Compare so many cells of each zone with its own answers.", metavar="N", min=0),
    ] = 0,
    exceptions: ExceptionsFile = None,
    fail_on: FailOn = None,
    job: JobName = None,
    sign_key: SignKey = None,
    pseudonyms: PseudonymKey = None,
    pseudonym_map: PseudonymMap = None,
    *,
    shard: Annotated[
        bool,
        typer.Option(
            "--shard",
            help="Collect only the part of the zones that JOB_COMPLETION_INDEX of JOB_COMPLETIONS is, for `merge`.",
        ),
    ] = False,
    and_merge: Annotated[
        bool, typer.Option("--merge", help="With --shard: the shard that is done last makes the report of all.")
    ] = False,
    fail_on_new: FailOnNew = False,
    expand: Expand = False,
    as_json: AsJson = False,
) -> Work:
    """Collect all zones and write the reports: the whole job."""
    from audit.commands.run import RunOptions

    asked = RunOptions(
        out=out,
        only=zone or (),
        formats=formats or (),
        scope=scope,
        stale_days=stale_days,
        verify=verify,
        exceptions=exceptions,
        fail_on=fail_on,
        fail_on_new=fail_on_new,
        expand=expand,
        sign_key=sign_key,
        pseudonyms=pseudonyms,
        pseudonym_map=pseudonym_map,
        as_json=as_json,
    )
    if shard and (pseudonyms or pseudonym_map):
        raise UsageError("--shard keeps names for `merge`: not with --pseudonyms", fix="run all zones together")
    if shard:
        from audit.commands.merge import run_shard

        return partial(run_shard, config, job, asked, and_merge=and_merge)
    if and_merge:
        raise UsageError("--merge belongs to --shard", fix="registry-audit merge makes the report by itself")
    from audit.commands.run import run

    return partial(run, config, asked)


@app.command()
def merge(
    config: ConfigFile,
    job: JobName = None,
    out: Out = None,
    zone: Zones = None,
    formats: Formats = None,
    exceptions: ExceptionsFile = None,
    fail_on: FailOn = None,
    sign_key: SignKey = None,
    *,
    fail_on_new: FailOnNew = False,
    expand: Expand = False,
    as_json: AsJson = False,
) -> Work:
    """Write the report of all zones out of what the shards of a job have left (`run --shard`)."""
    from audit.commands.merge import merge as merge_shards
    from audit.commands.run import RunOptions

    asked = RunOptions(
        out=out,
        only=zone or (),
        formats=formats or (),
        exceptions=exceptions,
        fail_on=fail_on,
        fail_on_new=fail_on_new,
        expand=expand,
        sign_key=sign_key,
        as_json=as_json,
    )
    return partial(merge_shards, job, config, asked)


@app.command()
def collect(
    config: ConfigFile, out: Out = None, zone: Zones = None, scope: AccountScope = None, *, as_json: AsJson = False
) -> Work:
    """Collect the zones into snapshot files, to be read without a cluster."""
    from audit.commands import run as job

    return partial(job.collect, config, out, zone or (), scope=scope, as_json=as_json)


@app.command()
def report(
    snapshot: Snapshots = None,
    config: Scope = None,
    out: Out = None,
    zone: Zones = None,
    formats: Formats = None,
    readers: Annotated[
        list[str] | None,
        typer.Option(
            "--for",
            help="Also a report of what one zone or organization needs to know (may be given several times).",
            metavar="zone:ID|organization:NAME",
        ),
    ] = None,
    exceptions: ExceptionsFile = None,
    fail_on: FailOn = None,
    sign_key: SignKey = None,
    pseudonyms: PseudonymKey = None,
    pseudonym_map: PseudonymMap = None,
    *,
    fail_on_new: FailOnNew = False,
    expand: Expand = False,
    as_json: AsJson = False,
) -> Work:
    """Write the reports from saved snapshots or dumps."""
    from audit.commands import run as job

    asked = job.RunOptions(
        out=out,
        only=zone or (),
        formats=formats or (),
        readers=readers or (),
        exceptions=exceptions,
        fail_on=fail_on,
        fail_on_new=fail_on_new,
        expand=expand,
        sign_key=sign_key,
        pseudonyms=pseudonyms,
        pseudonym_map=pseudonym_map,
        as_json=as_json,
    )
    return partial(job.report, snapshot or (), config, asked)


@app.command()
def demo(
    out: Annotated[str, typer.Option("--out", "-o", help="Folder to write into.", metavar="DIR")] = "demo-report",
    *,
    as_json: AsJson = False,
) -> Work:
    """Run the whole job on two small zones that come with the program."""
    from audit.commands import run as job

    return partial(job.demo, out, as_json=as_json)


@app.command()
def can(
    subject: Annotated[str | None, typer.Argument(metavar="SUBJECT", help=_SUBJECT)] = None,
    action: Annotated[str | None, typer.Argument(metavar="ACTION", help=_ACTION)] = None,
    place: Annotated[str | None, typer.Argument(metavar="NAMESPACE[/REPOSITORY]", help=_PLACE)] = None,
    questions: Annotated[
        Path | None,
        typer.Option(
            "--questions",
            "-q",
            help="Answer each row of this CSV file; columns zone,subject_kind,subject,action,namespace,repository.",
            metavar="FILE",
        ),
    ] = None,
    snapshot: Snapshots = None,
    config: Live = None,
    zone: Zones = None,
    scope: AccountScope = None,
    *,
    as_json: AsJson = False,
) -> Work:
    """Say yes, no or unknown: may a subject do something, and why."""
    from audit.commands import ask, sources

    asked = (subject, action, place)
    if questions is not None:
        if any(asked) or as_json:
            raise UsageError("--questions takes no SUBJECT, ACTION or NAMESPACE, and answers in CSV")
        return lambda: ask.questions(questions, sources.facts(snapshot or (), config, zone or (), scope))
    if subject is None or action is None or place is None:
        raise UsageError("can SUBJECT ACTION NAMESPACE[/REPOSITORY], or can --questions FILE")
    facts = partial(sources.facts, snapshot or (), config, zone or (), scope)
    return lambda: ask.can(sources.only_one(facts()), subject, action, place, as_json=as_json)


@app.command()
def who(
    action: Annotated[str, typer.Argument(metavar="ACTION", help=_ACTION)],
    place: Annotated[str, typer.Argument(metavar="NAMESPACE[/REPOSITORY]", help=_PLACE)],
    snapshot: Snapshots = None,
    config: Live = None,
    zone: Zones = None,
    scope: AccountScope = None,
    *,
    as_json: AsJson = False,
) -> Work:
    """List everybody who may do something in a namespace."""
    from audit.commands import ask, sources

    return lambda: ask.who(sources.facts(snapshot or (), config, zone or (), scope), action, place, as_json=as_json)


@app.command()
def explain(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help=_SUBJECT)],
    namespace: Annotated[str | None, typer.Argument(metavar="NAMESPACE", help="Only in this namespace.")] = None,
    snapshot: Snapshots = None,
    config: Live = None,
    zone: Zones = None,
    scope: AccountScope = None,
    *,
    as_json: AsJson = False,
) -> Work:
    """Say each way in that a subject has, a sentence each."""
    from audit.commands import ask, sources

    facts = partial(sources.facts, snapshot or (), config, zone or (), scope)
    return lambda: ask.explain(facts(), subject, namespace, as_json=as_json)


@app.command()
def reveal(
    path: Annotated[Path, typer.Argument(metavar="MAP", help="The file of --pseudonym-map.")],
    texts: Annotated[list[str], typer.Argument(metavar="TEXT...", help="Pseudonyms, or texts that hold some.")],
    *,
    as_json: AsJson = False,
) -> Work:
    """Say which names are behind pseudonyms."""
    from audit.commands import pseudonyms as pseudonymous

    return partial(pseudonymous.reveal, path, texts, as_json=as_json)


@app.command()
def checks(*, as_json: AsJson = False) -> Work:
    """List what is looked for: each check with its severity; --json gives all that is said of it."""
    from audit.commands import checks

    return partial(checks.checks, as_json=as_json)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="A query over the tables access, grants and coverage.")],
    runs: Annotated[str, typer.Option("--runs", "-r", help="A run, or a folder of runs.", metavar="DIR|URL")],
    *,
    as_json: AsJson = False,
) -> Work:
    """Answer SQL over the Parquet tables of one run, or of many as one."""
    from audit.commands import query

    return partial(query.query, sql, runs, as_json=as_json)


@app.command()
def verify(
    config: ConfigFile,
    snapshot: Snapshots = None,
    zone: Zones = None,
    sample: Annotated[
        int, typer.Option("--sample", "-n", help="So many cells of each zone, at random.", metavar="N", min=1)
    ] = 2000,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Draw the same cells as with this seed before.", metavar="N", min=0)
    ] = None,
    subjects: Annotated[
        int, typer.Option("--subjects", help="Also so many whole lists of subjects, of OpenShift.", metavar="N", min=0)
    ] = 0,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every cell of the tables.")] = False,
    as_json: AsJson = False,
) -> Work:
    """Ask each zone itself what the tables say, by its access reviews, and list every difference."""
    from audit.commands import verify as verifying

    seed = verifying.any_seed() if seed is None else seed
    wanted = verifying.VerifyOptions(None if every else sample, subjects, seed)
    return partial(verifying.verify, config, snapshot or (), zone or (), wanted, as_json=as_json)


@app.command()
def zones(
    config: Live = None,
    kubeconfig: Annotated[
        Path | None,
        typer.Option("--kubeconfig", "-k", help="Without a configuration: its contexts are the zones.", metavar="FILE"),
    ] = None,
    context: Annotated[
        list[str] | None,
        typer.Option(
            "--context", help="Only contexts of this name or glob (may be given several times).", metavar="GLOB"
        ),
    ] = None,
    zone: Zones = None,
    *,
    required_access: Annotated[
        bool, typer.Option("--required-access", help="Print the ClusterRole that is needed to read a zone, and end.")
    ] = False,
    parts: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            help="With --required-access: also the role for this part (comma between several).",
            metavar="PART",
        ),
    ] = None,
    as_json: AsJson = False,
) -> Work:
    """Say where each zone is, who we are there, what we may read, and what a report will not know."""
    from audit.commands import zones

    if required_access:
        return partial(zones.required_access, parts or ())
    if parts:
        raise UsageError("--with belongs to --required-access")
    return partial(zones.show, config, kubeconfig, context or (), zone or (), as_json=as_json)


@app.command()
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help=_SAVED)],
    new: Annotated[str, typer.Argument(metavar="NEW", help=_SAVED)],
    output: Annotated[str, typer.Option("--format", "-f", help="table, csv or markdown.", metavar="FORMAT")] = "table",
    config: Basis = None,
    *,
    as_json: AsJson = False,
) -> Work:
    """Say whose access changed between two times, and which change of a binding, role or group made it."""
    from audit.commands import diff

    return partial(diff.diff, old, new, output, config, as_json=as_json)


@app.command()
def history(
    asked: Annotated[str, typer.Argument(metavar="SUBJECT|NAMESPACE", help=f"{_SUBJECT} Or ns/NAME, a namespace.")],
    runs: Annotated[str, typer.Option("--runs", "-r", help="The folder of runs.", metavar="DIR|URL")],
    zone: Zones = None,
    config: Basis = None,
    *,
    as_json: AsJson = False,
) -> Work:
    """Say since when a subject, or everybody in a namespace, has which access."""
    from audit.commands import history

    return partial(history.history, asked, runs, zone or (), config, as_json=as_json)


@app.command("check-evidence")
def check_evidence(
    path: Annotated[str, typer.Argument(metavar="PATH|URL", help="A run, or a folder of runs.")],
    public_key: Annotated[
        Path | None,
        typer.Option("--public-key", help="Every run must be signed by this key of minisign.", metavar="FILE"),
    ] = None,
    *,
    as_json: AsJson = False,
) -> Work:
    """Say whether runs are as they were written: every file, every number, and the chain from run to run."""
    from audit.commands import evidence

    return partial(evidence.check, path, public_key, as_json=as_json)


@app.command()
def prune(
    config: Scope = None,
    out: Annotated[str | None, typer.Option("--out", "-o", help="Folder or URL of runs.", metavar="DIR|URL")] = None,
    keep_days: Annotated[
        int | None, typer.Option("--keep-days", help="Remove runs that are older.", metavar="N", min=1)
    ] = None,
    sign_key: SignKey = None,
    *,
    as_json: AsJson = False,
) -> Work:
    """Remove the files of old runs; their manifests stay, so that the chain can be checked."""
    from audit.commands import evidence

    return partial(evidence.prune, config, out, keep_days, sign_key, as_json=as_json)


Campaign = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Folder or URL of the campaign.")]
Since = Annotated[
    list[str] | None,
    typer.Option(
        "--snapshot", "-s", help="What was seen since: a run, snapshot, or dump (several times).", metavar="PATH|URL"
    ),
]


@review_app.command("start")
def review_start(
    reviewers: Annotated[
        Path, typer.Option("--reviewers", "-r", help="Who decides on what (YAML, docs/campaigns.md).", metavar="FILE")
    ],
    due: Annotated[str, typer.Option("--due", help="Last day for decisions.", metavar="YYYY-MM-DD")],
    out: Annotated[
        str, typer.Option("--out", "-o", help="Folder or URL of the campaign, a new one.", metavar="DIR|URL")
    ],
    snapshot: Snapshots = None,
    config: Scope = None,
    zone: Zones = None,
    organization: Annotated[
        list[str] | None,
        typer.Option("--organization", help="Only its namespaces (a glob; several times).", metavar="NAME"),
    ] = None,
    namespace: Annotated[
        list[str] | None, typer.Option("--namespace", "-n", help="Only these (a glob; several times).", metavar="NAME")
    ] = None,
    *,
    as_json: AsJson = False,
) -> Work:
    """Begin a campaign: a line for each grant, as a workbook and CSV to decide in."""
    from audit.campaigns.campaign import CampaignScope
    from audit.commands import review

    seen = review.Seen(snapshot or (), zone or (), config)
    within = CampaignScope(tuple(organization or ()), tuple(namespace or ()))
    return partial(review.start, seen, reviewers, within, due, out, as_json=as_json)


@review_app.command("apply")
def review_apply(
    campaign: Campaign,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Answers: .xlsx, .csv or .yaml.")],
    snapshot: Since = None,
    config: Scope = None,
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take what differs from an earlier decision in its place.")
    ] = False,
    as_json: AsJson = False,
) -> Work:
    """Take the answers in files, all or none: what is impossible is told, every mistake at once."""
    from audit.commands import review

    seen = review.Seen(snapshot or (), (), config)
    return partial(review.apply, campaign, files, seen, replace=replace, as_json=as_json)


@review_app.command("status")
def review_status(
    campaign: Campaign,
    snapshot: Since = None,
    config: Scope = None,
    todo: Annotated[
        Path | None,
        typer.Option("--todo", help="Write what is undecided, as it is now (.xlsx or .csv).", metavar="FILE"),
    ] = None,
    *,
    as_json: AsJson = False,
) -> Work:
    """Say how far a campaign is; with a later run, which removals are proven and what is open again."""
    from audit.commands import review

    return partial(review.status, campaign, review.Seen(snapshot or (), (), config), todo, as_json=as_json)


@review_app.command("export")
def review_export(
    campaign: Campaign,
    out: Annotated[str, typer.Option("--out", "-o", help="Folder or URL to write into.", metavar="DIR|URL")],
    snapshot: Since = None,
    config: Scope = None,
    sign_key: SignKey = None,
    *,
    as_json: AsJson = False,
) -> Work:
    """Write the evidence: who had which access, what was decided by whom, and what became of it."""
    from audit.commands import review

    seen = review.Seen(snapshot or (), (), config)
    return partial(review.export, campaign, seen, out, sign_key, as_json=as_json)


@config_app.command("check")
def config_check(config: ConfigFile, *, as_json: AsJson = False) -> Work:
    """Say everything that is wrong with the configuration and the files it refers to."""
    from audit.commands import config as configuration

    return partial(configuration.check, config, as_json=as_json)


@config_app.command("schema")
def config_schema() -> Work:
    """Print the JSON Schema of the configuration, for editors."""
    from audit.commands import config as configuration

    return configuration.schema


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program and end it with the documented exit code; nothing leaves a traceback unless it is a bug."""
    sys.exit(run_command(arguments))


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        work = app(arguments, standalone_mode=False)
        code = work() if callable(work) else work or DONE
        sys.stdout.flush()
        console.leave()
    except BrokenPipeError:
        # Whoever read the result has seen enough, as with `| head`; nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("REGISTRY_AUDIT_DEBUG"):
            raise
        return _failed(error)
    return int(code)


def _failed(error: BaseException) -> int:
    """Tell what went wrong in one message, and return the exit code for it."""
    message, code = f"this is a bug: {type(error).__name__}: {error} (REGISTRY_AUDIT_DEBUG=1 shows its place)", BROKEN
    if isinstance(error, AuditError):
        message, code = str(error), error.exit_code
    elif isinstance(error, TyperException):
        context = getattr(error, "ctx", None)
        message = error.format_message() + (f" (try `{context.command_path} --help`)" if context else "")
        code = USAGE
    elif isinstance(error, KeyboardInterrupt):
        message, code = "stopped", STOPPED
    if console.for_programs():
        console.event("error", level="error", exit_code=code, message=message)
    else:
        console.note(f"registry-audit: {message}")
    console.leave(printable(f"registry-audit: exit code {code}: {message}"))
    return code
