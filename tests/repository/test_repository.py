"""The repository itself: documents are true, layers hold, and nothing is there that should not be."""

import ast
import gzip
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tarfile
import time
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from audit.cli import app, run_command
from audit.runs.manifest import DOCUMENTS as EVIDENCE
from audit.snapshot.model import encode
from benchmarks import bench
from benchmarks.demo import demo
from benchmarks.estate import Estate, Shape, answer, write
from benchmarks.page import FILTERS
from benchmarks.stage import STAGES, cost
from benchmarks.story import story
from docs.build.documents import DOCUMENTS
from docs.build.reference import exit_codes_reference
from reports.formats import FORMATS
from tests.paths import ROOT

STORY = ROOT / "audit/demo/story"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize(("name", "text"), [*DOCUMENTS.items(), *EVIDENCE.items()])
def test_references_say_what_the_code_does(name: str, text: Callable[[], str]) -> None:
    """The documents are the code's own words."""
    assert (ROOT / "docs" / name).read_text() == text()


def commands_of(group: Any, path: str = "") -> Iterator[str]:
    """Yield the name of each command, those of groups after their group's."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_of(command, f"{name} ")
        else:
            yield path + name


@pytest.mark.parametrize("command", ["", *commands_of(typer.main.get_command(app))])
def test_the_commands_of_the_readme_are_those_of_the_program(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command is described there, and every option that the README shows exists."""
    assert run_command([*command.split(), "--help"]) == 0
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    readme = (ROOT / "README.md").read_text()
    assert f"`{f'registry-audit {command}'.strip()}`" in readme
    shown = re.findall(rf"^\s*(?:\$ )?registry-audit {command} (.*)$", readme, re.MULTILINE) if command else []
    for line in shown:
        assert set(re.findall(r"--[a-z-]+", line)) <= options, line


def test_the_readme_lists_the_exit_codes() -> None:
    """As the reference has them."""
    table = exit_codes_reference().partition("| code |")[2]
    assert f"| code |{table}".strip() in (ROOT / "README.md").read_text()


def test_every_module_has_its_layer() -> None:
    """A new module must say where it belongs."""
    rooms, *_ = PROJECT["tool"]["importlinter"]["contracts"]
    placed = {name.strip() for layer in rooms["layers"] for name in layer.split("|")}
    for path in (ROOT / "audit").iterdir():
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").is_file():
            assert f"audit.{path.stem}" in placed


def test_the_commands_that_are_installed() -> None:
    """The program, and the plugins of `oc` and `kubectl`."""
    names = {"registry-audit", "oc-registry_audit", "kubectl-registry_audit"}
    assert PROJECT["project"]["scripts"] == dict.fromkeys(names, "audit.__main__:main")


@pytest.mark.parametrize(
    "name",
    ["requirements-dev.txt", "requirements.txt", "tests/servers.txt", "deploy/image/build.txt", "docs/build/site.txt"],
)
def test_pins_have_hashes_and_no_addresses(name: str) -> None:
    """What is installed is exactly what was tested, from whichever index."""
    text = (ROOT / name).read_text()
    assert "://" not in text
    pins = re.findall(r"^\S+==\S+", text, re.MULTILINE)
    assert len(pins) > 20
    assert text.count("--hash=sha256:") >= len(pins)


def test_all_dependencies_are_pinned() -> None:
    """Those of the program, in both of its lock files."""
    extras = {**PROJECT["project"]["optional-dependencies"], "all": []}
    listed = [*PROJECT["project"]["dependencies"], *(one for packages in extras.values() for one in packages)]
    wanted = {re.split(r"[<>=]", one)[0] for one in listed}
    for name in ("requirements-dev.txt", "requirements.txt"):
        pins = re.findall(r"^(\S+)==", (ROOT / name).read_text(), re.MULTILINE)
        assert wanted <= {pin.lower() for pin in pins}, name


