"""`--routes` of `can`, `who` and `explain`."""

import json
from pathlib import Path

import pytest

from audit.cli import run_command
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import write_dump
from tests.worlds.route_worlds import route_object as named

RBAC = "rbac.authorization.k8s.io"


def _rule(verbs: list[str], group: str, resource: str) -> dict[str, list[str]]:
    return {"verbs": verbs, "apiGroups": [group], "resources": [resource]}


def _bound(name: str, role: str, *subjects: dict[str, str]) -> dict[str, object]:
    ref = {"apiGroup": RBAC, "kind": "ClusterRole", "name": role}
    return {**named(name, "shop"), "roleRef": ref, "subjects": list(subjects)}


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    """In `shop`, dora reads secrets, and the account ci may push; pat can map images and pull."""
    images = "image.openshift.io"
    world: World = {
        "namespaces": [named("shop"), named("other")],
        "serviceaccounts": [named("ci", "shop")],
        "imagestreams": [named("app", "shop"), named("app", "other")],
        "groups": [],
        "users": [],
        "roles": [],
        "clusterroles": [
            {**named("reads"), "rules": [_rule(["list"], "", "secrets")]},
            {**named("pushes"), "rules": [_rule(["get", "update"], images, "imagestreams/layers")]},
            {
                **named("maps"),
                "rules": [
                    _rule(["create"], images, "imagestreammappings"),
                    _rule(["get"], images, "imagestreams/layers"),
                ],
            },
        ],
        "clusterrolebindings": [],
        "rolebindings": [
            _bound("readers", "reads", {"kind": "User", "name": "dora"}),
            _bound("ci", "pushes", {"kind": "ServiceAccount", "namespace": "shop", "name": "ci"}),
            _bound("mappers", "maps", {"kind": "User", "name": "pat"}),
        ],
    }
    return write_dump(world, tmp_path / "zone")


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run_command([*arguments]) == 0
    return capsys.readouterr().out


def test_can_tells_each_step(zone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The direct answer stays; the route is told step by step, with what closes it."""
    out = _run(capsys, "can", "user/dora", "push", "shop", "--routes", "--snapshot", str(zone))
    assert out.startswith("no\n")
    assert "by a route: certain" in out
    assert "1. user dora has list secrets in shop by shop/readers and becomes any service account of shop" in out
    assert "2. service account shop:ci may push in shop" in out
    assert "removing shop/readers closes it" in out


def test_can_says_that_there_is_none(zone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing of routes where the direct answer is yes, or routes were not requested."""
    out = _run(capsys, "can", "user/dora", "push", "other", "--routes", "--snapshot", str(zone))
    assert "by a route: no" in out
    for more in (["sa/shop:ci", "push", "shop", "--routes"], ["user/dora", "push", "shop"]):
        assert "route" not in _run(capsys, "can", *more, "--snapshot", str(zone))


def test_routes_are_records_for_programs(zone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of all three commands."""
    snapshot = ["--routes", "--json", "--snapshot", str(zone)]
    told = json.loads(_run(capsys, "can", "user/dora", "push", "shop", *snapshot))
    assert told["answer"] == "no"
    assert told["route"]["certainty"] == "certain"
    assert told["route"]["bindings"] == ["shop/readers"]
    everybody = json.loads(_run(capsys, "who", "push", "shop", *snapshot))
    assert {row["subject"] for row in everybody["routes"]} == {"dora", "pat"}
    explained = json.loads(_run(capsys, "explain", "user/pat", *snapshot))
    assert {(row["action"], row["namespace"]) for row in explained["routes"]} == {("pull", "*"), ("push", "shop")}


def test_who_and_explain_tell_them_too(zone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the direct answers, in sentences."""
    out = _run(capsys, "who", "push", "shop", "--routes", "--snapshot", str(zone))
    assert "User dora can push in shop by a route (certain)" in out
    out = _run(capsys, "explain", "user/pat", "shop", "--routes", "--snapshot", str(zone))
    assert "copies images there, and pulls the copies: create imagestreammappings by shop/mappers" in out


def test_options_that_do_not_fit(zone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused with one message."""
    questions = tmp_path / "q.csv"
    questions.write_text("zone,subject_kind,subject,action,namespace,repository\n")
    assert run_command(["can", "--questions", str(questions), "--routes", "--snapshot", str(zone)]) == 2
    assert run_command(["who", "push", "shop", "--unused-for", "90d", "--routes", "--snapshot", str(zone)]) == 2
    assert "--routes" in capsys.readouterr().err
