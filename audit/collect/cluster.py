"""A live API server -> Snapshot: one LIST per kind over all namespaces, or one in each where those are refused."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from threading import Event
from typing import Final

import msgspec

from audit.collect.access_reviews import who_am_i
from audit.collect.completeness import believed
from audit.collect.connect.connection import Connection
from audit.collect.connect.credentials import Unreachable
from audit.collect.connect.retry import failure, retry
from audit.collect.decode import CollectError
from audit.collect.limits import Budget, Limits
from audit.collect.lists import ListJob, ListResult, read_lists
from audit.collect.tenant import Tenant
from audit.collect.zones import Zone, registry_of
from audit.masking import excerpt
from audit.snapshot.builder import SnapshotBuilder
from audit.snapshot.model import CLUSTER, TENANT, Gap, Origin, Snapshot
from audit.snapshot.objects import KINDS, Kind

_OK: Final = 200
_LONGEST_VERSION: Final = 100  # characters

Listed = Callable[[str, int], None]


def collect_cluster(
    zone: Zone, limits: Limits, *, tool: str = "", listed: Listed, stop: Event, declared: Sequence[ListResult] = ()
) -> Snapshot:
    """Return the snapshot of a live zone; what could not be read is a gap. `listed` is called for each whole list.

    `declared` lists come from the control API and are kept with every zone.
    """
    started = now()
    facts = SnapshotBuilder()
    source, place, server, user = CLUSTER, zone.api, "", ""
    try:
        connection = Connection(zone, Budget.of(limits, stop), limits.in_flight)
        place = connection.url
        server = _server_version(connection)
        source = _lists(connection, limits, facts, listed)
        # Last: the time is for the lists.
        user = _whoami(connection)
    except CollectError as error:
        for plural in limits.kinds:
            facts.gap(Gap(plural, "", error.reason, error.detail))
    for outcome in declared:
        outcome.put(facts)
    registry = zone.registry or facts.registry or registry_of(place)
    origin = Origin(zone.id, source, place, registry, server, user, started, now(), tool)
    return believed(facts.snapshot(origin), leaving=facts.leaving)


def _lists(connection: Connection, limits: Limits, facts: SnapshotBuilder, listed: Listed) -> str:
    """Read all kinds; return the scope in which they were read."""
    kinds = [KINDS[plural] for plural in limits.kinds]
    wide = [kind for kind in kinds if not (limits.scope == TENANT and _by_namespace(kind))]
    refused: dict[str, Gap] = {}
    whole: set[str] = set()
    for outcome in read_lists(connection, limits, [ListJob(kind) for kind in wide]):
        kind, gap = outcome.job.kind, outcome.gap
        # A list that is refused after its first pages was cut: what was read is kept.
        if gap and gap.reason == "refused" and not outcome.items and _by_namespace(kind):
            refused[kind.plural] = gap
            continue
        facts.add(kind.plural, outcome.items)
        if gap:
            facts.gap(gap)
        else:
            whole.add(kind.plural)
            facts.listed(outcome.listing)
            listed(kind.plural, len(outcome.items))
    if limits.scope == TENANT or (limits.scope == "auto" and "rolebindings" in refused):
        left = [kind for kind in kinds if kind not in wide or kind.plural in refused]
        Tenant(connection, limits, facts).read(left, refused, whole="namespaces" in whole)
        return TENANT
    for gap in refused.values():
        facts.gap(gap)
    return CLUSTER


def _by_namespace(kind: Kind) -> bool:
    return kind.namespaced or kind.plural == "namespaces"


def _server_version(connection: Connection) -> str:
    """Return the version of the server, or "". Raises CollectError when the server cannot be reached."""
    try:
        return retry(partial(_version, connection), 1, connection.budget)
    except Unreachable:
        raise
    except CollectError as error:
        if error.reason == "unreachable":
            raise
        return ""


def _whoami(connection: Connection) -> str:
    """Return the user name of the credentials, or "" when the server does not say."""
    try:
        return retry(partial(who_am_i, connection), 1, connection.budget).user
    except CollectError:
        return ""  # for information only


def _version(connection: Connection) -> str:
    response = connection.get("/version")
    if response.status != _OK:
        raise failure(response)
    try:
        connection.refuse_repeated(response.body)
        version = msgspec.json.decode(response.body, type=dict[str, object]).get("gitVersion", "")
        return excerpt(str(version), _LONGEST_VERSION)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def now() -> str:
    """Return the current time (RFC 3339, UTC)."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
