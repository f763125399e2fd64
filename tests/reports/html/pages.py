"""Small runs to make pages of: tables of a few rows, written by hand."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from audit.runs.info import RunInfo, ZoneInfo
from audit.tables.model import Table, table_of
from audit.tables.schemas import ANSWERS, SCHEMAS, YES
from audit.tenancy.platform import Platform
from reports.html.page import render_page
from tests.paths import DATA

Row = Mapping[str, str | int]
Rows = Sequence[Row]

SAMPLE: Final = DATA / "page"
WHEN: Final = "2026-01-01T00:00:00Z"
AUTHENTICATED: Final = {"subject_kind": "Group", "subject": "system:authenticated"}
NOBODY: Final = {"subject_kind": "Group", "subject": "system:unauthenticated"}
ALL_RIGHTS: Final = {"pull": YES, "push": YES, "create": YES}


def zone(
    name: str = "z",
    state: str = "complete",
    namespaces: int = 3,
    excluded: int = 0,
    gaps: tuple[str, ...] = (),
    as_of: str = WHEN,
) -> ZoneInfo:
    """Return what a report says of a zone."""
    return ZoneInfo(name, state, "dump", "there", "registry", "v1", "me", as_of, gaps, namespaces, excluded)


def run_of(*zones: ZoneInfo) -> RunInfo:
    """Return what a report says of a run."""
    return RunInfo("run-1", "1.0", WHEN, "2026-01-01T00:01:00Z", "abc", zones or (zone(),), evidence_digest="e" * 64)


def tables_of(**rows: Rows) -> dict[str, Table]:
    """Return all tables; access and grants are, unless they say otherwise, of the user alice in `z`, `ns`, `*`."""
    start: Row = {
        "zone": "z",
        "namespace": "ns",
        "repository": "*",
        "subject_kind": "User",
        "subject": "alice",
        "grants": 1,
    }
    made: dict[str, list[Row]] = {}
    for name in SCHEMAS:
        made[name] = [{**(start if name in {"access", "grants"} else {}), **row} for row in rows.get(name, ())]
    return {name: table_of(name, lines) for name, lines in made.items()}


def page_of(tables: Mapping[str, Table], run: RunInfo | None = None) -> str:
    """Return the page of a run."""
    return b"".join(render_page(tables, run or run_of(), Platform())).decode()


def sample() -> dict[str, Table]:
    """Return a run of two zones: two organizations, one of each thing that the page shows, and something not known."""
    return {name: table_of(name, list(_rows(name))) for name in SCHEMAS}


def _rows(name: str) -> Iterator[Row]:
    texts = {column.name for column in SCHEMAS[name] if column.type == "text"}
    with (SAMPLE / f"{name}.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            yield {column: value if column in texts else _number(value) for column, value in row.items()}


def _number(word: str) -> int:
    return ANSWERS.index(word) if word in ANSWERS else int(word)


def sample_run() -> RunInfo:
    """Return the run of `sample`: one zone whole, one partial."""
    gaps = ("clusterroles: the credentials may not read it (403)",)
    return replace(run_of(zone("a"), zone("b", "partial", 1, gaps=gaps)), compared_with="run-0")
