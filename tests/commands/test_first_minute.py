"""The first minute: a login is enough, a folder of runs is its last one, and what is wrong says what to type."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from audit.cli import run_command
from audit.command_line.current_context import zone_of
from audit.frames import frames
from audit.snapshot.model import Gap, gap_lines
from tests.commands.test_commands import DEMO, configuration, live, rows, the_run
from tests.commands.test_zones_command import kubeconfig
from tests.simulator.server import SimulatedZone
from tests.worlds.random_zones import furnished, world_of
from tests.worlds.small import PUSH, bind, namespace, role, user, world

WORLD = furnished(
    world(
        *(namespace(name) for name in ("shop", "bank")),
        role("", "pushers", PUSH),
        bind("shop", "open", "pushers", ("Group", "system:authenticated")),
        bind("bank", "open", "pushers", ("Group", "system:authenticated")),
        user("ann"),
    )
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, and no kubeconfig but the test's."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    return folder


def logged_in(server: SimulatedZone, tmp_path: Path, context: str = "shop/api-mine:6443/ann") -> None:
    """Write what `oc login` leaves."""
    path = Path(kubeconfig(tmp_path / "kubeconfig", {context: server.url, "other": "https://o"}, {"x": server}))
    path.write_text(f"current-context: {context}\n{path.read_text()}")


def test_a_login_is_enough_for_a_report(
    tmp_path: Path, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`run` without anything audits the current context into ./registry-audit, and prints the worst findings.

    The official client, which takes half a second to import, is only for runs in a cluster.
    """
    for name in ("kubernetes", "kubernetes.client", "kubernetes.config"):
        monkeypatch.setitem(sys.modules, name, None)
    with SimulatedZone(WORLD, tmp_path / "a") as server:
        logged_in(server, tmp_path)
        code = run_command(["run"])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    folder = the_run(here / "registry-audit")
    assert {row["zone"] for row in rows(folder / "coverage.csv")} == {"127-0-0-1"}
    assert f"the current context shop/api-mine:6443/ann ({server.url})" in printed.err
    worst = next(line for line in printed.out.splitlines() if line.startswith("critical"))
    assert worst.split() == ["critical", "2", *["Every", "user", "can", "push"], "127-0-0-1/bank,", "127-0-0-1/shop"]
    assert printed.out.splitlines()[-1] == f"complete: registry-audit/{folder.name}/report.html"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["run"]["config_digest"] == ""


def test_the_plugin_of_oc_does_the_same(tmp_path: Path, here: Path) -> None:
    """`oc registry-audit` starts `oc-registry_audit`, which is installed; nothing is opened, nothing asked."""
    plugin = Path(sys.executable).parent / "oc-registry_audit"
    with SimulatedZone(WORLD, tmp_path / "a") as server:
        logged_in(server, tmp_path)
        command = [str(plugin), "run", "--format", "csv"]
        environment = {**os.environ, "BROWSER": "false", "DISPLAY": ""}
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert (the_run(here / "registry-audit") / "access.csv").is_file()


@pytest.mark.parametrize(
    ("command", "printed"),
    [
        (["can", "ann", "push", "shop"], "yes"),
        (["who", "push", "shop"], "system:authenticated"),
        (["explain", "group/system:authenticated", "shop"], "can pull and push in shop"),
        (["verify", "--sample", "20"], "\nmine "),
        (["collect", "--out", "facts"], "complete"),
    ],
)
@pytest.mark.usefixtures("here")
def test_questions_go_to_the_current_context(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str], printed: str
) -> None:
    """When nothing else is said."""
    with SimulatedZone(WORLD, tmp_path / "a") as server:
        logged_in(server, tmp_path, "mine")
        assert run_command(command) == 0
    assert printed in capsys.readouterr().out


