"""`what-if`: equal to the difference of two real runs, offline, with manifests in every shape."""

import copy
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
import yaml

from audit.access.facts.build import facts_of
from audit.changes.build import changes_of
from audit.changes.overlaid import ObjectName, overlaid
from audit.changes.state import State
from audit.cli import run_command
from audit.collect.dumps.manifests import read_manifests
from audit.routes.table import with_routes
from audit.snapshot.model import encode
from audit.snapshot.objects import KINDS
from tests.findings.test_findings import found_in
from tests.worlds.plain_rbac import Object, World
from tests.worlds.random_zones import world_of
from tests.worlds.small import PULL, PUSH, Piece, bind, group, namespace, role, rule, world
from tests.worlds.snapshots import snapshot_of

WORLDS = int(os.environ.get("REGISTRY_AUDIT_WORLDS", "30"))
CHANGEABLE = ("namespaces", "clusterroles", "clusterrolebindings", "roles", "rolebindings", "groups", "serviceaccounts")
EVERYBODY = ("Group", "system:authenticated")
SERVERS = {"uid", "creationTimestamp"}  # fields of an object that no manifest changes


def changed(one: World, seed: int) -> tuple[World, dict[str, list[Object]], list[ObjectName]]:
    """A world after a random change, what was applied for it, and what was deleted."""
    rng, after = Random(seed), copy.deepcopy(one)
    other = world_of(rng.getrandbits(20))
    applied: dict[str, list[Object]] = {}
    deleted: list[ObjectName] = []
    for plural in CHANGEABLE:
        objects = after.setdefault(plural, [])
        for each in [*objects]:
            if rng.random() < 0.15 and plural != "namespaces" and unique(objects, each):
                objects.remove(each)
                deleted.append(ObjectName(plural, each["metadata"].get("namespace", ""), each["metadata"]["name"]))
        for each in copy.deepcopy(other.get(plural) or []):
            # A world holds some objects twice, which no cluster does.
            if rng.random() < 0.3 and plural != "namespaces" and key(each) not in map(key, applied.get(plural, [])):
                same = [known for known in objects if key(known) == key(each)]
                if len(same) > 1 or ObjectName(plural, *key(each)) in deleted:
                    continue
                for known in same:
                    own = {name: value for name, value in each["metadata"].items() if name not in SERVERS}
                    kept = SERVERS & known["metadata"].keys()
                    each["metadata"] = own | {name: known["metadata"][name] for name in kept}
                    objects.remove(known)
                objects.append(each)
                applied.setdefault(plural, []).append(each)
    return after, applied, deleted


def key(one: Object) -> tuple[str, str]:
    return one["metadata"].get("namespace", ""), one["metadata"]["name"]


def unique(objects: Sequence[Object], one: Object) -> bool:
    return sum(key(each) == key(one) for each in objects) == 1


@pytest.mark.parametrize("seed", range(WORLDS))
def test_it_is_the_difference_of_two_runs(seed: int) -> None:
    """The facts laid over are those of a zone that was really changed: every table, and every change, is the same."""
    one = without_aggregation(world_of(seed))
    after, applied, deleted = changed(one, seed)
    after = without_aggregation(after)
    objects = {
        plural: [msgspec.convert(each, KINDS[plural].item) for each in without_aggregation({plural: items})[plural]]
        for plural, items in applied.items()
    }
    before, real = snapshot_of(one), snapshot_of(after)
    made = overlaid(before, objects, deleted)
    assert readable(made) == readable(real)
    states = [State.of(each) for each in (before, made, real)]
    assert changes_of(states[0], states[1]).records() == changes_of(states[0], states[2]).records()


def without_aggregation(one: World) -> World:
    """Random worlds hold roles that no controller filled: here they are roles like any other."""
    return {
        plural: [{k: v for k, v in each.items() if k != "aggregationRule"} for each in objects or []]
        for plural, objects in one.items()
    }


def readable(snapshot: Any) -> dict[str, list[str]]:
    found = {}
    for name, table in snapshot.tables.items():
        columns = {column: codes.tolist() for column, codes in table.items()}
        for column, codes in columns.items():
            if (name, column) not in {("subjects", "binding"), ("members", "group")}:
                columns[column] = [snapshot.strings[code] for code in codes]
        found[name] = sorted(map(str, zip(*columns.values(), strict=True)))
    return found


