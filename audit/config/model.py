"""The configuration as frozen models. Unknown keys are refused; secrets are only referred to."""

import hashlib
import json
import os
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from audit.config.notify import Metrics, Notify, check_watching
from audit.config.usable import authority_problem, file_problem, folder_problem
from audit.config.usage import UsageConfig
from audit.config.zones import ConfigModel, Credentials, FilePath, NonEmpty, StorePlace, ZoneConfig, ZonesFrom
from audit.regular_files import SMALL, read_regular
from audit.snapshot.objects import NEEDED
from audit.storage.store import is_url
from audit.tables.schemas import Severity

FORMATS: Final = ("csv", "html", "jsonl", "ocsf", "parquet", "sarif", "sarif-causes", "xlsx")
USUAL_FORMATS: Final = ("csv", "html")
PASSWORD_ENV: Final = "REGISTRY_AUDIT_KEY_PASSWORD"  # noqa: S105  the name of a variable
# Namespaces of OpenShift and Kubernetes themselves.
PLATFORM_NAMESPACES: Final = ("default", "kube-*", "openshift", "openshift-*")


class Selection(ConfigModel):
    """Namespaces by name and by label; with both, a namespace must match both."""

    names: tuple[NonEmpty, ...] = Field(default=(), description="Names or globs (`*`, `?`, `[…]`); one must match.")
    labels: dict[str, str] = Field(default={}, description="Labels and globs of their values; all must match.")

    def matches(self, name: str, labels: Mapping[str, str] | None, *, unseen: bool) -> bool:
        """Return whether a namespace matches; `unseen` is the answer for labels that could not be read (None)."""
        if self.names and not any(fnmatchcase(name, glob) for glob in self.names):
            return False
        if labels is None:
            return unseen or not self.labels
        return all(key in labels and fnmatchcase(labels[key], glob) for key, glob in self.labels.items())

    @property
    def empty(self) -> bool:
        """Return whether nothing is selected by name or label."""
        return not self.names and not self.labels


class Namespaces(ConfigModel):
    """Which namespaces are reported on. Cluster-wide access always is."""

    include: Selection = Field(default=Selection(), description="Only these; default: all.")
    exclude: Selection = Field(default=Selection(), description="All but these.")
    organization_label: NonEmpty = Field(
        default="appuio.io/organization", description="Label of a namespace that names its organization."
    )

    @property
    def everything(self) -> bool:
        """Return whether all namespaces are reported on."""
        return self.include.empty and self.exclude.empty

    def selects(self, name: str, labels: Mapping[str, str] | None) -> bool:
        """Return whether a namespace is reported on; in doubt (its labels could not be read) it is."""
        excluded = not self.exclude.empty and self.exclude.matches(name, labels, unseen=False)
        return self.include.matches(name, labels, unseen=True) and not excluded


class CsvConfig(ConfigModel):
    """How CSV is written."""

    delimiter: Literal[",", ";", "\t", "|"] = Field(default=",", description="Separates two cells.")
    bom: bool = Field(
        default=False, description="Start with a byte order mark, by which some spreadsheets recognize UTF-8."
    )
    neutral: bool = Field(
        default=True,
        description="Put an apostrophe before a cell that a spreadsheet could run as a formula. Use `false` for "
        "programs only: names come from clusters and may be formulas.",
    )


class Output(ConfigModel):
    """What a run writes, and where."""

    directory: StorePlace | None = Field(
        default=None, description="Folder or URL (`s3://BUCKET/FOLDER`) for runs; `--out` overrides it."
    )
    formats: tuple[Literal["csv", "html", "jsonl", "ocsf", "parquet", "sarif", "sarif-causes", "xlsx"], ...] = Field(
        default=USUAL_FORMATS, description="Formats of the reports.", min_length=1
    )
    csv: CsvConfig = Field(default=CsvConfig(), description="How CSV is written.")
    expand_cluster_wide: bool = Field(
        default=False,
        description="In CSV and Parquet, add to `access` a row in every namespace for each subject with cluster-wide "
        "access, beside its row `*`.",
    )
    frameworks: tuple[NonEmpty, ...] = Field(
        default=(),
        description="Also write a page and a workbook for each of these frameworks, by id or name: docs/controls.md.",
    )
    reports_by: tuple[Literal["zone", "organization"], ...] = Field(
        default=(),
        description="Also write one report for each zone or organization with what concerns it, in folders `by-zone` "
        "and `by-organization`.",
    )


