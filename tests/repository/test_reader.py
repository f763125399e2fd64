"""Each command of README and documents, in the reader's order, on the state that the reader has.

Commands that need more than a zone, logs or a bucket are marked in the document with what they need.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from audit.cli import run_command
from tests.paths import ROOT
from tests.repository.reader import DOCS, ROLE_BINDING, Machine, blocks, example, machine
from tests.simulator.bucket import s3

# Each command starts the program, whose lines other tests reach.
pytestmark = pytest.mark.no_cover
# Exit codes of the program that the document speaks of.
ACCEPTED: Final[dict[str, tuple[int, ...]]] = {"README.md": (10,), "tenant.md": (3,), "usage.md": (3,)}
LOGIN: Final = "oc login https://api.my-zone.example.com:6443 >/dev/null\n"
# What a reader of this document has done before.
BEFORE: Final = {
    "evidence.md": LOGIN,
    "review.md": LOGIN,
    "usage.md": (
        f"{LOGIN}mkdir logs; echo 'collect: {{pods: true}}' >> config.yaml\n"
        "registry-audit collect --config config.yaml --out facts\n"
        "cp facts/*.snapshot zone.snapshot\n"
        "printf 'usage: {logs: [logs], replicas: 2}\\n' >> config.yaml\n"
    ),
    "storage.md": f"{LOGIN}export JOB_COMPLETION_INDEX=0 JOB_COMPLETIONS=1\n",
    "getting-started.md": "rm -r config.yaml demo-report\n",
    "README.md": "rm -r demo-report\n",
}
CONFIG: Final = "zones: [{id: my-zone, credentials: {context: my-context}}]\n"
READERS: Final = [ROOT / "README.md", *DOCS]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "demo-report"
    assert run_command(["demo", "--out", str(out)]) == 0
    return out


@pytest.fixture
def reader(demo: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A machine with the demo's report, and the files of their own that documents speak of."""
    options: dict[str, Any] = {"tenant_of": ["shop"]} if request.node.callspec.id == "tenant.md" else {}
    with machine(tmp_path, **options) as made:
        here = made.folder
        shutil.copytree(demo, here / "demo-report", symlinks=True)
        for name in ("config.yaml", "fleet.yaml"):
            (here / name).write_text(CONFIG)
        (here / "accepted.yaml").write_text(example("exceptions.md", "exceptions"))
        (here / "manifests").mkdir()
        (here / "manifests/ci.yaml").write_text(ROLE_BINDING.replace("{name: ci}", "{name: ci, namespace: acme-shop}"))
        policy, reviewers = (
            next(block.script for block in blocks(ROOT / "docs" / name) if f"> {wanted}" in block.script)
            for name, wanted in (("ci.md", "policy.csv"), ("campaigns.md", "reviewers.yaml"))
        )
        for script in (policy, reviewers):
            done = made.carry_out(script.partition("\nEND\n")[0] + "\nEND\n")
            assert done.returncode == 0, done.stderr
        yield made


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", [path for path in READERS if any(not one.needs for one in blocks(path))], ids=lambda p: p.name
)
def test_every_command_is_carried_out(path: Path, reader: Machine) -> None:
    """In their order, and each ends as the document says."""
    script = BEFORE.get(path.name, "") + "".join(one.script for one in blocks(path) if not one.needs)
    if path.name == "storage.md":
        with s3() as bucket:
            done = Machine(reader.folder, {**reader.environment, **bucket}).carry_out(script)
    else:
        done = reader.carry_out(script, ACCEPTED.get(path.name, ()))
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"


def test_what_fails_is_found(tmp_path: Path) -> None:
    """A machine does not take every exit code, nor a command that there is not; a later line does not hide it."""
    with machine(tmp_path) as made:
        for line, code in (("registry-audit who", 2), ("no-such-program", 127), ("oc logout", 1)):
            assert made.carry_out(f"{line}\ntrue\n", (3,)).returncode == code
        assert made.carry_out("registry-audit who\n", (2,)).returncode == 0
