"""Generated estates: of the shape asked for, as an API server lists them, and with what a review should find."""

import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from audit.cli import run_command
from audit.snapshot.objects import KINDS
from benchmarks.estate import OF_AN_ESTATE, Estate, Shape, answer, write
from tests.paths import ROOT

DEMO = ROOT / "audit/demo"
ZONES = ("demo-1", "demo-2")
SMALL = Shape(namespaces=12, organizations=3, people_per_organization=4)

Object = dict[str, Any]


def listed(folder: Path, plural: str) -> list[Object]:
    items: list[Object] = json.loads(gzip.decompress((folder / f"{plural}.json.gz").read_bytes()))["items"]
    return items


def names(folder: Path, plural: str) -> set[tuple[str, str]]:
    return {(item["metadata"].get("namespace", ""), item["metadata"]["name"]) for item in listed(folder, plural)}


def bound(folder: Path, name: str) -> Object:
    """Return the one role binding of this name."""
    (found,) = (item for item in listed(folder, "rolebindings") if item["metadata"]["name"] == name)
    return found


@pytest.mark.parametrize("bindings", [0, 3, 9, 12])
def test_each_namespace_has_as_many_role_bindings_as_asked_for(bindings: int) -> None:
    """Beside those of its own custom roles, which are left out here."""
    shape = Shape(namespaces=12, organizations=3, custom_roles=0, named_roles=0, bindings_per_namespace=bindings)
    kinds = Estate(shape).kinds()
    counted = Counter(item["metadata"]["namespace"] for item in kinds["rolebindings"])
    assert [counted[item["metadata"]["name"]] for item in kinds["namespaces"]] == [bindings] * 12
    places = [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in kinds["rolebindings"]]
    assert len(places) == len(set(places)), "a name stands once in a namespace"


def test_everything_has_the_size_that_its_shape_says() -> None:
    """Groups of organizations and of their teams, four accounts and some image streams a namespace."""
    counts = {plural: len(items) for plural, items in Estate(SMALL).kinds().items()}
    assert counts["namespaces"] == 12
    assert counts["serviceaccounts"] == 4 * 12
    assert counts["imagestreams"] == SMALL.streams_per_namespace * 12
    assert counts["groups"] == 3 * (1 + SMALL.teams_per_organization)
    assert counts["clusterrolebindings"] == SMALL.cluster_wide + 1


def test_another_seed_is_another_estate() -> None:
    """Of the same shape."""
    one, other = (Estate(Shape(namespaces=12, organizations=3, seed=seed)).kinds() for seed in (1, 2))
    assert one["rolebindings"] != other["rolebindings"]
    assert len(one["namespaces"]) == len(other["namespaces"])


def test_shares_of_none_and_of_all() -> None:
    """A share is of namespaces: 0 gives no role to any, 1 one to each."""
    assert Estate(Shape(namespaces=12, organizations=3, custom_roles=0, named_roles=0)).kinds()["roles"] == []
    roles = Estate(Shape(namespaces=12, organizations=3, custom_roles=1, named_roles=1)).kinds()["roles"]
    assert Counter(role["metadata"]["name"] for role in roles) == {"pipeline": 12, "app-0-only": 12}


def test_bindings_of_an_estate_lead_somewhere() -> None:
    """Each role that is referred to exists; oddities are the demo's alone."""
    kinds = Estate(SMALL).kinds()
    cluster = {role["metadata"]["name"] for role in kinds["clusterroles"]}
    own = {(role["metadata"]["namespace"], role["metadata"]["name"]) for role in kinds["roles"]}
    for binding in [*kinds["rolebindings"], *kinds["clusterrolebindings"]]:
        ref, namespace = binding["roleRef"], binding["metadata"].get("namespace")
        there = ref["name"] in cluster if ref["kind"] == "ClusterRole" else (namespace, ref["name"]) in own
        assert there, binding


@pytest.mark.parametrize("plural", OF_AN_ESTATE)
def test_a_list_is_as_an_api_server_answers(plural: str) -> None:
    """Kind and version are the list's; the objects in it have metadata that tells them apart."""
    items = Estate(SMALL).kinds()[plural]
    listing = json.loads(answer(plural, items))
    kind = KINDS[plural]
    assert listing["kind"] == f"{kind.singular}List"
    version = f"{kind.group}/v1" if kind.group else "v1"
    assert listing["apiVersion"] == ("meta.k8s.io/v1" if plural == "tokens" else version)
    assert listing["metadata"]["resourceVersion"]
    uids = [item["metadata"]["uid"] for item in listing["items"]]
    assert len(uids) == len(set(uids)) == len(items)
    assert all(item["metadata"]["creationTimestamp"] for item in listing["items"])


def test_files_are_the_same_whenever_they_are_written(tmp_path: Path) -> None:
    """Neither the time nor the file's name gets into the bytes."""
    write(Estate(SMALL).kinds(), tmp_path / "one/deeper")
    write(Estate(SMALL).kinds(), tmp_path / "other")
    written = sorted(path.name for path in (tmp_path / "other").iterdir())
    assert written == sorted(f"{plural}.json.gz" for plural in OF_AN_ESTATE)
    for name in written:
        data = (tmp_path / "other" / name).read_bytes()
        assert (tmp_path / "one/deeper" / name).read_bytes() == data
        assert data[4:8] == bytes(4), "no time in the header"


