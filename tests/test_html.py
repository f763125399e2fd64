"""The page itself: names are text and nothing else, nothing foreign runs, and how whole it is stands everywhere."""

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from audit.tables import NO, SCHEMAS, UNKNOWN, YES, Numbers, Table, Text, text_column
from reports.html import render_html
from reports.run import RunInfo, ZoneInfo
from reports.view import make_view

Row = dict[str, str | int]

# What a cluster can name, and how the page shows it.
HOSTILE = {
    "</script><script>alert(1)</script>": "</script><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>": "</style><img src=x onerror=alert(1)>",
    "\"' autofocus onfocus='alert(1)' x=\"": "\"' autofocus onfocus='alert(1)' x=\"",
    "<!--": "<!--",
    "{{ 7 * 7 }}{% raw %}": "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;&amp;": "&lt;b&gt;&amp;",
    "javascript:alert(1)": "javascript:alert(1)",
    "\u202egnp.exe": "\\u202egnp.exe",
    "\x00\x1b[31mred\x9b\r\n": "\\x00\\x1b[31mred\\x9b\\x0d\\x0a",
    "adm\u200bin": "adm\\u200bin",
    "bob\xa0": "bob\\xa0",
    "\U0001f980 \u05e9\u05dc\u05d5\u05dd": "\U0001f980 \u05e9\u05dc\u05d5\u05dd",
}
HALF = "\udcff"  # how a path that is no UTF-8 comes in
KINDS = ("User", "Group", "ServiceAccount", "Any", "AnyUser")
FIXED = {"subject_kind", "account", "state", "kind"}  # words of the program's own
SHOWN = {
    "access": {"zone", "namespace", "repository", "subject", "how", "group", "binding", "role", "aggregated_from"},
    "grants": {"zone", "namespace", "subject", "binding", "role_kind", "role", "problem"},
}
ZONE = ZoneInfo("z", "complete", "dump", "there", "registry", "v1", "me", "2026-01-01T00:00:00Z", (), 3, 0)
PARTIAL = replace(ZONE, state="partial", gaps=("groups: refused",))


