"""What reading logs costs: lines of a registry's log a second, memory, and answers from ten years of daily sums.

    python -m benchmarks.usage [--lines 10000000] [--years 10] [--namespaces 10000]

The floor is reading the same bytes and counting their lines: a machine that is busy, or slow, is so for both.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from audit.storage.store import Folder
from audit.usage.files import read_files
from audit.usage.history import History

_START = datetime(2026, 1, 1, tzinfo=UTC)
_ID = "{:08x}-1111-4222-8333-444455556666"
_BASE = " go.version=go1.27.3 http.request.id={id} http.request.method={method} http.request.uri=/v2/{name}/{path}"
_USER = ' openshift.auth.user="system:serviceaccount:{space}:ci" openshift.auth.userid=1 vars.name={name}'
_BATCH = 100_000


def lines(many: int, namespaces: int) -> Iterator[bytes]:
    """Yield about `many` lines of a log, in batches: of ten, three are of a pull or push, the rest health checks."""
    random = Random(1)
    for start in range(0, many, _BATCH):
        texts = []
        for number in range(start, min(start + _BATCH, many), 10):
            at = (_START + timedelta(milliseconds=number * 2)).isoformat(timespec="microseconds").removesuffix("+00:00")
            space = f"ns-{random.randrange(namespaces)}"
            push = random.random() < 0.1
            fields = _BASE.format(
                id=_ID.format(number), method="PUT" if push else "GET", name=f"{space}/app", path="manifests/latest"
            )
            user = _USER.format(space=space, name=f"{space}/app")
            status = f" http.response.status={201 if push else 200}"
            head = f'time="{at}Z" level=info msg='
            texts += [
                f'{head}"authorized request"{fields}{user}',
                f'{head}"response completed"{fields}{status}{user}',
                f"{head}response{fields}{status}",
                *([f"{head}response go.version=go1.27.3 http.request.method=GET http.request.uri=/healthz"] * 7),
            ]
        yield ("\n".join(texts) + "\n").encode()


def floor(path: Path) -> float:
    """Return the seconds that reading the bytes and counting lines takes."""
    begun, count = time.perf_counter(), 0
    with path.open("rb") as file:
        while data := file.read(1 << 20):
            count += data.count(b"\n")
    return time.perf_counter() - begun


def memory() -> float:
    """Return the largest memory of this process and of one of its children, in MB."""
    own, child = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(own, child) / 1024


def reading(folder: Path, many: int, namespaces: int, processes: int) -> dict[str, float]:
    """Return what reading a log of `many` lines costs."""
    path = folder / "registry.log"
    with path.open("wb") as file:
        for batch in lines(many, namespaces):
            file.write(batch)
    least = floor(path)
    begun = time.perf_counter()
    read = read_files([path], processes)
    seconds = time.perf_counter() - begun
    if read.damaged.count or len(read.use) != (many + 9) // 10:
        raise SystemExit("the log was not read as it was written")
    return {
        "lines": many,
        "megabytes": path.stat().st_size / 1e6,
        "seconds": seconds,
        "lines_a_second": many / seconds,
        "times_the_floor": seconds / least,
        "memory_mb": memory(),
    }


def keep_years(folder: Path, years: int, namespaces: int) -> None:
    """Write daily sums as `History.close` leaves them: of each namespace, one use a week."""
    random = np.random.default_rng(1)
    spaces = np.array([f"ns-{at}" for at in range(namespaces)])
    first = date(2016, 1, 1)
    totals: list[pa.Table] = []
    for month in range(years * 12):
        day = date(first.year + month // 12, month % 12 + 1, 1)
        at = np.repeat(np.arange(namespaces), 4)
        days = [day + timedelta(days=int(number)) for number in random.integers(0, 28, len(at))]
        moments = pa.array([datetime(one.year, one.month, one.day, 12, tzinfo=UTC) for one in days])
        names = pa.array(spaces[at])
        table = pa.table(
            {
                "source": pa.array(["registry"] * len(at)),
                "user": names,
                "action": pa.array(["pull"] * len(at)),
                "namespace": names,
                "repository": pa.array(["app"] * len(at)),
                "denied": pa.array(np.zeros(len(at), dtype=bool)),
                "grant": pa.array([""] * len(at)),
                "day": pa.array(days, pa.date32()),
                "first": moments.cast(pa.timestamp("us", tz="UTC")),
                "last": moments.cast(pa.timestamp("us", tz="UTC")),
                "count": pa.array(np.ones(len(at), dtype=np.int64)),
            }
        ).sort_by([("namespace", "ascending"), ("repository", "ascending"), ("user", "ascending")])
        closed = (day + timedelta(days=27)).isoformat()
        path = folder / f"usage/daily/zone=one/month={day:%Y-%m}/data.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(table.replace_schema_metadata({b"closed_through": closed}), path, compression="zstd")
        totals.append(table)
    del totals
    # The totals are made by the program itself.
    History(Folder(folder), "one").close(date(first.year + years, 6, 1))


def answering(folder: Path, years: int, namespaces: int) -> dict[str, float]:
    """Return how long questions about one of many namespaces over many years take."""
    keep_years(folder, years, namespaces)
    seconds = {}
    history = History(Folder(folder), "one")
    questions: dict[str, Callable[[], pa.Table]] = {
        "totals_seconds": lambda: history.totals(namespace="ns-77"),
        "every_day_seconds": lambda: history.daily(namespace="ns-77"),
        "all_totals_seconds": history.totals,
    }
    for name, ask in questions.items():
        begun = time.perf_counter()
        if not len(ask()):
            raise SystemExit("no answer")
        seconds[name] = time.perf_counter() - begun
    return {"years": years, "namespaces": namespaces, **seconds}


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("lines", 10_000_000), ("years", 10), ("namespaces", 10_000), ("processes", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as name:
        found.append(reading(Path(name), given.lines, given.namespaces, given.processes))
    with tempfile.TemporaryDirectory() as name:
        found.append(answering(Path(name), given.years, given.namespaces))
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
