"""The page under hostile names, for people who cannot see or use a mouse, and opened the first time."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from audit.tables.schemas import SCHEMAS, UNKNOWN, YES
from tests.reports.html.browser import Opened
from tests.reports.html.pages import Row, page_of, run_of, tables_of, zone
from tests.reports.html.test_page_in_browser import VIEWS, WHOLE

# What a cluster can name.
HOSTILE = (
    "</script><script>document.title='ran'</script>",
    "<img src=x onerror=\"document.title='ran'\">",
    "\"' autofocus onfocus='document.title=1' x=\"",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;&amp;",
    "javascript:document.title='ran'",
    "=cmd|'/C calc'!A0",
    "$(touch /tmp/x); `id` 'quoted' \\ & | > *",
    "\u202egnp.exe",
    "\x00\x1b[31mred\x9b\r\n",
    "adm\u200bin",
    "a,b;c=d&e#f?g%20/h~i",
    "__proto__",
    "\U0001f980 \u05e9\u05dc\u05d5\u05dd",
)
SHOWN = {
    "\u202egnp.exe": "\\u202egnp.exe",
    "\x00\x1b[31mred\x9b\r\n": "\\x00\\x1b[31mred\\x9b\\x0d\\x0a",
    "adm\u200bin": "adm\\u200bin",
}
WORDS = {"subject_kind": "User", "state": "new", "severity": "high", "evidence_in": "access", "change": "gained"}


def hostile_rows(table: str, name: str) -> list[Row]:
    """Return a row in which every column of text holds the name, but for those that hold words of our own."""
    row = {column.name: name if column.type == "text" else 1 for column in SCHEMAS[table]}
    row |= {column.name: YES for column in SCHEMAS[table] if column.type == "answer"}
    row |= {word: value for word, value in WORDS.items() if word in row}
    return [row, {**row, "push": UNKNOWN, "namespace": "*", "id": f"{name}2"}] if "push" in row else [row]


@pytest.fixture(scope="module")
def hostile(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A page on which everything that can be named has each of the hostile names."""
    tables = tables_of(**{table: [row for name in HOSTILE for row in hostile_rows(table, name)] for table in SCHEMAS})
    zones = [zone(name, "partial", gaps=(name,), as_of=name) for name in HOSTILE]
    path = tmp_path_factory.mktemp("hostile") / "report.html"
    path.write_text(page_of(tables, run_of(*zones)))
    one = Opened(browser, path)
    one.go().set_viewport_size({"width": 1600, "height": 1400})
    yield one
    one.close()


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
def test_hostile_names_run_nothing_and_show_as_they_are(hostile: Opened, view: str) -> None:
    """In every column, menu and reason of every view; and a row of such a name has an address that works."""
    page = hostile.go(f"#/{view}{WHOLE.get(view, '')}")
    page.evaluate("document.querySelectorAll('details.columns input:not(:checked)').forEach((box) => box.click())")
    title = page.title()
    assert hostile.rows() >= len(HOSTILE)
    grid = page.locator("regular-table")
    for name in HOSTILE:
        shown = SHOWN.get(name, name)
        assert grid.get_by_text(shown, exact=True).count() > 0, name
    if page.locator(".tools .filters").get_attribute("aria-expanded") != "true":
        page.locator(".tools .filters").click()
    for facet in page.locator("details.facet").all():
        facet.locator("summary").click()
        facet.locator("label, .note").first.wait_for()
        page.keyboard.press("Escape")
    opened = set()
    for key in ("Home", *["ArrowDown"] * (hostile.rows() - 1)):
        grid.focus()
        page.keyboard.press(key)
        page.keyboard.press("Enter")
        hostile.settled()
        opened.add(page.url)
        assert "has no row" not in page.locator("#drawer .why").inner_text()
    assert len(opened) == hostile.rows()
    assert page.title() == title
    assert page.locator("main img, main script, #drawer script, #drawer img").count() == 0


def serious(page: Page) -> list[str]:
    """Return what axe finds that is serious or worse."""
    found = Axe().run(page).response["violations"]
    bad = [one for one in found if one["impact"] in {"serious", "critical"}]
    return [f"{one['id']}: {json.dumps([node['html'][:120] for node in one['nodes'][:3]])}" for one in bad]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_anybody_out(browser: Browser, sample_page: Path, scheme: str) -> None:
    """Every view, a reason, a menu and the list of keys, in light and dark: axe finds nothing serious."""
    one = Opened(browser, sample_page, color_scheme=scheme)
    page = one.go()
    for address in ("overview", "coverage", "method", *VIEWS, "access?group=zone", "access?row=a,acme-shop,*,User,ann"):
        one.go(f"#/{address}")
        assert serious(page) == [], address
    page.locator(".tools .filters").click()
    page.locator("details.facet summary").first.click()
    page.locator("details.facet label").first.wait_for()
    assert serious(page) == []
    page.keyboard.press("Escape")
    page.locator("#help").click()
    assert serious(page) == []
    one.close()


class Clicks:
    """Counts clicks: what somebody needs who opens the page for the first time."""

    def __init__(self, opened: Opened) -> None:
        self.page, self._opened, self.count = opened.go(), opened, 0

    def click(self, selector: str, text: str) -> None:
        self.count += 1
        self.page.locator(selector, has_text=text).first.click()
        self._opened.settled()

    def type(self, words: str) -> None:
        self.page.keyboard.press("/")
        self.page.keyboard.type(words)
        self._opened.settled()

    def read(self, selector: str) -> str:
        assert self.count <= 3
        return self.page.locator(selector).first.inner_text()


def test_who_outside_the_organization_can_push_to_a_namespace(opened: Opened) -> None:
    """Two clicks: Namespaces, the namespace."""
    person = Clicks(opened)
    person.click("nav a", "Namespaces")
    person.type("acme-shop")
    person.click("regular-table td", "acme-shop")
    assert person.read("[data-belongs='other organization'][data-action=push]") == "bob user"


def test_what_an_account_of_ci_can_reach(opened: Opened) -> None:
    """Two clicks: Subjects, the account."""
    person = Clicks(opened)
    person.click("nav a", "Subjects")
    person.type("acme-shop:ci")
    person.click("regular-table td", "acme-shop:ci")
    reach = person.read("ul.reach")
    assert "all namespaces in a: push (including to new repositories) and pull" in reach
    assert "namespace beta-app in a: pull" in reach


def test_what_is_new(opened: Opened) -> None:
    """One click: Changes."""
    person = Clicks(opened)
    person.click("nav a", "Changes")
    rows = person.read("regular-table tbody")
    assert "gained" in rows
    assert "RoleBinding bob-pushes was created" in rows


def test_what_was_not_seen(opened: Opened) -> None:
    """One click: Coverage and limits."""
    person = Clicks(opened)
    person.click("nav a", "Coverage")
    told = person.read("#view-coverage")
    assert "b: clusterroles: the credentials may not read it (403)" in told
    assert "The effect of bindings to cluster roles is unknown." in told


def test_why_somebody_can_pull(opened: Opened) -> None:
    """Two clicks: Access, the row."""
    person = Clicks(opened)
    person.click("nav a", "Access")
    person.type("web-puller")
    person.click("regular-table td", "ann")
    why = person.read("#drawer .why")
    assert why == (
        "User ann can pull in repository web of namespace acme-shop in zone a "
        "by RoleBinding ann-web to Role web-puller."
    )