def test_missing_programs_are_all_named_before_anything_starts(tmp_path: Path) -> None:
    """Where they cannot be installed: each package that `make test` needs from the system."""
    for name in ("id", "unshare"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    environment = {"PATH": str(tmp_path), "PYTHON": sys.executable}
    done = subprocess.run(
        ["/bin/sh", ROOT / ".ci/system"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    for package in ("chromium", "prometheus", "libreoffice-calc", "prometheus-pushgateway"):
        assert f" {package}" in done.stderr.partition(":")[2]


def test_every_ci_runs_the_same() -> None:
    """GitHub and GitLab run `.ci/run`, which runs `make test`."""
    assert (ROOT / ".ci/run").read_text().endswith("\nmake test\n")
    github = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]["test"]
    gitlab = yaml.safe_load((ROOT / ".gitlab-ci.yml").read_text())["test"]
    assert github["steps"][-1]["run"] == gitlab["script"][0] == "bash .ci/run"
    pythons = gitlab["parallel"]["matrix"][0]["PYTHON"]
    assert pythons == github["strategy"]["matrix"]["python"]
    assert PROJECT["project"]["requires-python"] == f">={pythons[0]}"


def test_a_release_publishes_what_was_tested(capsys: pytest.CaptureFixture[str]) -> None:
    """Package, image and chart need the tests first; an action or component names options that `run` has."""
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]
    assert jobs.keys() == {"test", "package", "plugin", "image", "chart"}
    for name, job in jobs.items():
        needs = job.get("needs")
        while needs and needs != "test":
            needs = jobs[needs]["needs"]
        assert (needs == "test") is (name != "test")
    action = (ROOT / "action.yml").read_text()
    components = {
        command: (ROOT / f"templates/{name}.yml").read_text()
        for command, name in (("run", "registry-audit"), ("what-if", "registry-audit-what-if"))
    }
    for command, component in components.items():
        assert run_command([command, "--help"]) == 0
        options = {*re.findall(r"--[a-z-]+", capsys.readouterr().out)}
        for text in (action, component):
            (line,) = re.findall(rf'registry-audit"? {command} ((?:.*\\\n)*.*)$', text, re.MULTILINE)
            assert {*re.findall(r"--[a-z-]+", line)} <= options
            assert "--fail-on" in options
    used = {step["uses"] for job in jobs.values() for step in job["steps"] if "uses" in step}
    used |= {step["uses"] for step in yaml.safe_load(action)["runs"]["steps"] if "uses" in step}
    assert all(re.fullmatch(r"[\w-]+/[\w/-]+@[\w./]+", name) for name in used), used
    for component in components.values():
        inputs, job = yaml.safe_load_all(component)
        named = {*re.findall(r"\$\[\[ inputs\.(\w+) \]\]", json.dumps(job))}
        assert named == inputs["spec"]["inputs"].keys()


# Files in which something is installed.
INSTALLING = (
    *("Makefile", "Containerfile", "action.yml", ".gitlab-ci.yml", ".pre-commit-config.yaml"),
    *(
        str(path.relative_to(ROOT))
        for pattern in (".github/**/*.yml", ".ci/*", "templates/*", "deploy/**/*.sh")
        for path in ROOT.glob(pattern)
    ),
)


def installations(text: str) -> list[str]:
    """Return the calls of pip that install or build something, each as one line."""
    joined = re.sub(r"^PIP := .*", "", text.replace("\\\n", " "), flags=re.MULTILINE).replace("$(PIP)", "pip install")
    calls = (part for line in joined.splitlines() for part in re.split(r"&&|;", line.partition(" #")[0]))
    return [call for call in calls if re.search(r"\bpip\b.*\b(install|wheel)\b", call)]


def test_locks_are_installed_as_they_are() -> None:
    """Nothing is resolved beside a lock file, and each hash is compared; what no lock file names comes from here."""
    locked: dict[str, int] = {}
    for name in INSTALLING:
        for call in installations((ROOT / name).read_text()):
            if re.search(r"\s(-r|--requirement)\b", call):
                assert "--no-deps" in call, (name, call)
                assert "--require-hashes" in call, (name, call)
                locked[name] = locked.get(name, 0) + 1
            elif name != "Makefile" or "uv" not in call.split():  # what makes the lock files
                assert "--no-index" in call or "--no-build-isolation" in call, (name, call)
                assert "--no-deps" in call, (name, call)
    assert locked == {"Makefile": 4, "Containerfile": 2, "action.yml": 2, ".github/workflows/release.yml": 1}


@pytest.mark.parametrize(
    ("call", "count"),
    [
        ("pip install -q -r requirements.txt", 1),
        ("\t$(BIN)/python $(PIP) -r \\\n\trequirements.txt", 1),
        ("RUN python -m venv a && a/bin/pip wheel .", 1),
        ("# pip would ask for an extra", 0),
    ],
)
def test_installations_are_found(call: str, count: int) -> None:
    """So that the test above is about something."""
    assert len(installations(call)) == count


def test_hooks_use_the_pinned_tools() -> None:
    """Each tool of `make lint` is a hook, and each hook a tool of `make lint`."""
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    programs = {hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in local["hooks"]}
    lint = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    assert programs == {*re.findall(r"\$\(BIN\)/(\S+)", lint)}


def test_what_contributors_are_told_to_use_is_there() -> None:
    """Each target of make and each path that CONTRIBUTING.md names."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    targets = {*re.findall(r"`(?:KUBEBUILDER_ASSETS=FOLDER )?make (\w+)", text)}
    assert {"quick", "test", "format", "docs"} <= targets
    assert targets <= {*re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)}
    paths = re.findall(r"(?:audit|reports|tests|docs)/[\w/.-]+", text)
    assert len(paths) > 10
    assert [path for path in paths if "NAME" not in path and not (ROOT / path.rstrip(".")).exists()] == []


def test_no_test_is_left_out() -> None:
    """Neither skipped nor expected to fail."""
    for path in ROOT.glob("tests/**/*.py"):
        found = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
        assert not found & {"skip", "skipif", "xfail", "importorskip"}, path


def test_the_demo_is_what_the_generator_makes(tmp_path: Path) -> None:
    """Byte for byte: nobody edits it by hand."""
    for name, objects in demo():
        write(objects, tmp_path / name)
        there = ROOT / "audit/demo" / name
        assert {path.name for path in there.iterdir()} == {path.name for path in (tmp_path / name).iterdir()}
        for path in there.iterdir():
            assert path.read_bytes() == (tmp_path / name / path.name).read_bytes(), path


def test_the_story_is_what_the_generator_makes() -> None:
    """Each snapshot holds what is told of its week."""
    told = {f"{day:%Y%m%dT%H%M%SZ}/{one.origin.zone}.snapshot": encode(one) for day, one in story()}
    there = {str(path.relative_to(STORY)): path for path in STORY.rglob("*.snapshot")}
    assert set(there) == set(told)
    for name, path in there.items():
        # Unpacked: another zlib may pack the same bytes otherwise.
        assert gzip.decompress(path.read_bytes()) == gzip.decompress(told[name]), name


@pytest.mark.slow
def test_an_estate_is_the_same_for_the_same_shape() -> None:
    """And as large as it is told to be: nine role bindings a namespace, and those that make it unlike others."""
    shape = Shape(namespaces=50, organizations=5, custom_roles=0.5, named_roles=0.5)
    one, other = Estate(shape).kinds(), Estate(shape).kinds()
    assert {kind: answer(kind, items) for kind, items in one.items()} == {
        kind: answer(kind, items) for kind, items in other.items()
    }
    assert len(one["namespaces"]) == 50
    assert len(one["rolebindings"]) == 450 + len(one["roles"])
    assert one["roles"]


@pytest.mark.slow
def test_the_generator_is_a_command(tmp_path: Path) -> None:
    """For those who want to measure with an estate of their own."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.estate",
        "--out",
        str(tmp_path),
        "--namespaces",
        "3",
        "--organizations",
        "1",
    ]
    subprocess.run(command, cwd=ROOT, check=True)
    assert (tmp_path / "rolebindings.json.gz").stat().st_size > 100


