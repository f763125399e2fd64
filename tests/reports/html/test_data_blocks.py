"""The data blocks: what was packed comes back, in few bytes, the same each time."""

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.tables.model import Numbers, Table, Text
from reports.html.data_blocks import blocks
from tests.reports.html.blocks_reader import read, texts_of, unpacked


def packed(tables: Iterable[Table]) -> dict[str, str]:
    """The blocks of tables by name; nothing of the tables is held."""
    given = {table.name: table for table in tables}
    found = {name: block.decode() for name, block in blocks(given)}
    assert not given
    return found


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
