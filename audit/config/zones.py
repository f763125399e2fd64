"""The zones' part of the configuration: which there are, where they are listed, and by what each is read."""

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, model_validator


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


def from_config_folder(value: Path, info: ValidationInfo) -> Path:
    """Take a relative path from the folder of the configuration file."""
    folder: Path = (info.context or {}).get("folder", Path())
    return folder / value.expanduser()


Address = Annotated[str, AfterValidator(_address)]
Proxy = Annotated[str, AfterValidator(_proxy)]
FilePath = Annotated[Path, AfterValidator(from_config_folder)]
ZoneId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
NonEmpty = Annotated[str, StringConstraints(min_length=1)]


class ConfigModel(BaseModel):
    """A part of the configuration: frozen, and with no other keys than its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, hide_input_in_errors=True)


class Credentials(ConfigModel):
    """By what a zone is read: exactly one of a kubeconfig's context, a token's place, or the pod's own account."""

    kubeconfig: FilePath | None = Field(default=None, description="Kubeconfig file; without it, the standard one.")
    context: NonEmpty | None = Field(
        default=None, description="Context in the kubeconfig; without it, the current one."
    )
    token_file: FilePath | None = Field(default=None, description="File with a bearer token; read again as it rotates.")
    token_env: NonEmpty | None = Field(default=None, description="Environment variable that holds a bearer token.")
    in_cluster: bool = Field(default=False, description="Use the service account of the pod that this runs in.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        ways = (self.kubeconfig or self.context, self.token_file, self.token_env, self.in_cluster)
        if sum(map(bool, ways)) != 1:
            raise ValueError("give exactly one of: kubeconfig and/or context, token_file, token_env, in_cluster: true")
        return self


class ZoneSource(ConfigModel):
    """Files in place of a live cluster."""

    dump: FilePath = Field(description="Folder of LIST answers (`oc get … -A -o json`) or of `oc adm must-gather`.")


class ZoneConfig(ConfigModel):
    """One zone."""

    id: ZoneId = Field(description="Name of the zone; an APPUiO zone's addresses follow from it.")
    api: Address | None = Field(
        default=None,
        description="Address of the API; default `https://api.<id>.appuio.cloud:6443`, or the kubeconfig's.",
    )
    registry: NonEmpty | None = Field(
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
    source: ZoneSource | None = Field(default=None, description="Read files in place of the live zone.")

    @model_validator(mode="after")
    def _live_or_not(self) -> Self:
        if self.source and (self.credentials or self.api or self.ca_file or self.proxy):
            raise ValueError("a zone with a source is not asked: leave api, ca_file, proxy and credentials out")
        return self


class KubeconfigZones(ConfigModel):
    """Zones from a kubeconfig: one for each context."""

    path: FilePath | None = Field(default=None, description="Kubeconfig file; without it, the standard one.")
    contexts: tuple[NonEmpty, ...] = Field(
        default=("*",), description="Names of contexts or globs; any of them.", min_length=1
    )


class ControlApi(ConfigModel):
    """The APPUiO control API, which lists the zones."""

    api: Address | None = Field(default=None, description="Address of the control API; default: the kubeconfig's.")
    ca_file: FilePath | None = Field(default=None, description="Certificate authority of the control API (PEM).")
    credentials: Credentials = Field(description="How to log in to the control API itself.")
    zones: tuple[NonEmpty, ...] = Field(default=("*",), description="Ids of zones or globs; any of them.", min_length=1)
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


class ZonesFrom(ConfigModel):
    """Where zones are listed, when they do not all stand here."""

    control_api: ControlApi | None = Field(default=None, description="The zones that the APPUiO control API lists.")
    kubeconfig: KubeconfigZones | None = Field(default=None, description="A zone for each context of a kubeconfig.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.control_api is None) == (self.kubeconfig is None):
            raise ValueError("give exactly one of: control_api, kubeconfig")
        return self