class Page(HTMLParser):
    """The elements of a page with their attributes, and the text in each."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = [""]
        self.comments = 0
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.texts.append("")

    def handle_data(self, data: str) -> None:
        self.texts[-1] += data

    def handle_comment(self, data: str) -> None:
        self.comments += 1

    def all(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.elements if name == tag)

    def shape(self) -> tuple[set[str], set[tuple[str, str]]]:
        """Return the elements, and the attributes each can have with their values."""
        pairs = {(f"{tag} {name}", value or "") for tag, found in self.elements for name, value in found.items()}
        return {tag for tag, _ in self.elements}, {pair for pair in pairs if not pair[0].startswith("meta ")}


def table(name: str, rows: list[Row]) -> Table:
    columns: dict[str, Text | Numbers] = {}
    for column in SCHEMAS[name]:
        if column.type == "text":
            columns[column.name] = text_column([str(row.get(column.name, "")) for row in rows])
        else:
            columns[column.name] = np.array([row.get(column.name, 0) for row in rows], dtype=np.int32)
    return Table(name, columns)


def run_of(*zones: ZoneInfo) -> RunInfo:
    return RunInfo("run-1", "1.0", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z", "abc", zones or (ZONE,))


def page_of(access: list[Row], run: RunInfo | None = None, limit: int = 10_000, **others: list[Row]) -> str:
    start: Row = {"zone": "z", "namespace": "ns", "repository": "*", "subject_kind": "User", "subject": "alice"}
    rows = {"grants": [], "coverage": [], **others, "access": [{**start, **row} for row in access]}
    view = make_view({name: table(name, lines) for name, lines in rows.items()}, run or run_of(), limit)
    return b"".join(render_html(view)).decode()


def sections(page: str) -> dict[str, str]:
    found = [text.partition("</section>")[0] for text in page.split('<section id="')[1:]]
    return {text.partition('"')[0]: text for text in found}


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", "".join(Page(page).texts))


def rows_named(name: str, tables: str) -> list[Row]:
    """Return a row for each kind of subject and kind of place, with `name` in every column that is free text."""
    row: Row = {column.name: name for column in SCHEMAS[tables] if column.type == "text" and column.name not in FIXED}
    marks: Row = {"pull": YES, "push": UNKNOWN, "create": NO, "members": 2}
    return [{**row, **marks, "subject_kind": kind, **wide} for kind in KINDS for wide in ({}, {"namespace": "*"})]


def hostile_page(name: str, path: str = "") -> str:
    """Return a page on which everything that can be named has that name."""
    zone = ZoneInfo(name, "partial", name, name + path, name, name, name, name, (name,), 1, 0)
    run = RunInfo(name, name, name, name, name, (zone,))
    return page_of(rows_named(name, "access"), run, grants=rows_named(name, "grants"))


@pytest.mark.parametrize(("name", "shown"), HOSTILE.items())
def test_a_name_is_text_and_nothing_else(name: str, shown: str) -> None:
    """It makes no element, no attribute and no comment, and is on the page as people can read it."""
    plain, page = Page(hostile_page("plain")), Page(hostile_page(name))
    elements, attributes = page.shape()
    assert elements <= plain.shape()[0]
    assert attributes <= plain.shape()[1]
    assert page.comments == 0
    expected = [text.replace("plain", shown) for text in plain.texts if "plain" in text]
    assert [text for text in page.texts if shown in text] == expected
    spaces = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\xa0\u200b-\u200f\u2028-\u202e]")
    assert not any(spaces.search(text) for text in page.texts)


@pytest.mark.parametrize("name", SHOWN)
def test_every_column_that_is_shown_is_escaped(name: str) -> None:
    """Each by itself: no column is left out because another one had the same name."""
    for column in SHOWN[name]:
        mark = f"<i>{column}</i>\u202e"
        rows: list[Row] = [{"problem": "x", "subject_kind": "Group", column: mark}]
        run = run_of(replace(ZONE, id=mark)) if column == "zone" else run_of()
        tables = {"access": rows, "grants": []} if name == "access" else {"access": [], "grants": rows}
        page = Page(page_of(tables["access"], run, grants=tables["grants"]))
        assert not list(page.all("i")), column
        assert any(f"<i>{column}</i>\\u202e" in text for text in page.texts), column


def test_a_path_that_is_no_text_is_shown() -> None:
    """A half surrogate cannot be written as UTF-8; it is spelled out."""
    assert "there\\udcff" in hostile_page("there", HALF)


def test_only_the_page_s_own_style_and_script_can_run() -> None:
    """The policy has their hashes, and allows nothing else."""
    page = page_of([{"pull": YES}])
    policy = next(found["content"] for found in Page(page).all("meta") if "http-equiv" in found)
    hashes = {}
    for tag in ("style", "script"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        hashes[tag] = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    own = f"style-src 'sha256-{hashes['style']}'; script-src 'sha256-{hashes['script']}'"
    assert policy == f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"


def test_nothing_is_fetched_and_nothing_handles_events() -> None:
    """No address, no inline style or handler; links stay on the page and lead somewhere."""
    page = page_of([{"pull": YES}], run_of(PARTIAL))
    found = Page(page)
    names = {name for _, attributes in found.elements for name in attributes}
    assert not {name for name in names if name.startswith("on") or name in {"src", "srcset", "style", "action"}}
    anchors = {f"#{attributes['id']}" for _, attributes in found.elements if "id" in attributes}
    assert {attributes["href"] for attributes in found.all("a")} <= anchors
    assert {attributes["data-table"] for attributes in found.all("input")} <= {anchor[1:] for anchor in anchors}
    assert not re.search(r"https?://|@import|url\(|innerHTML|eval\(", page)
    assert not {"link", "img", "iframe", "object", "form", "base"} & found.shape()[0]


@pytest.mark.parametrize("state", ["partial", "failed"])
def test_what_is_not_whole_says_so_in_every_section(state: str) -> None:
    """With the zone's name; in the banner too, and each number carries its mark."""
    zone = replace(PARTIAL, id="far-away", state=state)
    page = page_of([], run_of(zone) if state == "failed" else run_of(ZONE, zone))
    assert f"● {state.upper()}" in page.partition("<main>")[0]
    assert f"far-away {state}" in page.partition("<main>")[0]
    for name, text in sections(page).items():
        assert f"<strong>{state.upper()}:</strong> not everything of far-away was seen" in text, name
    numbers = re.findall(r"<b>[\d,]+(.*?)</b>", page)
    assert len(numbers) == 10
    assert all("or more: not everything was seen" in after for after in numbers)


