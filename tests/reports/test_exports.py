"""Exports: read back by other libraries, the same for the same run, valid, and no name in them is ever a formula."""

import io
import json
import zipfile
from typing import Any

import msgspec
import openpyxl
from openpyxl.utils.escape import unescape

from audit.campaigns.lines import Line, review_lines
from audit.findings.controls import controls_table
from audit.findings.model import FindingRecord, findings_table
from audit.runs.info import RunInfo, zone_info
from audit.snapshot.model import Gap
from audit.tables.model import Table, table_of
from audit.tables.schemas import SCHEMAS
from audit.tables.spreadsheet import plain
from audit.tenancy.platform import Platform
from reports.formats import FORMATS
from reports.jsonl import jsonl_chunks
from reports.ocsf import ocsf_chunks
from reports.pack import DECISIONS, Sheet, review_pack
from reports.xlsx import splits, xlsx_chunks
from tests.findings.test_findings import found_in
from tests.runs.read_findings import ocsf_schema
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import HOSTILE, world_of
from tests.worlds.small import BOUND, bind, role, rule, world
from tests.worlds.snapshots import all_tables, snapshot_of

WHEN = "2026-03-01T04:00:00Z"
EVERY_FORMAT = [part for name in FORMATS for part in ("--format", name)]


def info(*snapshots: Any) -> RunInfo:
    return RunInfo("20260301T040000Z", "1.0", WHEN, WHEN, "", tuple(zone_info(one) for one in snapshots))


def tables_of_run(*worlds: World) -> tuple[RunInfo, dict[str, list[Table]]]:
    snapshots = [snapshot_of(one, zone=f"zone-{at}") for at, one in enumerate(worlds, 1)]
    made = [all_tables(snapshot) for snapshot in snapshots]
    tables = {name: [one[name] for one in made] for name in SCHEMAS}
    return info(*snapshots), tables | {"controls": [controls_table()], "exceptions": [table_of("exceptions", [])]}


def book_of(*worlds: World) -> Any:
    run, tables = tables_of_run(*worlds)
    data = b"".join(xlsx_chunks(review_pack(run, tables, Platform()), WHEN))
    return openpyxl.load_workbook(io.BytesIO(data))


def test_json_lines_hold_exact_values() -> None:
    """Hostile names as they are, answers as words, and null for a count that is not known."""
    snapshots = [snapshot_of(world_of(seed), zone=f"zone-{seed}") for seed in range(6)]
    for name in SCHEMAS:
        tables = [all_tables(snapshot)[name] for snapshot in snapshots]
        lines = b"".join(jsonl_chunks(name, tables)).decode().split("\n")
        counts = {column.name for column in SCHEMAS[name] if column.type == "count"}
        expected = [
            {key: None if key in counts and value == -1 else value for key, value in record.items()}
            for table in tables
            for record in table.records()
        ]
        assert [json.loads(line) for line in lines[:-1]] == expected
        assert lines[-1] == ""


def events(found: list[FindingRecord]) -> list[Any]:
    snapshot = snapshot_of(BOUND)
    return [
        json.loads(line)
        for chunk in ocsf_chunks([findings_table(found)], info(snapshot))
        for line in chunk.splitlines()
    ]


def test_ocsf_events_follow_their_schema() -> None:
    """Findings of every check that the demo has, of every state and answer; one that is spoiled does not."""
    validator = ocsf_schema()
    found = [structs_replace(one, state=state) for one in found_in(BOUND) for state in ("new", "gone")]
    made = events(found)
    assert len(made) == len(found) > 2
    for event in made:
        validator.validate(event)
    assert {event["activity_name"] for event in made} == {"Create", "Close"}
    spoiled = made[0] | {"severity_id": "high"}
    assert not validator.is_valid(spoiled)


def test_ocsf_says_what_the_finding_says() -> None:
    """Times in milliseconds, who, where, by which binding, and its stage."""
    (public,) = (one for one in found_in(BOUND) if one.check == "anonymous-pull")
    event, accepted, still, gone = events(
        [public, *(structs_replace(public, state=state) for state in ("accepted", "open", "gone"))]
    )
    assert event["user"] == {
        "name": "system:unauthenticated",
        "type": "Group",
        "type_id": 99,
        "groups": [{"name": "system:unauthenticated"}],
    }
    assert event["resources"][0]["namespace"] == "shop"
    assert event["finding_info"]["uid"] == public.id
    assert event["permission_analysis_results"][0]["policy"]["name"] == (
        "RoleBinding public to ClusterRole system:image-puller"
    )
    assert [(one["activity_id"], one["status"]) for one in (event, accepted, still, gone)] == [
        (1, "New"), (2, "Suppressed"), (2, "New"), (3, "Resolved")
    ]  # fmt: skip
    (timed,) = events([structs_replace(public, first_seen="2026-01-01T00:00:00Z", last_seen="no time")])
    assert timed["finding_info"]["first_seen_time"] == 1767225600000
    assert "last_seen_time" not in timed["finding_info"]
    assert timed["time"] == 1772337600000
    kinds = {"User": ("User", 1), "ServiceAccount": ("System", 3), "Any": ("Unknown", 0)}
    for kind, (word, number) in kinds.items():
        (one,) = events([structs_replace(public, subject_kind=kind, subject="x", binding="", role="", namespace="*")])
        assert (one["user"]["type"], one["user"]["type_id"]) == (word, number)
        assert one["permission_analysis_results"][0]["policy"]["name"] == "anonymous-pull"
    (nobody,) = events([structs_replace(public, subject_kind="", subject="", remedy="")])
    assert not {"user", "remediation"} & nobody.keys()
    for made in (event, accepted, still, gone, timed, nobody):
        ocsf_schema().validate(made)


