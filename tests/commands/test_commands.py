"""Whole commands, as people and schedulers run them: what is printed, what is written, how they end."""

import csv
import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Self

import pytest
import yaml

from audit.cli import app, run_command
from audit.collect.connect import retry
from audit.errors import UsageError
from audit.exit_codes import EXIT_CODES
from audit.job import plan as run_plan
from audit.job import run as run_folder
from audit.job.plan import RunPlan
from audit.snapshot.model import load
from audit.snapshot.objects import NEEDED
from audit.storage.store import Folder
from audit.tables.schemas import SCHEMAS
from reports import sarif
from tests.paths import ROOT
from tests.simulator.faults import Fault, hang, refuse_with
from tests.simulator.server import SimulatedZone
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import HOSTILE, furnished, world_of, write_dump

DEMO = ROOT / "audit/demo/demo-1"
OUTPUTS = {
    "causes.md",
    "findings.json",
    "metrics.prom",
    *(f"{name}.csv" for name in SCHEMAS),
    "manifest.json",
    "manifest.sha256",
    "report.html",
    "snapshots",
}


def configuration(tmp_path: Path, zones: list[dict[str, Any]], **rest: Any) -> str:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({"zones": zones, **rest}))
    return str(path)


def live(server: SimulatedZone, tmp_path: Path, name: str) -> dict[str, Any]:
    return {"id": name, "credentials": {"kubeconfig": str(server.kubeconfig(tmp_path / f"{name}.kubeconfig"))}}


def the_run(out: Path) -> Path:
    (folder,) = (path for path in out.iterdir() if path.is_dir() and not path.is_symlink())
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_over_several_zones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two live zones and a dump: reports, snapshots, a manifest, and `latest`, all of them private."""
    out = tmp_path / "out"
    with SimulatedZone(world_of(1), tmp_path / "a") as one, SimulatedZone(world_of(2), tmp_path / "b") as two:
        zones = [live(one, tmp_path, "one"), live(two, tmp_path, "two"), {"id": "demo", "source": {"dump": str(DEMO)}}]
        code = run_command(["run", "--config", configuration(tmp_path, zones), "--out", str(out)])
    said = capsys.readouterr()
    assert code == 0, said.err
    folder = the_run(out)
    assert {path.name for path in folder.iterdir()} == OUTPUTS
    assert (out / "latest").resolve() == folder.resolve()
    assert str(folder / "report.html") in said.out
    assert "one: rolebindings: " in said.err
    assert {row["zone"] for row in rows(folder / "access.csv")} == {"one", "two", "demo"}
    assert {row["state"] for row in rows(folder / "coverage.csv")} == {"seen", "not-asked"}
    for path in (*folder.rglob("*"), folder):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["state"] == "complete"
    assert {file["name"] for file in manifest["files"]} == {
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.stem != "manifest"
    }
    assert {file["name"]: file["rows"] for file in manifest["files"]}["access.csv"] == len(rows(folder / "access.csv"))


def test_a_run_that_is_not_whole_says_so_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One zone refuses a list, one is away: exit code 3, the page says PARTIAL, `latest` stays where it was."""
    out = tmp_path / "out"
    with SimulatedZone(world_of(1), tmp_path / "a", refuse={"rolebindings"}) as one:
        zones = [
            live(one, tmp_path, "one"),
            {"id": "gone", "api": "https://127.0.0.1:1", "credentials": {"token_env": "HOME"}},
            {"id": "demo", "source": {"dump": str(DEMO)}},
        ]
        code = run_command(["run", "-c", configuration(tmp_path, zones), "-o", str(out), "--json"])
    said = capsys.readouterr()
    assert code == 3
    result = json.loads(said.out)
    assert result["zones"] == {"demo": "complete", "gone": "failed", "one": "partial"}
    assert "one: not seen: rolebindings: the credentials may not read it" in said.err
    folder = Path(result["folder"])
    page = (folder / "report.html").read_text()
    assert page.count("PARTIAL") > 5
    assert not (out / "latest").exists()
    assert json.loads((folder / "manifest.json").read_text())["state"] == "partial"
    states = {(row["zone"], row["kind"]): row["state"] for row in rows(folder / "coverage.csv")}
    assert states["one", "rolebindings"] == "refused"
    assert states["gone", "groups"] == "unreachable"
    unknown = [row for row in rows(folder / "access.csv") if row["subject_kind"] == "Any"]
    assert {row["zone"] for row in unknown} == {"one", "gone"}


