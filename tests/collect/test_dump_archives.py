"""Dumps in archives, on standard input, and several in one folder."""

import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.collect.dumps import files as dump_files
from audit.collect.dumps.dump import collect_dump
from audit.collect.dumps.zones import collect_dumps
from audit.collect.zones import Zone
from audit.errors import UsageError
from audit.snapshot.objects import NEEDED
from tests.collect.test_dump import gaps, inspect_tree, lists_of, mixed, read, same_facts, write
from tests.worlds.random_zones import world_of
from tests.worlds.snapshots import snapshot_of

WORLD = world_of(3)


def tar_of(folder: Path, mode: str = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        archive.add(folder, arcname="./zone")
    return out.getvalue()


def zip_of(folder: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder).as_posix())
    return out.getvalue()


def nested(folder: Path) -> bytes:
    (folder.parent / "outer").mkdir()
    (folder.parent / "outer/inner.tgz").write_bytes(tar_of(folder))
    return tar_of(folder.parent / "outer", "w")


ARCHIVES: dict[str, Callable[[Path], bytes]] = {
    "zone.tar": lambda folder: tar_of(folder, "w"),
    "zone.tar.gz": tar_of,
    "zone.tar.xz": lambda folder: tar_of(folder, "w:xz"),
    "zone.zip": zip_of,
    "nested.tar": nested,
}


def packed(tmp_path: Path, name: str, *, tree: bool) -> Path:
    if tree:
        inspect_tree(WORLD, tmp_path / "files", single=False)
    else:
        for plural, value in lists_of(WORLD).items():
            write(tmp_path / f"files/{plural}.json", value)
    (tmp_path / "packed").mkdir()
    path = tmp_path / "packed" / name
    path.write_bytes(ARCHIVES[name](tmp_path / "files"))
    return path


@pytest.mark.parametrize("tree", [False, True])
@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_is_the_same_zone(tmp_path: Path, name: str, tree: bool) -> None:
    """Given itself, or as the only thing in a folder; lists, or a tree."""
    path = packed(tmp_path, name, tree=tree)
    for place in (path, path.parent):
        snapshot = read(place)
        assert snapshot.state == "complete", snapshot.gaps
        same_facts(snapshot, snapshot_of(WORLD))


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bytes])
def test_one_list_of_all_kinds_comes_by_standard_input(
    monkeypatch: pytest.MonkeyPatch, pack: Callable[..., bytes]
) -> None:
    """Compressed or not."""
    stream = io.TextIOWrapper(io.BytesIO(pack(json.dumps(mixed(WORLD)).encode())))
    monkeypatch.setattr("sys.stdin", stream)
    (snapshot,) = collect_dumps(Path("-"))
    assert snapshot.origin.zone == "dump"
    same_facts(snapshot, snapshot_of(WORLD))


@pytest.mark.parametrize("name", ["zone.tar.gz", "zone.zip"])
def test_an_archive_that_unpacks_to_too_much_is_a_gap(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read before the limit is kept; the rest is unknown, and nothing is written."""
    path = packed(tmp_path, name, tree=False)
    monkeypatch.setattr(dump_files, "MAX_UNPACKED", 3000)
    snapshot = read(path)
    assert snapshot.state != "complete"
    assert any("unpacks to more than" in gap.detail for gap in snapshot.gaps)
    assert [*path.parent.iterdir()] == [path]


def test_links_devices_and_names_that_lead_out_are_not_followed(tmp_path: Path) -> None:
    """They are gaps, and no file of the system is read or written."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for plural, value in lists_of(WORLD).items():
            data = json.dumps(value).encode()
            member = tarfile.TarInfo(f"../../{plural}.json" if plural == "users" else f"{plural}.json")
            member.size = len(data)
            if plural == "roles":
                member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc/passwd", 0
            if plural == "groups":
                member.type, member.size = tarfile.FIFOTYPE, 0
            archive.addfile(member, io.BytesIO(data) if member.size else None)
    (tmp_path / "zone.tar").write_bytes(out.getvalue())
    found = gaps(read(tmp_path / "zone.tar"))
    assert {*found} == {"roles", "groups"}
    assert all("not a regular file" in detail for _, detail in found.values())


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["zone.tar.gz", "zone.zip", "zone.tar"]), st.floats(0, 0.999), st.booleans())
def test_a_cut_archive_never_passes_for_whole(
    tmp_path_factory: pytest.TempPathFactory, name: str, share: float, tree: bool
) -> None:
    """Wherever it ends, what is missing is a gap; only when every file is there is it whole."""
    path = packed(tmp_path_factory.mktemp("cut"), name, tree=tree)
    data = path.read_bytes()
    whole = len(data.rstrip(b"\0")) if name.endswith(".tar") else len(data)
    path.write_bytes(data[: int(whole * share)])
    snapshot = read(path)
    assert snapshot.state != "complete" or snapshot.strings == snapshot_of(WORLD).strings


