"""Who can pull an image, and what depends on access, by streams, pods and builds."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.access.images import ImageName, digests_of, holding
from audit.cli import run_command
from audit.snapshot.model import SUFFIX, Gap, Snapshot, decode, encode
from tests.worlds.plain_rbac import World
from tests.worlds.running import REGISTRY, build, digest, pod, tagged
from tests.worlds.small import world
from tests.worlds.snapshots import snapshot_of

FOLLOWS = {"base": {"kind": "ImageStreamTag", "name": "api:v2", "namespace": "shop"}}
OUTSIDE = {"base": {"kind": "DockerImage", "name": "quay.io/acme/api:v2"}}


def streams(*more: Any) -> World:
    """`shop/api` has two tags; `bank/copy` holds the image of the newer one, `mall/old` one that was replaced."""
    return world(
        tagged("shop", "api", v1=["one"], v2=["two", "first"]),
        tagged("bank", "copy", FOLLOWS, base=["two"]),
        tagged("mall", "old", OUTSIDE, base=["first"]),
        *more,
    )


def saved(folder: Path, snapshot: Snapshot) -> list[str]:
    path = folder / f"zone-1{SUFFIX}"
    finished = msgspec.structs.replace(snapshot.origin, finished="2026-03-01T00:00:00Z")
    path.write_bytes(encode(replace(snapshot, origin=finished)))
    return ["--snapshot", str(path)]


def answer(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    assert run_command([*words, "--json"]) == code, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("image", "held_in"),
    [
        (digest("one"), {"shop/api"}),
        (digest("two"), {"shop/api", "bank/copy"}),
        ("shop/api:v2", {"shop/api", "bank/copy"}),
        (f"{REGISTRY}/shop/api:v1", {"shop/api"}),
        ("bank/copy:base", {"shop/api", "bank/copy"}),
        (f"shop/api@{digest('first')}", {"shop/api", "mall/old"}),
        ("shop/api", {"shop/api", "bank/copy", "mall/old"}),
        ("shop", {"shop/api", "bank/copy", "mall/old"}),
        ("mall", {"shop/api", "mall/old"}),
    ],
)
def test_an_image_has_the_readers_of_every_stream(
    image: str, held_in: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What another stream holds is pulled there: a tag's newest image, a digest, all of a stream or namespace."""
    options = saved(tmp_path, snapshot_of(streams()))
    found = answer(capsys, "who", "--image", image, *options)
    assert {f"{one['namespace']}/{one['stream']}" for one in found["streams"]} == held_in
    for stream in held_in:
        direct = answer(capsys, "who", "pull", stream, *options)
        mine = [
            {name: value for name, value in row.items() if name != "stream"}
            for row in found["access"]
            if row["stream"] == stream
        ]
        assert mine == direct
    assert ("eve" in {row["subject"] for row in found["access"]}) == ("bank/copy" in held_in)


def test_what_a_tag_follows_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A tag of a stream is one; an image of another registry is not."""
    options = saved(tmp_path, snapshot_of(streams()))
    assert run_command(["who", "--image", "shop", *options]) == 0
    printed = capsys.readouterr().out
    assert "bank/copy holds it as base (follows shop/api:v2)\n" in printed
    assert "mall/old holds it as base\n" in printed


@pytest.mark.parametrize("hidden", ["", "bank", "*"])
def test_streams_that_were_not_seen_make_it_partial(
    hidden: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another stream might hold the image: never a whole answer."""
    snapshot = snapshot_of(streams(), [Gap("imagestreams", hidden, "refused")])
    options = saved(tmp_path, snapshot)
    assert run_command(["who", "--image", digest("two"), *options]) == 3
    assert "not seen: imagestreams" in capsys.readouterr().err


