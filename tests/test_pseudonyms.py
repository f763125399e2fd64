"""Pseudonyms: no file of a run holds a name, every answer is the same, and the same name has the same pseudonym."""

import io
import json
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import given

from audit.access import tables_of
from audit.checks.platform import Platform
from audit.cli import run_command
from audit.objects import Aggregation, Requirement, Selector
from audit.pseudonyms import Pseudonyms
from audit.results import facts_of
from audit.snapshot import Gap, Snapshot, encode, load
from reports.formats import FORMATS
from tests.facts_of import snapshot_of
from tests.plain_rbac import World
from tests.small_worlds import account, bind, group, namespace, role, rule, stream, token, user, world
from tests.test_blocks import texts_of
from tests.test_page import shell
from tests.worlds import worlds

LABEL = "appuio.io/organization"
MARK = re.compile(r"[a-z]*quokka[a-z]*")


def names(key: bytes = b"k" * 32) -> Pseudonyms:
    return Pseudonyms(key, Platform(), LABEL)


@given(worlds())
def test_every_answer_is_the_same_under_other_names(one: World) -> None:
    """Whatever the roles, selectors and names: access and grants of the pseudonyms are those of the names."""
    given_names = names()
    real, hidden = (tables_of(one) for one in (snapshot_of(one), given_names.snapshot(snapshot_of(one))))
    for name, left in _OF_AN_ORDER.items():
        told = [translated(row, given_names) for row in real[name].records()]
        found = hidden[name].records()
        assert sorted(str(without(row, left)) for row in found) == sorted(str(without(row, left)) for row in told)


# What depends on the order of names: which of equal grants, or roles, stands for all, and how a rule is told in words.
_OF_AN_ORDER = {
    "access": {"how", "group", "binding_kind", "binding", "role_kind", "role", "aggregated_from", "since"},
    "grants": {"rule", "aggregated_from"},
}


