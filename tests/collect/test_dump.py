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
from audit.collect.dumps.dump import collect_dump
from audit.collect.dumps.objects import read_contents
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
        ("roles.json", b'{"items":[{"metadata":{"name":"","namespace":"a"},"rules":null}]}', "malformed", "no name"),
        (
            "roles.json",
            b'{"items":[{"metadata":{"name":"x","namespace":"*"},"rules":null}]}',
            "malformed",
            "a namespace cannot be called",
        ),
        (
            "roles.json",
            b'{"kind":"List","items":[{"kind":"Widget","metadata":{"name":"x","namespace":"a"}}]}',
            "malformed",
            "Widget",
        ),
        (
            "groups.json",
            b'{"items":[{"metadata":{"name":"x","namespace":"a"},"users":null}]}',
            "malformed",
            "which this kind does not have",
        ),
        ("namespaces.json", b'{"items":[{"metadata":{"name":"*"}}]}', "malformed", "a namespace cannot be called"),
        ("roles.json", b'{"kind":"Status","code":403,"message":"roles is forbidden"}', "refused", "roles is forbidden"),
        ("roles.json", b'{"kind":"Status","code":403,"metadata":5}', "refused", "a Status instead"),
        ("roles.json", b'{"kind":"Status","code":401,"items":7,"message":"who?"}', "unauthenticated", "who?"),
        ("roles.json", b'{"kind":"RoleList","metadata":{"continue":"abc"},"items":[]}', "cut", "first part of a list"),
        (
            "roles.json",
            b'{"metadata":{"remainingItemCount":7},"items":[]}',
            "cut",
            "7 more objects are not in this list",
        ),
        ("roles.json", b"[" * 100_000, "malformed", "roles.json"),
        ("roles.yaml", b"items: [\n", "malformed", "line 2"),
        ("roles.yaml", b"", "malformed", "empty"),
        ("roles.yaml", b"items: *a\n", "malformed", "line 1, column 8: alias without its anchor"),
        ("roles.yaml", b"? [a]\n: b\n", "malformed", "a key must be a string"),
        ("roles.yaml", b"\xff\xfe\x00", "malformed", "roles.yaml"),
        ("roles.yaml", b"items: [{metadata: {name: 5, namespace: a}}]", "malformed", "$.items[0].metadata.name"),
        ("roles.json.gz", b"not gzip", "malformed", "roles.json.gz"),
        ("roles.json.gz", gzip.compress(b'{"items":[]}', mtime=0)[:-9], "cut", "is truncated"),
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
    assert "several trees: keep one of image-1, image-2" in snapshot.gaps[0].detail
    assert read(tmp_path / "image-1").state == "complete"


