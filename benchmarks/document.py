"""What was measured, as a page for people."""

import os
import platform
from collections.abc import Mapping
from typing import Final

Measured = Mapping[str, float]
Timings = Mapping[int, Mapping[str, Measured]]  # by namespaces, then by stage

_HEAD: Final = """\
# Performance

Written by `make bench`. Each stage is a process of its own, and its time holds Python's start and imports; the server
is another one, on the same cores. The floor fetches the same lists one after the other and does nothing with them, and
Python's start is not in it: seconds say how fast a machine is, ratios to the floor how close to the bytes the program
runs. Of several runs, the best counts.

Lists at {speed}; {cores} cores, Python {python}.

![Time and memory of the whole job by size]({chart})

| stage | what it does |
|---|---|
| collect | Reads the zone into a snapshot file. |
| resolve | Reads the snapshot, computes `grants` and `access`. |
| checks | Reads the snapshot, computes all tables, looks for everything that should not be. |
| diff | Reads two snapshots and compares them. |
| csv, html, parquet, sarif, sarif-causes | `report` from the snapshot to this one format: checks, and the writing. |
| expanded | `report` to CSV, HTML and Parquet with `--expand`. |
| help, can, who, explain | The commands, as somebody waits for them. |
| whole | `run`: live zone to CSV, HTML and Parquet. |
| again | The same where a run was before: compared with it. |
"""


def document(found: Timings, pace: float, chart: str) -> str:
    """Return the results as Markdown: a table for each size, and growth; `chart` is a picture's name."""
    speed = f"{pace / 1e6:.0f} MB/s each" if pace else "full speed"
    parts = [_HEAD.format(speed=speed, cores=os.cpu_count(), python=platform.python_version(), chart=chart)]
    for size, stages in found.items():
        parts.append(f"## {size:,} namespaces\n")
        parts.append(_about(stages))
        parts.append("| stage | wall, s | to the floor | CPU, s | peak memory, MB |\n|---|---|---|---|---|")
        floor = stages["floor"]["wall"]
        parts.append("\n".join(_row(stage, cost, floor) for stage, cost in stages.items()) + "\n")
    parts.append(_growth(found))
    return "\n".join(parts)


def _about(stages: Mapping[str, Measured]) -> str:
    floor, resolve = stages["floor"], stages["resolve"]
    grants, access = int(resolve["grants"]), int(resolve["access"])
    lists = f"{int(stages['collect']['bindings']):,} bindings, {floor['bytes'] / 1e6:.0f} MB of lists"
    rows = f"{grants:,} rows of grants and {access:,} of access"
    alone = f"resolved, once loaded, at {grants / resolve['resolving']:,.0f} rows of grants a second"
    return (
        f"{lists}; {rows}, {alone}; {access / stages['whole']['wall']:,.0f} rows of access a second in the whole job.\n"
    )


def _row(stage: str, cost: Measured, floor: float) -> str:
    ratio = cost["wall"] / floor
    return f"| {stage} | {cost['wall']:.2f} | {ratio:.2f} | {cost['cpu']:.2f} | {cost['memory']:.0f} |"


def _growth(found: Timings) -> str:
    """Return the whole job's time and memory, each size compared with the one before."""
    lines = [
        "## Growth\n",
        "| namespaces | wall, s | peak memory, MB | compared with the size before |\n|---|---|---|---|",
    ]
    before: tuple[int, float, float] | None = None
    for size, stages in found.items():
        now = (size, stages["whole"]["wall"], stages["whole"]["memory"])
        grown = ""
        if before:
            ratios = (one / other for one, other in zip(now, before, strict=True))
            grown = "{:.1f} times the size, {:.1f} the time, {:.1f} the memory".format(*ratios)
        lines.append(f"| {size:,} | {now[1]:.1f} | {now[2]:.0f} | {grown} |")
        before = now
    return "\n".join(lines) + "\n"
