"""`can`, `who` and `explain`: the answer, and why in words that name what `oc` names."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from audit import console
from audit.access.authorizer import Authorizer
from audit.access.bound_subjects import bound_subjects
from audit.access.sentences import explain, verdict
from audit.cli import run_command
from audit.rbac.subjects import user
from audit.snapshot.model import Gap
from audit.tables.schemas import NO, UNKNOWN, YES
from tests.worlds.random_zones import furnished, world_of, write_dump
from tests.worlds.snapshots import snapshot_of

PULL = {"verbs": ["get"], "apiGroups": ["image.openshift.io"], "resources": ["imagestreams/layers"]}
PUSH = {**PULL, "verbs": ["get", "update"]}
STREAMS = {**PULL, "verbs": ["create"], "resources": ["imagestreams"]}
AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-edit"


def bound(
    name: str, role: str, *subjects: tuple[str, str], namespace: str = "shop", kind: str = "ClusterRole"
) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    who = [{"kind": kind, "name": name} for kind, name in subjects]
    return {"metadata": metadata, "roleRef": {"kind": kind, "name": role}, "subjects": who}


def role(name: str, *rules: dict[str, Any], labels: dict[str, str] | None = None, **rest: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "rules": list(rules), **rest}


SELECTOR = {"clusterRoleSelectors": [{"matchLabels": {AGGREGATE: "true"}}]}
WORLD: dict[str, list[dict[str, Any]]] = {
    "namespaces": [{"metadata": {"name": "shop"}}],
    "clusterroles": [
        role("edit", PUSH, STREAMS, aggregationRule=SELECTOR),
        role("registry-editor", PUSH, STREAMS, labels={AGGREGATE: "true"}),
        role("puller", PULL),
        role("one", {**PUSH, "resourceNames": ["web"]}),
        role("creator", STREAMS),
    ],
    "rolebindings": [
        bound("team", "edit", ("Group", "devs")),
        bound("one", "one", ("User", "carl")),
        bound("half", "creator", ("User", "carl")),
        bound("lost", "gone", ("User", "dora")),
        bound("everyone", "puller", ("Group", "system:serviceaccounts:shop")),
        bound("ci", "one", ("ServiceAccount", "ci")),
    ],
    "clusterrolebindings": [bound("wide", "puller", ("User", "eve"), ("ServiceAccount", "ci"), namespace="")],
    "groups": [{"metadata": {"name": "devs"}, "users": ["ann"]}],
    "serviceaccounts": [],
    "roles": [],
    "imagestreams": [],
}


def ask(
    name: str, action: str, repository: str = "", gaps: tuple[Gap, ...] = (), namespace: str = "shop"
) -> tuple[int, str]:
    authorizer = Authorizer(bound_subjects(snapshot_of(WORLD, gaps)))
    found = verdict(authorizer, user(name), action, namespace, repository)
    return found.answer, "\n".join(found.why)


CI = "system:serviceaccount:shop:ci"
ANN = "user ann, who is in group devs, can pull, push and create image streams in shop by RoleBinding team"


@pytest.mark.parametrize(
    ("name", "action", "repository", "answer", "why"),
    [
        ("ann", "create", "", YES, f"{ANN} to ClusterRole edit, which has it from registry-editor"),
        (
            "eve",
            "pull",
            "x",
            YES,
            "user eve can pull in every namespace by ClusterRoleBinding wide to ClusterRole puller",
        ),
        ("carl", "push", "web", YES, "can pull and push for repository web in shop by RoleBinding one"),
        ("carl", "create", "web", YES, "can create image streams in shop by RoleBinding half"),
        ("carl", "push", "", NO, "can pull and push for repository web in shop"),
        (
            "dora",
            "pull",
            "",
            NO,
            "gets nothing in shop by RoleBinding lost to ClusterRole gone: that role does not exist",
        ),
        ("zoe", "pull", "", NO, "no binding gives user zoe any part of it"),
        (
            CI,
            "pull",
            "",
            YES,
            "account shop:ci, as part of group system:serviceaccounts:shop, can pull in shop",
        ),
    ],
)
def test_an_answer_says_why(name: str, action: str, repository: str, answer: int, why: str) -> None:
    """Subject, group, binding, role, the role aggregated from, the right and the place, in one sentence."""
    found, said = ask(name, action, repository)
    assert found == answer
    assert why in said


@pytest.mark.parametrize(
    ("gap", "name", "why"),
    [
        (
            Gap("rolebindings", "shop", "refused", "403"),
            "zoe",
            "rolebindings of shop: the credentials may not",
        ),
        (Gap("clusterrolebindings", "", "cut"), "zoe", "clusterrolebindings: the answer ended in the middle; anybody"),
        (Gap("groups", "", "not-served"), "zoe", "user zoe may be in groups that are not known"),
        (Gap("clusterroles", "", "refused"), "dora", "may have any right in shop by RoleBinding lost"),
    ],
)
def test_unknown_says_what_was_not_seen(gap: Gap, name: str, why: str) -> None:
    """Never a no that could be wrong; and where to look."""
    found, said = ask(name, "push", gaps=(gap,))
    assert found == UNKNOWN
    assert why in said


def test_a_namespace_that_is_not_there_is_said() -> None:
    """Cluster-wide grants hold in namespaces to come."""
    found, said = ask("eve", "pull", namespace="later")
    assert found == YES
    assert "the zone's list has no namespace later" in said
    found, said = ask("eve", "pull", gaps=(Gap("namespaces", "*", "refused", "403"),), namespace="later")
    assert found == YES
    assert "not seen: whether there is a namespace later" in said
    assert "the zone's list" not in said


def test_system_masters_asks_no_role() -> None:
    """The API server lets it do everything."""
    groups = [*WORLD["groups"], {"metadata": {"name": "system:masters"}, "users": ["root"]}]
    authorizer = Authorizer(bound_subjects(snapshot_of({**WORLD, "groups": groups})))
    (line,) = (text for _, text in explain(authorizer, user("root")).grants)
    assert line.startswith("user root, who is in group system:masters, can do everything in every namespace")


def test_an_account_without_a_namespace_is_explained() -> None:
    """The binding names it, and matches nobody."""
    authorizer = Authorizer(bound_subjects(snapshot_of(WORLD)))
    inert = next(one for one in authorizer.bound.subjects.identities if one.inert)
    (line,) = (text for _, text in explain(authorizer, inert).grants)
    assert "a service account without a namespace matches nobody" in line


def test_an_explanation_is_whole_or_not() -> None:
    """By what could not be seen."""
    gap = Gap("rolebindings", "other", "refused")
    authorizer = Authorizer(bound_subjects(snapshot_of(WORLD, [gap])))
    assert not explain(authorizer, user("ann")).whole
    assert explain(authorizer, user("ann"), "shop").whole
    assert len(explain(authorizer, user("carl"), "shop").grants) == 2


def test_many_reasons_are_cut_with_a_count() -> None:
    """Thirty bindings for one right: enough to act, and where the rest is."""
    bindings = [bound(f"b-{number}", "puller", ("User", "ann")) for number in range(30)]
    authorizer = Authorizer(bound_subjects(snapshot_of({**WORLD, "rolebindings": bindings})))
    assert verdict(authorizer, user("ann"), "pull", "shop").why[-1] == "and 10 more; `registry-audit explain` lists all"


@pytest.fixture(name="dump")
def _dump(tmp_path: Path) -> str:
    return str(write_dump(furnished(WORLD), tmp_path / "zone-1"))


def test_can_prints_the_answer_first(dump: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A script reads the first line, a person the rest."""
    assert run_command(["can", "ann", "push", "shop/web", "-s", dump]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "yes"
    assert run_command(["can", "sa/shop:ci", "push", "shop", "-s", dump, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["answer"] == "no"
    assert (found["zone"], found["subject_kind"], found["subject"]) == ("zone-1", "ServiceAccount", "shop:ci")


def test_a_group_that_was_taken_for_a_user_is_noticed(dump: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong `no` by a forgotten prefix would be the worst."""
    assert run_command(["can", "devs", "push", "shop", "-s", dump]) == 0
    assert "there is a group of this name: group/devs" in capsys.readouterr().err
    assert run_command(["can", "user/devs", "push", "shop", "-s", dump]) == 0
    assert run_command(["can", "ann", "push", "shop", "-s", dump]) == 0
    assert run_command(["can", "GROUP/devs", "push", "shop", "-s", dump]) == 0
    said = capsys.readouterr()
    assert not said.err
    assert said.out.split("\n")[0] == "no"


def test_explain_and_who(dump: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each way in, and each subject once."""
    assert run_command(["explain", "carl", "shop", "-s", dump, "--json"]) == 0
    ways = json.loads(capsys.readouterr().out)["ways"]
    assert [(way["namespace"], way["repository"], way["how"]) for way in ways] == [
        ("shop", "*", "custom"),
        ("shop", "web", "custom"),
    ]
    assert run_command(["explain", "zoe", "-s", dump]) == 0
    assert "no visible binding grants User zoe anything" in capsys.readouterr().out
    assert run_command(["who", "create", "shop", "-s", dump, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(line["subject"], line["group"]) for line in found] == [
        ("devs", ""),
        ("system:masters", ""),
        ("ann", "devs"),
        ("carl", ""),
    ]
    assert run_command(["who", "push", "shop/web", "-s", dump]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("ZONE ")
    assert "carl" in shown
    assert run_command(["who", "push", "shop/other", "-s", dump]) == 0
    assert "carl" not in capsys.readouterr().out


def questions(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "questions.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


HEADER = "zone,subject_kind,subject,action,namespace,repository"


def test_questions_keep_their_own_columns(dump: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An access policy as a test: what people add to the file comes back with it, whatever the order."""
    text = (
        "\ufeffexpected,repository,namespace,action,subject,subject_kind,zone\r\n"
        'yes,,shop,push,ann,User,\r\n\r\n"no, never",*,shop,pull,zoe,User,zone-1\r\n'
        "yes,web,shop,push,shop:ci,ServiceAccount,\r\nyes,,shop,push,devs,Group,\r\n"
    )
    assert run_command(["can", "-q", questions(tmp_path, text), "-s", dump]) == 0
    header, *rows = csv.reader(capsys.readouterr().out.splitlines())
    assert header == ["expected", "repository", "namespace", "action", "subject", "subject_kind", "zone", "answer"]
    assert [(row[0], row[-1]) for row in rows] == [("yes", "yes"), ("no, never", "no"), ("yes", "yes"), ("yes", "yes")]


def test_unknown_answers_have_their_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A scheduled check must see the difference."""
    dump = str(write_dump(world_of(1), tmp_path / "zone-1", kinds=["namespaces", "rolebindings"]))
    text = f"{HEADER}\n,User,ann,pull,nowhere,\n"
    assert run_command(["can", "-q", questions(tmp_path, text), "-s", dump]) == 3
    assert capsys.readouterr().out.endswith(",unknown\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "missing columns: zone, subject_kind"),
        ("zone,zone\n", "missing columns"),
        (f"{HEADER},zone\n", "duplicate column"),
        (f"{HEADER}\na,b\n", "row 2 does not have as many cells as the header"),
        (f'{HEADER}\n"a,b\n', "not CSV"),
        (b"\xff\xfe", "not CSV in UTF-8"),
        (f"{HEADER}\n,Robot,x,pull,shop,\n", "line 2: no such kind: 'Robot' (one of User, Group, ServiceAccount)"),
        (f"{HEADER}\n,User,,pull,shop,\n", "line 2: not the name of a User: ''"),
        (f"{HEADER}\n,ServiceAccount,ci,pull,shop,\n", "not the name of a ServiceAccount: 'ci'; write namespace:name"),
        (
            f"{HEADER}\n,User,x,fetch,shop,\n",
            "no such action: 'fetch' (one of pull, push, create, delete, catalog, sign, prune)",
        ),
        (f"{HEADER}\n,User,x,pull,,\n", "line 2: not a namespace: ''"),
        (f"{HEADER}\nelsewhere,User,x,pull,shop,\n", "no such zone: 'elsewhere' (one of zone-1)"),
        (f"{HEADER}\n" + ",User,x,fetch,shop,\n" * 30, "and 10 more"),
    ],
)
def test_questions_that_cannot_be_asked(
    dump: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | bytes, said: str
) -> None:
    """All mistakes at once, each with its line, before anything is printed."""
    assert run_command(["can", "-q", questions(tmp_path, text), "-s", dump]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert not printed.out


def test_several_zones_must_be_named(dump: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty zone is clear only when there is one."""
    other = str(write_dump(furnished(WORLD), tmp_path / "zone-2"))
    asked = questions(tmp_path, f"{HEADER}\n,User,x,pull,shop,\n")
    assert run_command(["can", "-q", asked, "-s", dump, "-s", other]) == 2
    assert "line 2: several zones: name one" in capsys.readouterr().err
    assert run_command(["can", "-q", asked, "-s", dump, "-s", other, "-z", "zone-2"]) == 0


def test_a_table_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn there, and names are still no markup and no escapes."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    shown = console.table(["name"], [["[bold]x[/bold]"], ["\x1b[31mred"]])
    assert "[bold]x[/bold]" in shown
    assert "\\x1b[31mred" in shown


def test_progress_on_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bar over the zones, on stderr; the result stays alone on stdout."""
    write_dump(furnished(WORLD), tmp_path / "dump")
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"zones": [{"id": "a", "source": {"dump": "dump"}}]}))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert run_command(["collect", "-c", str(config), "-o", str(tmp_path / "out"), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["state"] == "complete"
    assert "1/1" in said.err


def test_a_slip_in_a_namespace_is_noticed(dump: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody should take the answer for another namespace for this one's."""
    for command in (["can", "user/ann", "push", "shpo"], ["who", "push", "shpo"], ["explain", "user/ann", "shpo"]):
        assert run_command([*command, "-s", dump]) == 0
        assert "zone zone-1 lists no namespace shpo; did you mean shop?" in capsys.readouterr().err
    assert run_command(["who", "push", "elsewhere", "-s", dump]) == 0
    assert "lists no namespace elsewhere\n" in capsys.readouterr().err
