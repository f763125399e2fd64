"""The configuration: YAML -> frozen models. Unknown keys are refused, and secrets are only ever referred to."""

import hashlib
import json
import os
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    model_validator,
)

from audit.objects import NEEDED
from audit.tables import Severity

FORMATS: Final = ("csv", "html", "parquet")
USUAL_FORMATS: Final = ("csv", "html")
PASSWORD_ENV: Final = "REGISTRY_AUDIT_KEY_PASSWORD"  # noqa: S105  the name of a variable
# Namespaces of OpenShift and Kubernetes themselves.
PLATFORM_NAMESPACES: Final = ("default", "kube-*", "openshift", "openshift-*")


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("must be https://HOST[:PORT], without a user or a query")
    return value.rstrip("/")


def _proxy(value: str) -> str:
    parts = urlsplit(value)
    if parts.username:
        raise ValueError("secrets do not stand here: a proxy that wants a password goes into HTTPS_PROXY")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("must be http://HOST[:PORT] or https://HOST[:PORT]")
    return value.rstrip("/")


def _placed(value: Path, info: ValidationInfo) -> Path:
    """Take a relative path from the folder of the configuration file."""
    folder: Path = (info.context or {}).get("folder", Path())
    return folder / value.expanduser()


Address = Annotated[str, AfterValidator(_address)]
Proxy = Annotated[str, AfterValidator(_proxy)]
FilePath = Annotated[Path, AfterValidator(_placed)]
ZoneId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
Text = Annotated[str, StringConstraints(min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, hide_input_in_errors=True)


class Credentials(_Model):
    """By what a zone is read: exactly one of a kubeconfig's context, a token's place, or the pod's own account."""

    kubeconfig: FilePath | None = Field(default=None, description="Kubeconfig file; without it, the standard one.")
    context: Text | None = Field(default=None, description="Context in the kubeconfig; without it, the current one.")
    token_file: FilePath | None = Field(default=None, description="File with a bearer token; read again as it rotates.")
    token_env: Text | None = Field(default=None, description="Environment variable that holds a bearer token.")
    in_cluster: bool = Field(default=False, description="Use the service account of the pod that this runs in.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        ways = (self.kubeconfig or self.context, self.token_file, self.token_env, self.in_cluster)
        if sum(map(bool, ways)) != 1:
            raise ValueError("give exactly one of: kubeconfig and/or context, token_file, token_env, in_cluster: true")
        return self


class Source(_Model):
    """Files in place of a live cluster."""

    dump: FilePath = Field(description="Folder of LIST answers (`oc get … -A -o json`) or of `oc adm must-gather`.")


class ZoneConfig(_Model):
    """One zone."""

    id: ZoneId = Field(description="Name of the zone; an APPUiO zone's addresses follow from it.")
    api: Address | None = Field(
        default=None,
        description="Address of the API; default `https://api.<id>.appuio.cloud:6443`, or the kubeconfig's.",
    )
    registry: Text | None = Field(
        default=None, description="Host of the registry; default `registry.<id>.appuio.cloud`."
    )
    ca_file: FilePath | None = Field(default=None, description="Certificate authority of the API (PEM).")
    proxy: Proxy | None = Field(
        default=None,
        description="Proxy on the way to the API; default: the kubeconfig's `proxy-url`, or `HTTPS_PROXY`.",
    )
    credentials: Credentials | None = Field(
        default=None,
        description="How to log in; default: the standard kubeconfig's context that leads to `api`.",
    )
    source: Source | None = Field(default=None, description="Read files in place of the live zone.")

    @model_validator(mode="after")
    def _live_or_not(self) -> Self:
        if self.source and (self.credentials or self.api or self.ca_file or self.proxy):
            raise ValueError("a zone with a source is not asked: leave api, ca_file, proxy and credentials out")
        return self


class KubeconfigZones(_Model):
    """Zones from a kubeconfig: one for each context."""

    path: FilePath | None = Field(default=None, description="Kubeconfig file; without it, the standard one.")
    contexts: tuple[Text, ...] = Field(
        default=("*",), description="Names of contexts or globs; any of them.", min_length=1
    )


class ControlApi(_Model):
    """The APPUiO control API, which lists the zones."""

    api: Address | None = Field(default=None, description="Address of the control API; default: the kubeconfig's.")
    ca_file: FilePath | None = Field(default=None, description="Certificate authority of the control API (PEM).")
    credentials: Credentials = Field(description="How to log in to the control API itself.")
    zones: tuple[Text, ...] = Field(default=("*",), description="Ids of zones or globs; any of them.", min_length=1)
    zone_credentials: Credentials | None = Field(
        default=None,
        description="How to log in to each zone: as `credentials` of a zone, with `{zone}` in a path or context for "
        "its id (in a variable: in capitals, `_` for `-`), sent to the address that the control API gives; default: "
        "the standard kubeconfig's context that leads there.",
    )
    zone_ca_file: FilePath | None = Field(
        default=None, description="Certificate authority of each zone's API (PEM), with `{zone}` for its id."
    )
    organizations: bool = Field(
        default=True, description="Read who belongs to organizations and teams, to compare with each zone's groups."
    )

    @model_validator(mode="after")
    def _one_server(self) -> Self:
        if self.api is None and (self.credentials.token_file or self.credentials.token_env):
            raise ValueError("a token says no address: give the control API's api")
        return self


class ZonesFrom(_Model):
    """Where zones are listed, when they do not all stand here."""

    control_api: ControlApi | None = Field(default=None, description="The zones that the APPUiO control API lists.")
    kubeconfig: KubeconfigZones | None = Field(default=None, description="A zone for each context of a kubeconfig.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.control_api is None) == (self.kubeconfig is None):
            raise ValueError("give exactly one of: control_api, kubeconfig")
        return self


class Selection(_Model):
    """Namespaces by name and by label; a namespace must match both where both are given."""

    names: tuple[Text, ...] = Field(default=(), description="Names or globs (`*`, `?`, `[…]`); any of them.")
    labels: dict[str, str] = Field(default={}, description="Labels and globs of their values; all of them.")

    def matches(self, name: str, labels: Mapping[str, str] | None, *, unseen: bool) -> bool:
        """Say whether a namespace is meant; `unseen` is the answer for labels that could not be seen (None)."""
        if self.names and not any(fnmatchcase(name, glob) for glob in self.names):
            return False
        if labels is None:
            return unseen or not self.labels
        return all(key in labels and fnmatchcase(labels[key], glob) for key, glob in self.labels.items())

    @property
    def empty(self) -> bool:
        """Say whether nothing is given."""
        return not self.names and not self.labels


class Namespaces(_Model):
    """Which namespaces are reported on. What is cluster-wide always is."""

    include: Selection = Field(default=Selection(), description="Only these; without it, all.")
    exclude: Selection = Field(default=Selection(), description="Not these.")
    organization_label: Text = Field(
        default="appuio.io/organization", description="Label of a namespace that names its organization."
    )

    @property
    def everything(self) -> bool:
        """Say whether all namespaces are reported on."""
        return self.include.empty and self.exclude.empty

    def selects(self, name: str, labels: Mapping[str, str] | None) -> bool:
        """Say whether a namespace is reported on; in doubt (its labels could not be seen) it is."""
        excluded = not self.exclude.empty and self.exclude.matches(name, labels, unseen=False)
        return self.include.matches(name, labels, unseen=True) and not excluded


class Output(_Model):
    """What a run leaves, and where."""

    directory: FilePath | None = Field(default=None, description="Folder for runs; `--out` goes before it.")
    formats: tuple[Literal["csv", "html", "parquet"], ...] = Field(
        default=USUAL_FORMATS, description="Formats of the reports.", min_length=1
    )


class Collect(_Model):
    """How zones are read."""

    zones_at_once: int = Field(default=8, ge=1, le=100, description="Zones that are read at the same time.")
    timeout_seconds: float = Field(default=300, gt=0, le=86400, description="Longest time for one zone.")
    request_timeout_seconds: float = Field(default=60, gt=0, le=3600, description="Longest silence of a server.")
    page_size: int = Field(default=10_000, ge=1, le=100_000, description="Objects asked for at once.")
    retries: int = Field(default=4, ge=0, le=20, description="How often a request that failed is repeated.")
    requests_at_once: int = Field(default=20, ge=1, le=100, description="Requests in flight at one zone, at most.")
    requests_per_second: float = Field(
        default=250, gt=0, le=10_000, description="Requests that one zone is sent in a second, at most."
    )
    scope: Literal["auto", "cluster", "tenant"] = Field(
        default="auto",
        description="`cluster`: lists over all namespaces. `tenant`: namespace by namespace, those that the account "
        "sees. `auto`: the first, and the second where role bindings are refused.",
    )
    stale_days: float = Field(
        default=0,
        ge=0,
        le=3650,
        description="How old a zone's last snapshot, from an earlier run in the same folder, may be to fill in for a "
        "zone that cannot be read; 0: never. Such a zone is `stale`, and the run partial.",
    )
    users: bool = Field(default=True, description="List the users, so that accounts that are gone are noticed.")
    tokens: bool = Field(
        default=False,
        description="List the metadata of token secrets. Needs `list` on secrets, which could read their values too; "
        "only metadata is asked for.",
    )

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the kinds to list."""
        return (*NEEDED, *(["users"] if self.users else []), *(["tokens"] if self.tokens else []))


class CheckConfig(_Model):
    """One check."""

    enabled: bool = Field(default=True, description="Look for it.")
    severity: Severity | None = Field(default=None, description="How bad it is; default: as the check says.")
    thresholds: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default={}, description="Numbers of the check, by the names that it gives them."
    )


class PlatformConfig(_Model):
    """What belongs to the platform itself: it may have what others should not."""

    namespaces: tuple[Text, ...] = Field(default=PLATFORM_NAMESPACES, description="Names or globs of its namespaces.")
    subjects: tuple[Text, ...] = Field(
        default=(), description="Who acts for it: globs of `user/NAME`, `group/NAME`, `sa/NAMESPACE:NAME`."
    )


class EvidenceConfig(_Model):
    """How runs are proven, and how long they are kept."""

    key_file: FilePath | None = Field(default=None, description="Secret key (minisign) that signs manifests.")
    password_env: Text = Field(
        default=PASSWORD_ENV, description="Environment variable that holds the key's password, if it has one."
    )
    keep_days: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Days that `prune` keeps runs; their manifests stay for ever."
    )


class Config(_Model):
    """The whole configuration."""

    zones: tuple[ZoneConfig, ...] = Field(
        default=(), description="The zones, each with its own id; needed without `zones_from`.", min_length=1
    )
    zones_from: ZonesFrom | None = Field(
        default=None, description="Where more zones are listed; one that stands in `zones` too is as it says there."
    )
    namespaces: Namespaces = Field(default=Namespaces(), description="Which namespaces are reported on.")
    output: Output = Field(default=Output(), description="What a run leaves, and where.")
    collect: Collect = Field(default=Collect(), description="How zones are read.")
    checks: dict[str, CheckConfig] = Field(default={}, description="Checks by id; docs/checks.md has all.")
    platform: PlatformConfig = Field(default=PlatformConfig(), description="What belongs to the platform itself.")
    evidence: EvidenceConfig = Field(
        default=EvidenceConfig(), description="How runs are proven, and how long they are kept: docs/evidence.md."
    )
    exceptions: FilePath | None = Field(default=None, description="File of what has been accepted: docs/exceptions.md.")
    fail_on: Severity | None = Field(
        default=None, description="End with exit code 10 at open findings of this severity or a worse one."
    )
    fail_on_new: bool = Field(default=False, description="End with exit code 10 at findings that are new.")

    @model_validator(mode="after")
    def _ids(self) -> Self:
        if not self.zones and not self.zones_from:
            raise ValueError("say which zones there are: `zones: [{id: NAME}]`, or zones_from")
        ids = [zone.id for zone in self.zones]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise ValueError(f"each zone needs its own id, and {', '.join(twice)} stands there twice")
        return self


def check_files(config: Config) -> list[str]:
    """Return what is wrong with the files and variables that the configuration refers to, one line each."""
    mistakes = []
    if config.exceptions and not (config.exceptions.is_file() and os.access(config.exceptions, os.R_OK)):
        mistakes.append(f"exceptions: there is no file that can be read at {config.exceptions}")
    key = config.evidence.key_file
    if key and not (key.is_file() and os.access(key, os.R_OK)):
        mistakes.append(f"evidence.key_file: there is no file that can be read at {key}")
    for at, zone in enumerate(config.zones):
        mistakes += _check(f"zones[{at}]", zone.ca_file, zone.credentials)
        if zone.source and not zone.source.dump.is_dir():
            mistakes.append(f"zones[{at}].source.dump: there is no folder {zone.source.dump}")
    if config.zones_from and (control := config.zones_from.control_api):
        mistakes += _check("zones_from.control_api", control.ca_file, control.credentials)
    return mistakes


def _check(place: str, ca_file: Path | None, credentials: Credentials | None) -> list[str]:
    given = credentials or Credentials.model_construct()
    files = (
        ("ca_file", ca_file),
        ("credentials.kubeconfig", given.kubeconfig),
        ("credentials.token_file", given.token_file),
    )
    mistakes = [
        f"{place}.{name}: there is no file that can be read at {path}"
        for name, path in files
        if path and not (path.is_file() and os.access(path, os.R_OK))
    ]
    if given.token_env and not os.environ.get(given.token_env):
        mistakes.append(f"{place}.credentials.token_env: the variable {given.token_env} is not set")
    return mistakes


def config_digest(config: Config) -> str:
    """Return the SHA-256 (hex) of what the configuration says; it holds no secrets."""
    return hashlib.sha256(json.dumps(config.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


def config_schema() -> dict[str, Any]:
    """Return the JSON Schema of the configuration."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}
