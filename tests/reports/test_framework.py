"""The pack for one framework: its controls with population, findings, exceptions and files, and nothing of others."""

import io
from datetime import date
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from audit.cli import run_command
from audit.controls.catalog import BUILT_IN
from audit.controls.model import Framework
from audit.findings.controls import controls_table
from audit.findings.exceptions import ExceptionEntry, exceptions_table
from audit.findings.model import findings_table
from audit.snapshot.model import Gap, encode
from audit.tables.model import table_of
from audit.tables.schemas import SEVERITIES
from reports.formats import Report, framework_files
from reports.framework import ControlEvidence, FrameworkPack
from tests.findings.test_findings import found_in
from tests.reports.test_exports import info
from tests.worlds.plain_rbac import World
from tests.worlds.small import bind, role, rule, world
from tests.worlds.snapshots import all_tables, decided, snapshot_of

HOSTILE = "<script>alert(1)</script>"
PIECES = (
    bind("", "admins", "cluster-admin", ("User", "eve")),
    bind("", "robots", "system:image-pusher", ("ServiceAccount", "shop:ci")),
    bind("", "strange", "system:image-pusher", ("User", HOSTILE)),
    bind("shop", "public", "system:image-puller", ("Group", "system:unauthenticated")),
    role("", "cleaner", rule(["images"], ["delete"])),
    bind("", "clean", "cleaner", ("User", "kim")),
)
ACCEPT = ExceptionEntry.model_validate(
    {
        "id": "x-1",
        "check": "prune",
        "subject": "user/kim",
        "why": "Kim cleans up.",
        "decided_by": "board",
        "until": "2027-01-01",
    }
)


def framework(name: str) -> Framework:
    found = BUILT_IN.framework(name)
    assert found
    return found


def report_of(made: World, *hidden: Gap) -> Report:
    snapshot = snapshot_of(made, hidden)
    found, uses = decided(found_in(made, hidden), [ACCEPT], date(2026, 3, 1))
    tables = {name: [table] for name, table in all_tables(snapshot).items()}
    tables |= {"findings": [findings_table(found)], "exceptions": [exceptions_table(uses)]}
    return Report(info(snapshot), tables | {"controls": [controls_table()], "changes": [table_of("changes", [])]})


def pack_of(name: str, made: World, *hidden: Gap) -> FrameworkPack:
    report = report_of(made, *hidden)
    return FrameworkPack(framework(name), report.run, report.tables, ["csv", "parquet"])


def control(pack: FrameworkPack, number: str) -> ControlEvidence:
    return next(one for one in pack.controls if one.control.id == number)


def test_a_control_has_its_own_findings_and_no_others() -> None:
    """People and accounts apart, and CIS 5.1.1 by its role alone."""
    pci = pack_of("pci-dss", world(*PIECES))
    people, accounts = control(pci, "7.2.2"), control(pci, "7.2.5")
    assert {row["subject"] for row in people.findings} == {"eve", HOSTILE, "kim"}
    assert {row["subject"] for row in accounts.findings} == {"shop:ci"}
    assert people.open["critical"] == 2
    assert accounts.population[0].endswith("service accounts")
    assert "people" not in accounts.population[0]
    cis = pack_of("cis-kubernetes", world(*PIECES))
    assert {row["subject"] for row in control(cis, "5.1.1").findings} == {"eve"}
    ranks = [SEVERITIES.index(str(row["severity"])) for row in people.findings]
    assert ranks == sorted(ranks)


def test_accepted_findings_are_counted_apart_with_their_exception() -> None:
    """Who decided and until when stands in the pack; an exception for other findings does not."""
    pack = pack_of("pci-dss", world(*PIECES))
    people = control(pack, "7.2.2")
    assert (people.accepted, people.exceptions) == (1, ["x-1"])
    assert [row["decided_by"] for row in pack.exceptions] == ["board"]
    assert pack_of("cis-kubernetes", world(*PIECES)).exceptions == []


