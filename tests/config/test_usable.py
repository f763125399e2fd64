"""`config check` calls good only what can work: addresses, ports, paths, homes, numbers, contexts, keys."""

import os
from pathlib import Path

import pytest

from audit.cli import run_command

LOGIN = "credentials: {token_env: HOME}"
OTHERWISE_GOOD = f'zones: [{{id: a, api: "https://h.example", {LOGIN}}}]\n'
KUBECONFIG = """
current-context: c
clusters: [{name: k, cluster: {server: "https://h.example:6443"}}]
users: [{name: u, user: {token: abcdefgh}}]
contexts: [{name: c, context: {cluster: k, user: u}}]
"""


def zone(text: str) -> str:
    return f"zones: [{{id: a, {text}}}]\n"


WRONG = {
    **{
        f"api {api[:20]!r}": (zone(f'api: "{api}", {LOGIN}'), "api")
        for api in (
            "https://h:0", "https://h:70000", "https://h:x", "https://h:-1", "https://[::1", "https://h x", "https://..",
            "https://h\\tx", "https://a..b", f"https://{'a' * 300}", "https://-a", "https://a-.b",
        )
    },
    **{
        f"proxy {proxy!r}": (zone(f'api: "https://h", proxy: "{proxy}", {LOGIN}'), "proxy")
        for proxy in ("http://p:0", "http://p:70000", "http://[::1", "http://p x")
    },
    **{
        f"registry {name!r}": (zone(f'api: "https://h", registry: "{name}", {LOGIN}'), "registry")
        for name in ("r x", "r/x", "r:0", "https://r", "r\\n")
    },
    **{
        f"token {path!r}": (zone(f'api: "https://h", credentials: {{token_file: "{path}"}}'), "token_file")
        for path in ("~nobody-of-this-name/x", "folder", "fifo", "empty", "a\\0b", "missing")
    },
    **{
        f"authority {path!r}": (zone(f'api: "https://h", ca_file: {path}, {LOGIN}'), "ca_file")
        for path in ("folder", "fifo", "empty", "text")
    },
    **{
        f"folder {path[:20]!r}": (f'{OTHERWISE_GOOD}output: {{directory: "{path}"}}\n', "output.directory")
        for path in ("text", "text/x", "a\\0b", "x" * 300, "~nobody-of-this-name/x", "s3://", "s3://b:99999/x", "ftp://x/y")
    },
    **{
        f"seconds {number}": (f"{OTHERWISE_GOOD}collect: {{timeout_seconds: {number}}}\n", "timeout_seconds")
        for number in (".nan", ".inf", "-.inf", "1e400", '"nan"', '"1e400"', "-1", "0")
    },
    **{
        f"{part} {name} true": (f"{OTHERWISE_GOOD}{part}: {{{name}: true}}\n", name)
        for part, name in (("collect", "page_size"), ("collect", "timeout_seconds"), ("evidence", "keep_days"))
    },
    "threshold true": (f"{OTHERWISE_GOOD}checks: {{token-old: {{thresholds: {{days: true}}}}}}\n", "thresholds"),
    "digits": (f"{OTHERWISE_GOOD}collect: {{timeout_seconds: {'9' * 5000}}}\n", "digits"),
    "days": (f"{OTHERWISE_GOOD}evidence: {{keep_days: 99999999999999999999}}\n", "keep_days"),
    "threshold": (f"{OTHERWISE_GOOD}checks: {{token-old: {{thresholds: {{days: 99999999999}}}}}}\n", "days"),
    "surrogate": (f'{OTHERWISE_GOOD}namespaces: {{include: {{names: ["\\ud800"]}}}}\n', "line"),
    "alias": ("a: &a [x, x]\nb: &b [*a, *a]\nzones: *b\n", "aliases"),
    "deep": (f"zones: {'[' * 5000}", "nest"),
    "context": (zone("credentials: {kubeconfig: kubeconfig, context: nobody}"), "no context nobody"),
    "no kubeconfig": (zone("credentials: {kubeconfig: text}"), "not a kubeconfig"),
    "another server": (zone('api: "https://other", credentials: {kubeconfig: kubeconfig, context: c}'), "context c"),
    "key": (f"{OTHERWISE_GOOD}evidence: {{key_file: text}}\n", "secret key"),
    "metrics": (f"{OTHERWISE_GOOD}metrics: {{textfile: missing/x.prom}}\n", "metrics.textfile"),
    "metrics folder": (f"{OTHERWISE_GOOD}metrics: {{textfile: folder}}\n", "metrics.textfile"),
    "gateway": (f'{OTHERWISE_GOOD}metrics: {{pushgateway: "http://p:0"}}\n', "pushgateway"),
    "message": (f"{OTHERWISE_GOOD}notify: {{channels: [{{name: n, file: folder}}]}}\n", "channels[0].file"),
    "webhook": (f"{OTHERWISE_GOOD}notify: {{channels: [{{name: n, slack: {{url: {{env: HOME}}}}}}]}}\n", "slack.url"),
    "mail": (
        f"{OTHERWISE_GOOD}notify: {{channels: [{{name: n, email: {{host: 'h x', sender: a@b, to: [c@d]}}}}]}}\n",
        "email.host",
    ),
}  # fmt: skip


@pytest.fixture(name="folder")
def folder_fixture(tmp_path: Path) -> Path:
    """Files that can be referred to."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("some text")
    (tmp_path / "empty").touch()
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    os.mkfifo(tmp_path / "fifo")
    return tmp_path


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_work_is_said(folder: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    """With its place, and the exit code of a configuration that is wrong."""
    text, said = WRONG[case]
    path = folder / "config.yaml"
    path.write_text(text)
    assert run_command(["config", "check", "--config", str(path)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "bug" not in error


@pytest.mark.parametrize(
    "text",
    [
        OTHERWISE_GOOD,
        zone(f'api: "https://[::1]:6443", registry: "r.example:5000", proxy: "http://10.0.0.1:3128", {LOGIN}'),
        zone("credentials: {kubeconfig: kubeconfig}"),
        zone('api: "https://h.example:6443", credentials: {kubeconfig: kubeconfig, context: c}'),
        f"{OTHERWISE_GOOD}output: {{directory: new/folder/of/runs}}\nmetrics: {{textfile: x.prom}}\n",
        f'{OTHERWISE_GOOD}output: {{directory: "s3://bucket/folder"}}\n',
    ],
)
def test_what_can_work_is_good(folder: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    """Nothing is refused that works: addresses by number, folders that are made."""
    path = folder / "config.yaml"
    path.write_text(text)
    assert run_command(["config", "check", "--config", str(path)]) == 0, capsys.readouterr().err
