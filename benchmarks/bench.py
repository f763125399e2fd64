"""What the job costs, stage by stage and size by size, as ratios to the floor that the bytes set; `make bench`."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.chart import chart
from benchmarks.document import Cost, Timings, document
from benchmarks.estate import Estate, Shape, answer
from benchmarks.plants import save
from benchmarks.stage import STAGES

UNTIDY = 0.45  # share of namespaces with what templates and people who left have left: as a real zone was measured
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


def measured(stage: str, folder: Path) -> Cost:
    """Run a stage in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.stage", stage, str(folder), "--begun"]
    # This clock is the machine's, and the same in every process.
    done = subprocess.run([*command, str(time.perf_counter())], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{stage} failed:\n{done.stderr}")
    found: Cost = json.loads(done.stdout.splitlines()[-1])
    return found


def write(shape: Shape, folder: Path) -> None:
    """Write the lists of an estate."""
    for plural, items in Estate(shape).kinds().items():
        (folder / f"{plural}.json").write_bytes(answer(plural, items))


def bench(sizes: Sequence[int], pace: float, rounds: int) -> Timings:
    """Measure every stage at every size, all in this run; in each round, all stages one after the other."""
    found: dict[int, dict[str, list[Cost]]] = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            shape = Shape(namespaces=size, organizations=max(size // 25, 1), managed=1, untidy=UNTIDY)
            write(shape, folder)
            # What each planted change does is known in tidy zones alone.
            save(replace(shape, untidy=0), min(PLANTED, size // 5), folder)
            found[size] = {stage: [] for stage in STAGES}
            with served(folder, pace):
                for number in range(rounds):
                    for stage, costs in found[size].items():
                        costs.append(measured(stage, folder))
                    print(f"{size} namespaces: round {number + 1} of {rounds}", file=sys.stderr)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write docs/performance.md and its chart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 3000, 10_000, 30_000], help="namespaces")
    parser.add_argument("--pace", type=float, default=PACE, help="bytes a second for each list; 0: not at all")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each stage")
    parser.add_argument("--out", type=Path, default=Path("docs/performance.md"))
    given = parser.parse_args(arguments)
    found = bench(given.sizes, given.pace, given.rounds)
    picture = given.out.with_suffix(".svg")
    picture.write_text(chart(found))
    given.out.write_text(document(found, given.pace, picture.name))


if __name__ == "__main__":
    main()
