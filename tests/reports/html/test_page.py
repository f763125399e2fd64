"""The page as text: names are text and nothing else, nothing foreign runs, and how whole it is stands everywhere."""

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from audit.checks.rules.registry import CHECKS
from audit.controls.catalog import BUILT_IN
from audit.findings.controls import controls_table
from audit.findings.fail_on import Tally
from audit.runs.info import EarlierSummary, overall_state
from audit.runs.manifest import WrittenFile, evidence_digest
from audit.tables.model import table_of
from audit.tables.schemas import SCHEMAS, UNKNOWN, YES
from audit.tenancy.platform import Platform
from audit.verify.result import Agreement
from reports.html.page import render_page
from reports.html.script import MODULES, script
from tests.paths import ROOT
from tests.reports.html.pages import AUTHENTICATED, WHEN, Row, page_of, run_of, sample, sample_run, tables_of, zone

HERE = ROOT / "reports" / "html"
# What a cluster can name, and how the page shows it.
HOSTILE = {
    "</script><script>alert(1)</script>": "</script><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>": "</style><img src=x onerror=alert(1)>",
    "\"' autofocus onfocus='alert(1)' x=\"": "\"' autofocus onfocus='alert(1)' x=\"",
    "<!-- the data blocks -->": "<!-- the data blocks -->",
    "{{ 7 * 7 }}{% raw %}": "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;&amp;": "&lt;b&gt;&amp;",
    "javascript:alert(1)": "javascript:alert(1)",
    "\u202egnp.exe": "\\u202egnp.exe",
    "\x00\x1b[31mred\x9b\r\n": "\\x00\\x1b[31mred\\x9b\\x0d\\x0a",
    "adm\u200bin": "adm\\u200bin",
    "bob\xa0": "bob\\xa0",
    "half\udcff": "half\\udcff",
    "\U0001f980 \u05e9\u05dc\u05d5\u05dd": "\U0001f980 \u05e9\u05dc\u05d5\u05dd",
}
PARTIAL = zone(state="partial", gaps=("groups: refused",))


class Parsed(HTMLParser):
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

    def shape(self) -> tuple[list[str], set[str]]:
        """Return the elements, and the attributes that each can have."""
        return [tag for tag, _ in self.elements], {f"{tag} {name}" for tag, found in self.elements for name in found}


def shell(page: str) -> str:
    """Return the page without its style, script and data: what people read without a script."""
    return re.sub(r"<(style|script)[^>]*>.*?</\1>", "", page, flags=re.DOTALL)


def sections(page: str) -> dict[str, str]:
    found = [text.partition("</section>")[0] for text in shell(page).split('<section id="view-')[1:]]
    return {text.partition('"')[0]: text for text in found}


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", "".join(Parsed(page).texts))


def hostile_page(name: str) -> str:
    """Return a page on which everything that can be named has that name."""
    one = replace(zone(name, "partial", gaps=(name,), as_of=name), place=name, registry=name, user=name)
    run = replace(run_of(replace(one, server_version=name)), run_id=name, version=name, config_digest=name)
    rows: dict[str, list[Row]] = {}
    for table, columns in SCHEMAS.items():
        row: dict[str, str | int] = {column.name: name if column.type == "text" else YES for column in columns}
        words = {"subject_kind": "User", "state": "new", "severity": "high"}
        rows[table] = [{**row, **{word: value for word, value in words.items() if word in row}}]
    return page_of(tables_of(**rows), run)


@pytest.mark.parametrize(("name", "shown"), HOSTILE.items())
def test_a_name_is_text_and_nothing_else(name: str, shown: str) -> None:
    """It makes no element, no attribute and no comment, and is on the page as people can read it."""
    plain, page = Parsed(shell(hostile_page("plain"))), Parsed(shell(hostile_page(name)))
    assert page.shape() == plain.shape()
    assert page.comments == 0
    before = [text for text in plain.texts if text == "plain"]
    # A chart has room for the beginning of a name; its title has all of it.
    short = shown if len(shown) <= 26 else f"{shown[:25]}…"
    assert sum(text in {shown, short} for text in page.texts) == len(before) > 10
    unseen = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\xa0\u200b-\u200f\u2028-\u202e]")
    assert not any(unseen.search(text) for text in page.texts)
    assert hostile_page(name).count("<script") == hostile_page("plain").count("<script")


