"""`zones`: each zone with its addresses, who we are there, what we may read, and what a report will not know."""

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from audit.cli import run_command
from audit.collect.zones import Kubeconfig, registry_of, zone_ids, zones_of_kubeconfig
from audit.config.zones import KubeconfigZones
from audit.errors import UsageError
from audit.parallel import run_parallel
from tests.commands.test_commands import DEMO, configuration, live
from tests.simulator.answers import Caller
from tests.simulator.faults import Fault, broken_json, hang, other_body, refuse_with
from tests.simulator.server import SimulatedZone
from tests.worlds.random_zones import HOSTILE, world_of


def shown(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, dict[str, Any]]:
    assert run_command(["zones", "--json", *arguments]) == code
    return {zone["zone"]: zone for zone in json.loads(capsys.readouterr().out)["zones"]}


def kubeconfig(path: Path, names: dict[str, str], servers: dict[str, SimulatedZone] | None = None) -> str:
    """A kubeconfig with a context of each name, which leads to the address that stands beside it."""
    authorities = {server.url: str(server.ca_file) for server in (servers or {}).values()}
    tokens = {server.url: server.token for server in (servers or {}).values()}
    content = {
        "clusters": [
            {"name": f"c-{name}", "cluster": {"server": url, "certificate-authority": authorities.get(url, "none")}}
            for name, url in names.items()
        ],
        "users": [{"name": f"u-{name}", "user": {"token": tokens.get(url, "none")}} for name, url in names.items()],
        "contexts": [{"name": name, "context": {"cluster": f"c-{name}", "user": f"u-{name}"}} for name in names],
    }
    path.write_text(yaml.safe_dump(content))
    return str(path)


def test_what_the_auditor_may_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who we are, with our groups; one that may list everything; files are asked nothing."""
    with SimulatedZone(world_of(1), tmp_path / "a", caller=Caller("auditor", ("ops",))) as server:
        config = configuration(tmp_path, [live(server, tmp_path, "one"), {"id": "demo", "source": {"dump": str(DEMO)}}])
        found = shown(capsys, "-c", config)
        assert run_command(["zones", "-c", config]) == 0
    assert found["one"]["user"] == "auditor"
    assert found["one"]["groups"] == ["ops"]
    assert found["one"]["api"] == server.url
    assert found["one"]["registry"] == ""
    assert found["one"]["may"]["rolebindings"] == "yes"
    assert found["one"]["not_known"] == found["demo"]["not_known"] == []
    assert found["demo"]["api"] == str(DEMO)
    assert set(found["demo"]["may"].values()) == {"unknown"}
    said = capsys.readouterr().out
    assert "9 of 9 kinds" in said
    assert "not known" not in said
    # Nothing was read to find out what may be read.
    assert {request.method for request in server.requests} == {"POST"}


def test_what_a_report_will_not_know(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A refused kind is said with what that means; the others are not touched by it; exit code 3."""
    with SimulatedZone(world_of(1), tmp_path / "a", refuse={"groups"}) as server:
        config = configuration(tmp_path, [live(server, tmp_path, "one")])
        assert run_command(["zones", "-c", config]) == 3
        said = capsys.readouterr().out
        found = shown(capsys, "-c", config, code=3)
    assert "one: not known: who is in a group (may not list groups)" in said
    assert len(found["one"]["not_known"]) == 1
    assert "8 of 9 kinds" in said


