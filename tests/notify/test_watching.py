"""Who is told of a run, and what: messages in which no name does anything, logs for programs, a pod's last words."""

import json
import os
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.request
from email import message_from_bytes
from email.policy import default
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import Envelope
from hypothesis import given
from hypothesis import strategies as st

from audit import console
from audit.cli import run_command
from audit.commands.jobs import run as job
from audit.config.model import Config
from audit.errors import Stopped, UsageError
from audit.job.load_config import load_config
from audit.notify import notify as watching
from audit.notify.notify import notify
from audit.runs.news import News
from audit.runs.outcome import RunOutcome, clipped, termination_message
from reports.message import HTML, TEMPLATES, harmless, mrkdwn, render_message, subject_of
from tests.job.endings import ZEROES, finding, quiet, zone_news
from tests.notify.test_outgoing import SECRET, Box, started
from tests.paths import DEMO
from tests.reports.html.pages import run_of, zone
from tests.reports.test_metrics import values
from tests.simulator.receiver import HANG, receiver

DEMO_1 = DEMO / "demo-1"
EVIL = "<!channel> @here <@U1> [x](http://evil.example) *b* `c` </p><script>alert(1)</script> \x1b[31m www.evil.example"


def loud(**given: Any) -> RunOutcome:
    """A run with something new, by the most hostile of names."""
    one = finding(title=EVIL, namespace=EVIL, subject=EVIL, zone="z")
    return quiet(news=News((zone_news(changes={"gained": 3, "lost": 0}, anonymous=2),), 1, (one,)), **given)


def configured(tmp_path: Path, **rest: Any) -> str:
    path = tmp_path / "config.yaml"
    zones = rest.pop("zones", [{"id": "demo", "source": {"dump": str(DEMO_1)}}])
    path.write_text(json.dumps({"zones": zones, **rest}))  # which is YAML too
    return str(path)


def channels(tmp_path: Path, *ways: dict[str, Any], **rest: Any) -> Config:
    named = [{"name": f"c{at}", **way} for at, way in enumerate(ways)]
    return load_config(Path(configured(tmp_path, notify={"channels": named, **rest})))


@pytest.fixture(autouse=True)
def _usual_log() -> Any:
    console.log_as("auto")
    yield
    console.log_as("auto")


def test_nobody_is_told_when_nothing_is_new() -> None:
    """All was seen, nothing is new: silence."""
    assert not quiet().notable(changes=True)
    assert not quiet(news=News((zone_news(changes={"gained": 1, "widened": 0}),))).notable(changes=False)


@pytest.mark.parametrize(
    "ending",
    [
        *(quiet(state=state) for state in ("partial", "failed", "stopped", "error")),
        quiet(news=News((), 1, (finding(),))),
        quiet(news=News((zone_news(anonymous=1),))),
    ],
)
def test_somebody_is_told_of_what_is_new_or_not_whole(ending: RunOutcome) -> None:
    """A new finding, new anonymous access, anything that went wrong."""
    assert ending.notable(changes=False)


def test_access_that_was_gained_is_news_when_asked_for() -> None:
    """A large estate changes every day."""
    assert quiet(news=News((zone_news(changes={"gained": 1}),))).notable(changes=True)


def test_the_subject_says_what_it_is_about() -> None:
    """And holds no name."""
    assert subject_of(quiet(state="partial")) == "Registry access: partial"
    said = "Registry access: complete, 1 new finding, new anonymous access in 2 places"
    assert subject_of(loud()) == said


def test_data_for_other_programs() -> None:
    """What is new, zone by zone; a person only when asked for."""
    data = json.loads(render_message(loud(), TEMPLATES["webhook"]))
    assert (data["format"], data["version"], data["state"]) == ("registry-audit notification", 1, "complete")
    assert data["zones"] == [{"id": "z", "state": "complete", "not_seen": 0}]
    assert data["new_findings"] == 1
    (new,) = data["new"]
    assert new["namespace"] == EVIL
    assert "subject" not in new
    assert data["changes"] == [{"zone": "z", "gained": 3, "lost": 0, "new_anonymous_access": 2}]
    (new,) = json.loads(render_message(loud(), TEMPLATES["webhook"], people=True))["new"]
    assert (new["subject_kind"], new["subject"]) == ("User", EVIL)


