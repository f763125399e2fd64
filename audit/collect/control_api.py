"""The APPUiO control API: the zones, and the members of organizations and teams."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from threading import Event
from typing import NamedTuple, cast
from urllib.parse import urlsplit

from audit.collect.connect.connection import Connection
from audit.collect.decode import CollectError
from audit.collect.limits import Budget, Limits
from audit.collect.lists import ListJob, ListResult, read_lists
from audit.collect.zones import UNLISTED, Zone, api_of, credentials_of, path_of, zone_ids, zones_of
from audit.config.model import Config
from audit.config.zones import ControlApi
from audit.errors import UsageError
from audit.snapshot.objects import DECLARED, KINDS, ZONES, ListedZone


class ZoneDirectory(NamedTuple):
    """The zones to read, and the lists of DECLARED, which concern all of them."""

    zones: list[Zone]
    declared: tuple[ListResult, ...] = ()

    @property
    def whole(self) -> bool:
        """Return whether the list of zones is complete."""
        return all(zone.id != UNLISTED for zone in self.zones)


def find_zones(config: Config, limits: Limits, only: Sequence[str], stop: Event) -> ZoneDirectory:
    """Return the zones of a configuration and of its control API, or those of `only`.

    A control API that does not answer is a failed zone called UNLISTED. Raises UsageError for an unknown zone.
    """
    control = config.zones_from.control_api if config.zones_from else None
    if control is None:
        return ZoneDirectory(zones_of(config, only))
    listed, *declared = _ask(control, limits, stop)
    if listed.gap:
        trouble = f"the control API did not list the zones: {listed.gap.reason}: {listed.gap.detail}"
        zones = [Zone(UNLISTED, trouble=trouble)]
    else:
        zones = _zones(control, cast("list[ListedZone]", listed.items))
    if not zones and not config.zones:
        raise UsageError(f"the control API lists no zone that matches {' or '.join(control.zones)}")
    return ZoneDirectory(zones_of(config, only, zones), tuple(declared))


def _ask(control: ControlApi, limits: Limits, stop: Event) -> list[ListResult]:
    """Return the list of zones, and those of DECLARED if configured."""
    kinds = [ZONES, *(KINDS[plural] for plural in (DECLARED if control.organizations else ()))]
    jobs = [ListJob(kind) for kind in kinds]
    place = Zone(UNLISTED, control.api or "", ca_file=control.ca_file, credentials=credentials_of(control.credentials))
    try:
        connection = Connection(place, Budget.of(limits, stop), limits.in_flight)
        outcomes = {outcome.job: outcome for outcome in read_lists(connection, limits, jobs)}
    except CollectError as error:
        outcomes = {job: ListResult(job, job.gap(error.reason, error.detail)) for job in jobs}
    return [outcomes[job] for job in jobs]


def _zones(control: ControlApi, listed: Iterable[ListedZone]) -> list[Zone]:
    selected = {
        zone.metadata.name: zone
        for zone in listed
        if any(fnmatchcase(zone.metadata.name, glob) for glob in control.zones)
    }
    return [_zone(control, zone_id, selected[name]) for name, zone_id in sorted(zone_ids(selected).items())]


def _zone(control: ControlApi, zone: str, listed: ListedZone) -> Zone:
    data = listed.data
    urls = {name.lower(): url for name, url in (data.urls or {}).items()}
    api = (urls.get("api") or api_of(zone)).rstrip("/")
    return Zone(
        zone,
        api,
        _host(urls.get("registry", "")),
        path_of(control.zone_ca_file, zone),
        credentials_of(control.zone_credentials, zone),
        name=data.name,
        trouble="" if _host(api) and api.startswith("https://") else f"its API is not an https URL: {api}",
        about=tuple(_about(listed)),
    )


def _about(listed: ListedZone) -> Iterable[str]:
    """Yield a line for each fact about a zone beside its addresses."""
    data = listed.data
    if data.provider:
        yield f"runs at {' '.join(filter(None, (data.provider.name, data.provider.region)))}"
    if data.domain:
        yield f"applications are under {data.domain}"
    if data.gateways:
        yield f"its traffic comes from {', '.join(data.gateways)}"
    if data.features:
        yield f"features: {', '.join(' '.join(pair).strip() for pair in sorted(data.features.items()))}"
    for name, url in sorted((data.urls or {}).items()):
        yield f"{name}: {url}"


def _host(url: str) -> str:
    """Return host and port of a URL; empty for anything else."""
    try:
        parts = urlsplit(url)
        named = parts.hostname and not parts.username
    except ValueError:
        return ""
    return parts.netloc if named else ""
