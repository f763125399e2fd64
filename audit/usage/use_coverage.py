"""What a manifest says about the logs of a zone."""

import msgspec


class UseCoverage(msgspec.Struct, frozen=True):
    """What the logs of a zone cover: when `not used` was decided, from when on, and what was missing, in words.

    Times are RFC 3339, `damaged` is the number of lines that could not be read in this run.
    """

    begin: str
    end: str
    threshold_days: int
    covered: bool
    sources: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    damaged: int = 0
