"""Pictures of the main views, of the zones that come with the program; `make screenshots` keeps them for the README."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ViewportSize

from audit.cli import run_command
from tests.paths import ROOT
from tests.reports.html.browser import Opened

KEPT = ROOT / "docs" / "screenshots"
SIZE: ViewportSize = {"width": 1280, "height": 760}
# By the name of the picture: the address, and light or dark.
PICTURES = {
    "overview": ("#/overview", "light"),
    "overview-dark": ("#/overview", "dark"),
    "findings": ("#/findings?severity=critical&severity=high", "light"),
    "namespaces": ("#/namespaces", "light"),
    "subjects": ("#/subjects", "light"),
    "access": ("#/access?push=yes&belongs=other+organization", "light"),
    "reason": ("#/access?row=zurich,acme-shop-staging,*,Group,initech", "light"),
}


@pytest.fixture(scope="module")
def demo_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the second of two runs of the demo."""
    out = tmp_path_factory.mktemp("demo")
    for _ in range(2):
        assert run_command(["demo", "--out", str(out)]) == 0
    return (out / "latest" / "report.html").resolve()


@pytest.mark.parametrize("name", PICTURES)
def test_the_main_views_can_be_taken_as_pictures(browser: Browser, demo_page: Path, tmp_path: Path, name: str) -> None:
    """Each shows something and is small enough to be kept; those that are kept are small together."""
    address, scheme = PICTURES[name]
    folder = Path(os.environ.get("REGISTRY_AUDIT_SCREENSHOTS", tmp_path))
    folder.mkdir(exist_ok=True)
    one = Opened(browser, demo_page, color_scheme=scheme)
    one.page.set_viewport_size(SIZE)
    page = one.go(address)
    if one.page.locator("#view-table").is_visible():
        page.locator("regular-table tbody tr.chosen").wait_for()
        assert one.rows() > 0
    if "row=" in address:
        assert "initech" in page.locator("#drawer .why").inner_text()
    path = folder / f"{name}.png"
    one.painted()
    page.screenshot(path=path)
    one.close()
    # Dates and the fonts of a machine change a picture by some percent: the limit leaves room for them.
    assert 10_000 < path.stat().st_size < 256_000
    assert sum(kept.stat().st_size for kept in KEPT.iterdir()) < 1_500_000


def test_every_picture_that_is_kept_is_taken() -> None:
    """None is left of a view that is gone."""
    assert {path.stem for path in KEPT.iterdir()} == set(PICTURES)