@settings(max_examples=300)
@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.sampled_from(["List", "RoleBinding", "RoleList", "Status", "v1"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["kind", "apiVersion", "items", "metadata", "name", "roleRef", "subjects", "rules"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
    st.booleans(),
    st.sampled_from([None, "roles", "rolebindings", "namespaces"]),
)
def test_no_file_makes_more_than_an_error(data: bytes, yaml: bool, kind: str | None) -> None:
    """Whatever a file holds, it is objects, or it is said why not."""
    try:
        held = {*read_contents(data, KINDS[kind] if kind else None, yaml=yaml).held}
    except CollectError:
        held = set()
    assert held <= {*KINDS}


ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")
SHORT = {
    "namespaces": "NS",
    "clusterroles": "clusterrole",
    "clusterrolebindings": "crb",
    "roles": "roles.rbac.authorization.k8s.io",
    "rolebindings": "rb",
    "groups": "group",
    "serviceaccounts": "sa",
    "imagestreams": "ImageStreams.v1.image.openshift.io",
    "users": "User",
}


def lists_of(world: World) -> dict[str, dict[str, Any]]:
    """What `oc get KIND -A -o json` writes of each kind of a zone, with the API of each object."""
    lists = {}
    for plural, kind in KINDS.items():
        if plural in SHORT:
            api = f"{kind.group}/v1".lstrip("/")
            items = [{"apiVersion": api, "kind": kind.singular, **item} for item in world.get(plural) or []]
            lists[plural] = {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items}
    return lists


def write(path: Path, value: object, encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(json.dumps(value, indent=1).encode(encoding))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_of_json_is_read(tmp_path: Path, encoding: str) -> None:
    """PowerShell writes UTF-16, or UTF-8 with a byte-order mark."""
    world = world_of(3)
    for plural, value in lists_of(world).items():
        write(tmp_path / f"{plural}.json", value, encoding)
    snapshot = read(tmp_path)
    assert snapshot.state == "complete", snapshot.gaps
    same_facts(snapshot, snapshot_of(world))


@pytest.mark.parametrize("seed", range(6))
def test_short_names_and_names_with_their_group_are_read(tmp_path: Path, seed: int) -> None:
    """`rb.json`, `sa.json`, `KIND.GROUP.json`, in any case of letters, also of empty lists."""
    world = world_of(seed)
    for plural, value in lists_of(world).items():
        write(tmp_path / f"{SHORT[plural]}.json", value)
    snapshot = read(tmp_path)
    assert snapshot.state == "complete", snapshot.gaps
    same_facts(snapshot, snapshot_of(world))


def mixed(world: World) -> dict[str, Any]:
    """What `oc get roles,rolebindings,… -A -o json` writes."""
    items = [item for value in lists_of(world).values() for item in value["items"]]
    return {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items}


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("form", ["all.json", "all.yaml", "all.json.gz", "lines.json", "documents.yaml", "lists.json"])
def test_one_file_with_all_kinds_is_read(tmp_path: Path, seed: int, form: str) -> None:
    """A mixed List, one document for each object, or one list after the other; a kind without objects is a gap."""
    world = world_of(seed)
    value = mixed(world)
    text = {
        "lines.json": "\n".join(json.dumps(item) for item in value["items"]),
        "documents.yaml": yaml.safe_dump_all(value["items"], allow_unicode=True),
        "lists.json": "".join(json.dumps(one, indent=1) + "\n" for one in lists_of(world).values() if one["items"]),
        "all.yaml": yaml.safe_dump(value, allow_unicode=True),
    }.get(form, json.dumps(value))
    data = text.encode()
    (tmp_path / form).write_bytes(gzip.compress(data) if form.endswith(".gz") else data)
    snapshot = read(tmp_path)
    same_facts(snapshot, snapshot_of(world))
    empty = {plural for plural in NEEDED if not world.get(plural)}
    assert {gap.kind: gap.reason for gap in snapshot.gaps} == dict.fromkeys(empty, "missing")
    same_facts(read(tmp_path / form), snapshot)


def test_a_cut_mixed_list_is_a_gap_of_every_kind(tmp_path: Path) -> None:
    """Nobody knows what the rest held."""
    (tmp_path / "all.json").write_text(json.dumps(mixed(world_of(3)))[:-20])
    snapshot = read(tmp_path)
    assert {gap.kind for gap in snapshot.gaps} == {*NEEDED, "users"}
    assert "all.json: " in snapshot.gaps[0].detail


def test_the_content_says_the_kind_and_not_the_name_of_the_file(tmp_path: Path) -> None:
    """Two files whose names were exchanged."""
    world = world_of(3)
    exchanged = {"roles": "rolebindings", "rolebindings": "roles"}
    for plural, value in lists_of(world).items():
        write(tmp_path / f"{exchanged.get(plural, plural)}.json", value)
    same_facts(read(tmp_path), snapshot_of(world))


def test_projects_are_namespaces(tmp_path: Path) -> None:
    """`oc get projects` has the same names and labels."""
    world = world_of(3)
    for plural, value in lists_of(world).items():
        if plural == "namespaces":
            for item in value["items"]:
                item |= {"kind": "Project", "apiVersion": "project.openshift.io/v1"}
        write(tmp_path / f"{'projects' if plural == 'namespaces' else plural}.json", value)
    snapshot = read(tmp_path)
    assert snapshot.state == "complete", snapshot.gaps
    same_facts(snapshot, snapshot_of(world))


@pytest.mark.parametrize("kind_in_reference", [False, True])
def test_roles_of_the_older_api_are_converted(tmp_path: Path, kind_in_reference: bool) -> None:
    """SystemUser and SystemGroup are a user and a group; without a namespace a reference is to a cluster role."""
    write_dump(world_of(1), tmp_path)
    binding = {
        "apiVersion": "authorization.openshift.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "open", "namespace": "shop"},
        "roleRef": {"name": "system:image-puller"} | ({"kind": "ClusterRole"} if kind_in_reference else {}),
        "subjects": [
            {"kind": "SystemGroup", "name": "system:authenticated"},
            {"kind": "SystemUser", "name": "system:anonymous"},
            {"kind": "ServiceAccount", "name": "ci"},
        ],
    }
    local = binding | {"metadata": {"name": "own", "namespace": "shop"}, "subjects": None, "userNames": ["ann"]}
    local["roleRef"] = {"name": "pusher", "namespace": "shop"}
    write(tmp_path / "rolebindings.json", {"apiVersion": "v1", "kind": "List", "items": [binding, local]})
    snapshot = read(tmp_path)
    # Their namespace and roles are not in the other lists, which are not believed for it.
    assert {gap.reason for gap in snapshot.gaps} == {"incomplete"}
    texts = snapshot.strings
    bindings, subjects = snapshot.tables["bindings"], snapshot.tables["subjects"]
    roles = {texts[name]: texts[kind] for name, kind in zip(bindings["role"], bindings["role_kind"], strict=True)}
    assert roles["system:image-puller"] == "ClusterRole"
    assert roles["pusher"] == "Role"
    spelled = {
        (texts[kind], texts[space], texts[name])
        for kind, space, name in zip(subjects["kind"], subjects["namespace"], subjects["name"], strict=True)
    }
    assert spelled >= {
        ("Group", "", "system:authenticated"),
        ("User", "", "system:anonymous"),
        ("ServiceAccount", "shop", "ci"),
        ("User", "", "ann"),
    }


def test_what_is_no_use_is_named_with_what_to_do(tmp_path: Path) -> None:
    """Somebody who has never seen the program can act on it."""
    write_dump(world_of(1), tmp_path)
    (tmp_path / "roles.json").unlink()
    write(tmp_path / "widgets.json", {"kind": "List", "items": [{"kind": "Widget", "metadata": {"name": "a"}}]})
    detail = gaps(read(tmp_path))["roles"][1]
    assert "widgets.json (Widget)" in detail
    assert "`oc get roles -A -o json > roles.json`" in detail


def test_a_fifo_is_a_gap_and_not_waited_for(tmp_path: Path) -> None:
    """Beside the lists, and in a tree."""
    write_dump(world_of(1), tmp_path / "dump")
    (tmp_path / "dump/roles.json").unlink()
    os.mkfifo(tmp_path / "dump/roles.json")
    assert "not a regular file" in gaps(read(tmp_path / "dump"))["roles"][1]
    inspect_tree(world_of(3), tmp_path / "tree", single=False)
    os.mkfifo(tmp_path / "tree/cluster-scoped-resources/rbac.authorization.k8s.io/clusterroles/x.yaml")
    assert "not a regular file" in gaps(read(tmp_path / "tree"))["clusterroles"][1]


def test_yaml_that_ends_inside_a_line_is_a_gap() -> None:
    """At each byte of a role: what is left is whole lines, or is not believed; also after the spaces of a line."""
    text = (
        b"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: pusher\nrules:\n"
        b"- apiGroups:\n  - image.openshift.io\n  resources:\n  - imagestreams/layers\n  verbs:\n  - get\n  - update\n"
    )
    assert read_contents(text, None, yaml=True).singles == 1
    for end in range(1, len(text)):
        if text[:end].endswith(b"\n"):
            continue
        with pytest.raises(CollectError):
            read_contents(text[:end], None, yaml=True)
