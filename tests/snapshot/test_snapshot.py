"""Snapshots: saved and read back the same, private, and refused when damaged."""

import gzip
import os
import stat
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.errors import UsageError, printable
from audit.snapshot import model
from audit.snapshot.model import REASONS, Gap, decode, encode, gap_lines, load
from audit.snapshot.scope import scope_of
from audit.storage.files import make_private_dir, write_private
from tests.collect.test_dump import same_facts
from tests.worlds.random_zones import world_of, worlds
from tests.worlds.snapshots import snapshot_of


@pytest.mark.parametrize("seed", range(5))
def test_a_snapshot_is_read_back_as_it_was(tmp_path: Path, seed: int) -> None:
    """Facts, gaps, listings, origin; and equal facts are equal bytes, in whatever order they came."""
    snapshot = snapshot_of(world_of(seed), [Gap("groups", "", "refused", "403")])
    path = tmp_path / "a.snapshot"
    write_private(path, [encode(snapshot)])
    again = load(path)
    same_facts(snapshot, again)
    assert (again.gaps, again.listings, again.origin) == (snapshot.gaps, snapshot.listings, snapshot.origin)
    reversed_world = {plural: items[::-1] for plural, items in world_of(seed).items()}
    assert encode(again) == encode(snapshot_of(reversed_world, [Gap("groups", "", "refused", "403")]))


