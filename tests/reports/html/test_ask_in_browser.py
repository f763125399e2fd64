"""Asking: names, questions and conditions, by keys alone; everything typed has a visible meaning."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.reports.html.browser import Opened
from tests.reports.html.pages import Row, page_of, tables_of

ROWS: list[Row] = [
    {"namespace": "shop", "subject": "ann", "push": 1, "pull": 1, "how": "named", "since": "2026-01-02T00:00:00Z"},
    {"namespace": "shop", "repository": "web", "subject": "bob", "pull": 1, "how": "custom", "since": ""},
    {"namespace": "shop", "subject_kind": "Group", "subject": "acme", "push": 2, "members": 70, "how": "implied"},
    {"namespace": "pay", "subject_kind": "Group", "subject": "two words", "push": 1, "members": -1, "how": "named"},
    {"namespace": "*", "subject_kind": "Group", "subject": "system:authenticated", "pull": 1, "members": 9},
]
SPACES: list[Row] = [{"zone": "z", "namespace": name, "organization": f"{name}-org"} for name in ("shop", "pay")]
REPOSITORIES: list[Row] = [{"zone": "z", "namespace": "shop", "repository": "web"}]


@pytest.fixture(scope="module")
def shared(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A page with a few rows of access."""
    path = tmp_path_factory.mktemp("ask") / "report.html"
    path.write_text(page_of(tables_of(access=ROWS, grants=ROWS, namespaces=SPACES, repositories=REPOSITORIES)))
    one = Opened(browser, path)
    yield one
    one.close()


def asked(opened: Opened, question: str, start: str = "#/overview") -> Page:
    """Ask from a view by keys alone, and wait for what is shown."""
    page = opened.go(start)
    page.keyboard.press("Control+k")
    page.keyboard.type(question)
    page.locator("#ask [role=option]").first.wait_for()
    page.keyboard.press("Enter")
    page.wait_for_selector("#ask", state="hidden")
    opened.settled()
    return page


def subjects(page: Page) -> set[str]:
    """Return the subjects of the rows that are shown."""
    at = page.locator("regular-table thead th").all_inner_texts().index("Subject")
    return {row.split("\t")[at] for row in page.locator("regular-table tbody tr").all_inner_texts()}


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("who can pull shop/web", {"ann", "bob", "system:authenticated"}),
        ("Who can push shop?", {"ann", "acme"}),
        ("user bob pull shop", {"bob", "system:authenticated"}),
        ("can ann push in shop", {"ann"}),
        ("user nobody pull pay", {"system:authenticated"}),
        ("group acme push shop", {"acme"}),
    ],
)
def test_a_question_leads_to_its_rows(shared: Opened, question: str, found: set[str]) -> None:
    """With what everybody has, what is cluster-wide, and what is unknown."""
    page = asked(shared, question)
    assert subjects(page) == found


def test_a_question_about_what_was_not_read_says_so(shared: Opened) -> None:
    """It is no plain "no"."""
    page = shared.go("#/overview")
    page.keyboard.press("Control+k")
    page.keyboard.type("user nobody pull nowhere")
    told = page.locator("#ask [role=option]", has_text="user/nobody")
    assert "no grant to this name was read" in told.inner_text()
    assert "no namespace of this name was read" in told.inner_text()
    page.keyboard.press("Escape")


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("pay", "#/namespaces?row=z,pay"),
        ("ann", "#/subjects?row=User,ann,"),
        ("words two", "#/subjects?row=Group,two%20words,"),
    ],
)
def test_a_name_opens_what_it_is(shared: Opened, name: str, address: str) -> None:
    """From any view, also by parts of it in any order."""
    page = asked(shared, name, "#/grants")
    assert page.url.endswith(address)


@pytest.mark.parametrize(
    ("typed", "found", "meaning"),
    [
        ("org:shop push:yes", {"ann"}, ["Organization contains shop", "Push is yes"]),
        ("shop ann", {"ann"}, ['contains "shop"', 'contains "ann"']),
        ("ann shop", {"ann"}, ['contains "ann"', 'contains "shop"']),
        ("members>50", {"acme"}, ["Members > 50"]),
        ("kind:group members:5..80", {"acme", "system:authenticated"}, ["Kind contains group", "Members from 5 to 80"]),
        ("-how:named -custom kind:group members>50", {"acme"}, None),
        ('"two words"', {"two words"}, ['contains "two words"']),
        ("since>=2026-01-02", {"ann"}, ["Since ≥ 2026-01-02"]),
        ("push:unknown", {"acme"}, ["Push is unknown"]),
        ("people>50 push:unknown", {"acme"}, ["Members > 50", "Push is unknown"]),
        ("members>many", set(), ['contains "members>many"']),
        ("nothing:there", set(), ['contains "nothing:there"']),
        ("system:authenticated", {"system:authenticated"}, ['contains "system:authenticated"']),
    ],
)
def test_conditions_and_words_filter_and_are_explained(
    shared: Opened, typed: str, found: set[str], meaning: list[str] | None
) -> None:
    """Words in any order, negation, numbers, ranges and times; each is a chip that takes it away again."""
    page = shared.go("#/access?expected=every")
    page.keyboard.press("/")
    page.keyboard.press("Control+a")
    page.keyboard.type(typed)
    shared.settled()
    page.wait_for_function("words => document.querySelector('#words').value === words", arg=typed)
    assert shared.rows() == len(found)
    assert subjects(page) == found if found else page.locator(".empty").is_visible()
    chips = [chip.removesuffix(" ✕") for chip in page.locator(".chips button:not(.fold)").all_inner_texts()]
    assert meaning is None or chips == meaning
    page.locator(".chips button:not(.fold)").first.click()
    shared.settled()
    assert page.locator(".chips button:not(.fold)").count() == len(chips) - 1
