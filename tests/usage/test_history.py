"""What is kept from run to run is the same however often logs are read, in whatever order, before and after closing."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import duckdb
import pytest

from audit.storage.store import Folder
from audit.usage.coverage import Coverage
from audit.usage.files import Read, read_files, together
from audit.usage.history import KEYS, History, Window
from audit.usage.requests import Use
from tests.usage.logs import START, Request, counted, log, requests, truth

ZONE = "zone/é"


def history(folder: Path) -> History:
    return History(Folder(folder), ZONE)


def month(random: Random) -> list[Request]:
    """Requests of thirty days."""
    return [
        Request(r.user, r.action, r.namespace, r.repository, START + timedelta(days=random.random() * 30), r.allowed)
        for r in requests(random, many=60)
    ]


def read(folder: Path, made: list[Request]) -> Read:
    folder.mkdir(exist_ok=True)
    (folder / "registry.log").write_bytes(b"\n".join(log(made)))
    return read_files([folder], processes=1)


def totals(kept: History) -> dict[Use, tuple[int, int]]:
    """Count and days of each use."""
    rows = kept.totals().to_pylist()
    return {Use(*(row[key] for key in KEYS)): (row["count"], row["days"]) for row in rows}


def expected(made: list[Request]) -> dict[Use, tuple[int, int]]:
    days = {use: {r.at.date() for r in made if truth([r])[use]} for use in truth(made)}
    return {use: (count, len(days[use])) for use, count in truth(made).items()}


def test_what_is_kept_is_what_happened_however_it_is_read(tmp_path: Path) -> None:
    """Whole, doubled, by two shards, with days that were summed up in between."""
    for seed in range(2):
        random = Random(seed)
        made = month(random)
        everything = read(tmp_path / f"log{seed}", made)
        kept = history(tmp_path / f"kept{seed}")
        steps = random.sample(range(5), 5)
        for step in steps:
            if step < 3:
                assert kept.add(everything) == (0 if kept.closed_through() is None else _late(kept, everything))
            elif step == 3:
                kept.close(date(2026, 12, 10), keep_days=0)
            assert step == 4 or not totals(kept) or totals(kept) == expected(made)
        kept.close(date(2027, 1, 30))
        assert totals(kept) == expected(made)
        assert sum(kept.totals()["count"].to_pylist()) == len(everything.use)


def _late(kept: History, read: Read) -> int:
    closed = kept.closed_through()
    assert closed
    return sum(datetime.fromtimestamp(time / 1e6, UTC).date() <= closed for time in read.time.tolist())


def test_shards_write_beside_each_other(tmp_path: Path) -> None:
    """Each reads its share; together they have read all, also where their shares overlap."""
    made = month(Random(9))
    kept = history(tmp_path / "kept")
    for number, share in enumerate((made[:40], made[30:])):
        # A request's id is its position in the log.
        lines = [line for at, r in enumerate(made) if r in share for line in r.lines(at)]
        path = tmp_path / f"{number}.log"
        path.write_text("\n".join(lines))
        history(tmp_path / "kept").add(read_files([path], processes=1))
    assert totals(kept) == expected(made)


def test_one_namespace_is_answered_from_open_and_closed_days(tmp_path: Path) -> None:
    """Day by day."""
    made = month(Random(2))
    kept = history(tmp_path / "kept")
    kept.add(read(tmp_path / "log", made))
    before = sorted(map(repr, kept.daily(namespace="shop").to_pylist()))
    kept.close(date(2026, 12, 15))
    assert kept.closed_through() is not None
    rows = kept.daily(namespace="shop").to_pylist()
    assert sorted(map(repr, rows)) == before
    assert sum(row["count"] for row in rows) == sum(r.namespace == "shop" for r in made)


def test_the_days_are_one_table_for_other_programs(tmp_path: Path) -> None:
    """DuckDB reads the folders as Hive partitions."""
    made = month(Random(4))
    kept = history(tmp_path)
    kept.add(read(tmp_path / "log", made))
    kept.close(date(2027, 2, 1))
    files = f"{tmp_path}/usage/daily/*/*/*.parquet"
    table = f"read_parquet('{files}', hive_partitioning=true)"
    query = f"SELECT zone, sum(count), count(DISTINCT day) FROM {table} GROUP BY ALL"
    assert duckdb.connect().execute(query).fetchall() == [(ZONE, len(made), len({r.at.date() for r in made}))]


def test_logs_of_a_day_that_was_summed_up_are_not_lost(tmp_path: Path) -> None:
    """The log of a second pod comes late: its uses are known, and those of the first are not counted twice."""
    made = [Request(f"user{at % 3}", "pull", "shop", "web", START + timedelta(hours=at)) for at in range(60)]
    kept = history(tmp_path / "kept")
    kept.add(read(tmp_path / "one", made[:30]))
    kept.close(date(2027, 1, 1))
    late = [*made[:30], Request("late", "push", "shop", "web", START), *made[30:]]
    assert kept.add(read(tmp_path / "two", late)) > 0
    assert {use.user for use in totals(kept)} == {"user0", "user1", "user2", "late"}
    for _ in range(2):
        kept.close(date(2027, 1, 1))
        assert totals(kept) == expected(late)


def test_what_is_too_old_is_forgotten(tmp_path: Path) -> None:
    """Sums, and what was covered; the rest stays as it is."""
    made = [Request("ann", "pull", "shop", "web", START + timedelta(days=20 * at)) for at in range(10)]
    kept = history(tmp_path / "kept")
    for request in made:
        kept.add(read(tmp_path / "log", [request]))
    kept.close(date(2027, 7, 1))
    assert totals(kept) == expected(made)
    kept.close(date(2027, 7, 1), keep_sums_days=120)
    young = [request for request in made if request.at.date() >= date(2027, 3, 1)]
    assert 0 < len(young) < len(made)
    assert totals(kept) == expected(young)
    assert min(window.begin for window in kept.coverage()).date() >= date(2027, 3, 1)
    assert len(list((tmp_path / "kept/usage/coverage").rglob("*.parquet"))) == 1


def test_one_process_closes_at_a_time(tmp_path: Path) -> None:
    """Another one leaves it, and a later one does it."""
    made = month(Random(3))
    kept = history(tmp_path)
    kept.add(read(tmp_path / "log", made))
    today = date(2027, 1, 1)
    turn = f".closing-{kept._zone}-{today}"
    assert Folder(tmp_path / "usage").claim(turn)
    kept.close(today)
    assert kept.closed_through() is None
    Folder(tmp_path / "usage").release(turn)
    kept.close(today)
    assert kept.closed_through() is not None


def at(minutes: float) -> datetime:
    return START.replace(second=0, microsecond=0) + timedelta(minutes=minutes)


def window(pod: str, begin: float, end: float, *levels: str) -> Window:
    return Window("registry", pod, at(begin), at(end), frozenset(levels or ("info",)), 60)


@pytest.mark.parametrize(
    ("windows", "replicas", "reasons"),
    [
        ([], 1, ["no log of the registry was read"]),
        ([window("a", 0, 99)], None, ["how many replicas the registry has is not known (--replicas)"]),
        ([window("a", 0, 99)], 1, []),
        ([window("a", 0, 99)], 2, ["lines of 1 of 2 replicas"]),
        ([window("a", 0, 99), window("b", 0, 99)], 2, []),
        ([window("a", 0, 50), window("b", 45, 99)], 1, []),
        ([window("a", 0, 99), window("a", 20, 90, "debug", "info")], 2, ["lines of 1 of 2 replicas"]),
        ([window("a", 0, 50), window("b", 53, 99)], 1, ["no lines"]),
        ([window("a", 0, 50), window("a", 60, 99), window("b", 0, 99)], 2, ["lines of 1 of 2 replicas"]),
        ([window("a", 0, 99, "warning")], 1, ["the log level of the registry does not record requests"]),
        ([window("a", 20, 70)], 1, ["no lines", "no lines"]),
    ],
)
def test_what_is_missing_has_a_reason(windows: list[Window], replicas: int | None, reasons: list[str]) -> None:
    """And nothing is missing only where every replica has lines all the time."""
    coverage = Coverage(windows, replicas)
    assert [missing.reason for missing in coverage.missing(at(10), at(90))] == reasons
    unused = coverage.answer(None, at(0), at(10), at(90))
    assert unused == ("not known" if reasons else "not used")
    assert coverage.answer(at(11), None, at(10), at(90)) == "used"
    assert coverage.answer(at(9), at(20), at(10), at(90)) == "not known"
    assert coverage.answer(None, None, at(10), at(90)) == "not known"


def test_a_part_of_a_log_that_is_hidden_never_makes_a_use_not_used(tmp_path: Path) -> None:
    """Health checks of each replica fill the logs; a stretch, or a replica, is taken away with a use in it."""
    for seed in range(16):
        random = Random(seed)
        span = random.randrange(20, 200)
        used = random.uniform(1, span - 1)
        pod = random.choice("ab")
        begin = max(used - random.uniform(0.01, 30), 0)
        hidden = (begin, max(begin, used) + random.uniform(1.5, 30)) if random.random() < 0.7 else (0, 1e9)
        reads = []
        for name in "ab":
            lines = []
            for tick in range(span * 6):
                moment = tick / 6 + random.random() / 60
                if not (name == pod and hidden[0] <= moment <= hidden[1]):
                    lines.append(f'time="{at(moment).isoformat().replace("+00:00", "Z")}" level=info msg=response')
            request = Request("ann", "pull", "shop", "web", at(used))
            if name == pod and not hidden[0] <= used <= hidden[1]:
                lines += request.lines(1)
            path = tmp_path / f"openshift-image-registry_{name}_{seed}/registry.log"
            path.parent.mkdir()
            path.write_text("\n".join(lines))
            reads.append(read_files([path], processes=1))
        everything = together(reads)
        kept = history(tmp_path / f"kept{seed}")
        kept.add(everything)
        known: Counter[Use] = counted(everything)
        last = at(used) if known else None
        answer = Coverage(kept.coverage(), 2).answer(last, at(-1), at(0), at(span))
        assert answer != "not used", (seed, used, hidden)
        assert Coverage(kept.coverage(), None).answer(last, at(-1), at(0), at(span)) != "not used"
