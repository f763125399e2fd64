"""Rows chosen by their text."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audit.tables.model import table_of

_NAMES = st.sampled_from(["", "*", "shop", "shop ", "SHOP", "pay"])


@given(st.lists(_NAMES), st.sets(_NAMES), st.data())
def test_where_marks_exactly_the_rows_that_match(names: list[str], wanted: set[str], data: st.DataObject) -> None:
    """Whatever the table has been through: rows that were taken away leave texts behind that no row has."""
    table = table_of("namespaces", [{"namespace": name} for name in names])
    kept = [at for at in range(len(names)) if data.draw(st.booleans())]
    taken = table.take(np.array(kept, dtype=np.intp))
    assert taken.where("namespace", wanted).tolist() == [names[at] in wanted for at in kept]


def test_where_judges_each_different_text_once() -> None:
    """A million rows of three namespaces ask three times."""
    judged: list[str] = []
    table = table_of("namespaces", [{"namespace": name} for name in ("pay", "shop", "pay", "pay")])

    def judge(name: str) -> bool:
        judged.append(name)
        return name == "pay"

    assert table.where("namespace", {"pay"}).tolist() == table.text("namespace").matching(judge).tolist()
    assert judged == ["pay", "shop"]
