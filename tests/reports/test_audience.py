"""Reports for one zone or one organization: all that it needs to know, and no name of another organization's."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from audit.access.facts.build import facts_of
from audit.cli import run_command
from audit.command_line.sources import saved
from audit.errors import UsageError
from audit.runs.info import RunInfo, zone_info
from audit.tables.model import Table, joined, table_of
from audit.tables.schemas import OF_THE_RUN, SCHEMAS, UNKNOWN, YES
from audit.tenancy.platform import Platform
from reports.audience import Audience, audience, audiences, cut
from reports.formats import FORMATS, Report, files_for
from reports.html.page_tables import page_tables
from tests.paths import DEMO
from tests.reports.html.blocks_reader import texts_of
from tests.reports.html.pages import AUTHENTICATED, NOBODY, Row, run_of, zone
from tests.reports.html.test_page import shell
from tests.reports.html.test_page_tables import lines

SPACES: Sequence[Row] = [
    {"zone": "z", "namespace": "acme-shop", "organization": "acme"},
    {"zone": "z", "namespace": "shop", "organization": "beta"},
    {"zone": "z", "namespace": "free"},
]
PLACE: Row = {"zone": "z", "namespace": "acme-shop", "repository": "*", "pull": YES}


def report_of(**rows: Sequence[Row]) -> Report:
    """Return a report of one zone."""
    tables = {name: [table_of(name, rows.get(name, []))] for name in SCHEMAS}
    tables["namespaces"] = [table_of("namespaces", [*SPACES, *rows.get("namespaces", [])])]
    return Report(run_of(zone()), tables)


def for_acme(**rows: Sequence[Row]) -> Report:
    return report_of(**rows).of(Audience("organization", "acme"))


def subjects(report: Report) -> list[str]:
    return report.tables["access"][0].text("subject").strings()


@pytest.mark.parametrize(
    ("kind", "subject", "shown"),
    [
        ("User", "ann", "ann"),
        ("User", "bob", "(of another organization) 5"),
        ("User", "both", "both"),
        ("User", "stranger", "stranger"),
        ("Group", "acme", "acme"),
        ("Group", "acme+ops", "acme+ops"),
        ("Group", "beta+ops", "(of another organization) 2"),
        ("Group", "anything", "anything"),
        ("ServiceAccount", "acme-shop:ci", "acme-shop:ci"),
        ("ServiceAccount", "shop:ci", "(of another organization) 5"),
        ("ServiceAccount", "openshift-build:ci", "openshift-build:ci"),
        ("Group", "system:serviceaccounts:shop", "(of another organization) 5"),
        ("Group", "system:authenticated", "system:authenticated"),
        ("AnyUser", "*", "*"),
    ],
)
def test_who_keeps_a_name(kind: str, subject: str, shown: str) -> None:
    """Their own, everybody, the platform, and who is bound in their namespaces and known to be of nobody else."""
    pairs = (("ann", "acme"), ("bob", "beta+ops"), ("both", "acme"), ("both", "beta+ops"))
    grants = [{"zone": "z", "namespace": "free", "subject": who, "group": group} for who, group in pairs]
    row = {**PLACE, "subject_kind": kind, "subject": subject}
    told = subjects(for_acme(access=[row], grants=[{**one, "subject_kind": "User"} for one in grants]))
    assert re.sub(r"\d+$", "5", told[0]) == re.sub(r"\d+$", "5", shown)


def test_rows_of_others_are_left_out_and_cluster_wide_ones_are_not() -> None:
    """What holds everywhere holds in their namespaces too; who has it is a number, unless it is theirs or everybody."""
    who = [("User", "operator"), ("ServiceAccount", "acme-shop:ci"), ("ServiceAccount", "shop:ci")]
    rows = [{**PLACE, "namespace": "*", "subject_kind": kind, "subject": name} for kind, name in who]
    rows += [{**PLACE, **NOBODY, "namespace": "*"}, {**PLACE, **AUTHENTICATED, "namespace": "shop"}]
    rows.append({**PLACE, "namespace": "shop", "subject_kind": "ServiceAccount", "subject": "acme-shop:ci"})
    told = subjects(for_acme(access=rows))
    assert [re.sub(r" \d+$", "", name) for name in told] == [
        "(not shown)",
        "acme-shop:ci",
        "(of another organization)",
        "system:unauthenticated",
    ]


def test_a_finding_about_several_namespaces_is_told_to_those_whom_it_concerns() -> None:
    """Its account is theirs, or bound in a namespace of theirs; or a binding or role of the whole zone makes it.

    That something was not seen concerns everybody, and so do the platform's own.
    """
    several = [
        {"zone": "z", "namespace": "*", "subject_kind": "ServiceAccount", "subject": f"{name}:ci"} for name in "ab"
    ]
    theirs: Row = {**several[0], "subject": "acme-shop:ci"}
    wide = [{**several[1], "binding": "all"}, {"zone": "z", "namespace": "*", "role": "view"}]
    everybody: list[Row] = [
        {**wide[1], "role": "", "subject_kind": "Any", "subject": "*"},
        {**wide[1], "role": "", "subject_kind": "Group", "subject": "system:authenticated"},
    ]
    findings = [{**one, "check": str(at)} for at, one in enumerate([*several, theirs, *wide, *everybody])]
    part = for_acme(findings=findings, grants=[{**PLACE, **several[0], "namespace": "acme-shop"}])
    assert part.tables["findings"][0].text("check").strings() == ["0", "2", "3", "4", "5", "6"]


def test_numbers_tell_people_apart_and_belong_as_before() -> None:
    """Two are two, one is one in every table, and the page still says that they are of another organization."""
    who = [{"subject_kind": "ServiceAccount", "subject": name} for name in ("shop:a", "shop:b", "shop:a")]
    repositories = ("*", "*", "web")
    rows = [{**PLACE, **one, "repository": name} for one, name in zip(who, repositories, strict=True)]
    part = for_acme(access=rows, grants=[{k: v for k, v in rows[0].items() if k != "grants"}])
    told = subjects(part)
    assert told[0] == told[2] != told[1]
    assert part.tables["grants"][0].text("subject").strings() == told[:1]
    made = page_tables({name: joined(tables) for name, tables in part.tables.items()}, Platform())
    assert {row["belongs"] for row in lines(made["access"])} == {"other organization"}
    assert lines(made["namespaces"])[0]["pull_outside"] == 2


def test_names_inside_sentences_are_replaced_and_names_of_their_own_are_not() -> None:
    """The longest name counts: `acme-shop` is theirs, `shop` is not, and `shopping` is neither."""
    place = {"zone": "z", "namespace": "acme-shop", "subject_kind": "ServiceAccount", "subject": "shop:ci"}
    said = "shop:ci of shop, who is in (beta), reaches acme-shop:web by shopping; not acme-shop-2"
    hostile: Row = {"zone": "z", "namespace": "<b>\U0001f980</b>", "organization": "\U0001f980"}
    findings = [{**place, "detail": said, "remedy": "oc adm x 'shop:ci'", "check": "shop"}]
    changes = [{**place, "cause": "\U0001f980 came", "binding": "beta"}, {"object": "zone", "namespace": ""}]
    part = for_acme(findings=findings, changes=changes, namespaces=[hostile])
    (finding,) = part.tables["findings"][0].records()
    masked = re.sub(r"\(of another organization\) \d+", "X", str(finding["detail"]))
    assert masked == "X of X, who is in (X), reaches acme-shop:web by shopping; not acme-X-2".replace(
        "acme-X", "acme-shop"
    )
    assert re.fullmatch(r"oc adm x '\(of another organization\) \d+'", str(finding["remedy"]))
    assert finding["check"] == "shop"
    (change,) = part.tables["changes"][0].records()
    assert re.fullmatch(r"\(of another organization\) \d+ came", str(change["cause"]))
    assert str(change["binding"]).startswith("(of another organization)")


def test_the_run_is_told_as_far_as_it_concerns_them() -> None:
    """Zones where they have namespaces, how many, and gaps without names of others; still partial."""
    gaps = ("groups: refused", "roles of acme-shop: timeout", "roles of shop: timeout")
    other = report_of()
    tables = {name: [one, table_of(name, [])] for name, (one,) in other.tables.items()}
    tables |= {name: list(other.tables[name]) for name in OF_THE_RUN}
    run = run_of(zone("z", "partial", 3, gaps=gaps), zone("y"))
    told, part = cut(tables, run, Audience("organization", "acme"), Platform())
    (one,) = part.zones
    assert (one.id, one.state, one.namespaces) == ("z", "partial", 1)
    assert one.gaps == ("groups: refused", "roles of acme-shop: timeout", "1 more, of namespaces of others")
    assert all(len(found) == 1 for found in told.values())


def test_a_zone_has_its_own_rows_and_exceptions_only() -> None:
    """With every name; and not the changes of another."""
    tables = {name: [table_of(name, [{"zone": zone, "namespace": f"ns-{zone}"}]) for zone in "ab"] for name in SCHEMAS}
    tables["findings"] = [table_of("findings", [{"zone": zone, "exception": f"x{zone}"}]) for zone in "ab"]
    tables["changes"] = [table_of("changes", [{"zone": zone} for zone in "ab"])]
    tables["exceptions"] = [table_of("exceptions", [{"id": f"x{zone}"} for zone in "ab"])]
    told, run = cut(tables, run_of(zone("a"), zone("b")), Audience("zone", "b"), Platform())
    assert [one.id for one in run.zones] == ["b"]
    for name, (table,) in ((name, found) for name, found in told.items() if name != "controls"):
        column, value = ("id", "xb") if name == "exceptions" else ("zone", "b")
        assert table.text(column).strings() == [value], name


@cache
def demo() -> tuple[dict[str, list[Table]], RunInfo]:
    """Return the tables of the zones that come with the program."""
    snapshots = saved([str(path) for path in sorted(DEMO.glob("demo-*"))], ())
    made = [facts_of(one) for one in snapshots]
    tables = {name: [found[name] if name in found else table_of(name, []) for found in made] for name in SCHEMAS}
    tables |= {name: [table_of(name, [])] for name in OF_THE_RUN}
    return tables, run_of(*map(zone_info, snapshots))


def names_of(tables: Mapping[str, Sequence[Table]], organization: str) -> set[str]:
    """Return the names that are another organization's: namespaces, accounts, groups, people in no group of theirs."""
    spaces = [row for table in tables["namespaces"] for row in table.records()]
    others = {str(row["namespace"]) for row in spaces if row["organization"] not in {"", organization}}
    own = {str(row["namespace"]) for row in spaces} - others
    owners = {str(row["organization"]) for row in spaces} - {"", organization}
    grants = [row for table in tables["grants"] for row in table.records()]
    mine = {str(row["subject"]) for row in grants if str(row["group"]).partition("+")[0] == organization}
    theirs = {str(row["subject"]) for row in grants if str(row["group"]).partition("+")[0] in owners} - mine
    groups = {str(row["group"]) for row in grants if str(row["group"]).partition("+")[0] in owners}
    accounts = {str(row["subject"]) for row in grants if str(row["subject"]).partition(":")[0] in others - own}
    return (others - own) | owners | theirs | groups | accounts


