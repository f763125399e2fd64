"""The page in a real browser, from disk: every view, filter, link, file, reason and key, against the tables."""

import csv
import io
import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from audit.checks.remedies import REMOVE_GROUP, fill
from audit.checks.rules.registry import CHECKS
from audit.tables.model import Text
from audit.tables.schemas import ANSWERS, SCHEMAS, YES
from audit.tables.spreadsheet import original
from audit.tenancy.platform import Platform
from reports.html.page_tables import page_tables
from tests.reports.html.browser import Opened
from tests.reports.html.pages import page_of, run_of, sample, tables_of, zone

Record = Mapping[str, str | int]
VIEWS = {
    "causes": "causes",
    "findings": "findings",
    "changes": "changes",
    "namespaces": "namespaces",
    "subjects": "subjects",
    "access": "access",
    "privileged": "privileged",
    "routes": "routes",
    "grants": "grants",
    "repositories": "repositories",
    "exceptions": "exceptions",
    "controls": "controls",
    "lines": "coverage",
    "organizations": "organizations",
}
WHOLE = {"findings": "?state=every", "access": "?expected=every"}  # also what is folded away
FLAGS = {"expected", "unclear", "blind"}


def records() -> dict[str, list[dict[str, str | int]]]:
    """Return the rows of each table of the page, answers as words."""
    found = {}
    for name, table in page_tables(sample(), Platform()).items():
        answers = (
            {column.name for column in SCHEMAS[name] if column.type == "answer"} | FLAGS if name in SCHEMAS else FLAGS
        )
        columns = {
            column: values.strings()
            if isinstance(values, Text)
            else [ANSWERS[number] if column in answers else number for number in values.tolist()]
            for column, values in table.columns.items()
        }
        found[name] = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return found


RECORDS = records()


def facet_values(view: str, name: str, value: str | int) -> list[str]:
    """Return what a facet calls a value: a count is only some, none or unknown, and a list is each of its members."""
    if (view, name) == ("subjects", "organization"):
        return json.loads(str(value) or '[""]')  # type: ignore[no-any-return]
    return [value if isinstance(value, str) else "some" if value > 0 else "unknown" if value < 0 else "none"]


def open_filters(page: Page) -> None:
    """Show the menus of the filters, which are behind one button."""
    if page.locator(".tools .filters").get_attribute("aria-expanded") != "true":
        page.locator(".tools .filters").click()


def counts_in_menu(page: Page, facet: str) -> dict[str, int]:
    """Open the menu of a facet and return its values with their counts."""
    open_filters(page)
    menu = page.locator(f"details[data-facet={facet}]")
    menu.locator("summary").click()
    menu.locator("label, .note").first.wait_for()
    found = {}
    for label in menu.locator("label").all():
        found[label.get_attribute("data-value") or ""] = int(label.locator("span").nth(1).inner_text().replace(",", ""))
    page.keyboard.press("Escape")
    return found


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_shows_every_row_and_counts_each_facet(opened: Opened, view: str) -> None:
    """As many rows as the table has, and of each value of each facet as many as a loop over the table counts."""
    page = opened.go(f"#/{view}{WHOLE.get(view, '')}")
    rows = RECORDS[VIEWS[view]]
    assert opened.rows() == len(rows) > 0
    facets = [str(menu.get_attribute("data-facet")) for menu in page.locator("details.facet").all()]
    assert facets
    for facet in facets:
        values = [value for row in rows for value in facet_values(view, facet, row[facet])]
        assert counts_in_menu(page, facet) == Counter(values), facet
    assert page.locator("regular-table tbody tr").count() == len(rows)


@pytest.mark.parametrize(("view", "shown"), [("findings", 2), ("access", 9)])
def test_what_is_folded_away_is_counted_and_can_be_shown(opened: Opened, view: str, shown: int) -> None:
    """Nothing is left out silently."""
    page = opened.go(f"#/{view}")
    total = len(RECORDS[VIEWS[view]])
    assert opened.rows() == shown
    fold = page.locator(".chips .fold")
    assert fold.get_attribute("data-folded") == str(total - shown)
    fold.click()
    opened.settled()
    assert opened.rows() == total
    page.locator(".chips .fold").click()
    opened.settled()
    assert opened.rows() == shown


def test_facets_narrow_together_and_stand_in_the_address(opened: Opened) -> None:
    """Values of one facet add up, facets narrow each other, and a facet's own counts leave its choice aside."""
    page = opened.go("#/access?expected=every")
    rows = RECORDS["access"]
    open_filters(page)
    for facet, value in (("zone", "a"), ("push", "yes"), ("subject_kind", "User"), ("subject_kind", "Group")):
        page.locator(f"details[data-facet={facet}] summary").click()
        page.locator(f"details[data-facet={facet}] label[data-value={value}] input").check()
        opened.settled()
        page.keyboard.press("Escape")
    chosen = [
        row for row in rows if row["zone"] == "a" and row["push"] == "yes" and row["subject_kind"] in {"User", "Group"}
    ]
    assert opened.rows() == len(chosen)
    assert page.url.endswith("#/access?expected=every&zone=a&push=yes&subject_kind=User&subject_kind=Group")
    others = [row for row in rows if row["push"] == "yes" and row["subject_kind"] in {"User", "Group"}]
    found = {value: count for value, count in counts_in_menu(page, "zone").items() if count}
    assert found == Counter(str(row["zone"]) for row in others)
    page.locator(".chips button", has_text="Push: yes").click()
    opened.settled()
    assert "push=yes" not in page.url
    page.go_back()
    opened.settled()
    assert opened.rows() == len(chosen)


