"""The map of controls: true to the editions it names, and complete."""

import re
from pathlib import Path
from typing import Any

import pytest

from audit.checks.rules.registry import CHECKS
from audit.controls import groups
from audit.controls.catalog import BUILT_IN
from audit.controls.model import Control, ControlCatalog, Framework
from audit.errors import ConfigError
from audit.findings.controls import controls_table
from audit.findings.own_controls import load_controls
from audit.tables.schemas import SCHEMAS
from reports.sarif import TAGS, _first_of_each

# The form of the numbers in each edition: what does not have it cannot stand there.
NUMBERS = {
    "soc2": r"CC[1-9]\.\d+",
    "iso-27001": r"A\.[5-8]\.\d{1,2}",
    "pci-dss": r"(1[0-2]|[1-9])(\.\d+){2,3}",
    "nist-800-53": r"(AC|AU|CM|IA)-\d+(\(\d+\))?",
    "nist-800-190": r"4\.2\.[123]",
    "cis-kubernetes": r"1\.2\.11|5\.1\.(1[0-3]|[1-9])",
    "cis-openshift": r"5\.1\.[1-6]|5\.2\.10|5\.5\.1",
    "c5-2020": r"AM-0[1-6]|DEV-(0[1-9]|10)|IDM-0[1-9]|OPS-(0[1-9]|1\d|2[0-4])",
    "c5-2026": r"AM-(0[1-9]|1[0-2])|IAM-0\d|OPS-3\d",
    "it-grundschutz": r"APP\.4\.4\.A([1-9]|1\d|2[01])|SYS\.1\.6\.A([1-9]|1\d|2[0-6])",
    "finma-2023-1": r"mn\. (77|78|80)",
    "nis2": r"11\.[1-7](\.\d( \([a-f]\))?)?",
}
# Accounts of systems, which no control on people may name.
OF_ACCOUNTS = {
    "foreign-account",
    "push-in-many-namespaces",
    "other-namespace-pull",
    "other-namespace-push",
    "missing-account",
    "missing-namespace",
    "default-push",
    "namespace-accounts-push",
    *groups.TOKENS,
}


def control(framework: str, number: str) -> Control:
    found = BUILT_IN.framework(framework)
    assert found
    return next(one for one in found.controls if one.id == number)


@pytest.mark.parametrize("framework", BUILT_IN.frameworks, ids=lambda one: one.id)
def test_a_framework_names_its_edition_and_only_its_own_numbers(framework: Framework) -> None:
    """Each once, with a summary, what is not answered, and checks and tables that exist."""
    assert framework.edition
    assert framework.source.startswith("https://")
    numbers = [one.id for one in framework.controls]
    assert len(set(numbers)) == len(numbers)
    for one in framework.controls:
        assert re.fullmatch(NUMBERS[framework.id], one.id), one.id
        assert one.asks.endswith(".")
        assert one.not_answered.endswith(".")
        assert set(one.checks) <= set(CHECKS)
        assert len(set(one.checks)) == len(one.checks), one.id
        assert set(one.tables) <= set(SCHEMAS)
        assert one.answered == ("partly" if one.checks or one.tables else "no")
        assert not one.checks or one.tables, f"{one.id}: a finding is a row of a table"


def test_every_edition_stands_in_the_catalog() -> None:
    """Two of C5, two benchmarks of CIS, and those of supervision and law."""
    names = [one.name for one in BUILT_IN.frameworks]
    assert len(set(names)) == len(names) == len(NUMBERS)
    assert {"BSI C5:2020", "BSI C5:2026", "PCI DSS 4.0.1", "CIS Kubernetes 2.0.1"} <= set(names)
    assert {"CIS Red Hat OpenShift 1.9.0", "NIST 800-53 r5", "ISO 27001:2022", "SOC 2"} <= set(names)
    assert {"BSI IT-Grundschutz 2022", "FINMA 2023/1", "NIS2 CIR 2024/2690"} <= set(names)


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_touches_controls(check: str) -> None:
    """A new check has to be placed in `audit/controls`."""
    assert BUILT_IN.of_check(check), "name it in the controls that it answers: audit/controls"


def test_cluster_admin_is_a_matter_of_that_role_alone() -> None:
    """CIS 5.1.1: not of another role, and not of a role of that name in a namespace."""
    for name in ("CIS Kubernetes 2.0.1 5.1.1", "CIS Red Hat OpenShift 1.9.0 5.1.1"):
        for check in CHECKS:
            touched = name in BUILT_IN.of_finding(check, "User", "ann", "cluster-admin")
            assert touched == (check in groups.BY_ROLE)
            assert name not in BUILT_IN.of_finding(check, "User", "ann", "pusher")
            assert name not in BUILT_IN.of_finding(check, "User", "ann", "")