@pytest.mark.slow
def test_the_benchmark_measures_every_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small run to the end: all stages, ratios to the floor, growth; how long it takes is not asserted."""
    out = tmp_path / "performance.md"
    # In this process: forty starts of Python are not what is tested here.
    monkeypatch.setattr(bench, "measured", lambda stage, folder: cost(stage, folder, time.perf_counter()))
    bench.main(["--sizes", "5", "10", "--pace", "0", "--rounds", "2", "--out", str(out)])
    text = out.read_text()
    assert {*FORMATS} <= {*STAGES}
    for stage in STAGES:
        assert len(re.findall(rf"^\| {stage} \| \d", text, re.MULTILINE)) == 2, stage
    assert "| floor | " in text
    assert "2.0 times the size" in text
    assert {"# Performance", "## 5 namespaces", "## Growth"} <= set(text.splitlines())
    assert "(performance.svg)" in text
    # For each size: time, the floor in it, memory.
    assert out.with_suffix(".svg").read_text().count("<rect ") == 2 * 3
    committed = (ROOT / "docs/performance.md").read_text()
    assert "## 10,000 namespaces" in committed
    assert "<svg" in (ROOT / "docs/performance.svg").read_text()


def test_a_stage_is_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Its cost is wall and CPU seconds and memory."""
    assert bench.measured("help", tmp_path).keys() == {"wall", "cpu", "memory"}