def damaged(path: Path, change: str) -> None:
    saved = msgspec.msgpack.decode(gzip.decompress(path.read_bytes()))
    names = saved["tables"]["bindings"]
    if change == "version":
        saved["version"] = 99
    elif change == "format":
        saved["format"] = "something else"
    elif change == "pointer":
        names["name"] = b"\xff\xff\xff\x7f" * (len(names["name"]) // 4)
    elif change == "ragged":
        names["name"] = names["name"][:-4]
    elif change == "bytes":
        names["name"] = names["name"][:-1]
    elif change == "zone":
        saved["origin"]["zone"] = "../../elsewhere"
    elif change == "nameless":
        saved["origin"]["zone"] = ""
    elif change == "column":
        del names["name"]
    elif change == "strings":
        saved["strings"] = [*saved["strings"][1:], "zzz"]
    path.write_bytes(gzip.compress(msgspec.msgpack.encode(saved)))


@pytest.mark.parametrize(
    "change", ["version", "format", "pointer", "ragged", "bytes", "column", "strings", "zone", "nameless"]
)
def test_a_damaged_snapshot_is_refused(tmp_path: Path, change: str) -> None:
    """Never read as if it were whole: one clear message with the file."""
    path = tmp_path / "a.snapshot"
    path.write_bytes(encode(snapshot_of(world_of(2))))
    damaged(path, change)
    with pytest.raises(UsageError, match=r"a\.snapshot: this (snapshot|is not a snapshot)"):
        load(path)


@settings(max_examples=60)
@given(st.binary(max_size=50), st.booleans())
def test_no_bytes_are_a_snapshot_by_chance(tmp_path_factory: pytest.TempPathFactory, data: bytes, packed: bool) -> None:
    """Whatever the file holds, it is an error with a message."""
    path = tmp_path_factory.getbasetemp() / "any.snapshot"
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.raises(UsageError):
        load(path)


def test_a_snapshot_that_was_cut_is_refused(tmp_path: Path) -> None:
    """A copy that ended in the middle."""
    path = tmp_path / "a.snapshot"
    path.write_bytes(encode(snapshot_of(world_of(2)))[:-20])
    with pytest.raises(UsageError, match="not a whole snapshot"):
        load(path)


def test_files_are_private_and_whole(tmp_path: Path) -> None:
    """Mode 0600 whatever the umask; a failure leaves what was there before, and no other file."""
    before = os.umask(0)
    try:
        folder = make_private_dir(tmp_path / "a/b")
        path = folder / "file"
        assert write_private(path, [b"one", b"two"]) == 6
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    def failing() -> list[bytes]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_private(path, (chunk for _ in [0] for chunk in failing()))
    assert path.read_bytes() == b"onetwo"
    assert list(folder.iterdir()) == [path]


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    """Somebody who can write beside it cannot make the program write elsewhere."""
    target = tmp_path / "target"
    (tmp_path / f".file.{os.getpid()}.tmp").symlink_to(target)
    with pytest.raises(UsageError, match="cannot write this file"):
        write_private(tmp_path / "file", [b"secret"])
    assert not target.exists()


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A folder where a file should be; a path through a file."""
    (tmp_path / "file").mkdir()
    with pytest.raises(UsageError, match="file: cannot write this file: Is a directory"):
        write_private(tmp_path / "file", [b"x"])
    (tmp_path / "plain").write_text("")
    with pytest.raises(UsageError, match="cannot create this folder"):
        make_private_dir(tmp_path / "plain/inner")


def test_kinds_that_are_missing_for_one_reason_share_a_line() -> None:
    """People read one line for one cause."""
    gaps = [Gap("groups", "", "refused", "403"), Gap("roles", "", "refused", "403"), Gap("roles", "ns", "cut")]
    assert gap_lines(gaps) == (
        f"groups, roles: {REASONS['refused']} (403)",
        f"roles of ns: {REASONS['cut']}",
    )
    assert Gap("roles", "*", "new-reason").text == "roles of namespaces that are not listed: new-reason"


@given(st.text())
def test_nothing_printable_moves_a_terminal(text: str) -> None:
    """No control character, no line break, no change of direction is left."""
    shown = printable(text)
    assert all(ord(c) >= 32 and not 0x7F <= ord(c) < 0xA0 and c not in "\u2028\u2029\u202e\u2066" for c in shown)


@settings(max_examples=30)
@given(worlds())
def test_a_scope_of_everything_is_everything(world: dict[str, list[dict[str, object]]]) -> None:
    """A filter that takes all names leaves nothing out; one that takes none leaves all out."""
    snapshot = snapshot_of(world, [Gap("rolebindings", "ns-0", "refused")])
    everything, nothing = scope_of(snapshot, lambda *_: True), scope_of(snapshot, lambda *_: False)
    assert everything.excluded == 0
    assert nothing.namespaces == ()
    assert nothing.excluded == len(everything.namespaces or ())
    assert scope_of(snapshot, None).namespaces is None


def test_labels_that_were_not_seen_are_said_to_the_filter() -> None:
    """A namespace that only bindings speak of has unknown labels, not none."""
    heard: dict[str, object] = {}
    snapshot = snapshot_of(world_of(2), [Gap("namespaces", "", "refused")])
    scope_of(snapshot, lambda name, labels: heard.setdefault(name, labels) is None)
    assert heard
    assert set(heard.values()) == {None}
    scope_of(snapshot_of(world_of(2)), lambda name, labels: bool(heard.update({name: labels})))
    assert all(isinstance(labels, dict) for labels in heard.values())


@pytest.mark.parametrize("lie", ["rules", "labels", "listing", "gap", "order", "not UTF-8"])
def test_a_snapshot_that_decodes_and_lies_is_refused(lie: str) -> None:
    """Whoever can pack one may write anything: it is one message, before anything is computed from it."""
    saved = msgspec.msgpack.decode(gzip.decompress(encode(snapshot_of(world_of(1)))))
    texts = saved["strings"]
    if lie in {"rules", "labels"}:
        first = "[{" if lie == "rules" else '{"'
        assert any(text.startswith(first) for text in texts)
        saved["strings"] = sorted(text if not text.startswith(first) else f"{text}x" for text in texts)
    elif lie == "listing":
        saved["listings"].append({"kind": "nope", "count": 1, "resource_version": "", "pages": 1})
    elif lie == "gap":
        saved["gaps"].append({"kind": "nope", "namespace": "", "reason": "refused"})
    elif lie == "order":
        saved["strings"][1:] = texts[:0:-1]
    data = msgspec.msgpack.encode(saved)
    if lie == "not UTF-8":
        name = next(text for text in texts if text.isascii() and len(text) == 4).encode()
        data = data.replace(name, b"\xff\xff\xff\xff", 1)
    with pytest.raises(UsageError):
        decode(gzip.compress(data), "a.snapshot")


def test_a_snapshot_unpacks_within_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few megabytes that unpack to gigabytes are refused before they are there."""
    data = encode(snapshot_of(world_of(1)))
    monkeypatch.setattr(model, "_UNPACKED", 1000)
    with pytest.raises(UsageError, match="it unpacks to more than 1,000 bytes"):
        decode(data, "a.snapshot")


@pytest.mark.parametrize("more", [b"x", gzip.compress(b"x", mtime=0)], ids=["a byte", "another file"])
def test_nothing_follows_a_snapshot(more: bytes) -> None:
    """What stands after it in the file is not read, so it must not be there."""
    with pytest.raises(UsageError, match="not a whole snapshot"):
        decode(encode(snapshot_of(world_of(1))) + more, "a.snapshot")
