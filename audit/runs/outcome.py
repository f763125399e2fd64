"""How a run ended, for whatever reason: the source of metrics, messages and the termination message."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from audit.errors import printable
from audit.exit_codes import FINDINGS
from audit.runs.info import RunInfo
from audit.runs.manifest import MissingPart
from audit.runs.news import News

# `stopped`: by a signal, before all was written. `error`: the run could not go on.
STATES: Final = ("complete", "partial", "failed", "stopped", "error")
_GAPS: Final = 3  # shown for each zone in the termination message
_LINE: Final = 200  # bytes of one gap
_LONGEST: Final = 4096  # bytes that Kubernetes keeps of a termination message


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended. Times are seconds since 1970; `problem` is the error that ended it early.

    `run` is None when no report was written; `delivered` says for each channel whether its message was accepted.
    """

    state: str
    exit_code: int
    started: float
    finished: float
    run: RunInfo | None = None
    news: News = field(default_factory=News)
    problem: str = ""
    missing: tuple[MissingPart, ...] = ()  # parts of the run
    stages: Mapping[str, float] = field(default_factory=dict)  # seconds of each stage
    delivered: Mapping[str, bool] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        """Return the id of the run; empty if nothing was written."""
        return self.run.run_id if self.run else ""

    @property
    def whole(self) -> bool:
        """Return whether everything was read and written."""
        return self.state == "complete"

    def notable(self, *, changes: bool) -> bool:
        """Return whether to send a message: the run is not complete, or something is new.

        New are findings, anonymous access, and with `changes` any access that was gained.
        """
        zones = self.news.zones
        new = bool(self.news.new) or any(zone.anonymous for zone in zones)
        return not self.whole or new or (changes and any(zone.gained for zone in zones))


def termination_message(ending: RunOutcome) -> str:
    """Return the termination message of a pod: what happened, zone by zone, in at most 4096 bytes."""
    lines = [f"registry-audit: {ending.state} (exit code {ending.exit_code})"]
    if ending.exit_code == FINDINGS and ending.run and ending.run.findings:
        lines.append(ending.run.findings.failed)
    if ending.problem:
        lines.append(clipped(ending.problem, _LINE * 4))
    if ending.run:
        lines += [f"run {ending.run.run_id}, version {ending.run.version}"]
        lines += [ending.run.findings.text] if ending.run.findings else []
        lines += [f"missing: {part.name}: {clipped(part.reason, _LINE)}" for part in ending.missing]
        for zone in sorted(ending.run.zones, key=lambda zone: zone.state == "complete"):
            lines.append(f"{zone.id}: {zone.state}" + (f", {len(zone.gaps)} gaps" if zone.gaps else ""))
            lines += [f"  {clipped(gap, _LINE)}" for gap in zone.gaps[:_GAPS]]
    lines += [f"channel {name}: message not delivered" for name, delivered in ending.delivered.items() if not delivered]
    return clipped("\n".join(printable(line) for text in lines for line in text.split("\n")))


def clipped(text: str, longest: int = _LONGEST) -> str:
    """Return `text` in at most `longest` bytes of UTF-8; a shortened text ends with an ellipsis."""
    data = text.encode(errors="replace")
    if len(data) <= longest:
        return data.decode()
    return data[: longest - 3].decode(errors="ignore") + "…"
