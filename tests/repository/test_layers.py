"""The order of the layers: each border is guarded, and what only one layer may do is done in no other."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.paths import ROOT

PACKAGES = ("audit", "reports", "benchmarks")
NETWORK = {"aiohttp", "http", "kubernetes", "requests", "smtplib", "socket", "ssl", "urllib3"}


def contracts() -> list[list[list[str]]]:
    """Return for each contract the modules of its layers, the uppermost first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found = []
    for contract in project["tool"]["importlinter"]["contracts"]:
        (prefix,) = [f"{name}." for name in contract.get("containers", [])] or [""]
        found.append([[prefix + name.strip() for name in re.split("[|:]", layer)] for layer in contract["layers"]])
    return found


def source(root: Path, module: str) -> Path:
    """Return the file of a module, or the `__init__` of a package."""
    path = root.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imports() -> Iterator[tuple[str, str]]:
    """Yield each import, wherever it stands, as the module that imports and the name that is imported."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    yield from ((module, alias.name) for alias in node.names)
                elif isinstance(node, ast.ImportFrom):
                    assert node.level == 0, f"{module}: a relative import hides where it leads"
                    yield module, node.module or ""


def forbidden() -> list[tuple[str, str]]:
    """Return imports across each border, upwards and sideways, as who imports whom."""
    upwards = [(lower[0], upper[0]) for layers in contracts() for upper, lower in pairwise(layers)]
    (rooms, *_) = contracts()
    return upwards + [(one, other) for layer in rooms for one, other in pairwise(layer)]


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the check says about a copy in which every border is crossed."""
    root = tmp_path_factory.mktemp("crossed")
    for name in ("audit", "reports"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("demo", "__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    for importer, imported in forbidden():
        with source(root, importer).open("a") as file:
            file.write(f"\nimport {imported}\n")
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([program, "--no-cache"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    return done.stdout


@pytest.mark.parametrize(("importer", "imported"), forbidden())
def test_no_border_can_be_crossed(importer: str, imported: str, complaints: str) -> None:
    """Neither to the layer above nor to a neighbour."""
    assert f"{importer} -> {imported} (" in complaints


def test_each_layer_exists() -> None:
    """No name in the contract is left over from a module that is gone."""
    for module in (module for layers in contracts() for layer in layers for module in layer):
        assert source(ROOT, module).is_file(), module


def test_only_collecting_talks_to_a_cluster() -> None:
    """All else that is installed is a function of a snapshot, so that it can be repeated without a network.

    One module more sends something: what a run has to tell, when it has ended.
    """
    talking = {module for module, imported in imports() if imported.partition(".")[0] in NETWORK}
    installed = {module for module in talking if not module.startswith("benchmarks.")}
    # Of the official client, only what finds the cluster of a pod is used: it asks nothing of anybody.
    client = {(module, imported) for module, imported in imports() if imported.startswith("kubernetes")}
    assert {module for module, _ in client} == {"audit.collect.connect.credentials"}
    assert installed - {"audit.collect.connect.credentials"} == {
        "audit.collect.connect.connection",
        "audit.collect.connect.oidc",
        "audit.collect.connect.transport",
        "audit.notify.delivery",
    }


def test_only_what_writes_runs_knows_both_packages() -> None:
    """Reports are made of access; access knows nothing of reports."""
    knowing = {module for module, imported in imports() if imported.partition(".")[0] == "reports"}
    of_audit = {module for module in knowing if module.startswith("audit.")}
    assert of_audit
    assert all(
        module.startswith(
            (
                "audit.cli",
                "audit.declarations.",
                "audit.commands.",
                "audit.command_line.",
                "audit.job.",
                "audit.notify.",
            )
        )
        for module in of_audit
    )


def test_the_program_needs_neither_tests_nor_measurements() -> None:
    """They are not installed."""
    for module, imported in imports():
        if not module.startswith("benchmarks"):
            assert imported.partition(".")[0] not in {"tests", "benchmarks"}, module


def test_packages_do_nothing_when_imported() -> None:
    """An `__init__` holds a docstring only: importing one module loads no other."""
    found = [path for package in (*PACKAGES, "tests") for path in (ROOT / package).rglob("__init__.py")]
    assert len(found) > len(PACKAGES)
    for path in found:
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), path
        assert len(tree.body) == 1, path


def test_a_name_of_a_class_means_one_thing() -> None:
    """Across the whole program; what one module keeps to itself may be called as elsewhere."""
    names = Counter(
        node.name
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []
    assert len(names) > 100