@pytest.mark.parametrize(
    ("typed", "subjects"),
    [
        ("ANN", ["ann", "ann", "ann"]),
        ("web-puller", ["ann"]),
        ("/^acme-shop:(ci|builder)$/", ["acme-shop:builder", "acme-shop:ci", "acme-shop:ci"]),
        ("/(/", None),
        ("nothing at all", []),
    ],
)
def test_words_and_patterns_find_rows(opened: Opened, typed: str, subjects: list[str] | None) -> None:
    """In any column that names something, without regard to case; a pattern that is none finds nothing and says so."""
    page = opened.go("#/access?expected=every")
    page.keyboard.press("/")
    page.keyboard.type(typed)
    opened.settled()
    box = page.locator("#words")
    assert box.get_attribute("aria-invalid") == ("true" if subjects is None else None)
    if subjects is None:
        assert opened.rows() == len(RECORDS["access"])
        assert page.locator(".chips button").first.inner_text() == "Invalid regular expression, not applied: /(/ ✕"
        remarks, _ = saved(page)
        assert "(/" not in remarks[2]
        return
    assert opened.rows() == len(subjects)
    assert sorted(page.locator("regular-table tbody td:nth-child(2)").all_inner_texts()) == subjects
    assert page.locator(".empty").is_visible() is (not subjects)


def saved(page: Page) -> tuple[list[str], list[dict[str, str]]]:
    """Save the rows of the view; return the remarks, and the rows as they were before they were made harmless."""
    with page.expect_download() as waiting:
        page.locator("#csv").click()
    text = Path(waiting.value.path()).read_bytes().decode()
    lines = list(csv.reader(io.StringIO(text, newline="")))
    remarks = [line[0] for line in lines if line[0].startswith("# ")]
    header, *rows = [[original(cell) for cell in line] for line in lines[len(remarks) :]]
    return remarks, [dict(zip(header, row, strict=True)) for row in rows]


def as_texts(view: str, rows: Iterable[Record]) -> list[dict[str, str]]:
    """Return rows as the page's files have them: the members of a list are joined."""
    lists = {"organization"} if view == "subjects" else set()
    return [
        {
            name: ", ".join(facet_values(view, name, value)) if name in lists else str(value)
            for name, value in row.items()
        }
        for row in rows
    ]


@pytest.mark.parametrize("view", VIEWS)
def test_the_file_holds_every_row_of_the_view(opened: Opened, view: str) -> None:
    """All columns, as the tables have them, and how whole they are."""
    remarks, rows = saved(opened.go(f"#/{view}{WHOLE.get(view, '')}"))
    key = sorted
    assert key(map(str, rows)) == key(map(str, as_texts(view, RECORDS[VIEWS[view]])))
    assert remarks[0] == "# PARTIAL: the data of b is incomplete"
    assert f"evidence {'e' * 64}" in remarks[1]


def test_the_file_holds_the_filter_and_the_order(opened: Opened) -> None:
    """Only what is shown, in its order, with the filter in words and as an address."""
    remarks, rows = saved(opened.go("#/access?zone=a&pull=yes&q=acme&sort=-subject"))
    wanted = [
        row for row in RECORDS["access"] if row["zone"] == "a" and row["pull"] == "yes" and row["expected"] == "no"
    ]
    wanted = [row for row in wanted if any("acme" in str(value) for value in row.values())]
    assert [row["subject"] for row in rows] == sorted((str(row["subject"]) for row in wanted), reverse=True)
    assert remarks[2] == '# filter: zone = a; pull = yes; expected = no; contains "acme"'
    assert remarks[3] == "# address: #/access?zone=a&pull=yes&q=acme&sort=-subject"


def test_every_number_of_the_overview_is_that_of_its_rows(opened: Opened) -> None:
    """Numbers, cells of the matrix, totals, bars: each leads to as many rows as it says."""
    page = opened.go("#/overview")
    selector = ".numbers a, .matrix td a, .totals a, .chart a"
    links = [(link.get_attribute("href") or "", link.text_content() or "") for link in page.locator(selector).all()]
    assert len(links) > 20
    for href, text in links:
        number = re.search(r"([\d,]+)\+?\s*$" if "how=" in href else r"[\d,]+", text.partition(":")[2] or text)
        opened.go(href)
        if "row=" in href:
            assert page.locator("#drawer .why").is_visible()
        elif number:
            assert opened.rows() == int(number[0].strip("+ \n").replace(",", "")), (href, text)


def test_a_number_that_nobody_looked_for_is_no_zero(browser: Browser, tmp_path: Path) -> None:
    """Tokens were not asked for: a question mark, with the reason."""
    rows: list[Record] = [{"subject_kind": "ServiceAccount", "subject": "ns:ci", "push": 1}]
    coverage: list[Record] = [{"zone": "z", "kind": "tokens", "namespace": "*", "state": "not-asked", "count": -1}]
    path = tmp_path / "report.html"
    path.write_text(page_of(tables_of(access=rows, coverage=coverage)))
    one = Opened(browser, path)
    mark = one.go().locator(".numbers .unknown").first
    assert mark.inner_text() == "?"
    assert (
        "service accounts with non-expiring tokens (tokens were not listed)"
        in one.page.locator(".numbers").inner_text()
    )
    one.close()


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
def test_every_row_opens_its_reason(opened: Opened, view: str) -> None:
    """A title, a sentence, and the caveat of a partial run; its address opens it again."""
    page = opened.go(f"#/{view}{WHOLE.get(view, '')}")
    for line in range(len(RECORDS[VIEWS[view]])):
        page.locator(f"regular-table #line-{line} td:not(.pick)").first.click()
        opened.settled()
        assert page.locator("#drawer .why").inner_text()
        assert page.locator("#drawer h2").first.inner_text()
        assert "PARTIAL" in page.locator("#drawer .caveat").first.inner_text()
    title = page.locator("#drawer h2").first.inner_text()
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    opened.settled()
    assert page.locator("#drawer h2").first.inner_text() == title
    page.keyboard.press("Escape")
    opened.settled()
    assert page.locator("#drawer").is_hidden()
    assert "row=" not in page.url


