"""A real browser: the system's Chromium, else the one that Playwright brings. Without either, tests fail."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Error, Page, Playwright, expect, sync_playwright

# What is waited for comes at last; how long that takes depends on the machine only.
_PATIENCE: Final = 120_000  # milliseconds
expect.set_options(timeout=_PATIENCE)

_FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
SIZE: Final = {"width": 1440, "height": 860}


@contextmanager
def started() -> Iterator[Browser]:
    """Start a browser, and end it."""
    with sync_playwright() as playwright:
        browser = _launch(playwright)
        yield browser
        browser.close()


def _launch(playwright: Playwright) -> Browser:
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None and not Path(playwright.chromium.executable_path).exists():
        # Fails the tests when there is none to be had.
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=True)
    return playwright.chromium.launch(executable_path=path, args=list(_FLAGS))


class Opened:
    """A page from disk, with everything that went wrong on it or that it asked for."""

    def __init__(self, browser: Browser, path: Path, **how: object) -> None:
        """Open the file `path`; `how` are options of a browser context."""
        self.context = browser.new_context(viewport=SIZE, **how)  # type: ignore[arg-type]
        self.context.set_default_timeout(_PATIENCE)
        self.page: Page = self.context.new_page()
        self.errors: list[str] = []
        self.asked: list[str] = []
        self._path = path
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("dialog", lambda dialog: self.errors.append(f"dialog: {dialog.message}"))

    def go(self, address: str = "") -> Page:
        """Lead the page to an address (`#/…`) and wait until it shows that."""
        url = self._path.as_uri() + address
        if self.page.url == url:
            return self.page
        self.page.goto(url)
        if address:
            self.shows(address)
        self.page.wait_for_selector("body[data-ready]", state="attached")
        return self.page

    def shows(self, address: str) -> None:
        """Wait until the page shows what an address asks for."""
        self.page.wait_for_selector(f"body[data-shown={json.dumps(address)}]", state="attached")

    def rows(self) -> int:
        """Return how many rows the view says that it shows."""
        return int(self.page.locator(".tools output").get_attribute("data-rows") or -1)

    def settled(self) -> None:
        """Wait until the page shows what its address asks for."""
        self.page.wait_for_selector("main[aria-busy=false]", state="attached")

    def painted(self) -> None:
        """Wait until what is drawn after a change of size is drawn as well: on a busy machine, that takes a while."""
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def close(self) -> None:
        """Close it. Nothing went wrong on it, and nothing was asked of anybody."""
        try:
            self.context.close()
        except Error as error:
            self.errors.append(str(error))
        assert self.errors == []
        assert [url for url in self.asked if not url.startswith(("file:", "blob:"))] == []
