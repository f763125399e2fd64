"""The files of a review: a workbook and CSV to decide in, and the evidence as CSV."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from audit.campaigns.campaign import Campaign, CampaignLine, Groups
from audit.campaigns.evidence import COLUMNS as EVIDENCE
from audit.campaigns.evidence import told
from audit.campaigns.proof import LineOutcome
from audit.campaigns.reading import ANSWERED
from audit.rbac.subjects import GROUP
from audit.tables.spreadsheet import neutral
from reports.csv import cell
from reports.pack import Row, Sheet
from reports.xlsx import xlsx_chunks

GRANTS, PLATFORM = "review", "platform"
_KNOWN: Final = (
    "zone", "namespace", "organization", "kind", "subject", "members", "rights", "privileged", "repositories",
    "binding", "role", "aggregated from", "since", "reviewers", "path",
)  # fmt: skip
COLUMNS: Final = ("id", *ANSWERED, *_KNOWN)
_ASKED: Final = {1: "choice", 2: "day", 4: "day"}
_MOST: Final = 20  # people of a group that a cell names
_METHOD: Final = """\
Each line is one grant: who a binding names, what it gives where, by which role.
A group is one line, with its people: who decides on it decides on all of them.
Decide in these columns: decision (keep, reduce, revoke, exception), until (the last day of an exception),
decided by (your user name), decided on (today), why, and ticket.
A line without a decision is undecided, and never approved.
Nobody decides on their own access, nor on that of a group that they are in.
A right with a question mark may be there: what decides was not seen.
Leave id and path as they are. Sort whole rows only. Formulas are not taken.
The sheet Platform has what the platform has by itself: look at it once, and at what is not expected.""".splitlines()


class ReviewSheets:
    """ReviewSheets as rows, with nothing where people write."""

    def __init__(self, campaign: Campaign, lines: Iterable[CampaignLine], groups: Groups) -> None:
        """Take the lines and the people of their groups."""
        self._campaign = campaign
        self._groups = groups
        self.apart: dict[bool, list[CampaignLine]] = {False: [], True: []}
        for asked in lines:
            self.apart[asked.line.platform].append(asked)
        # Few sets of reviewers, and many lines of each.
        self._reviewers: dict[tuple[str, str, str], str] = {}

    def workbook(self) -> Iterator[bytes]:
        """Return the workbook in chunks."""
        sheets = [
            Sheet(name, COLUMNS, len(lines), self._given(lines), _ASKED)
            for name, lines in (("Reviews", self.apart[False]), ("Platform", self.apart[True]))
        ]
        method = [*_METHOD, f"Due on {self._campaign.due}."]
        about = Sheet("Method", ("said",), len(method), lambda told: [[text] for text in (*method, *told)])
        return xlsx_chunks([*sheets, about], self._campaign.began)

    def csv(self, *apart: bool) -> Iterator[bytes]:
        """Yield the lines as CSV: those of the platform (True), the others (False), or both."""
        yield (",".join(COLUMNS) + "\r\n").encode()
        for asked in (asked for platform in apart for asked in self.apart[platform]):
            yield (",".join(map(cell, self.row(asked))) + "\r\n").encode()

    def _given(self, lines: Sequence[CampaignLine]) -> Callable[[Sequence[str]], Iterable[Row]]:
        # What a workbook shows may become CSV in somebody's hands: it is as harmless there as in ours.
        return lambda _: (list(map(neutral, self.row(asked))) for asked in lines)

    def row(self, asked: CampaignLine) -> list[str]:
        """Return the cells of a line."""
        line = asked.line
        known: Mapping[str, str] = {
            "organization": asked.organization,
            "kind": line.subject_kind,
            "members": self._members(asked) if line.subject_kind == GROUP else "",
            "privileged": "yes" if line.privileged else "no",
            "binding": f"{line.binding_kind} {line.binding}",
            "role": f"{line.role_kind} {line.role}",
            "aggregated from": line.aggregated_from,
            "reviewers": self._who(asked),
        }
        return [line.id, *([""] * len(ANSWERED)), *(known.get(name, getattr(line, name, "")) for name in _KNOWN)]

    def _members(self, asked: CampaignLine) -> str:
        people = self._groups.get(asked.line.zone, {}).get(asked.line.subject)
        if people is None:
            return "not known"
        more = f", and {len(people) - _MOST} more" if len(people) > _MOST else ""
        return f"{len(people)}: {', '.join(people[:_MOST])}{more}" if people else "0"

    def _who(self, asked: CampaignLine) -> str:
        key = (asked.line.zone, asked.organization, asked.line.namespace)
        if key not in self._reviewers:
            self._reviewers[key] = ", ".join(self._campaign.reviewers_of(asked))
        return self._reviewers[key]


def evidence_csv(outcomes: Sequence[LineOutcome]) -> Iterator[bytes]:
    """Yield a row for each line, decided or not."""
    yield (",".join(EVIDENCE) + "\r\n").encode()
    for outcome in outcomes:
        yield (",".join(cell(text) for text in told(outcome).values()) + "\r\n").encode()
