"""A zone that stays away, filled with what was last seen of it: on request, and labelled everywhere."""

import csv
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from audit.access.facts.coverage import coverage
from audit.cli import run_command
from audit.collect.connect import retry
from audit.runs.info import overall_state, zone_info
from audit.snapshot.model import Gap, Snapshot, load
from audit.snapshot.stale import filled, staleness
from reports.html.page import time
from tests.simulator.server import SimulatedZone
from tests.worlds.random_zones import world_of
from tests.worlds.snapshots import snapshot_of

WHEN = "2026-03-10T12:00:00Z"
LOST = [Gap(kind, "", "unreachable", "refused") for kind in ("rolebindings", "clusterrolebindings")]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between two attempts are short."""
    monkeypatch.setattr(retry, "_FIRST_PAUSE", 0.01)


def at(snapshot: Snapshot, finished: str, place: str = "https://a") -> Snapshot:
    origin = msgspec.structs.replace(snapshot.origin, finished=finished, place=place)
    return Snapshot(origin, snapshot.gaps, snapshot.listings, snapshot.strings, snapshot.tables)


def lost(finished: str = WHEN, place: str = "https://a") -> Snapshot:
    return at(snapshot_of({}, LOST), finished, place)


@pytest.mark.parametrize(
    ("finished", "age"),
    [
        ("2026-03-07T12:00:00Z", "3 days"),
        ("2026-03-09T11:00:00Z", "1 day"),
        ("2026-03-10T09:30:00Z", "2 hours"),
        ("2026-03-10T11:59:00Z", "less than an hour"),
        ("2026-03-10T12:05:00Z", "less than an hour"),
    ],
)
def test_what_was_last_seen_stands_in_with_its_age(finished: str, age: str) -> None:
    """Facts, gaps and time are the old ones; state, coverage and texts say how old, and why."""
    old = at(snapshot_of(world_of(5), [Gap("groups", "", "refused")]), finished)
    one = filled(lost(), old, 30)
    assert (one.state, one.origin.finished, one.gaps, one.tables) == ("stale", finished, old.gaps, old.tables)
    text = f"this is of {finished}, {age} before the run: the zone did not answer (refused)"
    assert staleness(one.origin) == text
    info = zone_info(one)
    assert (info.state, info.as_of, info.gaps[0]) == ("stale", finished, f"anything newer: {text}")
    assert len(info.gaps) == 2
    lines = [line for line in coverage(one).records() if line["kind"] != "groups" and line["state"] != "not-asked"]
    assert {(line["state"], line["detail"], line["as_of"]) for line in lines} == {("stale", text, finished)}
    assert min(int(line["count"]) for line in lines) >= 0


@pytest.mark.parametrize(
    ("finished", "place", "days"),
    [
        ("2026-03-01T12:00:00Z", "https://a", 8),
        ("", "https://a", 8),
        ("2026-03-10T11:00:00Z", "https://b", 8),
    ],
)
def test_what_cannot_stand_in(finished: str, place: str, days: float) -> None:
    """Too old, of no known age, or of another cluster under the same name."""
    away = lost()
    assert filled(away, at(snapshot_of(world_of(5)), finished, place), days) is away


def test_a_zone_whose_address_was_not_even_found_may_be_filled() -> None:
    """Without credentials nobody knows where it is; the name has to do."""
    assert filled(lost(place=""), at(snapshot_of(world_of(5)), "2026-03-10T11:00:00Z"), 1).state == "stale"


def test_a_run_with_something_old_in_it_is_partial() -> None:
    """However whole it was then."""
    assert (
        overall_state(["stale"])
        == overall_state(["complete", "stale"])
        == overall_state(["failed", "stale"])
        == "partial"
    )


class Runs:
    """Runs of one zone into one folder, with the server there or not."""

    def __init__(self, folder: Path, server: SimulatedZone, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.server, self.capsys = folder, server, capsys
        self.said = ""

    def __call__(self, *arguments: str, **changed: Any) -> tuple[int, Path]:
        zone = {
            "id": "zone-1",
            "api": self.server.url,
            "ca_file": str(self.server.ca_file),
            "credentials": {"token_env": "STALE_TOKEN"},
        }
        settings = {"retries": 0, **changed}
        config = self.folder / "config.yaml"
        config.write_text(yaml.safe_dump({"zones": [zone], "collect": settings}))
        code = run_command(["run", "-c", str(config), "-o", str(self.folder / "out"), "--json", *arguments])
        output = self.capsys.readouterr()
        self.said = output.err
        return code, Path(json.loads(output.out)["folder"])


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_runs_while_a_zone_is_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not filled unless asked for; then partial, with the old access, labelled in all that is written and printed."""
    monkeypatch.setenv("STALE_TOKEN", "simulated-token")
    with SimulatedZone(world_of(5), tmp_path / "zone") as server:
        runs = Runs(tmp_path, server, capsys)
        code, first = runs()
        assert code == 0
        server.token = "another"
        code, empty = runs()
        assert code == 4
        # The run before has nothing to stand in; the one before that has.
        code, folder = runs("--stale-days", "1")
        assert code == 3
        code, again = runs(stale_days=1)
        assert code == 3
        code, _ = runs("--stale-days", "0", stale_days=1)
        assert code == 4
        server.token = "simulated-token"
        assert runs(stale_days=1)[0] == 0
    for one in (folder, again):
        assert (one / "access.csv").read_bytes() == (first / "access.csv").read_bytes()
        manifest = json.loads((one / "manifest.json").read_text())
        (zone,) = manifest["run"]["zones"]
        assert (manifest["state"], zone["state"]) == ("partial", "stale")
        as_of = json.loads((first / "manifest.json").read_text())["as_of"]
        assert (manifest["as_of"], zone["as_of"]) == (as_of, as_of)
        seen = {row["state"] for row in rows(one / "coverage.csv")} - {"not-asked"}
        assert seen == {"stale"}
        page = (one / "report.html").read_text()
        assert f"zone-1 could not be read: its data is from {time(as_of)}." in page
        assert f"zone-1 stale (as of {time(as_of)})" in page
        kept = load(one / "snapshots" / "zone-1.snapshot")
        assert (kept.state, kept.origin.finished) == ("stale", as_of)
        assert "the credentials were not accepted" in kept.origin.stale
    assert (empty / "access.csv").read_bytes() != (first / "access.csv").read_bytes()


def test_it_is_told_on_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first line of what was not seen: anything newer."""
    monkeypatch.setenv("STALE_TOKEN", "simulated-token")
    with SimulatedZone(world_of(5), tmp_path / "zone") as server:
        runs = Runs(tmp_path, server, capsys)
        runs("--format", "csv")
        server.token = "another"
        runs("--format", "csv", "--stale-days", "1")
    assert "zone-1: not seen: anything newer: this is of 2" in runs.said
    assert "less than an hour before the run: the credentials were not accepted" in runs.said
