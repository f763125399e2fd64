"""The page: right numbers, nothing that runs, and it says how whole it is."""

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.access import tables_of
from audit.errors import printable
from audit.snapshot import Gap, Snapshot
from audit.tables import joined
from reports.html import render_html
from reports.run import RunInfo, overall, zone_info
from reports.view import View, make_view
from tests.facts_of import all_tables, snapshot_of
from tests.plain_rbac import World
from tests.test_commands import hostile_world
from tests.worlds import HOSTILE, world_of, worlds

REFUSED = [Gap("rolebindings", "ns-0", "refused", "403 forbidden")]


def view_of(*snapshots: Snapshot, limit: int = 10_000) -> View:
    run = RunInfo(
        "run-1", "1.0", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z", "abc", tuple(map(zone_info, snapshots))
    )
    made = [all_tables(one) for one in snapshots]
    return make_view({name: joined([tables[name] for tables in made]) for name in made[0]}, run, limit)


def page_of(view: View) -> str:
    return b"".join(render_html(view)).decode()


class Page(HTMLParser):
    """Collects the elements, attributes and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def attributes(self) -> Iterable[tuple[str, str]]:
        return ((name, value or "") for _, attributes in self.elements for name, value in attributes.items())


def test_only_the_page_s_own_style_and_script_can_run() -> None:
    """The policy allows nothing but what has the right hash; no handler, no address, no form."""
    page = page_of(view_of(snapshot_of(hostile_world())))
    policy = dict(Page(page).elements[3][1])["content"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    names = {name for name, _ in Page(page).attributes()}
    assert not {name for name in names if name.startswith("on") or name in {"src", "style", "action"}}
    assert all(value.startswith("#") for name, value in Page(page).attributes() if name == "href")
    assert "http:" not in page
    assert "https:" not in page


def test_hostile_names_are_text_and_nothing_else() -> None:
    """Every name is on the page as people can read it, and has made no element."""
    plain = Page(page_of(view_of(snapshot_of(world_of(1)))))
    page = Page(page_of(view_of(snapshot_of(hostile_world()))))
    for name in HOSTILE:
        assert printable(name) in page.texts, name
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in plain.elements} | {"span"}
    assert sum(tag == "script" for tag, _ in page.elements) == 1
    assert not any("\x1b" in text for text in page.texts)


@pytest.mark.parametrize(
    ("gaps", "state"),
    [
        ([], "COMPLETE"),
        (REFUSED, "PARTIAL"),
        ([Gap(k, "", "refused") for k in ("rolebindings", "clusterrolebindings")], "FAILED"),
    ],
)
def test_how_whole_it_is_stands_everywhere(gaps: list[Gap], state: str) -> None:
    """In the banner, and unless it is complete in every section; with the gaps and their reasons."""
    page = page_of(view_of(snapshot_of(world_of(1), gaps)))
    assert f"● {state}" in page
    sections = [text.partition("</section>")[0] for text in page.split("<section ")[1:]]
    with_rows = [text for text in sections if not text.startswith(('id="coverage"', 'id="method"'))]
    assert all((f"<strong>{state}:</strong>" in text) is bool(gaps) for text in with_rows)
    assert ("What was not seen" in page) is bool(gaps)
    assert all(gap.text in page for gap in gaps if gap.detail)


def test_what_does_not_fit_is_said() -> None:
    """Rows beyond the limit are counted, and the file that has them is named."""
    snapshot = snapshot_of(world_of(5))
    view = view_of(snapshot, limit=2)
    page = page_of(view)
    total = view.access.total
    assert total > 2
    assert len(view.access.rows) == 2
    assert f"Showing 2 of {total:,} rows, those open to everybody first" in page
    assert "Showing" not in page_of(view_of(snapshot))


def test_many_gaps_are_cut_with_a_count() -> None:
    """A hundred namespaces that were refused do not fill the page."""
    gaps = [Gap("rolebindings", f"ns-{number}", "refused", str(number)) for number in range(80)]
    assert "and 30 more, all of them in" in page_of(view_of(snapshot_of(world_of(1), gaps)))


def test_the_page_is_the_same_for_the_same_facts() -> None:
    """No clock, no order of chance."""
    assert page_of(view_of(snapshot_of(world_of(7)))) == page_of(view_of(snapshot_of(world_of(7))))


def test_an_empty_zone_is_a_page_too() -> None:
    """No namespace, no binding: said, not broken."""
    page = page_of(view_of(snapshot_of({plural: [] for plural in world_of(1)})))
    assert "No namespace has access of its own: 1 zones read, complete." in page


def rows_of(snapshots: Iterable[Snapshot]) -> list[dict[str, Any]]:
    return [row for one in snapshots for row in tables_of(one)["access"].records()]


@settings(max_examples=40)
@given(st.lists(worlds(), min_size=1, max_size=2), st.booleans())
def test_every_count_is_what_counting_by_hand_gives(found: list[World], partial: bool) -> None:
    """Namespaces, subjects and the overview's numbers, against loops over the table."""
    snapshots = [snapshot_of(w, REFUSED if partial else (), f"zone-{n}") for n, w in enumerate(found)]
    view, rows = view_of(*snapshots), rows_of(snapshots)
    local = [row for row in rows if row["namespace"] != "*"]
    for line in view.namespaces.rows:
        mine = [row for row in local if (row["zone"], row["namespace"]) == (line["zone"], line["namespace"])]
        for action in ("pull", "push", "create"):
            for kind, name in (("User", "people"), ("Group", "groups"), ("ServiceAccount", "accounts")):
                who = {row["subject"] for row in mine if row["subject_kind"] == kind and row[action] == "yes"}
                assert line[f"{action}_{name}"] == len(who)
        assert line["unknown"] == sum("unknown" in {row["pull"], row["push"], row["create"]} for row in mine)
        openings = {whom(row) for row in mine if row["pull"] == "yes"}
        assert line["open"] == ("anyone" if "anyone" in openings else "every user" if "every user" in openings else "")
    assert len(view.namespaces.rows) == len({(row["zone"], row["namespace"]) for row in local})
    for line in view.subjects.rows:
        mine = [row for row in rows if (row["subject_kind"], row["subject"]) == (line["subject_kind"], line["subject"])]
        assert line["zones"] == len({row["zone"] for row in mine})
        for action in ("pull", "push", "create"):
            able = {(row["zone"], row["namespace"]) for row in mine if row[action] == "yes"}
            assert line[f"{action}_namespaces"] == len({place for place in able if place[1] != "*"})
            assert line[f"{action}_everywhere"] == any(place[1] == "*" for place in able)
    assert view.numbers[0].value == open_places(rows, view.run, "anyone")
    assert view.numbers[1].value == open_places(rows, view.run, "every user")
    assert dict(view.hows) == {
        how: sum(row["how"] == how for row in rows) for how in {row["how"] for row in rows} if how
    }


