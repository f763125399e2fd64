"""What is kept of use from run to run: the requests of recent days, daily sums of older ones, and what was covered.

    usage/requests/zone=Z/day=D/ID.parquet     each request of a recent day, by its id: logs overlap, and are read again
    usage/daily/zone=Z/month=M/data.parquet    sums of each day before them, sorted by namespace, repository and subject
    usage/totals/zone=Z/data.parquet           sums of all these days
    usage/coverage/zone=Z/ID.parquet           when which source has lines

A part is named by its content, so that reading the same logs twice changes nothing, and shards of a job write beside
each other without knowing of each other. Only `close` changes files, and one process does it at a time.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Final, NamedTuple
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from audit.storage.store import Store
from audit.tables.arrays import Positions
from audit.usage.files import Read
from audit.usage.requests import DAY, MINUTE

FOLDER: Final = "usage"
KEEP_DAYS: Final = 8  # days of which single requests are kept
_GAP: Final = 1  # minutes without a line that are no gap yet
_ROWS: Final = 50_000  # of a row group: one namespace's rows are in a few of them
_CLOSED: Final = b"closed_through"
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
_TOTAL_SCHEMA: Final = _schema(pa.string(), first=_TIME, last=_TIME, count=pa.int64(), days=pa.int64())
_WINDOW_SCHEMA: Final = pa.schema(
    [
        ("source", pa.string()),
        ("pod", pa.string()),
        ("begin", _TIME),
        ("end", _TIME),
        ("levels", pa.string()),
        ("lines", pa.int64()),
    ]
)


class Window(NamedTuple):
    """A stretch of time in which a source has lines, to the minute."""

    source: str  # `registry`, or the name of an API server
    pod: str
    begin: datetime
    end: datetime
    levels: frozenset[str]
    lines: int


class History:
    """The kept use of one zone."""

    def __init__(self, store: Store, zone: str) -> None:
        self._store, self._zone = store, f"zone={quote(zone, safe='')}"

    def add(self, read: Read) -> int:
        """Keep what logs say, and return how many of its requests are of days that were closed before."""
        uses = _uses(read)
        days = read.time // DAY
        closed = self.closed_through()
        late = days <= (closed - date(1970, 1, 1)).days if closed else np.zeros(len(days), dtype=bool)
        for day in np.unique(days[~late]).tolist():
            table = _requests(uses, read, np.flatnonzero(days == day))
            self._write_part(f"requests/{self._zone}/day={date(1970, 1, 1) + timedelta(days=day)}", table)
        covered = [window._asdict() | {"levels": ",".join(sorted(window.levels))} for window in windows(read)]
        if covered:
            self._write_part(f"coverage/{self._zone}", pa.Table.from_pylist(covered, schema=_WINDOW_SCHEMA))
        return int(late.sum())

    def close(self, today: date, keep_days: int = KEEP_DAYS) -> None:
        """Sum up the days of which single requests are no longer kept."""
        last = today - timedelta(days=keep_days)
        closed = self.closed_through()
        for day in [day for day in self._open_days() if day <= last]:
            if closed is None or day > closed:
                self._close(day)
        if self._open_days() or self._months():
            self._sum_up()
        for day in [day for day in self._open_days() if day <= last]:
            for name in self._parts(f"requests/{self._zone}/day={day}"):
                self._store.remove(name)

    def closed_through(self) -> date | None:
        """Return the last day that was summed up, None when none was."""
        found = [_closed(pq.read_schema(self._file(f"daily/{self._zone}/{month}"))) for month in self._months()[-1:]]
        return found[0] if found else None

    def totals(self) -> pa.Table:
        """Return KEYS, `first`, `last`, `count` and `days` of each use, over all days."""
        tables = [_sums(self._requests(day), day) for day in self._open_days() if not self._is_closed(day)]
        kept = self._file(f"totals/{self._zone}")
        if kept is not None:
            tables.append(pq.read_table(kept))
        return _together(tables)

    def daily(self, **equal: str) -> pa.Table:
        """Return KEYS, `day`, `first`, `last` and `count` of the uses whose columns have the given values."""
        condition = [(name, "=", value) for name, value in equal.items()] or None
        tables = [
            pq.read_table(self._file(f"daily/{self._zone}/{month}"), filters=condition) for month in self._months()
        ]
        for day in self._open_days():
            if not self._is_closed(day):
                table = _sums(self._requests(day), day)
                for name, value in equal.items():
                    table = table.filter(pc.equal(table[name], value))
                tables.append(table)
        return pa.concat_tables([_DAILY_SCHEMA.empty_table(), *(t.select(_DAILY_SCHEMA.names) for t in tables)])

    def coverage(self) -> list[Window]:
        """Return when each source has lines, stretches that touch as one."""
        tables = [
            pq.read_table(pa.BufferReader(self._store.read(name))) for name in self._parts(f"coverage/{self._zone}")
        ]
        rows = sorted(
            (row for table in tables for row in table.to_pylist()),
            key=lambda row: (row["source"], row["pod"], row["begin"]),
        )
        windows: list[Window] = []
        for row in rows:
            window = Window(**{**row, "levels": frozenset(row["levels"].split(","))})
            last = windows[-1] if windows else None
            if last and last[:2] == window[:2] and window.begin <= last.end + timedelta(minutes=_GAP):
                joined = last._replace(
                    end=max(last.end, window.end), levels=last.levels | window.levels, lines=last.lines + window.lines
                )
                windows[-1] = joined
            else:
                windows.append(window)
        return windows

    def _close(self, day: date) -> None:
        month = f"daily/{self._zone}/month={day:%Y-%m}"
        before = self._file(month)
        tables = [_sums(self._requests(day), day).select(_DAILY_SCHEMA.names)]
        if before is not None:
            tables.append(pq.read_table(before))
        table = pa.concat_tables(tables).sort_by(_ORDER)
        self._write(f"{month}/data.parquet", table, day)

    def _sum_up(self) -> None:
        """Bring the totals to the last closed day; what a process that died left undone is done now."""
        closed = self.closed_through()
        kept = self._file(f"totals/{self._zone}")
        tables = [] if kept is None else [pq.read_table(kept)]
        through = _closed(tables[0].schema) if tables else date.min
        if closed is None or through == closed:
            return
        for month in self._months():
            if month >= f"month={through:%Y-%m}":
                table = pq.read_table(self._file(f"daily/{self._zone}/{month}"))
                table = table.filter(pc.greater(table["day"], through))
                tables.append(table.append_column("days", pa.array(np.ones(len(table), dtype=np.int64))).drop(["day"]))
        self._write(f"totals/{self._zone}/data.parquet", _together(tables), closed)

    def _requests(self, day: date) -> pa.Table:
        """Return the requests of a day, each once."""
        names = self._parts(f"requests/{self._zone}/day={day}")
        tables = [pq.read_table(pa.BufferReader(self._store.read(name))) for name in names]
        table = pa.concat_tables([_REQUEST_SCHEMA.empty_table(), *tables]).unify_dictionaries()
        if len(tables) > 1:
            table = table.group_by([*KEYS, "request"]).aggregate([("time", "min")])
            table = table.rename_columns([name.removesuffix("_min") for name in table.column_names])
        return table

    def _is_closed(self, day: date) -> bool:
        closed = self.closed_through()
        return closed is not None and day <= closed

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

    def _write_part(self, place: str, table: pa.Table) -> None:
        data = _packed(table)
        self._store.write(f"{FOLDER}/{place}/{sha256(data).hexdigest()[:20]}.parquet", [data])

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


def _sums(requests: pa.Table, day: date) -> pa.Table:
    """Return `_DAILY_SCHEMA` and `days` (1) of the requests of one day."""
    sums = requests.group_by(list(KEYS)).aggregate([("time", "min"), ("time", "max"), ("time", "count")])
    sums = sums.rename_columns([*KEYS, "first", "last", "count"])
    sums = sums.append_column("day", pa.array([day] * len(sums), pa.date32())).select(_DAILY_SCHEMA.names)
    return sums.cast(_DAILY_SCHEMA).append_column("days", pa.array(np.ones(len(sums), dtype=np.int64)))


def _together(tables: Sequence[pa.Table]) -> pa.Table:
    """Return several sums as one."""
    columns = [table.select(_TOTAL_SCHEMA.names).cast(_TOTAL_SCHEMA) for table in tables]
    joined = pa.concat_tables([_TOTAL_SCHEMA.empty_table(), *columns]).group_by(list(KEYS))
    sums = joined.aggregate([("first", "min"), ("last", "max"), ("count", "sum"), ("days", "sum")])
    return sums.rename_columns([*KEYS, "first", "last", "count", "days"]).sort_by(_ORDER)


def windows(read: Read) -> Iterator[Window]:
    """Yield when each source has lines."""
    sources = [("registry", pod, seen) for pod, seen in read.registry.items()]
    sources += [("audit", server, seen) for server, seen in read.servers.items()]
    for source, pod, seen in sorted(sources):
        for begin, end in seen.windows(_GAP):
            yield Window(source, pod, _at(begin), _at(end), frozenset(seen.levels), seen.lines)


def _at(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * MINUTE / 1_000_000, UTC)


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", row_group_size=_ROWS)
    return bytes(sink.getvalue().to_pybytes())


def _closed(schema: pa.Schema) -> date:
    return date.fromisoformat(schema.metadata[_CLOSED].decode())