def test_a_reason_names_the_chain_and_the_commands(opened: Opened) -> None:
    """Subject, group, binding, role, the role it comes from, the rule; how to check it and how to take it away."""
    page = opened.go("#/access?row=a,acme-shop,*,User,ann")
    chain = re.split(r"\n+", page.locator("#drawer .chain").first.inner_text())
    assert chain == [
        "user",
        "ann",
        "member of group",
        "acme",
        "bound by",
        "RoleBinding organization-admin in acme-shop since 2026-01-01 00:00 UTC",
        "to role",
        "ClusterRole admin",
        "aggregated from",
        "ClusterRole registry-admin",
        "rule",
        "get, update imagestreams/layers in image.openshift.io",
        "rule",
        "create imagestreams in image.openshift.io",
    ]
    commands = page.locator("#drawer pre").all_inner_texts()
    assert commands[0] == "registry-audit can user/ann create acme-shop --zone=a --snapshot snapshots"
    asked = '"resourceAttributes":{"group":"image.openshift.io","resource":"imagestreams/layers","verb":"update"'
    assert asked in commands[2]
    assert '"groups":["acme","system:authenticated","system:authenticated:oauth"]' in commands[1]
    assert '"resource":"imagestreams","verb":"create","namespace":"acme-shop"' in commands[3]
    assert commands[4:] == [
        "oc adm policy remove-role-from-group -n acme-shop --rolebinding-name=organization-admin admin acme",
        "oc adm groups remove-users acme ann",
    ]


FROM_USER = "oc adm policy remove-role-from-user -n acme-shop --rolebinding-name=bob-pushes"
FROM_EVERYWHERE = "oc adm policy remove-cluster-role-from-user --rolebinding-name=everywhere"
FROM_GROUP = "oc adm policy remove-role-from-group -n beta-app --rolebinding-name=open"


@pytest.mark.parametrize(
    ("row", "command"),
    [
        ("a,acme-shop,*,User,bob", f"{FROM_USER} --role-namespace=acme-shop pusher bob"),
        (
            "a,*,*,ServiceAccount,acme-shop:ci",
            f"{FROM_EVERYWHERE} registry-editor system:serviceaccount:acme-shop:ci",
        ),
        (
            "a,beta-app,*,Group,system:unauthenticated",
            f"{FROM_GROUP} registry-viewer system:unauthenticated",
        ),
    ],
)
def test_each_kind_of_grant_has_its_command(opened: Opened, row: str, command: str) -> None:
    """Users, accounts and groups; roles of the namespace and of the cluster."""
    page = opened.go(f"#/access?row={row}")
    assert command in page.locator("#drawer pre").all_inner_texts()


def test_a_control_says_what_answers_it_and_what_does_not(opened: Opened) -> None:
    """Its open findings are those of its checks, and as many as its row counts; one that nothing serves says so."""
    page = opened.go("#/controls?row=SOC%202,CC6.3")
    told = page.locator("#drawer").inner_text()
    assert "Whether somebody needs what they have: a person decides, in a review." in told
    assert "access, findings" in told
    checks = page.locator("#drawer .links a", has_text="check-")
    assert checks.all_inner_texts() == ["check-f1", "check-f2", "check-f3"]
    page.locator("#drawer .links a", has_text="findings").click()
    opened.settled()
    (count,) = (row["findings"] for row in RECORDS["controls"] if row["control"] == "CC6.3")
    assert opened.rows() == count == 2
    told = opened.go("#/controls?row=NIST%20800-53,IA-2").locator("#drawer").inner_text()
    assert "This report does not answer it." in told
    assert told.count("None.") == 2


def test_a_finding_names_its_place_its_grant_and_why_it_matters(browser: Browser, tmp_path: Path) -> None:
    """Zone, namespace, subject, since when, the chain, and the zone of its command."""
    grant: Record = {"binding_kind": "RoleBinding", "binding": "b", "role_kind": "ClusterRole", "role": "edit"}
    finding: Record = {
        "id": "f",
        "check": "anonymous-pull",
        "title": "t",
        "severity": "high",
        "state": "new",
        "zone": "z",
    }
    finding = {**finding, **grant, "namespace": "ns", "subject_kind": "User", "subject": "alice", "remedy": "oc get x"}
    path = tmp_path / "report.html"
    path.write_text(page_of(tables_of(grants=[{**grant, "since": "2026-01-01T00:00:00Z"}], findings=[finding])))
    one = Opened(browser, path)
    drawer = one.go("#/findings?row=f").locator("#drawer")
    facts = drawer.locator("dl").first.inner_text().split("\n")
    assert [fact for fact in facts if fact] == [
        *("Zone", "z", "Namespace", "ns", "Subject", "user alice", "Since", "2026-01-01 00:00 UTC"),
    ]
    assert CHECKS["anonymous-pull"].why in drawer.inner_text()
    assert "RoleBinding b in ns since" in drawer.locator(".chain").inner_text()
    assert "Fix in zone z" in drawer.inner_text()
    one.close()


def test_history_is_told(opened: Opened) -> None:
    """Since when it is bound, what changed, and which findings there are."""
    told = opened.go("#/access?row=a,acme-shop,*,User,bob").locator("#drawer").inner_text()
    assert "no access → pull, push: RoleBinding bob-pushes was created (since run run-0)" in told
    assert "A person of another organization (high), first seen 2026-01-01 00:00 UTC" in told


