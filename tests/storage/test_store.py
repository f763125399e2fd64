"""Storage by URL: a folder and a bucket keep files in the same way, whole or not at all."""

import json
import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.cli import run_command
from audit.errors import ConfigError, UsageError
from audit.job.load_config import load_config
from audit.storage.store import Bucket, Folder, Store, _short_message, locate, resolve_store, store_of
from tests.simulator.bucket import BUCKET, SECRET, entered, s3
from tests.worlds.random_zones import world_of, write_dump


@pytest.fixture(name="server", scope="module")
def _server() -> Iterator[dict[str, str]]:
    with s3() as environment:
        yield environment


@pytest.fixture(name="bucket")
def _bucket(server: dict[str, str]) -> Iterator[str]:
    """The URL of a folder of this test's own in a bucket."""
    for _ in entered(server):
        yield f"s3://{BUCKET}/{uuid.uuid4()}"


@pytest.fixture(name="store", params=["folder", "bucket"])
def _store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return store_of(str(tmp_path / "store") if request.param == "folder" else request.getfixturevalue("bucket"))


def test_what_is_written_is_read(store: Store) -> None:
    """By name, in folders, and listed in order; a place that nobody has written to is empty."""
    assert (store.entries(), store.files()) == ([], [])
    assert store.write("b/two.txt", [b"t", b"wo"]) == 3
    store.write("b/inner/three.txt", [b"three"])
    store.write("a.txt", [])
    assert store.entries() == ["a.txt", "b"]
    assert store.entries("b") == ["inner", "two.txt"]
    assert store.entries("none") == []
    assert store.files() == ["a.txt", "b/inner/three.txt", "b/two.txt"]
    assert store.files("b") == ["b/inner/three.txt", "b/two.txt"]
    assert store.read("b/two.txt") == b"two"
    store.write("b/two.txt", [b"again"])
    assert store.inside("b").read("two.txt") == b"again"
    assert store.inside("b").where == f"{store.where}/b"
    with pytest.raises(FileNotFoundError):
        store.read("b/none.txt")


def test_what_leads_somewhere_and_what_goes(store: Store) -> None:
    """`latest` leads to what it was pointed at; files go one by one, or with the folder that they are in."""
    assert store.link_target("latest") == ""
    store.write("run/a.txt", [b"a"])
    store.write("run/inner/b.txt", [b"b"])
    store.write("run-2/c.txt", [b"c"])
    store.link("latest", "run")
    assert store.link_target("latest") == "run"
    store.remove("run/a.txt")
    assert store.files("run") == ["run/inner/b.txt"]
    store.remove("run")
    assert store.files("run") == []
    assert store.files("run-2") == ["run-2/c.txt"]
    with pytest.raises(UsageError, match="run/none"):
        (store if isinstance(store, Folder) else Bucket("s3://nobody", "")).remove("run/none")


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    """Links, whatever they lead to, folders without a file, and what is neither; a bucket has none of these."""
    store = Folder(tmp_path)
    store.write("run/a.txt", [b"a"])
    (tmp_path / "run/link").symlink_to("a.txt")
    (tmp_path / "folders").symlink_to("run")
    (tmp_path / "run/empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert store.irregular_files() == ["folders", "pipe", "run/empty", "run/link"]
    assert Bucket("s3://bucket", "").irregular_files() == []


def test_a_file_that_breaks_off_is_not_there(store: Store) -> None:
    """What was there before stays as it was."""
    store.write("file", [b"before"])

    def breaking() -> Iterator[bytes]:
        yield b"a part"
        raise RuntimeError("stopped")

    for name in ("file", "other"):
        with pytest.raises(RuntimeError, match="stopped"):
            store.write(name, breaking())
    assert store.files() == ["file"]
    assert store.read("file") == b"before"


def test_a_folder_is_taken_once(store: Store) -> None:
    """However many come; and again when it was given back."""
    assert [store.claim("one"), store.claim("one"), store.claim("two"), store.claim("one")] == [
        True,
        False,
        True,
        False,
    ]
    store.release("one")
    assert [store.claim("one"), store.claim("two")] == [True, False]


def test_latest_leads_to_the_last_one(store: Store) -> None:
    """A link in a folder, the name in a file elsewhere; and it moves."""
    for run in ("one", "two"):
        store.write(f"{run}/manifest.json", [run.encode()])
        store.link("latest", run)
        holder, name = locate(f"{store.where}/latest")
        assert (holder.where, name) == (store.where, run)
        assert resolve_store(f"{store.where}/latest").read("manifest.json") == run.encode()


def test_files_and_folders_are_private(tmp_path: Path) -> None:
    """For their owner only."""
    store = Folder(tmp_path / "store")
    store.write("a/b/file", [b"x"])
    store.claim("run")
    for path in (tmp_path / "store").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o600 if path.is_file() else 0o700)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("ftp://host/folder", "unsupported URL"),
        ("s3:///folder", "unsupported URL"),
        ("s3://user:hunter2@bucket/folder", "must not have a user, password or query"),
        ("s3://bucket/folder?token=hunter2", "must not have a user, password or query"),
    ],
)
def test_what_is_no_place_is_said(place: str, said: str, tmp_path: Path) -> None:
    """On the command line and in the configuration; and what may be a secret is not repeated."""
    with pytest.raises(UsageError, match=said) as caught:
        store_of(place)
    assert "hunter2" not in str(caught.value)
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"zones": [{"id": "a"}], "output": {"directory": place}}))
    with pytest.raises(ConfigError, match=said) as mistakes:
        load_config(config)
    assert "hunter2" not in str(mistakes.value)