@pytest.mark.parametrize("organization", [f"org-{number:04d}" for number in range(3)])
def test_not_one_name_of_another_organization_is_in_its_files(organization: str) -> None:
    """Searched in every file of every format, with the texts of the page's data unpacked."""
    tables, run = demo()
    others = names_of(tables, organization)
    assert len(others) > 50
    texts = 0
    for file in files_for(Report(run, tables), ["csv", "html"], [Audience("organization", organization)]):
        if not file.name.startswith("by-organization/"):
            continue
        text = b"".join(file.chunks).decode()
        for part in unfolded(text):
            texts += 1
            found = [name for name in others if name in part]
            assert not found, (file.name, found[:3])
        assert organization in text or not file.name.endswith(("access.csv", "grants.csv", "namespaces.csv"))
    assert texts > 200


def unfolded(text: str) -> Iterator[str]:
    """Yield what people can read of a file: for the page, its shell and each text of its data."""
    if not text.startswith("<!DOCTYPE"):
        yield text
        return
    yield shell(text)
    (block,) = re.findall(r'id="block-texts">([^<]*)<', text)
    yield from texts_of(block)


def test_its_own_rows_are_all_there() -> None:
    """As many as a loop over the whole table counts."""
    tables, run = demo()
    told, _ = cut(tables, run, Audience("organization", "org-0001"), Platform())
    spaces = {
        (row["zone"], row["namespace"])
        for one in tables["namespaces"]
        for row in one.records()
        if row["organization"] == "org-0001"
    }
    everywhere = {(zone, "*") for zone, _ in spaces}
    rows = [row for one in tables["access"] for row in one.records()]
    mine = [row for row in rows if (row["zone"], row["namespace"]) in spaces | everywhere]
    assert sum(map(len, told["access"])) == len(mine) > 0
    assert sum(len(one) for one in told["namespaces"]) == len(spaces)


