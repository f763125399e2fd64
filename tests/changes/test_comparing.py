"""Runs that follow each other, `diff` and `history`: what is compared with what, printed and written."""

import csv
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from markdown_it import MarkdownIt

from audit.cli import run_command
from audit.snapshot.model import Snapshot, encode
from audit.tables.model import table_of
from audit.tables.schemas import SCHEMAS
from reports.markdown import changes_summary, markdown
from tests.changes.test_changes import ORGANIZATION, bind, namespace, thing, world
from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import HOSTILE, furnished, write_dump
from tests.worlds.snapshots import snapshot_of

ANN = bind("x", "a", "puller", "User/ann")
BOB = bind("y", "a", "pusher", "User/bob")
Captured = pytest.CaptureFixture[str]


def dump(folder: Path, one: World) -> str:
    """Write a dump of a world; what it does not speak of is an empty list."""
    kinds = ("namespaces", "clusterroles", "clusterrolebindings", "roles", "rolebindings", "groups", "imagestreams")
    return str(write_dump(furnished({plural: one.get(plural, []) for plural in (*kinds, "serviceaccounts")}), folder))


def report(tmp_path: Path, *folders: str, out: str = "out", config: dict[str, Any] | None = None) -> Path:
    """Report on dumps and return the run's folder."""
    known = set((tmp_path / out).glob("2*"))
    options = [part for folder in folders for part in ("--snapshot", folder)]
    if config is not None:
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
        options += ["--config", str(tmp_path / "config.yaml")]
    run_command(["report", *options, "--out", str(tmp_path / out), "--format", "csv"])
    (made,) = set((tmp_path / out).glob("2*")) - known
    return made


def rows(folder: Path, name: str = "changes") -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def info(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text())["run"]
    return found


def test_a_run_is_compared_with_the_one_before(tmp_path: Path) -> None:
    """The first run has none, and says so; the next has its changes, in CSV and as a summary; the same again none."""
    first = report(tmp_path, dump(tmp_path / "z", world(rolebindings=[ANN])))
    assert rows(first) == []
    assert (info(first)["compared_with"], info(first)["zones"][0]["compared_with"]) == ("", "")
    assert not (first / "changes.md").exists()
    second = report(tmp_path, dump(tmp_path / "z", world(rolebindings=[ANN, BOB])))
    (row,) = rows(second)
    assert (row["change"], row["subject"], row["after"], row["from_run"]) == ("gained", "bob", "pull, push", first.name)
    assert info(second)["compared_with"] == info(second)["zones"][0]["compared_with"] == first.name
    assert f"changes since {first.name}" in (second / "changes.md").read_text()
    access = [
        {name: one[name] for name in ("zone", "namespace", "repository", "subject_kind", "subject")}
        for one in rows(second, "access")
    ]
    assert {name: row[name] for name in access[0]} in access, "a change joins the rows of access"
    third = report(tmp_path, str(tmp_path / "z"))
    assert rows(third) == []
    assert info(third)["compared_with"] == second.name
    assert (third / "changes.md").read_text().endswith("\n\nNo changes.\n")


def test_each_zone_is_compared_with_its_own_last_whole_state(tmp_path: Path) -> None:
    """A zone that was partial yesterday is compared with the day before; a new zone with nothing."""
    one, two = (dump(tmp_path / name, world(rolebindings=[ANN])) for name in ("one", "two"))
    first = report(tmp_path, one, two)
    (tmp_path / "two/rolebindings.json").unlink()
    second = report(tmp_path, one, two)
    unseen = [(row["change"], row["zone"], row["after"]) for row in rows(second)]
    assert unseen == [("unseen", "two", "?")], "what was not seen is not lost"
    three = dump(tmp_path / "three", world(rolebindings=[ANN]))
    dump(tmp_path / "two", world())
    third = report(tmp_path, one, two, three)
    assert [(row["change"], row["zone"], row["from_run"]) for row in rows(third)] == [("lost", "two", first.name)]
    zones = {zone["id"]: zone["compared_with"] for zone in info(third)["zones"]}
    assert zones == {"one": second.name, "two": first.name, "three": ""}
    assert info(third)["compared_with"] == f"{first.name}, {second.name}"


