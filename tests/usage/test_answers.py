"""Questions that need use: who does not use it, what depends on it, and what would be enough."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from audit.cli import run_command
from audit.snapshot.model import SUFFIX, Snapshot, encode
from audit.usage.requests import PULL, PUSH
from tests.usage.logs import START, Request, health
from tests.usage.test_joined import BEGIN, CI, END, MADE, the_snapshot
from tests.worlds.plain_rbac import World, can
from tests.worlds.small import bind, stream, token, world
from tests.worlds.snapshots import snapshot_of


def saved(folder: Path, snapshot: Snapshot, made: list[Request]) -> list[str]:
    """Write a snapshot and logs, and return the options that name them."""
    (folder / f"zone-1{SUFFIX}").write_bytes(encode(snapshot))
    texts = health(BEGIN, END, 30) + [line for number, request in enumerate(made) for line in request.lines(number)]
    (folder / "registry.log").write_text("\n".join(texts))
    return ["--snapshot", str(folder / f"zone-1{SUFFIX}"), "--usage", str(folder / "registry.log")]


def answer(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    assert run_command([*words, "--json"]) == code, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


WHOLE = ("--replicas", "1")


@pytest.mark.parametrize(
    ("action", "place", "expected"),
    [
        ("push", "shop", {"acme", "ben", "shop:builder", "shop:ci", "system:admin"}),
        ("pull", "shop", {"acme", "ann", "ben", "shop:builder", "system:admin"}),
        ("pull", "bank", {"other", "eve", "bank:builder", "system:serviceaccounts:bank", "system:admin"}),
    ],
)
def test_who_did_not_use_it(
    action: str, place: str, expected: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pull is no push; what a member did the group did; of `system:masters` nobody knows."""
    options = saved(tmp_path, the_snapshot(), MADE)
    rows = answer(capsys, "who", action, place, *options, *WHOLE, "--unused-for", "1d", code=3)
    found = {row["subject"] for row in rows if row["used"] == "not used"}
    if action == "push":
        expected = expected - {"acme"}  # ann, its member, pushed
    assert found == expected
    assert {row["subject"] for row in rows if row["used"] == "not known"} == {"system:masters"}


def test_without_whole_logs_nobody_is_unused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For ninety days, or without the number of replicas: not known, and why."""
    options = saved(tmp_path, the_snapshot(), MADE)
    for more in (["--unused-for", "90d", *WHOLE], ["--unused-for", "1"]):
        assert run_command(["who", "push", "shop", *options, *more]) == 3
        printed = capsys.readouterr()
        assert "not used" not in printed.out
        assert "not covered" in printed.err


@pytest.mark.parametrize(
    ("topic", "uses", "also"),
    [
        ("user/ann", {("ann", "push", "shop/web")}, set()),
        ("sa/shop:ci", {("shop:ci", "pull", "shop/web")}, set()),
        ("shop", {("ann", "push", "shop/web"), ("shop:ci", "pull", "shop/web")}, None),
        ("rolebinding/shop:admin", {("ann", "push", "shop/web")}, {"RoleBinding organization-admin"}),
        ("rolebinding/shop:organization-admin", {("ann", "push", "shop/web")}, {"RoleBinding admin"}),
        ("rolebinding/bank:organization-admin", set(), set()),
        ("group/acme", {("ann", "push", "shop/web")}, set()),
    ],
)
def test_impact_names_what_was_used_and_what_else_would_allow_it(
    topic: str, uses: set[tuple[str, ...]], also: set[str] | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a subject, a binding, a namespace."""
    options = saved(tmp_path, the_snapshot(), MADE)
    found = answer(capsys, "impact", topic, *options, *WHOLE, "--days", "1")
    rows = found["uses"]
    assert {(row["subject"], row["right"], f"{row['namespace']}/{row['repository']}") for row in rows} == uses
    if also is not None:
        assert {row["also_by"] for row in rows} == (also or ({""} if rows else set()))


def test_impact_names_the_tokens_of_an_account(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever holds one loses access too; and what nobody can know is said."""
    snapshot = snapshot_of(
        world(token("shop", "ci-token", "ci"), bind("shop", "ci", "view", ("ServiceAccount", "shop:ci")))
    )
    options = saved(tmp_path, snapshot, MADE)
    assert run_command(["impact", "sa/shop:ci", *options]) == 3
    printed = capsys.readouterr()
    assert "shop/ci-token" in printed.out
    assert "not known: which pods" in printed.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["impact", "rolebinding/shop"], "not a binding"),
        (["impact", "rolebinding/shop:gone"], "no such binding"),
        (["who", "pull", "shop", "--unused-for", "soon"], "not a number of days"),
        (["who", "pull", "shop", "--days", "3"], "--unused-for"),
        (["least", "group/from-elsewhere", "--days", "1", *WHOLE], "members of this group are not known"),
    ],
)
def test_wrong_questions_have_one_message(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And exit code 2."""
    assert run_command([*words, *saved(tmp_path, the_snapshot(), MADE)]) == 2
    assert message in capsys.readouterr().err


def test_least_is_refused_where_use_is_not_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A use in a gap would be lost."""
    options = saved(tmp_path, the_snapshot(), MADE)
    assert run_command(["least", CI.replace("system:serviceaccount:", "sa/"), *options, *WHOLE]) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "what sa/shop:ci needs is not known" in printed.err


REPOSITORIES = [("shop", "web"), ("shop", "api"), ("mall", "web"), ("bank", "new")]
SUBJECTS = ["sa/shop:ci", "user/ann", "user/kim"]


def test_least_allows_every_recorded_use_and_no_other_push(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Applied in a world without any other grant, asked as the registry asks."""
    random = Random(11)
    streams = [stream("shop", "web"), stream("shop", "api"), stream("mall", "web"), stream("bank", "old")]
    everything = world(
        *streams, *(bind(at, "all", "admin", ("User", "ann"), ("User", "kim")) for at in ("mall", "bank"))
    )
    snapshot = snapshot_of(everything)
    origin = msgspec.structs.replace(snapshot.origin, finished=(END + timedelta(minutes=1)).isoformat())
    snapshot = replace(snapshot, origin=origin)
    for _ in range(4):
        made = [
            Request(
                random.choice([CI, "ann", "kim"]),
                random.choice([PULL, PUSH]),
                *random.choice(REPOSITORIES),
                START + timedelta(minutes=random.randrange(600)),
            )
            for _ in range(random.randrange(1, 8))
        ]
        options = saved(tmp_path, snapshot, made)
        for who in SUBJECTS:
            items = answer(capsys, "least", who, *options, *WHOLE, "--days", "1")["items"]
            bare: World = {name: [] for name in everything}
            bare |= {
                name: everything[name] for name in ("namespaces", "users", "groups", "serviceaccounts", "imagestreams")
            }
            for item in items:
                bare[f"{item['kind'].lower()}s"].append(item)
            kind, name = ("ServiceAccount", who[3:]) if who.startswith("sa/") else ("User", who[5:])
            user = CI if kind == "ServiceAccount" else name
            mine = {(one.action, one.namespace, one.repository) for one in made if one.user == user}
            for action, namespace, repository in mine:
                assert can(bare, kind, name, action, namespace, repository), (action, namespace, repository)
                if (namespace, repository) == ("bank", "new") and action == PUSH:
                    assert can(bare, kind, name, "create", namespace, repository)
            for namespace, repository in [*REPOSITORIES, ("bank", "old"), ("shop", "other"), ("openshift", "cli")]:
                pushed = (PUSH, namespace, repository) in mine
                assert bool(can(bare, kind, name, "push", namespace, repository)) == pushed
