"""Help, completion, and what is said about a line that was typed wrong: the right line to type."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from audit.cli import app, run_command
from audit.snapshot.objects import NEEDED
from tests.commands.test_commands import DEMO
from tests.repository.test_documents import options_of
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import furnished, write_dump
from tests.worlds.small import PUSH, account, bind, group, namespace, role, rule, stream, user, world


def commands(of: Any = None, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each command with its full name."""
    root: Any = of or typer.main.get_command(app)
    for name, command in root.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


ALL = dict(commands())


@pytest.mark.parametrize("group", [[], ["review"], ["config"]])
def test_help_lists_whole_summaries(group: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is cut, commands stand by what they are for, and a bare call prints the same without a prefix."""
    assert run_command([*group, "--help"]) == 0
    printed = capsys.readouterr().out
    assert "..." not in printed.replace("[ARGS]...", "")
    words = " ".join(printed.split())
    prefix = " ".join(group)
    for name, command in ALL.items():
        if name.startswith(prefix) and (group or " " not in name):
            assert " ".join(command.help.split()) in words
    if not group:
        titles = ["Read zones, write reports:", "Ask who has which access:", "Keep and check evidence:", "Set up:"]
        assert [line for line in printed.splitlines() if line in titles] == titles
    assert run_command(group) == 2
    bare = capsys.readouterr()
    assert (bare.out, bare.err) == (printed, "")


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_an_example(name: str) -> None:
    """One line, ready to be copied: of this command, with arguments that it takes and options that it has."""
    epilog = ALL[name].epilog or ""
    (line,) = re.findall(r"^  registry-audit (.*)$", epilog, re.MULTILINE)
    words = shlex.split(line.partition(" > ")[0])
    assert words[: len(name.split())] == name.split()
    assert {word for word in words if word.startswith("--")} <= options_of(words)
    given = [word for word in words[len(name.split()) :] if not word.startswith("--")]
    needed = [one for one in ALL[name].params if one.param_type_name == "argument" and one.required]
    assert len(given) >= len(needed)
    for option in (one for one in ALL[name].params if one.param_type_name == "option" and one.required):
        assert {*option.opts} & {*words}


WRITTEN = (*NEEDED, "users")
SMALL: World = furnished(
    world(
        *(namespace(name) for name in ("store", "vault")),
        role("", "pushers", PUSH),
        role("", "pruner", rule(["images"], ["delete"])),
        bind("store", "push", "pushers", ("User", "ann"), ("Group", "devs")),
        bind("", "prune", "pruner", ("ServiceAccount", "vault:pruner")),
        group("devs", "bob"),
        user("ann"),
        account("vault", "pruner"),
        stream("store", "web"),
    )
)


@pytest.fixture(scope="module")
def zones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two zones: `one` with the namespaces store and vault, `two` with another."""
    folder = tmp_path_factory.mktemp("zones")
    write_dump(SMALL, folder / "one", kinds=WRITTEN)
    other = furnished(world(namespace("depot")))
    write_dump(other, folder / "two", kinds=WRITTEN)
    return folder


def line_for(words: str, *zones: Path) -> list[str]:
    return [*shlex.split(words), *(part for zone in zones for part in ("-s", str(zone)))]


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("who store push", "registry-audit who push store"),
        ("can push ann store", "registry-audit can ann push store"),
        ("can ann store pull", "registry-audit can ann pull store"),
        ("explain store user/ann", "registry-audit explain user/ann store"),
        ("explain store ann", "registry-audit explain ann store"),
        ("who psuh store", "did you mean push?"),
        ("can ann push", "for example: registry-audit can user/ann push shop"),
        ("who push", "for example: registry-audit who push shop"),
        ("can ann push", "push is about a namespace"),
        (
            "explain",
            "explain user/ann shop --snapshot reports`, or try `registry-audit explain --help`",
        ),
        ("who", "Missing argument 'ACTION'."),
        ("whoo push store", "Did you mean 'who'"),
    ],
)
def test_a_wrong_line_is_answered_with_the_right_one(
    zones: Path, typed: str, right: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 2; and the right line works."""
    assert run_command(line_for(typed, zones / "one")) == 2
    printed = capsys.readouterr()
    assert right in printed.err
    assert not printed.out
    if right.startswith("registry-audit"):
        assert run_command(line_for(right.removeprefix("registry-audit "), zones / "one")) == 0


@pytest.mark.parametrize(
    ("action", "subject"), [("delete", "vault:pruner"), ("prune", "vault:pruner"), ("push", "ann"), ("catalog", "")]
)
def test_every_word_of_the_pitch_is_an_action(
    zones: Path, action: str, subject: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Deleting, pruning, listing and signing can be asked about like pulling and pushing."""
    assert run_command(line_for(f"who {action} store", zones / "one")) == 0
    assert subject in capsys.readouterr().out
    assert run_command(line_for(f"can sa/vault:pruner {action} store", zones / "one")) == 0
    assert capsys.readouterr().out.startswith("yes" if subject == "vault:pruner" else "no")
    assert run_command(line_for(f"can ann {action} store", zones / "one")) == 0
    assert capsys.readouterr().out.startswith("yes" if subject == "ann" else "no")


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("user/anne", "user anne was never seen in zone one: nothing that was read names it; did you mean ann?"),
        ("group/dev", "group dev was never seen in zone one: nothing that was read names it; did you mean devs?"),
        ("sa/vault:prune", "service account vault:prune was never seen in zone one: nothing that was read names it"),
        ("user/zzz", "user zzz was never seen in zone one: nothing that was read names it\n"),
        ("user/an", "did you mean ann?"),
        ("store", "it is a namespace: registry-audit who pull store"),
        ("bob", ""),
        ("system:anonymous", ""),
        ("group/system:authenticated", ""),
    ],
)
def test_a_subject_that_was_never_seen_gets_no_plain_no(
    zones: Path, subject: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said with the answer, in `can` and `explain`."""
    for command in (f"can {subject} push vault", f"explain {subject} vault"):
        assert run_command(line_for(command, zones / "one")) == 0
        printed = capsys.readouterr().out
        assert said in printed
        assert bool(said) == ("never seen" in printed)


def test_a_namespace_is_looked_for_in_all_zones(zones: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that any zone lists is right; another is compared with those of all zones."""
    both = zones / "one", zones / "two"
    assert run_command(line_for("who push store", *both)) == 0
    assert "did you mean" not in capsys.readouterr().err
    assert run_command(line_for("who push dpot", *both)) == 0
    assert "no zone lists a namespace dpot; did you mean depot (zone two)?" in capsys.readouterr().err
    # Only one zone can be meant.
    assert run_command(line_for("can ann push store", *both)) == 0
    assert capsys.readouterr().out.startswith("yes")
    assert run_command(line_for("can ann push nowhere", *both)) == 2
    assert "several zones (--zone with one of one, two)" in capsys.readouterr().err


def test_nothing_in_a_namespace_is_not_nothing_at_all(zones: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Grants elsewhere are counted."""
    assert run_command(line_for("explain ann vault", zones / "one")) == 0
    printed = capsys.readouterr().out
    assert "User ann has 4 grants in other namespaces" in printed
    assert "no visible binding grants User ann anything in vault" in printed


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("wh", {"who"}),
        ("who p", {"pull", "push", "prune"}),
        ("who push st", {"store"}),
        ("who push store --zone ", {"one"}),
        ("can a", {"ann"}),
        ("explain group/", {"group/devs"}),
        ("explain sa/vault:p", {"sa/vault:pruner"}),
        ("run --format s", {"sarif"}),
        ("run --fail-on c", {"critical"}),
        ("run --scope t", {"tenant"}),
    ],
)
def test_completion_offers_what_the_last_run_has(
    zones: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: str,
    offered: set[str],
) -> None:
    """Zones, namespaces and subjects of the last run in `registry-audit`, and the words of each option."""
    here = tmp_path_factory.getbasetemp() / "completing"
    if not here.exists():
        here.mkdir()
        out = str(here / "registry-audit")
        assert run_command(["report", "-s", str(zones / "one"), "-o", out, "-f", "csv"]) == 0
        capsys.readouterr()
    monkeypatch.chdir(here)
    assert offered <= completed(typed, monkeypatch, capsys)


def test_completion_offers_nothing_rather_than_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where there is no run, or it is damaged; and never standard input."""
    monkeypatch.chdir(tmp_path)
    assert completed("who push st", monkeypatch, capsys) == set()
    assert completed("who push st -s no-such-place -z ", monkeypatch, capsys) == set()
    (tmp_path / "reports" / "20260101T000000Z").mkdir(parents=True)
    assert completed("who push st", monkeypatch, capsys) == set()
    assert completed(f"who -s - -s {DEMO} push st", monkeypatch, capsys) == set()


def completed(typed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """Return what bash is offered for the last word."""
    words = typed.split(" ")
    monkeypatch.setenv("_REGISTRY_AUDIT_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"registry-audit {typed}")
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    with pytest.raises(SystemExit):
        app(prog_name="registry-audit")
    printed = capsys.readouterr()
    assert not printed.err
    return {*printed.out.split()}
