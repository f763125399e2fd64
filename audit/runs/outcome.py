"""How a run ended, whatever ended it: what metrics, messages and a pod's last words are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from audit.errors import printable
from audit.runs.info import RunInfo
from audit.runs.news import News

# `stopped`: asked to stop before all was written. `error`: it could not go on at all.
STATES: Final = ("complete", "partial", "failed", "stopped", "error")
_GAPS: Final = 3  # of each zone, in a summary
_LINE: Final = 200  # bytes of one of these
_LONGEST: Final = 4096  # bytes that Kubernetes keeps of a pod's last words


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended. Times are seconds since 1970; `problem` is the message of what ended it early.

    `run` is None when nothing was written that says what was seen; `delivered` says of each channel whether it was
    told.
    """

    state: str
    exit_code: int
    started: float
    finished: float
    run: RunInfo | None = None
    news: News = field(default_factory=News)
    problem: str = ""
    stages: Mapping[str, float] = field(default_factory=dict)  # seconds of each stage
    delivered: Mapping[str, bool] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Say whether everything was seen and written."""
        return self.state == "complete"

    def told(self, *, changes: bool) -> bool:
        """Say whether somebody has to hear of it: it is not whole, or there is something new.

        New is a finding, access of somebody who is not logged in, and with `changes` any access that was gained.
        """
        zones = self.news.zones
        new = bool(self.news.new) or any(zone.anonymous for zone in zones)
        return not self.whole or new or (changes and any(zone.gained for zone in zones))


def termination_message(ending: RunOutcome) -> str:
    """Return a summary for a pod's termination message: what happened, zone by zone, within its 4096 bytes."""
    lines = [f"registry-audit: {ending.state} (exit code {ending.exit_code})"]
    if ending.problem:
        lines.append(clipped(ending.problem, _LINE * 4))
    if ending.run:
        lines += [f"run {ending.run.run_id}, version {ending.run.version}"]
        lines += [ending.run.findings.text] if ending.run.findings else []
        for zone in sorted(ending.run.zones, key=lambda zone: zone.state == "complete"):
            lines.append(f"{zone.id}: {zone.state}" + (f", {len(zone.gaps)} not seen" if zone.gaps else ""))
            lines += [f"  {clipped(gap, _LINE)}" for gap in zone.gaps[:_GAPS]]
    lines += [f"channel {name}: not told" for name, told in ending.delivered.items() if not told]
    return clipped("\n".join(printable(line) for text in lines for line in text.split("\n")))


def clipped(text: str, longest: int = _LONGEST) -> str:
    """Return a text of so many bytes at most in UTF-8; what is cut ends with an ellipsis."""
    data = text.encode(errors="replace")
    if len(data) <= longest:
        return data.decode()
    return data[: longest - 3].decode(errors="ignore") + "…"