def test_an_image_that_nobody_holds_is_no_whole_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It may have been pruned from a stream, and be in a registry still."""
    options = saved(tmp_path, snapshot_of(streams()))
    assert run_command(["who", "--image", digest("none"), *options]) == 3
    assert "no image stream holds" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["who", "--image", "sha256:12"],
        ["who", "--image", "shop/api@sha256:12"],
        ["who", "pull", "shop", "--image", "shop/api"],
        ["who", "--image", "shop/api", "--routes"],
        ["who", "--image", ""],
        ["who", "pull"],
        ["who"],
    ],
)
def test_what_is_typed_wrongly_is_said(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One message, and the exit code of bad usage."""
    assert run_command([*words, *saved(tmp_path, snapshot_of(streams()))]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_snapshot_from_before_knows_no_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says so, and that it is to be collected again."""
    old = snapshot_of(world())  # a stream that was pushed to, and no image of it
    assert run_command(["who", "--image", "shop/web", *saved(tmp_path, old)]) == 3
    assert "collect it again" in capsys.readouterr().err


_STREAMS = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.dictionaries(
        st.sampled_from(["v1", "v2"]), st.lists(st.sampled_from("xyz"), min_size=1, max_size=3), max_size=2
    ),
    max_size=3,
)


@given(st.dictionaries(st.sampled_from(["shop", "bank"]), _STREAMS, max_size=2))
def test_holders_are_what_a_loop_finds(spaces: dict[str, dict[str, dict[str, list[str]]]]) -> None:
    """Of each digest, and of the newest image of each tag; also from the bytes of a snapshot."""
    pieces = [tagged(space, name, None, **tags) for space, found in spaces.items() for name, tags in found.items()]
    snapshot = decode(encode(snapshot_of(world(*pieces))), "memory")
    for wanted in "xyz":
        expected = {
            (space, name, tag)
            for space, found in spaces.items()
            for name, tags in found.items()
            for tag, images in tags.items()
            if wanted in images
        }
        held = holding(snapshot, [digest(wanted)])
        assert {(one.namespace, one.stream, one.tag) for one in held} == expected
        assert digests_of(snapshot, ImageName(digest=digest(wanted))) == [digest(wanted)] * bool(expected)
    for space, found in spaces.items():
        for name, tags in found.items():
            for tag, images in tags.items():
                assert digests_of(snapshot, ImageName(space, name, tag)) == [digest(images[0])]


def running() -> World:
    """A Deployment of `shop` in two pods, a Job of `bank` that runs an image of `shop`, and a build of each account."""
    reference = f"{REGISTRY}/shop/api"
    return streams(
        *(pod("shop", f"web-5d-{at}", f"{reference}@{digest('one')}", owner=("ReplicaSet", "web-5d")) for at in "ab"),
        pod("bank", "report-x", f"quay.io/mirror/copy@{digest('two')}", account="default", owner=("Job", "report")),
        pod("mall", "alone", "quay.io/acme/other:v1"),
        build("shop", "api-1", f"{reference}:v1", "one", "2026-02-10T00:00:00Z"),
        build("shop", "api-2", f"{reference}:v2", "two", "2026-02-20T00:00:00Z"),
        build("shop", "out-1", "quay.io/acme/out:v1", "one", "2026-02-20T00:00:00Z"),
        build("bank", "api-1", f"{reference}:v1", "one", "2026-02-11T00:00:00Z", account="ci"),
    )


@pytest.mark.parametrize(
    ("topic", "workloads", "builds"),
    [
        ("sa/shop:ci", {("shop", "Deployment", "web")}, set()),
        ("sa/shop:builder", set(), {("shop", "api-1"), ("shop", "api-2")}),
        ("group/system:serviceaccounts:shop", {("shop", "Deployment", "web")}, {("shop", "api-1"), ("shop", "api-2")}),
        ("sa/bank:ci", set(), {("bank", "api-1")}),
        (
            "shop",
            {("shop", "Deployment", "web"), ("bank", "Job", "report")},
            {("shop", "api-1"), ("shop", "api-2"), ("bank", "api-1")},
        ),
        ("bank", {("bank", "Job", "report")}, set()),
        ("mall", set(), set()),
        ("rolebinding/shop:system:image-builders", set(), {("shop", "api-1"), ("shop", "api-2")}),
        ("user/ann", set(), set()),
    ],
)
def test_what_depends_on_it(
    topic: str,
    workloads: set[tuple[str, ...]],
    builds: set[tuple[str, ...]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Workloads by account or by where their image is held, one for each owner; builds by account or target."""
    options = saved(tmp_path, snapshot_of(running()))
    found = answer(capsys, "impact", topic, *options, code=3)
    assert {(one["namespace"], one["kind"], one["name"]) for one in found["workloads"]} == workloads
    assert {(one["namespace"], one["build"]) for one in found["builds"]} == builds
    assert {one["right"] for one in found["uses"]} <= {"push"}


def test_builds_tell_of_pushes_without_logs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the tables of a run: the account used push, at the last build; of what no build tells nothing is known."""
    out = tmp_path / "out"
    assert run_command(["report", *saved(tmp_path, snapshot_of(running())), "--out", str(out), "-f", "jsonl"]) == 0
    usage = [json.loads(line) for line in (out / "latest/usage.jsonl").read_text().splitlines()]
    assert [(row["subject"], row["namespace"], row["repository"], row["count"], row["source"]) for row in usage] == [
        ("bank:ci", "shop", "api", 1, "builds"),
        ("shop:builder", "shop", "api", 2, "builds"),
    ]
    access = [json.loads(line) for line in (out / "latest/access.jsonl").read_text().splitlines()]
    used = {(row["subject"], row["used"], row["last_used"]) for row in access if row["namespace"] == "shop"}
    assert ("shop:builder", "used", "2026-02-20T00:00:00Z") in used
    assert {answer for _, answer, _ in used} == {"used", "not known"}
    text = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert b"canary" not in text


def test_nothing_but_images_accounts_and_secrets_is_kept_of_a_pod() -> None:
    """No variable of a container is in a snapshot, and two pods of an owner are one row."""
    snapshot = snapshot_of(running())
    assert "canary" not in snapshot.strings
    assert len(snapshot.tables["workloads"]["name"]) == 3
