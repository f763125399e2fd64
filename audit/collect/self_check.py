"""Who we are in a zone, and what we may read there, as the zone itself says: nothing is read to find out."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Final

from audit.collect.access_reviews import may_i, who_am_i
from audit.collect.connection import Connection
from audit.collect.decode import CollectError
from audit.collect.limits import Budget
from audit.collect.required_access import OPTIONAL, READER, Right
from audit.collect.zones import Zone
from audit.tables.model import NO, UNKNOWN, YES

# What is asked about: to list each kind, and the parts that are granted apart, by the name of each.
CHECKED_RIGHTS: Final[Mapping[str, Right]] = {
    **{right.resource: right for right in READER.rights if right.verb == "list"},
    **{name: part.rights[0] for name, part in OPTIONAL.items()},
}
# Why there is nothing more to ask; a zone that only does not say who we are may still say what we may.
_NOBODY_THERE: Final = {"credentials", "stopped", "timeout", "unauthenticated", "unreachable"}


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """What a zone says of us. `may` has an answer (YES, NO or UNKNOWN) for each name of CHECKED_RIGHTS.

    `trouble` says why the zone was not asked, or did not answer (empty: it did); `why` why single answers are unknown.
    """

    zone: Zone
    api: str
    user: str = ""
    groups: tuple[str, ...] = ()
    may: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(CHECKED_RIGHTS, UNKNOWN))
    why: str = ""
    trouble: str = ""


def self_check(zone: Zone, seconds: float, stop: Event) -> SelfCheck:
    """Return who we are in `zone` and what we may read; asking takes at most `seconds`. Never raises."""
    found = SelfCheck(zone, str(zone.dump or zone.api), trouble=zone.trouble)
    if zone.trouble or zone.dump:
        return found
    try:
        connection = Connection(zone, Budget(time.monotonic() + seconds, seconds, stop))
        found = replace(found, api=connection.url)
        us = who_am_i(connection)
        found = replace(found, user=us.user, groups=us.groups)
    except CollectError as error:
        if error.reason in _NOBODY_THERE:
            return replace(found, trouble=f"{error.reason}: {error.detail}")
    return _rights(connection, found)


def _rights(connection: Connection, found: SelfCheck) -> SelfCheck:
    may, why = dict(found.may), ""
    for name, right in CHECKED_RIGHTS.items():
        try:
            allowed = may_i(connection, {"verb": right.verb, "group": right.group, "resource": right.resource}).allowed
        except CollectError as error:
            why = f"{error.reason}: {error.detail}"
        else:
            may[name] = YES if allowed else NO
    return replace(found, may=may, why=why)