def test_nothing_usable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No zone could be read: exit code 4, and the reports are there and say that nothing is known."""
    config = configuration(tmp_path, [{"id": "a", "source": {"dump": str(tmp_path / "nowhere")}}])
    assert run_command(["run", "-c", config, "-o", str(tmp_path / "out")]) == 4
    assert "there is no folder" in capsys.readouterr().err
    assert "FAILED" in (the_run(tmp_path / "out") / "report.html").read_text()


def test_snapshots_are_reported_on_without_a_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`collect`, then `report`: byte for byte the tables of a run, also from the snapshots of that run."""
    out = tmp_path / "out"
    with SimulatedZone(world_of(3), tmp_path / "a") as server:
        config = configuration(tmp_path, [live(server, tmp_path, "one")])
        assert run_command(["collect", "-c", config, "-o", str(tmp_path / "facts")]) == 0
        assert run_command(["collect", "-c", config, "-o", str(tmp_path / "facts"), "--json"]) == 0
        assert run_command(["run", "-c", config, "-o", str(out)]) == 0
    file = tmp_path / "facts/one.snapshot"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load(file).origin.zone == "one"
    folder = the_run(out)
    for number, source in enumerate((file, tmp_path / "facts", folder, folder / "snapshots")):
        again = tmp_path / f"again-{number}"
        assert run_command(["report", "-s", str(source), "-o", str(again), "-f", "csv", "-c", config]) == 0
        for name in ("access.csv", "grants.csv"):
            assert (the_run(again) / name).read_bytes() == (folder / name).read_bytes()
        assert not (the_run(again) / "report.html").exists()
    assert capsys.readouterr().out