def test_only_the_page_s_own_style_and_script_can_run() -> None:
    """The policy has their hashes, and allows nothing else; everything else in a script element is data."""
    page = page_of(sample(), sample_run())
    policy = next(found["content"] for found in Parsed(page).all("meta") if "http-equiv" in found)
    hashes = []
    for tag in ("style", 'script type="module"'):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag.split()[0]}>", page, re.DOTALL)
        hashes.append(base64.b64encode(hashlib.sha256(content.encode()).digest()).decode())
    own = f"style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'"
    assert policy == f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"
    kinds = [found.get("type") for found in Parsed(page).all("script")]
    assert kinds == ["application/octet-stream"] * (len(kinds) - 1) + ["module"]


def test_nothing_is_fetched_and_nothing_handles_events() -> None:
    """No address, no inline style or handler; links stay on the page and lead to a view."""
    page = page_of(sample(), sample_run())
    found = Parsed(page)
    names = {name for _, attributes in found.elements for name in attributes}
    assert not {name for name in names if name.startswith("on") or name in {"src", "srcset", "style", "action"}}
    views = {
        "overview",
        "coverage",
        "method",
        "lines",
        "organizations",
        "across",
        *re.findall(r'data-count="(\w+)"', page),
    }
    for attributes in found.all("a"):
        href = str(attributes["href"])
        assert href == "#main" or href.removeprefix("#/").partition("?")[0] in views, href
    assert not re.search(r"https?://|@import|url\(", shell(page))
    assert not {"link", "img", "iframe", "object", "form", "base"} & set(found.shape()[0])


def test_our_modules_write_text_only() -> None:
    """No markup from strings, no code from strings, no network, nothing kept; each module imports what there is."""
    exported: dict[str, set[str]] = {}
    for name in MODULES:
        text = (HERE / "modules" / f"{name}.js").read_text()
        assert not re.search(r"\b(innerHTML|outerHTML|insertAdjacent\w*|document\.write|eval|Function|fetch)\b", text)
        assert not re.search(r"\b(XMLHttpRequest|WebSocket|localStorage|sessionStorage|cookie)\b", text), name
        for wanted, source in re.findall(r'^import \{([^}]*)\} from "\./(\w+)\.js";$', text, re.MULTILINE):
            assert {one.strip() for one in wanted.split(",") if one.strip()} <= exported[source], (name, source)
        exported[name] = set(re.findall(r"^export (?:async )?(?:function|class|const) (\w+)", text, re.MULTILINE))
        body = re.sub(r"^import \{[^}]*\} from .*$", "", text, flags=re.MULTILINE)
        for used in re.findall(r"^import \{([^}]*)\}", text, re.MULTILINE):
            assert all(re.search(rf"\b{one.strip()}\b", body) for one in used.split(",") if one.strip()), (name, used)
    assert {path.stem for path in (HERE / "modules").glob("*.js")} == set(MODULES)
    assert not re.search(r"^(import|export)\b", script(), re.MULTILINE)
    assert "sourceMappingURL" not in script()


def test_the_library_is_what_its_package_holds() -> None:
    """With its licence and version; `make vendor` renews it."""
    folder = HERE / "vendor" / "regular-table"
    assert {path.name for path in folder.iterdir()} == {"LICENSE", "VERSION", "regular-table.js"}
    assert "Apache License" in (folder / "LICENSE").read_text()
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", (folder / "VERSION").read_text())
    makefile = (HERE.parent.parent / "Makefile").read_text()
    assert "npm pack -s regular-table" in makefile