def test_a_cluster_wide_row_opens_to_its_namespaces(opened: Opened) -> None:
    """By the mouse and by keys; it stays one row, and is counted once."""
    page = opened.go("#/access?subject=acme-shop%3Aci")
    names = page.locator("regular-table tbody td.every, regular-table tbody tr.part td.name-cell")
    assert opened.rows() == 2
    page.locator("td.every").click()
    page.wait_for_selector("tr.part")
    parts = page.locator("tr.part").all_inner_texts()
    assert [next(name for name in ("acme-shop", "beta-app", "quiet") if f"\t{name}\t" in part) for part in parts] == [
        "acme-shop",
        "beta-app",
        "quiet",
    ]
    assert opened.rows() == 2
    assert names.count()
    page.locator("regular-table").focus()
    page.keyboard.press("Home")
    page.keyboard.press("-")
    page.wait_for_selector("tr.part", state="detached")
    page.keyboard.press("+")
    page.wait_for_selector("tr.part")


def test_rows_group_and_groups_lead_to_their_rows(opened: Opened) -> None:
    """Rows and different subjects of each value; nobody counts twice."""
    page = opened.go("#/access?expected=every")
    page.locator("[data-picker=group]").select_option("organization")
    opened.settled()
    lines = [line.split("\t") for line in page.locator("regular-table tbody tr").all_inner_texts()]
    rows = RECORDS["access"]
    for value, *counts in lines:
        mine = [row for row in rows if row["organization"] == {"(all)": "*"}.get(value, value)]
        people = {row["subject"] for row in mine if row["subject_kind"] == "User"}
        assert counts[0] == str(len(mine))
        assert counts[1] == (str(len(people)) if people else "")
    page.locator("regular-table tbody td", has_text="acme").first.click()
    opened.settled()
    assert opened.rows() == sum(row["organization"] == "acme" for row in rows)


def test_columns_sort_and_resize(opened: Opened) -> None:
    """By their headings and by the controls."""
    page = opened.go("#/namespaces")
    heading = page.locator("regular-table thead th", has_text="Namespace")
    heading.click()
    opened.settled()
    assert page.url.endswith("#/namespaces?sort=namespace")
    names = page.locator("regular-table tbody td:nth-child(2)").all_inner_texts()
    assert names == sorted(names)
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("Namespace")
    page.locator("[data-picker=order]").select_option("-namespace")
    opened.settled()
    assert page.locator("regular-table tbody td:nth-child(2)").all_inner_texts() == sorted(names, reverse=True)
    zones = page.locator("regular-table thead th").first
    expect(zones).to_have_css("width", "88px")
    # Two presses within half a second put the usual width back.
    page.wait_for_timeout(600)
    handle = zones.locator(".rt-column-resize").bounding_box()
    assert handle
    page.mouse.move(handle["x"] + 4, handle["y"] + 9)
    page.mouse.down()
    page.mouse.move(handle["x"] + 54, handle["y"] + 9)
    expect(zones).to_have_css("width", "138px")
    page.mouse.move(handle["x"] + 104, handle["y"] + 9)
    expect(zones).to_have_css("width", "188px")
    page.mouse.up()
    page.wait_for_url("**&widths=zone:188")
    opened.settled()
    expect(zones).to_have_css("width", "188px")
    handle = zones.locator(".rt-column-resize").bounding_box()
    assert handle
    page.wait_for_timeout(600)
    page.mouse.move(handle["x"] + 4, handle["y"] + 9)
    page.mouse.down()
    page.mouse.move(handle["x"] - 46, handle["y"] + 9)
    expect(zones).to_have_css("width", "138px")
    page.mouse.move(handle["x"] - 96, handle["y"] + 9)
    expect(zones).to_have_css("width", "88px")
    page.mouse.up()
    page.wait_for_url("**#/namespaces?sort=-namespace")  # making a column narrower does not sort by it
    opened.settled()
    page.locator("regular-table thead th", has_text="Findings").click()
    opened.settled()
    assert page.url.endswith("#/namespaces?sort=-findings"), "of numbers, the greatest come first"
    page.locator("regular-table thead th", has_text="Findings").click()
    opened.settled()
    assert page.url.endswith("#/namespaces?sort=findings")


def test_columns_widths_and_titles_are_in_the_address(opened: Opened) -> None:
    """A link shows the same columns, and the history names the views."""
    page = opened.go("#/namespaces")
    page.locator("details.columns summary").click()
    page.locator("details.columns input[value=organization]").uncheck()
    page.locator("regular-table thead th", has_text="Organization").wait_for(state="detached")
    assert "columns=zone,namespace,open_pull," in page.url
    assert page.title().startswith("Namespaces · ")
    opened.go("#/overview")
    opened.go("#/namespaces?columns=zone,namespace,worst&widths=namespace:300")
    heads = page.locator("regular-table thead th")
    assert heads.all_inner_texts() == ["Zone", "Namespace", "Worst finding"]
    expect(heads.nth(1)).to_have_css("width", "300px")


def test_what_identifies_a_row_stays_when_the_table_is_scrolled(opened: Opened) -> None:
    """Both columns where they have room, else the last of them."""
    page = opened.go("#/namespaces")
    for width, lefts in ((1024, [0, 88]), (390, [0])):
        page.set_viewport_size({"width": width, "height": 800})
        opened.painted()
        page.evaluate("document.querySelector('regular-table').scrollLeft = 400")
        opened.painted()
        grid = page.locator("regular-table").bounding_box()
        cells = page.locator("regular-table tbody tr").first.locator("td.frozen")
        boxes = [cell.bounding_box() for cell in cells.all()]
        assert grid
        assert [box["x"] - grid["x"] for box in boxes if box] == lefts


