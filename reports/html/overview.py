"""The content of the overview: numbers, zones or organizations by risk, kinds of grants, and the busiest namespaces.

Each number links to exactly the rows that it counts: both come from the same columns.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import quote

import numpy as np

from audit.checks.bindings import EVERY
from audit.findings.cause_table import TEN
from audit.runs.info import EarlierSummary, RunInfo
from audit.tables.arrays import Mask
from audit.tables.model import Table, Text
from audit.tables.schemas import ANSWERS, SEVERITIES, YES
from reports.html.table_columns import OPEN_STATES, unclear

ALL: Final = "every"  # in the address: also platform defaults
_SHOWN: Final = 8  # busiest namespaces
_CAUSES: Final = 5  # shown with their fixes
_FIX: Final = 4  # lines of a fix
_ORGANIZATIONS: Final = 12  # rows of the matrix, where there is one zone
_WIDTH: Final = 200  # characters of a line of a fix
_LISTED: Final = 20  # findings of the summary
_GAINS: Final = ("gained", "widened")


class Number(NamedTuple):
    """A number: its value (None: unknown), what it counts, the link to its rows, and a remark."""

    value: int | None
    label: str
    link: str
    remark: str = ""


class MatrixCell(NamedTuple):
    """A number of the matrix, its shade (0 to 4), and the link to its rows."""

    value: int
    shade: int
    link: str


class Bar(NamedTuple):
    """A bar of a chart: its name, its parts (counts), the link to its rows, and its zone."""

    name: str
    parts: tuple[int, ...]
    link: str
    zone: str = ""


class FirstCause(NamedTuple):
    """A cause on the overview: its values, the first lines of its fix, how many more there are, and its link."""

    row: Mapping[str, str | int]
    lines: Sequence[str]
    more: int
    link: str


class Step(NamedTuple):
    """A run in the trend: its start, its state, and its findings: critical, high, less severe."""

    started: str
    state: str
    parts: tuple[int, int, int]


class MatrixRow(NamedTuple):
    """A row of the matrix: its label, the zone that its numbers come from, and its cells."""

    label: str
    zone: str
    cells: Sequence[MatrixCell]


@dataclass(frozen=True, slots=True)
class Overview:
    """The content of the overview. `risks` are the columns of `matrix`, which has a row for each zone."""

    totals: Sequence[Number]
    numbers: Sequence[Number]
    risks: Sequence[str]
    matrix: Sequence[MatrixRow]
    matrix_of: str  # "Zone" or "Organization"
    matrix_more: int  # rows that are not shown
    hows: Sequence[Bar]
    busiest: Sequence[Bar]
    folded: int
    findings: Sequence[Mapping[str, str | int]]
    causes: Sequence[FirstCause]
    closing: str
    trend: Sequence[Step] = ()


def overview(made: Mapping[str, Table], zones: Sequence[str], compared_with: str = "") -> Overview:
    """Return the overview of the page's tables; `compared_with` is the run that changes refer to, if any."""
    risks = _risks(made)
    matrix, more = _matrix(zones, risks)
    return Overview(
        totals=_totals(made),
        numbers=_numbers(made, compared_with),
        risks=[label for label, _, _, _ in risks],
        matrix=matrix,
        matrix_of="Zone" if len(zones) != 1 else "Organization",
        matrix_more=more,
        hows=_hows(made["access"]),
        busiest=_busiest(made["namespaces"]),
        folded=int(made["access"].numbers("expected").sum()),
        findings=_first_findings(made["findings"]),
        causes=_first_causes(made["causes"]),
        closing=_closing(made["causes"]),
    )


def _coded(text: str) -> str:
    # A lone surrogate, from a path that is not text, is written as an escape, as in the data blocks.
    return quote(text, safe="", errors="backslashreplace")


def _matrix(zones: Sequence[str], risks: Sequence[tuple[str, Table, Mask, str]]) -> tuple[list[MatrixRow], int]:
    """Return a row for each zone, or for each organization of the only zone; and how many rows are left out.

    Of organizations, those with nothing to count have no row, and the worst come first.
    """
    column = "organization" if len(zones) == 1 else "zone"
    counted = [_by_name(table.text(column), mask) for _, table, mask, _ in risks]
    names = list(zones)
    if column == "organization":
        names = sorted(set().union(*counted), key=lambda name: ([-counter[name] for counter in counted], name))
    counts = {name: [counter[name] for counter in counted] for name in names}
    most = [max((counts[name][at] for name in names), default=0) for at in range(len(risks))]
    rows = [
        MatrixRow(
            _LABELS.get(name, name) if column == "organization" else name,
            zones[0] if column == "organization" else name,
            [
                MatrixCell(value, _shade(value, top), f"{link}&{column}={_coded(name)}")
                for value, top, (_, _, _, link) in zip(counts[name], most, risks, strict=True)
            ],
        )
        for name in names[: None if column == "zone" else _ORGANIZATIONS]
    ]
    return rows, len(names) - len(rows)