def test_every_part_of_a_shape_is_an_option(tmp_path: Path) -> None:
    """And what the options say is what is written."""
    options = {"namespaces": 5, "organizations": 2, "bindings-per-namespace": 4, "custom-roles": 0, "named-roles": 0}
    given = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "benchmarks.estate"]
    subprocess.run([*command, "--out", str(tmp_path), *given], cwd=ROOT, check=True)
    assert len(listed(tmp_path, "rolebindings")) == 5 * 4
    plain = os.environ | {"NO_COLOR": "1", "COLUMNS": "100"}
    shown = subprocess.run([*command, "--help"], cwd=ROOT, env=plain, check=True, capture_output=True, text=True).stdout
    assert all(f"--{name.replace('_', '-')} " in shown for name in vars(Shape()))


@pytest.mark.parametrize("zone", ZONES)
def test_the_demo_is_small(zone: str) -> None:
    """It travels with the program."""
    assert sum(path.stat().st_size for path in (DEMO / zone).iterdir()) < 60_000
    assert 20 <= len(names(DEMO / zone, "namespaces")) <= 40


def test_the_zones_of_the_demo_are_of_the_same_organizations() -> None:
    """They differ in their namespaces."""
    one, other = (DEMO / zone for zone in ZONES)
    assert names(one, "groups") == names(other, "groups")
    assert names(one, "namespaces") != names(other, "namespaces")


@pytest.mark.parametrize("zone", ZONES)
def test_the_demo_refers_to_what_does_not_exist(zone: str) -> None:
    """A role, an account and a group: a right is granted by none, to nobody, and to nobody knows whom."""
    folder = DEMO / zone
    role, account, group = (bound(folder, name) for name in ("not-yet", "left-over", "partners"))
    assert ("", role["roleRef"]["name"]) not in names(folder, "clusterroles")
    (subject,) = account["subjects"]
    assert (subject["namespace"], subject["name"]) not in names(folder, "serviceaccounts")
    (subject,) = group["subjects"]
    assert subject["kind"] == "Group"
    assert ("", subject["name"]) not in names(folder, "groups")


@pytest.mark.parametrize("zone", ZONES)
def test_the_demo_has_an_organization_that_kept_its_access(zone: str) -> None:
    """Its namespace was moved: the label says another organization than the binding."""
    binding = bound(DEMO / zone, "before-the-move")
    spaces = {item["metadata"]["name"]: item["metadata"] for item in listed(DEMO / zone, "namespaces")}
    space = spaces[binding["metadata"]["namespace"]]
    (subject,) = binding["subjects"]
    assert ("", subject["name"]) in names(DEMO / zone, "groups")
    assert space["labels"]["appuio.io/organization"] != subject["name"]


@pytest.mark.parametrize("zone", ZONES)
def test_the_demo_has_roles_of_every_form(zone: str) -> None:
    """With a wildcard, for named repositories only, and made of others, whose rules were copied in."""
    folder = DEMO / zone
    rules = [rule for role in listed(folder, "roles") for rule in role["rules"]]
    assert any(rule["resources"] == ["*"] for rule in rules)
    assert any(rule.get("resourceNames") for rule in rules)
    roles = listed(folder, "clusterroles")
    for made in (role for role in roles if "aggregationRule" in role):
        ((key, value),) = made["aggregationRule"]["clusterRoleSelectors"][0]["matchLabels"].items()
        parts = [role for role in roles if role["metadata"].get("labels", {}).get(key) == value]
        assert parts
        assert all(rule in made["rules"] for part in parts for rule in part["rules"])


@pytest.mark.parametrize("zone", ZONES)
def test_the_demo_has_hostile_names(zone: str) -> None:
    """One would run in a page and one in a spreadsheet, if they were let."""
    found = {subject["name"] for subject in bound(DEMO / zone, "hostile")["subjects"]}
    assert "<script>alert(1)</script>" in found
    assert any(name.startswith("=cmd|") for name in found)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("binding", "subject", "action", "expected"),
    [
        ("public", "user/system:anonymous", "pull", "yes"),
        ("public", "user/system:anonymous", "push", "no"),
        ("company-wide", "user/anybody-who-logs-in", "pull", "yes"),
        ("company-wide", "user/system:anonymous", "pull", "no"),
        ("all-builders", "sa/elsewhere:builder", "push", "yes"),
        ("all-builders", "user/anybody-who-logs-in", "push", "no"),
        ("before-the-move", "group/org-0005", "push", "yes"),
        ("everything-here", "user/trainee", "create", "yes"),
        ("not-yet", "user/trainee", "pull", "no"),
        ("hostile", "group/<script>alert(1)</script>", "pull", "yes"),
        ("half-a-push", "user/assembler", "create", "yes"),
    ],
)
def test_what_the_demo_grants(
    zone: str, binding: str, subject: str, action: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each case means what its name says, by the program's own answer."""
    namespace = bound(DEMO / zone, binding)["metadata"]["namespace"]
    assert run_command(["can", subject, action, f"{namespace}/app-0", "--snapshot", str(DEMO / zone)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == expected
