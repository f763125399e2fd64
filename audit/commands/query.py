"""`query`: SQL over the Parquet tables of one run or of many, in a DuckDB that may read nothing else."""

from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from audit.commands.result import Grid, Result
from audit.errors import UsageError
from audit.storage.store import Folder, is_url, resolve_store
from audit.tables.model import OF_THE_RUN, SCHEMAS
from reports.parquet import FOLDER, PARTITIONS


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
        _views(connection, runs.absolute())
        try:
            answer = connection.execute(sql)
            header = [column[0] for column in answer.description or ()]
            rows = answer.fetchall()
        except duckdb.Error as error:
            raise UsageError(f"the query failed: {error}", fix=f"the tables are {', '.join(SCHEMAS)}") from error
    return Result(
        value=lambda: [dict(zip(header, map(_plain, row), strict=True)) for row in rows],
        text=[Grid(header, [["" if value is None else str(value) for value in row] for row in rows])],
    )


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | None) else str(value)


def _views(connection: duckdb.DuckDBPyConnection, runs: Path) -> None:
    """Make a view of each table, and then take away the right to read anything else."""
    for table in SCHEMAS:
        files = sorted(path for start in ("", "*/") for path in runs.glob(f"{start}{FOLDER}/{table}/**/*.parquet"))
        # `latest` is a link to a run that is in the folder under its own name.
        own = [path for path in files if not any(parent.is_symlink() for parent in _within(path, runs))]
        if not own:
            raise UsageError(
                f"no Parquet table {table} here", where=str(runs), fix="write some: run --format parquet --out DIR"
            )
        listed = ", ".join(map(_quoted, own))
        types = ", ".join(f"'{name}': VARCHAR" for name in PARTITIONS[: 1 if table in OF_THE_RUN else None])
        source = f"read_parquet([{listed}], hive_partitioning = true, hive_types = {{{types}}}, union_by_name = true)"
        connection.execute(f'CREATE VIEW "{table}" AS SELECT * FROM {source}')  # noqa: S608  names of ours, quoted
    connection.execute(f"SET allowed_directories = [{_quoted(runs)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _within(path: Path, top: Path) -> list[Path]:
    return [parent for parent in path.parents if parent != top and parent.is_relative_to(top)]
