"""What was measured, as a page for people."""

import os
import platform
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

Cost = Mapping[str, float]  # what one run of a stage took, and what it counted
Timings = Mapping[int, Mapping[str, Sequence[Cost]]]  # by namespaces, then by stage: a cost for each round

_HEAD: Final = """\
# Performance

Written by `make bench`. Each stage is a process of its own, and its time holds Python's start and imports; the server
is another one, on the same cores. The floor fetches the same lists one after the other and does nothing with them, and
Python's start is not in it: seconds say how fast a machine is, ratios to the floor how close to the bytes the program
runs. In each round all stages run one after the other: a figure is the median of {rounds} rounds, with the least and
the most of them; a ratio is the median of the ratios within a round. Memory is the most of all rounds.

The zones are untidy: almost half of their namespaces have bindings to roles, accounts and people that are gone, and to
other organizations, as a real zone was measured. Lists at {speed}; {cores} cores, Python {python}.

![Time and memory of the whole job by size]({chart})

| stage | what it does |
|---|---|
| collect | Reads the zone into a snapshot file. |
| resolve | Reads the snapshot, computes `grants` and `access`. |
| checks | Reads the snapshot, computes all tables, finds everything that should not be, and its causes. |
| diff | Reads two snapshots of tidy zones and compares them. |
| csv, html, parquet, sarif, sarif-causes | `report` from the snapshot to this one format: checks, and the writing. |
| expanded | `report` to CSV, HTML and Parquet with `--expand`. |
| help, can, who, explain | The commands, as somebody waits for them. |
| whole | `run`: live zone to CSV, HTML and Parquet. |
| again | The same where a run was before: compared with it. |
"""


def document(found: Timings, pace: float, chart: str) -> str:
    """Return the results as Markdown: a table for each size, and growth; `chart` is a picture's name."""
    speed = f"{pace / 1e6:.0f} MB/s each" if pace else "full speed"
    rounds = max(len(costs) for stages in found.values() for costs in stages.values())
    python = platform.python_version()
    parts = [_HEAD.format(speed=speed, cores=os.cpu_count(), python=python, chart=chart, rounds=rounds)]
    for size, stages in found.items():
        parts.append(f"## {size:,} namespaces\n")
        parts.append(_about(stages))
        parts.append("| stage | wall, s | to the floor | CPU, s | peak memory, MB |\n|---|---|---|---|---|")
        parts.append("\n".join(_row(stage, costs, stages["floor"]) for stage, costs in stages.items()) + "\n")
    parts.append(_growth(found))
    return "\n".join(parts)


def middle(costs: Sequence[Cost], name: str) -> float:
    """Return the median of a figure over the rounds."""
    return median(cost[name] for cost in costs)


def most_memory(costs: Sequence[Cost]) -> float:
    """Return the peak of memory over the rounds, in MB."""
    return max(cost["memory"] for cost in costs)


def _about(stages: Mapping[str, Sequence[Cost]]) -> str:
    resolve, checks, collect, floor = (stages[name][0] for name in ("resolve", "checks", "collect", "floor"))
    grants, access = int(resolve["grants"]), int(resolve["access"])
    lists = f"{int(collect['bindings']):,} bindings, {floor['bytes'] / 1e6:.0f} MB of lists"
    rows = f"{grants:,} rows of grants and {access:,} of access"
    alone = f"resolved, once loaded, at {grants / middle(stages['resolve'], 'resolving'):,.0f} rows of grants a second"
    judged = f"{int(checks['findings']):,} findings of {int(checks['causes']):,} causes"
    judging = f"found, explained and grouped in {_range(stages['checks'], 'judging')} s"
    return f"{lists}; {rows}, {alone}; {judged}, {judging}.\n"


def _row(stage: str, costs: Sequence[Cost], floors: Sequence[Cost]) -> str:
    ratio = median(cost["wall"] / floor["wall"] for cost, floor in zip(costs, floors, strict=True))
    cpu, memory = middle(costs, "cpu"), most_memory(costs)
    return f"| {stage} | {_range(costs, 'wall')} | {ratio:.2f} | {cpu:.2f} | {memory:.0f} |"


def _range(costs: Sequence[Cost], name: str) -> str:
    values = [cost[name] for cost in costs]
    return f"{median(values):.2f} ({min(values):.2f}–{max(values):.2f})"  # noqa: RUF001  a range


def _growth(found: Timings) -> str:
    """Return the whole job's time and memory, each size compared with the one before."""
    lines = [
        "## Growth\n",
        "| namespaces | wall, s | peak memory, MB | compared with the size before |\n|---|---|---|---|",
    ]
    before: tuple[int, float, float] | None = None
    for size, stages in found.items():
        now = (size, middle(stages["whole"], "wall"), most_memory(stages["whole"]))
        grown = ""
        if before:
            ratios = (one / other for one, other in zip(now, before, strict=True))
            grown = "{:.1f} times the size, {:.1f} the time, {:.1f} the memory".format(*ratios)
        lines.append(f"| {size:,} | {now[1]:.1f} | {now[2]:.0f} | {grown} |")
        before = now
    return "\n".join(lines) + "\n"
