"""`query`: SQL over the Parquet tables of one run or of many, in a DuckDB that can read nothing else, and not write."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from audit import console
from audit.command_line.result import Grid, Result
from audit.errors import UsageError, contained
from audit.exit_codes import of_answer
from audit.format_version import UPGRADE, later
from audit.storage.store import Folder, is_url, resolve_store
from audit.tables.schemas import OF_THE_RUN, SCHEMAS, VERSION
from reports.parquet import FOLDER, PARTITIONS, version_in

# Nothing outside of the tables can be read or written: no file, no extension, no variable of this program.
_LOCKED: Final = (
    "SET python_enable_replacements = false",
    "SET temp_directory = ''",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)


def query(sql: str, runs: str) -> Result:
    """Return the rows that `sql` gives over the runs in `runs` (a run, or a folder of runs). Raises UsageError."""
    if not is_url(runs):
        return _answer(sql, Path(runs))
    with TemporaryDirectory() as folder:
        _fetch(runs, Path(folder))
        return _answer(sql, Path(folder))


def _fetch(runs: str, folder: Path) -> None:
    """Copy the Parquet files of runs from a URL: the database may not reach the network."""
    store, fix = resolve_store(runs), "give a run, or a folder of runs"
    try:
        for name in store.files():
            if name.endswith(".parquet"):
                Folder(folder).write(name, [store.read(name)])
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=runs, fix=fix) from error


def _answer(sql: str, runs: Path) -> Result:
    with duckdb.connect() as connection:
        found = {table: files for table in SCHEMAS if (files := _files(runs.absolute(), table))}
        if not found:
            fix = "write some: run --format parquet --out DIR"
            raise UsageError("no Parquet tables here", where=str(runs), fix=fix)
        # Runs of an earlier version lack the tables that came later.
        complete = [_register(connection, table, files) for table, files in found.items()]
        for setting in _LOCKED:
            connection.execute(setting)
        try:
            _check(connection, sql)
            answer = connection.execute(sql)
            header = _distinct([column[0] for column in answer.description or ()])
            rows = answer.fetchall()
        except (duckdb.Error, pa.ArrowException) as error:
            raise UsageError(f"the query failed: {error}", fix=f"the tables are {', '.join(found)}") from error
    return Result(
        value=lambda: [dict(zip(header, map(_json, row), strict=True)) for row in rows],
        text=[Grid(header, [["" if value is None else str(value) for value in row] for row in rows])],
        exit_code=of_answer(complete=all(complete)),
    )


def _check(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raise UsageError for what is not one query: no other statement has anything to do here."""
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise UsageError("not a query", where=sql, fix="give one SELECT: this command only reads")


def _register(connection: duckdb.DuckDBPyConnection, table: str, paths: Sequence[Path]) -> bool:
    """Make a table of its Parquet files; return whether all of them could be read."""
    partitions = PARTITIONS[: 1 if table in OF_THE_RUN else None]
    files, schemas, complete = [], [], True
    for path in paths:
        try:
            schemas.append(_schema_of(path))
            files.append(str(path))
        except BaseException as error:  # noqa: BLE001  one damaged file loses no other
            console.note(f"{path}: not read: {contained(error)}")
            complete = False
    if not files:
        return complete
    parts = pa.schema([(name, pa.string()) for name in partitions])
    plain = [pa.schema([_plain_field(field) for field in schema]) for schema in schemas]
    schema = pa.unify_schemas([*plain, parts], promote_options="permissive")
    connection.register(table, ds.dataset(files, schema, partitioning=ds.partitioning(parts, flavor="hive")))
    return complete


def _schema_of(path: Path) -> pa.Schema:
    """Return the columns of a file. Raises UsageError if it is of a later version: a column can mean something else."""
    schema = pq.read_schema(path)
    if wrong := later(version_in(schema), VERSION):
        raise UsageError(f"this table {wrong}", fix=UPGRADE)
    return schema.remove_metadata()


def _files(runs: Path, table: str) -> list[Path]:
    found = {path for start in ("", "*/") for path in runs.glob(f"{start}{FOLDER}/{table}/**/*.parquet")}
    # `latest` is a link to a run that is in the folder under its own name.
    return sorted(path for path in found if path.is_file() and not any(map(Path.is_symlink, _below(path, runs))))


def _below(path: Path, top: Path) -> Iterable[Path]:
    return (part for part in (path, *path.parents) if part != top and part.is_relative_to(top))


def _plain_field(field: pa.Field) -> pa.Field:
    return field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field


def _distinct(names: Sequence[str]) -> list[str]:
    """Return the names of columns, each once: `a`, `a_2` for a second `a`."""
    counts: Counter[str] = Counter()
    made: list[str] = []
    for name in names:
        counts[name] += 1
        unique = name if counts[name] == 1 else f"{name}_{counts[name]}"
        while unique in made:
            unique += "_"
        made.append(unique)
    return made


def _json(value: object) -> Any:
    """Return a value as JSON has it: what is not a number, text, list or object there is text; NaN is null."""
    if isinstance(value, dict):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, Decimal):
        value = int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return value if value is None or isinstance(value, str | int | float) else str(value)
