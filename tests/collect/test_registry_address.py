"""The address of a zone's registry: configured, or read from the zone, and never invented."""

import json
from pathlib import Path
from typing import Any

import pytest

from audit.cli import run_command
from audit.collect.run import failed
from audit.collect.zones import Zone
from audit.snapshot.model import load
from audit.snapshot.objects import NEEDED
from tests.commands.test_commands import configuration, live, the_run
from tests.simulator.server import SimulatedZone
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import furnished, write_dump
from tests.worlds.small import made, namespace, world


def zone_with(*addresses: Any) -> World:
    """Return a zone with an image stream of each public address; None: it has no such address."""
    streams = [
        ("imagestreams", made(f"app-{at}", "shop", status={} if one is None else {"publicDockerImageRepository": one}))
        for at, one in enumerate(addresses)
    ]
    return furnished(world(namespace("shop"), *streams))


# By zone: the public addresses of its image streams, what the configuration says, and the registry.
CASES: dict[str, tuple[list[Any], str, str]] = {
    "one": (["r.example.com/shop/a", "r.example.com/shop/b"], "", "r.example.com"),
    "port": (["r.example.com:5000/shop/a"], "", "r.example.com:5000"),
    "configured": (["r.example.com/shop/a"], "other.example.com", "other.example.com"),
    "renamed": (["old.example.com/shop/a", "r.example.com/shop/b", "r.example.com/shop/c"], "", "r.example.com"),
    "internal": ([None], "", ""),
    "hostile": ([7, "", "nothing", "<b>/shop/a", "a b/shop/a", "-/shop/a", "r.example.com:port/shop/a"], "", ""),
    "empty": ([], "", ""),
}


def test_it_is_configured_or_read_from_image_streams(tmp_path: Path) -> None:
    """In the snapshot and the manifest, live and from a dump; what cannot be a host is none."""
    zones = []
    for name, (addresses, configured, _) in CASES.items():
        write_dump(zone_with(*addresses), tmp_path / name, kinds=NEEDED)
        zones.append({"id": name, "source": {"dump": name}, **({"registry": configured} if configured else {})})
    with SimulatedZone(zone_with(*CASES["one"][0]), tmp_path / "a") as server:
        config = configuration(tmp_path, [*zones, live(server, tmp_path, "live")])
        assert run_command(["run", "-c", config, "-o", str(tmp_path / "out"), "-f", "csv"]) == 0
    folder = the_run(tmp_path / "out")
    expected = {name: registry for name, (_, _, registry) in CASES.items()} | {"live": "r.example.com"}
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {zone["id"]: zone["registry"] for zone in manifest["run"]["zones"]} == expected
    snapshots = [load(path).origin for path in folder.glob("snapshots/*")]
    assert {origin.zone: origin.registry for origin in snapshots} == expected


def test_nothing_is_invented_for_other_clusters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A zone that is not at an APPUiO address has no `registry.ID.appuio.cloud`, in any file that is written."""
    with SimulatedZone(zone_with(None), tmp_path / "a") as server:
        config = configuration(tmp_path, [live(server, tmp_path, "mine"), {"id": "lpg-2"}])
        assert run_command(["config", "check", "-c", config]) == 0
        printed = capsys.readouterr().out
        formats = [part for name in ("csv", "html", "ocsf") for part in ("-f", name)]
        assert run_command(["run", "-c", config, "-z", "mine", "-o", str(tmp_path / "out"), *formats]) == 0
    assert "registry.lpg-2.appuio.cloud" in printed
    assert "from the zone" in printed
    for file in the_run(tmp_path / "out").rglob("*"):
        assert not file.is_file() or b"registry.mine.appuio.cloud" not in file.read_bytes(), file


def test_an_appuio_zone_that_cannot_be_read_has_the_registry_of_its_address() -> None:
    """It follows from the address of the API there."""
    zone = Zone("lpg-2", api="https://api.lpg-2.appuio.cloud:6443")
    assert failed(zone, "missing", "").origin.registry == "registry.lpg-2.appuio.cloud"