def whom(row: dict[str, Any]) -> str:
    who = row["subject_kind"], row["subject"]
    if who in {("Group", "system:unauthenticated"), ("User", "system:anonymous")}:
        return "anyone"
    return "every user" if who in {("Group", f"system:authenticated{end}") for end in ("", ":oauth")} else ""


def open_places(rows: list[dict[str, Any]], run: RunInfo, to: str) -> int:
    able = [row for row in rows if row["pull"] == "yes" and whom(row) == to]
    everywhere = {row["zone"] for row in able if row["namespace"] == "*"}
    places = {(row["zone"], row["namespace"]) for row in able if row["zone"] not in everywhere}
    return len(places) + sum(zone.namespaces for zone in run.zones if zone.id in everywhere)


def test_the_state_of_several_zones() -> None:
    """Complete when all are, failed when all are, else partial."""
    assert overall(["complete", "complete"]) == "complete"
    assert overall(["failed"]) == "failed"
    assert overall(["complete", "failed"]) == "partial"


def test_a_run_is_as_old_as_its_oldest_facts() -> None:
    """Zones of different age; one that was never read has none."""
    zone = zone_info(snapshot_of(world_of(1)))
    ages = tuple(replace(zone, as_of=when) for when in ("2026-02-01T00:00:00Z", "", "2026-01-01T00:00:00Z"))
    assert RunInfo("r", "v", "", "", "", ages).as_of == "2026-01-01T00:00:00Z"
    assert RunInfo("r", "v", "", "", "", ages[1:2]).as_of == ""
