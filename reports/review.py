"""The files of an access review: a workbook and CSV for decisions, and the evidence as CSV."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from audit.campaigns.campaign import Campaign, CampaignLine, Groups
from audit.campaigns.causes import CampaignCause, CampaignCauses
from audit.campaigns.evidence import COLUMNS as EVIDENCE
from audit.campaigns.evidence import line_columns
from audit.campaigns.proof import LineOutcome
from audit.campaigns.reading import ANSWERED
from audit.rbac.subjects import GROUP
from audit.tables.spreadsheet import neutral
from reports.csv import cell
from reports.pack import Row, Sheet
from reports.xlsx import xlsx_chunks

GRANTS, PLATFORM, CAUSES, UNCOVERED = "review", "platform", "causes", "uncovered"
_KNOWN: Final = (
    "zone", "namespace", "organization", "kind", "subject", "members", "rights", "lacks", "privileged",
    "why privileged", "risk", "findings", "routes", "used", "last used", "repositories", "binding", "role",
    "aggregated from", "since", "reviewers", "path",
)  # fmt: skip
COLUMNS: Final = ("id", *ANSWERED, *_KNOWN)
# A row of several lines: `namespaces` and their number in place of the namespace.
_OF_ONE_LINE: Final = {"namespace", "since", "last used"}
CAUSE_COLUMNS: Final = (
    "id", *ANSWERED, "lines", "namespaces", *(name for name in _KNOWN if name not in _OF_ONE_LINE)
)  # fmt: skip
_INPUTS: Final = {1: "choice", 2: "day", 4: "day"}
_MEMBERS_SHOWN: Final = 20  # of one group
_NAMESPACES_SHOWN: Final = 50  # of one cause
_METHOD: Final = """\
Each line is one grant: a subject of a binding, the role, and the access that it grants.
A group is one line, with its members: a decision on the group applies to all of them.
The sheet Causes has one row for all lines that are the same but for their namespace: a decision there applies to each
of them, but for those that have a decision of their own.
Decide in these columns: decision (keep, reduce, revoke, exception), until (the last day of an exception),
decided by (your user name), decided on (today), why, and ticket.
A line without a decision is undecided, and never approved.
Nobody decides on their own access, or on that of a group of which they are a member.
A question mark after a right means unknown: data that decides it is missing.
Risk is the worst severity of the findings about a line; routes are the other ways to access that the line opens.
Used and last used say what logs tell of the access; sort by last used to see first what nobody used.
The registry refuses what a line lacks: a push needs pull as well, which may come from another line.
Do not change id and path. Sort only whole rows. Formulas are rejected.
The sheet Platform has the grants of the platform itself: check it once for unexpected grants.""".splitlines()


class ReviewSheets:
    """The lines of a review as rows, with empty cells where reviewers write."""

    def __init__(self, campaign: Campaign, lines: Iterable[CampaignLine], groups: Groups) -> None:
        self._campaign = campaign
        self._groups = groups
        self.causes = CampaignCauses(campaign)
        self.apart: dict[bool, list[CampaignLine]] = {False: [], True: []}
        for entry in lines:
            self.apart[entry.line.platform].append(entry)
        # Many lines have the same reviewers.
        self._reviewers: dict[tuple[str, str, str], str] = {}

    def workbook(self) -> Iterator[bytes]:
        """Yield the workbook in chunks."""
        sheets = [
            Sheet(name, COLUMNS, len(lines), self._rows(lines), _INPUTS)
            for name, lines in (("Reviews", self.apart[False]), ("Platform", self.apart[True]))
        ]
        method = [*_METHOD, f"Due on {self._campaign.due}."]
        causes = list(self.causes.by_id.values())
        grouped = Sheet("Causes", CAUSE_COLUMNS, len(causes), lambda _: map(self._neutral_cause, causes), _INPUTS)
        about = Sheet("Method", ("text",), len(method), lambda notes: [[text] for text in (*method, *notes)])
        return xlsx_chunks([*sheets, *([grouped] if causes else []), about], self._campaign.began)

    def csv(self, *apart: bool) -> Iterator[bytes]:
        """Yield the lines as CSV: those of the platform (True), the others (False), or both."""
        yield (",".join(COLUMNS) + "\r\n").encode()
        for entry in (entry for platform in apart for entry in self.apart[platform]):
            yield (",".join(map(cell, self.row(entry))) + "\r\n").encode()

    def causes_csv(self) -> Iterator[bytes]:
        """Yield the causes as CSV: one row for all lines that are the same but for their namespace."""
        yield (",".join(CAUSE_COLUMNS) + "\r\n").encode()
        for cause in self.causes.by_id.values():
            yield (",".join(map(cell, self._cause(cause))) + "\r\n").encode()

    def _neutral_cause(self, cause: CampaignCause) -> Row:
        return list(map(neutral, self._cause(cause)))

    def _cause(self, cause: CampaignCause) -> list[str]:
        """Return the cells of a cause: those of its first line, with all namespaces."""
        cells = dict(zip(COLUMNS, self.row(cause.lines[0]), strict=True))
        namespaces = [entry.line.namespace for entry in cause.lines]
        more = f", and {len(namespaces) - _NAMESPACES_SHOWN} more" if len(namespaces) > _NAMESPACES_SHOWN else ""
        own = {
            "id": cause.id,
            "path": cause.path,
            "lines": str(len(namespaces)),
            "namespaces": ", ".join(namespaces[:_NAMESPACES_SHOWN]) + more,
        }
        return [own[name] if name in own else cells[name] for name in CAUSE_COLUMNS]

    def _rows(self, lines: Sequence[CampaignLine]) -> Callable[[Sequence[str]], Iterable[Row]]:
        # The workbook may be saved as CSV: its cells are neutralized as in our CSV.
        return lambda _: (list(map(neutral, self.row(entry))) for entry in lines)

    def row(self, entry: CampaignLine) -> list[str]:
        """Return the cells of a line."""
        line = entry.line
        known: Mapping[str, str] = {
            "organization": entry.organization,
            "kind": line.subject_kind,
            "members": self._members(entry) if line.subject_kind == GROUP else "",
            "privileged": "yes" if line.privileged else "no",
            "why privileged": line.why_privileged,
            "risk": entry.risk,
            "findings": entry.findings,
            "routes": entry.routes,
            "used": entry.used,
            "last used": entry.last_used,
            "binding": f"{line.binding_kind} {line.binding}",
            "role": f"{line.role_kind} {line.role}",
            "aggregated from": line.aggregated_from,
            "reviewers": self._who(entry),
        }
        return [line.id, *([""] * len(ANSWERED)), *(known.get(name, getattr(line, name, "")) for name in _KNOWN)]

    def _members(self, entry: CampaignLine) -> str:
        people = self._groups.get(entry.line.zone, {}).get(entry.line.subject)
        if people is None:
            return "unknown"
        more = f", and {len(people) - _MEMBERS_SHOWN} more" if len(people) > _MEMBERS_SHOWN else ""
        return f"{len(people)}: {', '.join(people[:_MEMBERS_SHOWN])}{more}" if people else "0"

    def _who(self, entry: CampaignLine) -> str:
        key = (entry.line.zone, entry.organization, entry.line.namespace)
        if key not in self._reviewers:
            self._reviewers[key] = ", ".join(self._campaign.reviewers_of(entry))
        return self._reviewers[key]


def evidence_csv(outcomes: Sequence[LineOutcome]) -> Iterator[bytes]:
    """Yield a row for each line, decided or not."""
    yield (",".join(EVIDENCE) + "\r\n").encode()
    for outcome in outcomes:
        yield (",".join(cell(text) for text in line_columns(outcome).values()) + "\r\n").encode()


def uncovered_csv(lines: Iterable[tuple[CampaignLine, str]]) -> Iterator[bytes]:
    """Yield a row for each line that a campaign does not cover, with the reason."""
    names = ("zone", "namespace", "subject_kind", "subject", "rights", "lacks", "binding_kind", "binding", "role")
    yield (",".join(("reason", "id", *names, "organization", "privileged")) + "\r\n").encode()
    for entry, reason in lines:
        known = [str(getattr(entry.line, name)) for name in names]
        cells = [reason, entry.line.id, *known, entry.organization, "yes" if entry.line.privileged else "no"]
        yield (",".join(map(cell, cells)) + "\r\n").encode()