@pytest.mark.slow
def test_the_page_is_measured_too(tmp_path: Path) -> None:
    """A small run to the end; the kept results are of a million rows, and within what was wanted."""
    out = tmp_path / "report-performance.md"
    command = [sys.executable, "-m", "benchmarks.page", "--namespaces", "20", "--people", "3", "--out", str(out)]
    subprocess.run(command, cwd=ROOT, check=True)
    kept = (ROOT / "docs/report-performance.md").read_text()
    for text in (out.read_text(), kept):
        lines = ("writing the page", "first rows", *FILTERS, "blank frames of 120, scrolling fast", "memory of the tab")
        for line in lines:
            assert f"\n| {line} |" in text, line
    assert re.search(r"1,0\d\d,\d{3} rows of access", kept)
    for measured, wanted in re.findall(r"\| ([\d.,]+)(?: \w+)? \| ([\d,]+)(?: \w+)? \|", kept):
        assert float(measured.replace(",", "")) <= float(wanted.replace(",", ""))


@pytest.mark.slow
def test_what_is_installed_is_whole(tmp_path: Path) -> None:
    """The wheel has every module, the demo, the page's parts, the types' markers and the license; and no tests."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("audit", "reports", "tests", "benchmarks"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*command, *offline, "-w", str(tmp_path), str(copy)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = zipfile.ZipFile(wheel).namelist()
    assert wheel.name == f"registry_access_audit-{PROJECT['project']['version']}-py3-none-any.whl"
    there = {
        str(path.relative_to(ROOT))
        for package in ("audit", "reports")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in packed if ".dist-info/" not in name} == there
    assert any(name.endswith("/licenses/LICENSE") for name in packed)


@pytest.mark.slow
def test_the_source_package_has_what_belongs_to_it(tmp_path: Path) -> None:
    """Documents, tests with their helpers and data, the changelog, what deploys it, and locks."""
    copy = tmp_path / "copy"
    folders = ("docs", "tests", "benchmarks", "deploy", "audit", "reports", "templates", ".github", ".ci")
    for name in folders:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in filter(Path.is_file, ROOT.iterdir()):
        shutil.copy(path, copy)
    script = f"from setuptools.build_meta import build_sdist; build_sdist({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", script], cwd=copy, check=True, capture_output=True)
    (package,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(package) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    for name in (
        "CHANGELOG.md",
        "docs/README.md",
        "docs/commands.md",
        "tests/conftest.py",
        "requirements.txt",
        "LICENSE",
        "Containerfile",
        "action.yml",
    ):
        assert name in packed
    there = {str(path.relative_to(copy)) for name in folders for path in (copy / name).rglob("*") if path.is_file()}
    assert not there - packed


def script(name: str) -> Any:
    """Return a script of deploy/ as a module."""
    spec = importlib.util.spec_from_file_location(Path(name).stem, ROOT / "deploy" / name)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_release_knows_its_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The repository names no address of its own; a release adds them, and its README leads on from anywhere."""
    assert "urls" not in PROJECT["project"]
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    script("release/addresses.py").main("https://git.example.com/one/audit", "v9")
    urls = tomllib.loads(Path("pyproject.toml").read_text())["project"]["urls"]
    assert {*urls} == {"Homepage", "Documentation", "Changelog", "Issues"}
    links = re.findall(r"\]\(([^)\s]+)\)", Path("README.md").read_text())
    there = [*filter(None, (link.partition("https://git.example.com/one/audit/")[2] for link in links))]
    assert len(there) > 20
    assert all(link.startswith(("https://", "#")) for link in links)
    for link in there:
        kind, tag, path = link.split("/", 2)
        assert (kind, tag) == ("raw" if path.endswith(".png") else "blob", "v9")
        assert (ROOT / path.partition("#")[0]).is_file()
    for wrong in (("http://plain.example.com/a", "v1"), ("https://a.example.com/a b", "v1"), ("https://a", "v 1")):
        with pytest.raises(SystemExit):
            script("release/addresses.py").main(*wrong)


