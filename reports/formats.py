"""The formats of a report: name -> renderer, one list."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from audit.tables import OF_THE_RUN, SCHEMAS, Table, joined
from reports.run import RunInfo

PAGE: Final = "report.html"


@dataclass(frozen=True, slots=True)
class Report:
    """What a report is made of: the run, and each table as a list of tables: one a zone, or one in all (OF_THE_RUN)."""

    run: RunInfo
    tables: Mapping[str, Sequence[Table]]
    # What programs get in place of a table of this name: `access` with cluster-wide grants in every namespace.
    expanded: Mapping[str, Sequence[Table]] = field(default_factory=dict)

    def exported(self, name: str) -> Sequence[Table]:
        """Return a table as programs get it."""
        return self.expanded.get(name) or self.tables[name]


@dataclass(frozen=True, slots=True)
class File:
    """A file of the report: its name, its content, and how many rows it has (-1: it is not a table)."""

    name: str
    chunks: Iterable[bytes]
    rows: int = -1
    note: str = ""  # what a person has to know of it


def _csv(report: Report) -> Iterator[File]:
    from reports.csv import csv_chunks

    for name in SCHEMAS:
        tables = report.exported(name)
        yield File(f"{name}.csv", csv_chunks(name, tables), sum(map(len, tables)))


def _html(report: Report) -> Iterator[File]:
    from reports.html.page import render_page

    tables = {name: joined(tables) for name, tables in report.tables.items()}
    yield File(PAGE, render_page(tables, report.run))


def _parquet(report: Report) -> Iterator[File]:
    from reports.parquet import parquet_bytes, place_of

    for name in SCHEMAS:
        zones = [""] if name in OF_THE_RUN else [zone.id for zone in report.run.zones]
        for zone, table in zip(zones, report.exported(name), strict=True):
            yield File(place_of(name, report.run.run_id, zone), [parquet_bytes(table)], len(table))


def _sarif(report: Report) -> Iterator[File]:
    from reports.sarif import render_sarif

    made = render_sarif(report.tables["findings"], report.tables["exceptions"], report.run)
    note = f"findings.sarif leaves out {made.left_out:,} findings, the least severe: its readers take no more"
    yield File("findings.sarif", [made.data], made.results, note if made.left_out else "")


FORMATS: Final[Mapping[str, Callable[[Report], Iterator[File]]]] = {
    "csv": _csv,
    "html": _html,
    "parquet": _parquet,
    "sarif": _sarif,
}