def test_an_ordinary_user(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A tenant may list cluster roles and next to nothing else everywhere, and hears so."""
    with SimulatedZone(world_of(1), tmp_path / "a", tenant_of={"ns-0"}) as server:
        found = shown(capsys, "-c", configuration(tmp_path, [live(server, tmp_path, "one")]), code=3)
    assert found["one"]["may"]["clusterroles"] == "yes"
    assert found["one"]["may"]["rolebindings"] == "no"
    told = "\n".join(found["one"]["not_known"])
    assert "not known: who has access in every namespace (may not list clusterrolebindings)" in told
    assert "may not list rolebindings in all namespaces: only in those that this account sees)" in told
    assert "(may not list namespaces: only those that this account sees are read)" in told


def test_zones_that_do_not_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One is away, one hangs, one does not know us: each says so, and the one that answers loses nothing."""
    with (
        SimulatedZone(world_of(1), tmp_path / "a") as good,
        SimulatedZone(world_of(1), tmp_path / "b", faults=[Fault("", hang(), times=None)]) as silent,
        SimulatedZone(world_of(1), tmp_path / "c", token="other") as stranger,
    ):
        stranger_file = stranger.kubeconfig(tmp_path / "stranger.kubeconfig", token="wrong")
        zones = [
            live(good, tmp_path, "good"),
            live(silent, tmp_path, "silent"),
            {"id": "gone", "api": "https://127.0.0.1:1", "credentials": {"token_env": "HOME"}},
            {"id": "stranger", "credentials": {"kubeconfig": str(stranger_file)}},
        ]
        config = configuration(tmp_path, zones, collect={"timeout_seconds": 2})
        found = shown(capsys, "-c", config, code=3)
        assert run_command(["zones", "-c", config, "--zone", "gone", "--zone", "stranger"]) == 4
    assert list(found) == ["good", "silent", "gone", "stranger"]
    assert found["good"]["not_known"] == []
    assert "timeout" in found["silent"]["trouble"]
    assert "unreachable" in found["gone"]["trouble"]
    assert "unauthenticated" in found["stranger"]["trouble"]
    assert "gone: nothing will be known: unreachable" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("fault", "user", "may"),
    [
        (Fault("selfsubjectreviews", refuse_with(404)), "auditor", "yes"),
        (Fault("selfsubjectreviews", broken_json()), "", "yes"),
        (Fault("selfsubjectreviews", other_body({"status": {"userInfo": None}})), "", "yes"),
        (Fault("selfsubjectaccessreviews", refuse_with(403), times=None), "auditor", "unknown"),
        (
            Fault("selfsubjectaccessreviews", other_body({"status": {"allowed": "maybe"}}), times=None),
            "auditor",
            "unknown",
        ),
        (Fault("selfsubjectaccessreviews", other_body([]), times=None), "auditor", "unknown"),
    ],
)
def test_a_server_that_does_not_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: Fault, user: str, may: str
) -> None:
    """An old server is asked another way; what it does not say is unknown, never no."""
    with SimulatedZone(world_of(1), tmp_path / "a", faults=[fault]) as server:
        config = configuration(tmp_path, [live(server, tmp_path, "one")])
        found = shown(capsys, "-c", config, code=0 if may == "yes" else 3)
    assert found["one"]["user"] == user
    assert set(found["one"]["may"].values()) == {may}
    assert bool(found["one"]["not_known"]) is (may == "unknown")


