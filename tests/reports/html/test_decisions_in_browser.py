"""Causes first: what to decide on the overview, in its view and drawer, and as a ticket, scripts and exceptions."""

import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from audit.findings.exceptions import load_exceptions
from reports.markdown import markdown
from tests.reports.html.browser import Opened
from tests.reports.html.pages import Row, page_of, run_of, tables_of, zone

HOSTILE = "x\n# rm -rf ~ `id` <b>*bold*</b> @all \u202e\U0001f980"
PATCH = "oc patch rolebinding b -n ns --type=merge -p '{\"subjects\": []}'"


def cause(name: str, where: str, **more: str | int) -> Row:
    """Return a cause of one open critical finding."""
    counts = {"findings": 1, "critical": 1, "changes": 1, "namespaces": 1, "organizations": 1, "people": 1}
    words = {"severity": "critical", "kind": "binding", "checks": "anonymous-pull", "detail": f"Cause {name}"}
    return {"id": name, "zone": where, **words, **counts, "fix": f"# In zone {where}:\noc get {name}", **more}


def finding(name: str, **more: str | int) -> Row:
    """Return an open finding about user alice in `ns`."""
    words = {"check": "anonymous-pull", "title": "t", "severity": "high", "state": "new", "detail": f"Finding {name}"}
    place = {"zone": "a", "namespace": "ns", "subject_kind": "User", "subject": "alice"}
    return {"id": name, **words, **place, "answer": 1, "remedy": f"oc get {name}", "cause": "c1", **more}


CAUSES: list[Row] = [
    cause("c1", "a"),
    cause("c2", "a", detail=HOSTILE, fix=PATCH, namespaces=-1, people=-1, findings=3, unknown=1),
    cause("c3", "b", findings=9, critical=9, remains="another way"),
]
BINDING: Row = {"binding_kind": "RoleBinding", "binding": "b"}
FINDINGS: list[Row] = [
    finding("f1", **BINDING, remedy="oc adm longer\noc adm policy x"),
    finding("f2", **BINDING, remedy="oc adm policy x"),
    finding("f3", **BINDING, subject="bob", remedy=PATCH, cause="c2"),
    finding("f4", **BINDING, subject="eve*", remedy=PATCH, cause="c2", answer=2),
    finding("f5", subject="*", namespace="*", remedy="", subject_kind="Any"),
]


