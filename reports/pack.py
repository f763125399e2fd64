"""The sheets of the review pack, in the order in which a reviewer reads them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

import numpy as np

from audit.campaigns.lines import Line, review_lines
from audit.rbac.subjects import GROUP
from audit.runs.info import RunInfo
from audit.tables.model import Table, Text
from audit.tables.schemas import SCHEMAS, SEVERITIES, UNKNOWN, YES
from audit.tenancy.platform import Platform

Cell = str | int
Row = Sequence[Cell]
DECISIONS: Final = ("keep", "reduce", "revoke", "exception")
# Columns for the reviewer come after the id, which identifies the line, and before the facts.
ASKED: Final = ("decision", "until", "decided by", "decided on", "why", "ticket")
_KNOWN: Final = (
    "zone", "namespace", "organization", "kind", "subject", "members", "rights", "lacks", "privileged",
    "repositories", "binding", "role", "aggregated from", "since", "path",
)  # fmt: skip
_FINDINGS: Final = (
    "severity", "state", "answer", "zone", "namespace", "title", "subject_kind", "subject", "binding", "role", "detail",
    "remedy", "first_seen", "exception", "until", "controls", "check", "id",
)  # fmt: skip
_WIDE: Final = {
    "detail": 60,
    "remedy": 60,
    "route": 60,
    "why": 30,
    "title": 40,
    "subject": 30,
    "binding": 28,
    "text": 110,
    "value": 110,
}
_USUAL_WIDTH: Final = 16

_METHOD: Final = """\
Data: the lists of each zone that the sheet Coverage names, and no values of secrets.
Access is decided by the rules of roles, as the API server does it, never by the names of roles.
Each answer is yes, no or unknown. Unknown means that missing data decides the answer. It is never a no.
Sheet Reviews: one line for each grant to a subject of a binding. A group is one line, with its members.
Sheet Platform: the same for grants of the platform: in its namespaces, to its service accounts, and by default.
Privileged: can push, create or prune, or is cluster-wide.
The id of a line stays the same as long as zone, namespace, subject, binding and role do.
Its path changes with everything else that a decision is about: a decision on another path does not apply to it.
Decide in these columns: decision (keep, reduce, revoke, exception), until (the last day of an exception), decided by, \
decided on, why and ticket.
A line without a decision is undecided, and never approved.
Sheet Routes: who can get more access in another way: the steps, and the bindings whose removal closes it.
Sheet Use: who did what, as recorded in logs. Without logs it is empty, and nothing is known to be unused.
A question mark after a right means unknown: data that decides it is missing.
The registry refuses what a line lacks: a push needs pull as well, which may come from another line.
The authoritative tables are the JSON Lines and Parquet files; manifest.json has the SHA-256 of every file.
""".splitlines()


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its columns, its number of rows, and a function that returns them, given notes on split sheets.

    `inputs` are the columns in which reviewers write: a `choice` of DECISIONS, or a `day`.
    """

    name: str
    columns: Sequence[str]
    rows: int
    lines: Callable[[Sequence[str]], Iterable[Row]]
    inputs: Mapping[int, str] = field(default_factory=dict)

    @property
    def widths(self) -> list[int]:
        """Return the width of each column, in characters."""
        return [_WIDE.get(column, _USUAL_WIDTH) for column in self.columns]


def review_pack(run: RunInfo, tables: Mapping[str, Sequence[Table]], platform: Platform) -> list[Sheet]:
    """Return the sheets of a run."""
    lines = [line for table in tables["grants"] for line in review_lines(table, platform)]
    facts = _LineFacts(tables)
    own = [facts.row(line) for line in lines if line.platform]
    others = [facts.row(line) for line in lines if not line.platform]
    columns = ("id", *ASKED, *_KNOWN)
    inputs = {1: "choice", 2: "day", 4: "day"}
    sheets = [
        _of_table("Causes", "causes", [column.name for column in SCHEMAS["causes"]], tables),
        _of_table("Findings", "findings", _FINDINGS, tables),
        Sheet("Namespaces", *_namespaces(tables)),
        Sheet("Reviews", columns, len(others), lambda _: others, inputs),
        Sheet("Platform", columns, len(own), lambda _: own, inputs),
        _of_table("Privileged", "privileged", [column.name for column in SCHEMAS["privileged"]], tables),
        _of_table("Routes", "routes", [column.name for column in SCHEMAS["routes"]], tables),
        _of_table("Use", "usage", [column.name for column in SCHEMAS["usage"]], tables),
        _of_table("Coverage", "coverage", [column.name for column in SCHEMAS["coverage"]], tables),
        _of_table("Controls", "controls", [column.name for column in SCHEMAS["controls"]], tables),
        Sheet("Method", ("text",), len(_METHOD), lambda _: [[text] for text in _METHOD]),
    ]
    summary = _summary(run, sheets, lines)
    return [Sheet("Summary", ("item", "text"), len(summary), lambda notes: _with_notes(summary, notes)), *sheets]


