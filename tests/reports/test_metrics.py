"""Metrics: what they say and what they never claim, the alerts and the dashboard over them."""

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from audit.findings.model import FindingRecord
from audit.runs.info import ZoneInfo
from audit.runs.news import News, NewsCounter
from audit.runs.outcome import STATES
from audit.tables.model import Table, table_of
from reports.metric_names import METRICS
from reports.metrics import last_success_in, metrics
from tests.job.endings import ZEROES, finding, quiet, zone_news
from tests.paths import DATA, ROOT
from tests.reports.html.pages import WHEN, run_of, zone

FILES = ROOT / "deploy/chart/files/monitoring"
Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def values(data: bytes) -> Values:
    """Return each sample by its name, without the prefix, and its labels."""
    return {
        (sample.name.removeprefix("registry_audit_"), tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(data.decode())
        for sample in family.samples
    }


def news(zones: Sequence[ZoneInfo], found: Sequence[FindingRecord], changes: Table) -> News:
    counting = NewsCounter()
    for info in zones:
        counting.zone(info.id, [one for one in found if one.zone == info.id])
    return counting.news(zones, changes)


def named(found: Values, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    return {labels: value for (one, labels), value in found.items() if one == name}


def test_a_run_that_saw_everything() -> None:
    """Its time is the last success; each state of run and zone is there, and one of them is 1."""
    found = values(metrics(quiet(stages={"collect": 12.25}, delivered={"chat": True, "post": False}), 5.0))
    assert found["last_success_timestamp_seconds", ()] == 1060.5
    assert found["last_completion_timestamp_seconds", ()] == 1060.5
    assert found["run_duration_seconds", ()] == 60.5
    assert named(found, "run_state") == {(("state", state),): state == "complete" for state in STATES}
    assert found["zone_state", (("state", "complete"), ("zone", "z"))] == 1
    assert sum(named(found, "zone_state").values()) == 1
    assert found["stage_duration_seconds", (("stage", "collect"),)] == 12.25
    assert named(found, "notification_delivered") == {(("channel", "chat"),): 1, (("channel", "post"),): 0}
    assert found["zone_namespaces", (("zone", "z"),)] == 3
    assert found["zone_facts_timestamp_seconds", (("zone", "z"),)] == 1767225600


@pytest.mark.parametrize("state", [state for state in STATES if state != "complete"])
def test_a_run_that_did_not_claims_no_success(state: str) -> None:
    """The last success stays what it was; when there was none, none is there."""
    ending = quiet(state=state, exit_code=3)
    assert ("last_success_timestamp_seconds", ()) not in values(metrics(ending))
    found = values(metrics(ending, 5.0))
    assert found["last_success_timestamp_seconds", ()] == 5
    assert found["last_completion_timestamp_seconds", ()] == 1060.5
    assert found["run_state", (("state", state),)] == 1
    assert found["run_exit_code", ()] == 3


def test_a_run_without_anything() -> None:
    """It says how it ended, and nothing about zones or findings."""
    found = values(metrics(quiet(state="error", exit_code=2, run=None, news=News())))
    assert not named(found, "zone_state")
    assert not named(found, "findings")
    assert found["run_state", (("state", "error"),)] == 1


def test_a_zone_that_was_not_read_has_no_numbers() -> None:
    """Nothing is zero that nobody could look for."""
    run = run_of(zone("a"), zone("b", "failed", 0, as_of="", gaps=("namespaces: refused",)))
    counted = news(run.zones, [finding(zone="a"), finding(zone="b", answer="unknown")], table_of("changes", []))
    found = values(metrics(quiet(state="partial", run=run, news=counted)))
    assert set(named(found, "findings_unknown")) == {(("zone", "a"),)}
    assert (("zone", "b"),) not in named(found, "zone_namespaces")
    assert found["zone_gaps", (("zone", "b"),)] == 1
    assert found["zone_state", (("state", "failed"), ("zone", "b"))] == 1


def test_findings_are_counted_by_zone_severity_and_check() -> None:
    """Open ones: not those that were accepted, are gone or are not known; new ones apart."""
    kinds = [
        finding(),
        finding(state="open", severity="low", check="sign"),
        finding(state="open", answer="unknown"),
        finding(state="accepted"),
        finding(state="gone"),
        finding(zone="other"),
    ]
    (counted,) = news([zone()], kinds, table_of("changes", [])).zones
    assert counted.findings == ZEROES | {"critical": 1, "low": 1}
    assert counted.new == ZEROES | {"critical": 1}
    assert counted.checks == {"every-user-push": 1, "sign": 1}
    assert counted.unknown == 1
    found = values(metrics(quiet(news=News((counted,)))))
    assert found["findings", (("severity", "low"), ("zone", "z"))] == 1
    assert found["findings", (("severity", "info"), ("zone", "z"))] == 0
    assert found["new_findings", (("severity", "critical"), ("zone", "z"))] == 1
    assert found["findings_by_check", (("check", "sign"), ("zone", "z"))] == 1


def test_anonymous_access_is_counted_when_it_is_new() -> None:
    """Of nobody, gained or widened, in that zone; not of others, not what was lost, not what is no access."""
    nobody = {"subject_kind": "Group", "subject": "system:unauthenticated"}
    row = {"zone": "z", "object": "access", "change": "gained", "namespace": "shop", **nobody}
    lines = [
        row,
        {**row, "change": "widened", "subject_kind": "User", "subject": "system:anonymous"},
        {**row, "change": "lost"},
        {**row, "zone": "y"},
        {**row, "object": "group"},
        {**row, "subject": "system:authenticated"},
    ]
    compared = replace(zone(), compared_with="before")
    (counted,) = news([compared], [], table_of("changes", lines)).zones
    assert counted.anonymous == 2
    assert counted.changes == {"gained": 2, "widened": 1, "changed": 0, "narrowed": 0, "lost": 1}
    assert counted.gained == 3
    found = values(metrics(quiet(news=News((counted,)))))
    assert found["new_anonymous_access", (("zone", "z"),)] == 2
    assert found["access_changes", (("change", "lost"), ("zone", "z"))] == 1


def test_what_was_compared_with_nothing_has_no_changes() -> None:
    """Not even none: that would say that nobody has gained access."""
    (counted,) = news([zone()], [], table_of("changes", [])).zones
    assert counted.anonymous is None
    assert counted.gained == 0
    found = values(metrics(quiet(news=News((counted,)))))
    assert not named(found, "new_anonymous_access")
    assert not named(found, "access_changes")


def test_how_long_a_zone_took() -> None:
    """Where both times are known."""
    timed = replace(zone("a", as_of="2026-01-01T00:00:09Z"), began=WHEN)
    found = values(metrics(quiet(run=run_of(timed, zone("b")))))
    assert named(found, "zone_duration_seconds") == {(("zone", "a"),): 9}


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_no_name_breaks_the_format(name: str) -> None:
    """Whatever a zone is called, it is read as that name."""
    data = metrics(quiet(run=run_of(zone(name)), news=News((zone_news(name),))))
    found = {dict(labels)["zone"] for labels in named(values(data), "zone_gaps")}
    assert found == {name}


def test_the_format_is_what_prometheus_reads() -> None:
    """By its own tool, without a complaint."""
    counted = zone_news(checks={"sign": 1}, changes={"gained": 1}, anonymous=1)
    ending = quiet(run=run_of(replace(zone(), began=WHEN)), news=News((counted,)), delivered={"chat": True})
    data = metrics(replace(ending, stages={"collect": 1.0}))
    done = subprocess.run(["promtool", "check", "metrics"], input=data, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert {name for name, _ in values(data)} == {*METRICS}


def test_labels_are_of_zones_and_nothing_smaller() -> None:
    """No namespace, no repository, no person."""
    counted = zone_news(checks={"sign": 1}, changes={"gained": 1}, anonymous=1)
    text = metrics(quiet(news=News((counted,), 1, (finding(),)), delivered={"chat": True}, stages={"collect": 1.0}))
    labels = {label for _, pairs in values(text) for label, _ in pairs}
    assert labels == {"version", "state", "stage", "zone", "severity", "check", "change", "channel"}
    assert b"alice" not in text
    assert b"shop" not in text


@pytest.mark.parametrize("text", ["", "nonsense", "registry_audit_last_success_timestamp_seconds soon\n", "\xff"])
def test_earlier_metrics_that_cannot_be_read(text: str) -> None:
    """Are no success."""
    assert last_success_in(text.encode("latin-1")) is None


def test_the_last_success_is_found_again() -> None:
    """As it was written."""
    assert last_success_in(metrics(quiet())) == 1060.5


def rules() -> dict[str, object]:
    spec: dict[str, object] = yaml.safe_load((FILES / "alerts.yaml").read_text())["spec"]
    return spec


@pytest.mark.slow
def test_each_alert_fires_and_stays_silent(tmp_path: Path) -> None:
    """As promtool sees it, over days."""
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules()))
    tests = (DATA / "alerts.yaml").read_text()
    (tmp_path / "tests.yaml").write_text(tests)
    subprocess.run(["promtool", "check", "rules", "rules.yaml"], cwd=tmp_path, check=True)
    done = subprocess.run(
        ["promtool", "test", "rules", "tests.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    cases = [case for test in yaml.safe_load(tests)["tests"] for case in test["alert_rule_test"]]
    alerts = {rule["alert"] for group in rules()["groups"] for rule in group["rules"]}  # type: ignore[attr-defined]
    for alert in alerts:
        fires = {bool(case["exp_alerts"]) for case in cases if case["alertname"] == alert}
        assert fires == {True, False}, alert


def test_alerts_and_dashboard_ask_for_metrics_that_exist() -> None:
    """By names and labels that the program writes."""
    counted = zone_news(checks={"sign": 1}, changes={"gained": 1}, anonymous=1)
    ending = quiet(news=News((counted,)), delivered={"chat": True}, stages={"collect": 1.0})
    there = {f"registry_audit_{name}" for name in METRICS}
    labels = {label for _, pairs in values(metrics(ending)) for label, _ in pairs}
    dashboard = json.loads((FILES / "dashboard.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [rule["expr"] for group in rules()["groups"] for rule in group["rules"]]  # type: ignore[attr-defined]
    assert len(asked) > 15
    for query in asked:
        assert {*re.findall(r"registry_audit_\w+", query)} <= there, query
        grouped = {label.strip() for some in re.findall(r"by \(([^)]*)\)", query) for label in some.split(",")}
        assert grouped | {*re.findall(r"(\w+)=~?\"", query)} <= labels, query
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
