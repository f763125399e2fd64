"""The documents in docs/: each command is carried out, or marked as needing more than is here; each link leads on."""

import re
import shlex
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from audit.cli import app, run_command
from audit.config.model import Config
from tests.paths import ROOT
from tests.repository.reader import DOCS, blocks

# Why blocks are not carried out by tests/repository/test_reader.py.
NEEDS = ("a package index", "a cluster that runs pods", "a builder of images")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "demo-report"
    assert run_command(["demo", "--out", str(out)]) == 0
    return out


def test_the_readme_shows_what_is_printed(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command of a block marked so prints the lines below it."""
    found = re.findall(r"<!-- output -->\n```console\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found
    monkeypatch.chdir(demo.parent)
    for block in found:
        for command, output in re.findall(r"^\$ registry-audit (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            printed = StringIO()
            with redirect_stdout(printed):
                run_command(shlex.split(command))
            assert printed.getvalue() == output


def options_of(words: list[str]) -> set[str]:
    """Return the options of the command that a line begins with, and of the program."""
    command: Any = typer.main.get_command(app)
    known = {option for one in command.params for option in one.opts}
    for word in words:
        below = getattr(command, "commands", {})
        if word in below:
            command = below[word]
            known |= {option for one in command.params for option in one.opts}
    assert not hasattr(command, "commands"), words
    return known


@pytest.mark.parametrize("path", [*DOCS, ROOT / "README.md"], ids=lambda p: p.name)
def test_every_command_is_one_of_the_program(path: Path) -> None:
    """Those that are only shown too: with options that it has, and with a reason known here why they are not run."""
    for one in blocks(path):
        assert one.needs in {"", *NEEDS}
        for line in re.findall(r"^ *registry-audit (.*)$", one.script, re.MULTILINE):
            words = line.split()
            assert {word for word in words if word.startswith("--")} <= options_of(words) | {"--help"}, line


def test_some_are_carried_out_and_some_are_not() -> None:
    """So that neither test above is about nothing."""
    paths = [*DOCS, ROOT / "README.md"]
    found = [one for path in paths for one in blocks(path)]
    assert sum(not one.needs for one in found) >= 30
    assert {one.needs for one in found} == {"", *NEEDS}
    # Nothing stands in a block that is not looked at.
    assert sum(path.read_text().count("```console") for path in paths) == len(found)


@pytest.mark.parametrize("path", [*DOCS, ROOT / "README.md"], ids=lambda p: p.name)
def test_every_link_leads_on(path: Path) -> None:
    """To a file, and to a heading in it."""
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)", path.read_text()):
        found = (path.parent / target).resolve() if target else path
        assert found.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", found.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
            assert anchor in slugs, f"{target}#{anchor}"


def test_the_index_names_every_document() -> None:
    """And the README leads to the index."""
    index = (ROOT / "docs/README.md").read_text()
    assert {path.name for path in DOCS} - {"README.md"} == {*re.findall(r"\]\(([\w-]+\.md)\)", index)}
    assert "(docs/README.md)" in (ROOT / "README.md").read_text()


def test_the_site_has_every_document_once() -> None:
    """By kind: tutorials, how-to guides, reference, explanation; and it fetches no font."""
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    start, *sections = site["nav"]
    listed = [name for section in sections for names in section.values() for name in names]
    assert sorted([*start.values(), *listed]) == [path.name for path in DOCS]
    assert [*next(iter(sections))] == ["Tutorials"]
    assert site["theme"]["font"] is False


def test_the_architecture_names_every_room() -> None:
    """Each folder of the program, and none that is gone."""
    named = set(
        re.findall(r"^\| `((?:audit|reports)[\w/]*)`", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE)
    )
    rooms = {str(path.parent.relative_to(ROOT)) for path in ROOT.glob("audit/*/__init__.py")}
    assert named == rooms | {"reports", "reports/html"}


def test_examples_of_the_configuration_are_good() -> None:
    """Those that stand in a document."""
    found = 0
    # A file of exceptions is another file.
    for path in (path for path in DOCS if path.name != "exceptions.md"):
        for text in re.findall(r"```yaml\n(.*?)```", path.read_text(), re.DOTALL):
            example = yaml.safe_load(text)
            if isinstance(example, dict) and {*example} <= {*Config.model_fields}:
                found += 1
                Config.model_validate({"zones": [{"id": "a"}], **example})
    assert found


def test_what_the_architecture_names_is_there() -> None:
    """Each path of it."""
    text = (ROOT / "docs/architecture.md").read_text()
    paths = re.findall(r"`((?:audit|reports|deploy)[\w/.]*)`", text)
    assert len(paths) > 15
    for path in paths:
        assert (ROOT / path).exists(), path


def test_what_the_deployment_is_called_is_there() -> None:
    """Overlays and values that the documents name."""
    for path in DOCS:
        for overlay in re.findall(r"`(?:deploy/kustomize/)?(overlays/[\w-]+)`", path.read_text()):
            assert (ROOT / "deploy/kustomize" / overlay / "kustomization.yaml").is_file()