def test_the_contexts_of_a_kubeconfig(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a configuration each context is a zone, or each that is meant; its name becomes an id that is safe."""
    with SimulatedZone(world_of(1), tmp_path / "a") as one, SimulatedZone(world_of(1), tmp_path / "b") as two:
        servers = {"default/api:6443/ann": one.url, "lpg-2": two.url, "../../etc": "https://127.0.0.1:1"}
        file = kubeconfig(tmp_path / "kube", servers, {"one": one, "two": two})
        found = shown(capsys, "-k", file, code=3)
        assert set(shown(capsys, "-k", file, "--context", "lpg-*")) == {"lpg-2"}
    assert set(found) == {"default-api-6443-ann", "lpg-2", "etc"}
    assert found["default-api-6443-ann"]["name"] == "default/api:6443/ann"
    assert found["default-api-6443-ann"]["api"] == one.url
    assert found["lpg-2"]["name"] == ""
    assert "unreachable" in found["etc"]["trouble"] or "credentials" in found["etc"]["trouble"]


def test_a_configuration_takes_zones_from_a_kubeconfig(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command reads them; one that stands in the configuration too is as it says there."""
    with SimulatedZone(world_of(1), tmp_path / "a") as server:
        kubeconfig(tmp_path / "kube", {"one": server.url, "two": server.url, "left": server.url}, {"s": server})
        path = tmp_path / "config.yaml"
        path.write_text(
            "zones_from: {kubeconfig: {path: kube, contexts: [one, two]}}\n"
            f"zones: [{{id: two, source: {{dump: {DEMO}}}}}]\n"
        )
        assert run_command(["collect", "-c", str(path), "-o", str(tmp_path / "out"), "--json"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert run_command(["config", "check", "-c", str(path), "--json"]) == 0
    assert set(result["snapshots"]) == {"one", "two"}
    assert {zone["zone"]: zone["api"] for zone in json.loads(capsys.readouterr().out)["zones"]}["two"] == str(DEMO)


def test_hostile_names_are_harmless(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A context, a user and a group called as no one should be are spelled out on a terminal."""
    world = world_of(1)
    with SimulatedZone(world, tmp_path / "a", caller=Caller("\x1b[31mred", ("\u202egnp.exe",))) as server:
        file = kubeconfig(tmp_path / "kube", dict.fromkeys(HOSTILE, server.url), {"one": server})
        assert run_command(["zones", "-k", file]) == 0
        said = capsys.readouterr()
        found = shown(capsys, "-k", file)
    assert "\x1b" not in said.out + said.err
    assert "\\x1b[31mred" in said.out
    assert len(found) == len(HOSTILE)
    assert all(zone == zone.strip("-") and zone.replace("-", "").isalnum() and zone.isascii() for zone in found)


@given(
    st.lists(st.one_of(st.text(max_size=8), st.sampled_from([*HOSTILE, "a", "A", "a-", "-a", "a" * 70])), unique=True)
)
def test_every_context_has_an_id_of_its_own(names: list[str]) -> None:
    """Safe, unique, the same whatever stands beside it, and the name itself where that is an id already."""
    ids = zone_ids(names)
    assert list(ids) == names
    assert len(set(ids.values())) == len(names)
    for name, one in ids.items():
        assert 0 < len(one) <= 63
        assert one == one.strip("-")
        assert set(one) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        if zone_ids([name])[name] == name:
            assert one == name
    assert zone_ids(reversed(names)) == ids


def test_an_id_that_somebody_foresaw_is_still_its_own() -> None:
    """A name made to be what another one would become takes nothing away from it."""
    first = zone_ids(["ü"])["ü"]
    ids = zone_ids(["ü", first])
    assert ids[first] == first
    assert ids["ü"] != first


@pytest.mark.parametrize(
    ("api", "registry"),
    [
        ("https://api.lpg-2.appuio.cloud:6443", "registry.lpg-2.appuio.cloud"),
        ("https://api.example.com", ""),
        ("https://api..appuio.cloud.example.com", ""),
        ("https://[broken", ""),
        ("", ""),
    ],
)
def test_the_registry_of_an_appuio_zone(api: str, registry: str) -> None:
    """It follows from the API's address there, and is not guessed anywhere else."""
    assert registry_of(api) == registry


def test_the_standard_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """KUBECONFIG may name several: the first of a name counts, and files that are not there are passed over."""
    kubeconfig(tmp_path / "one", {"a": "https://one", "b": "https://one"})
    kubeconfig(tmp_path / "two", {"b": "https://two", "c": "https://two"})
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/none:{tmp_path}/one::{tmp_path}/two")
    assert [zone.id for zone in zones_of_kubeconfig(KubeconfigZones())] == ["a", "b", "c"]
    (zone,) = zones_of_kubeconfig(KubeconfigZones(contexts=("c",)))
    assert zone.credentials == Kubeconfig(None, "c")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/none")
    with pytest.raises(UsageError, match=r"no kubeconfig at .*none"):
        zones_of_kubeconfig(KubeconfigZones())
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UsageError, match=r"no kubeconfig at .*\.kube/config"):
        zones_of_kubeconfig(KubeconfigZones())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "is not YAML"),
        ("- a", "is not a kubeconfig"),
        ("contexts: [{name: 5, context: {}}]", "must be a list of `name`"),
        ("contexts: []", "no context matches * (no context in it has a cluster)"),
        ("token: s3cret\n\tx", "is not YAML"),
    ],
)
def test_a_file_that_is_no_kubeconfig(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str) -> None:
    """One message, and nothing of what stands in the file."""
    (tmp_path / "kube").write_text(text)
    assert run_command(["zones", "-k", str(tmp_path / "kube")]) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert "s3cret" not in printed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-c", "CONFIG", "-k", "KUBE"], "--config already names the zones"),
        (["-c", "CONFIG", "--context", "x"], "--config already names the zones"),
        (["-k", "KUBE", "--context", "x*"], "no context matches x* (known: lpg-2)"),
        (["-k", "KUBE", "--zone", "lpg2"], "did you mean lpg-2?"),
        (["-k", "NONE"], "cannot read "),
    ],
)
def test_bad_input_is_one_clear_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """Exit code 2, nothing on stdout."""
    file = kubeconfig(tmp_path / "kube", {"lpg-2": "https://127.0.0.1:1"})
    named = {"CONFIG": configuration(tmp_path, [{"id": "a"}]), "KUBE": file, "NONE": str(tmp_path / "none")}
    assert run_command(["zones", *(named.get(one, one) for one in arguments)]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert not printed.out


def test_many_at_once_in_any_order() -> None:
    """Each result comes with the place of its item; a failure is raised where it can be told."""
    stop = Event()
    assert sorted(run_parallel([3, 1, 2], lambda number: number * 2, stop.is_set, at_once=2)) == [
        (0, 6),
        (1, 2),
        (2, 4),
    ]
    assert list(run_parallel([], str, stop.is_set, at_once=2)) == []
    with pytest.raises(ZeroDivisionError):
        list(run_parallel([1, 0], lambda number: 1 / number, stop.is_set, at_once=1))


def test_a_stop_does_not_wait_for_what_hangs() -> None:
    """What is done comes out, what hangs is left out, and what was not begun never begins."""
    stop, forever, begun = Event(), Event(), []

    def work(name: str) -> str:
        begun.append(name)
        if name == "hangs":
            stop.set()
            forever.wait()
        return name

    found: Iterator[tuple[int, str]] = run_parallel(
        ["quick", "hangs", "later"], work, stop.is_set, at_once=1, grace=0.2
    )
    assert list(found) == [(0, "quick")]
    assert begun == ["quick", "hangs"]
    forever.set()


def test_a_stop_ends_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the documented exit code."""
    monkeypatch.setattr("audit.commands.zones.self_check", lambda zone, seconds, stop: stop.set())
    assert run_command(["zones", "-c", configuration(tmp_path, [{"id": "a"}])]) == 143