@pytest.mark.parametrize("state", ["partial", "failed"])
def test_what_is_not_whole_says_so_in_every_view(state: str) -> None:
    """With the zone's name; in the banner too, and each number carries its mark."""
    one = replace(PARTIAL, id="far-away", state=state)
    page = page_of(tables_of(), run_of(one) if state == "failed" else run_of(zone(), one))
    banner = page.partition("<main")[0]
    assert f"● {state.upper()}" in banner
    assert f"far-away {state}" in banner
    for name, text in sections(page).items():
        assert f"<strong>{state.upper()}:</strong> the data of far-away is incomplete" in text, name
    numbers = re.findall(r"<b>[\d,]+(.*?)</b>", sections(page)["overview"])
    assert len(numbers) == 12
    assert all("or more: the data is incomplete" in after for after in numbers)


def test_a_zone_of_earlier_facts_says_of_when_in_every_view() -> None:
    """It could not be read now; the others could."""
    run = run_of(zone("new"), zone("old", "stale", as_of="2025-12-30T00:00:00Z"))
    page = page_of(tables_of(), run)
    shown = '<time datetime="2025-12-30T00:00:00Z" title="2025-12-30T00:00:00Z">2025-12-30 00:00 UTC</time>'
    assert f"old stale (as of {shown})" in page.partition("<main")[0]
    said = f"old could not be read: its data is from {shown}."
    assert all(said in text for text in sections(page).values())


@pytest.mark.parametrize(("verified", "bad"), [(Agreement(20, 20), False), (Agreement(20, 19, 1), True)])
def test_how_far_the_tables_were_verified_stands_in_the_banner(verified: Agreement, bad: bool) -> None:
    """Cells that agree of those that were asked, of all zones; red where one differs."""
    one = replace(zone(), verified=verified)
    banner = page_of(tables_of(), run_of(one, replace(one, verified=Agreement(5, 5)), zone())).partition("<main")[0]
    assert f"verified <b>{verified.agreed + 5}/25</b>" in banner
    assert ('<span class="caveat">verified' in banner) is bad
    assert "verified" not in page_of(tables_of()).partition("<main")[0]


def test_without_an_earlier_run_nothing_is_not_zero() -> None:
    """There is none to compare with."""
    text = text_of(sections(page_of(tables_of()))["overview"])
    assert "? gains of access since the last run (no earlier run to compare with)" in text
    later = replace(run_of(), compared_with="run-0")
    assert "0 gains of access since the last run" in text_of(sections(page_of(tables_of(), later))["overview"])


def test_what_is_whole_has_no_caveat() -> None:
    """Complete, once, in the banner."""
    page = shell(page_of(tables_of(access=[{"pull": YES}])))
    assert "● COMPLETE" in page
    assert "All requested lists of all zones were read completely." in page
    assert "incomplete" not in page
    assert 'class="caveat"' not in page


def test_what_was_not_seen_and_what_that_means() -> None:
    """Each gap, and what follows for each kind; nothing of kinds that were seen or left out."""
    one = replace(PARTIAL, gaps=("groups: the credentials may not read it", "rolebindings of ns: timeout"))
    states = {"groups": "refused", "rolebindings": "timeout", "roles": "seen", "namespaces": "excluded"}
    coverage: list[Row] = [{"kind": kind, "state": state} for kind, state in states.items()]
    text = text_of(sections(page_of(tables_of(coverage=coverage), run_of(one)))["coverage"])
    assert all(f"z: {gap}" in text for gap in one.gaps)
    assert "Any user may be a member of a group that was not listed" in text
    assert "Anyone may have access to these namespaces." in text
    assert "bindings to roles of these namespaces" not in text
    assert "Whether bound users still exist" not in text
    many = replace(PARTIAL, gaps=tuple(f"roles of ns-{number}: timeout" for number in range(60)))
    assert "z: and 10 more, all of them in" in text_of(page_of(tables_of(), run_of(many)))


