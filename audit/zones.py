"""Configuration -> zones: where each one is, and by which credentials it is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from audit.config import Config, ZoneConfig
from audit.errors import UsageError

# Both follow from the id of an APPUiO zone, and can be given for any other cluster.
_API: Final = "https://api.{}.appuio.cloud:6443"
_REGISTRY: Final = "registry.{}.appuio.cloud"


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """A context of a kubeconfig; None: the standard place, and the context that leads to the zone's API."""

    path: Path | None = None
    context: str | None = None


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A bearer token in a file, read again when it rotates."""

    path: Path


@dataclass(frozen=True, slots=True)
class TokenEnv:
    """A bearer token in an environment variable."""

    name: str


@dataclass(frozen=True, slots=True)
class InCluster:
    """The service account of the pod that this runs in."""


Credentials = Kubeconfig | TokenFile | TokenEnv | InCluster


@dataclass(frozen=True, slots=True)
class Zone:
    """One zone. `api` is empty when the credentials say where it is; `dump` is set when files stand in for it."""

    id: str
    api: str = ""
    registry: str = ""
    ca_file: Path | None = None
    credentials: Credentials = Kubeconfig()
    dump: Path | None = None


def zones_of(config: Config, only: Sequence[str] = ()) -> list[Zone]:
    """Return the zones of the configuration, or those of `only`. Raises UsageError for one that is not there."""
    there = [zone.id for zone in config.zones]
    for name in only:
        if name not in there:
            near = get_close_matches(name, there, n=1)
            fix = f"did you mean {near[0]}?" if near else f"there are {', '.join(there)}"
            raise UsageError(f"the configuration has no zone {name}", fix=fix)
    return [_zone(zone) for zone in config.zones if not only or zone.id in only]


def _zone(zone: ZoneConfig) -> Zone:
    registry = zone.registry or _REGISTRY.format(zone.id)
    if zone.source:
        return Zone(zone.id, registry=registry, dump=zone.source.dump)
    credentials = _credentials(zone)
    # A kubeconfig that is named, and a pod, know their own server.
    placed = isinstance(credentials, InCluster | Kubeconfig) and credentials != Kubeconfig()
    api = zone.api or ("" if placed else _API.format(zone.id))
    return Zone(zone.id, api, registry, zone.ca_file, credentials)


def _credentials(zone: ZoneConfig) -> Credentials:
    given = zone.credentials
    if given is None:
        return Kubeconfig()
    if given.token_file:
        return TokenFile(given.token_file)
    if given.token_env:
        return TokenEnv(given.token_env)
    return InCluster() if given.in_cluster else Kubeconfig(given.kubeconfig, given.context)