def test_the_same_line_is_not_repeated() -> None:
    """Without people, two findings of one place read the same: they are one line with a count."""
    for people, count in ((False, 1), (True, 2)):
        found = (finding(subject="ann"), finding(subject="bob"))
        ending = quiet(news=News((), 2, found))
        message = render_message(ending, TEMPLATES["file"], people=people).decode()
        assert message.count(finding().title) == count
        assert ("(2 findings)" in message) is not people


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in strings(one)]
    return [text for one in value for text in strings(one)] if isinstance(value, list) else [str(value)]


@pytest.mark.parametrize("kind", ["slack", "teams", "mattermost"])
def test_no_name_does_anything_in_a_chat(kind: str) -> None:
    """No mention, no link, no markup, no escape; and the words are still there."""
    message = json.loads(render_message(loud(), TEMPLATES[kind], people=True))
    text = "\n".join(strings(message))
    for bad in ("<!channel", "@here", "<@U1", "http://evil", "www.evil", "\x1b", "<script"):
        assert bad not in text, bad
    assert "evil" in text
    assert "critical" in text
    if kind == "mattermost":
        assert "\\*b\\*" in text
        assert "[x](" not in text
    if kind == "slack":
        assert {block["text"]["type"] for block in message["blocks"]} == {"plain_text"}
    if kind == "teams":
        (card,) = message["attachments"]
        assert {block["type"] for block in card["content"]["body"]} == {"RichTextBlock"}


@given(st.text(st.characters(codec="utf-8")))
def test_no_text_calls_anybody(text: str) -> None:
    """Whatever it is: nothing of what begins a mention stands before a word, and Slack's brackets are entities."""
    assert not set(mrkdwn(text)) & set("<>")
    shown = harmless(text)
    for start in "@#<!":
        assert all(part[:1] == "\u200b" for part in shown.split(start)[1:])


def test_a_page_in_a_mail_is_escaped() -> None:
    """A name is text there."""
    page = render_message(loud(), HTML, people=True).decode()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\x1b" not in page


def test_messages_are_short() -> None:
    """However much is new, and however long a name is."""
    many = tuple(finding(id=str(at), namespace="n" * 5000, subject="s" * 5000) for at in range(1000))
    gaps = run_of(*(zone(f"z{at}", "failed", gaps=("x" * 5000,)) for at in range(100)))
    ending = quiet(state="failed", run=gaps, news=News((), len(many), many), problem="p" * 10_000)
    for template in {*TEMPLATES.values(), HTML}:
        assert len(render_message(ending, template, people=True)) < 20_000, template
    assert "and 990 more new findings" in render_message(ending, "text.txt.j2").decode()
    assert "and 90 more zones" in render_message(ending, "text.txt.j2").decode()


def test_a_template_of_ones_own_goes_first(tmp_path: Path) -> None:
    """One that cannot be used is told by its name, and nothing in it is carried out."""
    (tmp_path / "text.txt.j2").write_text("{{ subject }}: {{ data.new_findings }}")
    assert render_message(loud(), "text.txt.j2", own=tmp_path) == f"{subject_of(loud())}: 1\n".encode()
    assert json.loads(render_message(loud(), "webhook.json.j2", own=tmp_path))["new_findings"] == 1
    for bad in ("{{ nothing }}", "{% if %}", "{{ ''.__class__.__mro__ }}", "{{ lines + 1 }}"):
        (tmp_path / "text.txt.j2").write_text(bad)
        with pytest.raises(UsageError, match=r"the template text\.txt\.j2 cannot be used"):
            render_message(loud(), "text.txt.j2", own=tmp_path)
    (tmp_path / "webhook.json.j2").write_text("{")
    with pytest.raises(UsageError, match=r"the template webhook\.json\.j2 cannot be used"):
        render_message(loud(), "webhook.json.j2", own=tmp_path)