_LABELS: Final = {"": "without an organization", EVERY: "cluster-wide"}


def _by_name(column: Text, mask: Mask) -> Counter[str]:
    numbers = np.bincount(column.codes[mask], minlength=len(column.values))
    return Counter({column.values[code]: int(numbers[code]) for code in np.flatnonzero(numbers).tolist()})


def _shade(value: int, most: int) -> int:
    """Return 0 for none, else 1 to 4 by size: ten times as many is two steps darker."""
    return 0 if not value else max(1, 4 - int(2 * np.log10(most / value)))


def _totals(made: Mapping[str, Table]) -> list[Number]:
    return [Number(len(made[name]), name, f"#/{name}") for name in ("namespaces", "subjects", "repositories")] + [
        Number(len(made["access"]), "rows of access", f"#/access?expected={ALL}"),
        Number(len(made["grants"]), "grants", "#/grants"),
    ]


def _numbers(made: Mapping[str, Table], compared_with: str) -> list[Number]:
    namespaces, access = made["namespaces"], made["access"]
    anyone, users = (_sum(namespaces.where("open_pull", {who})) for who in ("anyone", "every user"))
    tokens = made["subjects"].numbers("tokens")
    unlisted = bool((tokens < 0).any()) and not (tokens > 0).any()
    gains = _sum(made["changes"].where("change", {*_GAINS}))
    return [
        Number(anyone, "namespaces that anyone can pull from", _OPEN_PULL["anyone"]),
        Number(users, "namespaces that every user can pull from", _OPEN_PULL["users"]),
        Number(_sum(_broad(namespaces)), "namespaces that virtual groups can push to", _BROAD),
        Number(
            _sum(namespaces.numbers("push_outside") > 0), "namespaces that other organizations can push to", _OUTSIDE
        ),
        Number(
            None if unlisted else _sum(tokens > 0),
            "service accounts with non-expiring tokens",
            "#/subjects?tokens=some",
            "tokens were not listed" if unlisted else "",
        ),
        Number(_sum(_wildcard(access)), "rows of push by a wildcard", _WILDCARD),
        Number(_sum(_unknown(access)), "rows with an unknown answer", _UNKNOWN),
        Number(
            gains if compared_with else None,
            "gains of access since the last run",
            "#/changes?change=gained&change=widened",
            "" if compared_with else "no earlier run to compare with",
        ),
    ]


_OPEN_PULL: Final = {"anyone": "#/namespaces?open_pull=anyone", "users": "#/namespaces?open_pull=every%20user"}
_BROAD: Final = "#/namespaces?open_push=anyone&open_push=every%20user&open_push=every%20account"
_OUTSIDE: Final = "#/namespaces?push_outside=some"
_WILDCARD: Final = "#/access?how=wildcard&push=yes"
_UNKNOWN: Final = "#/access?unclear=yes"


def _sum(mask: Mask) -> int:
    return int(mask.sum())


def _broad(namespaces: Table) -> Mask:
    return ~namespaces.where("open_push", {""})


def _wildcard(access: Table) -> Mask:
    mask: Mask = (access.numbers("push") == YES) & (access.numbers("expected") == 0)
    return mask & access.where("how", {"wildcard"})


def _unknown(access: Table) -> Mask:
    mask: Mask = unclear(access) & (access.numbers("expected") == 0)
    return mask


