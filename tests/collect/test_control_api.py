"""The APPUiO control API: zones that it lists, and organizations and teams compared with each zone's groups."""

import json
from pathlib import Path
from typing import Any

import pytest

from audit.cli import run_command
from audit.collect.zones import InCluster, Kubeconfig, TokenEnv, TokenFile, credentials_of
from audit.config.model import Config
from audit.snapshot.model import Gap, Snapshot
from audit.tables.model import Table
from audit.tenancy.membership import drift, organizations_table
from tests.commands.test_commands import DEMO, rows, the_run
from tests.commands.test_zones_command import shown
from tests.simulator.faults import Fault, hang, other_body, refuse_with
from tests.simulator.server import SimulatedZone
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import HOSTILE, furnished, world_of, write_dump
from tests.worlds.snapshots import snapshot_of

TOKEN = "control-token"


def members(organization: str, *users: str, team: str = "") -> dict[str, Any]:
    metadata = {"name": team or "members", "namespace": organization}
    return {"metadata": metadata, "spec": {"userRefs": [{"name": user} for user in users]}}


def listed(name: str, **data: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": data}


def control(zones: list[dict[str, Any]], organizations: Any = (), teams: Any = ()) -> World:
    return {"zones": zones, "organizationmembers": list(organizations), "teams": list(teams)}


def zone_world(groups: dict[str, list[str]], **owners: str) -> World:
    """Groups with their members, and namespaces with the organizations that they are for."""
    label = "appuio.io/organization"
    return {
        **{
            plural: [] for plural in ("clusterroles", "clusterrolebindings", "roles", "rolebindings", "serviceaccounts")
        },
        "namespaces": [{"metadata": {"name": name, "labels": {label: owner}}} for name, owner in owners.items()],
        "groups": [{"metadata": {"name": name}, "users": users} for name, users in groups.items()],
    }


class Place:
    """A control API and a zone that it lists, with a configuration that leads to both."""

    def __init__(self, tmp_path: Path, api: SimulatedZone, *zones: SimulatedZone, **control_api: Any) -> None:
        (tmp_path / "api.token").write_text(api.token)
        for number, zone in enumerate(zones):
            (tmp_path / f"zone-{number}.token").write_text(zone.token)
        settings = {
            "api": api.url,
            "ca_file": str(api.ca_file),
            "credentials": {"token_file": "api.token"},
            "zone_credentials": {"token_file": "{zone}.token"},
            "zone_ca_file": str(tmp_path / "{zone}.pem"),
            **control_api,
        }
        for number, zone in enumerate(zones):
            (tmp_path / f"zone-{number}.pem").write_bytes(zone.ca_file.read_bytes())
        self.path = tmp_path / "config.yaml"
        self.settings: dict[str, Any] = {"zones_from": {"control_api": settings}, "collect": {"retries": 0}}
        self.path.write_text(json.dumps(self.settings))

    def with_zones(self, *zones: dict[str, Any]) -> str:
        self.path.write_text(json.dumps({**self.settings, "zones": zones}))
        return str(self.path)


def test_zones_as_the_control_api_lists_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Addresses, credentials of each by its id, and what else is told; a zone needs no more than a name."""
    with SimulatedZone(world_of(1), tmp_path / "a") as zone:
        told = {
            "displayName": "Zone Nought",
            "urls": {"api": f"{zone.url}/", "registry": "https://registry.example.com:5000", "console": "https://c"},
            "features": {"appcat": "v1", "plain": ""},
            "cloudProvider": {"name": "cloudscale", "region": "lpg", "zones": ["lpg1"]},
            "defaultAppDomain": "apps.example.com",
            "gatewayIPs": ["192.0.2.1", "192.0.2.2"],
        }
        world = control([listed("zone-0", **told), listed("lpg-9"), listed("left-out")])
        with SimulatedZone(world, tmp_path / "c", token=TOKEN) as api:
            place = Place(tmp_path, api, zone, zones=["zone-*", "lpg-*"])
            found = shown(capsys, "-c", str(place.path), code=3)
            assert run_command(["zones", "-c", str(place.path), "-z", "zone-0"]) == 0
    assert set(found) == {"zone-0", "lpg-9"}
    nought = found["zone-0"]
    assert (nought["name"], nought["api"], nought["user"]) == ("Zone Nought", zone.url, "auditor")
    assert nought["registry"] == "registry.example.com:5000"
    assert nought["about"] == [
        "runs at cloudscale lpg",
        "applications are under apps.example.com",
        "its traffic comes from 192.0.2.1, 192.0.2.2",
        "features: appcat v1, plain",
        f"api: {zone.url}/",
        "console: https://c",
        "registry: https://registry.example.com:5000",
    ]
    assert found["lpg-9"]["api"] == "https://api.lpg-9.appuio.cloud:6443"
    assert found["lpg-9"]["registry"] == "registry.lpg-9.appuio.cloud"
    assert "cannot read" in found["lpg-9"]["trouble"] or "credentials" in found["lpg-9"]["trouble"]
    assert "zone-0: its traffic comes from 192.0.2.1" in capsys.readouterr().out


def test_a_run_compares_organizations_and_teams(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who is declared and not in the zone's group, the reverse, groups that are missing: in a table, and counted."""
    groups = {"acme": ["ann", "old"], "acme+ops": ["ann"], "acme+gone": ["bob"], "other": []}
    with SimulatedZone(furnished(zone_world(groups, shop="acme", bank="other", lost="ghost")), tmp_path / "a") as zone:
        world = control(
            [listed("zone-0", urls={"api": zone.url})],
            [members("acme", "ann", "new"), members("other"), members("unused", "zed")],
            [members("acme", "ann", team="ops"), members("other", "bob", team="dev")],
        )
        with SimulatedZone(world, tmp_path / "c", token=TOKEN) as api:
            place = Place(tmp_path, api, zone)
            assert run_command(["run", "-c", str(place.path), "-o", str(tmp_path / "out"), "-f", "csv"]) == 0
    said = capsys.readouterr().err
    assert "zone-0: 5 people or groups are not as the control API has them" in said
    folder = the_run(tmp_path / "out")
    found = {(row["group"], row["subject"]): row for row in rows(folder / "organizations.csv")}
    assert {key: row["state"] for key, row in found.items()} == {
        ("acme", ""): "differs",
        ("acme", "new"): "only-declared",
        ("acme", "old"): "only-in-zone",
        ("acme+gone", ""): "not-declared",
        ("acme+ops", ""): "same",
        ("ghost", ""): "not-declared",
        ("other", ""): "same",
        ("other+dev", ""): "no-group",
        ("unused", ""): "no-group",
    }
    acme = found["acme", ""]
    assert (acme["namespaces"], acme["declared"], acme["members"]) == ("1", "2", "2")
    assert found["other+dev", ""]["members"] == "-1"
    seen = {row["kind"]: row["state"] for row in rows(folder / "coverage.csv")}
    assert seen["organizationmembers"] == seen["teams"] == "seen"
    # Nobody needs the control API again: the snapshot holds what it said.
    assert run_command(["report", "-s", str(folder), "-o", str(tmp_path / "again"), "-f", "csv"]) == 0
    again = the_run(tmp_path / "again") / "organizations.csv"
    assert again.read_bytes() == (folder / "organizations.csv").read_bytes()


@pytest.mark.parametrize("kind", ["organizationmembers", "teams"])
def test_a_list_that_is_refused_is_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    """Said in coverage, exit code 3, and nobody is called missing for it; access is as well known as before."""
    groups = {"acme": ["ann"], "acme+ops": ["ann"]}
    with SimulatedZone(furnished(zone_world(groups, shop="acme")), tmp_path / "a") as zone:
        world = control(
            [listed("zone-0", urls={"api": zone.url})], [members("acme")], [members("acme", "bob", team="ops")]
        )
        with SimulatedZone(world, tmp_path / "c", token=TOKEN, refuse={kind}) as api:
            place = Place(tmp_path, api, zone)
            assert run_command(["run", "-c", str(place.path), "-o", str(tmp_path / "out"), "-f", "csv"]) == 3
    assert f"zone-0: not seen: {kind}: the credentials may not read it" in capsys.readouterr().err
    folder = the_run(tmp_path / "out")
    found = {(row["team"], row["subject"]): row for row in rows(folder / "organizations.csv")}
    hidden, other = ("", "ops") if kind == "organizationmembers" else ("ops", "")
    assert (found[hidden, ""]["state"], found[hidden, ""]["declared"]) == ("unknown", "-1")
    assert found[other, ""]["state"] == "differs"
    assert not [one for one in found if one[0] == hidden and one[1]]
    assert {row["state"] for row in rows(folder / "coverage.csv") if row["kind"] == kind} == {"refused"}


def test_organizations_can_be_left_alone(tmp_path: Path) -> None:
    """Then they are not asked for, which is no gap, and nothing is said of who is declared."""
    with SimulatedZone(furnished(zone_world({"acme": ["ann"]}, shop="acme")), tmp_path / "a") as zone:
        world = control([listed("zone-0", urls={"api": zone.url})])
        with SimulatedZone(world, tmp_path / "c", token=TOKEN) as api:
            place = Place(tmp_path, api, zone, organizations=False)
            assert run_command(["run", "-c", str(place.path), "-o", str(tmp_path / "out"), "-f", "csv"]) == 0
    assert [request.path for request in api.requests] == ["/apis/appuio.io/v1/zones"]
    (row,) = rows(the_run(tmp_path / "out") / "organizations.csv")
    assert (row["state"], row["declared"], row["members"]) == ("not-asked", "-1", "1")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (refuse_with(403), "refused"),
        (refuse_with(401), "unauthenticated"),
        (hang(), "timeout"),
        (other_body({"kind": "ZoneList", "items": [{"metadata": {"name": "a"}, "data": {"urls": 5}}]}), "malformed"),
    ],
)
def test_a_control_api_that_does_not_list_its_zones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: Any, reason: str
) -> None:
    """The zones of the configuration are read, and those that are not known stand there as failed."""
    with SimulatedZone(control([]), tmp_path / "c", token=TOKEN, faults=[Fault("/zones", fault, times=None)]) as api:
        place = Place(tmp_path, api)
        place.settings["collect"]["timeout_seconds"] = 2
        config = place.with_zones({"id": "demo", "source": {"dump": str(DEMO)}})
        code = run_command(["run", "-c", config, "-o", str(tmp_path / "out"), "-f", "csv", "--json"])
        said = capsys.readouterr()
        assert run_command(["who", "pull", "acme-shop", "-c", config, "-z", "demo"]) == 0
        assert run_command(["zones", "-c", config, "-z", "unheard-of"]) == 4
    assert code == 3
    assert json.loads(said.out)["zones"] == {"control_api": "failed", "demo": "complete"}
    assert "the control API did not list the zones" in said.err
    assert reason in said.err
    assert "control_api: nothing will be known: the control API did not list" in capsys.readouterr().out