def test_who_can_have_a_report() -> None:
    """Every zone and organization that there is, or the one that is named; nobody else."""
    tables, run = demo()
    everybody = audiences(tables, run, ["zone", "organization"])
    assert everybody[-2:] == [Audience("zone", "demo-1"), Audience("zone", "demo-2")]
    assert Audience("organization", "org-0001") in everybody
    assert audiences(tables, run) == []
    assert audiences(tables, run, ["zone"], [audience("zone:demo-1")]) == everybody[-2:]
    with pytest.raises(UsageError, match=r"no organization nobody .*this run has: org-0000"):
        audiences(tables, run, [], [audience("organization:nobody")])
    with pytest.raises(UsageError, match=r"no organization acme .*this run has: none"):
        audiences({**tables, "namespaces": []}, run, [], [audience("organization:acme")])
    for wrong in ("acme", "org:acme", "zone:", ""):
        with pytest.raises(UsageError, match="zone:ID or organization:NAME"):
            audience(wrong)


@pytest.mark.parametrize("name", ["../../etc", "", ".", "A/B", "a\0b", "ACME", "x" * 300, "half\udcff", "-"])
def test_a_name_leads_into_no_other_folder(name: str) -> None:
    """A name that is no plain one is a digest; two names are two folders."""
    folder = Audience("organization", name).folder
    assert re.fullmatch(r"by-organization/name-[0-9a-f]{16}", folder)
    assert Audience("organization", "acme-1.x").folder == "by-organization/acme-1.x"
    assert folder != Audience("organization", f"{name}.").folder


