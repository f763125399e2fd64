"""Files in place of a cluster: every form that `oc` writes, and what is said of those that are damaged."""

import gzip
import json
import os
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.collect.decode import CollectError, Page, page_of_json
from audit.collect.dump import collect_dump
from audit.collect.zones import Zone
from audit.snapshot.model import Snapshot
from audit.snapshot.objects import KINDS, NEEDED
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import Form, world_of, write_dump
from tests.worlds.snapshots import snapshot_of

GROUP_OF = {plural: kind.group or "core" for plural, kind in KINDS.items()}


def read(folder: Path, stop: Event | None = None) -> Snapshot:
    heard: list[str] = []
    snapshot = collect_dump(Zone("zone-1"), folder, listed=lambda kind, count: heard.append(kind), stop=stop or Event())
    assert heard == [kind for kind in KINDS if kind in {one.kind for one in snapshot.listings}]
    return snapshot


def same_facts(one: Snapshot, other: Snapshot) -> None:
    assert one.strings == other.strings
    for name, columns in one.tables.items():
        for column, values in columns.items():
            assert values.tolist() == other.tables[name][column].tolist(), (name, column)


def gaps(snapshot: Snapshot) -> dict[str, tuple[str, str]]:
    return {
        gap.kind + (f"/{gap.namespace}" if gap.namespace else ""): (gap.reason, gap.detail) for gap in snapshot.gaps
    }


@pytest.mark.parametrize("form", ["json", "yaml", "json.gz"])
@pytest.mark.parametrize("seed", range(12))
def test_list_answers_in_every_form_are_the_same_zone(tmp_path: Path, form: Form, seed: int) -> None:
    """JSON, YAML or compressed: the facts are those of the world, and nothing is missing."""
    world = world_of(seed)
    snapshot = read(write_dump(world, tmp_path / "dump", form=form))
    assert snapshot.state == "complete"
    same_facts(snapshot, snapshot_of(world))