def test_zones_that_are_not_listed_today_are_not_gone(tmp_path: Path) -> None:
    """A control API that is away says nothing of its zones; one that lists them no more does."""
    out = tmp_path / "out"
    with SimulatedZone(furnished(zone_world({"acme": ["ann"]}, shop="acme")), tmp_path / "a") as zone:
        world = control([listed("zone-0", urls={"api": zone.url})], [members("acme", "ann")])
        away = Fault("/zones", refuse_with(403), nth=2)
        with SimulatedZone(world, tmp_path / "c", token=TOKEN, faults=[away]) as api:
            place = Place(tmp_path, api, zone)
            config = place.with_zones({"id": "demo", "source": {"dump": str(DEMO)}})
            changes = []
            for expected in (0, 3, 0):
                before = {*out.glob("2*")} if out.exists() else set()
                assert run_command(["run", "-c", config, "-o", str(out), "-f", "csv"]) == expected
                (folder,) = {*out.glob("2*")} - before
                changes.append([(row["change"], row["zone"]) for row in rows(folder / "changes.csv")])
                world["zones"] = world["zones"] if expected == 0 else []
    assert away.fired == 1
    assert changes == [[], [], [("gone", "zone-0")]]


def test_a_control_api_that_cannot_be_reached(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing but it is configured: nothing usable, exit code 4."""
    with SimulatedZone(control([]), tmp_path / "c", token=TOKEN) as api:
        place = Place(tmp_path, api, credentials={"token_file": "none"})
        assert run_command(["run", "-c", str(place.path), "-o", str(tmp_path / "out"), "-f", "csv"]) == 4
        assert run_command(["config", "check", "-c", str(place.path)]) == 2
    assert "zones_from.control_api.credentials.token_file: no readable file" in capsys.readouterr().err


def test_no_zone_is_meant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A glob that matches nothing is a mistake in the configuration; a zone that is not listed is one on the line."""
    with SimulatedZone(control([listed("lpg-2")]), tmp_path / "c", token=TOKEN) as api:
        place = Place(tmp_path, api, zones=["gva-*"])
        assert run_command(["zones", "-c", str(place.path)]) == 2
        assert "the control API lists no zone that matches gva-*" in capsys.readouterr().err
        place = Place(tmp_path, api)
        assert run_command(["zones", "-c", str(place.path), "--zone", "lpg2"]) == 2
        assert "did you mean lpg-2?" in capsys.readouterr().err
        assert run_command(["config", "check", "-c", str(place.path)]) == 0
        assert f"from {api.url}" in capsys.readouterr().out


def test_hostile_zones_are_harmless(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names lead nowhere, addresses that are none are said, and credentials are sent over https only."""
    strange = [
        listed("../../etc", urls={"api": "https://127.0.0.1:1"}),
        listed("plain", urls={"api": "http://127.0.0.1:1"}),
        listed("user", urls={"api": "https://me:pw@127.0.0.1:1"}),
        listed("broken", urls={"api": "https://[", "registry": "https://["}),
        listed("red", displayName="\x1b[31mred", features={name: name for name in HOSTILE}),
    ]
    with SimulatedZone(control(strange), tmp_path / "c", token=TOKEN) as api:
        place = Place(tmp_path, api)
        found = shown(capsys, "-c", str(place.path), code=4)
        assert run_command(["zones", "-c", str(place.path)]) == 4
        assert run_command(["collect", "-c", str(place.path), "-o", str(tmp_path / "facts")]) == 4
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
    assert set(found) == {"etc", "plain", "user", "broken", "red"}
    for name in ("plain", "user", "broken"):
        assert "its API is not an https URL" in found[name]["trouble"]
    assert {path.name for path in (tmp_path / "facts").iterdir()} == {f"{name}.snapshot" for name in found}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, Kubeconfig()),
        ({"context": "{zone}-auditor"}, Kubeconfig(None, "lpg-2-auditor")),
        ({"kubeconfig": "/k/{zone}/config"}, Kubeconfig(Path("/k/lpg-2/config"), None)),
        ({"token_file": "/t/{zone}/{zone}"}, TokenFile(Path("/t/lpg-2/lpg-2"))),
        ({"token_env": "TOKEN_{zone}"}, TokenEnv("TOKEN_LPG_2")),
        ({"in_cluster": True}, InCluster()),
    ],
)
def test_credentials_of_zones_that_are_listed_elsewhere(given: Any, expected: object) -> None:
    """By reference, with the zone's id in the place of `{zone}`; braces of other kinds mean nothing."""
    control_api = {"api": "https://api.example.com", "credentials": {"token_env": "T"}, "zone_credentials": given}
    config = Config.model_validate({"zones_from": {"control_api": control_api}})
    assert config.zones_from
    assert config.zones_from.control_api
    assert credentials_of(config.zones_from.control_api.zone_credentials, "lpg-2") == expected


def table(world: World, *gaps: Gap, namespaces: list[str] | None = None) -> Table:
    snapshot: Snapshot = snapshot_of(world, gaps)
    return organizations_table(snapshot, namespaces)


def test_what_was_not_seen_of_groups_is_unknown() -> None:
    """Whom the control API lists is known then, and whether the zone lists them too is not."""
    world = {**zone_world({"acme": ["ann"]}, shop="acme"), "organizationmembers": [members("acme", "ann", "bob")]}
    found = table(world, Gap("groups", "", "refused"))
    assert [(row["state"], row["declared"], row["members"]) for row in found.records()] == [("unknown", 2, -1)]
    assert drift(found) == 0


def test_organizations_of_namespaces_that_are_left_out() -> None:
    """Only those that are declared are told of then, with the namespaces that are reported on."""
    world = zone_world({}, shop="acme", bank="other")
    assert [row["organization"] for row in table(world, namespaces=["shop"]).records()] == ["acme"]
    world["organizationmembers"] = [members("other")]
    found = table(world, namespaces=["shop"]).records()
    assert [(row["organization"], row["namespaces"], row["state"]) for row in found] == [
        ("acme", 1, "not-declared"),
        ("other", 0, "no-group"),
    ]


def test_a_group_that_is_missing_where_nothing_is_there_is_no_drift() -> None:
    """It is told of, and not counted: there is no namespace that it could reach."""
    world = zone_world({"a+b+c": ["x"], "+d": ["x"], "acme+": ["x"]}, shop="acme")
    bare = {"metadata": {"name": "members", "namespace": "bare"}}
    world["organizationmembers"] = [members("acme", "ann"), members("unused", "zed"), bare]
    world["teams"] = []
    found = table(world)
    assert [(row["group"], row["state"]) for row in found.records()] == [
        ("acme", "no-group"),
        ("bare", "no-group"),
        ("unused", "no-group"),
    ]
    assert drift(found) == 1


def test_a_dump_may_hold_them_too(tmp_path: Path) -> None:
    """Files of `oc get organizationmembers -A -o json` from the control API stand beside those of the zone."""
    world = zone_world({"acme": ["ann"]}, shop="acme")
    world |= {"serviceaccounts": [], "imagestreams": [], "organizationmembers": [members("acme", "ann")]}
    dump = write_dump(world, tmp_path / "dump")
    assert run_command(["report", "-s", str(dump), "-o", str(tmp_path / "out"), "-f", "csv"]) == 0
    (row,) = rows(the_run(tmp_path / "out") / "organizations.csv")
    assert row["state"] == "same"
