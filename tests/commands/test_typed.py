"""What people type is understood: image references, subjects as tables print them, names that were mistyped."""

import csv
import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.cli import run_command
from audit.command_line.typed import Place, place_of
from audit.errors import UsageError
from audit.snapshot.model import encode
from tests.worlds.small import account, bind, group, role, rule, world
from tests.worlds.snapshots import snapshot_of

PUSHES = rule(["imagestreams/layers"], ["get", "update"], names=["one"])
LAB = world(
    role("lab", "pusher", {**rule(["imagestreams/layers"], ["get", "update"]), "resourceNames": ["one"]}),
    bind("lab", "b", "pusher", ("User", "cy"), ("ServiceAccount", "lab:ci"), ("Group", "ops"), kind="Role"),
    ("namespaces", {"metadata": {"name": "lab"}}),
    group("ops", "olga"),
    account("lab", "ci"),
)
LABEL = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?", fullmatch=True)


@pytest.fixture(name="lab")
def lab_fixture(tmp_path: Path) -> list[str]:
    path = tmp_path / "lab.snapshot"
    path.write_bytes(encode(snapshot_of(LAB)))
    return ["--snapshot", str(path)]


@given(
    host=st.sampled_from(["", "registry.z.appuio.cloud/", "localhost/", "127.0.0.1:5000/", "r:443/", "docker://r.io/"]),
    namespace=LABEL,
    repository=LABEL,
    tag=st.sampled_from(["", ":latest", ":1.2", "@sha256:0000", ":1@sha256:00ff"]),
)
def test_an_image_reference_names_its_image_stream(host: str, namespace: str, repository: str, tag: str) -> None:
    """Host, tag and digest are no part of the name, whatever they are."""
    assert place_of(f"{host}{namespace}/{repository}{tag}") == Place(namespace, repository)
    assert place_of(f"{host}{namespace}") == Place(namespace, "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "/x",
        "*",
        "shop:latest",
        "shop@sha256:00",
        "registry.example.com",
        "r.io//x",
        "registry/shop/app",
        "a/b/c/d",
    ],
)
def test_what_names_no_namespace(text: str) -> None:
    """Never an answer about nothing: an error."""
    with pytest.raises(UsageError, match="not a namespace"):
        place_of(text)


@pytest.mark.parametrize(
    ("subject", "place", "answer", "note"),
    [
        ("cy", "lab/one:latest", "yes", ""),
        ("cy", "registry.z.appuio.cloud/lab/one@sha256:00", "yes", ""),
        ("cy", "lab/two:latest", "no", ""),
        ("lab:ci", "lab/one", "yes", "note: lab:ci was read as the service account sa/lab:ci"),
        ("lab:no", "lab/one", "no", "note: lab:no was read as a user; a service account is sa/lab:no"),
        ("user/lab:ci", "lab/one", "no", ""),
        ("ops", "lab/one", "no", "there is a group of this name: group/ops"),
        ("group/system:autenticated", "lab", "no", "did you mean system:authenticated?"),
        ("system:authenticated", "lab", "no", "did you mean the group system:authenticated?"),
        ("group/system:serviceaccount:lab", "lab", "no", "did you mean system:serviceaccounts:lab?"),
    ],
)
def test_can(
    lab: list[str], subject: str, place: str, answer: str, note: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The answer is about what was meant, and a note says how a name was read."""
    assert run_command(["can", subject, "push", place, *lab]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0] == answer
    assert note in printed.err
    assert bool(note) == ("was read" in printed.err or "did you mean" in printed.err)


def test_questions_in_a_file(lab: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tags, digests and hosts in cells, and notes about names, each once."""
    path = tmp_path / "questions.csv"
    rows = [
        ("User", "cy", "lab", "one:latest", "yes"),
        ("User", "cy", "lab", "one@sha256:0000", "yes"),
        ("User", "cy", "registry.z.appuio.cloud/lab/one", "", "yes"),
        ("User", "cy", "", "registry.z.appuio.cloud/lab/one:1", "yes"),
        ("User", "cy", "lab", "lab/one", "yes"),
        ("User", "cy", "lab", "two:latest", "no"),
        ("Group", "system:autenticated", "lab", "one", "no"),
        ("Group", "system:autenticated", "lab", "two", "no"),
    ]
    lines = [",".join(("", kind, name, "push", *place, answer)) for kind, name, *place, answer in rows]
    path.write_text("\n".join(["zone,subject_kind,subject,action,namespace,repository,expected", *lines]))
    assert run_command(["can", "--questions", str(path), *lab]) == 0
    printed = capsys.readouterr()
    assert [row["answer"] for row in csv.DictReader(StringIO(printed.out))] == [row[-1] for row in rows]
    assert printed.err.count("did you mean system:authenticated?") == 1
    path.write_text("zone,subject_kind,subject,action,namespace,repository\n,User,cy,push,lab,shop/one\n")
    assert run_command(["can", "--questions", str(path), *lab]) == 2
    assert "the repository is not in namespace lab: 'shop/one'" in capsys.readouterr().err


def test_who_says_why_there_is_nobody(lab: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """No binding, or no such namespace."""
    assert run_command(["who", "create", "lab", *lab]) == 0
    printed = capsys.readouterr()
    assert "nobody" not in printed.err
    assert run_command(["explain", "lab:ci", *lab]) == 0
    assert "push for repository one" in capsys.readouterr().out


@pytest.mark.parametrize("action", ["delete", "prune", "catalog"])
def test_what_is_about_a_whole_zone_needs_no_namespace(action: str, tmp_path: Path) -> None:
    """`who` and `can`: a binding in a namespace gives none of it; what is about a namespace needs one."""
    rules = rule(["images"], ["delete"]), rule(["imagestreams"], ["list"])
    pieces = (role("", "all", *rules), bind("", "b", "all", ("User", "root")), bind("lab", "c", "all", ("User", "cy")))
    path = tmp_path / "zone.snapshot"
    path.write_bytes(encode(snapshot_of(world(*pieces, ("namespaces", {"metadata": {"name": "lab"}})))))
    with redirect_stdout(StringIO()) as printed:
        assert run_command(["who", action, "--snapshot", str(path), "--json"]) == 0
    assert {row["subject"] for row in json.loads(printed.getvalue())} == {"root", "system:admin", "system:masters"}
    for user, answer in (("root", "yes"), ("cy", "no")):
        with redirect_stdout(StringIO()) as printed:
            assert run_command(["can", user, action, "--snapshot", str(path)]) == 0
        assert printed.getvalue().splitlines()[0] == answer
        assert "namespace *" not in printed.getvalue()


def test_what_is_about_a_namespace_needs_one(lab: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With the line to type."""
    for command in (["who", "push"], ["can", "cy", "push"]):
        assert run_command([*command, *lab]) == 2
        assert "push is about a namespace (for example: registry-audit" in capsys.readouterr().err
