"""The duration of each stage of a run."""

import time

from audit import console


class Stages:
    """Measures each stage of a run, and logs it."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self.seconds: dict[str, float] = {}

    def end(self, stage: str) -> None:
        """End a stage; the next begins."""
        before, self._since = self._since, time.monotonic()
        self.seconds[stage] = self._since - before
        console.event(stage, seconds=round(self.seconds[stage], 3))