def as_oc_writes_it(plural: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    """`oc get … -A -o json`: a List whose items say their own kind."""
    kind = KINDS[plural]
    named = [{"apiVersion": "v1", "kind": kind.singular, **item} for item in items]
    return {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": named}


@pytest.mark.parametrize("seed", range(12))
def test_what_oc_get_writes_is_read(tmp_path: Path, seed: int) -> None:
    """`kind: List` with the kind on each item."""
    world = world_of(seed)
    for plural in KINDS:
        (tmp_path / f"{plural}.json").write_text(json.dumps(as_oc_writes_it(plural, world.get(plural) or [])))
    same_facts(read(tmp_path), snapshot_of(world))


def inspect_tree(world: World, root: Path, *, single: bool) -> Path:
    """The tree of `oc adm inspect`: one file a cluster-scoped object, and lists or objects by namespace."""
    spaces = [item["metadata"]["name"] for item in world["namespaces"]]

    def put(path: Path, value: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("---\n" + yaml.safe_dump(value, allow_unicode=True, sort_keys=False), encoding="utf-8")

    for plural, kind in KINDS.items():
        items = as_oc_writes_it(plural, world.get(plural) or [])["items"]
        if not kind.namespaced:
            place = root / "cluster-scoped-resources" / GROUP_OF[plural] / plural
            place.mkdir(parents=True)
            for number, item in enumerate(items):
                put(place / f"{number}.yaml", item)
            if not items:
                put(place.with_suffix(".yaml"), as_oc_writes_it(plural, []))
            continue
        for space in spaces:
            mine = [item for item in items if item["metadata"]["namespace"] == space]
            place = root / "namespaces" / space / GROUP_OF[plural] / plural
            if single and mine:
                for number, item in enumerate(mine):
                    put(place / f"{number}.yaml", item)
            else:
                put(place.with_suffix(".yaml"), as_oc_writes_it(plural, mine))
    return root


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("inner", ["", "quay-io-must-gather-sha256-abc"])
def test_a_must_gather_is_read(tmp_path: Path, single: bool, inner: str) -> None:
    """The tree itself, or one level below as must-gather leaves it; lists, or a file for each object."""
    world = world_of(3)
    inspect_tree(world, tmp_path / inner, single=single)
    snapshot = read(tmp_path)
    assert snapshot.state == "complete", snapshot.gaps
    same_facts(snapshot, snapshot_of(world))


def test_a_part_of_a_must_gather_says_what_is_missing(tmp_path: Path) -> None:
    """A namespace without its file, a kind without its folder, and namespaces that are not in the tree at all."""
    world = world_of(3)
    inspect_tree(world, tmp_path, single=False)
    space = world["namespaces"][0]["metadata"]["name"]
    (tmp_path / f"namespaces/{space}/rbac.authorization.k8s.io/rolebindings.yaml").unlink()
    for path in (tmp_path / "cluster-scoped-resources/user.openshift.io/groups").glob("*.yaml"):
        path.unlink()
    found = gaps(read(tmp_path))
    assert found[f"rolebindings/{space}"][0] == "missing"
    assert found["groups"][0] == "missing"
    assert set(found) == {f"rolebindings/{space}", "groups"}
    for path in (tmp_path / "cluster-scoped-resources/core/namespaces").glob("*.yaml"):
        path.unlink()
    found = gaps(read(tmp_path))
    assert found["namespaces"][0] == "missing"
    assert found["rolebindings/*"][0] == "missing"


@pytest.mark.parametrize(
    ("name", "content", "reason", "said"),
    [
        ("roles.json", None, "missing", "no file roles.json or .yaml"),
        ("roles.json", b"", "malformed", "roles.json"),
        ("roles.json", b'{"kind":"RoleList","items":[{"metadata":{"name":"x"', "malformed", "truncated"),
        ("roles.json", b"<html>log in</html>", "malformed", "begins with '<html>log in</html>'"),
        ("roles.json", b'{"kind":"RoleList"}', "malformed", "no `items`"),
        ("roles.json", b'{"kind":"RoleBindingList","items":[]}', "malformed", "a RoleBindingList, not a RoleList"),
        (
            "roles.json",
            b'{"kind":"RoleList","items":[{"metadata":{"name":5}}]}',
            "malformed",
            "$.items[0].metadata.name",
        ),
        ("roles.json", b'{"kind":"RoleList","items":[{"metadata":{"name":"x"}}]}', "malformed", "$.items[0]"),
        ("roles.json", b'{"items":[{"metadata":{"name":"","namespace":"a"}}]}', "malformed", "no name"),
        (
            "roles.json",
            b'{"items":[{"metadata":{"name":"x","namespace":"*"}}]}',
            "malformed",
            "a namespace cannot be called",
        ),
        (
            "roles.json",
            b'{"kind":"List","items":[{"kind":"Pod","metadata":{"name":"x","namespace":"a"}}]}',
            "malformed",
            "Pod",
        ),
        (
            "groups.json",
            b'{"items":[{"metadata":{"name":"x","namespace":"a"}}]}',
            "malformed",
            "which this kind does not have",
        ),
        ("namespaces.json", b'{"items":[{"metadata":{"name":"*"}}]}', "malformed", "a namespace cannot be called"),
        ("roles.json", b'{"kind":"Status","code":403,"message":"roles is forbidden"}', "refused", "roles is forbidden"),
        ("roles.json", b'{"kind":"Status","code":403,"metadata":5}', "refused", "a Status instead"),
        ("roles.json", b'{"kind":"Status","code":401,"items":7,"message":"who?"}', "unauthenticated", "who?"),
        ("roles.json", b'{"kind":"RoleList","metadata":{"continue":"abc"},"items":[]}', "cut", "first part of a list"),
        ("roles.json", b"[" * 100_000, "malformed", "roles.json"),
        ("roles.yaml", b"items: [\n", "malformed", "line 2"),
        ("roles.yaml", b"", "malformed", "empty"),
        ("roles.yaml", b"items: *a\n", "malformed", "line 1, column 8: alias without its anchor"),
        ("roles.yaml", b"? [a]\n: b\n", "malformed", "a key must be a string"),
        ("roles.yaml", b"\xff\xfe\x00", "malformed", "roles.yaml"),
        ("roles.yaml", b"items: [{metadata: {name: 5, namespace: a}}]", "malformed", "$.items[0].metadata.name"),
        ("roles.json.gz", b"not gzip", "malformed", "roles.json.gz"),
        ("roles.json.gz", gzip.compress(b'{"items":[]}', mtime=0)[:-9], "cut", "ends in the middle"),
    ],
)
def test_a_damaged_file_is_a_gap_with_file_and_place(
    tmp_path: Path, name: str, content: bytes | None, reason: str, said: str
) -> None:
    """Nothing is lost beside it, and the reason says where to look."""
    plural = name.partition(".")[0]
    write_dump(world_of(1), tmp_path)
    (tmp_path / f"{plural}.json").unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    snapshot = read(tmp_path)
    found = gaps(snapshot)
    assert list(found) == [plural]
    assert found[plural][0] == reason
    assert said in found[plural][1]
    assert len(found[plural][1]) <= 400
    assert {one.kind for one in snapshot.listings} == {*NEEDED, "users"} - {plural}


def test_two_files_of_a_kind_are_not_guessed_about(tmp_path: Path) -> None:
    """Which one counts? Neither."""
    write_dump(world_of(1), tmp_path)
    (tmp_path / "roles.yaml").write_text("items: []")
    assert "roles.json, roles.yaml" in gaps(read(tmp_path))["roles"][1]


def test_the_first_page_of_a_list_keeps_what_it_has(tmp_path: Path) -> None:
    """What was seen is true, though it is not all."""
    world = world_of(1)
    write_dump(world, tmp_path)
    listed = json.loads((tmp_path / "namespaces.json").read_text())
    listed["metadata"]["continue"] = "more"
    (tmp_path / "namespaces.json").write_text(json.dumps(listed))
    snapshot = read(tmp_path)
    assert gaps(snapshot)["namespaces"][0] == "cut"
    assert len(snapshot.tables["namespaces"]["name"]) == len(world["namespaces"])


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    """A dump from somebody else must not make the program read other files."""
    write_dump(world_of(1), tmp_path / "dump")
    outside = tmp_path / "outside.json"
    outside.write_text('{"items":[]}')
    (tmp_path / "dump/roles.json").unlink()
    (tmp_path / "dump/roles.json").symlink_to(outside)
    assert "leads out of the folder" in gaps(read(tmp_path / "dump"))["roles"][1]


def test_the_facts_are_as_old_as_the_newest_file(tmp_path: Path) -> None:
    """The same files give the same snapshot at any time."""
    write_dump(world_of(1), tmp_path)
    for number, path in enumerate(sorted(tmp_path.iterdir())):
        os.utime(path, (1_700_000_000 + number, 1_700_000_000 + number))
    assert read(tmp_path).origin.finished == "2023-11-14T22:13:28Z"
    assert read(tmp_path).origin == read(tmp_path).origin


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_without_files_is_a_failed_zone(tmp_path: Path, there: bool) -> None:
    """Missing or empty: every kind is a gap, and no answer is a no."""
    folder = tmp_path / "dump"
    if there:
        folder.mkdir()
    snapshot = read(folder)
    assert snapshot.state == "failed"
    assert {gap.kind for gap in snapshot.gaps} == set(NEEDED)
    assert ("no file" if there else "there is no folder") in snapshot.gaps[0].detail


def test_a_stop_leaves_what_was_not_read_as_a_gap(tmp_path: Path) -> None:
    """Asked to stop before the first file: everything is `stopped`."""
    stop = Event()
    stop.set()
    snapshot = read(write_dump(world_of(1), tmp_path), stop)
    assert {gap.reason for gap in snapshot.gaps} == {"stopped"}


@settings(max_examples=200)
@given(st.binary(max_size=80))
def test_no_bytes_make_more_than_an_unusable_answer(data: bytes) -> None:
    """Whatever a server or a file says, it is a page or it is said why not."""
    try:
        page = page_of_json(KINDS["groups"], data)
    except CollectError as error:
        page = Page([], error.reason, error.detail)
    assert page.items == []
    assert "\n" not in page.more


def test_several_trees_are_not_guessed_about(tmp_path: Path) -> None:
    """must-gather with two images leaves two trees: one of them must not pass for the zone."""
    for name in ("image-1", "image-2"):
        inspect_tree(world_of(3), tmp_path / name, single=False)
    snapshot = read(tmp_path)
    assert snapshot.state == "failed"
    assert "several trees, which one counts? image-1, image-2" in snapshot.gaps[0].detail
    assert read(tmp_path / "image-1").state == "complete"