def test_optional_lists_that_were_not_requested_are_named_beside_complete() -> None:
    """In the banner, and with zones and consequences in the coverage; excluded namespaces are counted there too."""
    kinds = {"a": ("users", "tokens"), "b": ("tokens",)}
    coverage: list[Row] = [
        {"zone": name, "kind": kind, "state": "not-asked"} for name, some in kinds.items() for kind in some
    ]
    page = page_of(tables_of(coverage=coverage), run_of(zone("a", excluded=2), zone("b", excluded=1)))
    banner = text_of(shell(page).partition("<main")[0])
    assert "● COMPLETE" in banner
    assert "3 namespaces excluded not requested: users, tokens" in banner
    text = text_of(sections(page)["coverage"])
    assert "Whether bound users still exist is unknown. Zones: a." in text
    assert "Which service accounts have non-expiring tokens is unknown. Zones: a, b." in text
    whole = page_of(tables_of(coverage=[{"kind": "users", "state": "seen"}]))
    assert "not requested" not in shell(whole)
    assert "excluded" not in whole.partition("<main")[0].partition("<header")[2]


def test_an_unknown_finding_is_unknown_on_paper_and_without_a_script() -> None:
    """Marked in the summary, behind a certain one of the same severity."""
    findings: list[Row] = [
        {"id": "1", "title": "maybe", "severity": "high", "state": "open", "answer": UNKNOWN},
        {"id": "2", "title": "surely", "severity": "high", "state": "open", "answer": YES},
    ]
    summary = sections(page_of(tables_of(findings=findings)))["overview"].partition('class="summary"')[2]
    assert re.findall(r"<tr><td>high</td><td>(.*?)</td><td>(\w+)</td>", summary) == [
        ("yes", "surely"),
        ('<span class="unknown">unknown</span>', "maybe"),
    ]


def test_the_overview_s_charts_are_pictures_with_words() -> None:
    """Bars have titles, a sum, and parts as long as their counts; the darkest cell has the most."""
    rows: list[Row] = [
        {"subject": f"u{number}", "push": YES if number else UNKNOWN, "how": "named"} for number in range(4)
    ]
    page = sections(page_of(tables_of(access=[*rows, {**AUTHENTICATED, "pull": YES, "how": "custom"}])))["overview"]
    assert "<title>named: 3 rows that can push, 1 that cannot</title>" in page
    assert re.findall(r'width="([\d.]+)" height="16" class="(\w+)"', page)[:2] == [
        ("225.0", "solid"),
        ("75.0", "light"),
    ]
    assert "<title>ns in z: 3 users, 0 service accounts</title>" in page
    assert '<td class="shade-4"><a href="#/namespaces?open_pull=every%20user&amp;organization=">1</a>' in page


def test_the_trend_shows_earlier_runs_beside_this_one() -> None:
    """How many findings each had, and a mark where not all was seen; without an earlier run there is none."""
    counts = {"critical": 1, "high": 3, "medium": 2, "low": 0, "info": 4}
    run = replace(run_of(), started="2026-01-03T00:00:00Z", findings=Tally(counts, 0, 0, 0, 0, "", False, 0))
    past = [
        EarlierSummary("2026-01-01T00:00:00Z", "complete", {"critical": 2}),
        EarlierSummary("2026-01-02T00:00:00Z", "partial", {}),
    ]
    page = sections(b"".join(render_page(tables_of(), run, Platform(), past)).decode())["overview"]
    assert "Findings of the last 3 runs: 2026-01-01 2, 2026-01-02 0, 2026-01-03 10" in page
    assert "<title>2026-01-03T00:00:00Z (complete): 1 critical, 3 high, 6 less severe</title>" in page
    assert re.findall(r'class="value middle">([\d+]+)</text>', page) == ["2", "0+", "10"]
    heights = re.findall(r'width="30" height="([\d.]+)"', page)
    assert [float(height) for height in heights] == [20, 0, 0, 0, 0, 0, 10, 30, 60]
    for alone in (render_page(tables_of(), run, Platform()), render_page(tables_of(), run_of(), Platform(), past)):
        assert "Findings by run" not in b"".join(alone).decode()


def test_the_summary_lists_the_worst_findings() -> None:
    """Those that nobody has decided on, with all names; without one, how much was seen."""
    summary = text_of(sections(page_of(sample(), sample_run()))["overview"].partition('class="summary"')[2])
    assert summary.index("May push in every namespace") < summary.index("A person of another organization")
    assert "Anybody may pull" not in summary
    empty = text_of(sections(page_of(tables_of(), run_of(zone(), PARTIAL)))["overview"])
    assert "No findings: 1 of 2 zones read completely." in empty
    assert "No access was found: 2 zones read, partial." in empty


