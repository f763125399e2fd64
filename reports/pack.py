"""What the review pack holds: its sheets, in the order in which a reviewer reads them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

import numpy as np

from audit.campaigns.lines import Line, review_lines
from audit.rbac.subjects import GROUP
from audit.runs.info import RunInfo
from audit.tables.model import SCHEMAS, SEVERITIES, UNKNOWN, YES, Table, Text
from audit.tenancy.platform import Platform

Cell = str | int
Row = Sequence[Cell]
DECISIONS: Final = ("keep", "reduce", "revoke", "exception")
# What is asked of a reviewer stands before what is to be known, and after the id by which an answer is found.
ASKED: Final = ("decision", "until", "decided by", "decided on", "why", "ticket")
_KNOWN: Final = (
    "zone", "namespace", "organization", "kind", "subject", "members", "rights", "privileged", "repositories",
    "binding", "role", "aggregated from", "since", "path",
)  # fmt: skip
_FINDINGS: Final = (
    "severity", "state", "answer", "zone", "namespace", "title", "subject_kind", "subject", "binding", "role", "detail",
    "remedy", "first_seen", "exception", "until", "controls", "check", "id",
)  # fmt: skip
_WIDE: Final = {"detail": 60, "remedy": 60, "why": 30, "title": 40, "subject": 30, "binding": 28, "said": 110}
_USUAL_WIDTH: Final = 16

_METHOD: Final = """\
What was read: the lists that the sheet Coverage names, of each zone. Nothing else, and no value of any secret.
How access is decided: by the rules of roles, as the API server does it, never by the names of roles.
Three answers: yes, no and unknown. Unknown is what depends on something that was not seen; it is never a no.
Sheet Reviews: a line for each grant, by whoever a binding names itself. A group is one line, with its members.
Sheet Platform: the same for grants of the platform itself: in its namespaces, to its accounts, and by default.
Privileged: may push, create or prune, or holds in every namespace.
A line's id stays the same while zone, namespace, subject, binding and role do.
Its path changes with anything else that was decided on: a decision about another path is none about this one.
Decide in these columns: decision (keep, reduce, revoke, exception), until (the last day of an exception), decided by, \
decided on, why and ticket.
A line without a decision is undecided, and never approved.
A right with a question mark may be there: what decides was not seen.
The authoritative tables are those in JSON Lines and Parquet; manifest.json has the SHA-256 of every file.
""".splitlines()


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its columns, how many rows it has, and what gives them, told what had to be split.

    `asked` are columns in which people write: `choice` of DECISIONS, or a `day`.
    """

    name: str
    columns: Sequence[str]
    rows: int
    lines: Callable[[Sequence[str]], Iterable[Row]]
    asked: Mapping[int, str] = field(default_factory=dict)

    @property
    def widths(self) -> list[int]:
        """Return the width of each column, in characters."""
        return [_WIDE.get(column, _USUAL_WIDTH) for column in self.columns]


def review_pack(run: RunInfo, tables: Mapping[str, Sequence[Table]], platform: Platform) -> list[Sheet]:
    """Return the sheets of a run."""
    lines = [line for table in tables["grants"] for line in review_lines(table, platform)]
    people = _Known(tables)
    rows = {apart: [people.row(line) for line in lines if line.platform == apart] for apart in (False, True)}
    columns = ("id", *ASKED, *_KNOWN)
    asked = {1: "choice", 2: "day", 4: "day"}
    sheets = [
        _of_table("Findings", "findings", _FINDINGS, tables),
        Sheet("Namespaces", *_namespaces(tables)),
        Sheet("Reviews", columns, len(rows[False]), lambda _: rows[False], asked),
        Sheet("Platform", columns, len(rows[True]), lambda _: rows[True], asked),
        _of_table("Coverage", "coverage", [column.name for column in SCHEMAS["coverage"]], tables),
        _of_table("Controls", "controls", [column.name for column in SCHEMAS["controls"]], tables),
        Sheet("Method", ("said",), len(_METHOD), lambda _: [[text] for text in _METHOD]),
    ]
    summary = _summary(run, sheets, lines)
    return [Sheet("Summary", ("what", "said"), len(summary), lambda told: _told(summary, told)), *sheets]