def structs_replace(found: FindingRecord, **changes: str) -> FindingRecord:
    return msgspec.structs.replace(found, **changes)


def test_a_workbook_is_the_same_for_the_same_run() -> None:
    """Byte for byte, whenever it is written."""
    run, tables = tables_of_run(BOUND, world_of(1))
    one, other = (b"".join(xlsx_chunks(review_pack(run, tables, Platform()), WHEN)) for _ in range(2))
    assert one == other
    assert {entry.date_time[0] for entry in zipfile.ZipFile(io.BytesIO(one)).infolist()} == {1980}


def test_no_name_becomes_a_formula_a_link_or_a_number() -> None:
    """Every hostile name stands there as a text, also as long as a cell can hold and with what no workbook can."""
    book = book_of(*(world_of(seed) for seed in range(20)))
    kinds = {
        cell.data_type for sheet in book.worksheets for row in sheet.iter_rows(min_row=2) for cell in row if cell.value
    }
    assert kinds <= {"s", "n", "inlineStr"}
    assert not any(cell.hyperlink for sheet in book.worksheets for row in sheet.iter_rows() for cell in row)
    texts = {cell.value for sheet in book.worksheets for row in sheet.iter_rows() for cell in row}
    assert {name for name in HOSTILE if name.isprintable()} & texts >= {"=cmd|'/C calc'!A0", "+49", "-1", "@x"}
    assert plain("a\x1b[31m\x00b\nc") == "a\\x1b[31m\\x00b\nc"
    assert plain("\ud800\uffff") == "\\ud800\\uffff"
    assert len(plain("x" * 40_000)) == 32_767
    assert plain("x" * 40_000).endswith("has all)")


def test_a_text_comes_back_from_a_workbook_as_it_went() -> None:
    """Also what looks like markup of a workbook, an escape of one, or begins and ends with spaces."""
    texts = [
        "<r><t>x</t></r>",
        "<b>&amp;</b>",
        "_x0041_",
        "_x005F_x0041_",
        "  a  b ",
        "a\nb",
        "]]>",
        "é漢😀",
        "0",
        "=1",
    ]
    sheet = Sheet("Texts", ("text", "n", "again"), len(texts), lambda _: ([text, 7, text] for text in texts))
    book = openpyxl.load_workbook(io.BytesIO(b"".join(xlsx_chunks([sheet], WHEN))))
    rows = [*book["Texts"].iter_rows(min_row=2, values_only=True)]
    read = [(unescape(str(first)), number, unescape(str(again))) for first, number, again in rows]
    assert read == [(text, 7, text) for text in texts]
    assert book["Texts"].dimensions == f"A1:C{len(texts) + 1}"


def test_people_can_decide_in_the_sheet() -> None:
    """A header that stays, filters, a list of decisions, and days where days are asked for; widths that can be read."""
    book = book_of(BOUND)
    assert book.sheetnames == [
        "Summary",
        "Causes",
        "Findings",
        "Namespaces",
        "Reviews",
        "Platform",
        "Privileged",
        "Routes",
        "Use",
        "Coverage",
        "Controls",
        "Method",
    ]
    for sheet in book.worksheets:
        assert sheet.freeze_panes == "A2", sheet.title
        assert sheet.auto_filter.ref, sheet.title
    sheet = book["Reviews"]
    rules = {str(one.sqref): one for one in sheet.data_validations.dataValidation}
    last = sheet.max_row
    assert rules[f"B2:B{last}"].formula1 == f'"{",".join(DECISIONS)}"'
    assert {rules[f"{column}2:{column}{last}"].type for column in "CE"} == {"date"}
    assert not book["Coverage"].data_validations.dataValidation