class Collect(ConfigModel):
    """How zones are read."""

    zones_at_once: int = Field(default=8, ge=1, le=100, description="Zones to read at the same time.")
    timeout_seconds: float = Field(default=300, gt=0, le=86400, description="Time limit for one zone.")
    request_timeout_seconds: float = Field(
        default=60, gt=0, le=3600, description="Time limit without data from a server."
    )
    page_size: int = Field(default=10_000, ge=1, le=100_000, description="Objects in one page of a list.")
    retries: int = Field(default=4, ge=0, le=20, description="How many times a failed request is retried.")
    requests_at_once: int = Field(default=20, ge=1, le=100, description="Limit of requests in flight to one zone.")
    requests_per_second: float = Field(
        default=250, gt=0, le=10_000, description="Limit of requests per second to one zone."
    )
    scope: Literal["auto", "cluster", "tenant"] = Field(
        default="auto",
        description="`cluster`: list over all namespaces. `tenant`: list in each namespace that the account can see. "
        "`auto`: `cluster`, and `tenant` where role bindings are refused.",
    )
    stale_days: float = Field(
        default=0,
        ge=0,
        le=3650,
        description="Maximum age of a zone's last snapshot, from an earlier run in the same folder, to be used when "
        "the zone cannot be read; 0: never. Such a zone is `stale`, and the run partial.",
    )
    users: bool = Field(default=True, description="List users, to find users without an account.")
    tokens: bool = Field(
        default=False,
        description="List the metadata of token secrets. This needs `list` on secrets, which allows reading their "
        "values; only metadata is requested.",
    )
    pods: bool = Field(
        default=False,
        description="List pods: which images run, by which account and with which pull secrets. What they are told by "
        "variables is sent as well, and not kept.",
    )
    builds: bool = Field(
        default=False,
        description="List builds of OpenShift: which account pushed which image, and when, also without logs.",
    )

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the kinds to list."""
        chosen = {"users": self.users, "tokens": self.tokens, "pods": self.pods, "builds": self.builds}
        return (*NEEDED, *(kind for kind, wanted in chosen.items() if wanted))


class CheckConfig(ConfigModel):
    """One check."""

    enabled: bool = Field(default=True, description="Run the check.")
    severity: Severity | None = Field(
        default=None, description="Severity of its findings; default: the one of the check."
    )
    thresholds: dict[str, Annotated[int, Field(ge=0, le=1_000_000)]] = Field(
        default={}, description="Thresholds of the check, by name."
    )


class PlatformConfig(ConfigModel):
    """What belongs to the platform itself, and may have rights that others should not."""

    namespaces: tuple[NonEmpty, ...] = Field(
        default=PLATFORM_NAMESPACES,
        description="Names or globs of its namespaces. Service accounts of a namespace added here are trusted; those "
        "of the default ones only if the OpenShift release creates them.",
    )
    subjects: tuple[NonEmpty, ...] = Field(
        default=(), description="Its subjects: globs of `user/NAME`, `group/NAME`, `sa/NAMESPACE:NAME`."
    )


class EvidenceConfig(ConfigModel):
    """How runs are signed, and how long they are kept."""

    key_file: FilePath | None = Field(default=None, description="Secret key (minisign) that signs manifests.")
    password_env: NonEmpty = Field(
        default=PASSWORD_ENV, description="Environment variable with the password of the key, if it has one."
    )
    keep_days: Annotated[int, Field(ge=1, le=36_500)] | None = Field(
        default=None, description="Days that `prune` keeps runs; manifests are kept forever."
    )


class PseudonymConfig(ConfigModel):
    """How `run` and `report` replace names."""

    key_file: FilePath | None = Field(default=None, description="Key by which names are replaced: random bytes.")
    map_file: FilePath | None = Field(
        default=None, description="File that keeps the names behind the pseudonyms; outside of the folder of runs."
    )

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.key_file is None) != (self.map_file is None):
            raise ValueError("give both key_file and map_file, or neither")
        return self


class Config(ConfigModel):
    """The whole configuration."""

    zones: tuple[ZoneConfig, ...] = Field(
        default=(), description="The zones, each with a unique id; required without `zones_from`.", min_length=1
    )
    zones_from: ZonesFrom | None = Field(
        default=None, description="Where to list more zones; an entry in `zones` overrides one with the same id."
    )
    namespaces: Namespaces = Field(default=Namespaces(), description="Which namespaces are reported on.")
    output: Output = Field(default=Output(), description="What a run writes, and where.")
    collect: Collect = Field(default=Collect(), description="How zones are read.")
    checks: dict[str, CheckConfig] = Field(default={}, description="Checks by id: docs/checks.md.")
    platform: PlatformConfig = Field(default=PlatformConfig(), description="What belongs to the platform itself.")
    evidence: EvidenceConfig = Field(
        default=EvidenceConfig(), description="How runs are signed, and how long they are kept: docs/evidence.md."
    )
    pseudonyms: PseudonymConfig = Field(
        default=PseudonymConfig(), description="Replace names in every file of a run: docs/pseudonyms.md."
    )
    usage: UsageConfig = Field(default=UsageConfig(), description="Which access is used: docs/usage.md.")
    exceptions: FilePath | None = Field(default=None, description="File of accepted findings: docs/exceptions.md.")
    controls: FilePath | None = Field(
        default=None, description="File of own controls, listed after the built-in ones: docs/controls.md."
    )
    fail_on: Severity | None = Field(
        default=None, description="Exit with code 10 on open findings of this severity or higher."
    )
    fail_on_new: bool = Field(default=False, description="Exit with code 10 on new findings.")
    metrics: Metrics = Field(
        default=Metrics(), description="Where to send metrics, in addition to `metrics.prom` of each run."
    )
    notify: Notify = Field(default=Notify(), description="Where to report a run that is incomplete or has news.")

    @model_validator(mode="after")
    def _ids(self) -> Self:
        if not self.zones and not self.zones_from:
            raise ValueError("no zones: add `zones: [{id: NAME}]` or zones_from")
        ids = [zone.id for zone in self.zones]
        if duplicates := sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"duplicate zone id: {', '.join(duplicates)}")
        return self


def check_files(config: Config) -> list[str]:
    """Return a line for each file or variable that the configuration refers to and that cannot be used."""
    mistakes = []
    files = {
        "exceptions": config.exceptions,
        "controls": config.controls,
        "evidence.key_file": config.evidence.key_file,
        "pseudonyms.key_file": config.pseudonyms.key_file,
    }
    mistakes += [f"{name}: {problem}" for name, path in files.items() if (problem := file_problem(path))]
    out = config.output.directory
    if out and not is_url(out) and (problem := folder_problem(Path(out))):
        mistakes.append(f"output.directory: {problem}")
    for at, zone in enumerate(config.zones):
        mistakes += _check(f"zones[{at}]", zone.ca_file, zone.credentials)
        if zone.source and not zone.source.dump.is_dir():
            mistakes.append(f"zones[{at}].source.dump: no such folder: {zone.source.dump}")
    if config.zones_from and (control := config.zones_from.control_api):
        mistakes += _check("zones_from.control_api", control.ca_file, control.credentials)
    return mistakes + check_watching(config.metrics, config.notify)


def _check(place: str, ca_file: Path | None, credentials: Credentials | None) -> list[str]:
    given = credentials or Credentials.model_construct()
    problems = {
        "ca_file": authority_problem(ca_file),
        "credentials.kubeconfig": file_problem(given.kubeconfig),
        "credentials.token_file": file_problem(given.token_file) or _token_problem(given.token_file),
    }
    mistakes = [f"{place}.{name}: {problem}" for name, problem in problems.items() if problem]
    if given.token_env and not os.environ.get(given.token_env):
        mistakes.append(f"{place}.credentials.token_env: the variable {given.token_env} is not set")
    return mistakes


def _token_problem(path: Path | None) -> str:
    try:
        return f"no token in {path}" if path and not read_regular(path, limit=SMALL).strip() else ""
    except OSError as error:
        return f"cannot read {path}: {error.strerror}"


def config_digest(config: Config) -> str:
    """Return the SHA-256 (hex) of the configuration, which holds no secrets."""
    return hashlib.sha256(json.dumps(config.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


def config_schema() -> dict[str, Any]:
    """Return the JSON Schema of the configuration."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}
