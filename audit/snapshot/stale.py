"""A zone that could not be read, replaced by what was last read of it, and labelled with its age everywhere."""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from audit.snapshot.model import Origin, Snapshot, gap_lines

_FORM: Final = "%Y-%m-%dT%H:%M:%SZ"
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)


def filled(lost: Snapshot, last: Snapshot, days: float) -> Snapshot:
    """Return `last` in place of `lost`, which could not be read; `lost` itself when `last` cannot replace it.

    It cannot when it is older than `days`, when its age is not known, or when it is of another cluster.
    """
    age = _between(last.origin.finished, lost.origin.finished)
    places = {lost.origin.place, last.origin.place} - {""}
    if age is None or age > days * _DAY or len(places) > 1:
        return lost
    why = gap_lines(lost.gaps)[0].partition(": ")[2]
    origin = msgspec.structs.replace(last.origin, stale=why, tried=lost.origin.finished)
    return Snapshot(origin, last.gaps, last.listings, last.strings, last.tables)


def staleness(origin: Origin) -> str:
    """Return the age of the facts of a stale zone, and why there are no newer ones."""
    return f"this is of {origin.finished}, {_age(origin)} before the run: {origin.stale}"


def _age(origin: Origin) -> str:
    # A clock that was set back does not make it younger.
    age = max(_between(origin.finished, origin.tried) or timedelta(0), timedelta(0))
    for unit, name in ((_DAY, "day"), (_HOUR, "hour")):
        if count := age // unit:
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "less than an hour"


def _between(earlier: str, later: str) -> timedelta | None:
    """Return the duration between two times (RFC 3339), None when either is not known."""
    try:
        return datetime.strptime(later, _FORM) - datetime.strptime(earlier, _FORM)  # noqa: DTZ007  both are in UTC
    except ValueError:
        return None
