"""Who our credentials are in a zone, and what they may read: asks the zone and reads nothing."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Final

from audit.collect.access_reviews import may_i, who_am_i
from audit.collect.connect.connection import Connection
from audit.collect.decode import CollectError
from audit.collect.limits import Budget
from audit.collect.required_access import OPTIONAL, READER, Right
from audit.collect.zones import Zone
from audit.tables.schemas import NO, UNKNOWN, YES

# The rights that are checked, by name: to list each kind, and the optional roles.
CHECKED_RIGHTS: Final[Mapping[str, Right]] = {
    **{right.resource: right for right in READER.rights if right.verb == "list"},
    **{name: part.rights[-1] for name, part in OPTIONAL.items()},
}
# Reasons not to ask further; a zone that only does not say who we are may still say what we may.
_FATAL: Final = {"credentials", "stopped", "timeout", "unauthenticated", "unreachable"}


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """Identity and rights of our credentials. `may` has YES, NO or UNKNOWN for each name of CHECKED_RIGHTS.

    `trouble` is why the zone was not asked or did not answer ("": it did), `why` why single answers are unknown.
    """

    zone: Zone
    api: str
    user: str = ""
    groups: tuple[str, ...] = ()
    may: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(CHECKED_RIGHTS, UNKNOWN))
    why: str = ""
    trouble: str = ""


def self_check(zone: Zone, seconds: float, stop: Event) -> SelfCheck:
    """Return identity and rights of our credentials in `zone`, within `seconds`. Never raises."""
    result = SelfCheck(zone, str(zone.dump or zone.api), trouble=zone.trouble)
    if zone.trouble or zone.dump:
        return result
    try:
        connection = Connection(zone, Budget(time.monotonic() + seconds, seconds, stop))
        result = replace(result, api=connection.url)
        us = who_am_i(connection)
        result = replace(result, user=us.user, groups=us.groups)
    except CollectError as error:
        if error.reason in _FATAL:
            return replace(result, trouble=f"{error.reason}: {error.detail}")
    return _rights(connection, result)


def _rights(connection: Connection, result: SelfCheck) -> SelfCheck:
    may, why = dict(result.may), ""
    for name, right in CHECKED_RIGHTS.items():
        try:
            allowed = may_i(connection, {"verb": right.verb, "group": right.group, "resource": right.resource}).allowed
        except CollectError as error:
            why = f"{error.reason}: {error.detail}"
        else:
            may[name] = YES if allowed else NO
    return replace(result, may=may, why=why)
