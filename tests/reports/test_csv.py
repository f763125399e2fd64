"""CSV: what is written is read back as it was, and no spreadsheet runs any of it."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.access.facts.coverage import coverage
from audit.access.tables import tables_of
from audit.config.model import CsvConfig
from audit.snapshot.model import Gap
from audit.snapshot.objects import KINDS
from audit.tables.model import Table, joined, text_column
from audit.tables.schemas import SCHEMAS
from audit.tables.spreadsheet import neutral, original
from reports import rows as rows_of_tables
from reports.csv import cell, csv_chunks
from tests.worlds.random_zones import HOSTILE, world_of
from tests.worlds.snapshots import all_tables, snapshot_of


@given(st.text())
def test_neutralising_is_undone_by_taking_one_apostrophe_away(text: str) -> None:
    """Whatever the name is, it can be had back, and no two names become one."""
    assert original(neutral(text)) == text


@given(st.text(alphabet="=+-@'\t\r\n \uff1d\uff0b\uff0d\uff20ab", max_size=4))
def test_no_cell_begins_like_a_formula(text: str) -> None:
    """Not even after spaces, or in full width."""
    assert not neutral(text).lstrip().startswith(("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"))


@given(
    st.text(alphabet=st.characters(categories=["Cc", "Cf", "Zs", "Zl", "Zp"]), max_size=4),
    st.text(alphabet="\u034f\u115f\u1160\u17b4\u180b\u2800\u3164\ufe0f\uffa0\U000e0100", max_size=4),
    st.sampled_from("=+-@\uff1d\uff0b\uff0d\uff20"),
)
def test_what_cannot_be_seen_hides_no_formula(unseen: str, filler: str, sign: str) -> None:
    """Controls, joiners, directions, fillers and variation selectors before the sign; and it can be had back."""
    for text in (f"{unseen}{filler}{sign}1", f"{filler}{unseen}{sign}1"):
        assert neutral(text) == f"'{text}"
        assert original(neutral(text)) == text


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8")), min_size=1, max_size=5))
def test_cells_are_read_back(texts: list[str]) -> None:
    """Commas, quotes, line breaks and other scripts come through any CSV reader."""
    line = ",".join(cell(text) for text in texts)
    (row,) = csv.reader(io.StringIO(line, newline="")) if any(texts) else [[""]]
    assert [original(one) for one in row] == texts or not any(texts)


@pytest.mark.no_cover
@pytest.mark.parametrize("size", [1, 7, 50_000])
@pytest.mark.parametrize("seed", range(4))
def test_tables_are_read_back_row_by_row(seed: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row of every table, in chunks of any size: RFC 4180, CRLF, one header."""
    monkeypatch.setattr(rows_of_tables, "ROWS", size)
    one, two = (snapshot_of(world_of(seed), zone=zone) for zone in ("zone-1", "zone-2"))
    for name in SCHEMAS:
        tables = [all_tables(snapshot)[name] for snapshot in (one, two)]
        data = b"".join(csv_chunks(name, tables)).decode()
        assert data.count("\r\n") >= 1 + sum(map(len, tables))
        header, *rows = csv.reader(io.StringIO(data, newline=""))
        assert header == [column.name for column in SCHEMAS[name]]
        expected = [record for table in tables for record in table.records()]
        assert [[original(one) for one in row] for row in rows] == [
            [original(neutral(str(value))) if isinstance(value, str) else str(value) for value in record.values()]
            for record in expected
        ]
        assert joined(tables).records() == expected


def test_hostile_names_are_cells_like_others() -> None:
    """One column of every name that does harm somewhere."""
    table = Table("coverage", dict.fromkeys((c.name for c in SCHEMAS["coverage"]), text_column(HOSTILE)))
    table = Table("coverage", {**table.columns, "count": np.arange(len(HOSTILE), dtype=np.int32)})
    rows = list(csv.reader(io.StringIO(b"".join(csv_chunks("coverage", [table])).decode(), newline="")))
    assert [original(row[0]) for row in rows[1:]] == list(HOSTILE)


def test_coverage_says_each_kind_and_each_gap_once() -> None:
    """A line for a list that was seen, for one that was not, for one namespace, and for what was left out."""
    gaps = [Gap("groups", "", "refused", "403"), Gap("roles", "ns-0", "missing"), Gap("roles", "*", "missing", "x")]
    records = coverage(snapshot_of(world_of(1), gaps), excluded=3).records()
    lines = {(str(row["kind"]), str(row["namespace"]), str(row["state"])): row for row in records}
    assert lines["groups", "*", "refused"]["count"] == -1
    assert lines["roles", "ns-0", "missing"]["detail"] == ""
    assert lines["roles", "*", "missing"]["detail"] == "in namespaces that are not listed: x"
    assert lines["namespaces", "*", "excluded"]["count"] == 3
    assert lines["rolebindings", "*", "seen"]["count"] == len(world_of(1)["rolebindings"])
    assert lines["tokens", "*", "not-asked"]["count"] == -1
    listed = len(KINDS) - len({gap.kind for gap in gaps})
    assert len(lines) == len(records) == listed + len(gaps) + 1


def test_a_column_is_asked_for_as_what_it_is() -> None:
    """Numbers are no texts, and texts are no numbers."""
    access = tables_of(snapshot_of(world_of(1)))["access"]
    with pytest.raises(TypeError, match=r"access\.pull holds numbers"):
        access.text("pull")
    with pytest.raises(TypeError, match=r"access\.subject holds text"):
        access.numbers("subject")


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8")), min_size=1, max_size=5), st.sampled_from(",;\t|"))
def test_any_delimiter_is_read_back(texts: list[str], delimiter: str) -> None:
    """With each delimiter, and as it is when nothing is to be neutralised."""
    for neutralised in (True, False):
        form = CsvConfig.model_validate({"delimiter": delimiter, "neutral": neutralised})
        line = delimiter.join(cell(text, form) for text in texts)
        (row,) = csv.reader(io.StringIO(line, newline=""), delimiter=delimiter) if any(texts) else [[""]]
        found = [original(one) for one in row] if neutralised else row
        assert found == texts or not any(texts)


def test_the_form_of_a_file_is_that_of_the_configuration() -> None:
    """A byte order mark, another delimiter, and names as they are."""
    table = all_tables(snapshot_of(world_of(3)))["access"]
    form = CsvConfig.model_validate({"delimiter": ";", "bom": True, "neutral": False})
    data = b"".join(csv_chunks("access", [table], form))
    assert data.startswith(b"\xef\xbb\xbfzone;namespace;")
    header, *rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=";")
    assert [dict(zip(header, row, strict=True)) for row in rows] == [
        {name: str(value) for name, value in record.items()} for record in table.records()
    ]
