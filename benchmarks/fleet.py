"""What it costs to merge a fleet: the shards of many zones, made here, into one report."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from audit.runs.shards import Attempt, Shard, job_store
from audit.storage.store import Folder
from benchmarks.estate import Estate, Shape
from benchmarks.stage import peak_memory
from tests.worlds.snapshots import snapshot_of


def prepare(out: Path, zones: int, namespaces: int) -> None:
    """Leave what the only shard of a job would leave: so many zones of so many namespaces."""
    names = [f"zone-{number:03d}" for number in range(zones)]
    attempt = Attempt(job_store(Folder(out), "fleet"), Shard(0, 1), "bench")
    for seed, name in enumerate(names, 1):
        shape = Shape(namespaces=namespaces, organizations=max(namespaces // 25, 1), seed=seed)
        attempt.save(snapshot_of(dict(Estate(shape).kinds()), zone=name))
    attempt.finish()
    lines = "".join(f"  - {{id: {name}}}\n" for name in names)
    (out / "config.yaml").write_text(f"zones:\n{lines}")


def main() -> None:
    """Prepare in a process of its own, merge in this one, and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zones", type=int, default=200)
    parser.add_argument("--namespaces", type=int, default=500, help="of each zone")
    parser.add_argument("--format", action="append", dest="formats", default=[])
    parser.add_argument("--prepared", type=Path, help="merge what was prepared there")
    given = parser.parse_args()
    if given.prepared is None:
        import subprocess

        with tempfile.TemporaryDirectory() as name:
            prepare(Path(name), given.zones, given.namespaces)
            formats = [word for one in given.formats for word in ("--format", one)]
            command = [sys.executable, "-m", "benchmarks.fleet", "--prepared", name, *formats]
            raise SystemExit(subprocess.run(command, check=False).returncode)
    from audit.cli import run_command

    begin = time.perf_counter()
    formats = [word for one in given.formats or ["csv", "parquet", "html"] for word in ("-f", one)]
    folder = str(given.prepared)
    code = run_command(["merge", "--job", "fleet", "-c", f"{folder}/config.yaml", "-o", folder, *formats])
    print(f"exit code {code}, {time.perf_counter() - begin:.0f} s, at most {peak_memory():.0f} MB")


if __name__ == "__main__":
    main()