def test_a_folder_of_dumps_is_a_zone_each(tmp_path: Path) -> None:
    """Folders and archives beside each other, called by their names."""
    for number, name in enumerate(("zone-1", "zone-2")):
        for plural, value in lists_of(world_of(number)).items():
            write(tmp_path / name / f"{plural}.json", value)
    (tmp_path / "zone-3.tar.gz").write_bytes(tar_of(tmp_path / "zone-2"))
    snapshots = collect_dumps(tmp_path)
    assert [one.origin.zone for one in snapshots] == ["zone-1", "zone-2", "zone-3"]
    same_facts(snapshots[1], snapshots[2])


def test_dated_dumps_of_one_cluster_are_not_two_zones(tmp_path: Path) -> None:
    """Which one counts, the caller says, and what the zone is called."""
    system = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system", "uid": "one"}}
    for day in ("2026-01-01", "2026-02-01"):
        for plural, value in lists_of(WORLD).items():
            items = [*value["items"], *([system] if plural == "namespaces" else [])]
            write(tmp_path / day / f"{plural}.json", value | {"items": items})
    with pytest.raises(UsageError, match="2026-01-01 and 2026-02-01 are dumps of one cluster"):
        collect_dumps(tmp_path)
    (snapshot,) = collect_dumps(tmp_path / "2026-02-01", "zone-1")
    assert snapshot.origin.zone == "zone-1"


def test_a_file_without_objects_says_so(tmp_path: Path) -> None:
    """It is a mistake on the command line, and no zone."""
    (tmp_path / "notes.yaml").write_text("zones: []\n")
    with pytest.raises(UsageError, match="cannot read this snapshot"):
        collect_dumps(tmp_path / "notes.yaml")
    (tmp_path / "empty").mkdir()
    assert {gap.kind for gap in collect_dumps(tmp_path / "empty")[0].gaps} == {*NEEDED}


def test_a_damaged_directory_hides_no_file(tmp_path: Path) -> None:
    """An entry of a zip archive whose length is wrong takes the next ones for its comment: that is a gap."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("a.json", "roles.json", "z.json"):
            archive.writestr(name, b'{"kind": "RoleList", "items": []}')
    data = bytearray(packed.getvalue())
    entries = [at for at in range(len(data)) if data[at : at + 4] == b"PK\x01\x02"]
    data[entries[0] + 32] = entries[2] - entries[1]  # the length of its comment
    (tmp_path / "zone.zip").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "zone.zip") as archive:
        assert archive.namelist() == ["a.json", "z.json"]
    found = collect_dump(Zone("zone"), tmp_path / "zone.zip", listed=lambda kind, count: None, stop=Event())
    assert found.missing("rolebindings")
    assert any("the directory of the archive is damaged: copy it again" in gap.detail for gap in found.gaps)


def test_a_changed_name_in_the_directory_hides_no_file(tmp_path: Path) -> None:
    """A bit of the name of a file, by which it is no file that is read: every header has its name a second time."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("a.json", "rolebindings.json", "ö.json"):
            archive.writestr(
                name, b'{"kind": "RoleBindingList", "apiVersion": "rbac.authorization.k8s.io/v1", "items": []}'
            )
    data = bytearray(packed.getvalue())
    read = collect_dump(Zone("zone"), _written(tmp_path, data), listed=lambda kind, count: None, stop=Event())
    assert not any("the directory of the archive" in gap.detail for gap in read.gaps)
    at = data.rindex(b"rolebindings.json")
    for place in (at, at + len(b"rolebindings.j")):
        changed = bytearray(data)
        changed[place] ^= 1
        found = collect_dump(Zone("zone"), _written(tmp_path, changed), listed=lambda kind, count: None, stop=Event())
        assert any("the directory of the archive is damaged: copy it again" in gap.detail for gap in found.gaps)


def _written(folder: Path, data: bytearray) -> Path:
    path = folder / "zone.zip"
    path.write_bytes(data)
    return path