def test_every_channel_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Webhooks by addresses in variables and files, a file, and people; a secret is in no message."""
    box = Box()
    for post in started(box):
        with receiver() as server:
            monkeypatch.setenv("HOOK", f"{server.url}/{SECRET}")
            (tmp_path / "hook").write_text(f"{server.url}/{SECRET}\n")
            mail = {"host": "127.0.0.1", "port": post.port, "tls": "none"}
            people = {**mail, "sender": "audit@example.com", "to": ["ops@example.com"]}
            given = channels(
                tmp_path,
                *({kind: {"url": {"env": "HOOK"}}} for kind in ("slack", "teams", "mattermost")),
                {"webhook": {"url": {"file": "hook"}}},
                {"file": "told.txt"},
                {"email": people},
            )
            told = notify(given, loud(), threading.Event())
    assert told.delivered == {f"c{at}": True for at in range(6)}
    assert {path for path, _, _ in server.taken} == {f"/{SECRET}"}
    assert len({body for _, _, body in server.taken}) == 4
    assert (tmp_path / "told.txt").read_text().startswith("Registry access: complete")
    (envelope,) = box.taken
    message = message_from_bytes(content(envelope), policy=default)
    assert message["Subject"].strip() == subject_of(loud())  # a long one is folded
    assert [part.get_content_type() for part in message.walk()][1:] == ["text/plain", "text/html"]
    for text in (*(body for _, _, body in server.taken), content(envelope)):
        assert SECRET.encode() not in text


def content(envelope: Envelope) -> bytes:
    assert isinstance(envelope.content, bytes)
    return envelope.content


def test_a_channel_that_fails_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told without its address, the others are told, and the metrics know."""
    with receiver((500, {})) as server, receiver((HANG, {})) as silent, receiver() as good:
        for name, url in (("BAD", server.url), ("SILENT", silent.url), ("GOOD", good.url)):
            monkeypatch.setenv(name, f"{url}/{SECRET}")
        names = ("BAD", "SILENT", "GOOD", "ABSENT")
        given = channels(tmp_path, *({"webhook": {"url": {"env": name}}} for name in names), timeout_seconds=1)
        told = notify(given, loud(), threading.Event())
    assert told.delivered == {"c0": False, "c1": False, "c2": True, "c3": False}
    said = capsys.readouterr().err
    assert "c0: not delivered: HTTP 500" in said
    assert "c1: not delivered: timed out" in said
    assert "c3: not delivered: the variable ABSENT is empty" in said
    assert SECRET not in said
    assert "channel c0: message not delivered" in termination_message(told)


