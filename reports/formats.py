"""The formats of a report: name -> renderer, one list."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from audit.config.model import CsvConfig
from audit.controls.model import Framework
from audit.runs.info import EarlierSummary, RunInfo
from audit.tables.model import Table
from audit.tables.schemas import OF_THE_RUN, SCHEMAS
from audit.tenancy.platform import Platform

if TYPE_CHECKING:
    from reports.audience import Audience

PAGE: Final = "report.html"
FRAMEWORKS: Final = "frameworks"  # the folder of the packs for single frameworks


@dataclass(frozen=True, slots=True)
class Report:
    """The content of a report: the run, and each table as a list of tables: one for each zone, or one (OF_THE_RUN)."""

    run: RunInfo
    tables: Mapping[str, Sequence[Table]]
    past: Sequence[EarlierSummary] = ()  # earlier runs, oldest first
    # Replaces tables in the formats for programs: `access` with cluster-wide grants in every namespace.
    expanded: Mapping[str, Sequence[Table]] = field(default_factory=dict)
    csv: CsvConfig = field(default_factory=CsvConfig)
    platform: Platform = field(default_factory=Platform)

    def exported(self, name: str) -> Sequence[Table]:
        """Return a table as the formats for programs have it."""
        return self.expanded.get(name) or self.tables[name]

    def of(self, reader: "Audience") -> "Report":
        """Return the report for one zone or organization."""
        from reports.audience import cut

        tables, run = cut(self.tables, self.run, reader, self.platform)
        return Report(run, tables, csv=self.csv, platform=self.platform)


@dataclass(frozen=True, slots=True)
class File:
    """A file of the report: its name, its content, and its number of rows (-1: not a table)."""

    name: str
    chunks: Iterable[bytes]
    rows: int = -1
    note: str = ""  # for the user


def _csv(report: Report) -> Iterator[File]:
    from reports.csv import csv_chunks

    for name in SCHEMAS:
        tables = report.exported(name)
        yield File(f"{name}.csv", csv_chunks(name, tables, report.csv), sum(map(len, tables)))


def _html(report: Report) -> Iterator[File]:
    from reports.html.page import render_page
    from reports.html.page_tables import joined_table

    # Read only once, because tables of many zones may be in files; the page alone holds them, and releases them.
    tables = {name: joined_table(name, zones) for name, zones in report.tables.items()}
    yield File(PAGE, render_page(tables, report.run, report.platform, report.past))


def _jsonl(report: Report) -> Iterator[File]:
    from reports.jsonl import jsonl_chunks

    for name in SCHEMAS:
        tables = report.exported(name)
        yield File(f"{name}.jsonl", jsonl_chunks(name, tables), sum(map(len, tables)))


def _parquet(report: Report) -> Iterator[File]:
    from reports.parquet import parquet_bytes, place_of

    for name in SCHEMAS:
        zones = [""] if name in OF_THE_RUN else [zone.id for zone in report.run.zones]
        for zone, table in zip(zones, report.exported(name), strict=True):
            yield File(place_of(name, report.run.run_id, zone), [parquet_bytes(table)], len(table))


def _sarif(report: Report) -> Iterator[File]:
    from reports.sarif import render_sarif

    made = render_sarif(report.tables["findings"], report.tables["exceptions"], report.run)
    note = f"findings.sarif omits the {made.left_out:,} least severe findings: GitHub accepts no more"
    yield File("findings.sarif", [made.data], made.results, note if made.left_out else "")


def _sarif_causes(report: Report) -> Iterator[File]:
    from reports.sarif import render_cause_sarif

    made = render_cause_sarif(report.tables["causes"], report.run)
    yield File("causes.sarif", [made.data], made.results)


def _ocsf(report: Report) -> Iterator[File]:
    from reports.ocsf import ocsf_chunks

    findings = report.tables["findings"]
    yield File("findings.ocsf.jsonl", ocsf_chunks(findings, report.run), sum(map(len, findings)))


def _xlsx(report: Report) -> Iterator[File]:
    from reports.pack import review_pack
    from reports.xlsx import splits, xlsx_chunks

    sheets = review_pack(report.run, report.tables, report.platform)
    parts = ", ".join(f"{split.name} ({split.rows:,} rows) in {split.sheets} sheets" for split in splits(sheets))
    yield File("review.xlsx", xlsx_chunks(sheets, report.run.started), note=f"review.xlsx has {parts}" if parts else "")


FORMATS: Final[Mapping[str, Callable[[Report], Iterator[File]]]] = {
    "csv": _csv,
    "html": _html,
    "jsonl": _jsonl,
    "ocsf": _ocsf,
    "parquet": _parquet,
    "sarif": _sarif,
    "sarif-causes": _sarif_causes,
    "xlsx": _xlsx,
}


def files(report: Report, formats: Sequence[str]) -> Iterator[File]:
    """Yield the files of a report in these formats."""
    for name in formats:
        yield from FORMATS[name](report)


def framework_files(report: Report, framework: Framework, formats: Sequence[str]) -> Iterator[File]:
    """Yield the page and the workbook of one framework; `formats` are those that the run writes besides."""
    from reports.framework import FrameworkPack
    from reports.html.framework_page import render_framework
    from reports.xlsx import xlsx_chunks

    pack = FrameworkPack(framework, report.run, report.tables, formats)
    yield File(f"{FRAMEWORKS}/{framework.id}.html", render_framework(pack))
    yield File(f"{FRAMEWORKS}/{framework.id}.xlsx", xlsx_chunks(pack.sheets(), report.run.started))


def files_for(report: Report, formats: Sequence[str], readers: Sequence["Audience"]) -> Iterator[File]:
    """Yield the files of each audience, in its own folder."""
    everything = replace(report, tables={name: [*tables] for name, tables in report.tables.items()})
    for reader in readers:
        for file in files(everything.of(reader), formats):
            yield replace(file, name=f"{reader.folder}/{file.name}")