def test_collect_says_what_it_could_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A partial snapshot is written, and the exit code says so."""
    with SimulatedZone(world_of(3), tmp_path / "a", refuse={"groups"}) as server:
        config = configuration(tmp_path, [live(server, tmp_path, "one")])
        assert run_command(["collect", "-c", config, "-o", str(tmp_path / "facts")]) == 3
    said = capsys.readouterr()
    assert "partial" in said.out
    assert "groups: the credentials may not read it" in said.err


def test_the_demo_runs_on_what_comes_with_the_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two zones, no cluster: a month of runs, a review that is half done; and once more, one run more."""
    for runs in (5, 6):
        assert run_command(["demo", "-o", str(tmp_path), "--json"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert result["zones"] == {"geneva": "complete", "zurich": "complete"}
        assert result["findings"]["by_severity"]["critical"] == 3
        assert len([path for path in tmp_path.iterdir() if path.name.startswith("2")]) == runs
    changes = {row["cause"] for path in tmp_path.glob("2*/changes.csv") for row in rows(path)}
    assert any("share-images" in cause for cause in changes)
    assert run_command(["review", "status", str(tmp_path / "review"), "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["undecided"] == 14
    assert run_command(["check-evidence", str(tmp_path)]) == 0


def test_namespaces_are_left_out_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Excluded namespaces are in no table, and coverage says how many they are."""
    write_dump(world_of(2), tmp_path / "dump")
    zones = [{"id": "a", "source": {"dump": str(tmp_path / "dump")}}]
    config = configuration(tmp_path, zones, namespaces={"exclude": {"names": ["ns-*"]}})
    assert run_command(["run", "-c", config, "-o", str(tmp_path / "out"), "-f", "csv"]) == 0
    folder = the_run(tmp_path / "out")
    assert {row["namespace"] for row in rows(folder / "access.csv")} <= {"*", "openshift"}
    (line,) = (row for row in rows(folder / "coverage.csv") if row["state"] == "excluded")
    expected = [one for one in world_of(2)["namespaces"] if one["metadata"]["name"].startswith("ns-")]
    assert line["count"] == str(len(expected))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["merge"], "Missing option '--config'"),
        (["run", "-c", "/no/such.yaml"], "/no/such.yaml: cannot read the configuration: No such file"),
        (["run", "-c", "CONFIG", "-o", "OUT", "--zone", "dmo"], "did you mean demo?"),
        (
            ["run", "-c", "CONFIG", "-o", "OUT", "--format", "pdf"],
            "no such format: pdf (choose from csv, html, jsonl, ocsf, parquet, sarif, sarif-causes, xlsx)",
        ),
        (["run", "-c", "CONFIG", "-o", "OUT", "--scope", "all"], "no such scope: all (choose from auto, cluster,"),
        (["who", "pull", "ns", "-c", "CONFIG", "--scope", "all"], "no such scope: all (choose from auto, cluster,"),
        (["run", "-c", "CONFIG", "-o", "/dev/null/x"], "cannot create"),
        (["run", "-c", "MINIMAL"], "no output folder (--out DIR"),
        (["report", "-o", "OUT"], "nothing to report on (give --snapshot PATH)"),
        (["report", "-s", "/no/such", "-o", "OUT"], "no such file or folder"),
        (["report", "-s", "CONFIG", "-o", "OUT"], "cannot read this snapshot"),
        (["report", "-s", "DEMO", "-s", "DEMO", "-o", "OUT"], "zone demo-1 is given twice"),
        (["report", "-s", "DEMO", "-z", "x", "-o", "OUT"], "no snapshot of zone x (known zones: demo-1)"),
        (["who", "pull", "ns", "-s", "DEMO", "-c", "CONFIG"], "give either --snapshot or --config"),
        (["who", "fetch", "ns", "-s", "DEMO"], "no such action (choose one of pull, push, create,"),
        (["who", "pul", "ns", "-s", "DEMO"], "did you mean pull?"),
        (["who", "pull", "/x", "-s", "DEMO"], "not a namespace"),
        (["who", "pull", "*", "-s", "DEMO"], "not a namespace"),
        (["can", "sa/ci", "pull", "ns", "-s", "DEMO"], "sa/ci: not a subject"),
        (["can", "user/", "pull", "ns", "-s", "DEMO"], "user/: not a subject"),
        (["can", "x", "fetch", "ns", "-s", "DEMO"], "no such action"),
        (["can", "x", "pull", "ns", "-s", "DEMO", "-s", "DEMO2"], "several zones (--zone"),
        (["can", "x", "-s", "DEMO"], "can SUBJECT ACTION NAMESPACE"),
        (["can", "x", "pull", "-s", "DEMO"], "pull is about a namespace"),
        (["can", "x", "--questions", "f", "-s", "DEMO"], "--questions takes no SUBJECT"),
        (["can", "--questions", "/no/such.csv", "-s", "DEMO"], "/no/such.csv: cannot read the file"),
        (["explain", "sa/x", "-s", "DEMO"], "not a subject"),
        (["fly"], "No such command 'fly'"),
        (["who", "--fast"], "No such option: --fast"),
    ],
)
def test_bad_input_is_one_clear_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """What, where, what to do; exit code 2; nothing on stdout, no traceback."""
    named = {"CONFIG": str(ROOT / "config.example.yaml"), "OUT": str(tmp_path / "out"), "DEMO": str(DEMO)}
    named["DEMO2"] = str(ROOT / "audit/demo/demo-2")
    named["MINIMAL"] = configuration(tmp_path, [{"id": "a"}])
    assert run_command([named.get(one, one) for one in arguments]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert not printed.out
    assert "Traceback" not in printed.err
    assert printed.err.startswith("registry-audit: ")


def test_a_bug_is_said_to_be_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback unless it is asked for; exit code 1."""

    def broken(*arguments: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("audit.command_line.sources.facts", broken)
    assert run_command(["who", "pull", "ns", "-s", str(DEMO)]) == 1
    assert "this is a bug: ZeroDivisionError: oh" in capsys.readouterr().err
    monkeypatch.setenv("REGISTRY_AUDIT_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run_command(["who", "pull", "ns", "-s", str(DEMO)])


def test_ctrl_c_in_a_question(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One word, and the documented exit code."""

    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("audit.command_line.sources.facts", interrupted)
    assert run_command(["who", "pull", "ns", "-s", str(DEMO)]) == 143
    assert capsys.readouterr().err == "registry-audit: stopped\n"


def start(arguments: list[str], **rest: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "audit", *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True, **rest
    )


def wait_for(text: str, process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    pytest.fail(f"{text} was never said")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_keeps_what_is_whole(tmp_path: Path, number: signal.Signals) -> None:
    """One zone is done, one hangs: the run ends at once with 143, and its manifest marks it as stopped."""
    with SimulatedZone(world_of(1), tmp_path / "a", faults=[Fault("", hang(), times=None)]) as silent:
        zones = [live(silent, tmp_path, "silent"), {"id": "demo", "source": {"dump": str(DEMO)}}]
        process = start(["run", "-c", configuration(tmp_path, zones), "-o", str(tmp_path / "out")])
        wait_for("demo: complete", process)
        begin = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 143, err
    assert time.monotonic() - begin < 15
    assert "stopped before everything was written" in err
    assert "Traceback" not in err
    assert not out
    folder = the_run(tmp_path / "out")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["state"] == "stopped"
    assert {zone["id"]: zone["state"] for zone in manifest["run"]["zones"]} == {"demo": "complete", "silent": "failed"}
    assert load(folder / "snapshots/demo.snapshot").state == "complete"
    assert not (tmp_path / "out/latest").exists()


@pytest.mark.slow
@pytest.mark.parametrize("command", ["collect", "who"])
def test_a_stop_of_other_commands(tmp_path: Path, command: str) -> None:
    """They end with 143 and one message as well."""
    with SimulatedZone(world_of(1), tmp_path / "a", faults=[Fault("", hang(), times=None)]) as silent:
        config = configuration(tmp_path, [live(silent, tmp_path, "silent")])
        rest = ["collect", "-o", str(tmp_path / "out")] if command == "collect" else ["who", "pull", "ns"]
        process = start([*rest, "-c", config])
        wait_for("silent: collecting", process)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 143
    assert "stopped before all zones were read" in err


@pytest.mark.slow
def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    """Whoever presses Ctrl-C twice means it."""
    with SimulatedZone(world_of(1), tmp_path / "a", faults=[Fault("", hang(), times=None)]) as silent:
        process = start(
            ["run", "-c", configuration(tmp_path, [live(silent, tmp_path, "s")]), "-o", str(tmp_path / "out")]
        )
        wait_for("s: collecting", process)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 143
    assert "Traceback" not in err


def test_output_into_a_closed_pipe(tmp_path: Path) -> None:
    """`registry-audit who … | head` is no error."""
    with start(["explain", "group/system:masters", "-s", str(DEMO)]) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 0


def hostile_world() -> World:
    """Names that would do harm in a terminal, a page or a spreadsheet, bound to a role that exists."""
    subjects = [{"kind": kind, "name": name} for name in (*HOSTILE, "\u202egnp.exe") for kind in ("User", "Group")]
    rules = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    role = {"metadata": {"name": "all"}, "rules": rules}
    binding = {"metadata": {"name": "b", "namespace": "ns"}, "roleRef": {"kind": "ClusterRole", "name": "all"}}
    world: World = {plural: [] for plural in ("clusterrolebindings", "roles", "serviceaccounts", "imagestreams")}
    groups = [{"metadata": {"name": name}, "users": list(HOSTILE)} for name in HOSTILE]
    bound = [{**binding, "subjects": subjects}]
    return {
        **world,
        "namespaces": [{"metadata": {"name": "ns"}}],
        "clusterroles": [role],
        "rolebindings": bound,
        "groups": groups,
    }


def test_hostile_names_are_harmless_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Terminal, CSV and page hold them as names, and as nothing else."""
    dump = write_dump(furnished(hostile_world()), tmp_path / "dump")
    assert run_command(["report", "-s", str(dump), "-o", str(tmp_path / "out")]) == 0
    for command in (["who", "push", "ns"], ["explain", "user/\x1b[31mred"], ["can", "user/\x1b[31mred", "push", "ns"]):
        assert run_command([*command, "-s", str(dump)]) == 0
    printed = capsys.readouterr()
    assert "\x1b" not in printed.out + printed.err
    assert "\u202e" not in printed.out
    assert "\\x1b[31mred" in printed.out
    folder = the_run(tmp_path / "out")
    page = (folder / "report.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "\U0001f980" in page
    found = rows(folder / "access.csv")
    cells = [cell for row in found for name, cell in row.items() if name not in {"grants", "members", "unused_days"}]
    assert not [cell for cell in cells if cell[:1] in set("=+-@")]
    assert {row["subject"].removeprefix("'") for row in found if row["subject_kind"] == "User"} >= set(HOSTILE)


def test_the_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` names the program; `--help` names every command and the exit codes."""
    assert run_command(["--version"]) == 0
    assert capsys.readouterr().out.startswith("registry-audit ")
    assert run_command(["--help"]) == 0
    text = capsys.readouterr().out
    for command in ("run", "collect", "report", "who", "explain", "can", "demo", "config"):
        assert f"  {command} " in text
    told = " ".join(text.split())
    assert all(f" {code} " in told for code in EXIT_CODES if code != 10)


def test_help_is_quick() -> None:
    """`--help` loads none of the heavy libraries: it answers while people still look."""
    script = (
        "import sys; from audit.cli import run_command; run_command(['--help']);"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'urllib3', 'pydantic', 'jinja2'} & set(sys.modules);"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False, cwd=ROOT, capture_output=True).returncode == 0


def test_questions_load_only_what_they_need() -> None:
    """A single answer needs no data frames and no cluster client."""
    script = (
        f"import sys; from audit.cli import run_command; run_command(['can', 'x', 'pull', 'ns', '-s', {str(DEMO)!r}]);"
        "heavy = {'pandas', 'pyarrow', 'jinja2'} & set(sys.modules);"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False, cwd=ROOT, capture_output=True).returncode == 0


def test_completion_is_offered(capsys: pytest.CaptureFixture[str]) -> None:
    """Shells can ask for what completes a word."""
    environment = {
        **os.environ,
        "_REGISTRY_AUDIT_COMPLETE": "complete_bash",
        "COMP_WORDS": "registry-audit ex",
        "COMP_CWORD": "1",
    }
    script = "from audit.cli import app; app(prog_name='registry-audit')"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert "explain" in done.stdout
    assert app.info.name == "registry-audit"


def test_config_check_and_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a configuration means, what is wrong with it, and its schema."""
    assert run_command(["config", "check", "-c", str(ROOT / "config.example.yaml")]) == 0
    assert "from the zone" in capsys.readouterr().out
    assert run_command(["config", "check", "-c", configuration(tmp_path, [{"id": "a"}]), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["zones"][0]["api"] == "https://api.a.appuio.cloud:6443"
    wrong = configuration(
        tmp_path, [{"id": "a", "credentials": {"token_file": "none"}}, {"id": "b", "source": {"dump": "x"}}]
    )
    assert run_command(["config", "check", "-c", wrong]) == 2
    assert "2 mistakes" in capsys.readouterr().err
    assert run_command(["config", "schema"]) == 0
    assert "zones" in json.loads(capsys.readouterr().out)["properties"]


def test_questions_about_a_live_zone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--config` collects now; what could not be seen makes the answer unknown and the exit code 3."""
    monkeypatch.setattr(retry, "_FIRST_PAUSE", 0.01)
    faults = [Fault("/clusterrolebindings", refuse_with(503), times=None)]
    with SimulatedZone(world_of(2), tmp_path / "a", faults=faults) as server:
        config = configuration(tmp_path, [live(server, tmp_path, "one")], collect={"retries": 1})
        assert run_command(["can", "user/stranger", "pull", "ns-0", "-c", config]) == 3
        said = capsys.readouterr()
        assert said.out.startswith("unknown\n")
        assert "clusterrolebindings: the zone asked to come back later" in said.out
        assert run_command(["explain", "user/stranger", "-c", config, "--json"]) == 3
        assert "clusterrolebindings" in json.loads(capsys.readouterr().out)["not_seen"]["one"][0]
        assert run_command(["who", "pull", "ns-0", "-c", config, "--json"]) == 3
        found = json.loads(capsys.readouterr().out)
    assert {"zone": "one", "access": "unknown", "subject_kind": "Any", "subject": "*"}.items() <= found[0].items()


def test_runs_of_the_same_second_have_folders_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two schedulers at once lose nothing; and a hundred are told to come again."""
    stop = threading.Event()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_plan, "datetime", StoppedClock)
        folders = {run_folder.Run(Folder(tmp_path), RunPlan(), stop).id for _ in range(3)}
        assert folders == {"20260102T030405Z", "20260102T030405Z-2", "20260102T030405Z-3"}
        for number in range(4, 100):
            (tmp_path / f"20260102T030405Z-{number}").mkdir()
        with pytest.raises(UsageError, match="too many runs"):
            run_folder.Run(Folder(tmp_path), RunPlan(), stop)


class StoppedClock(datetime):
    """It is always the same second."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls(2026, 1, 2, 3, 4, 5, tzinfo=tz)


def test_a_volume_without_links_is_a_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The run itself is whole, so it is no failure."""
    (tmp_path / "latest").mkdir()
    assert run_command(["demo", "-o", str(tmp_path)]) == 0
    assert ": cannot move this link: " in capsys.readouterr().err


def test_many_gaps_are_told_with_a_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A zone of a hundred refused namespaces does not fill the terminal."""
    for number in range(30):
        space = tmp_path / "dump/namespaces" / f"ns-{number}"
        space.mkdir(parents=True)
        (space / f"ns-{number}.yaml").write_text(f"kind: Namespace\nmetadata: {{name: ns-{number}}}\n")
    assert run_command(["report", "-s", str(tmp_path / "dump"), "-o", str(tmp_path / "out"), "-f", "csv"]) == 3
    assert "more (coverage.csv has all)" in capsys.readouterr().err


OPEN_BINDING = """\
{"items": [{"metadata": {"name": "public", "namespace": "shop"}, "roleRef": {"kind": "ClusterRole", "name": "puller"},
"subjects": [{"kind": "Group", "name": "system:unauthenticated"}]}]}"""
ACCEPTED = "exceptions: [{{check: anonymous-pull, why: w, decided_by: d, until: {}}}]"


def open_zone(tmp_path: Path) -> Path:
    """A dump in which anybody may pull; it has everything but the optional lists."""
    pulls = {"verbs": ["get"], "apiGroups": ["image.openshift.io"], "resources": ["imagestreams/layers"]}
    role = {"metadata": {"name": "puller"}, "rules": [pulls]}
    return write_dump(
        closed_zone(clusterroles=[role], rolebindings=json.loads(OPEN_BINDING)["items"]), tmp_path / "dump"
    )


def closed_zone(**objects: Any) -> World:
    """A zone of one namespace in which nobody may do anything, but for these objects."""
    shop = {"metadata": {"name": "shop", "labels": {"appuio.io/organization": "acme"}}}
    return furnished({plural: [] for plural in NEEDED} | {"namespaces": [shop]} | objects)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 0),
        (["--fail-on", "critical"], 0),
        (["--fail-on", "high"], 10),
        (["--fail-on-new"], 10),
        (["--fail-on", "info", "--fail-on-new", "--exceptions", "EXCEPTIONS"], 0),
        (["--fail-on", "grave"], 2),
    ],
)
def test_findings_make_a_run_fail_when_asked(tmp_path: Path, arguments: list[str], code: int) -> None:
    """Only at the severity or for what is new, only what nobody has accepted; and the manifest says so."""
    accepted = tmp_path / "exceptions.yaml"
    accepted.write_text(ACCEPTED.format("2999-12-31"))
    given = [str(accepted) if one == "EXCEPTIONS" else one for one in arguments]
    folder, out = open_zone(tmp_path), tmp_path / "out"
    assert run_command(["report", "-s", str(folder), "-o", str(out), "-f", "csv", *given]) == code
    if code != 2:
        manifest = json.loads((the_run(out) / "manifest.json").read_text())
        assert (manifest["state"], manifest["exit_code"]) == ("complete", code)
        assert manifest["run"]["findings"]["failing"] == (1 if code else 0)
        states = {row["check"]: row["state"] for row in rows(the_run(out) / "findings.csv")}
        assert states["anonymous-pull"] == ("accepted" if "EXCEPTIONS" in arguments else "new")


def test_partial_wins_over_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3; the manifest says both."""
    folder = open_zone(tmp_path)
    (folder / "groups.json").unlink()
    config = configuration(
        tmp_path,
        [{"id": "a", "source": {"dump": str(folder)}}],
        fail_on="high",
        fail_on_new=True,
        output={"formats": ["csv"]},
    )
    assert run_command(["run", "-c", config, "-o", str(tmp_path / "out"), "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["findings"]["failing"] == 1
    manifest = json.loads((the_run(tmp_path / "out") / "manifest.json").read_text())
    assert (manifest["state"], manifest["exit_code"], manifest["run"]["findings"]["failing"]) == ("partial", 3, 1)


def test_exceptions_that_end_are_announced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr and in the table, by the configuration's file too."""
    (tmp_path / "accepted.yaml").write_text(ACCEPTED.format("2020-01-01"))
    folder = open_zone(tmp_path)
    config = configuration(tmp_path, [{"id": "a", "source": {"dump": str(folder)}}], exceptions="accepted.yaml")
    assert run_command(["run", "-c", config, "-o", str(tmp_path / "out"), "-f", "csv"]) == 0
    assert "was valid until 2020-01-01: 1 findings are open again" in capsys.readouterr().err
    (row,) = rows(the_run(tmp_path / "out") / "exceptions.csv")
    assert (row["state"], row["findings"]) == ("expired", "1")
    (tmp_path / "accepted.yaml").write_text("exceptions: [{check: prnue}]")
    assert run_command(["config", "check", "-c", config]) == 2
    assert "no such check; did you mean prune?" in capsys.readouterr().err
    (tmp_path / "accepted.yaml").unlink()
    assert run_command(["config", "check", "-c", config]) == 2
    assert "exceptions: no readable file" in capsys.readouterr().err
    assert run_command(["run", "-c", config, "-o", str(tmp_path / "more")]) == 2


def test_a_run_knows_what_runs_before_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """New, then open since then; gone when it was fixed; and a damaged memory is told and not used."""
    folder, out = open_zone(tmp_path), tmp_path / "out"

    def again(name: str) -> dict[str, str]:
        assert run_command(["report", "-s", str(folder), "-o", str(out), "-f", "csv"]) == 0
        (tmp_path / name).symlink_to((out / "latest").resolve())
        return next(iter([row for row in rows(tmp_path / name / "findings.csv") if row["check"] == "anonymous-pull"]))

    one, two = again("first"), again("second")
    assert (one["state"], two["state"], two["first_seen"]) == ("new", "open", one["first_seen"])
    (folder / "rolebindings.json").write_text(OPEN_BINDING.replace("system:unauthenticated", "acme"))
    (folder / "groups.json").write_text('{"items": [{"metadata": {"name": "acme"}, "users": []}]}')
    three = again("third")
    assert (three["state"], three["id"]) == ("gone", one["id"])
    capsys.readouterr()
    (tmp_path / "third/findings.json").write_text("{}")
    (folder / "rolebindings.json").write_text(OPEN_BINDING)
    assert again("fourth")["state"] == "open"
    assert "findings.json: was changed after the run wrote it; ignored" in capsys.readouterr().err


def test_the_same_facts_give_the_same_findings(tmp_path: Path) -> None:
    """Byte for byte, in every format, whenever the report is made: what is old is old by the time of the facts."""
    formats = ("-f", "csv", "-f", "sarif")
    for name in ("one", "other"):
        assert run_command(["report", "-s", str(DEMO), "-o", str(tmp_path / name), *formats]) == 0
    one, other = (the_run(tmp_path / name) for name in ("one", "other"))
    for name in ("findings.csv", "findings.json", "findings.sarif", "exceptions.csv"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    assert len(rows(one / "findings.csv")) > 100


def test_a_zone_that_is_never_seen_whole_has_a_memory_too(tmp_path: Path) -> None:
    """Without a whole run to compare with, the last one is: not everything is new each time."""
    folder, out = open_zone(tmp_path), tmp_path / "out"
    (folder / "groups.json").unlink()
    for number in range(2):
        assert run_command(["report", "-s", str(folder), "-o", str(out), "-f", "csv"]) == 3
        last = max(path for path in out.iterdir() if path.is_dir() and not path.is_symlink())
        states = {row["check"]: row["state"] for row in rows(last / "findings.csv")}
        assert states["anonymous-pull"] == ("open" if number else "new")
    write_dump(closed_zone(), tmp_path / "another")
    assert run_command(["report", "-s", str(tmp_path / "another"), "-o", str(out), "-f", "csv"]) == 0


def test_findings_of_another_version_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As they would be after an upgrade: everything is new then, and a line says why."""
    folder, out = open_zone(tmp_path), tmp_path / "out"
    assert run_command(["report", "-s", str(folder), "-o", str(out), "-f", "csv"]) == 0
    kept = the_run(out) / "findings.json"
    old = kept.read_bytes()
    kept.write_bytes(old.replace(b'"version": 1', b'"version": 0'))
    manifest = kept.with_name("manifest.json")
    was, now = (hashlib.sha256(data).hexdigest() for data in (old, kept.read_bytes()))
    manifest.write_text(manifest.read_text().replace(was, now))
    assert run_command(["report", "-s", str(folder), "-o", str(out), "-f", "csv"]) == 0
    said = f"the findings of run {kept.parent.name} cannot be used: the file has format version 0"
    assert said in capsys.readouterr().err


def test_findings_that_do_not_fit_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """SARIF has limits: what is left out is said on stderr, and is in the other files."""
    monkeypatch.setattr(sarif, "RESULTS", 1)
    command = ["report", "-s", str(open_zone(tmp_path)), "-o", str(tmp_path / "out"), "-f", "sarif"]
    assert run_command(command) == 0
    assert "findings.sarif omits the 5 least severe findings" in capsys.readouterr().err
    folder = the_run(tmp_path / "out")
    assert len(json.loads((folder / "findings.sarif").read_text())["runs"][0]["results"]) == 1
    assert len(json.loads((folder / "findings.json").read_text())["findings"]) == 6


def test_the_checks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """For people a line each, for programs everything that is said of them."""
    assert run_command(["checks"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert run_command(["checks", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert len(listed) == len(lines) - 1 >= 30
    assert listed[0]["id"] == "anonymous-pull"
    assert all(one["why"] and one["remedy"] and one["controls"] and one["documentation"] for one in listed)


def test_checks_are_set_by_the_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Severity, off; and a slip in a name of a check or of a threshold is told with its line."""
    zones = [{"id": "a", "source": {"dump": str(open_zone(tmp_path))}}]
    checks = {"anonymous-pull": {"severity": "low"}, "no-organization": {"enabled": False}}
    config = configuration(tmp_path, zones, checks=checks)
    assert run_command(["run", "-c", config, "-o", str(tmp_path / "out"), "-f", "csv"]) == 0
    (row,) = (row for row in rows(the_run(tmp_path / "out") / "findings.csv") if row["check"] == "anonymous-pull")
    assert row["severity"] == "low"
    wrong = {
        "anonymos-pull": {},
        "token-old": {"thresholds": {"day": 3}},
        "prune": {"thresholds": {"x": 1}, "sevrity": 1},
    }
    assert run_command(["config", "check", "-c", configuration(tmp_path, zones, checks=wrong)]) == 2
    said = capsys.readouterr().err
    assert "no such check; did you mean anonymous-pull?" in said
    assert "no such threshold; did you mean days?" in said
    assert "no such threshold; this check has none" in said
    assert "checks.prune.sevrity (line" in said
    assert "did you mean severity?" in said
