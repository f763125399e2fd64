"""Configuration -> zones: the addresses of each, and its credentials."""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from audit.collect.connect.kubeconfig import CredentialsError, KubeContexts
from audit.config.model import Config
from audit.config.zones import Credentials as Reference
from audit.config.zones import KubeconfigZones, ZoneConfig
from audit.errors import UsageError
from audit.masking import remember

# Of APPUiO zones; for other clusters, the configuration has both.
_API: Final = "https://api.{}.appuio.cloud:6443"
_REGISTRY: Final = "registry.{}.appuio.cloud"
_PLACE: Final = "{zone}"  # in credentials for zones that are listed elsewhere
_MAX_ID: Final = 63  # characters
# Not a valid id: stands for the zones that could not be listed.
UNLISTED: Final = "control_api"


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """A context of a kubeconfig; None: the standard file, and the context for the zone's API."""

    path: Path | None = None
    context: str | None = None


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A bearer token in a file, read for every request."""

    path: Path


@dataclass(frozen=True, slots=True)
class TokenEnv:
    """A bearer token in an environment variable."""

    name: str


@dataclass(frozen=True, slots=True)
class InCluster:
    """The service account of the pod in which the program runs."""


Credentials = Kubeconfig | TokenFile | TokenEnv | InCluster


@dataclass(frozen=True, slots=True)
class Zone:
    """One zone. `api` is empty when the kubeconfig or the pod has it; `dump` is a folder to read instead.

    `registry` is empty unless the configuration or the control API has it; the zone's image streams are read for it.
    `name` is a display name or ""; `about` has further lines to print. `trouble` says why the zone cannot be read.
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

    A zone in the configuration overrides one with the same id from elsewhere. Raises UsageError for an unknown zone.
    """
    others = {zone.id: zone for zone in listed}
    if config.zones_from and config.zones_from.kubeconfig:
        others |= {zone.id: zone for zone in zones_of_kubeconfig(config.zones_from.kubeconfig)}
    own = [_zone(zone) for zone in config.zones]
    zones = [*own, *(zone for name, zone in others.items() if name not in {zone.id for zone in own})]
    known = [zone.id for zone in zones]
    # Among zones that could not be listed may be one that is requested.
    unlisted = UNLISTED in known
    for name in only:
        if name not in known and not unlisted:
            near = get_close_matches(name, known, n=1)
            fix = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise UsageError(f"the configuration has no zone {name}", fix=fix)
    selected = {*only, UNLISTED} if {*only} - {*known} else {*only}
    return [zone for zone in zones if not only or zone.id in selected]


def zones_of_kubeconfig(given: KubeconfigZones) -> list[Zone]:
    """Return a zone for each selected context. Raises UsageError when there is none, or no kubeconfig."""
    try:
        names = [context.name for context in KubeContexts(given.path)]
    except CredentialsError as error:
        raise UsageError(str(error), fix="log in using `oc login`, or check the path") from error
    selected = [name for name in names if any(fnmatchcase(name, glob) for glob in given.contexts)]
    if not selected:
        known = f"known: {', '.join(names)}" if names else "no context in it has a cluster"
        raise UsageError(f"no context matches {' or '.join(given.contexts)}", fix=known)
    return [
        Zone(
            zone_id,
            credentials=Kubeconfig(given.path, name),
            name=name if name != zone_id else "",
        )
        for name, zone_id in zone_ids(selected).items()
    ]


def zone_ids(names: Iterable[str]) -> dict[str, str]:
    """Return a unique id for each name, fit for file names and columns.

    A name that is an id stays as it is. Others are reduced to lower-case letters, digits and dashes; where that is not
    unique, a digest of the name is added, so that the id does not depend on other names.
    """
    spelled = {name: re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_MAX_ID].strip("-") for name in names}
    count = Counter(spelled.values())
    ids = {name: text for name, text in spelled.items() if text and (text == name or count[text] == 1)}
    for name, text in spelled.items():
        if name not in ids:
            ids[name] = _marked(text, name, {*ids.values()})
    return {name: ids[name] for name in spelled}


def _marked(text: str, name: str, taken: set[str]) -> str:
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
    marked = (f"{text[: _MAX_ID - 1 - size].strip('-') or 'zone'}-{digest[:size]}" for size in range(8, 60, 4))
    return next(candidate for candidate in marked if candidate not in taken)


def api_of(zone: str) -> str:
    """Return the URL of the API of an APPUiO zone."""
    return _API.format(zone)


def registry_of(api: str) -> str:
    """Return the host of the registry of an APPUiO zone, given the URL of its API; "" for other URLs."""
    try:
        host = urlsplit(api).hostname or ""
    except ValueError:
        return ""
    inner = host.removeprefix("api.").removesuffix(".appuio.cloud")
    return _REGISTRY.format(inner) if host == f"api.{inner}.appuio.cloud" else ""


def _zone(zone: ZoneConfig) -> Zone:
    registry = zone.registry or ""
    if zone.source:
        return Zone(zone.id, registry=registry, dump=zone.source.dump)
    credentials = credentials_of(zone.credentials)
    # A named kubeconfig and a pod have the URL of their server.
    has_server = isinstance(credentials, InCluster | Kubeconfig) and credentials != Kubeconfig()
    api = zone.api or ("" if has_server else api_of(zone.id))
    return Zone(zone.id, api, registry, zone.ca_file, credentials, proxy=zone.proxy or "")


def path_of(path: Path | None, zone: str) -> Path | None:
    """Return a path with `{zone}` replaced by `zone`."""
    return Path(str(path).replace(_PLACE, zone)) if path and zone else path


def credentials_of(given: Reference | None, zone: str = "") -> Credentials:
    """Return the configured credentials, with `{zone}` replaced by `zone`."""
    if given is None:
        return Kubeconfig()
    if token := path_of(given.token_file, zone):
        return TokenFile(token)
    if given.token_env:
        name = given.token_env.replace(_PLACE, zone.upper().replace("-", "_")) if zone else given.token_env
        remember(os.environ.get(name, ""))  # now: a file may repeat it before this zone is read
        return TokenEnv(name)
    if given.in_cluster:
        return InCluster()
    context = given.context.replace(_PLACE, zone) if given.context and zone else given.context
    return Kubeconfig(path_of(given.kubeconfig, zone), context)
