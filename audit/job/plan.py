"""The plan of a run: what is made of the snapshots that go into it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from audit.config.model import CsvConfig
from audit.config.usage import UsageConfig
from audit.controls.model import Framework
from audit.job.judging import Judgement
from audit.job.sealing import Seal
from audit.pseudonyms.pseudonymizer import Pseudonymizer
from audit.snapshot.scope import Selects
from reports.audience import Audience, Kind


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class RunPlan:
    """Which formats, of which namespaces, under which configuration (its digest).

    `every_zone`: the snapshots are of all zones of the configuration. `reports_by`, `reports_for`: who gets a report of
    their own. `clock` returns the current time, with its zone.
    """

    formats: Sequence[str] = ()
    selects: Selects | None = None
    config_digest: str = ""
    judgement: Judgement = field(default_factory=Judgement)
    seal: Seal = field(default_factory=Seal)
    stale_days: float = 0  # how old a snapshot may be that stands in for a zone that cannot be read; 0: none does
    every_zone: bool = False
    expand: bool = False  # list cluster-wide access in every namespace too, in formats for programs
    reports_by: Sequence[Kind] = ()
    reports_for: Sequence[Audience] = ()
    frameworks: Sequence[Framework] = ()  # for each, a page and a workbook of its own
    csv: CsvConfig = field(default_factory=CsvConfig)
    pseudonymizer: Pseudonymizer | None = None
    clock: Callable[[], datetime] = _now
    usage: UsageConfig = field(default_factory=UsageConfig)

    @property
    def names(self) -> str:
        """Return the fingerprint of the key by which names are replaced; empty if they are not."""
        return self.pseudonymizer.by.fingerprint if self.pseudonymizer else ""