def test_a_sheet_that_is_too_long_goes_on_in_another() -> None:
    """And the first sheet says so; no row is lost, and one that just fits is not split."""

    def rows(count: int) -> Sheet:
        return Sheet("Long", ("n",), count, lambda _: ([at] for at in range(count)))

    first = Sheet("Summary", ("what", "said"), 0, lambda told: [["split", text] for text in told])
    for count, sheets in ((9, 1), (10, 2), (18, 2), (19, 3)):
        data = b"".join(xlsx_chunks([first, rows(count)], WHEN, limit=10))
        book = openpyxl.load_workbook(io.BytesIO(data))
        assert book.sheetnames == ["Summary", "Long", "Long (2)", "Long (3)"][: sheets + 1]
        found = [row[0] for one in book.worksheets[1:] for row in one.iter_rows(min_row=2, values_only=True)]
        assert found == list(range(count))
        said = [row[1] for row in book["Summary"].iter_rows(min_row=2, values_only=True)]
        assert said == ([f"Long: {count} rows, in {sheets} sheets"] if sheets > 1 else [])
        assert len(splits([rows(count)], limit=10)) == (sheets > 1)


def lines_of(*pieces: Any, hidden: Any = ()) -> list[Line]:
    return list(review_lines(all_tables(snapshot_of(world(*pieces), hidden))["grants"], Platform()))


def test_a_line_is_one_grant_of_whoever_the_binding_names() -> None:
    """A group is one line, its people none; several repositories are one line; what gives nothing is none."""
    named = role("shop", "some", rule(["imagestreams/layers"], ["get"], resourceNames=["b", "a"]))
    found = lines_of(
        named,
        bind("shop", "team", "system:image-pusher", ("Group", "acme"), ("User", "kim")),
        bind("shop", "named", "some", ("User", "kim"), kind="Role"),
        bind("shop", "nothing", "missing", ("User", "kim")),
    )
    mine = {(line.binding, line.subject): line for line in found if line.namespace == "shop"}
    assert (mine["team", "acme"].rights, mine["team", "acme"].privileged) == ("pull, push", True)
    assert ("team", "ann") not in mine
    assert (mine["named", "kim"].repositories, mine["named", "kim"].rights) == ("a, b", "pull")
    assert not mine["named", "kim"].privileged
    assert ("nothing", "kim") not in mine
    assert mine["team", "kim"].repositories == "*"
    assert len({line.id for line in found}) == len(found)


def test_a_line_says_what_the_registry_asks_for_beside_it() -> None:
    """Who may upload and not pull lacks pull, unless another grant gives it; on one of two repositories as well."""
    upload = role("shop", "upload", rule(["imagestreams/layers"], ["update"]))
    some = role("shop", "some", rule(["imagestreams/layers"], ["update"], resourceNames=["a", "b"]))
    pull_a = role("shop", "pull-a", rule(["imagestreams/layers"], ["get"], resourceNames=["a"]))
    found = lines_of(
        *(upload, some, pull_a),
        bind("shop", "upload", "upload", ("User", "kim"), ("User", "lee"), kind="Role"),
        bind("shop", "lee", "system:image-puller", ("User", "lee")),
        bind("shop", "some", "some", ("User", "pat"), kind="Role"),
        bind("shop", "pull-a", "pull-a", ("User", "pat"), kind="Role"),
    )
    said = {(line.binding, line.subject): (line.rights, line.lacks) for line in found}
    assert said["upload", "kim"] == ("push", "pull")
    assert said["upload", "lee"] == ("push", "")
    assert said["some", "pat"] == ("push", "pull")
    assert said["pull-a", "pat"] == ("pull", "")


def test_lines_of_campaigns_that_began_earlier_are_read() -> None:
    """They end with the path; and their causes have the ids under which answers come back."""
    line = lines_of()[0]
    assert msgspec.json.decode(msgspec.json.encode(line[:-1]), type=Line) == line._replace(lacks="")


def test_platform_grants_are_lines_apart() -> None:
    """What each namespace is given for its own accounts, the platform's namespaces and subjects; nobody else's."""
    found = {(line.namespace, line.binding): line for line in lines_of()}
    assert found["shop", "system:image-builders"].platform
    assert found["shop", "system:image-pullers"].platform
    assert found["openshift", "shared-resource-viewers"].platform
    assert not found["shop", "admin"].platform
    (alien,) = (
        line
        for line in lines_of(bind("shop", "system:image-builders", "admin", ("User", "kim")))
        if line.subject == "kim"
    )
    assert not alien.platform


def test_an_id_stays_and_a_path_does_not() -> None:
    """A role that grants more is the same line on another path; a role that was not seen is a question."""

    def line(verbs: list[str], hidden: Any = ()) -> Line:
        pieces = (role("", "some", rule(["imagestreams/layers"], verbs)), bind("shop", "b", "some", ("User", "kim")))
        return next(one for one in lines_of(*pieces, hidden=hidden) if one.binding == "b")

    before, same, wider = line(["get"]), line(["get"]), line(["get", "update"])
    assert before == same
    assert before.id == wider.id
    assert before.path != wider.path
    unseen = line(["get"], hidden=[Gap("clusterroles", "", "refused", "no")])
    assert unseen.rights.startswith("pull?, push?")
    assert unseen.id == before.id
