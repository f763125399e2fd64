"""Whatever a server sends in place of one list: that list is a gap, the others are read, in time and in memory."""

import resource
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from audit.collect.connect import connection
from audit.collect.limits import Limits
from audit.collect.run import collect_zones
from audit.collect.zones import TokenFile, Zone
from audit.snapshot.model import Snapshot
from tests.simulator.answers import Answer, Request
from tests.simulator.hostile import BEHAVIOURS, bomb
from tests.simulator.server import SimulatedZone
from tests.worlds.random_zones import world_of

LIMITS = Limits(timeout=20, request_timeout=2, retries=1, scope="cluster")  # a retry: some answers close the connection
GROWTH = 250 << 20  # bytes of memory; the bombs together have more than a gigabyte


class HostileZone(SimulatedZone):
    """Serves its world at `/NUMBER/…`; there, role bindings are what the behaviour of this number sends."""

    def handle(self, request: Request) -> Answer:
        _, number, rest = request.target.split("/", 2)
        answer = super().handle(replace(request, target=f"/{rest}"))
        if replace(request, target=rest).path.endswith("/rolebindings"):
            return Answer(200, b"", raw=[*BEHAVIOURS.values()][int(number)]())
        return answer


class Silent:
    """Nobody who listens."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


@pytest.mark.no_cover
@pytest.mark.slow
def test_one_hostile_list_costs_itself_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seventy behaviours at once: no bug, no list too many or too few, no answer without an end."""
    monkeypatch.setattr(connection, "_MAX_BODY", 8 << 20)
    assert all(len(bomb(wbits)) < 1 << 18 for wbits in (31, 15))  # made before the clock runs
    (tmp_path / "token").write_text("simulated-token")
    with HostileZone(world_of(5), tmp_path / "server") as server:
        zones = [
            Zone(f"z{at}", f"{server.url}/{at}", ca_file=server.ca_file, credentials=TokenFile(tmp_path / "token"))
            for at in range(len(BEHAVIOURS))
        ]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        snapshots = {
            snapshot.origin.zone: snapshot for snapshot in collect_zones(zones, LIMITS, Silent(), Event(), at_once=16)
        }
        growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10) - before
    for at, behaviour in enumerate(BEHAVIOURS):
        check(behaviour, snapshots[f"z{at}"])
    assert growth < GROWTH


def check(behaviour: str, snapshot: Snapshot) -> None:
    """Everything but role bindings is there, and why these are not is said."""
    listed = {listing.kind for listing in snapshot.listings}
    gaps = {gap.kind: gap for gap in snapshot.gaps}
    assert {"clusterroles", "clusterrolebindings", "roles", "groups", "namespaces"} <= listed, (behaviour, gaps)
    # Bindings that are all gone are believed by nobody, even where the answer is a list.
    gap = gaps["rolebindings"]
    assert "bug" not in gap.detail, (behaviour, gap)
    assert gap.reason != "stopped", (behaviour, gap)
    if "bomb" in behaviour or behaviour in {"endless body", "endless chunks", "gzip in gzip"}:
        assert "more than 8 MiB" in gap.detail, (behaviour, gap)