def _summary(run: RunInfo, sheets: Sequence[Sheet], lines: Sequence[Line]) -> list[tuple[str, Cell]]:
    found = run.findings.by_severity if run.findings else {}
    partial = "Something was not seen: no number here is the last word. The sheet Coverage says what."
    return [
        ("run", run.run_id),
        ("state", run.state),
        *([("caution", partial)] if run.state != "complete" else []),
        ("facts as of", run.as_of),
        ("made by", f"registry-audit {run.version}"),
        *((f"zone {zone.id}", f"{zone.state}, as of {zone.as_of or 'not known'}") for zone in run.zones),
        *((f"{severity} findings", found[severity]) for severity in SEVERITIES if severity in found),
        *((f"rows of {sheet.name}", sheet.rows) for sheet in sheets if sheet.name != "Method"),
        ("privileged lines", sum(line.privileged for line in lines)),
    ]


def _told(summary: Sequence[tuple[str, Cell]], told: Sequence[str]) -> list[Row]:
    return [*summary, *(("split", text) for text in told)]


def _of_table(name: str, table: str, columns: Sequence[str], tables: Mapping[str, Sequence[Table]]) -> Sheet:
    def rows() -> Iterator[Row]:
        for one in tables[table]:
            yield from ([record[column] for column in columns] for record in one.records())

    return Sheet(name, columns, sum(map(len, tables[table])), lambda _: rows())


class _Known:
    """What is to be known of a line beside itself."""

    def __init__(self, tables: Mapping[str, Sequence[Table]]) -> None:
        self._owners: dict[tuple[str, str], str] = {}
        for table in tables["namespaces"]:
            columns = (table.text(name).strings() for name in ("zone", "namespace", "organization"))
            self._owners |= {(zone, space): owner for zone, space, owner in zip(*columns, strict=True)}
        self._members = dict(chain.from_iterable(map(_members, tables["access"])))

    def row(self, line: Line) -> Row:
        """Return a row of the sheet, with nothing in it where people write."""
        members = self._members.get((line.zone, line.subject)) if line.subject_kind == GROUP else None
        known = {
            "organization": self._owners.get((line.zone, line.namespace), ""),
            "kind": line.subject_kind,
            "members": "" if members is None else "not known" if members < 0 else members,
            "privileged": "yes" if line.privileged else "no",
            "binding": f"{line.binding_kind} {line.binding}",
            "role": f"{line.role_kind} {line.role}",
            "aggregated from": line.aggregated_from,
        }
        return [line.id, *([""] * len(ASKED)), *(known.get(name, getattr(line, name, "")) for name in _KNOWN)]


def _members(access: Table) -> Iterator[tuple[tuple[str, str], int]]:
    """Yield the number of people in each group."""
    groups, zones = access.text("subject"), access.text("zone")
    rows = np.flatnonzero(access.where("subject_kind", {GROUP}))
    _, first = np.unique(groups.codes[rows], return_index=True)
    for row in rows[first].tolist():
        place = (zones.values[zones.codes[row]], groups.values[groups.codes[row]])
        yield place, int(access.numbers("members")[row])


def _namespaces(
    tables: Mapping[str, Sequence[Table]],
) -> tuple[Sequence[str], int, Callable[[Sequence[str]], Iterable[Row]]]:
    """Return columns, number and rows of the namespaces: how many subjects may do what there."""
    answers = [(action, word) for action in ("pull", "push", "create") for word in ("yes", "unknown")]
    columns = ("zone", "namespace", "organization", "created", *(f"{action}: {word}" for action, word in answers))

    def rows(_: Sequence[str]) -> Iterator[Row]:
        for spaces, access in zip(tables["namespaces"], tables["access"], strict=True):
            counts = [_subjects(access, action, YES if word == "yes" else UNKNOWN) for action, word in answers]
            names = (spaces.text(name).strings() for name in columns[:4])
            yield from ([*told, *(count.get(told[1], 0) for count in counts)] for told in zip(*names, strict=True))

    return columns, sum(map(len, tables["namespaces"])), rows


def _subjects(access: Table, action: str, answer: int) -> dict[str, int]:
    """Return for each namespace how many subjects have this answer there; who has it everywhere is not counted."""
    rows = access.numbers(action) == answer
    spaces: Text = access.text("namespace")
    who = np.stack([access.text(name).codes[rows] for name in ("namespace", "subject_kind", "subject")])
    codes, counts = np.unique(np.unique(who, axis=1)[0], return_counts=True)
    return {spaces.values[code]: count for code, count in zip(codes.tolist(), counts.tolist(), strict=True)}
