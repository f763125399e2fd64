"""What the configuration calls the platform's own is so in findings, on the page and in reports for an organization."""

import pytest

from audit.tables.model import Table
from audit.tables.schemas import YES
from audit.tenancy.belonging import belongs_column, expected, organization_column
from audit.tenancy.organizations import organizations_in
from audit.tenancy.platform import Platform, Release
from reports.audience import Audience
from reports.formats import Report
from tests.reports.html.pages import Row, run_of, zone
from tests.reports.test_audience import report_of

USUAL = Platform(release=Release(frozenset({"openshift-ci"})))
OURS = Platform(namespaces=("infra-*",), subjects=("group/operators",))
WHO = (
    ("Group", "operators"),
    ("ServiceAccount", "infra-ci:bot"),
    ("ServiceAccount", "openshift-ci:bot"),
)
ROWS: list[Row] = [
    {"zone": "z", "namespace": space, "repository": "*", "subject_kind": kind, "subject": name, "pull": YES}
    for space in ("infra-ci", "openshift-ci", "shop")
    for kind, name in (
        ("Group", "operators"),
        ("ServiceAccount", "infra-ci:bot"),
        ("ServiceAccount", "openshift-ci:bot"),
    )
]


def access(platform: Platform) -> tuple[Report, Table]:
    report = report_of(access=ROWS)
    report = Report(run_of(zone()), report.tables, platform=platform)
    return report, report.tables["access"][0]


@pytest.mark.parametrize(("platform", "own"), [(OURS, "operators infra-ci:bot"), (USUAL, "openshift-ci:bot")])
def test_the_page_calls_platform_what_the_configuration_does(platform: Platform, own: str) -> None:
    """Both ways: what it adds belongs to the platform, and what it leaves out does not."""
    report, table = access(platform)
    organizations = organizations_in(report.tables["namespaces"][0], report.tables["grants"][0])
    organization = organization_column(table, organizations)
    belongs = belongs_column(table, organization, organizations, platform).strings()
    subjects = table.text("subject").strings()
    assert {name for name, word in zip(subjects, belongs, strict=True) if word == "platform"} == {*own.split()}
    folded = [
        (row["namespace"], row["subject"]) for row, fold in zip(ROWS, expected(table, platform), strict=True) if fold
    ]
    spaces = {"infra-ci"} if platform is OURS else {"openshift-ci"}
    assert set(folded) == {(space, name) for space in spaces for name in own.split()}


@pytest.mark.parametrize("platform", [OURS, USUAL])
def test_an_organization_reads_the_names_that_the_configuration_calls_the_platforms(platform: Platform) -> None:
    """They are shown in every namespace; who is nobody's own and bound elsewhere only is not."""
    rows: list[Row] = [{**row, "namespace": "*"} for row in ROWS]
    report = Report(run_of(zone()), report_of(access=rows).tables, platform=platform)
    shown = set(report.of(Audience("organization", "acme")).tables["access"][0].text("subject").strings())
    names = {"operators", "infra-ci:bot", "openshift-ci:bot"}
    assert shown & names == {
        str(row["subject"]) for row in ROWS if platform.trusts(str(row["subject_kind"]), str(row["subject"]))
    }
