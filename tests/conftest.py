"""What is collected where, and how hypothesis searches."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from coverage import Coverage
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser

from audit import masking
from audit.job import sealing
from audit.runs import manifest as evidence
from tests.paths import ROOT
from tests.reports.html.browser import Opened, started
from tests.reports.html.pages import page_of, sample, sample_run

# Machines differ, and what a test says must not depend on how fast they are.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Wants a folder with `kube-apiserver` and `etcd`, as is the convention; without it, it is no test of this machine.
collect_ignore = [] if os.environ.get("KUBEBUILDER_ASSETS") else ["collect/test_real_server.py"]


def pytest_configure(config: pytest.Config) -> None:
    """Stop the tracer that pytest-cov starts in each worker before the one that it uses, and never stops.

    Two tracers cost twice, and the mark `no_cover` stops only one of them.
    """
    if hasattr(config, "workerinput") and (unused := Coverage.current()):
        unused.stop()


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name bytes by nothing that they hold: packed ones hold the time, and every process must name tests alike."""
    return "bytes" if isinstance(val, bytes) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count what needs a browser as slow; start slow tests first, so that no process waits for one at the end.

    Slow tests are not traced for coverage: that takes as long again, and the fast ones reach the same lines.
    """
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")
        if item.get_closest_marker("slow"):
            item.add_marker("no_cover")
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


_MANIFESTS = jsonschema_rs.validator_for(evidence.manifest_schema())


@pytest.fixture(autouse=True)
def _manifests_follow_their_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test is about: each manifest that it makes is what the published schema says."""

    def checked(*given: Any, **more: Any) -> bytes:
        data = evidence.manifest(*given, **more)
        _MANIFESTS.validate(json.loads(data))
        return data

    monkeypatch.setattr(sealing, "manifest", checked)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for each process that runs tests."""
    with started() as one:
        yield one


@pytest.fixture(scope="session")
def sample_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the sample run, as a file."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page_of(sample(), sample_run()))
    return path


@pytest.fixture
def opened(browser: Browser, sample_page: Path) -> Iterator[Opened]:
    """That page in the browser."""
    one = Opened(browser, sample_page)
    yield one
    one.close()


@pytest.fixture(autouse=True)
def _coverage_of_processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trace the processes that a test starts where the test is traced.

    `patch = subprocess` would start a second tracer in each worker, which no mark stops and which costs as much again.
    """
    if request.config.getoption("cov_source", default=None) and not request.node.get_closest_marker("no_cover"):
        monkeypatch.setenv("COVERAGE_PROCESS_START", str(ROOT / "pyproject.toml"))
        monkeypatch.setenv("COVERAGE_FILE", str(ROOT / ".coverage"))


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test logs in with is a word like any other in the next."""
    monkeypatch.setattr(masking, "_known", masking._Known(frozenset()))


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody's own clusters are, and how they are reached, is no matter of the tests."""
    for name in ("KUBECONFIG", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
