"""How long the stages of a run take, told as they end."""

import time

from audit import console


class Stages:
    """How long each stage of a run takes."""

    def __init__(self) -> None:
        """Begin the first one."""
        self._since = time.monotonic()
        self.seconds: dict[str, float] = {}

    def end(self, stage: str) -> None:
        """Say that a stage has ended; the next begins."""
        before, self._since = self._since, time.monotonic()
        self.seconds[stage] = self._since - before
        console.event(stage, seconds=round(self.seconds[stage], 3))