@pytest.mark.parametrize("framework", ["cis-kubernetes", "cis-openshift"])
def test_what_the_benchmarks_of_cis_ask(framework: str) -> None:
    """Secrets by two checks, wildcards and the default account by one; other identities by routes; mounts by none."""
    assert control(framework, "5.1.2").checks == ("push-with-secrets", "secrets-open")
    assert control(framework, "5.1.3").checks == ("wildcard-role",)
    assert control(framework, "5.1.5").checks == ("default-push",)
    assert control(framework, "5.1.6").answered == "no"
    assert (control(framework, "5.1.4").checks, control(framework, "5.1.4").tables) == ((), ("routes",))
    of_identities = ("5.1.8", "5.1.10", "5.1.11", "5.1.13") if framework == "cis-kubernetes" else ()
    assert {control(framework, number).answered for number in of_identities} <= {"partly"}
    assert all("5.1.6" not in name.split() for check in groups.TOKENS for name in BUILT_IN.of_check(check))


def test_pci_tells_people_from_accounts_of_systems() -> None:
    """7.2.2, 7.2.4, 8.2.5 and 8.2.6 are about people, 7.2.5 and 7.2.5.1 about accounts of applications and systems."""
    for number in ("7.2.4", "8.2.5", "8.2.6"):
        assert control("pci-dss", number).of == "people"
        assert not set(control("pci-dss", number).checks) & OF_ACCOUNTS
    assert control("pci-dss", "7.2.2").of == "people"
    assert not set(control("pci-dss", "7.2.2").checks) & OF_ACCOUNTS
    for number in ("7.2.5", "7.2.5.1"):
        assert control("pci-dss", number).of == "accounts"
        assert {"foreign-account", "push-in-many-namespaces", "missing-account"} <= set(
            control("pci-dss", number).checks
        )
    account = BUILT_IN.of_finding("cluster-wide-push", "ServiceAccount", "ci:bot", "pusher")
    person = BUILT_IN.of_finding("cluster-wide-push", "User", "ann", "pusher")
    assert "PCI DSS 4.0.1 7.2.5" in account
    assert "PCI DSS 4.0.1 7.2.2" not in account
    assert "PCI DSS 4.0.1 7.2.2" in person
    assert "PCI DSS 4.0.1 7.2.5" not in person


@pytest.mark.parametrize(
    ("kind", "subject", "expected"),
    [
        ("User", "ann", {"7.2.2"}),
        ("Group", "acme+devs", {"7.2.2"}),
        ("Group", "system:serviceaccounts", {"7.2.5"}),
        ("Group", "system:serviceaccounts:ci", {"7.2.5"}),
        ("Group", "system:authenticated", {"7.2.2", "7.2.5"}),
        ("Any", "*", {"7.2.2", "7.2.5"}),
        ("", "", {"7.2.2", "7.2.5"}),
    ],
)
def test_of_whom_a_finding_is_decides_its_control(kind: str, subject: str, expected: set[str]) -> None:
    """Groups of accounts are accounts; everybody, and nobody in particular, are both."""
    names = BUILT_IN.of_finding("cluster-wide-pull", kind, subject, "")
    assert {one.removeprefix("PCI DSS 4.0.1 ") for one in names if one.startswith("PCI")} == expected


def test_privileged_rights_and_their_controls() -> None:
    """ISO A.8.2, FINMA mn. 80, C5 and NIS2: push everywhere, prune, sign, wildcards and what aggregation widens."""
    privileged = {"cluster-wide-push", "prune", "sign", "wildcard-role", "aggregation"}
    places = [("iso-27001", "A.8.2"), ("c5-2020", "IDM-06"), ("c5-2026", "IAM-06"), ("nis2", "11.3")]
    for framework, number in [*places, ("finma-2023-1", "mn. 80")]:
        assert set(control(framework, number).checks) == privileged


