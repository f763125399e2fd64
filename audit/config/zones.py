"""The zones in the configuration: their addresses, where they are listed, and the credentials for each."""

from pathlib import Path
from typing import Annotated, Self, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from audit.config.usable import is_web_address
from audit.errors import UsageError
from audit.storage.store import is_url, store_of


def _address(value: str) -> str:
    parts = urlsplit(value)
    if not is_web_address(value, "https") or parts.username or parts.query or parts.fragment:
        raise ValueError("must be https://HOST[:PORT], without a user or a query")
    return value.rstrip("/")


def _proxy(value: str) -> str:
    parts = urlsplit(value)
    if parts.username:
        raise ValueError("do not put secrets here: set HTTPS_PROXY for a proxy that needs a password")
    if not is_web_address(value, "http", "https") or parts.path.strip("/") or parts.query:
        raise ValueError("must be http://HOST[:PORT] or https://HOST[:PORT]")
    return value.rstrip("/")


def from_config_folder(value: Path, info: ValidationInfo) -> Path:
    """Resolve a relative path from the folder of the configuration file."""
    folder: Path = (info.context or {}).get("folder", Path())
    try:
        return folder / value.expanduser()
    except RuntimeError:
        raise ValueError(f"no home folder of {value.parts[0]}") from None


def _stored(value: str, info: ValidationInfo) -> str:
    """Leave a URL as it is; resolve a path from the folder of the configuration file."""
    if not is_url(value):
        return str(from_config_folder(Path(value), info))
    try:
        store_of(value)
    except UsageError as error:
        raise ValueError(f"{error.what}: {error.fix}") from error
    return value


Address = Annotated[str, AfterValidator(_address)]
Proxy = Annotated[str, AfterValidator(_proxy)]


def _registry(value: str) -> str:
    if not is_web_address(f"https://{value}", "https") or urlsplit(f"https://{value}").path:
        raise ValueError("must be HOST[:PORT]")
    return value


FilePath = Annotated[Path, AfterValidator(from_config_folder)]
ZoneId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
NonEmpty = Annotated[str, StringConstraints(min_length=1)]
StorePlace = Annotated[str, StringConstraints(min_length=1), AfterValidator(_stored)]


class ConfigModel(BaseModel):
    """A part of the configuration: frozen, unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_are_numbers(cls, value: object, info: ValidationInfo) -> object:
        # `yes` is a boolean in YAML, and a boolean would be taken for 1.
        given = [*value.values()] if isinstance(value, dict) else [value]
        if _is_number(cls.model_fields[info.field_name or ""].annotation) and any(
            isinstance(item, bool) for item in given
        ):
            raise ValueError("must be a number, not true or false")
        return value


def _is_number(kind: object) -> bool:
    """Return whether a type is that of a number, or of a mapping to numbers."""
    return kind in (int, float) or any(map(_is_number, get_args(kind)))


class Credentials(ConfigModel):
    """How to log in to a zone: exactly one of a kubeconfig context, a reference to a token, or the pod's account."""

    kubeconfig: FilePath | None = Field(default=None, description="Kubeconfig file; default: the standard one.")
    context: NonEmpty | None = Field(default=None, description="Context in the kubeconfig; default: the current one.")
    token_file: FilePath | None = Field(default=None, description="File with a bearer token; read for every request.")
    token_env: NonEmpty | None = Field(default=None, description="Environment variable with a bearer token.")
    in_cluster: bool = Field(default=False, description="Use the service account of the pod in which the program runs.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = (self.kubeconfig or self.context, self.token_file, self.token_env, self.in_cluster)
        if sum(map(bool, given)) != 1:
            raise ValueError("give exactly one of: kubeconfig and/or context, token_file, token_env, in_cluster: true")
        return self


class ZoneSource(ConfigModel):
    """Files to read instead of a live cluster."""

    dump: FilePath = Field(
        description="Folder with lists (`oc get … -A -o json`), or written by `oc adm must-gather` or `oc adm inspect`."
    )


class ZoneConfig(ConfigModel):
    """One zone."""

    id: ZoneId = Field(description="Name of the zone; the addresses of an APPUiO zone follow from it.")
    api: Address | None = Field(
        default=None,
        description="URL of the API; default: `https://api.<id>.appuio.cloud:6443`, or the one in the kubeconfig.",
    )
    registry: Annotated[str, AfterValidator(_registry)] | None = Field(
        default=None,
        description="Host of the registry; default: as image streams of the zone say, or that of an APPUiO zone.",
    )
    ca_file: FilePath | None = Field(default=None, description="Certificate authority of the API (PEM).")
    proxy: Proxy | None = Field(
        default=None,
        description="Proxy for the API; default: `proxy-url` of the kubeconfig, or `HTTPS_PROXY`.",
    )
    credentials: Credentials | None = Field(
        default=None,
        description="How to log in; default: the context for `api` in the standard kubeconfig.",
    )
    source: ZoneSource | None = Field(default=None, description="Read files instead of the live zone.")

    @model_validator(mode="after")
    def _live_or_not(self) -> Self:
        if self.source and (self.credentials or self.api or self.ca_file or self.proxy):
            raise ValueError("a zone with a source is read from files: remove api, ca_file, proxy and credentials")
        return self


class KubeconfigZones(ConfigModel):
    """Zones from a kubeconfig: one for each context."""

    path: FilePath | None = Field(default=None, description="Kubeconfig file; default: the standard one.")
    contexts: tuple[NonEmpty, ...] = Field(
        default=("*",), description="Names or globs of contexts; one must match.", min_length=1
    )


class ControlApi(ConfigModel):
    """The APPUiO control API, which lists the zones."""

    api: Address | None = Field(default=None, description="URL of the control API; default: the one in the kubeconfig.")
    ca_file: FilePath | None = Field(default=None, description="Certificate authority of the control API (PEM).")
    credentials: Credentials = Field(description="How to log in to the control API.")
    zones: tuple[NonEmpty, ...] = Field(
        default=("*",), description="Ids or globs of zones; one must match.", min_length=1
    )
    zone_credentials: Credentials | None = Field(
        default=None,
        description="How to log in to each zone, as `credentials` of a zone. `{zone}` in a path or context stands for "
        "its id (in the name of a variable: in capitals, `_` for `-`). They are sent to the URL that the control "
        "API returns. Default: the context for that URL in the standard kubeconfig.",
    )
    zone_ca_file: FilePath | None = Field(
        default=None, description="Certificate authority of each zone's API (PEM); `{zone}` stands for its id."
    )
    organizations: bool = Field(
        default=True,
        description="Read the members of organizations and teams, to compare them with the groups of each zone.",
    )

    @model_validator(mode="after")
    def _one_server(self) -> Self:
        if self.api is None and (self.credentials.token_file or self.credentials.token_env):
            raise ValueError("a token has no URL: set `api` of the control API")
        return self


class ZonesFrom(ConfigModel):
    """Where to list zones that are not in `zones`."""

    control_api: ControlApi | None = Field(default=None, description="The zones listed by the APPUiO control API.")
    kubeconfig: KubeconfigZones | None = Field(default=None, description="A zone for each context of a kubeconfig.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.control_api is None) == (self.kubeconfig is None):
            raise ValueError("give exactly one of: control_api, kubeconfig")
        return self
