"""The tables of a run as DuckDB reads them from CSV, JSON Lines and Parquet, and those that its page carries."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from audit.tables.schemas import ANSWERS, OF_THE_RUN, SCHEMAS
from tests.reports.html.blocks_reader import read, unpacked

# Tables to which the page adds rows: namespaces that no list had, and where somebody has access all the same.
LONGER_ON_THE_PAGE = {"namespaces"}
_BLOCK = re.compile(r'<script type="application/octet-stream" id="block-(\w+)">([^<]*)</script>')


class Tables:
    """One run; `csv.NAME`, `jsonl.NAME` and `parquet.NAME` are its tables, every text as it was, -1 for no count."""

    def __init__(self, run: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self._run = run
        self._ask = connection
        self.blocks: dict[str, str] = {}
        for form, source in (("csv", self._csv), ("jsonl", self._jsonl), ("parquet", self._parquet)):
            connection.execute(f"CREATE SCHEMA {form}")
            for name in SCHEMAS:
                columns = ", ".join(
                    f'{_whole(form, column.type, column.name)} AS "{column.name}"' for column in SCHEMAS[name]
                )
                connection.execute(f"CREATE TABLE {form}.{name} AS SELECT {columns} FROM {source(name)}")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._ask.execute(sql).fetchall()

    def one(self, sql: str) -> int:
        ((found,),) = self.rows(sql)
        return int(found)

    def counts(self, sql: str) -> dict[Any, int]:
        """What a query gives for each value of its first column, or of all but the last."""
        return {row[0] if len(row) == 2 else row[:-1]: row[-1] for row in self.rows(sql)}

    def differing(self, name: str, one: str, other: str, columns: str = "*") -> int:
        """How many rows one form of a table has and the other has not."""
        pairs = ((one, other), (other, one))
        ways = [f"(SELECT {columns} FROM {a}.{name} EXCEPT ALL SELECT {columns} FROM {b}.{name})" for a, b in pairs]
        return self.one(f"SELECT count(*) FROM ({' UNION ALL '.join(ways)})")

    def read_page(self) -> str:
        """Read the page's blocks into tables `page.NAME`; return the page without them."""
        page = (self._run / "report.html").read_text(encoding="utf-8")
        self.blocks = dict(_BLOCK.findall(page))
        self._ask.execute("CREATE SCHEMA page")
        # What has no columns is no table: the registry's questions and the templates of commands.
        tables = [name for name, block in self.blocks.items() if name != "texts" and "kinds" in unpacked(block)[0]]
        for name in tables:
            found = pa.table(
                {column: _words(name, column, values) for column, values in read(self.blocks, name).items()}
            )
            self._ask.register("found", found)
            self._ask.execute(f"CREATE TABLE page.{name} AS SELECT * FROM found")
            self._ask.unregister("found")
        return _BLOCK.sub("", page)

    def page_columns(self, name: str) -> list[str]:
        """The columns that a table has on the page too, as names in SQL."""
        here = [row[0] for row in self.rows(f"DESCRIBE page.{name}")]
        return [f'"{column.name}"' for column in SCHEMAS[name] if column.name in here]

    def _csv(self, name: str) -> str:
        given = "header=true, all_varchar=true, quote='\"', escape='\"', delim=',', nullstr=''"
        return f"read_csv('{self._run}/{name}.csv', {given})"

    def _jsonl(self, name: str) -> str:
        kinds = ", ".join(f"'{column.name}': 'VARCHAR'" for column in SCHEMAS[name])
        given = f"format='newline_delimited', columns={{{kinds}}}, maximum_object_size=67108864"
        return f"read_json('{self._run}/{name}.jsonl', {given})"

    def _parquet(self, name: str) -> str:
        hive = "" if name in OF_THE_RUN else ", hive_partitioning=true, hive_types_autocast=false"
        return f"read_parquet('{self._run}/parquet/{name}/**/*.parquet'{hive})"


@contextmanager
def tables_of(run: Path) -> Iterator[Tables]:
    with duckdb.connect() as connection:
        yield Tables(run, connection)


def _whole(form: str, kind: str, name: str) -> str:
    if kind == "count":
        return f'coalesce(CAST("{name}" AS BIGINT), -1)'
    text = f"""coalesce(CAST("{name}" AS VARCHAR), '')"""
    # An apostrophe before what a spreadsheet could take for a formula; taking one away always gives the text.
    return f"""CASE WHEN starts_with({text}, '''') THEN substr({text}, 2) ELSE {text} END""" if form == "csv" else text


def _words(table: str, column: str, values: Any) -> Any:
    kinds: Mapping[str, str] = {one.name: one.type for one in SCHEMAS.get(table, ())}
    return [ANSWERS[number] for number in values] if kinds.get(column) == "answer" else values