def test_a_run_tells_and_keeps_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A first run finds much that is new; a second of the same finds nothing new and tells nobody."""
    with receiver((404, {})) as server:
        monkeypatch.setenv("HOOK", f"{server.url}/{SECRET}")
        notify = {"channels": [{"name": "chat", "slack": {"url": {"env": "HOOK"}}}]}
        config = configured(tmp_path, notify=notify, metrics={"textfile": "node/audit.prom"})
        (tmp_path / "node").mkdir()
        command = ["run", "-c", config, "-o", str(tmp_path / "out")]
        assert run_command(command) == 0
        assert len(server.taken) == 1
        first = values((tmp_path / "node/audit.prom").read_bytes())
        assert run_command(command) == 0
        assert len(server.taken) == 1
    assert "chat: not delivered: HTTP 404" in capsys.readouterr().err
    assert first["notification_delivered", (("channel", "chat"),)] == 0
    second = values((tmp_path / "node/audit.prom").read_bytes())
    assert second["new_findings", (("severity", "critical"), ("zone", "demo"))] == 0
    assert second["new_anonymous_access", (("zone", "demo"),)] == 0
    assert stat.S_IMODE((tmp_path / "node/audit.prom").stat().st_mode) == 0o644
    kept = values((tmp_path / "out/latest/metrics.prom").read_bytes())
    assert kept["run_state", (("state", "complete"),)] == 1
    files = json.loads((tmp_path / "out/latest/manifest.json").read_text())["files"]
    assert "metrics.prom" in {file["name"] for file in files}


def test_a_run_that_fails_writes_metrics_all_the_same(tmp_path: Path) -> None:
    """A zone that cannot be read, and a place that cannot be written: the last success stays what it was."""
    textfile = tmp_path / "audit.prom"
    metrics: dict[str, Any] = {"metrics": {"textfile": str(textfile)}}
    good = configured(tmp_path, **metrics)
    assert run_command(["run", "-c", good, "-o", str(tmp_path / "out")]) == 0
    success = values(textfile.read_bytes())["last_success_timestamp_seconds", ()]
    bad = [{"id": "gone", "source": {"dump": str(tmp_path / "nowhere")}}]
    assert run_command(["run", "-c", configured(tmp_path, zones=bad, **metrics), "-o", str(tmp_path / "out")]) == 4
    found = values(textfile.read_bytes())
    assert found["run_state", (("state", "failed"),)] == 1
    assert found["zone_state", (("state", "failed"), ("zone", "gone"))] == 1
    assert found["last_success_timestamp_seconds", ()] == success
    (tmp_path / "file").touch()
    assert run_command(["run", "-c", configured(tmp_path, **metrics), "-o", str(tmp_path / "file")]) == 2
    found = values(textfile.read_bytes())
    assert found["run_state", (("state", "error"),)] == 1
    assert found["run_exit_code", ()] == 2
    assert found["last_success_timestamp_seconds", ()] == success
    assert found["last_completion_timestamp_seconds", ()] >= success


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [(Stopped("stopped"), "stopped", 143), (KeyboardInterrupt(), "stopped", 143), (KeyError("x"), "error", 1)],
)
def test_whatever_ends_a_run_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, state: str, code: int
) -> None:
    """Also a signal, and a bug, whose text stays out of messages."""

    def fail(*given: object) -> None:
        raise error

    monkeypatch.setattr(job, "zones_of", fail)
    notify = {"channels": [{"name": "f", "file": "told.txt"}]}
    config = configured(tmp_path, notify=notify, metrics={"textfile": "audit.prom"})
    assert run_command(["run", "-c", config, "-o", str(tmp_path / "out")]) == code
    found = values((tmp_path / "audit.prom").read_bytes())
    assert found["run_state", (("state", state),)] == 1
    assert (tmp_path / "told.txt").read_text().startswith(f"Registry access: {state}\n")


def test_metrics_are_pushed(tmp_path: Path) -> None:
    """To the group of the job, and a success to a group that a run that is none leaves alone."""
    with receiver() as server:
        config = configured(tmp_path, metrics={"pushgateway": f"{server.url}/", "job": "nightly"})
        assert run_command(["run", "-c", config, "-o", str(tmp_path / "out")]) == 0
        ((success, _, time), (path, kind, body)) = server.taken
        server.taken.clear()
        nowhere = [{"id": "a", "source": {"dump": "nowhere"}}]
        config = configured(tmp_path, zones=nowhere, metrics={"pushgateway": server.url, "job": "nightly"})
        assert run_command(["run", "-c", config, "-o", str(tmp_path / "out")]) == 4
    assert success == "/metrics/job/nightly/outlives/failures"
    assert [name for name, _ in values(time)] == ["last_success_timestamp_seconds"]
    assert path == "/metrics/job/nightly"
    assert kind.startswith("text/plain; version=0.0.4")
    assert values(body)["run_state", (("state", "complete"),)] == 1
    assert "last_success_timestamp_seconds" not in {name for name, _ in values(body)}
    assert [path for path, _, _ in server.taken] == ["/metrics/job/nightly"]


def test_places_for_metrics_that_do_not_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Are told, and the run is what it is."""
    with receiver((400, {})) as server:
        places = {"pushgateway": server.url, "textfile": "no/such/folder.prom"}
        config = configured(tmp_path, metrics=places)
        assert run_command(["run", "-c", config, "-o", str(tmp_path / "out")]) == 0
        places = {"pushgateway": server.url, "ca_file": "no.pem"}
        assert run_command(["run", "-c", configured(tmp_path, metrics=places), "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().err
    assert "pushgateway: not delivered: cannot read the certificate authority at " in said
    assert "pushgateway: not delivered: HTTP 400" in said
    assert "metrics: not delivered: " in said


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_log_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each zone and stage, with the run's id; no row, and nothing on stdout that is no result."""
    command = ["--log-format", "json", "run", "-c", configured(tmp_path), "-o", str(tmp_path / "out")]
    assert run_command(command) == 0
    out, err = capsys.readouterr()
    assert out == ""
    lines = events(err)
    assert [line["event"] for line in lines] == ["zone", "collect", "resolve", "write", "run"]
    (run,) = {line["run"] for line in lines}
    assert (tmp_path / "out" / run).is_dir()
    assert lines[0]["zone"] == "demo"
    assert lines[0]["objects"]["namespaces"] > 1
    assert lines[-1]["exit_code"] == 0
    assert run_command([*command, "--json"]) == 0
    out, _ = capsys.readouterr()
    assert len(out.splitlines()) == 1


def test_what_may_name_people_is_logged_when_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not seen is counted; its text, which a server wrote, is told with --log-names."""
    dump = tmp_path / "dump"
    dump.mkdir()
    (dump / "namespaces.json").write_text('{"kind": "List", "items": []}')
    config = configured(tmp_path, zones=[{"id": "z", "source": {"dump": str(dump)}}])
    monkeypatch.setenv("REGISTRY_AUDIT_LOG_FORMAT", "json")
    command = ["run", "-c", config, "-o", str(tmp_path / "out")]
    assert run_command(command) == 4
    (gap,) = [line for line in events(capsys.readouterr().err) if line["event"] == "not_seen"]
    assert gap["zone"] == "z"
    assert gap["count"] > 1
    assert "gaps" not in gap
    assert run_command(["--log-names", *command]) == 4
    (gap,) = [line for line in events(capsys.readouterr().err) if line["event"] == "not_seen"]
    assert gap["gaps"]


def test_errors_in_a_log_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Are lines as well."""
    assert run_command(["--log-format", "json", "run", "-c", str(tmp_path / "none.yaml")]) == 2
    (line,) = events(capsys.readouterr().err)
    assert (line["event"], line["level"], line["exit_code"]) == ("error", "error", 2)
    assert run_command(["--log-format", "xml", "checks"]) == 2
    assert "no such log format: xml" in capsys.readouterr().err


def test_channels_in_a_log_for_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told or not, and why, without the address."""
    console.log_as("json")
    with receiver((403, {})) as server:
        monkeypatch.setenv("HOOK", f"{server.url}/{SECRET}")
        given = channels(tmp_path, {"slack": {"url": {"env": "HOOK"}}}, {"file": "told.txt"})
        notify(given, loud(), threading.Event())
    said = capsys.readouterr().err
    assert {(line["channel"], line["delivered"]) for line in events(said)} == {("c0", False), ("c1", True)}
    assert SECRET not in said


@pytest.fixture
def last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a pod's last words, as Kubernetes mounts it."""
    path = tmp_path / "termination-log"
    path.write_text("what was there before, and is longer than what comes" * 10)
    monkeypatch.setenv("REGISTRY_AUDIT_TERMINATION_LOG", str(path))
    return path


def test_last_words(tmp_path: Path, last: Path) -> None:
    """Of a run that ends well, of one that does not, and of one that cannot begin."""
    out = ["-o", str(tmp_path / "out")]
    assert run_command(["run", "-c", configured(tmp_path), *out]) == 0
    assert last.read_text().startswith("registry-audit: complete (exit code 0)\nrun ")
    assert last.read_text().endswith("\ndemo: complete")
    bad = [{"id": "gone", "source": {"dump": str(tmp_path / "nowhere")}}]
    assert run_command(["run", "-c", configured(tmp_path, zones=bad), *out]) == 4
    assert last.read_text().startswith("registry-audit: failed (exit code 4)\n")
    assert "gone: failed, " in last.read_text()
    assert run_command(["run", "-c", str(tmp_path / "none.yaml")]) == 2
    assert last.read_text().startswith("registry-audit: exit code 2: ")


def test_last_words_go_into_a_file_that_is_there(last: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is made, no link is followed, no pipe is waited for; and nothing is left when nothing was said."""
    before = last.read_text()
    console.leave()
    assert last.read_text() == before
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(last)
    os.mkfifo(pipe)
    for path in (link, pipe, tmp_path / "none", tmp_path):
        monkeypatch.setenv("REGISTRY_AUDIT_TERMINATION_LOG", str(path))
        console.leave("words")
    assert last.read_text() == before
    assert not (tmp_path / "none").exists()


@given(st.text(st.characters(codec="utf-8")), st.integers(3, 50))
def test_clipped_text_is_short_and_whole(text: str, longest: int) -> None:
    """So many bytes at most, and no half of a character."""
    data = clipped(text, longest).encode()
    assert len(data) <= longest
    assert data.decode().removesuffix("…") == text[: len(data.decode().removesuffix("…"))]


def test_last_words_are_short() -> None:
    """Whatever there is to say; the zones that are incomplete come first."""
    run = run_of(*(zone(f"z{at}") for at in range(500)), zone("bad", "failed", gaps=("\x1b" * 9000,)))
    words = termination_message(quiet(state="partial", exit_code=3, run=run, problem="why\nit ended"))
    assert len(words.encode()) <= 4096
    assert words.splitlines()[1:3] == ["why", "it ended"]
    assert words.splitlines()[4].startswith("bad: failed")
    assert "\x1b" not in words


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"metrics": {"pushgateway": "http://u:p@host"}}, "without a user or a query"),
        ({"metrics": {"pushgateway": "host:9091"}}, "must be http://HOST[:PORT]"),
        ({"metrics": {"pushgateway": "http://[1"}}, "must be http://HOST[:PORT]"),
        ({"notify": {"channels": [{"name": "a"}]}}, "give exactly one of: slack"),
        ({"notify": {"channels": [{"name": "a", "slack": {"url": {}}}]}}, "give exactly one of: env, file"),
        (
            {"notify": {"channels": [{"name": "a", "file": "x"}, {"name": "a", "file": "y"}]}},
            "duplicate channel name: a",
        ),
        ({"notify": {"channels": [{"name": "a", "slack": {"url": "https://x"}}]}}, "must be a mapping"),
        (
            {"notify": {"channels": [{"name": "a", "email": {"host": "h", "sender": "a@b", "to": ["x"]}}]}},
            "channels[0].email.to[0]",
        ),
    ],
)
def test_mistakes_in_the_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], part: dict[str, Any], said: str
) -> None:
    """Are told with their place."""
    assert run_command(["config", "check", "-c", configured(tmp_path, **part)]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("login", "said"),
    [
        ({"username": "u"}, "username and password must be given together"),
        ({"username": "u", "password": {"env": "X"}, "tls": "none"}, "a password is sent over TLS only"),
    ],
)
def test_a_login_needs_both_and_tls(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], login: dict[str, Any], said: str
) -> None:
    """Nothing is sent in the clear."""
    mail = {"host": "h", "sender": "a@b", "to": ["c@d"], **login}
    given = {"channels": [{"name": "a", "email": mail}]}
    assert run_command(["config", "check", "-c", configured(tmp_path, notify=given)]) == 2
    assert said in capsys.readouterr().err


def test_what_the_configuration_refers_to_is_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Variables, files and folders that are not there, all at once, without what they hold."""
    (tmp_path / "empty").touch()
    (tmp_path / "password").write_text(SECRET)
    mail = {"host": "h", "sender": "a@b", "to": ["c@d"], "username": "u", "password": {"file": "password"}}
    ways: list[dict[str, Any]] = [
        {"name": "a", "slack": {"url": {"env": "NOT_SET"}, "ca_file": "no.pem"}},
        {"name": "b", "webhook": {"url": {"file": "none"}}},
        {"name": "c", "webhook": {"url": {"file": "empty"}}},
        {"name": "d", "file": "told.txt"},
        {"name": "e", "email": mail},
        {"name": "f", "email": {**mail, "username": None, "password": None}},
    ]
    config = configured(tmp_path, notify={"channels": ways, "templates": "none"}, metrics={"ca_file": "no.pem"})
    assert run_command(["config", "check", "-c", config]) == 2
    said = capsys.readouterr().err
    for place in (
        "channels[0].slack.url: the variable NOT_SET",
        "channels[0].slack.ca_file",
        "channels[1].webhook.url",
        "channels[2].webhook.url",
        "notify.templates",
        "metrics.ca_file",
    ):
        assert place in said, place
    assert "7 mistakes" not in said
    assert SECRET not in said


def test_an_authority_that_went_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Is told when it is needed."""
    (tmp_path / "hook").write_text("https://127.0.0.1:1/x")
    given = channels(tmp_path, {"slack": {"url": {"file": "hook"}, "ca_file": "no.pem"}})
    assert notify(given, loud(), threading.Event()).delivered == {"c0": False}
    assert "the certificate authority at " in capsys.readouterr().err


def test_a_bug_on_the_way_to_a_channel_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told by its kind only."""

    def fail(*given: object, **more: object) -> bytes:
        raise KeyError(SECRET)

    monkeypatch.setattr(watching, "render_message", fail)
    assert notify(channels(tmp_path, {"file": "told.txt"}), loud(), threading.Event()).delivered == {"c0": False}
    said = capsys.readouterr().err
    assert "c0: not delivered: a bug: KeyError" in said
    assert SECRET not in said


def test_a_pushgateway_keeps_the_last_success() -> None:
    """A real one: a run that failed changes how the last run ended, and not when the last one succeeded.

    What only the run before could count is gone: an alert on it would never end.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = ["prometheus-pushgateway", f"--web.listen-address={address}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            config = Config.model_validate({"zones": [{"id": "z"}], "metrics": {"pushgateway": f"http://{address}"}})
            while not ready(address):
                assert server.poll() is None
                time.sleep(0.05)
            notify(config, quiet(news=News((zone_news(new={**ZEROES, "critical": 1}),))), threading.Event())
            notify(config, quiet(state="failed", exit_code=4, finished=2000.0, news=News()), threading.Event())
            with urllib.request.urlopen(f"http://{address}/metrics") as answer:
                text = answer.read().decode()
        finally:
            server.terminate()
    ours = "".join(line + "\n" for line in text.splitlines() if "registry_audit_" in line)
    found = {(name, dict(labels).get("state", "")): value for (name, labels), value in values(ours.encode()).items()}
    assert found["last_success_timestamp_seconds", ""] == 1060.5
    assert found["last_completion_timestamp_seconds", ""] == 2000
    assert (found["run_state", "failed"], found["run_state", "complete"]) == (1, 0)
    assert "new_findings" not in {name for name, _ in found}


def ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/-/ready") as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def test_it_is_a_module_too() -> None:
    """Where no script can be started, as in the image."""
    done = subprocess.run([sys.executable, "-m", "audit", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("registry-audit ")