def test_reports_of_their_own_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--for` writes them beside the whole report, in the chosen formats; the manifest names them."""
    command = ["report", "--snapshot", str(DEMO / "demo-1"), "--out", str(tmp_path), "--format", "html"]
    assert run_command([*command, "--for", "organization:org-0001", "--for", "zone:demo-1"]) == 0
    folder = tmp_path / "latest"
    for name in ("by-organization/org-0001/report.html", "by-zone/demo-1/report.html", "report.html"):
        assert (folder / name).is_file()
        assert name in (folder / "manifest.json").read_text()
    capsys.readouterr()
    assert run_command([*command, "--for", "organization:nobody"]) == 2
    assert "this run has no organization nobody" in capsys.readouterr().err


def test_reports_of_their_own_by_configuration(tmp_path: Path) -> None:
    """`output.reports_by` gives each zone one."""
    config = tmp_path / "config.yaml"
    config.write_text(
        f"zones: [{{id: z, source: {{dump: {DEMO / 'demo-1'}}}}}]\n"
        f"output: {{directory: {tmp_path / 'out'}, formats: [csv], reports_by: [zone]}}\n"
    )
    assert run_command(["run", "--config", str(config)]) == 0
    assert (tmp_path / "out" / "latest" / "by-zone" / "z" / "access.csv").is_file()


def test_every_format_can_be_cut() -> None:
    """What is not known stays so."""
    rows = [{**PLACE, "subject_kind": "User", "subject": "ann", "push": UNKNOWN}]
    part = for_acme(access=rows)
    assert part.tables["access"][0].numbers("push").tolist() == [UNKNOWN]
    for name in FORMATS:
        assert [*FORMATS[name](replace(part))]
