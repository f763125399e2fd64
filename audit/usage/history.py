"""What is kept of use from run to run: the requests of recent days, daily sums of older ones, and what was covered.

    usage/requests/zone=Z/day=D/ID.parquet     each request of a recent day, by its id: logs overlap, and are read again
    usage/daily/zone=Z/month=M/data.parquet    sums of each day before them, sorted by namespace, repository and subject
    usage/totals/zone=Z/data.parquet           sums of all these days
    usage/coverage/zone=Z/ID.parquet           when which source has lines

A part is named by its content, so that reading the same logs twice changes nothing, and shards of a job write beside
each other without knowing of each other. Only `close` changes files, one process at a time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from audit.storage.store import Store
from audit.tables.arrays import Positions
from audit.usage.files import Read
from audit.usage.requests import DAY, TELLING, TICK, stretches

FOLDER: Final = "usage"
KEEP_DAYS: Final = 8  # days of which single requests are kept
_ROWS: Final = 50_000  # of a row group: one namespace's rows are in a few of them
_CLOSED: Final = b"closed_through"
_COVERAGE_FILES: Final = 30
_LARGER: Final = [("first", "min"), ("last", "max"), ("count", "max")]
DAMAGED: Final = "damaged"
KEYS: Final = ("source", "user", "action", "namespace", "repository", "denied", "grant")
_ORDER: Final = [(name, "ascending") for name in ("namespace", "repository", "user", "action")]
_TIME: Final = pa.timestamp("us", tz="UTC")
_TEXT: Final = pa.dictionary(pa.int32(), pa.string())


def _schema(text: pa.DataType, **columns: pa.DataType) -> pa.Schema:
    keys = [(name, pa.bool_() if name == "denied" else text) for name in KEYS]
    return pa.schema([*keys, *columns.items()])


_KEY_SCHEMA: Final = _schema(_TEXT)
_REQUEST_SCHEMA: Final = _schema(_TEXT, time=_TIME, request=pa.uint64())
_DAILY_SCHEMA: Final = _schema(pa.string(), day=pa.date32(), first=_TIME, last=_TIME, count=pa.int64())
TOTAL_SCHEMA: Final = _schema(pa.string(), first=_TIME, last=_TIME, count=pa.int64(), days=pa.int64())
_WINDOW_SCHEMA: Final = pa.schema(
    [
        ("source", pa.string()),
        ("pod", pa.string()),
        ("begin", _TIME),
        ("end", _TIME),
        ("levels", pa.string()),
        ("pause", pa.int64()),
    ]
)


class Window(NamedTuple):
    """A stretch of time in which a source has lines: from its first to its last, to ten seconds before each.

    Other windows with lines of the same pod continue it if they begin no more than `pause` seconds after its end. The
    levels are those at which requests are logged; or those of a stretch which has no such lines; or `damaged`.
    """

    source: str  # `registry` or `audit`
    pod: str  # or the API server
    begin: datetime
    end: datetime
    levels: frozenset[str]
    pause: int


class History:
    """The kept use of one zone."""

    def __init__(self, store: Store, zone: str) -> None:
        self._store, self._zone = store, f"zone={quote(zone, safe='')}"

    def add(self, read: Read) -> int:
        """Keep what logs say, and return how many of its requests are from days that were already aggregated.

        Which requests such a day had is not known any more: it keeps the larger of both counts.
        """
        uses = _uses(read)
        days = read.time // DAY
        for day in np.unique(days).tolist():
            table = _requests(uses, read, np.flatnonzero(days == day))
            self._write_part(f"requests/{self._zone}/day={_date(day)}", table)
        covered = [*windows(read)]
        if covered:
            self._write_part(f"coverage/{self._zone}", _coverage(covered))
        closed = self.closed_through()
        return int(np.sum(days <= (closed - date(1970, 1, 1)).days)) if closed else 0

    def close(self, today: date, keep_days: int = KEEP_DAYS, keep_sums_days: int | None = None) -> None:
        """Sum up the days of which single requests are no longer kept, and forget what is too old.

        Single requests are kept for `keep_days`, the rest for `keep_sums_days` (None: for ever) and up to a month.
        A process that dies in between leaves nothing that is counted twice. Another one at the same time does nothing.
        """
        folder, turn = self._store.inside(FOLDER), f".closing-{self._zone}-{today}"
        if not folder.claim(turn):
            return
        try:
            self._close_days(today, keep_days, keep_sums_days)
        finally:
            folder.release(turn)

    def _close_days(self, today: date, keep_days: int, keep_sums_days: int | None) -> None:
        due = [day for day in self._open_days() if day <= today - timedelta(days=keep_days)]
        for month, days in groupby(due, key=lambda day: f"month={day:%Y-%m}"):
            self._close_month(month, [*days])
        forgot = keep_sums_days is not None and self._forget(f"month={today - timedelta(days=keep_sums_days):%Y-%m}")
        through = self._totals_through()
        self._sum_up(since=None if forgot or any(day <= through for day in due) else through)
        for name in [name for day in due for name in self._parts(f"requests/{self._zone}/day={day}")]:
            self._store.remove(name)
        self._compact()

    def closed_through(self) -> date | None:
        """Return the last day that was summed up, None when none was."""
        dates = [_closed(pq.read_schema(self._file(f"daily/{self._zone}/{month}"))) for month in self._months()[-1:]]
        return dates[0] if dates else None

    def totals(self, **equal: str) -> pa.Table:
        """Return KEYS, `first`, `last`, `count` and `days` of each use over all days, with the given values."""
        closed = self.closed_through()
        tables = []
        for day in self._open_days():
            table = _matching(_sums(self._requests(day), day), equal)
            # What is counted already, or not yet.
            tables.append(_uncounted(table) if closed and day <= closed else table)
        kept = self._file(f"totals/{self._zone}")
        if kept is not None:
            tables.append(pq.read_table(kept, filters=_filters(equal)))
        return _together(tables)

    def daily(self, **equal: str) -> pa.Table:
        """Return KEYS, `day`, `first`, `last` and `count` of the uses whose columns have the given values."""
        months = [self._file(f"daily/{self._zone}/{month}") for month in self._months()]
        tables = [pq.read_table(month, filters=_filters(equal)) for month in months]
        closed = self.closed_through() or date.min
        days = [day for day in self._open_days() if day > closed]
        tables += [_matching(_sums(self._requests(day), day), equal) for day in days]
        return pa.concat_tables([_DAILY_SCHEMA.empty_table(), *(t.select(_DAILY_SCHEMA.names) for t in tables)])

    def coverage(self) -> list[Window]:
        """Return when each source has lines, stretches that touch as one."""
        files = (self._store.read(name) for name in self._parts(f"coverage/{self._zone}"))
        rows = (row for data in files for row in pq.read_table(pa.BufferReader(data)).to_pylist())
        return joined(Window(**{**row, "levels": frozenset(row["levels"].split(","))}) for row in rows)

    def _close_month(self, month: str, days: Sequence[date]) -> None:
        place = f"daily/{self._zone}/{month}"
        before = self._file(place)
        tables = [_sums(self._requests(day), day).select(_DAILY_SCHEMA.names) for day in days]
        closed = days[-1]
        if before is not None:
            tables.append(pq.read_table(before))
            closed = max(closed, _closed(tables[-1].schema))
        sums = pa.concat_tables(tables).group_by([*KEYS, "day"]).aggregate(_LARGER)
        table = sums.rename_columns([*KEYS, "day", "first", "last", "count"]).select(_DAILY_SCHEMA.names)
        self._write(f"{place}/data.parquet", table.sort_by(_ORDER), closed)

    def _forget(self, oldest: str) -> bool:
        """Remove the months before `oldest`, and return whether there were any."""
        months = [month for month in self._months() if month < oldest]
        for month in months:
            self._store.remove(f"{FOLDER}/daily/{self._zone}/{month}")
        begin = datetime.fromisoformat(f"{oldest.removeprefix('month=')}-01T00:00:00+00:00")
        self._keep_coverage([w._replace(begin=max(w.begin, begin)) for w in self.coverage() if w.end > begin])
        return bool(months)

    def _compact(self) -> None:
        """Write what is covered as one file: each run adds one."""
        if len(self._parts(f"coverage/{self._zone}")) > _COVERAGE_FILES:
            self._keep_coverage(self.coverage())

    def _keep_coverage(self, covered: Sequence[Window]) -> None:
        before = self._parts(f"coverage/{self._zone}")
        kept = self._write_part(f"coverage/{self._zone}", _coverage(covered))
        for name in before:
            if name != kept:
                self._store.remove(name)

    def _totals_through(self) -> date:
        kept = self._file(f"totals/{self._zone}")
        return date.min if kept is None else _closed(pq.read_schema(kept))

    def _sum_up(self, since: date | None) -> None:
        """Add the days after `since` to the totals; None makes them anew."""
        closed = self.closed_through()
        kept = self._file(f"totals/{self._zone}") if since else None
        if closed is None or since == closed:
            return
        total = pq.read_table(kept) if kept is not None else TOTAL_SCHEMA.empty_table()
        for month in self._months():
            if since is None or month >= f"month={since:%Y-%m}":
                table = pq.read_table(self._file(f"daily/{self._zone}/{month}"))
                table = table.filter(pc.greater(table["day"], since or date.min))
                days = pa.array(np.ones(len(table), dtype=np.int64))
                total = _together([total, table.append_column("days", days).drop(["day"])])
        self._write(f"totals/{self._zone}/data.parquet", total, closed)

    def _requests(self, day: date) -> pa.Table:
        """Return the requests of a day, each once."""
        names = self._parts(f"requests/{self._zone}/day={day}")
        tables = [pq.read_table(pa.BufferReader(self._store.read(name))) for name in names]
        table = pa.concat_tables([_REQUEST_SCHEMA.empty_table(), *tables]).unify_dictionaries()
        if len(tables) > 1:
            table = table.group_by([*KEYS, "request"]).aggregate([("time", "min")])
            table = table.rename_columns([name.removesuffix("_min") for name in table.column_names])
        return table

    def _open_days(self) -> list[date]:
        names = self._store.inside(f"{FOLDER}/requests/{self._zone}").entries()
        return sorted(date.fromisoformat(name.removeprefix("day=")) for name in names)

    def _months(self) -> list[str]:
        return sorted(self._store.inside(f"{FOLDER}/daily/{self._zone}").entries())

    def _parts(self, place: str) -> list[str]:
        return self._store.files(f"{FOLDER}/{place}")

    def _file(self, place: str) -> pa.BufferReader | None:
        names = self._parts(place)
        return pa.BufferReader(self._store.read(names[0])) if names else None

    def _write_part(self, place: str, table: pa.Table) -> str:
        data = _packed(table)
        name = f"{FOLDER}/{place}/{sha256(data).hexdigest()[:20]}.parquet"
        self._store.write(name, [data])
        return name

    def _write(self, name: str, table: pa.Table, closed: date) -> None:
        about = table.replace_schema_metadata({_CLOSED: closed.isoformat()})
        self._store.write(f"{FOLDER}/{name}", [_packed(about)])


def sums(read: Read) -> pa.Table:
    """Return KEYS, `first`, `last`, `count` and `days` of each use in logs that are not kept."""
    days, uses = read.time // DAY, _uses(read)
    tables = [_requests(uses, read, np.flatnonzero(days == day)) for day in np.unique(days).tolist()]
    return _together([_sums(table, date(1970, 1, 1)) for table in tables])


def _uses(read: Read) -> pa.Table:
    return pa.Table.from_pylist([use._asdict() for use in read.uses], schema=_KEY_SCHEMA)


def _requests(uses: pa.Table, read: Read, rows: Positions) -> pa.Table:
    """Return the given requests in the order of time, as `_REQUEST_SCHEMA`."""
    rows = rows[np.argsort(read.time[rows], kind="stable")]
    table = uses.take(pa.array(read.use[rows])).append_column("time", pa.array(read.time[rows], _TIME))
    return table.append_column("request", pa.array(read.request[rows]))


def _coverage(covered: Iterable[Window]) -> pa.Table:
    rows = [window._asdict() | {"levels": ",".join(sorted(window.levels))} for window in covered]
    return pa.Table.from_pylist(rows, schema=_WINDOW_SCHEMA)


def _filters(equal: Mapping[str, str]) -> list[tuple[str, str, str]] | None:
    return [(name, "=", value) for name, value in equal.items()] or None


def _matching(table: pa.Table, equal: Mapping[str, str]) -> pa.Table:
    for name, value in equal.items():
        table = table.filter(pc.equal(table[name], value))
    return table


def _uncounted(sums: pa.Table) -> pa.Table:
    zero = pa.array(np.zeros(len(sums), dtype=np.int64))
    for name in ("count", "days"):
        sums = sums.set_column(sums.column_names.index(name), name, zero)
    return sums


def _date(day: int) -> date:
    return date(1970, 1, 1) + timedelta(days=day)


def _sums(requests: pa.Table, day: date) -> pa.Table:
    """Return `_DAILY_SCHEMA` and `days` (1) of the requests of one day."""
    sums = requests.group_by(list(KEYS)).aggregate([("time", "min"), ("time", "max"), ("time", "count")])
    sums = sums.rename_columns([*KEYS, "first", "last", "count"])
    sums = sums.append_column("day", pa.array([day] * len(sums), pa.date32())).select(_DAILY_SCHEMA.names)
    return sums.cast(_DAILY_SCHEMA).append_column("days", pa.array(np.ones(len(sums), dtype=np.int64)))


def _together(tables: Sequence[pa.Table]) -> pa.Table:
    """Return several sums as one."""
    columns = [table.select(TOTAL_SCHEMA.names).cast(TOTAL_SCHEMA) for table in tables]
    joined = pa.concat_tables([TOTAL_SCHEMA.empty_table(), *columns]).group_by(list(KEYS))
    sums = joined.aggregate([("first", "min"), ("last", "max"), ("count", "sum"), ("days", "sum")])
    return sums.rename_columns([*KEYS, "first", "last", "count", "days"]).sort_by(_ORDER)


def windows(read: Read) -> Iterator[Window]:
    """Yield when each source has lines."""
    sources = [("registry", pod, seen) for pod, seen in read.registry.items()]
    sources += [("audit", server, seen) for server, seen in read.servers.items()]
    for source, pod, seen in sorted(sources, key=itemgetter(0, 1)):
        levels = frozenset(seen.levels)
        telling = levels & TELLING or levels
        for ticks, of in ((seen.telling, telling), (seen.quiet, levels - TELLING), (seen.damaged, {DAMAGED})):
            for first, last, pause in stretches(ticks):
                yield Window(source, pod, _at(first), _at(last), frozenset(of), pause * TICK // 1_000_000)


def joined(found: Iterable[Window]) -> list[Window]:
    """Return the windows, those that continue each other as one."""
    made: list[Window] = []
    for window in sorted(found, key=lambda window: (window.source, window.pod, sorted(window.levels), window.begin)):
        last = made[-1] if made else window
        pause = min(last.pause, window.pause)
        follows = window.begin <= last.end + timedelta(seconds=pause)
        if made and follows and (last.source, last.pod, last.levels) == (window.source, window.pod, window.levels):
            made[-1] = last._replace(end=max(last.end, window.end), pause=pause)
        else:
            made.append(window)
    return made


def _at(tick: int) -> datetime:
    return datetime.fromtimestamp(tick * TICK / 1_000_000, UTC)


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", row_group_size=_ROWS)
    return bytes(sink.getvalue().to_pybytes())


def _closed(schema: pa.Schema) -> date:
    return date.fromisoformat(schema.metadata[_CLOSED].decode())
