"""A quarter from its runs: what was not covered, what came and went between its ends, who decided, how long it took."""

import csv
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from audit.commands.evidence.period import period
from audit.errors import UsageError
from audit.findings.model import FindingRecord
from audit.snapshot.model import Gap, encode
from tests.worlds.plain_rbac import World
from tests.worlds.small import bind, world
from tests.worlds.snapshots import snapshot_of, written

START = datetime(2026, 1, 1, 4, tzinfo=UTC)
MISSED = {20, 45, 46}  # days without a run
PARTIAL, BRIEF, LATE = 30, 60, 75  # days: a list was refused; access for six hours; a run at seven too

EVE = bind("shop", "brief", "system:image-pusher", ("User", "eve"))
EVERYWHERE = bind("", "everywhere", "system:image-pusher", ("User", "kim"))
Answer = dict[str, Any]


def finding(state: str, since: str) -> FindingRecord:
    made: dict[str, Any] = dict.fromkeys(FindingRecord.__struct_fields__, "")
    known = {"id": "f1", "check": "cluster-wide-push", "severity": "critical", "zone": "zone-1", "answer": "yes"}
    return FindingRecord(**{**made, **known, "state": state, "first_seen": since, "subject": "kim", "rows": 1})


def write_run(
    out: Path, when: datetime, made: World | None, hidden: list[Gap], found: list[FindingRecord], state: str = ""
) -> None:
    """Write a run with one zone, as a run leaves it; without a world, of a zone that could not be read."""
    name = f"{when:%Y%m%dT%H%M%SZ}"
    files = {"findings.json": written(found)}
    if made is not None:
        files["snapshots/zone-1.snapshot"] = encode(snapshot_of(made, hidden))
    for file, data in files.items():
        (out / name / file).parent.mkdir(parents=True, exist_ok=True)
        (out / name / file).write_bytes(data)
    state = state or ("failed" if made is None else "partial" if hidden else "complete")
    manifest = {
        "format": "registry-audit manifest",
        "version": 1,
        "state": state,
        "run": {"run_id": name, "started": f"{when:%Y-%m-%dT%H:%M:%SZ}", "zones": [{"id": "zone-1", "state": state}]},
        "files": [{"name": file, "sha256": hashlib.sha256(data).hexdigest()} for file, data in files.items()],
    }
    (out / name / "manifest.json").write_text(json.dumps(manifest))


def moments() -> Iterator[datetime]:
    """Yield the times of 90 runs: one a day but for three, and two on the day on which access lived for six hours."""
    for day in range(92):
        if day not in MISSED:
            yield START + timedelta(days=day)
        if day == BRIEF:
            yield START + timedelta(days=day, hours=3)