@pytest.fixture(scope="module")
def shared(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A page with a few causes and findings."""
    path = tmp_path_factory.mktemp("decisions") / "report.html"
    path.write_text(page_of(tables_of(causes=CAUSES, findings=FINDINGS), run_of(zone("a"), zone("b"))))
    one = Opened(browser, path)
    yield one
    one.close()


def texts(page: Page, button: str) -> dict[str, str]:
    """Press a button of the selection; return the texts that it shows, by name, and close them."""
    page.locator(".selection button", has_text=button).click()
    names = page.locator("#texts h3").all_inner_texts()
    found = dict(zip(names, (text.text_content() or "" for text in page.locator("#texts pre").all()), strict=True))
    page.keyboard.press("Escape")
    return found


def test_the_overview_begins_with_the_worst_causes_and_their_fixes(shared: Opened) -> None:
    """Of all zones together, with what the first ten close; each leads to its drawer."""
    page = shared.go("#/overview")
    assert "The first 3 causes close 11 of 11 critical and high findings" in page.locator("#view-overview").inner_text()
    links = page.locator(".causes a").all_inner_texts()
    assert links[:2] == ["Cause c3", "Cause c1"], "nine critical findings by one change come first"
    assert "oc get c3" in page.locator(".causes pre").first.inner_text()
    page.locator(".causes a").first.click()
    shared.shows("#/causes?row=c3")
    drawer = page.locator("#drawer").inner_text()
    assert "Fix in zone b" in drawer
    assert "another way" in drawer
    assert "# In zone b:\noc get c3" in page.locator("#drawer pre").first.inner_text()


def test_all_of_a_zone_is_no_unknown_number(shared: Opened) -> None:
    """-1 namespaces are all; -1 people are not known."""
    page = shared.go("#/causes?q=bold")
    cells = page.locator("regular-table tbody tr").first.inner_text().split("\t")
    assert "all" in cells
    assert "?" in cells


def test_several_causes_become_a_ticket_a_script_for_each_zone_and_exceptions(shared: Opened, tmp_path: Path) -> None:
    """By keys and by the box at the top; names are only text, and a patch comes first."""
    page = shared.go("#/causes")
    page.locator("regular-table").focus()
    page.keyboard.press("Home")
    page.keyboard.press("x")
    assert page.locator(".selection b").inner_text() == "1 row selected"
    page.locator("regular-table thead th").first.click()
    assert page.locator(".selection b").inner_text() == "3 rows selected"
    ticket = texts(page, "Ticket")["ticket.md"]
    assert markdown(HOSTILE) not in ticket.split("\n"), "it stands within a line"
    assert "\n# rm" not in ticket
    assert "<b>" not in ticket
    assert "      oc get c1" in ticket.split("\n")
    scripts = texts(page, "Script")
    assert [*scripts] == ["fix-b.sh", "fix-a.sh"]
    assert subprocess.run(["bash", "-n"], input=scripts["fix-a.sh"].encode(), check=True).returncode == 0
    commands = [line for line in scripts["fix-a.sh"].split("\n") if line.startswith("oc ")]
    assert commands == [PATCH, "oc get c1"]
    assert not [line for line in scripts["fix-a.sh"].split("\n") if line.startswith("rm ")]
    file = tmp_path / "exceptions.yaml"
    made = texts(page, "Exceptions")["exceptions.yaml"]
    made = made.replace('why: ""', 'why: "w"').replace('decided_by: ""', 'decided_by: "d"')
    file.write_text(made.replace('until: ""', "until: 2026-12-31"))
    loaded = load_exceptions(file)
    assert {(one.cause, one.limit, one.until) for one in loaded} == {
        (name, count, date(2026, 12, 31)) for name, count in (("c1", 1), ("c2", 3), ("c3", 9))
    }
    page.locator(".selection button", has_text="Clear").click()
    assert page.locator(".selection").is_hidden()


def test_findings_of_one_binding_share_a_remedy_and_patches_do_not_undo_each_other(
    shared: Opened, tmp_path: Path
) -> None:
    """The shortest of the remedies about one subject; several patches of one binding are left to the cause."""
    page = shared.go("#/findings")
    page.locator("regular-table thead th").first.click()
    (script,) = texts(page, "Script").values()
    commands = [line for line in script.split("\n") if line.startswith("oc ")]
    assert commands == ["oc adm policy x"]
    assert script.count("take the fix of cause c2") == 2
    assert "(unknown: data is missing)" in texts(page, "Ticket")["ticket.md"]
    file = tmp_path / "exceptions.yaml"
    made = texts(page, "Exceptions")["exceptions.yaml"]
    made = made.replace('why: ""', 'why: "w"').replace('decided_by: ""', 'decided_by: "d"')
    file.write_text(made.replace('until: ""', "until: 2026-12-31"))
    subjects = {(one.namespace, one.subject) for one in load_exceptions(file)}
    assert subjects == {("ns", "user/alice"), ("ns", "user/bob"), ("ns", "user/eve[*]"), ("[*]", "[*]")}
    page.locator(".selection button", has_text="Clear").click()


def test_a_finding_leads_to_its_cause_and_a_cause_to_its_findings(shared: Opened) -> None:
    """Both ways; a command of several lines is shown as such."""
    page = shared.go("#/findings?row=f1")
    assert "oc adm longer\noc adm policy x" in page.locator("#drawer pre").first.inner_text()
    assert '- check: "anonymous-pull"' in page.locator("#drawer").inner_text()
    page.locator("#drawer .links a", has_text="Cause").click()
    shared.shows("#/causes?row=c1")
    page.locator("#drawer .links a", has_text="Findings").click()
    shared.settled()
    assert shared.rows() == 3