def test_files_that_prove_it_are_those_of_the_run() -> None:
    """In the formats that it writes, and the snapshots; a control that nothing serves has none."""
    pack = pack_of("pci-dss", world(*PIECES))
    tables = ["access.csv", "parquet/access/", "findings.csv", "parquet/findings/"]
    assert control(pack, "7.2.2").files == [*tables, "findings.json", "snapshots/zone-1.snapshot"]
    nothing = control(pack, "7.2.1")
    assert (nothing.files, nothing.population, nothing.control.answered) == ([], [], "no")


def test_what_was_not_seen_is_said_before_any_number() -> None:
    """Also on the page, and as findings that are unknown."""
    gap = Gap("clusterrolebindings", "", "refused", "no")
    pack = pack_of("pci-dss", world(*PIECES), gap)
    assert [row["kind"] for row in pack.not_seen] == ["clusterrolebindings"]
    assert control(pack, "7.2.2").unknown > 0
    report = report_of(world(*PIECES), gap)
    page = b"".join(next(framework_files(report, framework("pci-dss"), ["csv"])).chunks).decode()
    assert "Not everything was read" in page


class Tags(HTMLParser):
    """The elements of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        assert not any(name.startswith("on") or name == "src" for name, _ in attrs)


def test_the_page_is_still_and_names_are_text() -> None:
    """No script, nothing from elsewhere; every control with what is not answered."""
    report = report_of(world(*PIECES))
    for one in BUILT_IN.frameworks:
        page = b"".join(next(framework_files(report, one, ["csv"])).chunks).decode()
        assert "script" not in Tags(page).names
        assert "default-src 'none'" in unescape(page)
        assert all(each.id in page for each in one.controls)
    assert "&lt;script&gt;alert(1)" in page


def test_the_workbook_has_every_finding_once() -> None:
    """With the controls of this framework that it touches; equal runs give equal bytes."""
    report = report_of(world(*PIECES))
    pages = [*framework_files(report, framework("iso-27001"), ["csv"])]
    data = b"".join(pages[1].chunks)
    assert data == b"".join([*framework_files(report, framework("iso-27001"), ["csv"])][1].chunks)
    book: Any = openpyxl.load_workbook(io.BytesIO(data))
    assert book.sheetnames == ["Summary", "Controls", "Findings", "Exceptions", "Not seen"]
    rows = [[cell.value for cell in row] for row in book["Findings"].rows][1:]
    assert len({row[1] for row in rows}) == len(rows) > 0
    touched = {number for row in rows for number in row[0].split(", ")}
    assert touched <= {one.id for one in framework("iso-27001").controls}
    assert book["Controls"].max_row == len(framework("iso-27001").controls) + 1


def test_a_run_writes_the_packs_that_are_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By id or name, also of own frameworks; one that is not known is refused with those that are."""
    snapshot = tmp_path / "zone-1.snapshot"
    snapshot.write_bytes(encode(snapshot_of(world(*PIECES))))
    one = "{id: P-1, asks: A., not_answered: B., checks: [prune]}"
    (tmp_path / "controls.yaml").write_text(f"frameworks: [{{id: policy, name: Our policy, controls: [{one}]}}]")
    (tmp_path / "config.yaml").write_text(
        "zones: [{id: zone-1}]\ncontrols: controls.yaml\noutput: {frameworks: [Our policy, nis2, NIS2 CIR 2024/2690]}\n"
    )
    command = ["report", "-s", str(snapshot), "-o", str(tmp_path / "out"), "-f", "csv"]
    assert run_command([*command, "-c", str(tmp_path / "config.yaml")]) == 0
    folder = tmp_path / "out" / "latest" / "frameworks"
    assert {path.name for path in folder.iterdir()} == {"nis2.html", "nis2.xlsx", "policy.html", "policy.xlsx"}
    assert "kim" in (folder / "policy.html").read_text()
    assert run_command(["check-evidence", str(tmp_path / "out" / "latest")]) == 0
    assert run_command([*command, "--framework", "sox"]) == 2
    assert "no such framework: sox (choose from soc2" in capsys.readouterr().err
