"""What the page costs: writing it, and showing, filtering, sorting and scrolling it in a browser; `make bench`."""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
from playwright.sync_api import Browser, Page

from audit.access.facts.build import facts_of
from audit.runs.info import RunInfo, zone_info
from audit.snapshot.builder import SnapshotBuilder
from audit.snapshot.model import Listing, Origin, Snapshot
from audit.snapshot.objects import KINDS
from audit.tables.model import Table, joined, table_of
from audit.tables.schemas import OF_THE_RUN, SCHEMAS
from audit.tenancy.platform import Platform
from benchmarks.estate import Estate, Shape
from reports.html.page import render_page
from tests.reports.html.browser import Opened, started

FILTERS = {
    "filter: who can push": "#/access?push=yes",
    "filter: words": "#/access?q=org-0123",
    "filter: a pattern": "#/access?q=user-%5B0-9%5D%2B%24&re=1",
    "filter: everything at once": "#/access?push=yes&how=implied&subject_kind=User&q=team",
    "sort: subject": "#/access?expected=every&sort=subject",
    "sort: since, newest first": "#/access?expected=every&sort=-since",
    "group: organization": "#/access?expected=every&group=organization",
    "group: subject": "#/access?expected=every&group=subject",
}
# Goes to an address and returns after how many milliseconds its rows are drawn.
_GO = """(address) => new Promise((done) => {
  const began = performance.now();
  const watch = new MutationObserver(() => {
    if (document.body.dataset.shown !== address) return;
    watch.disconnect();
    done(performance.now() - began);
  });
  watch.observe(document.body, { attributes: true });
  location.hash = address;
})"""
# Scrolls by a step in each frame, and counts the frames in which the middle or the end of the grid shows no row.
_SCROLL = """async ({ frames, step }) => {
  const grid = document.querySelector("regular-table");
  const box = grid.getBoundingClientRect();
  let blank = 0, longest = 0, last = performance.now();
  const frame = () => new Promise(requestAnimationFrame);
  for (let at = 0; at < frames; at++) {
    grid.scrollTop += step;
    await frame();
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    for (const y of [box.top + box.height / 2, box.bottom - 60]) {
      const cell = document.elementFromPoint(box.left + 120, y)?.closest("td");
      if (!cell?.textContent) blank++;
    }
  }
  return { blank, longest };
}"""
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


class Written(NamedTuple):
    """A page on disk: rows of access, seconds to write it, and bytes."""

    rows: int
    seconds: float
    size: int


def snapshot_of(shape: Shape) -> Snapshot:
    """Return the snapshot of an estate."""
    facts = SnapshotBuilder()
    for plural, items in Estate(shape).kinds().items():
        facts.add(plural, [msgspec.convert(item, KINDS[plural].item) for item in items])
        facts.listed(Listing(plural, len(items)))
    return facts.snapshot(Origin("bench", "dump", "nowhere", finished="2026-01-01T00:00:00Z"))


def tables_of(snapshot: Snapshot) -> dict[str, Table]:
    """Return the tables of a zone, without findings and changes."""
    made = facts_of(snapshot)
    rest = {name: table_of(name, []) for name in (*SCHEMAS, *OF_THE_RUN) if name not in made}
    return {**made, **rest}


def write(tables: Mapping[str, Table], run: RunInfo, path: Path) -> Written:
    """Write the page as a run does."""
    begin = time.perf_counter()
    with path.open("wb") as file:
        for chunk in render_page({name: joined([table]) for name, table in tables.items()}, run, Platform()):
            file.write(chunk)
    return Written(len(tables["access"]), time.perf_counter() - begin, path.stat().st_size)


def shown(browser: Browser, path: Path) -> dict[str, float]:
    """Open the page and use it; return milliseconds, frames and megabytes."""
    measured: dict[str, float] = {}
    opened = Opened(browser, path)
    begin = time.perf_counter()
    page = opened.go()
    measured["all tables are unpacked"] = (time.perf_counter() - begin) * 1000
    measured["first paint"] = page.evaluate(_PAINT)
    measured["first rows"] = page.evaluate(_GO, "#/access")
    for name, address in FILTERS.items():
        measured[name] = least(page, address)
    page.evaluate(_GO, "#/access?expected=every")
    for name, step in {"slowly": 40, "fast": 4000}.items():
        scrolled = page.evaluate(_SCROLL, {"frames": 120, "step": step})
        measured[f"blank frames of 120, scrolling {name}"] = scrolled["blank"]
        measured[f"longest frame, scrolling {name}"] = scrolled["longest"]
    measured["memory"] = renderer_memory(browser)
    opened.close()
    return measured


def least(page: Page, address: str) -> float:
    """Return the least of three times that an address takes, starting from all rows."""
    times = []
    for _ in range(3):
        page.evaluate(_GO, "#/access?expected=every")
        times.append(float(page.evaluate(_GO, address)))
    return min(times)


def renderer_memory(browser: Browser) -> float:
    """Return the resident memory of the largest renderer process, in MB (Linux)."""
    sizes = [0.0]
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            command = (status.parent / "cmdline").read_bytes()
            lines = status.read_text().splitlines()
        except OSError:
            continue
        if b"--type=renderer" in command:
            sizes += [int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon:")]
    return max(sizes)


_HEAD = """\
# The page with many rows

Written by `make bench`. One zone of {namespaces:,} namespaces: {rows:,} rows of access. Headless Chromium,
from disk; {cores} cores, Python {python}. A filter or sort is measured from the new address to the drawn
rows, the best of three.

| what | measured | limit |
|---|---|---|
"""
_LIMITS = {"first paint": "2,000 ms", "first rows": "2,000 ms", "memory": "500 MB"}


def document(written: Written, measured: Mapping[str, float], namespaces: int) -> str:
    """Return the results as Markdown."""
    head = _HEAD.format(
        namespaces=namespaces, rows=written.rows, cores=os.cpu_count(), python=platform.python_version()
    )
    lines = [
        f"| writing the page | {written.seconds:.1f} s | 10 s |",
        f"| size of the page | {written.size / 1e6:.1f} MB | 15 MB |",
        *(_line(name, value) for name, value in measured.items()),
    ]
    return head + "\n".join(lines) + "\n"


def _line(name: str, value: float) -> str:
    if "blank" in name:
        return f"| {name} | {value:.0f} | 0 |"
    if name == "memory":
        return f"| memory of the tab | {value:.0f} MB | 500 MB |"
    limit = "150 ms" if name.startswith(("filter", "sort")) else _LIMITS.get(name, "")
    return f"| {name} | {value:.0f} ms | {limit} |"


def main() -> None:
    """Measure, and write docs/report-performance.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--namespaces", type=int, default=10_000)
    parser.add_argument("--people", type=int, default=96, help="of each organization")
    parser.add_argument("--out", type=Path, default=Path("docs/report-performance.md"))
    options = parser.parse_args()
    shape = Shape(
        namespaces=options.namespaces,
        organizations=max(options.namespaces // 25, 1),
        people_per_organization=options.people,
    )
    snapshot = snapshot_of(shape)
    run = RunInfo("bench", "0", "", "", "", (zone_info(snapshot),))
    with tempfile.TemporaryDirectory() as folder, started() as browser:
        path = Path(folder) / "report.html"
        written = write(tables_of(snapshot), run, path)
        options.out.write_text(document(written, shown(browser, path), options.namespaces))


if __name__ == "__main__":
    main()