def test_use_is_not_known_without_logs(browser: Browser, opened: Opened, tmp_path: Path) -> None:
    """Its columns are hidden then, its filter and the reason of a row say why; with logs they are there."""
    page = opened.go("#/access")
    assert "Last used" not in page.locator("regular-table thead").inner_text()
    assert [*counts_in_menu(page, "used")] == [""]
    opened.go("#/access?row=a,acme-shop,*,User,ann")
    assert "not known: no logs of this zone were read" in page.locator("#drawer").inner_text()
    rows: list[Record] = [
        {"subject": "ann", "push": YES, "used": "used", "last_used": "2026-01-01T10:00:00Z", "unused_days": 3},
        {"subject": "bob", "push": YES, "used": "not used", "unused_days": 90},
    ]
    path = tmp_path / "report.html"
    path.write_text(page_of(tables_of(access=rows)))
    one = Opened(browser, path)
    page = one.go("#/access?used=not+used")
    assert one.rows() == 1
    assert "Last used" in page.locator("regular-table thead").inner_text()
    one.close()


def test_lines_between_rows_move_with_them(opened: Opened) -> None:
    """Each is drawn by its own row, which is shifted when the rows are scrolled by less than one."""
    page = opened.go("#/grants")
    style = page.locator("regular-table table").evaluate("table => getComputedStyle(table).borderCollapse")
    assert style == "separate"
    rows = page.locator("regular-table tbody tr").all()
    assert {row.evaluate("row => row.getBoundingClientRect().height") for row in rows} == {28}


def test_an_open_drawer_follows_the_keys_and_is_announced(opened: Opened) -> None:
    """The next row explains itself, without a step in the history; screen readers hear it."""
    page = opened.go("#/access?expected=every")
    page.locator("regular-table").focus()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    opened.settled()
    first = page.locator("#drawer h2").first.inner_text()
    steps = page.evaluate("history.length")
    page.keyboard.press("j")
    opened.settled()
    second = page.locator("#drawer h2").first.inner_text()
    assert second != first
    assert page.locator("#announced").inner_text().startswith(f"{second}: ")
    page.keyboard.press("k")
    opened.settled()
    assert page.locator("#drawer h2").first.inner_text() == first
    assert page.evaluate("history.length") == steps


def test_badges_count_what_their_lists_show(opened: Opened) -> None:
    """Without rows that are hidden at first; a plus marks missing data."""
    page = opened.go()
    for view in ("findings", "access", "namespaces", "controls"):
        badge = page.locator(f"nav i[data-count={view}]").inner_text()
        opened.go(f"#/{view}")
        assert badge == f"{opened.rows()}+"


def test_little_room_is_used_for_rows(browser: Browser, sample_page: Path) -> None:
    """Filters are behind one button, the drawer covers the table, and on a phone rows start in the upper half."""
    one = Opened(browser, sample_page)
    one.page.set_viewport_size({"width": 1024, "height": 760})
    page = one.go("#/access?row=a,acme-shop,*,User,ann&zone=a")
    assert page.locator("#drawer").evaluate("drawer => getComputedStyle(drawer).position") == "fixed"
    assert page.locator("details.facet").first.is_hidden()
    button = page.locator(".tools .filters")
    assert button.inner_text() == "Filters (1)"
    page.keyboard.press("Escape")
    one.settled()
    button.click()
    assert page.locator("details.facet").first.is_visible()
    assert button.get_attribute("aria-expanded") == "true"
    one.page.set_viewport_size({"width": 390, "height": 844})
    one.go("#/namespaces")
    top = page.locator("regular-table").bounding_box()
    assert top
    assert top["y"] < 422
    one.close()


