"""Configuration -> zones: where each one is, and by which credentials it is read."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from audit.collect.kubeconfig import CredentialsError, KubeContexts
from audit.config.model import Config
from audit.config.zones import Credentials as Reference
from audit.config.zones import KubeconfigZones, ZoneConfig
from audit.errors import UsageError

# Both follow from the id of an APPUiO zone, and can be given for any other cluster.
_API: Final = "https://api.{}.appuio.cloud:6443"
_REGISTRY: Final = "registry.{}.appuio.cloud"
_PLACE: Final = "{zone}"  # in credentials for zones that are listed elsewhere
_LONGEST: Final = 63  # characters of an id
# No zone can be called so: it stands for those that could not be listed.
UNLISTED: Final = "control_api"


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
    """One zone. `api` is empty when the credentials say where it is; `dump` is set when files stand in for it.

    `name` is what people call it, empty when nobody says; `about` what else is told of it. `trouble` says why nothing
    can be asked of it at all.
    """

    id: str
    api: str = ""
    registry: str = ""
    ca_file: Path | None = None
    credentials: Credentials = Kubeconfig()
    dump: Path | None = None
    name: str = ""
    trouble: str = ""
    proxy: str = ""
    about: tuple[str, ...] = ()


def zones_of(config: Config, only: Sequence[str] = (), listed: Iterable[Zone] = ()) -> list[Zone]:
    """Return the zones of the configuration, of its kubeconfig, and those `listed` elsewhere, or those of `only`.

    A zone that stands in the configuration is as it says there. Raises UsageError for one that is not there.
    """
    found = {zone.id: zone for zone in listed}
    if config.zones_from and config.zones_from.kubeconfig:
        found |= {zone.id: zone for zone in zones_of_kubeconfig(config.zones_from.kubeconfig)}
    own = [_zone(zone) for zone in config.zones]
    zones = [*own, *(zone for name, zone in found.items() if name not in {one.id for one in own})]
    there = [zone.id for zone in zones]
    # Where zones could not be listed, one that is asked for may be among them.
    unlisted = UNLISTED in there
    for name in only:
        if name not in there and not unlisted:
            near = get_close_matches(name, there, n=1)
            fix = f"did you mean {near[0]}?" if near else f"there are {', '.join(there)}"
            raise UsageError(f"the configuration has no zone {name}", fix=fix)
    wanted = {*only, UNLISTED} if {*only} - {*there} else {*only}
    return [zone for zone in zones if not only or zone.id in wanted]


def zones_of_kubeconfig(given: KubeconfigZones) -> list[Zone]:
    """Return a zone for each context that is meant. Raises UsageError when there is none, or no kubeconfig."""
    try:
        there = {context.name: context.server for context in KubeContexts(given.path)}
    except CredentialsError as error:
        raise UsageError(str(error)) from error
    meant = [name for name in there if any(fnmatchcase(name, glob) for glob in given.contexts)]
    if not meant:
        listed = f"there are {', '.join(there)}" if there else "no context in it leads anywhere"
        raise UsageError(f"no context is called {' or '.join(given.contexts)}", fix=listed)
    return [
        Zone(
            one,
            registry=registry_of(there[name]),
            credentials=Kubeconfig(given.path, name),
            name=name if name != one else "",
        )
        for name, one in zone_ids(meant).items()
    ]


def zone_ids(names: Iterable[str]) -> dict[str, str]:
    """Return an id for each name: fit for files and columns, and each its own.

    A name that is an id stays one. Others are spelled in lower-case letters, digits and dashes, and where that is the
    same for two, what tells them apart is added: it depends on the name only, so that an id stays the same.
    """
    spelled = {name: re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST].strip("-") for name in names}
    count = Counter(spelled.values())
    ids = {name: text for name, text in spelled.items() if text and (text == name or count[text] == 1)}
    for name, text in spelled.items():
        if name not in ids:
            ids[name] = _marked(text, name, {*ids.values()})
    return {name: ids[name] for name in spelled}


def _marked(text: str, name: str, taken: set[str]) -> str:
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
    marked = (f"{text[: _LONGEST - 1 - size].strip('-') or 'zone'}-{digest[:size]}" for size in range(8, 60, 4))
    return next(one for one in marked if one not in taken)


def api_of(zone: str) -> str:
    """Return the address of the API of an APPUiO zone."""
    return _API.format(zone)


def registry_of(api: str) -> str:
    """Return the host of the registry that belongs to the API of an APPUiO zone; empty for any other address."""
    try:
        host = urlsplit(api).hostname or ""
    except ValueError:
        return ""
    inner = host.removeprefix("api.").removesuffix(".appuio.cloud")
    return _REGISTRY.format(inner) if host == f"api.{inner}.appuio.cloud" else ""


def _zone(zone: ZoneConfig) -> Zone:
    registry = zone.registry or _REGISTRY.format(zone.id)
    if zone.source:
        return Zone(zone.id, registry=registry, dump=zone.source.dump)
    credentials = credentials_of(zone.credentials)
    # A kubeconfig that is named, and a pod, know their own server.
    placed = isinstance(credentials, InCluster | Kubeconfig) and credentials != Kubeconfig()
    api = zone.api or ("" if placed else api_of(zone.id))
    return Zone(zone.id, api, registry, zone.ca_file, credentials, proxy=zone.proxy or "")


def path_of(path: Path | None, zone: str) -> Path | None:
    """Return a path in which `{zone}` stands for `zone`."""
    return Path(str(path).replace(_PLACE, zone)) if path and zone else path


def credentials_of(given: Reference | None, zone: str = "") -> Credentials:
    """Return the credentials that are meant; `{zone}` in what they refer to stands for `zone`."""
    if given is None:
        return Kubeconfig()
    if token := path_of(given.token_file, zone):
        return TokenFile(token)
    if given.token_env:
        return TokenEnv(given.token_env.replace(_PLACE, zone.upper().replace("-", "_")) if zone else given.token_env)
    if given.in_cluster:
        return InCluster()
    context = given.context.replace(_PLACE, zone) if given.context and zone else given.context
    return Kubeconfig(path_of(given.kubeconfig, zone), context)
