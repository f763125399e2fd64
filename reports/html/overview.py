"""What the overview says: a few numbers, zones beside risks, what grants access, and the busiest namespaces.

Each number is that of the rows its link leads to: both are counted from the same columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import quote

import numpy as np

from audit.runs.info import EarlierSummary, RunInfo
from audit.tables.arrays import Mask
from audit.tables.model import SEVERITIES, YES, Table
from reports.html.sheets import OPEN_STATES, unclear

ALL: Final = "every"  # in the address: also what the platform makes by itself
_SHOWN: Final = 8  # busiest namespaces
_LISTED: Final = 20  # findings of the summary
_GAINS: Final = ("gained", "widened")


class Number(NamedTuple):
    """A number: its value (None: nobody looked), what it counts, where its rows are, and a remark."""

    value: int | None
    label: str
    link: str
    remark: str = ""


class MatrixCell(NamedTuple):
    """A number of the matrix, how dark it is (0 to 4), and where its rows are."""

    value: int
    shade: int
    link: str


class Bar(NamedTuple):
    """A bar of a chart: its name, its parts (counts), and where its rows are."""

    name: str
    parts: tuple[int, ...]
    link: str
    place: str = ""


class Step(NamedTuple):
    """A run in the trend: when it began, how whole it was, and its findings: critical, high, less severe."""

    started: str
    state: str
    parts: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Overview:
    """The content of the overview. `risks` are the columns of `matrix`, which has a row a zone."""

    totals: Sequence[Number]
    numbers: Sequence[Number]
    risks: Sequence[str]
    matrix: Sequence[tuple[str, Sequence[MatrixCell]]]
    hows: Sequence[Bar]
    busiest: Sequence[Bar]
    folded: int
    findings: Sequence[Mapping[str, str | int]]
    trend: Sequence[Step] = ()


def overview(made: Mapping[str, Table], zones: Sequence[str], compared_with: str = "") -> Overview:
    """Return the overview of the page's tables; `compared_with` is the run that changes begin from, if any."""
    risks = _risks(made)
    everything = {zone: [_in(zone, table, mask) for _, table, mask, _ in risks] for zone in zones}
    most = [max((counts[at] for counts in everything.values()), default=0) for at in range(len(risks))]
    return Overview(
        totals=_totals(made),
        numbers=_numbers(made, compared_with),
        risks=[label for label, _, _, _ in risks],
        matrix=[
            (
                zone,
                [
                    MatrixCell(value, _shade(value, top), f"{link}&zone={_coded(zone)}")
                    for value, top, (_, _, _, link) in zip(counts, most, risks, strict=True)
                ],
            )
            for zone, counts in everything.items()
        ],
        hows=_hows(made["access"]),
        busiest=_busiest(made["namespaces"]),
        folded=int(made["access"].numbers("expected").sum()),
        findings=_first_findings(made["findings"]),
    )


def _coded(text: str) -> str:
    # Half a letter, as a path that is no text comes in, is spelled out as in the data blocks.
    return quote(text, safe="", errors="backslashreplace")


def _in(zone: str, table: Table, mask: Mask) -> int:
    return int((mask & table.where("zone", {zone})).sum())


def _shade(value: int, most: int) -> int:
    """Return 0 for none, else 1 to 4, by size: a zone with ten times as many is two steps darker."""
    return 0 if not value else max(1, 4 - int(2 * np.log10(most / value)))


def _totals(made: Mapping[str, Table]) -> list[Number]:
    return [Number(len(made[name]), name, f"#/{name}") for name in ("namespaces", "subjects", "repositories")] + [
        Number(len(made["access"]), "rows of access", f"#/access?expected={ALL}"),
        Number(len(made["grants"]), "grants", "#/grants"),
    ]


def _numbers(made: Mapping[str, Table], compared_with: str) -> list[Number]:
    spaces, access = made["namespaces"], made["access"]
    tokens = made["subjects"].numbers("tokens")
    changes = int(made["changes"].where("change", {*_GAINS}).sum())
    unlooked = bool((tokens < 0).any()) and not (tokens > 0).any()
    return [
        Number(_sum(spaces.where("open_pull", {"anyone"})), "namespaces anyone can pull from", _OPEN_PULL["anyone"]),
        Number(
            _sum(spaces.where("open_pull", {"every user"})), "namespaces every user can pull from", _OPEN_PULL["users"]
        ),
        Number(_sum(_broad(spaces)), "namespaces broad groups can push to", _BROAD),
        Number(_sum(spaces.numbers("push_outside") > 0), "namespaces other organizations can push to", _OUTSIDE),
        Number(
            None if unlooked else _sum(tokens > 0),
            "accounts with tokens that never expire",
            "#/subjects?tokens=some",
            "not asked, or not seen" if unlooked else "",
        ),
        Number(_sum(_wildcard(access)), "rows of push by a wildcard", _WILDCARD),
        Number(_sum(_unknown(access)), "rows with an answer not known", _UNKNOWN),
        Number(
            changes if compared_with else None,
            "gained or widened since the last run",
            "#/changes?change=gained&change=widened",
            "" if compared_with else "there is none to compare with",
        ),
    ]