@pytest.fixture(name="quarter", scope="module")
def quarter_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ninety runs: access of six hours on day 60, and a push everywhere that is found on day 10 and gone on day 15."""
    out = tmp_path_factory.mktemp("quarter")
    born = (START + timedelta(days=BRIEF, hours=-3)).isoformat().replace("+00:00", "Z")
    EVE[1]["metadata"]["creationTimestamp"] = born
    plain, brief, wide = world(), world(EVE), world(EVERYWHERE)
    found = f"{START + timedelta(days=10):%Y-%m-%dT%H:%M:%SZ}"
    for when in moments():
        day = (when - START).days
        found_now = [finding("open", found)] if 10 <= day < 15 else [finding("gone", found)] if day == 15 else []
        is_brief = when == START + timedelta(days=BRIEF)
        hidden = [Gap("groups", "", "refused", "no")] if day == PARTIAL else []
        write_run(out, when, brief if is_brief else wide if 10 <= day < 15 else plain, hidden, found_now)
    return out


def asked(
    runs: Path, first: str = "2026-01-01", last: str = "2026-04-02", **more: Any
) -> tuple[Answer, int, list[str]]:
    """Return the answer, the exit code, and the notes."""
    given = {"only": (), "campaigns": (), "config": None, "out": None} | more
    result = period((first, last), str(runs), **given)
    assert [*result.text]
    value = json.loads(json.dumps(result.value()))
    return value, result.exit_code, [*result.notes]


@pytest.mark.slow
def test_a_quarter_of_ninety_runs_tells_everything(quarter: Path) -> None:
    """Three missing days, the partial one, the access of six hours, and a finding of five days."""
    assert len([*moments()]) == 90
    answer, code, _ = asked(quarter)
    assert answer["runs"] == 90
    days = [(gap["day"], gap["state"]) for gap in answer["days"]]
    assert days == [
        ("2026-01-21", "missing"),
        ("2026-01-31", "partial"),
        ("2026-02-15", "missing"),
        ("2026-02-16", "missing"),
    ]
    assert (code, answer["whole"]) == (3, False)
    assert answer["longest_interval_hours"] == {"zone-1": 72.0}
    (brief,) = (row for row in answer["access"] if row["subject"] == "eve" and row["namespace"] == "shop")
    assert brief["when"] == "came and went"
    assert brief["rights"] == "pull, push"
    assert (brief["created"], brief["since"]) == ("2026-03-02T01:00:00Z", "2026-03-02T04:00:00Z")
    assert (brief["seen"], brief["gone"]) == ("2026-03-02T04:00:00Z", "2026-03-02T07:00:00Z")
    assert "brief" in brief["cause"]
    assert "brief" in brief["cause_of_end"]
    (wide,) = (row for row in answer["access"] if row["subject"] == "kim")
    assert (wide["since"][:10], wide["gone"][:10]) == ("2026-01-11", "2026-01-16")
    assert answer["time_to_removal"] == [
        {
            "severity": "critical",
            "findings": 1,
            "removed": 1,
            "open": 0,
            "median_days": "5.0",
            "longest_days": "5.0",
        }
    ]
    # Nothing else came or went: the partial day took nothing away.
    moved = {row["subject"] for row in answer["access"] if row["when"] != "throughout"}
    assert moved == {"eve", "kim"}
    assert any(row["when"] == "throughout" and row["subject"] == "ann" for row in answer["access"])


def test_the_ends_of_a_period_alone_would_not_show_it(quarter: Path) -> None:
    """A period that begins before access and ends in it tells it apart; the run before a period says how it began."""
    answer, code, _ = asked(quarter, "2026-01-05", "2026-01-12")
    (wide,) = (row for row in answer["access"] if row["subject"] == "kim")
    assert (wide["when"], wide["gone"], wide["before"][:10]) == ("began", "", "2026-01-10")
    assert code == 0
    joined = [row for row in answer["privileged"] if row["in_period"] == "joined"]
    assert [(row["subject"], row["rights"], row["binding"]) for row in joined] == [("kim", "push", "everywhere")]
    answer, _, _ = asked(quarter, "2026-01-12", "2026-01-19")
    (wide,) = (row for row in answer["access"] if row["subject"] == "kim")
    assert (wide["when"], wide["since"], wide["gone"][:10]) == ("ended", "", "2026-01-16")
    assert [row["in_period"] for row in answer["privileged"] if row["subject"] == "kim"] == ["left"]
    assert answer["findings"][0]["found"] == "2026-01-11T04:00:00Z"


@pytest.fixture(name="runs")
def runs_fixture(tmp_path: Path) -> Callable[..., Path]:
    """Write runs of a few days: for each a world, and the lists that were refused."""

    def write(*days: tuple[World | None, list[Gap]]) -> Path:
        for number, (made, hidden) in enumerate(days):
            write_run(tmp_path / "runs", START + timedelta(days=number), made, hidden, [])
        return tmp_path / "runs"

    return write


REFUSED = [Gap("groups", "", "refused", "no")]


def test_what_only_a_partial_run_shows_did_exist(runs: Callable[..., Path]) -> None:
    """And what it did not see is not gone."""
    out = runs((world(), []), (world(EVE), REFUSED), (world(), []))
    answer, _, _ = asked(out, last="2026-01-03")
    moved = [(row["subject"], row["when"]) for row in answer["access"] if row["when"] != "throughout"]
    assert moved == [("eve", "came and went")]
    out = runs((world(EVE), []), (world(EVE), REFUSED), (world(EVE), []))
    assert all(row["when"] == "throughout" for row in asked(out, last="2026-01-03")[0]["access"])


def test_access_that_a_partial_run_showed_first_began_there(runs: Callable[..., Path]) -> None:
    """Not with the next complete run, which confirms it."""
    out = runs((world(), []), (world(EVE), REFUSED), (world(EVE), []))
    (row,) = (one for one in asked(out, last="2026-01-03")[0]["access"] if one["when"] != "throughout")
    assert (row["subject"], row["when"], row["since"]) == ("eve", "began", "2026-01-02T04:00:00Z")


def test_a_first_run_that_is_partial_hides_nothing_of_the_next(runs: Callable[..., Path]) -> None:
    """What the first did not see may have been there: it did not begin with the second."""
    out = runs((world(EVE), REFUSED), (world(EVE), []))
    answer, _, _ = asked(out, last="2026-01-02")
    rows = {(row["subject"], row["namespace"]): row["when"] for row in answer["access"]}
    assert rows["ben", "shop"] == "throughout"
    assert rows["eve", "shop"] == "throughout"


def test_days_of_a_zone_that_failed_are_no_covered_days(runs: Callable[..., Path]) -> None:
    """The zone failed, a snapshot was changed, and a day has no run."""
    out = runs((world(), []), (None, []), (world(), []))
    changed = out / "20260103T040000Z" / "snapshots" / "zone-1.snapshot"
    changed.write_bytes(changed.read_bytes() + b"x")
    answer, code, notes = asked(out, last="2026-01-04")
    assert [gap["state"] for gap in answer["days"]] == ["failed", "missing"]
    assert code == 3
    assert notes == [
        "20260103T040000Z/zone-1: its snapshot is missing or cannot be used: what depends on it is unknown"
    ]


def test_every_list_is_written_as_csv(quarter: Path, tmp_path: Path) -> None:
    """With all rows, also those that people are not shown."""
    answer, _, _ = asked(quarter, "2026-01-13", "2026-01-21", out=str(tmp_path / "evidence"))
    for name in ("days", "access", "privileged", "findings"):
        with (tmp_path / "evidence" / f"period-{name}.csv").open(newline="") as file:
            assert [*csv.DictReader(file)] == answer[name]
    assert (tmp_path / "evidence" / "period-access.csv").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("days", "only", "mistake"),
    [
        (("2026-01-40", "2026-02-01"), (), "--from is not a date"),
        (("2026-01-01", "soon"), (), "--to is not a date"),
        (("2026-02-01", "2026-01-01"), (), "is after --to"),
        (("2020-01-01", "2020-02-01"), (), "no run from 2020-01-01"),
        (("2026-01-01", "2026-02-01"), ("zone-9",), "no run has zone zone-9"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    quarter: Path, days: tuple[str, str], only: tuple[str, ...], mistake: str
) -> None:
    """With what to do instead."""
    with pytest.raises(UsageError, match=mistake):
        period(days, str(quarter), only, (), None, None)


def test_findings_that_are_not_readable_are_reported(runs: Callable[..., Path]) -> None:
    """They are not taken for none."""
    out = runs((world(), []))
    path = out / "20260101T040000Z" / "findings.json"
    path.write_bytes(msgspec.json.encode({"format": "other"}))
    assert "its findings are missing" in asked(out, last="2026-01-01")[2][0]