def test_what_is_whole_has_no_caveat() -> None:
    """Complete, once, in the banner."""
    page = page_of([{"pull": YES}])
    assert "● COMPLETE" in page
    assert "Every list of every zone was read to its end." in page
    assert "not everything" not in page
    assert 'class="caveat"' not in page


def test_what_was_not_seen_and_what_that_means() -> None:
    """Each gap, and what follows for each kind; nothing of kinds that were seen."""
    zone = replace(PARTIAL, gaps=("groups: the credentials may not read it", "rolebindings of ns: timeout"))
    coverage: list[Row] = [
        {"kind": "groups", "state": "refused"},
        {"kind": "rolebindings", "state": "timeout"},
        {"kind": "roles", "state": "seen"},
    ]
    text = text_of(sections(page_of([], run_of(zone), coverage=coverage))["coverage"])
    assert all(f"z: {gap}" in text for gap in zone.gaps)
    assert "Any person may be in a group that was not seen" in text
    assert "Anybody may have access in these namespaces." in text
    assert "a binding to a role of these namespaces" not in text
    many = replace(PARTIAL, gaps=tuple(f"roles of ns-{number}: timeout" for number in range(60)))
    assert "z: and 10 more, all of them in" in text_of(page_of([], run_of(many)))


def test_what_holds_everywhere_is_said_where_it_is_not_repeated() -> None:
    """How many, whether everybody is among them, and whether it can be told at all."""
    cases: list[tuple[list[Row], str]] = [
        ([], "And 0 subjects with cluster-wide access: not repeated"),
        ([{"pull": YES}], "And 1 subject with cluster-wide access: not repeated"),
        (
            [{"pull": YES}, {"subject_kind": "Group", "subject": "system:unauthenticated", "pull": YES}],
            "And 2 subjects with cluster-wide access, anyone among them: not repeated",
        ),
        (
            [{"subject_kind": "Any", "subject": "*", "pull": UNKNOWN}],
            "Not all bindings were seen: anybody may have it.",
        ),
    ]
    for rows, said in cases:
        found = sections(page_of([{"namespace": "*", **row} for row in rows]))
        assert all(said in text_of(found[name]) for name in ("namespaces", "access")), said
        assert not any(said in text_of(found[name]) for name in ("wide", "subjects"))


def test_what_does_not_fit_is_said_with_the_order() -> None:
    """How many of how many, which ones, and where all of them are."""
    rows: list[Row] = [{"subject": f"user-{number}", "namespace": f"ns-{number}"} for number in range(1200)]
    page = page_of(rows, limit=3, grants=[{"problem": "role missing", "subject_kind": "User"}] * 4)
    found = {name: text_of(text) for name, text in sections(page).items()}
    for name in ("namespaces", "subjects", "access"):
        assert "Showing 3 of 1,200 rows, " in found[name]
        assert "The whole table is in access.csv." in found[name]
    assert "public ones first" in found["namespaces"]
    assert "those open to everybody first" in found["access"]
    assert "Showing 3 of 4 rows, by place. The whole table is in grants.csv." in found["problems"]
    assert "Showing" not in page_of(rows)


def test_long_tables_are_not_printed_but_named() -> None:
    """Paper says where the rows are; short tables are printed."""
    rows: list[Row] = [{"subject": f"user-{number}"} for number in range(501)]
    found = sections(page_of(rows))
    assert "Rows are not printed here: they are in <code>access.csv</code>." in found["access"]
    assert "scroll long" in found["access"]
    assert "scroll long" not in found["namespaces"]
    assert "not printed" not in found["namespaces"]