def test_what_nothing_can_answer_is_told_with_the_controls_that_ask_it() -> None:
    """Each reason once, also to those who have no script; a control of which nothing is answered is marked as such."""
    text = " ".join(Parsed(shell(page_of(sample(), sample_run()))).texts)
    need = "Whether somebody needs what they have: a person decides, in a review. SOC 2 CC6.3, PCI DSS 4 7.2.4"
    assert f"{need} How people log in" in re.sub(r"\s+", " ", text)
    assert "NIST 800-53 IA-2 (entirely)" in text
    assert text.count("a person decides") == 1
    every = page_of({**sample(), "controls": controls_table()}, sample_run())
    told = " ".join(Parsed(shell(every)).texts)
    for framework in BUILT_IN.frameworks:
        assert all(framework.named(one) in told and one.not_answered in told for one in framework.controls)
    assert "What this report cannot answer" not in page_of(
        {**sample(), "controls": table_of("controls", [])}, sample_run()
    )


def test_the_method_names_every_check_and_its_controls() -> None:
    """And the words that the page uses."""
    text = text_of(sections(page_of(tables_of()))["method"])
    for check in CHECKS.values():
        assert check.title in text
        assert ", ".join(check.controls) in text


def test_it_can_be_read_without_eyes_and_used_without_a_mouse() -> None:
    """A language, one heading of the first order, scopes, and regions that can be scrolled by keys."""
    page = Parsed(shell(page_of(sample(), sample_run())))
    tags = page.shape()[0]
    assert next(page.all("html"))["lang"] == "en"
    assert tags.count("h1") == 1
    assert {attributes.get("scope") for attributes in page.all("th")} == {"col", "row"}
    regions = [attributes for attributes in page.all("div") if attributes.get("role") == "region"]
    assert len(regions) == 3
    assert all(attributes["tabindex"] == "0" and attributes["aria-label"] for attributes in regions)


def test_rows_are_as_wide_as_their_headings() -> None:
    """Every cell stands under its heading, in every table."""
    tables = re.findall("<table.*?</table>", shell(page_of(sample(), sample_run())), re.DOTALL)
    assert len(tables) == 4
    for one in tables:
        head, _, body = one.partition("<tbody>")
        assert all(len(re.findall("<t[dh]", row)) == head.count("<th ") for row in body.split("</tr>")[:-1]), head


def test_equal_facts_give_equal_bytes() -> None:
    """No clock, no order of chance."""
    assert page_of(sample(), sample_run()) == page_of(sample(), sample_run())
    assert next(iter(render_page(sample(), sample_run(), Platform()))).startswith(b"<!DOCTYPE html>\n")


def test_the_state_of_several_zones() -> None:
    """Complete when all are, failed when all are, else partial."""
    assert overall_state(["complete", "complete"]) == "complete"
    assert overall_state(["failed"]) == "failed"
    assert overall_state(["complete", "failed"]) == "partial"


def test_a_run_is_as_old_as_its_oldest_facts() -> None:
    """Zones of different age; one that was never read has none."""
    zones = [zone(as_of=when) for when in ("2026-02-01T00:00:00Z", "", WHEN)]
    assert run_of(*zones).as_of == WHEN
    assert run_of(zones[1]).as_of == ""


def test_equal_facts_have_one_digest() -> None:
    """Over the snapshots' names and digests, in no order but their own."""
    one, other = WrittenFile("snapshots/a.snapshot", 1, "aa"), WrittenFile("snapshots/b.snapshot", 2, "bb")
    lines = "aa  snapshots/a.snapshot\nbb  snapshots/b.snapshot\n"
    assert evidence_digest([other, one]) == hashlib.sha256(lines.encode()).hexdigest()
    assert evidence_digest([one]) != evidence_digest([WrittenFile(one.name, one.size, "ab")])
