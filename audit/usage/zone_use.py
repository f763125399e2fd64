"""What is known of the use of one zone: who did what, until when, and how much of that time the logs cover."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final

import pyarrow as pa

from audit.config.usage import UsageConfig
from audit.usage.coverage import Answer, Coverage, Missing
from audit.usage.history import Window
from audit.usage.requests import REGISTRY, TELLING
from audit.usage.use_coverage import UseCoverage

_LAG: Final = timedelta(days=2)  # logs are read a while before or after the facts
_SHOWN: Final = 50  # of windows and gaps


class ZoneUse:
    """The use of a zone. `totals` are as `History.totals` returns them; `as_of` is when the facts were read."""

    def __init__(
        self, totals: pa.Table, windows: Sequence[Window], settings: UsageConfig, as_of: datetime, damaged: int = 0
    ) -> None:
        self.totals = totals
        self.windows = windows
        self.threshold_days = settings.threshold_days
        self._damaged = damaged
        self._coverage = Coverage(windows, settings.replicas, timedelta(seconds=settings.gap_seconds))
        last = self._coverage.last_covered(as_of)
        self.end = last if last and as_of - last <= _LAG else as_of
        self.begin = self.end - timedelta(days=settings.threshold_days)

    @cached_property
    def missing(self) -> list[Missing]:
        """Return what is not covered of the time in which unused access was not used."""
        return self._coverage.missing(self.begin, self.end)

    def answer(self, last: datetime | None, since: datetime | None) -> Answer:
        """Return whether access was used that was granted at `since`, and of which the last known use was at `last`."""
        return self._coverage.answer(last, since, self.begin, self.end)

    def covers(self) -> UseCoverage:
        """Return what the logs cover, for people and the manifest."""
        return UseCoverage(
            begin=rfc3339(self.begin),
            end=rfc3339(self.end),
            threshold_days=self.threshold_days,
            covered=not self.missing,
            sources=tuple(_short(_source(window) for window in self._informative())),
            gaps=tuple(_short(f"{rfc3339(gap.begin)} to {rfc3339(gap.end)}: {gap.reason}" for gap in self.missing)),
            damaged=self._damaged,
        )

    def _informative(self) -> Iterator[Window]:
        """Yield the windows that say something."""
        return (window for window in self.windows if window.source != REGISTRY or window.levels & TELLING)


def _source(window: Window) -> str:
    levels = ", ".join(sorted(window.levels))
    return f"{window.source} {window.pod}: {rfc3339(window.begin)} to {rfc3339(window.end)}, level {levels}"


def _short(texts: Iterator[str]) -> Iterator[str]:
    """Yield the last of many texts, and how many there are before them."""
    every = [*texts]
    if len(every) > _SHOWN:
        yield f"{len(every) - _SHOWN} earlier ones"
    yield from every[-_SHOWN:]


def rfc3339(moment: datetime) -> str:
    """Return a moment as text, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