def without(row: Mapping[str, Any], left: set[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in left}


def translated(row: dict[str, Any], by: Pseudonyms) -> dict[str, Any]:
    return row | {
        "namespace": by.space(row["namespace"]),
        "repository": by.of(row["repository"]),
        "subject": by.subject(row["subject_kind"], row["subject"]) if row["subject"] != "*" else "*",
        "group": by.group(row["group"]) if row["group"] else "",
        "binding": by.role(row["binding"]),
        **({"binding_uid": by.uid(row["binding_uid"])} if "binding_uid" in row else {}),
        "role": by.role(row["role"]),
    }


def secretive() -> World:
    """Each name that somebody chose says `quokka`."""
    return world(
        namespace("quokkashop", "quokkaorg", quokkalabel="quokkavalue"),
        namespace("quokkaout"),
        group("quokkaorg", "quokkaann"),
        group("quokkaorg+quokkateam", "quokkaann"),
        user("quokkaann"),
        account("quokkashop", "quokkaci"),
        stream("quokkashop", "quokkaweb"),
        token("quokkashop", "quokkatoken", "quokkaci"),
        role("quokkashop", "quokkarole", rule(["imagestreams/layers"], ["get"], resourceNames=["quokkaweb"])),
        role("", "quokkawide", rule(["imagestreams/layers"], ["get"]), labels={"quokka/aggregate": "quokkayes"}),
        bind("quokkashop", "quokkabinding", "quokkarole", ("User", "quokkaann"), kind="Role"),
        bind("quokkashop", "quokkabuild", "system:image-pusher", ("ServiceAccount", "quokkashop:quokkaci")),
        bind("quokkashop", "quokkaall", "quokkawide", ("Group", "system:serviceaccounts:quokkaout")),
        bind("shop", "public", "system:image-puller", ("Group", "system:unauthenticated"), ("User", "quokkaann")),
    )


def texts(run: Path) -> Iterator[tuple[str, str]]:
    """Yield every file of a run as the text that a reader of its format finds."""
    for path in sorted(path for path in run.rglob("*") if path.is_file()):
        data = path.read_bytes()
        if path.suffix == ".xlsx":
            book = openpyxl.load_workbook(io.BytesIO(data))
            yield path.name, str([cell.value for sheet in book for row in sheet.iter_rows() for cell in row])
        elif path.suffix == ".parquet":
            yield path.name, str(pq.read_table(path).to_pydict())
        elif path.suffix == ".snapshot":
            found = load(path)
            yield path.name, f"{found.strings} {found.gaps} {found.origin}"
        else:
            yield path.name, data.decode()
        if path.suffix == ".html":
            yield path.name, shell(data.decode())
            yield path.name, str([*texts_of(re.findall(r'id="block-texts">([^<]*)<', data.decode())[0])])


@pytest.fixture(name="key")
def key_fixture(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    key = tmp_path / "keys" / "key"
    key.write_bytes(b"k" * 32)
    return key


@pytest.fixture(name="facts")
def facts_fixture(tmp_path: Path) -> Path:
    gaps = [Gap("serviceaccounts", "", "refused", "the user quokkaann may not")]
    snapshot = snapshot_of(secretive(), gaps, zone="one")
    origin = msgspec.structs.replace(snapshot.origin, user="quokkaann", place="/home-of/quokka")
    found = Snapshot(origin, snapshot.gaps, snapshot.listings, snapshot.strings, snapshot.tables)
    (tmp_path / "one.snapshot").write_bytes(encode(found))
    return tmp_path / "one.snapshot"


def command(facts: Path, out: Path, *more: str) -> list[str]:
    return ["report", "--snapshot", str(facts), "--out", str(out), *more]


def test_no_file_of_a_run_holds_a_name(facts: Path, key: Path, tmp_path: Path) -> None:
    """In every format, with namespaces left out and findings accepted; without the key, all of them do."""
    (tmp_path / "config.yaml").write_text("zones: [{id: one}]\nnamespaces: {exclude: {names: ['quokkaout']}}\n")
    decision = {"check": "anonymous-pull", "namespace": "shop", "subject": "group/system:unauthenticated"}
    decision |= {"why": "quokka said so", "decided_by": "quokkaann", "ticket": "quokka-1", "until": "2999-01-01"}
    (tmp_path / "exceptions.yaml").write_text(json.dumps({"exceptions": [decision]}))
    more = [part for name in FORMATS for part in ("--format", name)]
    more += ["--config", str(tmp_path / "config.yaml"), "--exceptions", str(tmp_path / "exceptions.yaml")]
    more += ["--for", "organization:quokkaorg"]
    assert run_command(command(facts, tmp_path / "plain", *more)) == 3
    assert run_command(command(facts, tmp_path / "out", *more, "--pseudonyms", str(key))) == 3
    (plain,), (hidden,) = ([*(tmp_path / name).glob("2*")] for name in ("plain", "out"))
    assert sum(bool(MARK.search(text)) for _, text in texts(plain)) > 20
    told = [(name, MARK.findall(text)[:3]) for name, text in texts(hidden)]
    assert [one for one in told if one[1]] == []
    assert {name for name, _ in told} == {path.name for path in plain.rglob("*") if path.is_file()}
    findings = json.loads((hidden / "findings.json").read_text())["findings"]
    assert [one["exception"][:10] for one in findings if one["state"] == "accepted"] == ["exception-"]
    # What was left out is left out, by its pseudonym, and the evidence holds.
    assert json.loads((hidden / "manifest.json").read_text())["scope"]["exclude"]["names"] == [names().of("quokkaout")]
    assert run_command(["check-evidence", str(tmp_path / "out")]) == 0


def test_the_map_is_apart_and_grows(facts: Path, key: Path, tmp_path: Path) -> None:
    """Beside the key, for its owner only; what earlier runs told stays in it."""
    path = key.with_name("key.map.json")
    path.write_text(json.dumps({"p-before": "somebody"}))
    assert run_command(command(facts, tmp_path / "out", "--format", "csv", "--pseudonyms", str(key))) == 3
    known = json.loads(path.read_text())
    assert known["p-before"] == "somebody"
    assert known[names().of("quokkaann")] == "quokkaann"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("no map")
    assert run_command(command(facts, tmp_path / "out", "--format", "csv", "--pseudonyms", str(key))) == 2


def test_the_same_name_has_the_same_pseudonym_and_another_key_another() -> None:
    """As a namespace, an organization, a group's part, an account's home; the platform keeps its own names."""
    by, other = names(), names(b"other key of 32 bytes, or more..")
    acme = by.of("acme")
    assert re.fullmatch(r"p-[a-z2-7]{16}", acme)
    assert by.space("acme") == by.group("acme") == by.user("acme") == by.role("acme") == acme != other.of("acme")
    assert by.group("acme+ops") == f"{acme}+{by.of('ops')}"
    assert by.subject("ServiceAccount", "acme:ci") == f"{acme}:{by.of('ci')}"
    assert by.subject("ServiceAccount", "acme:default") == f"{acme}:default"
    assert by.user("system:serviceaccount:acme:ci") == f"system:serviceaccount:{acme}:{by.of('ci')}"
    assert by.group("system:serviceaccounts:acme") == f"system:serviceaccounts:{acme}"
    assert by.subject("Odd", "acme") == acme
    for kept in ("openshift-x", "kube-system"):
        assert by.space(kept) == kept
        assert by.subject("ServiceAccount", f"{kept}:robot") == f"{kept}:{by.of('robot')}"
    for kept in ("system:masters", "system:authenticated", "*", ""):
        assert by.group(kept) == kept
    assert by.role("edit") == "edit"
    assert by.user("edit") != "edit"


def test_selectors_and_labels_are_replaced_alike() -> None:
    """What a role was aggregated from still is."""
    requirement = Requirement("team", "In", ["a", "true"])
    aggregation = Aggregation([Selector({"team": "a"}, [requirement]), Selector(None, None)])
    by = names()
    made = msgspec.json.decode(by._aggregation(msgspec.json.encode(aggregation).decode()), type=Aggregation)
    assert made.selectors == [
        Selector({by.of("team"): by.of("a")}, [Requirement(by.of("team"), "In", [by.of("a"), "true"])]),
        Selector(None, None),
    ]
    exists = Aggregation([Selector(None, [Requirement("rbac.authorization.k8s.io/x", "Exists")])])
    assert by._aggregation(msgspec.json.encode(exists).decode()) == msgspec.json.encode(exists).decode()


@pytest.mark.parametrize(
    ("more", "config", "said"),
    [
        ([], {"namespaces": {"include": {"labels": {"a": "b"}}}}, "cannot be chosen by labels"),
        (["--exceptions", "EXCEPTIONS"], {"namespace": "quokka-*"}, "cannot be about a glob of names: quokka-*"),
        (["--exceptions", "EXCEPTIONS"], {"subject": "user/quo*a"}, "cannot be about a glob of names: quo*a"),
        (["--exceptions", "EXCEPTIONS"], {"subject": "quokkaann"}, "this names nobody: quokkaann"),
    ],
)
def test_what_would_tell_names_is_refused(
    more: list[str], config: dict[str, Any], said: str, facts: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Labels and globs, which need the names themselves."""
    tmp_path = facts.parent
    decision = {"check": "anonymous-pull", "why": "so", "decided_by": "me", "until": "2999-01-01"}
    (tmp_path / "exceptions.yaml").write_text(json.dumps({"exceptions": [decision | config]}))
    (tmp_path / "config.yaml").write_text(json.dumps({"zones": [{"id": "one"}], **(config if not more else {})}))
    asked = [str(tmp_path / "exceptions.yaml") if one == "EXCEPTIONS" else one for one in more]
    asked += ["--config", str(tmp_path / "config.yaml"), "--pseudonyms", str(key)]
    assert run_command(command(facts, tmp_path / "out", *asked)) == 2
    assert said in capsys.readouterr().err


def test_an_exception_is_about_the_one_behind_the_pseudonym(facts: Path, key: Path, tmp_path: Path) -> None:
    """By user and by account, in a namespace by its name; of everything, it stays so."""
    given = {"why": "so", "decided_by": "me", "until": "2999-01-01", "check": "*"}
    about = [{"subject": "sa/quokkashop:quokkaci", "namespace": "quokkashop"}, {"subject": "user/*"}, {}]
    (tmp_path / "exceptions.yaml").write_text(json.dumps({"exceptions": [given | one for one in about]}))
    more = ["--format", "csv", "--pseudonyms", str(key), "--exceptions", str(tmp_path / "exceptions.yaml")]
    assert run_command(command(facts, tmp_path / "out", *more)) == 3
    (run,) = (tmp_path / "out").glob("2*")
    by = names()
    text = (run / "exceptions.csv").read_text()
    assert f"sa/{by.of('quokkashop')}:{by.of('quokkaci')}" in text
    assert ",user/*," in text


def test_keys_that_cannot_be_used_are_told(
    facts: Path, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Missing, too short, or where the runs are; and what asks zones by their names."""
    (tmp_path / "short").write_bytes(b"short")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "inside").write_bytes(b"k" * 32)
    for path, said in (
        ("gone", "cannot read"),
        ("short", "shorter than 16"),
        ("out/inside", "where the runs"),
    ):
        assert run_command(command(facts, tmp_path / "out", "--pseudonyms", str(tmp_path / path))) == 2
        assert said in capsys.readouterr().err
    config = tmp_path / "config.yaml"
    config.write_text(f"zones: [{{id: one, source: {{dump: {tmp_path}}}}}]\n")
    base = ["run", "--config", str(config), "--out", str(tmp_path / "out"), "--pseudonyms", str(key)]
    assert run_command([*base, "--verify", "3"]) == 2
    assert "--verify asks the zone by names" in capsys.readouterr().err
    assert run_command([*base, "--shard"]) == 2
    assert "--shard cannot be used" in capsys.readouterr().err


def test_tables_of_a_run_have_no_more_rows_and_no_fewer() -> None:
    """All of them, not only access."""
    real = snapshot_of(secretive())
    hidden = names().snapshot(real)
    assert {name: len(table) for name, table in facts_of(hidden).items()} == {
        name: len(table) for name, table in facts_of(real).items()
    }
    assert names().selects(None) is None
