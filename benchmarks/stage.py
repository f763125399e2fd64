"""One stage of the job in a process of its own; prints what it cost as JSON."""

import argparse
import json
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path

import urllib3

from audit.collect.limits import Limits
from audit.objects import KINDS


def floor(folder: Path) -> int:
    """Fetch the same lists one after the other and do nothing with them."""
    url, authority, token = (folder / "ready").read_text().split()
    pool = urllib3.PoolManager(ca_certs=authority)
    size = 0
    for kind in (KINDS[plural] for plural in Limits().kinds):
        headers = {"Authorization": f"Bearer {token}"}
        with pool.request("GET", url + kind.path, headers=headers, preload_content=False) as response:
            while chunk := response.read(1 << 20):
                size += len(chunk)
    return size


def collect(folder: Path) -> int:
    """Collect the zone into a snapshot file; return its bindings."""
    from audit.collect.cluster import collect_cluster
    from audit.collect.limits import Limits
    from audit.files import write_private
    from audit.snapshot import encode
    from audit.zones import Kubeconfig, Zone

    zone = Zone("bench", credentials=Kubeconfig(folder / "kubeconfig.yaml"))
    snapshot = collect_cluster(zone, Limits(), listed=_unheard, stop=threading.Event())
    if snapshot.gaps:
        raise SystemExit(f"not whole: {snapshot.gaps}")
    write_private(folder / "bench.snapshot", [encode(snapshot)])
    return len(snapshot.tables["bindings"]["name"])


def _unheard(kind: str, count: int) -> None:
    """Hear of a list, and measure on."""


def resolve(folder: Path) -> int:
    """Read the snapshot and compute its tables; return the rows of `access`."""
    from audit.access import tables_of
    from audit.snapshot import load

    return len(tables_of(load(folder / "bench.snapshot"))["access"])


def checks(folder: Path) -> int:
    """Do the same, and look for everything that should not be; return what was found."""
    from datetime import UTC, datetime

    from audit.checks.context import Context
    from audit.checks.settings import Settings
    from audit.findings import findings_table, judge
    from audit.results import facts_of
    from audit.snapshot import load

    snapshot = load(folder / "bench.snapshot")
    context = Context(snapshot, facts_of(snapshot), datetime(2026, 1, 1, tzinfo=UTC))
    return len(findings_table(judge(context, Settings(), "2026-01-01T00:00:00Z")))


def _rendered(folder: Path, name: str) -> int:
    from audit.cli import run_command

    arguments = ["report", "--snapshot", str(folder / "bench.snapshot"), "--out", str(folder / "out"), "--format", name]
    if run_command(arguments):
        raise SystemExit("the report failed")
    return 0


def csv(folder: Path) -> int:
    """Read the snapshot, compute, and write the CSV files."""
    return _rendered(folder, "csv")


def html(folder: Path) -> int:
    """Read the snapshot, compute, and write the page."""
    return _rendered(folder, "html")


def diff(folder: Path) -> int:
    """Read two snapshots, between which changes were planted, and compare them; return the changes of access."""
    from audit.changes import changes_of
    from audit.compare.state import State
    from audit.snapshot import load
    from benchmarks.plants import Expected, told

    before, after = (State.of(load(folder / f"{name}.snapshot")) for name in ("before", "after"))
    changes = changes_of(before, after)
    planted = [Expected(*row) for row in json.loads((folder / "planted.json").read_bytes())]
    if told(changes.records()) != planted:
        raise SystemExit("the planted changes are not what was told")
    return len(changes)


def whole(folder: Path) -> int:
    """Run the whole job: live zone to CSV and HTML."""
    from audit.cli import run_command

    config = folder / "config.yaml"
    config.write_text("zones: [{id: bench, credentials: {kubeconfig: kubeconfig.yaml}}]\n")
    if run_command(["run", "--config", str(config), "--out", str(folder / "out"), "-f", "csv", "-f", "html", "-f", "parquet"]):
        raise SystemExit("the run failed")
    return 0


def peak_memory() -> float:
    """Return the most memory that this process has held, in MB (Linux).

    Not `ru_maxrss`: a process inherits that from the one that started it.
    """
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


STAGES: dict[str, Callable[[Path], int]] = {
    one.__name__: one for one in (floor, collect, resolve, checks, csv, html, diff, whole)
}


def main() -> None:
    """Run one stage and print wall and CPU seconds, the peak of memory in MB, and what the stage counted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    begin = time.perf_counter()
    count = STAGES[given.stage](given.folder)
    used = resource.getrusage(resource.RUSAGE_SELF)
    measured = {
        "wall": time.perf_counter() - begin,
        "cpu": used.ru_utime + used.ru_stime,
        "memory": peak_memory(),
        "count": count,
    }
    print("\n" + json.dumps(measured))


if __name__ == "__main__":
    main()
