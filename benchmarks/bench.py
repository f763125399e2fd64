"""What the job costs, stage by stage and size by size, as ratios to the floor that the bytes set; `make bench`."""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.estate import Estate, Shape, answer
from benchmarks.plants import save
from benchmarks.stage import STAGES

Measured = dict[str, float]
PLANTED = 100  # changes between the two states that are compared
PACE = 40e6  # bytes a second for each list, as a real API server was measured


@contextmanager
def served(folder: Path, pace: float) -> Iterator[None]:
    """Serve the lists in `folder` from a process of their own."""
    command = [sys.executable, "-m", "benchmarks.server", str(folder), "--pace", str(pace)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        while not (folder / "ready").exists():
            if process.poll() is not None:
                raise SystemExit("the server ended")
            time.sleep(0.05)
        yield
        process.communicate()


def measured(stage: str, folder: Path, repeat: int) -> Measured:
    """Run a stage `repeat` times and return the run of the least wall time."""
    command = [sys.executable, "-m", "benchmarks.stage", stage, str(folder)]
    runs = []
    for _ in range(repeat):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{stage} failed:\n{done.stderr}")
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    return min(runs, key=lambda run: run["wall"])


def size_of(shape: Shape, folder: Path) -> int:
    """Write the lists of an estate; return how many role bindings they hold."""
    objects = Estate(shape).kinds()
    for plural, items in objects.items():
        (folder / f"{plural}.json").write_bytes(answer(plural, items))
    return len(objects["rolebindings"])


def bench(sizes: Sequence[int], pace: float, repeat: int) -> dict[int, dict[str, Measured]]:
    """Measure every stage at every size, all in this run."""
    found: dict[int, dict[str, Measured]] = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            shape = Shape(namespaces=size, organizations=max(size // 25, 1))
            bindings = size_of(shape, folder)
            save(shape, min(PLANTED, size // 5), folder)
            with served(folder, pace):
                found[size] = {stage: measured(stage, folder, repeat) for stage in STAGES}
            found[size]["whole"]["bindings"] = bindings
        told = ", ".join(f"{stage} {cost['wall']:.1f} s" for stage, cost in found[size].items())
        print(f"{size} namespaces: {told}", file=sys.stderr)
    return found


_HEAD = """\
# Performance

Written by `make bench`. Each stage is a process of its own, so its time holds Python's start and imports; the server is
another one, on the same cores. The floor fetches the same lists one after the other and does nothing with them: seconds
say how fast a machine is, ratios to the floor how close to the bytes the program runs.

Lists at {speed}; {cores} cores, Python {python}.
"""


def document(found: dict[int, dict[str, Measured]], pace: float) -> str:
    """Return the results as Markdown: a table for each size, and how the whole job grows."""
    speed = f"{pace / 1e6:.0f} MB/s each" if pace else "full speed"
    parts = [_HEAD.format(speed=speed, cores=os.cpu_count(), python=platform.python_version())]
    for size, stages in found.items():
        floor, rows = stages["floor"], int(stages["resolve"]["count"])
        bindings, fast = int(stages["whole"]["bindings"]), rows / stages["whole"]["wall"]
        parts.append(f"## {size:,} namespaces\n")
        lists = f"{bindings:,} role bindings, {floor['count'] / 1e6:.0f} MB"
        parts.append(f"{lists}; {rows:,} rows of access, {fast:,.0f} a second.\n")
        parts.append("| stage | wall, s | to the floor | CPU, s | peak memory, MB |\n|---|---|---|---|---|")
        parts.append("\n".join(_row(stage, cost, floor["wall"]) for stage, cost in stages.items()) + "\n")
    parts.append(_growth(found))
    return "\n".join(parts)


def _row(stage: str, cost: Measured, floor: float) -> str:
    ratio = cost["wall"] / floor
    return f"| {stage} | {cost['wall']:.2f} | {ratio:.2f} | {cost['cpu']:.2f} | {cost['memory']:.0f} |"


def _growth(found: dict[int, dict[str, Measured]]) -> str:
    """Return a chart of the whole job's time, and each size compared with the one before."""
    longest = max(stages["whole"]["wall"] for stages in found.values())
    lines = ["## Growth\n", "```"]
    before = None
    for size, stages in found.items():
        wall, memory = stages["whole"]["wall"], stages["whole"]["memory"]
        bar = "█" * max(round(40 * wall / longest), 1)
        grown = ""
        if before:
            ratios = size / before[0], wall / before[1], memory / before[2]
            grown = "  {:.1f} times the size, {:.1f} the time, {:.1f} the memory".format(*ratios)
        lines.append(f"{size:>7,}  {bar:<40}  {wall:6.1f} s  {memory:5.0f} MB{grown}")
        before = (size, wall, memory)
    return "\n".join([*lines, "```"]) + "\n"


def main() -> None:
    """Measure, and write docs/performance.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 3000, 10_000, 30_000], help="namespaces")
    parser.add_argument("--pace", type=float, default=PACE, help="bytes a second for each list; 0: not at all")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each stage, of which the best counts")
    parser.add_argument("--out", type=Path, default=Path("docs/performance.md"))
    given = parser.parse_args()
    given.out.write_text(document(bench(given.sizes, given.pace, given.repeat), given.pace))


if __name__ == "__main__":
    main()
