"""Cluster-wide access told in every namespace, on request."""

import csv
from pathlib import Path

import pytest

from audit.access.authorizer import Authorizer
from audit.access.bound_subjects import bound_subjects
from audit.access.tables import expanded_access, tables_of
from audit.cli import run_command
from audit.rbac.subjects import ANY, ANY_USER, Identity
from audit.snapshot.model import Gap
from tests.worlds.random_zones import world_of, write_dump
from tests.worlds.snapshots import snapshot_of

KEY = ("namespace", "repository", "subject_kind", "subject")
ANSWERED = ("pull", "push", "create")


def places(rows: list[dict[str, str | int]]) -> dict[tuple[str, ...], dict[str, str | int]]:
    return {tuple(str(row[name]) for name in KEY): row for row in rows}


@pytest.mark.parametrize("gap", [None, Gap("groups", "", "refused"), Gap("clusterrolebindings", "", "refused")])
@pytest.mark.parametrize("seed", range(4))
def test_every_wide_row_stands_in_every_namespace(seed: int, gap: Gap | None) -> None:
    """Beside the rows that are there anyway, of which none says anything else; and each new one is the exact answer."""
    snapshot = snapshot_of(world_of(seed), [gap] if gap else [])
    narrow, wide = places(tables_of(snapshot)["access"].records()), places(expanded_access(snapshot).records())
    namespaces = {snapshot.strings[code] for code in snapshot.tables["namespaces"]["name"]}
    namespaces |= {snapshot.strings[code] for code in snapshot.tables["bindings"]["namespace"] if code}
    asked = {(space, *key[1:]) for key in narrow if key[0] == "*" for space in namespaces}
    assert wide.keys() == narrow.keys() | asked
    assert len(wide) > len(narrow)
    for key, row in narrow.items():
        assert [wide[key][name] for name in ANSWERED] == [row[name] for name in ANSWERED]
    authorizer = Authorizer(bound_subjects(snapshot))
    for key in asked - narrow.keys():
        space, repository, kind, name = key
        assert wide[key]["grants"] == narrow["*", repository, kind, name]["grants"]
        if kind not in {ANY, ANY_USER}:
            place = space, "" if repository == "*" else repository
            answers = {action: authorizer.answer(Identity(kind, name), action, *place) for action in ANSWERED}
            assert {action: ("no", "yes", "unknown")[answers[action]] for action in ANSWERED} == {
                action: wide[key][action] for action in ANSWERED
            }


def test_only_wanted_namespaces_are_told() -> None:
    """As in the table itself."""
    snapshot = snapshot_of(world_of(1))
    rows = expanded_access(snapshot, ["ns-0"]).records()
    assert {row["namespace"] for row in rows} == {"*", "ns-0"}


def test_programs_get_it_when_it_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the option or the configuration; findings and the other tables are what they were."""
    dump = write_dump(world_of(2), tmp_path / "zone-1")
    config = tmp_path / "config.yaml"
    config.write_text("zones: [{id: zone-1, source: {dump: zone-1}}]\noutput: {expand_cluster_wide: true}\n")
    report = ["report", "-s", str(dump), "-f", "csv", "-f", "parquet"]
    assert run_command([*report, "-o", str(tmp_path / "plain")]) == 0
    assert run_command([*report, "-o", str(tmp_path / "option"), "--expand"]) == 0
    assert run_command([*report, "-o", str(tmp_path / "config"), "-c", str(config)]) == 0
    found = {}
    for name in ("plain", "option", "config"):
        (folder,) = (tmp_path / name).glob("2*")
        found[name] = {path.name: path.read_bytes() for path in folder.glob("*.csv")}
        capsys.readouterr()
        assert run_command(["query", "SELECT count(*) FROM access", "--runs", str(tmp_path / name)]) == 0
        with (folder / "access.csv").open(encoding="utf-8", newline="") as file:
            assert capsys.readouterr().out.split()[-1] == str(len(list(csv.reader(file))) - 1)
    assert found["option"] == found["config"]
    assert {name for name in found["plain"] if found["plain"][name] != found["option"][name]} == {"access.csv"}
