"""Signs that a reviewer decided without looking: everything kept, one reason for all, faster than one can read."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from audit.campaigns.answers import Decision
from audit.campaigns.campaign import CampaignLine
from audit.campaigns.folder import CampaignFolder
from audit.campaigns.spelling import spelling

_LEAST: Final = 20  # decisions of which a pattern can be said at all
_SECONDS: Final = 3.0  # for each decision: less is not reading
_NO_LETTER: Final = re.compile(r"[\W\d_]+")


@dataclass(frozen=True, slots=True)
class ReviewerPattern:
    """How a reviewer decided. `texts`: different reasons; `seconds`: for each decision, at most, from what is known."""

    reviewer: str
    decisions: int
    kept: int
    privileged_kept: int
    texts: int
    seconds: float | None

    @property
    def signs(self) -> list[str]:
        """Return the signs of a rubber stamp."""
        if self.decisions < _LEAST:
            return []
        found = ["all kept"] if self.kept == self.decisions else []
        found += ["one text for all"] if self.texts <= 1 else []
        found += ["faster than reading"] if self.seconds is not None and self.seconds < _SECONDS else []
        return found

    @property
    def stamped(self) -> bool:
        """Return whether this looks like a rubber stamp: everything kept, and one more sign."""
        return "all kept" in self.signs and len(self.signs) > 1

    def record(self) -> dict[str, object]:
        """Return its columns."""
        return {
            "reviewer": self.reviewer,
            "decisions": self.decisions,
            "kept": self.kept,
            "privileged_kept": self.privileged_kept,
            "texts": self.texts,
            "seconds_each": None if self.seconds is None else round(self.seconds, 2),
            "signs": self.signs,
        }


def patterns(folder: CampaignFolder) -> list[ReviewerPattern]:
    """Return how each reviewer decided, by name; all spellings of a name are one reviewer.

    When somebody looked at a line is not known. But what was taken at one time was decided between then and the time
    at which the campaign began, or the same reviewer's answers were last taken.
    """
    lines = {entry.line.id: entry for entry in folder.campaign.lines}
    latest = {decision.id: decision for record in folder.records for decision in record.decisions}
    seconds = dict(_seconds(folder))
    by_reviewer: dict[str, list[Decision]] = {}
    for decision in latest.values():
        by_reviewer.setdefault(spelling(decision.by), []).append(decision)
    return [
        _pattern(min(decision.by for decision in found), found, lines, seconds.get(name))
        for name, found in sorted(by_reviewer.items())
    ]


def _pattern(
    name: str, found: list[Decision], lines: Mapping[str, CampaignLine], seconds: float | None
) -> ReviewerPattern:
    kept = [decision for decision in found if decision.decision == "keep"]
    return ReviewerPattern(
        reviewer=name,
        decisions=len(found),
        kept=len(kept),
        privileged_kept=sum(lines[decision.id].line.privileged for decision in kept if decision.id in lines),
        texts=len({_text(decision.why) for decision in found}),
        seconds=seconds,
    )


def _text(why: str) -> str:
    """Return what is the same in reasons that differ only in case, numbers and signs."""
    return _NO_LETTER.sub("", unicodedata.normalize("NFKC", why).casefold())


def _seconds(folder: CampaignFolder) -> Iterator[tuple[str, float]]:
    """Yield for each reviewer the fewest seconds for each decision, of all times that answers were taken."""
    before: dict[str, datetime] = {}
    fewest: dict[str, float] = {}
    began = datetime.fromisoformat(folder.campaign.began)
    for record in folder.records:
        applied = datetime.fromisoformat(record.applied)
        counts: dict[str, int] = {}
        for decision in record.decisions:
            name = spelling(decision.by)
            counts[name] = counts.get(name, 0) + 1
        for name, count in counts.items():
            each = (applied - before.get(name, began)).total_seconds() / count
            if count >= _LEAST:
                fewest[name] = min(each, fewest.get(name, each))
            before[name] = applied
    yield from fewest.items()
