"""The example notebook, carried out cell by cell without a notebook program: it prints what is shown in it."""

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from audit.cli import run_command
from tests.paths import ROOT

EXAMPLE = ROOT / "docs/example.ipynb"
NOTEBOOK = json.loads(EXAMPLE.read_text())


@pytest.mark.slow
def test_the_example_prints_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the report of the demo."""
    assert run_command(["demo", "--out", str(tmp_path / "demo-report")]) == 0
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    cells = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 4
    for cell in cells:
        printed = StringIO()
        with redirect_stdout(printed):
            exec("".join(cell["source"]), scope)  # noqa: S102  a file of this repository
        assert printed.getvalue() == "".join("".join(output["text"]) for output in cell["outputs"]), cell["id"]


def test_the_example_is_a_notebook() -> None:
    """Of the format that every notebook program reads: version 4.5, whose cells have ids."""
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in NOTEBOOK["cells"]]
    assert len({*ids}) == len(ids)
    for cell in NOTEBOOK["cells"]:
        code = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert {*cell} == {"cell_type", "id", "metadata", "source"} | code
    assert NOTEBOOK["metadata"]["kernelspec"]["language"] == "python"
    assert "(example.ipynb)" in (ROOT / "docs/notebooks.md").read_text()
