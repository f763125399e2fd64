"""`usage`: questions about use, answered from logs and from what earlier calls kept."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from audit.cli import run_command
from tests.usage.logs import START, Request, log

CI = "system:serviceaccount:shop:ci"
MADE = [
    Request("ann", "pull", "shop", "web", START),
    Request("ann", "pull", "shop", "web", START + timedelta(days=1)),
    Request(CI, "push", "shop", "api", START),
    Request("bob", "pull", "pay", "web", START, allowed=False),
]


@pytest.fixture
def logs(tmp_path: Path) -> str:
    path = tmp_path / "registry.log"
    path.write_bytes(b"\n".join(log(MADE)))
    return str(path)


def uses(capsys: pytest.CaptureFixture[str]) -> list[tuple[object, ...]]:
    names = ("subject_kind", "subject", "action", "namespace", "repository", "outcome", "count", "days")
    return [tuple(row[name] for name in names) for row in json.loads(capsys.readouterr().out)["uses"]]


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("shop", [("ServiceAccount", "shop:ci", "push", "shop", "api", "done", 1, 1)]),
        ("ns/pay", [("User", "bob", "pull", "pay", "web", "denied", 1, 1)]),
        ("shop/web", []),
        ("user/ann", []),
        ("sa/shop:ci", [("ServiceAccount", "shop:ci", "push", "shop", "api", "done", 1, 1)]),
        ("user/nobody", []),
    ],
)
def test_a_topic_has_its_uses_and_no_others(
    topic: str, expected: list[tuple[object, ...]], logs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A namespace, an image, a person, an account; the days of a use are counted once each."""
    assert run_command(["usage", topic, "--usage", logs, "--json"]) == 0
    ann = ("User", "ann", "pull", "shop", "web", "done", 2, 2)
    assert uses(capsys) == expected + ([ann] if topic in {"shop", "shop/web", "user/ann"} else [])


def test_use_is_kept_and_read_again_without_the_logs(
    logs: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twice the same logs are the same use; another zone has none of it."""
    runs = str(tmp_path / "runs")
    for _ in range(2):
        assert run_command(["usage", "shop", "--usage", logs, "--runs", runs, "--zone", "one", "--json"]) == 0
        capsys.readouterr()
    assert run_command(["usage", "shop", "--runs", runs, "--zone", "one", "--json"]) == 0
    assert len(uses(capsys)) == 2
    assert run_command(["usage", "shop", "--runs", runs, "--zone", "two", "--json"]) == 0
    assert uses(capsys) == []
    assert all(path.stat().st_mode & 0o77 == 0 for path in (tmp_path / "runs").rglob("*"))


def test_what_is_not_covered_is_reported(logs: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The gap between two days; without the number of replicas, everything."""
    assert run_command(["usage", "pay", "--usage", logs, "--replicas", "1"]) == 0
    printed = capsys.readouterr()
    assert "bob" in printed.out
    assert "not covered: 2026-11-25T23:08:40Z to 2026-11-26T23:08:40Z: no lines" in printed.err
    assert run_command(["usage", "pay", "--usage", logs]) == 0
    assert "how many replicas the registry has is not known" in capsys.readouterr().err


def test_damaged_lines_make_the_answer_partial(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counted and quoted, with nothing that a terminal would obey."""
    path = tmp_path / "registry.log"
    path.write_bytes(b"\x1b[31mnot a line\n" + b"\n".join(log(MADE)))
    assert run_command(["usage", "pay", "--usage", str(path)]) == 3
    message = capsys.readouterr().err
    assert "1 lines could not be read" in message
    assert "\x1b" not in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["shop"], "no logs to read"),
        (["shop", "--runs", "OUT"], "--runs needs --zone ID"),
        (["group/all", "--usage", "LOG"], "logs do not record groups"),
        (["shop", "--usage", "OUT/missing"], "No such file"),
    ],
)
def test_wrong_questions_have_one_message(
    arguments: list[str], message: str, logs: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And exit code 2."""
    places = {"OUT": str(tmp_path / "out"), "LOG": logs, "OUT/missing": str(tmp_path / "missing")}
    assert run_command(["usage", *(places.get(one, one) for one in arguments)]) == 2
    assert message in capsys.readouterr().err