def test_a_folder_in_the_configuration_is_beside_it(tmp_path: Path) -> None:
    """And a URL is as it stands."""
    config = tmp_path / "config.yaml"
    for given, meant in (("runs", str(tmp_path / "runs")), ("s3://bucket/runs", "s3://bucket/runs")):
        config.write_text(json.dumps({"zones": [{"id": "a"}], "output": {"directory": given}}))
        assert load_config(config).output.directory == meant


def test_what_cannot_be_reached_is_one_message(bucket: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A bucket that is not there, a server without TLS, a place that is none: no traceback, no secret."""
    dump = str(write_dump(world_of(1), tmp_path / "zone-1"))
    assert run_command(["report", "-s", dump, "-o", "s3://nobody/runs"]) == 2
    assert "s3://nobody/runs/" in (said := capsys.readouterr().err)
    assert "cannot write here" in said
    assert run_command(["report", "-s", f"{bucket}/none", "-o", str(tmp_path / "out")]) == 2
    assert "no snapshot here" in capsys.readouterr().err
    for arguments in (["-s", f"{bucket}/latest"], ["-s", f"s3://{BUCKET}"]):
        assert run_command(["report", *arguments, "-o", str(tmp_path / "out")]) == 2
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_ALLOW_HTTP")
        assert run_command(["report", "-s", dump, "-o", bucket]) == 2
    said = capsys.readouterr().err
    assert "AWS_ALLOW_HTTP=true to use a server without TLS" in said
    assert SECRET not in said
    assert "Traceback" not in said


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    """A file in its place, or a link that cannot be moved."""
    (tmp_path / "file").write_text("")
    (tmp_path / "busy").mkdir()
    (tmp_path / "busy/inner").mkdir()
    with pytest.raises(UsageError, match="cannot create this folder"):
        Folder(tmp_path / "file").claim("run")
    with pytest.raises(UsageError, match="cannot create a folder here"):
        Folder(tmp_path).claim("none/run")
    with pytest.raises(UsageError, match="cannot move this link"):
        Folder(tmp_path).link("busy", "run")


def test_a_run_in_a_bucket_is_as_one_in_a_folder(
    bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every file, `latest`, a second run that knows of the first, and every command that reads."""
    dump = str(write_dump(world_of(1), tmp_path / "zone-1"))
    for out in (bucket, str(tmp_path / "out")):
        for _ in range(2):
            assert run_command(["report", "-s", dump, "-o", out, "-f", "csv", "-f", "parquet"]) == 0
    for runs in (bucket, f"{bucket}/latest"):
        assert run_command(["check-evidence", runs]) == 0
    there, here = resolve_store(f"{bucket}/latest"), Folder((tmp_path / "out/latest").resolve())
    run, own = there.where.rpartition("/")[2], here.path.name
    assert [name.replace(run, own) for name in there.files()] == here.files()
    assert there.read("access.csv") == here.read("access.csv")
    manifest = json.loads(there.read("manifest.json"))
    assert manifest["state"] == "complete"
    assert manifest["run"]["compared_with"]
    capsys.readouterr()

    def said(*arguments: object) -> str:
        assert run_command([*map(str, arguments)]) == 0
        return capsys.readouterr().out

    for place in (f"{bucket}/latest", f"{bucket}/{run}", f"{bucket}/{run}/snapshots/zone-1.snapshot"):
        assert said("who", "pull", "ns-0", "-s", place) == said("who", "pull", "ns-0", "-s", str(here.path))
    assert said("diff", f"{bucket}/latest", f"{bucket}/latest") == ""
    for runs, many in ((bucket, 2), (f"{bucket}/latest", 1)):
        answer = said("query", "SELECT count(DISTINCT run) AS runs FROM access", "--runs", runs, "--json")
        assert json.loads(answer) == [{"runs": many}]
    assert said("prune", "--out", bucket, "--keep-days", 1) == "0 removed; their manifests stay\n"
    kept, known = (
        json.loads(said("history", "ns/ns-0", "--runs", runs, "--json"))["spans"] for runs in (bucket, tmp_path / "out")
    )
    assert len(kept) == len(known) > 0
    there.write("access.csv", [b""])
    assert run_command(["check-evidence", bucket]) == 5
    assert f"{run}: access.csv was changed" in capsys.readouterr().out
    assert run_command(["check-evidence", "s3://nobody"]) == 2


def test_what_a_query_cannot_fetch_is_said(capsys: pytest.CaptureFixture[str], bucket: str) -> None:
    """A bucket that is not there is one message too."""
    assert bucket
    assert run_command(["query", "SELECT 1", "--runs", "s3://nobody/runs"]) == 2
    assert "s3://nobody/runs" in capsys.readouterr().err


def test_a_bucket_is_asked_only_when_needed() -> None:
    """Naming a place needs no network and no credentials."""
    assert isinstance(store_of("s3://bucket/folder").inside("run"), Bucket)
    assert "AWS_ENDPOINT_URL" not in os.environ


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "Client error with status 403 Forbidden: <Error><Code>InvalidAccessKeyId</Code><Id>canary</Id></Error>",
            "Client error with status 403 Forbidden (InvalidAccessKeyId)",
        ),
        ("timed out\n\nDebug source:\ncanary", "timed out"),
        ("", "RuntimeError"),
    ],
)
def test_what_a_server_says_is_not_quoted(text: str, said: str) -> None:
    """It may name the key that was used: only its code is told."""
    assert _short_message(RuntimeError(text)) == said


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("AWS_ACCESS_KEY_ID", "AKID\n", "AWS_ACCESS_KEY_ID holds a line break"),
        ("AWS_SESSION_TOKEN", "T\r\n", "AWS_SESSION_TOKEN holds a line break"),
        ("AWS_SECRET_ACCESS_KEY", "S\x00".replace("\x00", "\x01"), "AWS_SECRET_ACCESS_KEY holds a line break"),
        ("AWS_ENDPOINT_URL", "http://[::1", "AWS_ENDPOINT_URL is not an address"),
        ("AWS_ENDPOINT_URL", "nowhere", "AWS_ENDPOINT_URL is not an address"),
        ("AWS_ENDPOINT_URL_S3", "https://", "AWS_ENDPOINT_URL_S3 is not an address"),
        ("AWS_ENDPOINT_URL", "https://h:99999", "AWS_ENDPOINT_URL is not an address"),
    ],
)
def test_variables_that_the_library_cannot_use(
    name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One message and exit code 2; no panic of native code, and not the value."""
    for key, text in {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S", "AWS_REGION": "x", name: value}.items():
        monkeypatch.setenv(key, text)
    assert run_command(["check-evidence", "s3://bucket/folder"]) == 2
    printed = capfd.readouterr().err
    assert message in printed
    assert "panicked" not in printed
    assert len(printed.splitlines()) == 1