def test_aggregated_roles_are_filled_again() -> None:
    """A label that a chart's role has widens every role that selects it, directly or through another one."""
    label = "rbac.authorization.k8s.io/aggregate-to-"
    select = {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {f"{label}view": "true"}}]}}
    wider = {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {f"{label}more": "true"}}]}}
    before = world(
        role("", "base", PULL, labels={f"{label}view": "true"}),
        role("", "view-all", PULL, labels={f"{label}more": "true"}, **select),
        role("", "more", PULL, **wider),
        bind("shop", "x", "more", ("User", "kim")),
    )
    _, chart = role("", "chart", PUSH, labels={f"{label}view": "true"})
    snapshot = snapshot_of(before)
    made = overlaid(snapshot, {"clusterroles": [msgspec.convert(chart, KINDS["clusterroles"].item)]})
    (row,) = (row for row in changes_of(State.of(snapshot), State.of(made)).records() if row["subject"] == "kim")
    assert (row["before"], row["after"]) == ("pull", "pull, push")
    back = overlaid(made, {}, [ObjectName("clusterroles", "", "chart")])
    assert changes_of(State.of(snapshot), State.of(back)).records() == []


def saved(folder: Path, one: World) -> str:
    (folder / "zone-1.snapshot").write_bytes(encode(snapshot_of(one)))
    return str(folder / "zone-1.snapshot")


def manifest(piece: Piece, **more: Any) -> Object:
    plural, one = piece
    kind = KINDS[plural]
    metadata = {name: value for name, value in one["metadata"].items() if name not in {"uid", "creationTimestamp"}}
    api = f"{kind.group}/v1" if kind.group else "v1"
    return {"apiVersion": api, "kind": kind.singular, **one, "metadata": metadata, **more}


OPEN = manifest(bind("shop", "open", "system:image-pusher", EVERYBODY))
DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, str]:
    capsys.readouterr()
    code = run_command(["what-if", *words, "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else None, err


def shapes(objects: Sequence[Object]) -> Iterator[tuple[str, bytes]]:
    documents = yaml.safe_dump_all(objects).encode()
    yield "several.yaml", documents
    yield "helm.yml", b"---\n# Source: chart/templates/x.yaml\n" + documents + b"\n---\n"
    yield "list.yaml", yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [*objects]}).encode()
    yield "list.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": [*objects]}).encode()