def test_the_plugin_for_krew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its manifest is whole and names what is packed; locks are installed as they are."""
    plugin, calls = script("krew/plugin.py"), []
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(plugin.subprocess, "run", lambda command, **_: calls.append(command))
    monkeypatch.setattr(plugin, "pack", lambda _, archive: archive.stem[-9:])
    plugin.main("https://git.example.com/one/audit", "v9", Path("dist/a.whl"), tmp_path)
    text = (tmp_path / "registry-audit.yaml").read_text()
    assert "$" not in text
    found = yaml.safe_load(text)
    assert (found["kind"], found["metadata"]["name"], found["spec"]["version"]) == ("Plugin", "registry-audit", "v9")
    assert len(found["spec"]["shortDescription"]) <= 50
    names = ["-".join(one["selector"]["matchLabels"].values()) for one in found["spec"]["platforms"]]
    assert names == [*plugin.PLATFORMS]
    for name, one in zip(names, found["spec"]["platforms"], strict=True):
        assert one["uri"].endswith(f"/releases/download/v9/registry-audit-{name}.tar.gz")
        assert (one["sha256"], one["bin"]) == (f"{name}.tar"[-9:], plugin.LAUNCHER)
    assert len(calls) == 2 * len(names)
    for call in calls:
        assert "--no-deps" in call
        assert ("--require-hashes" in call) is ("requirements.txt" in call)
        assert ("--no-index" in call) is ("dist/a.whl" in call)


def test_the_plugin_starts_by_the_link_of_krew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its own libraries, what is typed as it is, and the exit code; without its Python it says so."""
    plugin = script("krew/plugin.py")
    monkeypatch.chdir(ROOT)
    program = tmp_path / "lib/audit/__main__.py"
    program.parent.mkdir(parents=True)
    program.write_text("import sys\ndef main(): print(__file__, sys.argv[1:]); sys.exit(10)\n")
    plugin.pack(tmp_path, tmp_path / "a.tar.gz")
    with tarfile.open(tmp_path / "a.tar.gz") as packed:
        packed.extractall(tmp_path / "store", filter="data")
    link = tmp_path / "bin" / plugin.LAUNCHER
    link.parent.mkdir()
    link.symlink_to(f"../store/{plugin.LAUNCHER}")

    def started() -> subprocess.CompletedProcess[str]:
        environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
        command = [str(link), "who", "a b"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    done = started()
    assert done.returncode == 10, done.stderr
    assert done.stdout == f"{tmp_path / 'store/lib/audit/__main__.py'} ['who', 'a b']\n"
    (tmp_path / "store/python").write_text("2.1\n")
    done = started()
    assert (done.returncode, done.stdout) == (2, "")
    assert "this plugin needs Python 2.1" in done.stderr


def test_nothing_depends_on_the_machine_it_was_made_on() -> None:
    """No file names somebody's own folders."""
    folders = (".ci", "audit", "benchmarks", "docs", "reports", "tests")
    nested = [path for folder in folders for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts]
    top = [path for path in ROOT.iterdir() if not path.name.startswith(".")]
    texts = [path for path in (*nested, *top) if path.is_file() and path.suffix not in {".gz", ".png"}]
    assert len(texts) > 50
    for path in texts:
        assert not re.search(rb"/(?:work|root|home|Users)/\w", path.read_bytes()), path