def test_where_the_map_was_wrong_before() -> None:
    """Rules without effect are no assets; leaving is 8.2.5; open access is a question of enforcement and denial."""
    for check in ("no-effect", "push-without-pull"):
        names = BUILT_IN.of_check(check)
        assert "NIST 800-53 r5 CM-8" not in names
        assert "ISO 27001:2022 A.5.9" not in names
        assert {"NIST 800-53 r5 AC-6(7)", "NIST 800-53 r5 CM-6"} <= set(names)
    assert {"PCI DSS 4.0.1 8.2.5", "PCI DSS 4.0.1 8.2.6"} <= set(BUILT_IN.of_check("user-gone"))
    for check in groups.OPEN:
        assert {"PCI DSS 4.0.1 7.3.2", "PCI DSS 4.0.1 7.3.3"} <= set(BUILT_IN.of_check(check))
    assert {"PCI DSS 4.0.1 8.6.1", "PCI DSS 4.0.1 8.6.2"} <= set(BUILT_IN.of_check("token-of-pusher"))
    assert not control("pci-dss", "7.2.1").checks
    assert "BSI IT-Grundschutz 2022 APP.4.4.A9" in BUILT_IN.of_check("default-push")


def test_the_use_of_access_is_answered_as_far_as_logs_say() -> None:
    """By the table `usage`; never more than partly."""
    places = [("soc2", "CC7.2"), ("pci-dss", "10.2.1"), ("nist-800-53", "AU-12"), ("iso-27001", "A.8.16")]
    for framework, number in places:
        assert control(framework, number).answered == "partly"
        assert "usage" in control(framework, number).tables


def test_code_scanning_gets_a_control_of_every_framework_first() -> None:
    """Its limit leaves room for the first of each."""
    for check in CHECKS:
        tags = _first_of_each(check)
        assert sorted(tags) == sorted(BUILT_IN.of_check(check))
        firsts = {one.name for one in BUILT_IN.frameworks if any(name.startswith(f"{one.name} ") for name in tags)}
        assert all(any(name.startswith(f"{one} ") for name in tags[: TAGS - 1]) for one in firsts)


OWN = """\
frameworks:
  - id: policy
    name: Platform policy 3
    edition: "3"
    controls:
      - id: P-7
        asks: Only pipelines push.
        checks: [cluster-wide-push, "every-*-push"]
        tables: [access]
        of: people
        answered: fully
        not_answered: Nothing.
      - {id: P-8, asks: Doors are locked., not_answered: Doors.}
"""


def own(tmp_path: Path, text: str) -> ControlCatalog:
    (tmp_path / "controls.yaml").write_text(text)
    return load_controls(tmp_path / "controls.yaml")


def test_own_controls_stand_beside_the_built_in_ones(tmp_path: Path) -> None:
    """In the table and in findings, with globs of checks and as far answered as the file says."""
    catalog = own(tmp_path, OWN)
    rows: list[Any] = [row for row in controls_table(catalog).records() if row["framework"] == "Platform policy 3"]
    assert [(row["control"], row["answered"], row["checks"]) for row in rows] == [
        ("P-7", "fully", "every-user-push, every-account-push, cluster-wide-push"),
        ("P-8", "no", ""),
    ]
    assert len(controls_table(catalog)) == len(controls_table()) + 2
    name = "Platform policy 3 P-7"
    assert name in catalog.of_finding("cluster-wide-push", "User", "ann", "")
    assert name not in catalog.of_finding("cluster-wide-push", "ServiceAccount", "ci:bot", "")
    assert catalog.framework("POLICY") == catalog.framework("platform policy 3") != None  # noqa: E711


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("frameworks: []", ""),
        (OWN.replace("cluster-wide-push", "cluster-wide-psuh"), "no such check; did you mean cluster-wide-push?"),
        (OWN.replace("every-*-push", "evry-*"), "this glob matches no check"),
        (OWN.replace("[access]", "[acess]"), "no such table; did you mean access?"),
        (OWN.replace("id: policy", "id: soc2"), "another framework has this name"),
        (OWN.replace("P-8", "P-7"), "duplicate id"),
        (OWN.replace("P-8", '"P-8, 9"'), "must not contain a comma"),
        (OWN.replace("of: people", "of: robots"), "must be one of all, people, accounts"),
        (OWN.replace("answered: fully", "answered: yes"), "must be one of fully, partly, no"),
        (OWN.replace("asks:", "ask:"), "unknown key; did you mean asks?"),
        (OWN.replace("id: policy", "id: My Policy"), "lower-case letters"),
        ("frameworks: [1]", "must be a mapping"),
        ("- a", "must be a mapping, for example"),
    ],
)
def test_mistakes_in_a_file_of_own_controls_are_named(tmp_path: Path, text: str, mistake: str) -> None:
    """Each with its place; an empty list adds nothing."""
    if not mistake:
        assert own(tmp_path, text) is BUILT_IN
        return
    with pytest.raises(ConfigError, match=re.escape(mistake)):
        own(tmp_path, text)
