"""Bad inputs: each message says where, what is wrong, and what to do, with the documented exit code."""

import gzip
import io
import lzma
import re
import shutil
import zipfile
from pathlib import Path

import pytest

from audit.cli import run_command
from tests.paths import DATA

ZONE = DATA / "golden-mini"
AGAIN = r"\(to write it again: `oc get rolebindings -A -o json > rolebindings.json`\)"
PLACE = r"\(write NAMESPACE, NAMESPACE/REPOSITORY or HOST/NAMESPACE/REPOSITORY:TAG\)"
SUBJECT = r"\(write user/NAME, group/NAME or sa/NAMESPACE:NAME\)"
COLUMNS = r"\(the columns are zone,subject_kind,subject,action,namespace,repository\)"
SNAPSHOT = r"\(give a snapshot, or files that `registry-audit dump-commands` describes\)"
KEYS = r"\(docs/configuration.md has every key\)"


@pytest.fixture(name="here", autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, without a kubeconfig, and a dump `zone` beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    (tmp_path / "zone").mkdir()
    for path in ZONE.glob("*.json.gz"):
        if not path.name.startswith("access-reviews"):
            shutil.copy(path, tmp_path / "zone")
    return tmp_path


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("roles.json", (b'{"kind": "RoleList", "items": []}'))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["can", "a", "pul", "shop"], r"pul: no such action \(did you mean pull\? choose one of pull, push, .*\)"),
        (["can", "a", "fly", "shop"], r"fly: no such action \(choose one of pull, push, .*\)"),
        (["can", "", "pull", "shop"], rf"SUBJECT: not a subject {SUBJECT}"),
        (["can", "sa/x", "pull", "shop"], rf"sa/x: not a subject {SUBJECT}"),
        (["can", "group/", "pull", "shop"], rf"group/: not a subject {SUBJECT}"),
        (["can", "a", "pull", ""], rf"NAMESPACE: not a namespace {PLACE}"),
        (["can", "a", "pull", "shop:latest"], rf"shop:latest: not a namespace {PLACE}"),
        (["can", "a", "pull", "registry/shop/app"], rf"registry/shop/app: not a namespace {PLACE}"),
        (["who", "push"], r"push is about a namespace \(for example: registry-audit who push shop\)"),
        (["can", "ann", "push"], r"push is about a namespace \(for example: registry-audit can user/ann push shop\)"),
        (["who"], r"Missing argument 'ACTION'. \(for example `.*`, or try `.*who --help`\)"),
        (["frobnicate"], r"No such command 'frobnicate'. \(try `registry-audit --help`\)"),
        (["report", "--out", "out", "--format", "pdf"], r"no such format: pdf \(choose from csv, .*\)"),
    ],
)
def test_what_is_typed(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, exit code 2, and nothing on stdout."""
    more = ["--snapshot", "zone"] if len(arguments) > 2 else []
    assert run_command([*arguments, *more]) == 2
    printed = capsys.readouterr()
    assert (printed.out, bool(re.fullmatch(f"registry-audit: {message}\n", printed.err))) == ("", True), printed.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", rf"missing columns: zone, .*repository {COLUMNS}"),
        (b"zone;subject\n", rf"missing columns: zone, .*repository {COLUMNS}"),
        (b"\xff\xfe\xff", rf"not CSV in UTF-8: .* {COLUMNS}"),
        (None, "cannot read the file: No such file or directory"),
    ],
)
def test_a_file_of_questions(
    content: bytes | None, message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same of the file."""
    if content is not None:
        (here / "q.csv").write_bytes(content)
    assert run_command(["can", "--questions", "q.csv", "--snapshot", "zone"]) == 2
    printed = capsys.readouterr()
    assert (printed.out, bool(re.fullmatch(f"registry-audit: q.csv: {message}\n", printed.err))) == ("", True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("zonez: []", rf"1 mistake in the configuration\n  zonez \(line 1\): unknown key; did you mean zones\? {KEYS}"),
        ("", r"1 mistake in the configuration\n  must be a mapping, for example `zones: \[\{id: NAME\}\]`"),
        ("zones: [", r"1 mistake in the configuration\n  line \d, column \d: .*"),
        ("zones: &a [*a]", r"1 mistake in the configuration\n  line 1, column 12: aliases are not supported"),
        (
            "zones:\n- id: a\n  api: here",
            rf"1 mistake in the configuration\n  zones\[0\].api \(line 3\): must be https://HOST.* {KEYS}",
        ),
        (None, r"cannot read the configuration: No such file or directory \(check the path\)"),
    ],
)
def test_a_configuration(content: str | None, message: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each mistake with its line."""
    if content is not None:
        (here / "c.yaml").write_text(content)
    assert run_command(["run", "--config", "c.yaml"]) == 2
    error = capsys.readouterr().err
    assert re.fullmatch(f"registry-audit: c.yaml: {message}\n", error), error


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("no.zip", b"no\n", "no.zip: .*"),
        ("cut.zip", zipped()[:60], "cut.zip: cannot be read: .*"),
        ("cut.tar.gz", gzip.compress(b"x" * 5000)[:20], "cut.tar.gz: the compressed file is truncated"),
        ("cut.tar.xz", lzma.compress(b"x" * 5000)[:40], "cut.tar.xz: the compressed file is truncated"),
        ("empty.json", b"", "empty.json: this file is empty"),
        ("null.json", b"null\n", "null.json: this file is empty"),
        ("error.json", b"Error from server (Forbidden)\n", "error.json: .* it begins with 'Error from server.*"),
    ],
)
def test_one_file_of_a_zone(
    name: str, content: bytes, message: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That holds nothing of a zone is an error, and no zone."""
    (here / name).write_bytes(content)
    assert run_command(["can", "a", "pull", "shop", "--snapshot", name]) == 2
    printed = capsys.readouterr()
    wanted = f"registry-audit: {name}: cannot read this snapshot: {message} {SNAPSHOT}\n"
    assert (printed.out, bool(re.fullmatch(wanted, printed.err))) == ("", True), printed.err


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere", "nowhere: no such file or folder (give a snapshot, or the folder or file of a dump)"),
        ("/dev/null", "/dev/null: not a regular file (give a snapshot, or the folder or file of a dump)"),
    ],
)
def test_a_place_that_is_no_snapshot(place: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And a device is never said to be missing."""
    assert run_command(["can", "a", "pull", "shop", "--snapshot", place]) == 2
    assert capsys.readouterr().err == f"registry-audit: {message}\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "this file is empty"),
        (b"<html>log in</html>\n", "JSON is malformed: .*; it begins with '<html>log in</html>.*'"),
        (b"error: You must be logged in to the server\n", "JSON is malformed: .* it begins with 'error: You must .*'"),
        (b'{"kind": "RoleBindingList", "apiVersion": "rbac.au', "Input data was truncated; it begins with .*"),
        (b'{"kind": "RoleList", "apiVersion": "rbac.authorization.k8s.io/v1", "items": []}', "a RoleList, not .*"),
        (b"\xff\xfe{", "not UTF-16 text: save it as UTF-8"),
    ],
)
def test_a_file_of_a_dump(content: bytes, message: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer is unknown; file, fault and the command that writes it again are said; the other lists are read."""
    (here / "zone/rolebindings.json.gz").unlink()
    (here / "zone/rolebindings.json").write_bytes(content)
    assert run_command(["can", "nobody", "pull", "org-0003-ns00013", "--snapshot", "zone"]) == 3
    printed = capsys.readouterr().out
    assert printed.startswith("unknown\n")
    assert "not seen: groups" not in printed
    assert re.search(rf"not seen: rolebindings: [^\n]*\(rolebindings.json: {message} {AGAIN}\)", printed), printed
