"""One stage of the job in a process of its own; prints what it cost as JSON."""

import argparse
import json
import resource
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

# Nothing of the program is imported here: a stage's time holds what it needs itself.

Counts = Mapping[str, float]
Stage = Callable[[Path], Counts]
FORMATS = ("csv", "html", "jsonl", "ocsf", "parquet", "sarif", "sarif-causes", "xlsx")


def floor(folder: Path) -> Counts:
    """Fetch the same lists one after the other and do nothing with them; Python's start is not counted."""
    import urllib3

    from audit.collect.limits import Limits
    from audit.snapshot.objects import KINDS

    url, authority, token = (folder / "ready").read_text().split()
    pool = urllib3.PoolManager(ca_certs=authority)
    size, begin = 0, time.perf_counter()
    for kind in (KINDS[plural] for plural in Limits().kinds):
        headers = {"Authorization": f"Bearer {token}"}
        with pool.request("GET", url + kind.path, headers=headers, preload_content=False) as response:
            while chunk := response.read(1 << 20):
                size += len(chunk)
    return {"bytes": size, "wall": time.perf_counter() - begin}


def collect(folder: Path) -> Counts:
    """Collect the zone into a snapshot file."""
    from audit.collect.cluster import collect_cluster
    from audit.collect.limits import Limits
    from audit.collect.zones import Kubeconfig, Zone
    from audit.snapshot.model import encode
    from audit.storage.files import write_private

    zone = Zone("bench", credentials=Kubeconfig(folder / "kubeconfig.yaml"))
    snapshot = collect_cluster(zone, Limits(), listed=_unheard, stop=threading.Event())
    if snapshot.gaps:
        raise SystemExit(f"not whole: {snapshot.gaps}")
    write_private(folder / "bench.snapshot", [encode(snapshot)])
    # A name to ask about, from the middle of the list.
    names = snapshot.tables["namespaces"]["name"]
    (folder / "namespace").write_text(snapshot.strings[names[len(names) // 2]])
    return {"bindings": len(snapshot.tables["bindings"]["name"])}


def _unheard(kind: str, count: int) -> None:
    """Hear of a list, and measure on."""


def resolve(folder: Path) -> Counts:
    """Read the snapshot and compute `grants` and `access`; `resolving` is the time of the second alone."""
    from audit.access.tables import tables_of
    from audit.snapshot.model import load

    snapshot = load(folder / "bench.snapshot")
    begin = time.perf_counter()
    tables = tables_of(snapshot)
    return {"resolving": time.perf_counter() - begin, **{name: len(table) for name, table in tables.items()}}


def checks(folder: Path) -> Counts:
    """Do the same with all tables, find everything that should not be and its causes; `judging` is the time of that."""
    from datetime import UTC, datetime

    from audit.access.facts.build import facts_of
    from audit.job.judging import Judgement, Judging
    from audit.runs.runs import Runs
    from audit.snapshot.model import load
    from audit.snapshot.scope import Scope
    from audit.storage.store import store_of

    snapshot = load(folder / "bench.snapshot")
    tables = facts_of(snapshot)
    begin = time.perf_counter()
    runs = Runs(store_of(str(folder / "no runs")), _unheard_line)
    judging = Judging(Judgement(), runs, "20260101T000000Z", datetime(2026, 1, 1, tzinfo=UTC))
    _, made = judging.zone(snapshot, Scope(), tables)
    taken = time.perf_counter() - begin
    return {"judging": taken, "findings": len(made["findings"]), "causes": len(made["causes"])}


def _unheard_line(line: str) -> None:
    """Hear of runs that cannot be used: there are none."""


def diff(folder: Path) -> Counts:
    """Read two snapshots, between which changes were planted, and compare them."""
    from audit.changes.build import changes_of
    from audit.changes.state import State
    from audit.snapshot.model import load
    from benchmarks.plants import Expected, told

    before, after = (State.of(load(folder / f"{name}.snapshot")) for name in ("before", "after"))
    changes = changes_of(before, after)
    planted = [Expected(*row) for row in json.loads((folder / "planted.json").read_bytes())]
    if told(changes.records()) != planted:
        raise SystemExit("the planted changes are not what was told")
    return {"changes": len(changes)}


def program(*words: str, folder: Path) -> Counts:
    """Run the program itself; `{}` in a word is the folder, `NAMESPACE` a namespace of the zone."""
    from audit.cli import run_command

    place = folder / "namespace"
    namespace = place.read_text() if place.exists() else ""
    arguments = [word.replace("{}", str(folder)).replace("NAMESPACE", namespace) for word in words]
    if run_command(arguments):
        raise SystemExit(f"{' '.join(arguments)} failed")
    return {}


_REPORT = ("report", "--snapshot", "{}/bench.snapshot", "--out", "{}/out")
_ALL = ("-f", "csv", "-f", "html", "-f", "parquet")


def whole(folder: Path) -> Counts:
    """Run the whole job, for the first time: live zone to CSV, HTML and Parquet."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    return again(folder)


def again(folder: Path) -> Counts:
    """Run the whole job where a run was before, with which it is compared."""
    config = folder / "config.yaml"
    config.write_text("zones: [{id: bench, credentials: {kubeconfig: kubeconfig.yaml}}]\n")
    return program("run", "--config", str(config), "--out", "{}/out", *_ALL, folder=folder)


def peak_memory() -> float:
    """Return the most memory that this process has held, in MB (Linux).

    Not `ru_maxrss`: a process inherits that from the one that started it.
    """
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def _command(*words: str) -> Stage:
    def stage(folder: Path) -> Counts:
        return program(*words, folder=folder)

    return stage


def pack(folder: Path) -> Counts:
    """Write a review pack alone: ten lines to decide for each namespace, of 100,000 where there are 10,000."""
    from audit.runs.info import RunInfo
    from audit.snapshot.model import load
    from audit.tables.model import table_of
    from audit.tables.schemas import SCHEMAS, YES
    from audit.tenancy.platform import Platform
    from reports.pack import review_pack
    from reports.xlsx import xlsx_chunks

    spaces = load(folder / "bench.snapshot").tables["namespaces"]["name"]
    lines: list[dict[str, str | int]] = [
        {
            "zone": "bench",
            "namespace": f"shop-{at // 10}",
            "repository": "*",
            "since": "2026-01-01T00:00:00Z",
            "subject_kind": "User",
            "subject": f"person-{at % 997}",
            "binding_kind": "RoleBinding",
            "binding": f"team-{at}",
            "role_kind": "ClusterRole",
            "role": "edit",
            "pull": YES,
            "push": YES,
            "binding_uid": f"{at:08}-0000-4000-8000-000000000000",
        }
        for at in range(10 * len(spaces))
    ]
    tables = {name: [table_of(name, [])] for name in SCHEMAS} | {"grants": [table_of("grants", lines)]}
    del lines
    when = "2026-03-01T04:00:00Z"
    sheets = review_pack(RunInfo("bench", "", when, when, "", ()), tables, Platform())
    with (folder / "review.xlsx").open("wb") as file:
        file.writelines(xlsx_chunks(sheets, when))
    return {"count": sum(sheet.rows for sheet in sheets)}


STAGES: dict[str, Stage] = {
    "floor": floor,
    "collect": collect,
    "resolve": resolve,
    "checks": checks,
    "diff": diff,
    **{name: _command(*_REPORT, "--format", name) for name in FORMATS},
    "pack": pack,
    "expanded": _command(*_REPORT, *_ALL, "--expand"),
    "help": _command("--help"),
    "can": _command("can", "user/operator-00", "pull", "NAMESPACE", "-s", "{}/bench.snapshot"),
    "who": _command("who", "pull", "NAMESPACE", "-s", "{}/bench.snapshot"),
    "explain": _command("explain", "user/operator-00", "-s", "{}/bench.snapshot"),
    "whole": whole,
    "again": again,
}


def cost(stage: str, folder: Path, begun: float) -> dict[str, float]:
    """Run a stage; return wall and CPU seconds, the peak of memory in MB, and what the stage counted."""
    counts = STAGES[stage](folder)
    used = resource.getrusage(resource.RUSAGE_SELF)
    wall = time.perf_counter() - begun
    return {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "memory": peak_memory(), **counts}


def main() -> None:
    """Run one stage and print its cost as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--begun", type=float, default=time.perf_counter(), help="when this process was started")
    given = parser.parse_args()
    print("\n" + json.dumps(cost(given.stage, given.folder, given.begun)))


if __name__ == "__main__":
    main()