_OPEN_PULL: Final = {"anyone": "#/namespaces?open_pull=anyone", "users": "#/namespaces?open_pull=every%20user"}
_BROAD: Final = "#/namespaces?open_push=anyone&open_push=every%20user&open_push=every%20account"
_OUTSIDE: Final = "#/namespaces?push_outside=some"
_WILDCARD: Final = "#/access?how=wildcard&push=yes"
_UNKNOWN: Final = "#/access?unclear=yes"


def _sum(mask: Mask) -> int:
    return int(mask.sum())


def _broad(spaces: Table) -> Mask:
    return ~spaces.where("open_push", {""})


def _wildcard(access: Table) -> Mask:
    mask: Mask = (access.numbers("push") == YES) & (access.numbers("expected") == 0)
    return mask & access.where("how", {"wildcard"})


def _unknown(access: Table) -> Mask:
    mask: Mask = unclear(access) & (access.numbers("expected") == 0)
    return mask


def _risks(made: Mapping[str, Table]) -> list[tuple[str, Table, Mask, str]]:
    """Return the columns of the matrix: label, table, which of its rows count, and the link to them."""
    spaces, access, findings = made["namespaces"], made["access"], made["findings"]
    # What may be so, because a list was not seen, is no finding yet: the last column counts what is not known.
    still = findings.where("state", {*OPEN_STATES}) & (findings.numbers("answer") == YES)
    states = "".join(f"&state={state}" for state in OPEN_STATES) + "&answer=yes"
    return [
        *(
            (f"{severity} findings", findings, still & findings.where("severity", {severity}), link)
            for severity in SEVERITIES[:3]
            for link in [f"#/findings?severity={severity}{states}"]
        ),
        ("anyone pulls", spaces, spaces.where("open_pull", {"anyone"}), _OPEN_PULL["anyone"]),
        ("every user pulls", spaces, spaces.where("open_pull", {"every user"}), _OPEN_PULL["users"]),
        ("broad push", spaces, _broad(spaces), _BROAD),
        ("others push", spaces, spaces.numbers("push_outside") > 0, _OUTSIDE),
        ("wildcard push", access, _wildcard(access), _WILDCARD),
        ("not known", access, _unknown(access), _UNKNOWN),
    ]


def _hows(access: Table) -> list[Bar]:
    """Return for each way of granting how many rows can push, and how many cannot; without what is folded away."""
    shown = access.numbers("expected") == 0
    push = access.numbers("push") == YES
    bars = []
    for how in sorted(set(access.text("how").values) - {""}):
        mine = shown & access.where("how", {how})
        if mine.any():
            bars.append(Bar(how, (_sum(mine & push), _sum(mine & ~push)), f"#/access?how={how}"))
    return sorted(bars, key=lambda bar: -sum(bar.parts))


def _busiest(spaces: Table) -> list[Bar]:
    """Return the namespaces that the most people and accounts can push to."""
    people, accounts = spaces.numbers("push_people"), spaces.numbers("push_accounts")
    bars = []
    for at in np.argsort(-(people + accounts), kind="stable")[:_SHOWN].tolist():
        zone, name = (column.values[column.codes[at]] for column in map(spaces.text, ("zone", "namespace")))
        if people[at] + accounts[at]:
            row = f"#/namespaces?row={_coded(zone)},{_coded(name)}"
            bars.append(Bar(name, (int(people[at]), int(accounts[at])), row, zone))
    return bars


def trend(past: Sequence[EarlierSummary], run: RunInfo) -> list[Step]:
    """Return a step for each earlier run and this one; none when there is no earlier one, or this one has no count."""
    if not past or run.findings is None:
        return []
    runs = [*past, EarlierSummary(run.started, run.state, run.findings.by_severity)]
    return [Step(one.started, one.state, _parts(one.findings)) for one in runs]


def _parts(findings: Mapping[str, int]) -> tuple[int, int, int]:
    critical, high = (max(findings.get(severity, 0), 0) for severity in SEVERITIES[:2])
    rest = sum(max(findings.get(severity, 0), 0) for severity in SEVERITIES[2:])
    return critical, high, rest


def _first_findings(findings: Table) -> list[Mapping[str, str | int]]:
    """Return the worst findings that nobody has decided on, for the summary."""
    still = findings.take(findings.where("state", {*OPEN_STATES}))
    order: dict[str, int] = {severity: rank for rank, severity in enumerate(SEVERITIES)}
    ranks = [order.get(severity, len(order)) for severity in still.text("severity").strings()]
    names = ("severity", "title", "zone", "namespace", "subject_kind", "subject", "detail")
    first = still.take(np.argsort(ranks, kind="stable")[:_LISTED])
    return [
        dict(zip(names, row, strict=True)) for row in zip(*(first.text(name).strings() for name in names), strict=True)
    ]