def _risks(made: Mapping[str, Table]) -> list[tuple[str, Table, Mask, str]]:
    """Return the columns of the matrix: label, table, mask of its rows, and the link to them."""
    namespaces, access, findings = made["namespaces"], made["access"], made["findings"]
    # Findings that are unknown because a list is missing are not counted here; the last column counts unknown answers.
    certain = findings.where("state", {*OPEN_STATES}) & (findings.numbers("answer") == YES)
    states = "".join(f"&state={state}" for state in OPEN_STATES) + "&answer=yes"
    return [
        *(
            (f"{severity} findings", findings, certain & findings.where("severity", {severity}), link)
            for severity in SEVERITIES[:3]
            for link in [f"#/findings?severity={severity}{states}"]
        ),
        ("anyone pulls", namespaces, namespaces.where("open_pull", {"anyone"}), _OPEN_PULL["anyone"]),
        ("every user pulls", namespaces, namespaces.where("open_pull", {"every user"}), _OPEN_PULL["users"]),
        ("broad push", namespaces, _broad(namespaces), _BROAD),
        ("push by others", namespaces, namespaces.numbers("push_outside") > 0, _OUTSIDE),
        ("wildcard push", access, _wildcard(access), _WILDCARD),
        ("unknown", access, _unknown(access), _UNKNOWN),
    ]


def _hows(access: Table) -> list[Bar]:
    """Return for each kind of grant how many rows can push, and how many cannot, without platform defaults."""
    shown = access.numbers("expected") == 0
    push = access.numbers("push") == YES
    bars = []
    for how in sorted(set(access.text("how").values) - {""}):
        mine = shown & access.where("how", {how})
        if mine.any():
            bars.append(Bar(how, (_sum(mine & push), _sum(mine & ~push)), f"#/access?how={how}"))
    return sorted(bars, key=lambda bar: -sum(bar.parts))


def _busiest(namespaces: Table) -> list[Bar]:
    """Return the namespaces that the most users and service accounts can push to."""
    people, accounts = namespaces.numbers("push_people"), namespaces.numbers("push_accounts")
    bars = []
    for at in np.argsort(-(people + accounts), kind="stable")[:_SHOWN].tolist():
        zone, name = (column.values[column.codes[at]] for column in map(namespaces.text, ("zone", "namespace")))
        if people[at] + accounts[at]:
            row = f"#/namespaces?row={_coded(zone)},{_coded(name)}"
            bars.append(Bar(name, (int(people[at]), int(accounts[at])), row, zone))
    return bars


def trend(past: Sequence[EarlierSummary], run: RunInfo) -> list[Step]:
    """Return a step for each earlier run and this one; none without an earlier run, or without findings of this one."""
    if not past or run.findings is None:
        return []
    runs = [*past, EarlierSummary(run.started, run.state, run.findings.by_severity)]
    return [Step(past_run.started, past_run.state, _parts(past_run.findings)) for past_run in runs]


def _parts(findings: Mapping[str, int]) -> tuple[int, int, int]:
    critical, high = (max(findings.get(severity, 0), 0) for severity in SEVERITIES[:2])
    rest = sum(max(findings.get(severity, 0), 0) for severity in SEVERITIES[2:])
    return critical, high, rest


def _first_causes(causes: Table) -> list[FirstCause]:
    """Return the causes that remove most risk for each change, and of each fix the first lines."""
    first = []
    for row in causes.take(np.arange(min(_CAUSES, len(causes)))).records():
        fix = str(row["fix"]).split("\n") if row["fix"] else []
        lines = [line if len(line) <= _WIDTH else f"{line[:_WIDTH]} …" for line in fix[:_FIX]]
        first.append(FirstCause(row, lines, len(fix) - len(lines), f"#/causes?row={_coded(str(row['id']))}"))
    return first


def _closing(causes: Table) -> str:
    """Return how many critical and high findings the first ten causes close."""
    grave = causes.numbers("critical") + causes.numbers("high")
    if not grave.any():
        return "No finding is critical or high"
    first = min(TEN, len(causes))
    what = f"The first {first} causes close" if first > 1 else "The first cause closes"
    return f"{what} {int(grave[:TEN].sum()):,} of {int(grave.sum()):,} critical and high findings"


def _first_findings(findings: Table) -> list[Mapping[str, str | int]]:
    """Return the most severe open findings for the summary, certain ones first."""
    open_findings = findings.take(findings.where("state", {*OPEN_STATES}))
    order: dict[str, int] = {severity: rank for rank, severity in enumerate(SEVERITIES)}
    ranks = [order.get(severity, len(order)) for severity in open_findings.text("severity").strings()]
    names = ("severity", "title", "zone", "namespace", "subject_kind", "subject", "detail")
    uncertain = open_findings.numbers("answer") != YES
    first = open_findings.take(np.lexsort([uncertain, ranks])[:_LISTED])
    columns = [first.text(name).strings() for name in names]
    answers = [ANSWERS[answer] for answer in first.numbers("answer").tolist()]
    return [dict(zip((*names, "answer"), row, strict=True)) for row in zip(*columns, answers, strict=True)]
