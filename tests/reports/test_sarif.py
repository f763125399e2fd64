"""SARIF: valid by its schema, within the limits of its readers, and harmless whatever names are in it."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final

import msgspec
import pytest

from audit.checks.check import Confidence
from audit.checks.rules.registry import CHECKS
from audit.findings.exceptions import ExceptionEntry, ExceptionUse, exceptions_table
from audit.findings.model import FindingRecord, findings_table
from audit.runs.info import RunInfo, zone_info
from audit.snapshot.model import Gap
from reports import sarif
from tests.findings.test_findings import QUIET, found_in
from tests.runs.read_findings import sarif_schema
from tests.worlds.checks import CASES
from tests.worlds.random_zones import HOSTILE, world_of
from tests.worlds.small import BOUND, bind, world
from tests.worlds.snapshots import decided, snapshot_of

SCHEMA: Final = sarif_schema()


def log(found: Sequence[FindingRecord], uses: Sequence[ExceptionUse] = (), gaps: Sequence[Gap] = ()) -> Any:
    """The one run of the file, after a look at the whole by its schema."""
    zones = (zone_info(snapshot_of(QUIET, gaps)),)
    run = RunInfo("20260301T000000Z", "1.2.3", "", "", "", zones)
    made = sarif.render_sarif([findings_table(found)], [exceptions_table(uses)], run)
    content = json.loads(made.data)
    assert [error.message for error in SCHEMA.iter_errors(content)] == []
    (one,) = content["runs"]
    assert len(one["results"]) == made.results
    for result in one["results"]:
        assert one["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    return one


def test_every_check_is_valid() -> None:
    """Findings of all checks: each rule once, with what code scanning reads of it."""
    found = {one.id: one for case in CASES.values() for each in case.worlds() for one in found_in(each)}
    one = log([*found.values()])
    rules = {rule["id"]: rule for rule in one["tool"]["driver"]["rules"]}
    assert rules.keys() == CHECKS.keys()
    for rule in rules.values():
        assert rule["shortDescription"]["text"]
        assert len(rule["properties"]["tags"]) <= 20
        assert 0 < float(rule["properties"]["security-severity"]) <= 10
    severities = [result["properties"]["severity"] for result in one["results"]]
    assert severities == sorted(severities, key=["critical", "high", "medium", "low", "info"].index)


@pytest.mark.parametrize("seed", range(6))
def test_random_worlds_are_valid(seed: int) -> None:
    """Whatever a cluster holds."""
    log(found_in(world_of(seed)))


def test_nothing_found_is_a_file_too() -> None:
    """A run without findings closes the alerts of the one before."""
    assert log([])["results"] == []


def test_a_result_says_where_and_keeps_its_fingerprint() -> None:
    """A place like a path, the finding's id, and what is new."""
    anybody = ("Group", "system:unauthenticated")
    (found,) = found_in(world(bind("shop", "public images", "system:image-puller", anybody)))
    (result,) = log([found])["results"]
    place = result["locations"][0]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "zone-1/shop/RoleBinding/public%20images"
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "zone-1/shop/RoleBinding/public images"
    assert result["partialFingerprints"] == {"primaryLocationLineHash": f"{found.id}:1", "finding/v1": found.id}
    assert (result["kind"], result["level"], result["baselineState"]) == ("fail", "error", "new")
    later = msgspec.structs.replace(found, state="open")
    assert log([later])["results"][0]["baselineState"] == "unchanged"
    assert log([msgspec.structs.replace(found, state="gone")])["results"] == []


def test_what_is_accepted_is_suppressed_with_its_reason() -> None:
    """It stays in the file, and no alert is open for it."""
    given = {"check": "anonymous-pull", "why": "public [images]", "decided_by": "d", "until": "2027-01-01", "id": "D-1"}
    found, uses = decided(found_in(BOUND), [ExceptionEntry.model_validate(given)], date(2026, 3, 1))
    results = {result["ruleId"]: result for result in log(found, uses)["results"]}
    assert results["anonymous-pull"]["suppressions"] == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": "public [images] (exception D-1, until 2027-01-01)",
        }
    ]
    assert "suppressions" not in results["push-with-secrets"]


def test_what_is_not_known_is_no_failure() -> None:
    """It is open, without a level; and the file says what was not seen."""
    gaps = [Gap("rolebindings", "", "refused")]
    one = log(found_in(QUIET, gaps), gaps=gaps)
    assert {(result["kind"], result["level"]) for result in one["results"]} == {("open", "none")}
    (invocation,) = one["invocations"]
    assert invocation["executionSuccessful"] is False
    (said,) = invocation["toolExecutionNotifications"]
    assert "rolebindings: the credentials may not read it" in said["message"]["text"]


@pytest.mark.parametrize("name", [*HOSTILE, "[click](http://evil)", "{0}", "a\\b", "../../x"])
def test_hostile_names_are_text(name: str) -> None:
    """No link, no placeholder, no path upwards."""
    found = found_in(world(bind("shop", name, "view", ("Group", name))))
    for result in log(found)["results"]:
        text = result["message"]["text"]
        assert "[click](" not in text.replace("\\[", "")
        assert "{0}" not in text.replace("{{0}}", "")
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert uri.isascii()
        assert ".." not in uri.split("/")


def test_the_worst_stay_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """By number and by size; the file and the run say how many are left out."""
    (pull,) = (one for one in found_in(BOUND) if one.check == "anonymous-pull")
    many = [msgspec.structs.replace(pull, id=f"{n:020x}", severity="low" if n % 2 else "high") for n in range(60)]
    monkeypatch.setattr(sarif, "RESULTS", 40)
    one = log(many)
    severities = [result["properties"]["severity"] for result in one["results"]]
    assert severities == ["high"] * 30 + ["low"] * 10
    (said,) = one["invocations"][0]["toolExecutionNotifications"]
    assert said["message"]["text"].startswith("40 of 60 findings, most severe first")
    run = RunInfo("r", "1", "", "", "", (zone_info(snapshot_of(QUIET)),))
    limit = len(gzip.compress(sarif.render_sarif([findings_table(many)], [], run).data, 6)) - 1
    monkeypatch.setattr(sarif, "BYTES", limit)
    made = sarif.render_sarif([findings_table(many)], [], run)
    assert len(gzip.compress(made.data, 6)) <= limit
    assert 0 < made.results < 40
    assert made.left_out == 60 - made.results


@pytest.mark.parametrize(("confidence", "precision"), [("high", "very-high"), ("medium", "high"), ("low", "medium")])
def test_precision_follows_confidence(confidence: Confidence, precision: str) -> None:
    """As code scanning calls it."""
    check = replace(CHECKS["cluster-wide-push"], confidence=confidence)
    assert len(check.controls) > 20
    rule = sarif._rule(check, "low")
    assert rule["properties"]["precision"] == precision
    assert len(rule["properties"]["tags"]) == 20