def _summary(run: RunInfo, sheets: Sequence[Sheet], lines: Sequence[Line]) -> list[tuple[str, Cell]]:
    found = run.findings.by_severity if run.findings else {}
    partial = "Data is missing, so all numbers may be too low. The sheet Coverage lists what is missing."
    return [
        ("run", run.run_id),
        ("state", run.state),
        *([("caution", partial)] if run.state != "complete" else []),
        ("data as of", run.as_of),
        ("created by", f"registry-audit {run.version}"),
        *((f"zone {zone.id}", f"{zone.state}, as of {zone.as_of or 'unknown'}") for zone in run.zones),
        *((f"{severity} findings", found[severity]) for severity in SEVERITIES if severity in found),
        *((f"rows of {sheet.name}", sheet.rows) for sheet in sheets if sheet.name != "Method"),
        ("privileged lines", sum(line.privileged for line in lines)),
    ]


def _with_notes(summary: Sequence[tuple[str, Cell]], notes: Sequence[str]) -> list[Row]:
    return [*summary, *(("split", text) for text in notes)]


def _of_table(name: str, table: str, columns: Sequence[str], tables: Mapping[str, Sequence[Table]]) -> Sheet:
    def rows() -> Iterator[Row]:
        for part in tables[table]:
            yield from ([record[column] for column in columns] for record in part.records())

    return Sheet(name, columns, sum(map(len, tables[table])), lambda _: rows())


class _LineFacts:
    """Adds to lines what other tables know: the organization and the number of members."""

    def __init__(self, tables: Mapping[str, Sequence[Table]]) -> None:
        self._owners: dict[tuple[str, str], str] = {}
        for table in tables["namespaces"]:
            columns = (table.text(name).strings() for name in ("zone", "namespace", "organization"))
            self._owners |= {(zone, namespace): owner for zone, namespace, owner in zip(*columns, strict=True)}
        self._members = dict(chain.from_iterable(map(_members, tables["access"])))

    def row(self, line: Line) -> Row:
        """Return a row of the sheet, with empty cells where reviewers write."""
        members = self._members.get((line.zone, line.subject)) if line.subject_kind == GROUP else None
        known = {
            "organization": self._owners.get((line.zone, line.namespace), ""),
            "kind": line.subject_kind,
            "members": "" if members is None else "unknown" if members < 0 else members,
            "privileged": "yes" if line.privileged else "no",
            "binding": f"{line.binding_kind} {line.binding}",
            "role": f"{line.role_kind} {line.role}",
            "aggregated from": line.aggregated_from,
        }
        return [line.id, *([""] * len(ASKED)), *(known.get(name, getattr(line, name, "")) for name in _KNOWN)]


def _members(access: Table) -> Iterator[tuple[tuple[str, str], int]]:
    """Yield the number of members of each group."""
    groups, zones = access.text("subject"), access.text("zone")
    rows = np.flatnonzero(access.where("subject_kind", {GROUP}))
    _, first = np.unique(groups.codes[rows], return_index=True)
    for row in rows[first].tolist():
        place = (zones.values[zones.codes[row]], groups.values[groups.codes[row]])
        yield place, int(access.numbers("members")[row])


def _namespaces(
    tables: Mapping[str, Sequence[Table]],
) -> tuple[Sequence[str], int, Callable[[Sequence[str]], Iterable[Row]]]:
    """Return columns, number and rows of the sheet of namespaces: how many subjects have which access."""
    answers = [(action, word) for action in ("pull", "push", "create") for word in ("yes", "unknown")]
    columns = ("zone", "namespace", "organization", "created", *(f"{action}: {word}" for action, word in answers))

    def rows(_: Sequence[str]) -> Iterator[Row]:
        for namespaces, access in zip(tables["namespaces"], tables["access"], strict=True):
            counts = [_subjects(access, action, YES if word == "yes" else UNKNOWN) for action, word in answers]
            names = (namespaces.text(name).strings() for name in columns[:4])
            yield from ([*row, *(count.get(row[1], 0) for count in counts)] for row in zip(*names, strict=True))

    return columns, sum(map(len, tables["namespaces"])), rows


def _subjects(access: Table, action: str, answer: int) -> dict[str, int]:
    """Return for each namespace how many subjects have this answer there, without cluster-wide access."""
    rows = access.numbers(action) == answer
    namespaces: Text = access.text("namespace")
    who = np.stack([access.text(name).codes[rows] for name in ("namespace", "subject_kind", "subject")])
    codes, counts = np.unique(np.unique(who, axis=1)[0], return_counts=True)
    return {namespaces.values[code]: count for code, count in zip(codes.tolist(), counts.tolist(), strict=True)}
