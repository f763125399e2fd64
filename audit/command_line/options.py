"""The options and arguments of the command line: each declared once, and those of a report together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from audit.command_line import complete

SUBJECT_HELP = "user/NAME (or just NAME), group/NAME or sa/NAMESPACE:NAME."
ACTION_HELP = (
    "pull, push, create (push to a repository that does not exist yet), sign; or, for the whole cluster, delete "
    "(also prune) or catalog."
)
PLACE_HELP = "Without a repository: any that no rule names. Not needed for delete and catalog: they are cluster-wide."
SAVED_HELP = "A run, snapshot, folder of snapshots, or dump (folder, file, archive)."

LiveZones = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="Configuration file (YAML); without it, the current context of the kubeconfig is the only zone.",
        metavar="FILE",
    ),
]
ConfigFile = Annotated[Path, typer.Option("--config", "-c", help="Configuration file (YAML).", metavar="FILE")]
LiveConfig = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="Collect the zones of this configuration now; without it and --snapshot, the current context.",
        metavar="FILE",
    ),
]
OptionalConfig = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Use namespaces and outputs of this configuration.", metavar="FILE"),
]
NamespacesConfig = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Use namespaces and organizations of this configuration.", metavar="FILE"),
]
Out = Annotated[
    str | None,
    typer.Option(
        "--out", "-o", help="Folder or URL (s3://…) to write to; each run gets a folder of its own.", metavar="DIR|URL"
    ),
]
Zones = Annotated[
    list[str] | None,
    typer.Option("--zone", "-z", help="Only this zone (repeatable).", metavar="ID", autocompletion=complete.zones),
]
Snapshots = Annotated[
    list[str] | None,
    typer.Option(
        "--snapshot",
        "-s",
        help="Read this snapshot, folder of snapshots, run, folder of runs (its latest), or dump: folder, file, "
        "archive, or `-` for standard input (repeatable).",
        metavar="PATH|URL",
    ),
]
AccountScope = Annotated[
    str | None,
    typer.Option(
        "--scope",
        help="What the account may list: cluster (all namespaces), tenant (those it sees), or auto (detect).",
        metavar="SCOPE",
        autocompletion=complete.scopes,
    ),
]
ZoneId = Annotated[
    str | None,
    typer.Option(
        "--zone-id", help="What the zone of a dump is called, in place of its folder's or file's name.", metavar="ID"
    ),
]
SignKey = Annotated[
    Path | None, typer.Option("--sign-key", help="Sign the manifest with this minisign key.", metavar="FILE")
]
JobName = Annotated[
    str | None,
    typer.Option("--job", envvar="REGISTRY_AUDIT_JOB", help="Name that the shards of one job share.", metavar="NAME"),
]
Replicas = Annotated[
    int | None, typer.Option("--replicas", min=1, help="How many replicas the registry has.", metavar="N")
]
Subject = Annotated[str, typer.Argument(metavar="SUBJECT", help=SUBJECT_HELP, autocompletion=complete.subjects)]
OptionalSubject = Annotated[
    str | None, typer.Argument(metavar="SUBJECT", help=SUBJECT_HELP, autocompletion=complete.subjects)
]
OptionalAction = Annotated[
    str | None, typer.Argument(metavar="ACTION", help=ACTION_HELP, autocompletion=complete.actions)
]
OptionalPlace = Annotated[
    str | None,
    typer.Argument(metavar="NAMESPACE[/REPOSITORY]", help=PLACE_HELP, autocompletion=complete.namespaces),
]
Campaign = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Folder or URL of the campaign.")]
LaterSnapshots = Annotated[
    list[str] | None,
    typer.Option("--snapshot", "-s", help="A later state: a run, snapshot, or dump (repeatable).", metavar="PATH|URL"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What `run`, `merge` and `report` have in common: each takes precedence over the configuration."""

    out: Out = None
    zone: Zones = None
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            "-f",
            help="Only this format: csv, html, jsonl, ocsf, parquet, sarif, sarif-causes or xlsx (repeatable).",
            metavar="FORMAT",
            autocompletion=complete.formats,
        ),
    ] = None
    framework: Annotated[
        list[str] | None,
        typer.Option(
            "--framework",
            help="Also write a page and a workbook for this framework (docs/controls.md; repeatable).",
            metavar="NAME",
        ),
    ] = None
    exceptions: Annotated[
        Path | None, typer.Option("--exceptions", "-x", help="File of accepted findings (YAML).", metavar="FILE")
    ] = None
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on",
            help="Exit with 10 at open findings of this severity or above.",
            metavar="SEVERITY",
            autocompletion=complete.severities,
        ),
    ] = None
    sign_key: SignKey = None
    fail_on_new: Annotated[bool, typer.Option("--fail-on-new", help="Exit with 10 at new findings.")] = False
    expand: Annotated[
        bool,
        typer.Option("--expand", help="In CSV and Parquet, also list cluster-wide access in every namespace."),
    ] = False
    usage: Annotated[
        list[str] | None,
        typer.Option(
            "--usage",
            help="Read logs of the registry and of API servers: a file, folder, or URL of a folder (repeatable). "
            "{zone} stands for the id of each zone.",
            metavar="PATH|URL",
        ),
    ] = None
    replicas: Replicas = None

    @property
    def only(self) -> Sequence[str]:
        """Return the zones that were chosen; none for all."""
        return self.zone or ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PseudonymOptions:
    """How names are replaced: by which key, and where the names are kept."""

    pseudonyms: Annotated[
        Path | None,
        typer.Option(
            "--pseudonyms", help="Replace names with pseudonyms of this key, in every file of the run.", metavar="FILE"
        ),
    ] = None
    pseudonym_map: Annotated[
        Path | None,
        typer.Option("--pseudonym-map", help="Keep the names behind the pseudonyms in this file.", metavar="FILE"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectOptions:
    """How `run` reads zones: each takes precedence over the configuration."""

    scope: AccountScope = None
    stale_days: Annotated[
        float | None,
        typer.Option(
            "--stale-days",
            min=0,
            help="For a zone that cannot be read, use its last snapshot in DIR if it is not older; it is `stale`.",
            metavar="DAYS",
        ),
    ] = None
    verify: Annotated[
        int, typer.Option("--verify", help="Compare N cells of each zone with its own answers.", metavar="N", min=0)
    ] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsOptions:
    """Which facts a question is about: saved, or collected now."""

    snapshot: Snapshots = None
    config: LiveConfig = None
    zone: Zones = None
    scope: AccountScope = None
    zone_id: ZoneId = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterOptions:
    """What was seen since a campaign began, and by which configuration it is looked at."""

    snapshot: LaterSnapshots = None
    config: OptionalConfig = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIfOptions:
    """What would be applied and deleted, over which facts, and when that fails a pipeline."""

    apply: Annotated[
        list[str] | None,
        typer.Option(
            "--apply",
            "-a",
            help="Manifests to apply: a file, a folder, or `-` for standard input (repeatable).",
            metavar="FILE|DIR",
        ),
    ] = None
    delete: Annotated[
        list[str] | None,
        typer.Option(
            "--delete",
            help="An object to delete; KIND/NAME if it is in no namespace (repeatable).",
            metavar="KIND/NAMESPACE/NAME",
        ),
    ] = None
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="The namespace of objects that name none.", metavar="NAME")
    ] = ""
    snapshot: Annotated[
        list[str] | None,
        typer.Option(
            "--snapshot", "-s", help=f"{SAVED_HELP} Of a folder of runs, the latest counts.", metavar="PATH|URL"
        ),
    ] = None
    fail_on: Annotated[
        str | None,
        typer.Option("--fail-on", help="Exit with 10 at new findings of this severity or above.", metavar="SEVERITY"),
    ] = None
    fail_on_new: Annotated[bool, typer.Option("--fail-on-new", help="Exit with 10 at any new finding.")] = False
    routes: Annotated[
        bool,
        typer.Option("--routes", help="Also which routes open and close, and findings about them."),
    ] = False
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown for a pull request.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UseOptions:
    """Where use is known from, for questions about it."""

    usage: Annotated[
        list[Path] | None,
        typer.Option(
            "--usage",
            help="A log of the registry or of an API server, or a folder of them (repeatable).",
            metavar="PATH",
        ),
    ] = None
    runs: Annotated[
        str | None, typer.Option("--runs", "-r", help="The folder of runs, which keeps use.", metavar="DIR|URL")
    ] = None
    replicas: Replicas = None
    days: Annotated[
        int, typer.Option("--days", min=1, help="Access that was not used for this long is unused.", metavar="DAYS")
    ] = 90
