"""Counting over columns, against sets and loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.tables.arrays import ranked
from reports.html.counting import Distinct, first

SMALL, LARGE = 10, 10**12  # below so many, keys are marked; beyond, they are sorted


@pytest.mark.parametrize("size", [SMALL, LARGE])
@given(numbers=st.lists(st.integers(0, SMALL - 1), max_size=20))
def test_different_keys_are_found_and_numbered(size: int, numbers: list[int]) -> None:
    """In order, whichever way they are found."""
    keys = np.array(numbers, dtype=np.int64) * (size // SMALL)
    found, places = ranked(keys, size)
    assert found.tolist() == sorted(set(keys.tolist()))
    assert found[places].tolist() == keys.tolist()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), max_size=20))
def test_different_values_count_once(rows: list[tuple[int, int, bool]]) -> None:
    """For each number, under any mask, and without one."""
    of, values = (np.array([row[at] for row in rows], dtype=np.int64) for at in (0, 1))
    mask = np.array([row[2] for row in rows], dtype=bool)
    counted = Distinct(of, values, 5)
    assert counted.count().tolist() == [len({b for a, b, _ in rows if a == one}) for one in range(5)]
    assert counted.count(mask).tolist() == [len({b for a, b, held in rows if a == one and held}) for one in range(5)]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=20))
def test_the_first_of_the_strongest_stands_for_all(rows: list[tuple[int, int]]) -> None:
    """Of each number that occurs, from 0 on."""
    known = {one: place for place, one in enumerate(sorted({row[0] for row in rows}))}
    of = np.array([known[row[0]] for row in rows], dtype=np.int64)
    strength = np.array([row[1] for row in rows], dtype=np.int64)
    expected = [
        min((at for at, row in enumerate(rows) if row[0] == one), key=lambda at: (-rows[at][1], at)) for one in known
    ]
    assert first(of, strength).tolist() == expected