@pytest.mark.parametrize(("name", "data"), [*shapes([OPEN, DEPLOYMENT])])
def test_manifests_in_every_shape(name: str, data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who gains what, which findings come, and what is of no effect; the exit code says it to a pipeline."""
    (tmp_path / name).write_bytes(data)
    words = ("--apply", str(tmp_path / name), "--snapshot", saved(tmp_path, world()))
    code, found, err = asked(capsys, *words)
    assert code == 0
    assert {(row["subject"], row["change"], row["after"]) for row in found["changes"]} == {
        ("system:authenticated", "gained", "pull, push"),
        ("system:serviceaccounts:shop", "widened", "pull, push"),
    }
    assert {one["check"] for one in found["findings"]["new"]} == {"every-user-push", "every-user-pull"}
    assert "of no effect here: Deployment" in err
    assert asked(capsys, *words, "--fail-on", "critical")[0] == 10
    assert asked(capsys, *words, "--fail-on-new")[0] == 10


def test_a_deletion_is_judged_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The resolved findings are named, and no gate fails on them; a name that is not there is noted."""
    place = saved(tmp_path, world(bind("shop", "open", "system:image-pusher", EVERYBODY)))
    code, found, err = asked(
        capsys, "--delete", "rolebinding/shop/open", "--delete", "clusterrole/none", "-s", place, "--fail-on-new"
    )
    assert code == 0
    assert {one["check"] for one in found["findings"]["gone"]} == {"every-user-push", "every-user-pull"}
    assert {(row["change"], row["before"]) for row in found["changes"]} == {
        ("lost", "pull, push"),
        ("narrowed", "pull, push"),
    }
    assert "has no ClusterRole none" in err


def test_a_deleted_namespace_takes_what_is_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody has access there any more."""
    code, found, _ = asked(capsys, "--delete", "namespace/bank", "-s", saved(tmp_path, world()))
    assert code == 0
    assert {row["change"] for row in found["changes"] if row["namespace"] == "bank"} <= {"gone", "lost"}
    assert any(row["object"] == "namespace" for row in found["changes"])


def test_roles_of_a_chart_can_be_judged_before_anybody_is_bound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What each gives in the registry, and that it reads secrets; where none is named, an option names a namespace."""
    secrets = rule(["secrets"], ["get"], group="")
    objects = [manifest(role("", "chart", PUSH, secrets)), manifest(role("shop", "trap", rule(["*/layers"], ["*"])))]
    del objects[1]["metadata"]["namespace"]
    (tmp_path / "chart.yaml").write_text(yaml.safe_dump_all(objects))
    words = ("--apply", str(tmp_path / "chart.yaml"), "-s", saved(tmp_path, world()))
    code, _, err = asked(capsys, *words)
    assert (code, "--namespace NAME" in err) == (2, True)
    code, found, _ = asked(capsys, *words, "-n", "shop")
    assert (code, found["changes"]) == (0, [row for row in found["changes"] if row["change"] == "no-effect"])
    assert {row["role"]: row["grants"] for row in found["roles"]} == {
        "ClusterRole chart": "pull, push; reads every secret",
        "Role shop/trap": "nothing",
    }


def test_equal_manifests_change_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a repository holds and the zone has already is no change."""
    one = world(bind("shop", "open", "system:image-pusher", EVERYBODY), group("devs", "kim"))
    for plural in ("rolebindings", "groups", "clusterroles", "roles", "namespaces"):
        (tmp_path / f"{plural}.json").write_text(
            json.dumps(
                {"apiVersion": "v1", "kind": "List", "items": [manifest((plural, each)) for each in one[plural]]}
            )
        )
    code, found, _ = asked(capsys, "--apply", str(tmp_path), "-s", saved(tmp_path, one))
    assert (code, found["changes"], found["findings"]) == (0, [], {"new": [], "gone": []})


def test_markdown_for_a_pull_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names cannot act as markup."""
    hostile = manifest(bind("shop", "open", "system:image-pusher", ("User", "<img>|@all")))
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(hostile))
    place = saved(tmp_path, world())
    assert run_command(["what-if", "-a", str(tmp_path / "x.yaml"), "-s", place, "--markdown"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("# Registry access: what would change in zone-1\n")
    assert "## New findings" in out
    assert "## Gained access" in out
    assert not re.search(r"<img|(?<!\\)\|@|@all", out)
    assert run_command(["what-if", "-a", str(tmp_path / "x.yaml"), "-s", place]) == 0
    assert "1 changes of access, 2 new findings, 0 resolved findings" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--snapshot", "{s}"), "nothing to apply or delete"),
        (("--delete", "rolebinding/a/b"), "no facts to lay them over"),
        (("--delete", "pod/a/b", "-s", "{s}"), "no such kind of object"),
        (("--delete", "rolebinding/b", "-s", "{s}"), "write rolebinding/NAMESPACE/NAME"),
        (("--delete", "clusterrole/", "-s", "{s}"), "write clusterrole/NAME"),
        (("--delete", "clusterrole/x", "-s", "{s}", "--fail-on", "worst"), "no such severity: worst"),
        (("--apply", "{broken}", "-s", "{s}"), "broken.yaml"),
        (("--apply", "{empty}", "-s", "{s}"), "no Kubernetes object here"),
        (("--apply", "{s}/nowhere", "-s", "{s}"), "nowhere"),
    ],
)
def test_what_cannot_be_used_is_said(
    words: Sequence[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One message, exit code 2."""
    names: Mapping[str, Path] = {"broken": tmp_path / "broken.yaml", "empty": tmp_path / "none"}
    names["broken"].write_text("kind: {{ .Values.kind }}\n  - x")
    names["empty"].mkdir()
    place = saved(tmp_path, world())
    code, _, err = asked(capsys, *(word.format(s=place, **names) for word in words))
    assert (code, message in err) == (2, True), err


def test_gaps_make_it_partial(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was not seen may decide: that takes precedence over the gate."""
    from audit.snapshot.model import Gap

    (tmp_path / "x.yaml").write_text(yaml.safe_dump(OPEN))
    place = tmp_path / "zone-1.snapshot"
    place.write_bytes(encode(snapshot_of(world(), [Gap("groups", "", "refused")])))
    code, _, err = asked(capsys, "-a", str(tmp_path / "x.yaml"), "-s", str(place), "--fail-on-new")
    assert (code, "not seen" in err) == (3, True)


def test_new_namespaces_and_changed_roles_are_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the cluster would add, and what it would refuse."""
    objects = [
        manifest(namespace("new", "acme")),
        manifest(bind("new", "x", "view", ("User", "kim"))),
        manifest(bind("gone", "x", "view", ("User", "kim"))),
        manifest(bind("shop", "admin", "view", ("User", "ann"))),
    ]
    (tmp_path / "x.yaml").write_text(yaml.safe_dump_all(objects))
    code, found, err = asked(capsys, "-a", str(tmp_path / "x.yaml"), "-s", saved(tmp_path, world()))
    assert code == 0
    assert "namespace new is new" in err
    assert "lists no namespace gone" in err
    assert "RoleBinding shop/admin refers to another role now" in err
    assert {("kim", "new"), ("kim", "gone")} <= {(row["subject"], row["namespace"]) for row in found["changes"]}


def test_later_manifests_win(tmp_path: Path) -> None:
    """Of two of one name, as when they are applied one after the other."""
    for name, who in (("a.yaml", "ann"), ("b.yaml", "kim")):
        (tmp_path / name).write_text(yaml.safe_dump(manifest(bind("shop", "x", "view", ("User", who)))))
    (one,) = read_manifests([str(tmp_path)]).objects["rolebindings"]
    assert [subject.name for subject in one.subjects] == ["kim"]  # type: ignore[union-attr]


def test_findings_are_those_of_a_real_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same ids as when the changed zone is judged itself."""
    before, after = world(), world(bind("shop", "open", "system:image-pusher", EVERYBODY))
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(OPEN))
    _, found, _ = asked(capsys, "-a", str(tmp_path / "x.yaml"), "-s", saved(tmp_path, before))
    real = {one.id for one in found_in(after)} - {one.id for one in found_in(before)}
    assert {one["id"] for one in found["findings"]["new"]} == real


READS_TOKENS = role("shop", "reader", rule(["secrets"], ["get", "list"], group=""))
GIVES = bind("shop", "readers", "reader", ("User", "kim"), kind="Role")


@pytest.mark.parametrize("opens", [True, False])
def test_routes_that_open_and_close(opens: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the difference of the table `routes` of two states; nothing is said of them without --routes."""
    before, after = world(READS_TOKENS), world(READS_TOKENS, GIVES)
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(manifest(GIVES)))
    words = ("--apply", str(tmp_path / "x.yaml")) if opens else ("--delete", "rolebinding/shop/readers")
    place = saved(tmp_path, before if opens else after)
    code, found, _ = asked(capsys, *words, "-s", place, "--routes")
    assert code == 0
    states = [snapshot_of(before), snapshot_of(after)]
    tables = [with_routes(snapshot, facts_of(snapshot), None)["routes"] for snapshot in states]
    was, now = ([str(row) for row in table.records()] for table in tables)
    wanted = {*now} - {*was}
    assert any("'subject': 'kim'" in row and "'action': 'push'" in row for row in wanted)
    assert {str(row) for row in found["routes"]["opened" if opens else "closed"]} == wanted
    assert found["routes"]["closed" if opens else "opened"] == []
    assert "routes" not in asked(capsys, *words, "-s", place)[1]
    assert run_command(["what-if", *words, "-s", place, "--routes", "--markdown"]) == 0
    assert f"## Routes that {'open' if opens else 'close'}\n\n- User kim can " in capsys.readouterr().out
    assert run_command(["what-if", *words, "-s", place, "--routes"]) == 0
    assert f"routes that {'open' if opens else 'close'}:\nUser kim can " in capsys.readouterr().out
