"""The tables in a notebook: the same rows as everywhere else."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audit.cli import run_command
from audit.errors import UsageError
from audit.frames import frame, frames
from audit.snapshot.model import Gap
from audit.tables.model import Table, Text
from audit.tables.schemas import SCHEMAS
from tests.paths import ROOT
from tests.worlds.random_zones import world_of, write_dump
from tests.worlds.snapshots import all_tables, snapshot_of


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("seed", range(3))
def test_every_row_is_there(name: str, seed: int) -> None:
    """Texts and answers as words, counts as numbers, and a count that is not known as missing."""
    table = all_tables(snapshot_of(world_of(seed), [Gap("groups", "", "refused")]))[name]
    made = frame(table)
    assert list(made.columns) == [column.name for column in SCHEMAS[name]]
    expected = [{key: None if value == -1 else value for key, value in row.items()} for row in table.records()]
    rows = made.astype(object).where(made.notna(), None).to_dict("records")
    assert rows == expected
    for column in SCHEMAS[name]:
        kind = made[column.name].dtype
        assert isinstance(kind, pd.CategoricalDtype) == (column.type != "count")


def test_a_text_that_stands_twice_in_the_values_is_one_category() -> None:
    """As tables of several sources may have it."""
    given = all_tables(snapshot_of(world_of(1)))["coverage"].take(np.arange(3))
    twice = Text(np.array([0, 1, 2], dtype=np.int32), ["a", "b", "a"])
    made = frame(Table("coverage", {**given.columns, "detail": twice}))
    assert made["detail"].tolist() == ["a", "b", "a"]
    assert list(made["detail"].cat.categories) == ["a", "b"]


def test_the_example_of_the_documentation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs as it stands, on a run of two zones."""
    monkeypatch.chdir(tmp_path)
    dumps = [str(write_dump(world_of(number), tmp_path / f"zone-{number}")) for number in (1, 2)]
    assert run_command(["report", "-s", dumps[0], "-s", dumps[1], "-o", "reports", "-f", "csv"]) == 0
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/notebooks.md").read_text(), re.DOTALL)
    told: list[pd.DataFrame] = []
    exec(code, {"print": told.append})  # noqa: S102  our own example
    tables = frames("reports/latest")
    access = tables["access"]
    assert told[0].equals(access[access["push"] == "yes"])
    assert len(told[0])
    assert set(access["zone"]) == {"zone-1", "zone-2"}
    assert set(frames("reports/latest", zones=["zone-2"])["access"]["zone"]) == {"zone-2"}
    with pytest.raises(UsageError, match="no such file or folder"):
        frames("nowhere")