@pytest.mark.parametrize("command", [["run"], ["can", "ann", "push", "shop"], ["who", "push", "shop"], ["verify"]])
@pytest.mark.usefixtures("here")
def test_without_a_login_the_fix_is_said(capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    """In one line, with exit code 2."""
    assert run_command(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no kubeconfig at" in line
    assert "log in using `oc login`, or name zones with --config FILE" in line
    assert ("--snapshot PATH" in line) is (command[0] in {"can", "who"})


@pytest.mark.usefixtures("here")
def test_a_tenant_is_told_that_a_partial_run_is_expected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And what can be relied on; not where an account of the whole zone was refused a list."""
    for options, count in (({"tenant_of": ["shop"]}, 1), ({"refuse": {"groups"}}, 0)):
        with SimulatedZone(WORLD, tmp_path / "a", **options) as server:
            logged_in(server, tmp_path)
            assert run_command(["run", "--format", "csv"]) == 3
        assert capsys.readouterr().err.count("expected without cluster-wide rights: each yes holds") == count


@pytest.mark.usefixtures("here")
def test_a_question_with_an_expired_login_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where somebody may have access that is not known, with what was not seen; and no namespace is said to be none."""
    with SimulatedZone(WORLD, tmp_path / "a") as server:
        logged_in(server, tmp_path)
        path = tmp_path / "kubeconfig"
        path.write_text(path.read_text().replace(server.token, "expired-long-ago"))
        assert run_command(["who", "push", "shop"]) == 3
        printed = capsys.readouterr().err
        assert f"log in again: oc login {server.url}" in printed
        assert "whether there is a namespace shop is not known" in printed
        assert "lists no namespace" not in printed
        assert run_command(["can", "ann", "push", "shop"]) == 3
    printed = capsys.readouterr().out
    assert "not seen: whether there is a namespace shop" in printed
    assert "has no namespace shop" not in printed


@pytest.mark.usefixtures("here")
def test_an_expired_login_says_how_to_renew_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A context's token that is not accepted: `oc login` with the address, once."""
    with SimulatedZone(WORLD, tmp_path / "a") as server:
        logged_in(server, tmp_path)
        path = tmp_path / "kubeconfig"
        path.write_text(path.read_text().replace(server.token, "expired-long-ago"))
        assert run_command(["run"]) == 4
        assert run_command(["zones"]) == 4
    printed = capsys.readouterr()
    assert printed.err.count(f"log in again: oc login {server.url}") == 1
    assert f"log in again: oc login {server.url}" in printed.out


@pytest.mark.parametrize(
    ("context", "server", "zone"),
    [
        ("shop/api-lpg-2-appuio-cloud:6443/ann", "https://api.lpg-2.appuio.cloud:6443", "lpg-2"),
        ("bank/api-lpg-2-appuio-cloud:6443/ann", "https://api.lpg-2.appuio.cloud:6443", "lpg-2"),
        ("minikube", "https://192.0.2.1:8443", "minikube"),
        ("a/b", "https://192.0.2.1:8443", "192-0-2-1"),
        ("a/b", "https://[2001:db8::1]:8443", "2001-db8-1"),
        ("a/b", "https://[broken", "a-b"),
        ("a/b", "", "a-b"),
    ],
)
def test_the_zone_of_a_context_does_not_change_with_the_project(context: str, server: str, zone: str) -> None:
    """Runs are compared by zone: its id is the cluster's."""
    assert zone_of(context, server) == zone


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two runs, of which the first is complete and the second is not."""
    out = tmp_path_factory.mktemp("runs")
    assert run_command(["report", "-s", str(DEMO), "-o", str(out), "-f", "csv"]) == 0
    partial = out.parent / "partial" / "demo-1"
    shutil.copytree(DEMO, partial)
    (partial / "groups.json.gz").unlink()
    assert run_command(["report", "-s", str(partial), "-o", str(out), "-f", "csv"]) == 3
    shutil.rmtree(partial.parent)
    return out


def test_a_folder_of_runs_is_its_latest(runs: Path, tmp_path: Path) -> None:
    """For questions and notebooks; where no run is complete, it is the last one; never an empty dump."""
    latest = frames(str(runs / "latest"))
    assert frames(str(runs))["access"].equals(latest["access"])
    assert len(latest["access"]) > 100
    copy = tmp_path / "runs"
    shutil.copytree(runs, copy, symlinks=True)
    (copy / "latest").unlink()
    assert frames(str(copy))["access"]["zone"].unique().tolist() == ["demo-1"]
    assert len(frames(str(copy))["coverage"].query("state == 'missing'")) == 1


def test_a_folder_of_runs_without_snapshots_is_an_error(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And no dump without files."""
    run = next(path.name for path in runs.iterdir() if path.name.startswith("2"))
    (tmp_path / "runs" / run).mkdir(parents=True)
    assert run_command(["who", "push", "shop", "-s", str(tmp_path / "runs")]) == 2
    assert "no run here has a snapshot" in capsys.readouterr().err


def test_history_takes_a_run_for_its_folder(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`latest` too, as `query` does; runs are counted once, however many zones they have."""
    values = []
    for place in (runs, runs / "latest"):
        run_command(["history", "group/system:authenticated", "--runs", str(place), "--json"])
        values.append(json.loads(capsys.readouterr().out))
    assert values[0] == values[1]
    assert values[0]["runs"] == 2


def test_the_history_of_a_stranger_is_not_plainly_none(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped name is said to be one."""
    for name, never in (("nobody-of-this-name", True), ("system:anonymous", False)):
        run_command(["history", name, "--runs", str(runs)])
        printed = capsys.readouterr().err
        assert "no access in 2 runs" in printed
        assert ("was never seen in zone" in printed) is never


def test_what_made_the_run_fail_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 10 never comes without its reason."""
    out = str(tmp_path / "out")
    for options, reason in (
        (["--fail-on", "critical"], "of the findings are at or above critical"),
        (["--fail-on-new"], "of the findings are new"),
    ):
        code = run_command(["report", "-s", str(DEMO), "-o", f"{out}{options[0]}", "-f", "csv", *options])
        assert code == 10
        last = capsys.readouterr().out.splitlines()[-1]
        assert last.startswith("exit code 10: ")
        assert last.endswith(reason)


def test_contexts_are_checked_with_the_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that does not exist is a mistake, with the one that was meant, or those there are."""
    path = kubeconfig(tmp_path / "kubeconfig", {"lpg-2": "https://one", "other": "https://two"})
    given = [("a", "lpg2"), ("b", "zzz"), ("c", "other")]
    zones = [{"id": name, "credentials": {"kubeconfig": path, "context": context}} for name, context in given]
    assert run_command(["config", "check", "-c", configuration(tmp_path, zones)]) == 2
    printed = capsys.readouterr().err
    assert "zones[0].credentials.context: no context lpg2 in" in printed
    assert "did you mean lpg-2?" in printed
    assert "known: lpg-2, other" in printed
    assert "2 mistakes" in printed


def test_the_same_refusal_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """However many namespaces refuse the same lists: with a count, and the first answer."""
    with SimulatedZone(world_of(1), tmp_path / "a", refuse={"rolebindings", "roles", "imagestreams"}) as server:
        config = configuration(tmp_path, [live(server, tmp_path, "mine")])
        assert run_command(["run", "-c", config, "-o", str(tmp_path / "out"), "-f", "csv"]) in {3, 4}
    lines = [line for line in capsys.readouterr().err.splitlines() if "not seen" in line]
    assert 0 < len(lines) <= 3


def test_gaps_that_differ_in_names_only_share_a_line() -> None:
    """Refused lists of many namespaces are one line; other reasons only if they are told in the same words."""

    def gap(kind: str, namespace: str, reason: str = "refused") -> Gap:
        return Gap(kind, namespace, reason, f"may not list {kind} in {namespace}")

    refused = [gap(kind, f"ns-{at}") for at in range(20) for kind in ("roles", "rolebindings")]
    (line,) = gap_lines(refused)
    assert line.startswith("roles, rolebindings of 20 namespaces (ns-0, ns-1, ns-2 and 17 more): the credentials may")
    assert line.endswith(" (may not list roles in ns-0)")
    assert gap_lines([gap("roles", "a"), gap("roles", "b"), gap("rolebindings", "b")]) == (
        "roles of a: the credentials may not read it (may not list roles in a)",
        "roles, rolebindings of b: the credentials may not read it (may not list roles in b)",
    )
    assert len(gap_lines([gap("roles", "a", "cut"), gap("roles", "b", "cut")])) == 2
    assert [line.partition(":")[0] for line in gap_lines([gap("roles", ""), gap("groups", ""), gap("roles", "*")])] == [
        "roles, groups",
        "roles of namespaces that are not listed",
    ]