def test_a_zone_that_was_never_seen_whole_is_compared_with_what_was_seen(tmp_path: Path) -> None:
    """As an ordinary account sees it: the same list is missing each time, and is no change; a whole run wins."""
    folder = dump(tmp_path / "z", world())
    (tmp_path / "z/groups.json").unlink()
    first = report(tmp_path, folder)
    dump(tmp_path / "z", world(rolebindings=[ANN]))
    (tmp_path / "z/groups.json").unlink()
    second = report(tmp_path, folder)
    assert [(row["change"], row["subject"], row["from_run"]) for row in rows(second)] == [("gained", "ann", first.name)]
    dump(tmp_path / "z", world(rolebindings=[ANN]))
    third = report(tmp_path, folder)
    assert [(row["change"], row["before"], row["from_run"]) for row in rows(third)] == [("unseen", "?", second.name)]
    (tmp_path / "z/groups.json").unlink()
    report(tmp_path, folder)
    assert info(report(tmp_path, folder))["compared_with"] == third.name


def test_an_earlier_state_that_was_changed_later_is_told_and_not_used(tmp_path: Path, capsys: Captured) -> None:
    """A file that makes somebody's access look old must not hide that it is new."""
    folder = dump(tmp_path / "z", world())
    first, second = report(tmp_path, folder), report(tmp_path, folder)
    third = report(tmp_path, dump(tmp_path / "z", world(rolebindings=[ANN])))
    shutil.copy(third / "snapshots/z.snapshot", second / "snapshots/z.snapshot")
    shutil.rmtree(third)
    capsys.readouterr()
    fourth = report(tmp_path, folder)
    assert f"{second.name}/snapshots/z.snapshot: was changed after the run wrote it" in capsys.readouterr().err
    assert [(row["change"], row["subject"], row["from_run"]) for row in rows(fourth)] == [("gained", "ann", first.name)]


def test_what_stands_in_for_a_zone_that_was_not_seen_is_no_news(tmp_path: Path, capsys: Captured) -> None:
    """A stale state: the run says that the zone was not seen, `history` passes over it, and `diff` tells its age."""
    old = snapshot_of(world(), zone="z")
    fresh = msgspec.structs.replace(old.origin, finished="2026-01-01T00:00:00Z")
    stale = msgspec.structs.replace(fresh, stale="the zone did not answer", tried="2026-01-02T00:00:00Z")
    runs = []
    for name, origin in (("fresh", fresh), ("stale", stale)):
        path = tmp_path / f"{name}.snapshot"
        path.write_bytes(encode(Snapshot(origin, (), old.listings, old.strings, old.tables)))
        runs.append(report(tmp_path, str(path)))
    (row,) = rows(runs[1])
    assert (row["change"], row["zone"], row["after"], row["from_run"]) == ("unseen", "z", "?", runs[0].name)
    age = "this is of 2026-01-01T00:00:00Z, 1 day before the run: the zone did not answer"
    assert row["cause"] == f"not seen now: {age}"
    assert history(capsys, tmp_path, "ann")[1]["not_seen"] == [f"{runs[1].name}/z"]
    assert diff(capsys, *runs) == (3, "", f"z: not seen now: {age}\nnothing changed\n")


def test_a_namespace_is_compared_when_it_is_reported_on_now_or_was(tmp_path: Path) -> None:
    """One that is left out both times is not told of; one that left the report by its label is."""
    config = {
        "zones": [{"id": "z", "source": {"dump": str(tmp_path / "z")}}],
        "namespaces": {"exclude": {"labels": {ORGANIZATION: "left-out"}}},
    }
    spaces = [namespace("a"), namespace("b", "left-out"), namespace("c")]
    report(tmp_path, dump(tmp_path / "z", world(namespaces=spaces)), config=config)
    spaces[2] = namespace("c", "left-out")
    bound = [bind("x", name, "puller", "User/ann") for name in "abc"]
    folder = report(tmp_path, dump(tmp_path / "z", world(namespaces=spaces, rolebindings=bound)), config=config)
    assert [(row["change"], row["namespace"]) for row in rows(folder)] == [
        ("gained", "a"),
        ("gained", "c"),
        ("changed", "c"),
    ]
    assert {row["namespace"] for row in rows(folder, "access")} == {"*", "a"}