def test_everything_can_be_done_by_keys(opened: Opened) -> None:
    """From the first key to a row's reason, a filter, a file, and back."""
    page = opened.go()
    page.keyboard.press("g")
    page.keyboard.press("n")
    opened.shows("#/namespaces")
    assert page.evaluate("document.activeElement.tagName") == "REGULAR-TABLE"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("j")
    page.wait_for_selector("tr.chosen#line-2")
    assert page.locator("regular-table").get_attribute("aria-activedescendant") == "line-2"
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_selector("#drawer:not([hidden])")
    page.keyboard.press("Escape")
    page.wait_for_selector("#drawer", state="hidden")
    page.keyboard.press("/")
    page.keyboard.type("quiet")
    opened.settled()
    assert opened.rows() == 1
    page.keyboard.press("Escape")
    with page.expect_download():
        page.keyboard.press("e")
    open_filters(page)
    page.locator("details.facet summary").first.focus()
    page.keyboard.press("Enter")
    page.locator("details[open] label").first.wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    opened.settled()
    assert "zone=a" in page.url
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.locator("#keys dt").count() == 12
    page.keyboard.press("Escape")
    for key, view in (("o", "overview"), ("l", "coverage"), ("m", "method"), ("a", "access")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        opened.shows(f"#/{view}")
        assert page.locator(f"#view-{view if view != 'access' else 'table'}").is_visible()


def test_unknown_looks_unlike_no(opened: Opened) -> None:
    """A mark, a pattern and a word; no is empty."""
    page = opened.go("#/access?zone=b&subject=ann")
    cells = page.locator("regular-table tbody td.answer")
    assert [cell.get_attribute("aria-label") for cell in cells.all()] == ["unknown", "unknown", "no"]
    assert cells.all_inner_texts() == ["◌", "◌", ""]
    patterns = [cell.evaluate("cell => getComputedStyle(cell).backgroundImage") for cell in cells.all()]
    assert "repeating-linear-gradient" in patterns[0]
    assert patterns[2] == "none"


def test_empty_views_say_why(browser: Browser, tmp_path: Path) -> None:
    """How many zones were read, and how whole."""
    path = tmp_path / "report.html"
    path.write_text(page_of(tables_of(), run_of(zone("z", namespaces=0))))
    one = Opened(browser, path)
    page = one.go()
    for view in VIEWS:
        one.go(f"#/{view}")
        assert one.rows() == 0
        assert ": 1 of 1 zone read completely." in page.locator(".empty").inner_text()
    one.close()


def test_print_gives_a_summary_to_sign(opened: Opened) -> None:
    """State, numbers, coverage, method and a line to sign, without the controls."""
    page = opened.go("#/overview")
    page.emulate_media(media="print")
    for selector in (".banner", ".numbers", ".matrix", ".summary", "#view-coverage", ".sign"):
        assert page.locator(selector).first.is_visible(), selector
    for selector in ("nav", "#view-table", "#drawer", ".skip"):
        assert page.locator(selector).first.is_hidden(), selector
    assert "A person of another organization" in page.locator(".summary").inner_text()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_print_gives_what_is_filtered_or_the_open_row(opened: Opened) -> None:
    """The rows of the filter, or a row with its reason; the state of the run, and a line to sign."""
    page = opened.go("#/access?subject=bob")
    page.emulate_media(media="print")
    page.locator("body[data-print=rows]").wait_for()
    paper = page.locator("#paper").inner_text()
    assert "subject = bob" in paper
    assert page.locator("#paper tbody tr").count() == opened.rows()
    assert page.locator("main").is_hidden()
    page.emulate_media(media="screen")
    assert page.locator("#paper").is_hidden()
    opened.go("#/namespaces?row=a,acme-shop")
    page.emulate_media(media="print")
    page.locator("body[data-print=row]").wait_for()
    assert page.locator("#drawer .why").is_visible()
    assert page.locator("main").is_hidden()
    assert page.locator(".banner .state").is_visible()
    assert "run-1, partial. Reviewed by" in page.locator(".sign.outside").inner_text()


def test_a_namespace_and_a_subject_have_all_that_is_known_of_them(opened: Opened) -> None:
    """Findings, changes, repositories, use, and what was not seen."""
    told = opened.go("#/namespaces?row=a,acme-shop").locator("#drawer").inner_text()
    assert "A person of another organization high" in told
    assert "gained: bob in acme-shop, no access → pull, push" in told
    assert "web last pushed 2026-01-02" in told
    assert "Use\n\nNone was seen in the logs that were read." in told
    told = opened.go("#/subjects?row=User,bob,").locator("#drawer").inner_text()
    assert "A person of another organization high" in told
    assert "clusterroles of b: refused" in told


def test_without_a_script_it_is_a_summary(browser: Browser, sample_page: Path) -> None:
    """Overview, coverage and method stand there; what needs the script does not."""
    one = Opened(browser, sample_page, java_script_enabled=False)
    one.page.goto(sample_page.as_uri())
    for selector in (
        ".banner",
        ".numbers",
        ".matrix",
        ".summary table",
        "#view-coverage",
        "#view-method",
        "noscript p",
    ):
        assert one.page.locator(selector).first.is_visible(), selector
    assert one.page.locator("nav").is_hidden()
    assert one.page.locator("#view-table").is_hidden()
    one.close()


def test_no_such_view_or_row_is_told(opened: Opened) -> None:
    """An old link leads somewhere."""
    page = opened.go("#/nowhere")
    assert page.locator("#view-overview").is_visible()
    opened.go("#/access?row=a,gone,*,User,%ZZ&none=1&zone=a")
    assert page.locator("#drawer .why").inner_text().startswith("Access has no row a, gone, *, User, %ZZ")


NAMES = ("plain", "two words", "it's", "-rf", "$(id)`id`", "a\\b'c", "\x1b[31m", "\u202egnp", "é", "a\nb", "=x", "*?[]")


def subjects_shown(page: Page) -> set[tuple[str, ...]]:
    """Return kind, subject and namespace of the rows of access that are shown."""
    columns = {name: at for at, name in enumerate(page.locator("regular-table thead th").all_inner_texts())}
    lines = [row.split("\t") for row in page.locator("regular-table tbody tr").all_inner_texts()]
    return {tuple(line[columns[name]] for name in ("Kind", "Subject", "Namespace")) for line in lines}


def test_a_subject_has_what_its_virtual_groups_have_and_what_is_cluster_wide(browser: Browser, tmp_path: Path) -> None:
    """The filters `for` and `in` show every row by which `can` says yes; the subject's numbers and its list agree."""
    everybody: Record = {"subject_kind": "Group", "subject": "system:authenticated", "pull": YES}
    rows: list[Record] = [
        {"namespace": "a", "push": YES, "pull": YES},
        {**everybody, "namespace": "b"},
        {"namespace": "*", "subject_kind": "ServiceAccount", "subject": "c:ci", "push": YES},
        {"namespace": "b", "subject_kind": "Group", "subject": "system:serviceaccounts:c", "pull": YES},
        {"namespace": "d", "subject_kind": "Group", "subject": "system:unauthenticated", "pull": YES},
    ]
    spaces = [{"zone": "z", "namespace": name} for name in "abcd"]
    path = tmp_path / "report.html"
    path.write_text(page_of(tables_of(access=rows, namespaces=spaces)))
    one = Opened(browser, path)
    page = one.go("#/access?for=user%2Falice&in=b&zone=z")
    assert subjects_shown(page) == {("group", "system:authenticated", "b")}
    assert page.locator(".chips button").all_inner_texts()[:2] == [
        "Access of: user/alice, with its virtual groups ✕",
        "Access to: b, with cluster-wide access ✕",
    ]
    one.go("#/access?for=sa%2Fc:ci&in=b")
    assert subjects_shown(page) == {
        ("group", "system:authenticated", "b"),
        ("group", "system:serviceaccounts:c", "b"),
        ("service account", "c:ci", "▸ all namespaces"),
    }
    remarks, _ = saved(page)
    assert remarks[1] == "# filter: expected = no; for = sa/c:ci; in = b"
    page = one.go("#/subjects?row=User,alice,")
    why = page.locator("#drawer .why").inner_text()
    assert why.startswith("User alice can push to 1 namespace and pull from 2 namespaces,")
    assert page.locator("#drawer .reach li").all_inner_texts() == [
        "namespace a in z: push to existing repositories and pull",
        "namespace b in z: pull (through system:authenticated)",
    ]
    page = one.go("#/subjects?row=ServiceAccount,c:ci,z")
    assert "can push to 4 namespaces and pull from 1 namespace," in page.locator("#drawer .why").inner_text()
    page.locator("#drawer .links a", has_text="Access").click()
    one.settled()
    assert one.rows() == 3
    one.close()


def test_a_subject_of_two_organizations_is_counted_for_both(browser: Browser, tmp_path: Path) -> None:
    """A filter has single organizations; and cluster-wide access to others is outside, with its subject's name."""
    rows: list[Record] = [
        {"namespace": "a", "group": "acme", "push": YES},
        {"namespace": "b", "group": "beta", "push": YES},
        {"namespace": "*", "subject_kind": "ServiceAccount", "subject": "a:ci", "push": YES},
    ]
    spaces: list[Record] = [{"zone": "z", "namespace": name[0], "organization": name} for name in ("acme", "beta")]
    path = tmp_path / "report.html"
    path.write_text(
        page_of(
            tables_of(access=rows, grants=rows, namespaces=[{**one, "namespace": one["namespace"]} for one in spaces])
        )
    )
    one = Opened(browser, path)
    page = one.go("#/subjects")
    assert counts_in_menu(page, "organization") == {"acme": 2, "beta": 1}
    one.go("#/subjects?organization=beta")
    assert one.rows() == 1
    page = one.go("#/namespaces?row=z,b")
    assert "2 subjects can push" in page.locator("#drawer .why").inner_text()
    assert "1 of another organization" in page.locator("#drawer .why").inner_text()
    outside = page.locator("#drawer ul[data-belongs='other organization'][data-action=push]")
    assert outside.all_inner_texts() == ["a:ci service account, cluster-wide"]
    one.go("#/namespaces?push_outside=some")
    assert one.rows() == 1
    one.close()


def test_an_exception_for_all_subjects_says_any(opened: Opened) -> None:
    """A glob is no name, and no unknown subject."""
    page = opened.go("#/exceptions")
    cells = page.locator("regular-table tbody tr").all_inner_texts()[0].split("\t")
    assert cells[3:6] == ["a", "beta-*", "any"]


def test_commands_hold_names_as_a_shell_reads_them(browser: Browser, tmp_path: Path) -> None:
    """Whatever it is called, bash reads the very same words; and the command is the one that findings have."""
    kinds: Record = {"push": YES, "binding_kind": "RoleBinding", "role_kind": "ClusterRole"}
    rows: list[Record] = [
        {"subject": f"{number}", "group": name, "binding": f"b{name}", "role": f"r{name}", **kinds}
        for number, name in enumerate(NAMES)
    ]
    path = tmp_path / "report.html"
    path.write_text(page_of(tables_of(access=rows, grants=rows)))
    one = Opened(browser, path)
    one.go()
    for number, name in enumerate(NAMES):
        page = one.go(f"#/access?row=z,ns,*,User,{number}")
        command = page.locator("#drawer pre").nth(3).text_content() or ""
        given = {"namespace": "ns", "binding": f"b{name}", "role": f"r{name}", "group": name}
        assert command == fill(REMOVE_GROUP, **given)
        spoken = subprocess.run(["bash", "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True)
        words = spoken.stdout.decode().split("\0")
        assert [f"--rolebinding-name=b{name}", f"r{name}", name] == [word for word in words[6:-1] if word != "--"]
    one.close()


def test_zones_are_compared(browser: Browser, tmp_path: Path) -> None:
    """A row for each subject and place: the zones of each right, and those without it; unknown where one is partial."""
    spaces = [{"zone": name, "namespace": space} for name in "abc" for space in ("both", f"only-{name}")]
    access: list[dict[str, str | int]] = [
        {"zone": "a", "namespace": "both", "push": YES, "pull": YES, "subject": "ann"},
        {"zone": "b", "namespace": "both", "pull": YES, "subject": "ann"},
        {"zone": "c", "namespace": "both", "pull": YES, "subject": "ann"},
        {"zone": "a", "namespace": "*", "pull": YES, "subject": "bob"},
        {"zone": "b", "namespace": "*", "pull": YES, "subject": "bob"},
        {"zone": "a", "namespace": "both", "pull": YES, "subject": "eve"},
        {"zone": "a", "namespace": "only-a", "pull": YES, "subject": "lee"},
    ]
    access += [{"zone": name, "namespace": "both", "pull": YES, "subject": "kim"} for name in "abc"]
    coverage = [{"zone": name, "kind": "rolebindings", "state": "seen"} for name in "ab"]
    coverage.append({"zone": "c", "kind": "clusterrolebindings", "state": "refused"})
    path = tmp_path / "report.html"
    zones = [zone("a"), zone("b"), zone("c", "partial", gaps=("clusterrolebindings: refused",))]
    path.write_text(page_of(tables_of(access=access, namespaces=spaces, coverage=coverage), run_of(*zones)))
    one = Opened(browser, path)
    page = one.go("#/overview")
    page.get_by_role("link", name="Zones compared").click()
    one.settled()
    texts = [
        [cell.inner_text() for cell in line.locator("td").all()]
        for line in page.locator("regular-table tbody tr").all()
    ]
    assert {line[1]: line[4:7] for line in texts} == {
        "ann": ["different", "push: a; pull: b, c", ""],
        "bob": ["unknown", "pull: a, b", "c?"],
        "eve": ["not in all", "pull: a", "b, c?"],
        "kim": ["the same", "pull: a, b, c", ""],
    }
    assert page.locator(".chips .fold").get_attribute("data-folded") == "1"
    page.locator("regular-table td", has_text="ann").click()
    one.settled()
    assert "ann: push: a; pull: b, c." in page.locator("#drawer .why").inner_text()
    page.locator("#drawer a", has_text="Access in b").click()
    one.settled()
    assert "user ann can pull in namespace both in zone b" in page.locator("#drawer .why").inner_text().lower()
    one.close()


def test_a_row_has_a_page_of_its_own(browser: Browser, tmp_path: Path) -> None:
    """All entries of its lists, by an address that can be sent; and back beside the table."""
    access: list[dict[str, str | int]] = [{"namespace": f"ns-{number}", "pull": YES} for number in range(60)]
    path = tmp_path / "report.html"
    path.write_text(page_of(tables_of(access=access)))
    one = Opened(browser, path)
    page = one.go("#/subjects?row=User,alice,")
    assert page.locator("#drawer .reach li").count() == 41
    page.locator("#drawer .whole").click()
    one.settled()
    assert page.locator("#drawer .reach li").count() == 60
    assert not page.locator("main").is_visible()
    address = page.url
    page.locator("#drawer .whole").click()
    one.settled()
    assert page.locator("main").is_visible()
    assert page.locator("#drawer .reach li").count() == 41
    page.goto(address)
    one.settled()
    assert page.locator("#drawer .reach li").count() == 60
    page.keyboard.press("Escape")
    one.settled()
    assert page.locator("main").is_visible()
    assert not page.locator("#drawer").is_visible()
    one.close()


def test_times_are_for_people_and_exact_on_hover(opened: Opened) -> None:
    """In the banner and in drawers; other texts stay as they are."""
    page = opened.go("#/access?expected=every&row=a,acme-shop,*,User,ann")
    for place in (".banner", "#drawer .chain"):
        time = page.locator(f"{place} time").first
        assert (time.inner_text(), time.get_attribute("title")) == ("2026-01-01 00:00 UTC", "2026-01-01T00:00:00Z")
    assert not re.search(r"\dT\d\d:", page.locator("#drawer").inner_text() + page.locator(".banner").inner_text())


def test_changes_are_grouped_by_their_cause(opened: Opened) -> None:
    """Each cause with how many changes it made."""
    opened.go("#/changes?group=cause")
    assert opened.rows() == len({row["cause"] for row in RECORDS["changes"]})


def test_routes_are_told_where_they_lead_and_whence(opened: Opened) -> None:
    """In the drawers of access, a subject and a namespace: the first step by step, and the bindings that close it."""
    route = RECORDS["routes"][0]
    assert (route["subject"], route["namespace"]) == ("acme-shop:ci", "acme-shop")
    for address in (
        "access?expected=every&row=a,*,*,ServiceAccount,acme-shop%3Aci",
        "subjects?row=ServiceAccount,acme-shop%3Aci,a",
        "namespaces?row=a,acme-shop",
    ):
        drawer = opened.go(f"#/{address}").locator("#drawer")
        text = drawer.inner_text()
        assert "Service account acme-shop:ci can create in namespace acme-shop in zone a by another way:" in text, (
            address
        )
        steps = [line.inner_text() for line in drawer.locator("ol:not(.chain) li").all()]
        assert steps == str(route["route"]).split("; ")
        assert "Removing acme-shop/ci closes it." in text
    opened.go("#/namespaces?row=a,quiet")
    assert "Routes" not in opened.page.locator("#drawer").inner_text()
    drawer = opened.go("#/routes?row=a,acme-shop,*,ServiceAccount,acme-shop%3Aci,create").locator("#drawer")
    assert "Through\nacme-shop:builder" in drawer.inner_text()


def test_a_route_of_all_accounts_of_a_name_leads_to_their_own_namespaces(browser: Browser, tmp_path: Path) -> None:
    """Not to all of them: the row stands for one route in each namespace."""
    route: dict[str, str | int] = {
        "zone": "z",
        "namespace": "*",
        "repository": "*",
        "action": "push",
        "certainty": "possible",
        "steps": 1,
        "route": "service account *:deployer has create pods and becomes any service account",
        "count": 40,
    }
    rows = [
        {**route, "subject_kind": "ServiceAccount", "subject": "*:deployer"},
        {**route, "subject_kind": "User", "subject": "ann"},
    ]
    path = tmp_path / "report.html"
    path.write_text(page_of(tables_of(routes=rows)))
    one = Opened(browser, path)
    page = one.go("#/routes")
    cells = [line.locator("td").nth(3).inner_text() for line in page.locator("regular-table tbody tr").all()]
    assert cells == ["its own", "all namespaces"]
    why = one.go("#/routes?row=z,*,*,ServiceAccount,*%3Adeployer,push").locator("#drawer .why").inner_text()
    assert why == "Service account *:deployer can possibly push in its own namespace in zone z by another way."
    one.close()