def test_marks_have_a_shape_and_a_word() -> None:
    """Yes is filled, unknown is open and hatched, no is nothing: never colour alone."""
    page = page_of([{"pull": YES, "push": UNKNOWN, "create": NO, "sign": UNKNOWN}])
    row = sections(page)["access"].partition("<tbody>")[2]
    cells = re.findall(r'<td class="m">(.*?)</td>', row)
    words = ["yes", "unknown", "", "unknown"]
    assert [" ".join(re.findall('aria-label="(.*?)"', cell)) for cell in cells] == words
    assert ["".join(Page(cell).texts) for cell in cells] == ["●", "◌", "", "◌"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"subject_kind": "Group", "account": "present", "members": 1}, "alice 1 person"),
        ({"subject_kind": "Group", "account": "present", "members": 0}, "alice 0 people"),
        ({"subject_kind": "Group", "account": "absent", "members": -1}, "alice no group object: members not known"),
        ({"subject_kind": "Group", "account": "unknown", "members": -1}, "alice members not known"),
        ({"subject_kind": "Group", "members": -1}, "alice"),
        ({"subject_kind": "ServiceAccount", "account": "present"}, "alice"),
        ({"subject_kind": "ServiceAccount", "account": "absent"}, "alice (does not exist)"),
        ({"subject_kind": "ServiceAccount", "account": "unknown"}, "alice not seen whether it exists"),
        ({"subject_kind": "Any", "subject": "*"}, "* who has it was not seen"),
        ({"subject_kind": "AnyUser", "subject": "*"}, "* who has it was not seen"),
    ],
)
def test_what_is_known_of_a_subject(row: Row, said: str) -> None:
    """How many are in a group, and whether an account exists; what is not known is said."""
    (cell,) = re.findall('<th scope="row">(.*?)</th>', sections(page_of([row]))["access"])
    assert text_of(cell) == said


def test_who_a_namespace_is_open_to() -> None:
    """Pushing is worse than pulling; a namespace that was not seen is not one without access."""
    users: Row = {"subject_kind": "Group", "subject": "system:authenticated"}
    nobody: Row = {"subject_kind": "Group", "subject": "system:unauthenticated", "pull": YES}
    cases: list[tuple[list[Row], str]] = [
        ([{"pull": YES}], ""),
        ([nobody], "anyone"),
        ([{**users, "pull": YES, "push": YES}], "every user can push"),
        ([{**users, "push": YES}, nobody], "every user can push, anyone pull"),
        ([{"subject_kind": "Any", "subject": "*", "pull": UNKNOWN}], "not seen: anybody may"),
    ]
    for rows, said in cases:
        body = sections(page_of(rows))["namespaces"].partition("<tbody>")[2]
        assert text_of(re.findall('<td class="w">(.*?)</td>', body)[0]).strip() == said


def test_tables_can_be_read_without_eyes_and_used_without_a_mouse() -> None:
    """A language, one heading of the first order, captions, scopes, and regions that can be scrolled by keys."""
    page = Page(page_of([{"pull": YES}]))
    tags = [tag for tag, _ in page.elements]
    assert next(page.all("html"))["lang"] == "en"
    assert tags.count("h1") == 1
    assert tags.count("caption") == tags.count("table") == 6
    assert {attributes.get("scope") for attributes in page.all("th")} == {"col", "row", "colgroup"}
    regions = [attributes for attributes in page.all("div") if attributes.get("role") == "region"]
    assert len(regions) == 6
    assert all(attributes["tabindex"] == "0" and attributes["aria-label"] for attributes in regions)
    assert all(attributes["aria-label"] for attributes in page.all("input"))


def test_rows_are_as_wide_as_their_headings() -> None:
    """Every cell stands under its heading, in every table."""
    rows: list[Row] = [{"pull": YES}, {"pull": YES, "namespace": "*"}]
    page = page_of(rows, grants=[{"problem": "role missing", "subject_kind": "User"}])
    tables = re.findall("<table.*?</table>", page, re.DOTALL)
    for one in tables:
        head, _, body = one.partition("<tbody>")
        first, _, second = head.partition("</tr>")
        grouped = sum(int(span) for span in re.findall('colspan="(\\d+)"', first))
        assert grouped == second.count("<th ")
        width = first.count("<th ") - first.count("colspan") + grouped
        assert all(len(re.findall("<t[dh]", row)) == width for row in body.split("</tr>")[:-1]), head
    empty = page_of([])
    assert empty.count("None was seen: 1 zone read, complete.") == 4
    assert "No namespace has access of its own" in empty


def test_equal_facts_give_equal_bytes() -> None:
    """No clock, no order of chance; in chunks that are not one a cell."""
    rows: list[Row] = [{"subject": f"user-{number}", "pull": YES, "how": "named"} for number in range(50)]
    assert page_of(rows) == page_of(rows)
    view = make_view({name: table(name, []) for name in SCHEMAS}, run_of())
    chunks = list(render_html(view))
    assert len(chunks) < 10
    assert b"".join(chunks).startswith(b"<!DOCTYPE html>\n")