def test_zones_that_the_configuration_has_no_longer_are_gone(tmp_path: Path) -> None:
    """When all zones were asked for, both times; a run of one zone says nothing of the others."""

    def run(*zones: str, only: str = "") -> Path:
        sources = [{"id": zone, "source": {"dump": dump(tmp_path / zone, world())}} for zone in zones]
        (tmp_path / "config.yaml").write_text(yaml.safe_dump({"zones": sources}))
        known = set((tmp_path / "out").glob("2*"))
        options = ["--zone", only] if only else []
        assert run_command(["run", "-c", str(tmp_path / "config.yaml"), "-o", str(tmp_path / "out"), *options]) == 0
        (made,) = set((tmp_path / "out").glob("2*")) - known
        return made

    first = run("one", "two")
    assert info(first)["every_zone"]
    partial = run("one", "two", only="one")
    assert not info(partial)["every_zone"]
    assert rows(partial) == []
    moved = [(row["change"], row["object"], row["zone"], row["from_run"]) for row in rows(run("one", "three"))]
    assert moved == [("appeared", "zone", "three", first.name), ("gone", "zone", "two", first.name)]


def diff(capsys: Captured, *arguments: str | Path) -> tuple[int, str, str]:
    capsys.readouterr()
    code = run_command(["diff", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_diff_of_two_dumps(tmp_path: Path, capsys: Captured) -> None:
    """Named by their folders, so that their zones are called otherwise: one each, so they are the same."""
    old = dump(tmp_path / "monday", world(rolebindings=[ANN]))
    new = dump(tmp_path / "tuesday", world(rolebindings=[ANN, BOB]))
    code, out, err = diff(capsys, old, new)
    assert code == 0
    assert err == "note: zone monday before is compared with zone tuesday now\n"
    header, line = out.splitlines()
    assert header.split() == ["CHANGE", "ZONE", "NAMESPACE", "REPOSITORY", "SUBJECT", "BEFORE", "AFTER", "CAUSE"]
    assert re.split(r"\s{3,}", line) == [
        "gained", "tuesday", "a", "*", "User bob", "pull, push", "RoleBinding y to ClusterRole pusher was created",
    ]  # fmt: skip
    assert diff(capsys, old, old) == (0, "", "nothing changed\n")


def test_diff_in_other_forms(tmp_path: Path, capsys: Captured) -> None:
    """CSV as the run writes it, JSON with all columns, and the Markdown of changes.md."""
    old, new = (dump(tmp_path / name / "z", one) for name, one in (("a", world()), ("b", world(rolebindings=[ANN]))))
    code, out, _ = diff(capsys, old, new, "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(out, newline=""))
    assert (code, row["subject"], row["change"]) == (0, "ann", "gained")
    assert list(row) == [column.name for column in SCHEMAS["changes"]]
    assert json.loads(diff(capsys, old, new, "--json")[1]) == [row]
    code, out, _ = diff(capsys, old, new, "--format", "markdown")
    assert "| user ann | z: a |  | pull | RoleBinding x to ClusterRole puller was created |" in out
    assert diff(capsys, old, new, "--format", "xml")[::2] == (
        2,
        "registry-audit: no such format: xml (choose from table, csv, markdown)\n",
    )


def test_diff_and_history_under_a_configuration(tmp_path: Path, capsys: Captured) -> None:
    """It says which namespaces count, and by which label they belong to organizations."""
    config = tmp_path / "config.yaml"
    content = {"organization_label": "org", "exclude": {"names": ["b"]}}
    config.write_text(yaml.safe_dump({"zones": [{"id": "z", "source": {"dump": "z"}}], "namespaces": content}))
    both = [bind("x", name, "puller", "User/ann") for name in "ab"]
    moved = world(namespaces=[thing("a", labels={"org": "2"}), thing("b")], rolebindings=both)
    old, new = (dump(tmp_path / name / "z", one) for name, one in (("old", world()), ("new", moved)))
    code, out, _ = diff(capsys, old, new, "--config", config, "--json")
    told = [(row["change"], row["namespace"], row["after"]) for row in json.loads(out)]
    assert (code, told) == (0, [("gained", "a", "pull"), ("changed", "a", "2")])
    for folder in (old, new):
        report(tmp_path, folder)
    _, found, _ = history(capsys, tmp_path, "ns/a", "--config", str(config))
    assert [row["after"] for row in found["changes"]] == ["pull", "2"]


def test_diff_of_runs_and_what_they_lack(tmp_path: Path, capsys: Captured) -> None:
    """A zone that only one of them has is not compared, and exit code 3 says so; so does a list that was not seen."""
    one, two = (dump(tmp_path / name, world(rolebindings=[ANN])) for name in ("one", "two"))
    first, second = report(tmp_path, one, two), report(tmp_path, one)
    code, out, err = diff(capsys, first, second)
    assert (code, out) == (3, "")
    assert err == f"two: not compared: only in {first}\nnothing changed\n"
    assert diff(capsys, second, first)[0] == 3
    (tmp_path / "one/groups.json").unlink()
    code, out, err = diff(capsys, second / "snapshots/one.snapshot", one)
    assert code == 3
    assert "one: not seen now: groups: no file or answer for this kind" in err
    assert [line.split()[:3] for line in out.splitlines()[1:]] == [["unseen", "one", "*"]]
    assert diff(capsys, one, second / "snapshots/one.snapshot")[0] == 3
    assert diff(capsys, tmp_path / "none", one)[0] == 2


def test_diff_does_not_believe_a_run_that_was_changed_later(tmp_path: Path, capsys: Captured) -> None:
    """Its manifest says what it wrote; by the link `latest` as well."""
    folder = dump(tmp_path / "z", world())
    first, second = report(tmp_path, folder), report(tmp_path, folder)
    assert diff(capsys, first, tmp_path / "out/latest")[0] == 0
    (second / "snapshots/z.snapshot").write_bytes(b"another")
    code, _, err = diff(capsys, first, tmp_path / "out/latest")
    assert code == 2
    assert "was changed after the run wrote it" in err
    assert "no snapshot of this run can be used" in err


def test_zones_that_two_whole_runs_have_came_and_went(tmp_path: Path, capsys: Captured) -> None:
    """Both runs were of all zones that there were."""
    runs = []
    for zones in (("one", "two"), ("one", "three")):
        sources = [{"id": zone, "source": {"dump": dump(tmp_path / zone, world())}} for zone in zones]
        (tmp_path / "config.yaml").write_text(yaml.safe_dump({"zones": sources}))
        run_command(["run", "-c", str(tmp_path / "config.yaml"), "-o", str(tmp_path / "out"), "-f", "csv"])
        runs.append((tmp_path / "out/latest").resolve())
    code, out, _ = diff(capsys, *runs)
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [["appeared", "three"], ["gone", "two"]]


def history(capsys: Captured, tmp_path: Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
    capsys.readouterr()
    code = run_command(["history", *arguments, "--runs", str(tmp_path / "out"), "--json"])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else {}, said.err


def spans(content: dict[str, Any]) -> list[tuple[str, ...]]:
    names = ("namespace", "subject", "rights", "since", "until", "cause")
    return [tuple(one[name] for name in names) for one in content["spans"]]


def three_runs(tmp_path: Path) -> list[str]:
    """Ann has had access always, bob got it in the second run and lost it in the third, when cat's grew."""
    cat = bind("c", "b", "puller", "User/cat")
    more = bind("d", "b", "pusher", "User/cat")
    worlds = [
        world(rolebindings=[ANN, cat], namespaces=[namespace("a", "org-1"), namespace("b")]),
        world(rolebindings=[ANN, cat, BOB], namespaces=[namespace("a", "org-2"), namespace("b")]),
        world(rolebindings=[ANN, cat, more], namespaces=[namespace("a", "org-2"), namespace("b")]),
    ]
    return [report(tmp_path, dump(tmp_path / "z", one)).name for one in worlds]


def test_history_of_a_subject(tmp_path: Path, capsys: Captured) -> None:
    """Since when and until when it had which rights, and why; from before all runs, until now."""
    _, two, three = three_runs(tmp_path)
    code, content, err = history(capsys, tmp_path, "user/bob")
    assert (code, err) == (0, "")
    created = "RoleBinding y to ClusterRole pusher was created"
    assert spans(content) == [("a", "bob", "pull, push", two, three, created)]
    assert [(row["run"], row["change"]) for row in content["changes"]] == [(three, "lost"), (two, "gained")]
    assert spans(history(capsys, tmp_path, "ann")[1]) == [("a", "ann", "pull", "", "", "")]
    code, content, _ = history(capsys, tmp_path, "user/cat", "--zone", "z")
    assert spans(content) == [
        ("b", "cat", "pull", "", three, ""),
        ("b", "cat", "pull, push", three, "", "RoleBinding d to ClusterRole pusher was created"),
    ]
    assert content["runs"] == 3


def test_history_of_a_namespace(tmp_path: Path, capsys: Captured) -> None:
    """Everybody who has or had access there, and to which organization it belonged."""
    _, two, three = three_runs(tmp_path)
    code, content, _ = history(capsys, tmp_path, "ns/a")
    assert code == 0
    assert [(one["namespace"], one["subject"]) for one in content["spans"]] == [
        ("*", "system:masters"),
        ("a", "ann"),
        ("a", "bob"),
    ]
    changed = [(row["run"], row["change"], row["object"], row["after"]) for row in content["changes"]]
    assert changed == [
        (three, "lost", "access", ""),
        (two, "gained", "access", "pull, push"),
        (two, "changed", "namespace", "org-2"),
    ]
    assert history(capsys, tmp_path, "namespace/a")[1] == content


def test_history_as_tables(tmp_path: Path, capsys: Captured) -> None:
    """What goes on beyond the runs says so; a subject without any access is told."""
    _, two, three = three_runs(tmp_path)
    capsys.readouterr()
    assert run_command(["history", "user/cat", "--runs", str(tmp_path / "out")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.split(r"\s{3,}", lines[1]) == ["z", "b", "*", "User cat", "pull", "before all runs", three]
    assert re.split(r"\s{3,}", lines[2])[4:7] == ["pull, push", three, "now"]
    assert lines[3] == ""
    assert re.split(r"\s{3,}", lines[5])[:2] == [three, "widened"]
    assert run_command(["history", "ann", "--runs", str(tmp_path / "out")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert run_command(["history", "nobody", "--runs", str(tmp_path / "out")]) == 0
    unknown = "user nobody was never seen in zone z: nothing that was read names it"
    assert capsys.readouterr().err == f"no access in 3 runs\n{unknown}\n"
    assert two


def test_history_where_a_run_did_not_see_all(tmp_path: Path, capsys: Captured) -> None:
    """Its zone is passed over or told with question marks, and exit code 3 says so."""
    folder = dump(tmp_path / "z", world(rolebindings=[ANN]))
    other = dump(tmp_path / "other", world())
    first = report(tmp_path, folder).name
    (tmp_path / "z/rolebindings.json").unlink()
    second = report(tmp_path, folder).name
    (tmp_path / "z/clusterrolebindings.json").unlink()
    third = report(tmp_path, folder, other).name
    fourth = report(tmp_path, dump(tmp_path / "z", world(rolebindings=[ANN]))).name
    code, content, _ = history(capsys, tmp_path, "ann")
    assert code == 3
    assert content["not_seen"] == [f"{third}/z", f"{second}/z"]
    assert [one[2:5] for one in spans(content)] == [("pull", "", "")]
    assert content["changes"] == []
    assert run_command(["history", "ann", "--runs", str(tmp_path / "out")]) == 3
    assert f"{second}/z: incomplete" in capsys.readouterr().err
    assert first
    assert fourth


def test_history_without_runs_or_zones(tmp_path: Path, capsys: Captured) -> None:
    """One message each."""
    code, _, err = history(capsys, tmp_path, "ann")
    assert code == 2
    assert "no run with a snapshot here" in err
    report(tmp_path, dump(tmp_path / "z", world()))
    code, _, err = history(capsys, tmp_path, "ann", "--zone", "y")
    assert code == 2
    assert "no run has zone y (known zones: z)" in err
    assert history(capsys, tmp_path, "ns/")[0] == 2
    assert history(capsys, tmp_path, "sa/x")[0] == 2


def test_a_span_covered_by_a_wider_row_ends_where_its_own_begins(tmp_path: Path, capsys: Captured) -> None:
    """A binding that is replaced by a cluster-wide one: the narrow rights end, and the wide ones begin."""
    wide = bind("all", "", "pusher", "User/ann")
    report(tmp_path, dump(tmp_path / "z", world(rolebindings=[ANN])))
    second = report(tmp_path, dump(tmp_path / "z", world(clusterrolebindings=[wide]))).name
    content = history(capsys, tmp_path, "ann")[1]
    assert [one[:1] + one[2:5] for one in spans(content)] == [
        ("*", "pull, push", second, ""),
        ("a", "pull", "", second),
    ]


ACTIVE = (
    *("@all", "#1", "!1", "www.evil.example", "http://evil.example", "a|b", "[x](y)", "![x](y)", "`x`", "**x**", "_x_"),
    *("<b>", "&amp;", "$x$", "a\nb", "~~x~~", "\u202egnp", "# x", "- x", "\\", "a\\|b"),
)


@pytest.mark.parametrize("name", [*HOSTILE, *ACTIVE])
def test_no_name_can_do_anything_in_markdown(name: str) -> None:
    """It is shown as it is: no markup, cell, link or HTML of its own, and no mention or reference."""
    row = {"change": "gained", "object": "access", "zone": name, "namespace": name, "subject_kind": "User"}
    table = table_of("changes", [{**row, "repository": "*", "subject": name, "after": "pull", "cause": name}])
    text = changes_summary(table, name)
    tokens = MarkdownIt("commonmark", {"linkify": False}).enable(["table", "strikethrough"]).parse(text)
    kinds = {inner.type for token in tokens for inner in token.children or ()} | {token.type for token in tokens}
    assert not {kind for kind in kinds if re.match(r"html|link|image|code|em|strong|s_|fence", kind)}
    assert sum(token.type == "td_open" for token in tokens) == 5
    shown = "".join(inner.content for token in tokens for inner in token.children or () if inner.type == "text")
    assert not re.search(r"@\w|[#!]\d|://|www\.", shown)
    assert name.isprintable() is False or name in shown.replace("\u200b", "")


def test_a_summary_folds_people_into_their_group_and_namespaces_into_one_line() -> None:
    """It is for a ticket: short, and what is left out is counted."""
    row = {"change": "gained", "object": "access", "zone": "z", "repository": "*", "after": "pull", "cause": "c"}
    member = {**row, "namespace": "a", "subject_kind": "User", "group": "g"}
    people = [{**member, "subject": name} for name in ("ann", "bob")]
    shared = {**row, "namespace": "a", "subject_kind": "Group", "subject": "g"}
    lone = {**row, "namespace": "b", "repository": "app", "subject_kind": "User", "subject": "eve", "group": "h"}
    many = [{**row, "namespace": f"n{at}", "subject_kind": "ServiceAccount", "subject": "x:ci"} for at in range(5)]
    wide = {**row, "namespace": "*", "subject_kind": "User", "subject": "op"}
    quiet = {"change": "no-effect", "object": "role", "zone": "z", "namespace": "*", "cause": "d"}
    text = changes_summary(table_of("changes", [shared, *people, lone, *many, wide, quiet]), "run-1")
    assert text.splitlines() == [
        "# Registry access: changes since run-1",
        "",
        "gained access: 10; changes without effect on access: 1.",
        "",
        "## Gained access",
        "",
        "| subject or object | where | before | after | cause |",
        "|---|---|---|---|---|",
        "| group g (2 members) | z: a |  | pull | c |",
        "| user eve, through group h | z: b, repository app |  | pull | c |",
        "| service account x:ci | z: n0, n1, n2 and 2 more namespaces |  | pull | c |",
        "| user op | z: all namespaces |  | pull | c |",
        "",
        "## Changes without effect on access",
        "",
        "| subject or object | where | before | after | cause |",
        "|---|---|---|---|---|",
        "| role | z |  |  | d |",
    ]
    one = changes_summary(table_of("changes", [shared, people[0]]), "run-1")
    assert "| group g (1 member) |" in one
    lost = [{**row, "namespace": "a", "subject_kind": "User", "subject": f"u{at}"} for at in range(60)]
    assert "\nand 10 more: changes.csv has all\n" in changes_summary(table_of("changes", lost), "x")


def test_plain_words_stay_as_they_are() -> None:
    """A summary can be read before it is rendered."""
    assert markdown("org-1-shop: app, 2 (of 3). ok!") == "org-1-shop: app, 2 (of 3). ok!"
