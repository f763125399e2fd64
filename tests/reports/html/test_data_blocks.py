"""The data blocks: what was packed comes back, in few bytes, the same each time."""

import base64
import gzip
import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.tables.model import Numbers, Table, Text
from reports.html.data_blocks import blocks

KINDS = {"u8": "<u1", "u16": "<u2", "u32": "<u4", "i8": "<i1", "i16": "<i2", "i32": "<i4"}


def packed(tables: Iterable[Table]) -> dict[str, str]:
    """The blocks of tables by name; nothing of the tables is held."""
    given = {table.name: table for table in tables}
    found = {name: block.decode() for name, block in blocks(given)}
    assert not given
    return found


def unpacked(block: str) -> tuple[dict[str, Any], dict[str, list[int]]]:
    """Read a block as the script does."""
    data = gzip.decompress(base64.b64decode(block))
    size = int.from_bytes(data[:4], "little")
    head = json.loads(data[4 : 4 + size])
    parts = {}
    for name, part in head["parts"].items():
        assert (4 + size + part["at"]) % 4 == 0  # typed arrays want it so
        found = np.frombuffer(data, KINDS[part["type"]], part["length"], 4 + size + part["at"])
        parts[name] = found.tolist()
    return head, parts


def texts_of(block: str) -> list[str]:
    """Return all texts, cut as JavaScript counts: in UTF-16 units."""
    _, parts = unpacked(block)
    whole = bytes(parts["utf8"]).decode().encode("utf-16-le")
    ends = np.cumsum([0, *parts["lengths"]]) * 2
    return [whole[start:end].decode("utf-16-le") for start, end in pairwise(ends)]


def read(found: dict[str, str], name: str) -> dict[str, list[str] | list[int]]:
    """Return the columns of a table as they were."""
    texts = texts_of(found["texts"])
    head, parts = unpacked(found[name])
    columns: dict[str, list[str] | list[int]] = {}
    for column, kind in head["kinds"].items():
        if kind == "text":
            places = np.cumsum(parts[f"{column}/texts"]).tolist()
            columns[column] = [texts[places[code]] for code in parts[column]]
        else:
            columns[column] = parts[column]
        assert len(columns[column]) == head["rows"]
    return columns


@given(
    st.lists(st.tuples(st.text(max_size=5), st.text(max_size=3), st.integers(-(2**31), 2**32 - 2**31 - 1)), max_size=30)
)
def test_what_was_packed_comes_back(rows: list[tuple[str, str, int]]) -> None:
    """Any texts, with letters beyond 16 bits; texts that stand twice among the values, or do not occur; any number."""
    first, second, numbers = [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]
    values = [*dict.fromkeys(first), "never", *dict.fromkeys(first)]
    codes = np.array([values.index(text) for text in first], dtype=np.int32)
    other = sorted(set(second))
    columns: dict[str, Text | Numbers] = {
        "first": Text(codes, values),
        "second": Text(np.array([other.index(text) for text in second], dtype=np.int32), other),
        "number": np.array(numbers, dtype=np.int64).astype(np.int32),
    }
    found = packed([Table("t", columns)])
    assert read(found, "t") == {"first": first, "second": second, "number": numbers}
    assert found == packed([Table("t", columns)])


def test_codes_are_ranks() -> None:
    """Sorting by code is sorting by text, in every table."""
    names = ["b", "ä", "B", "a", ""]
    tables = [Table(name, {"name": Text(np.arange(5, dtype=np.int32), names)}) for name in ("one", "two")]
    found = packed(tables)
    assert texts_of(found["texts"]) == sorted(names)
    for name in ("one", "two"):
        _, parts = unpacked(found[name])
        assert [sorted(names)[code] for code in parts["name"]] == names


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [(0, 255, "u8"), (0, 256, "u16"), (0, 2**31 - 1, "u32"), (-1, 127, "i8"), (-1, 200, "i16"), (-1, 2**31 - 1, "i32")],
)
def test_numbers_take_the_fewest_bytes(low: int, high: int, kind: str) -> None:
    """A byte where it is enough."""
    found = packed([Table("t", {"n": np.array([low, high], dtype=np.int32)})])
    head, parts = unpacked(found["t"])
    assert head["parts"]["n"]["type"] == kind
    assert parts["n"] == [low, high]


def test_a_number_beyond_all_kinds_is_an_error() -> None:
    """And not another number."""
    with pytest.raises(OverflowError, match="-1 to 4294967295"):
        packed([Table("t", {"n": np.array([-1, 2**32 - 1], dtype=np.int64)})])


def test_half_a_letter_is_spelled_out() -> None:
    """As a path that is no text comes in: it cannot be written as UTF-8."""
    found = packed([Table("t", {"path": Text(np.zeros(1, dtype=np.int32), ["there\udcff"])})])
    assert read(found, "t") == {"path": ["there\\udcff"]}
