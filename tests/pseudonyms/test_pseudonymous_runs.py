"""Runs without names: every byte that they leave is searched, and they say the same as those with names."""

import base64
import csv
import gzip
import html
import io
import json
import re
import stat
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from audit.cli import run_command
from audit.pseudonyms.pseudonyms import Pseudonyms
from audit.snapshot.model import Gap, Origin, encode, load
from reports.formats import FORMATS
from tests.commands.test_commands import configuration, live
from tests.reports.html.blocks_reader import texts_of
from tests.simulator.faults import Fault, refuse_with
from tests.simulator.server import SimulatedZone
from tests.worlds.plain_rbac import World
from tests.worlds.small import PUSH, account, bind, group, namespace, role, rule, stream, token, user, world
from tests.worlds.snapshots import snapshot_of

# In every name that somebody chose, in one form or another.
MARK = re.compile("quokka", re.IGNORECASE)
KEY = b"k" * 32
LABEL = "appuio.io/organization"
MAIL = "Zoë.QUOKKA+x@example.org"
DN = "CN=quokka devs,OU=Q+A"
HTML = "<b>quokka</b>"


def names() -> Pseudonyms:
    return Pseudonyms(KEY)


def secretive(*, later: bool = False) -> World:
    """Names of all shapes, each with the mark in it; later, access has come and gone."""
    changed = [
        *([] if later else [bind("quokkashop", "quokkaleft", "edit", ("User", "=quokka!gone"))]),
        *([bind("quokkashop", "quokkanew", "edit", ("User", "Quokka New"))] if later else []),
        *([namespace("quokkafresh", "quokkaorg")] if later else [namespace("quokkaold", "quokkaorg")]),
    ]
    spaces = ("quokkashop", "quokkashop-quokka", "quokkaout", "quokkafresh" if later else "quokkaold")
    return declared() | world(
        *(account(space, "default") for space in (*spaces, "openshift")),
        namespace("quokkashop", "quokkaorg", quokkalabel="quokkavalue", tier="quokkagold"),
        namespace("quokkashop-quokka", "QuokkaOrg"),
        namespace("quokkaout"),
        group("quokkaorg", "quokkaann", MAIL),
        group("quokkaorg+quokkateam", "quokkaann"),
        group("quokka", HTML),
        *(user(name) for name in ("quokkaann", "QUOKKAann", MAIL, HTML, "system:quokka", "quokka")),
        account("quokkashop", "quokkaci"),
        account("quokkashop-quokka", "quokka"),
        stream("quokkashop", "quokkaweb"),
        stream("quokkashop", "quokka"),
        stream("quokkashop-quokka", "quokkaold", pushed="2020-01-01T00:00:00Z"),
        token("quokkashop", "quokkatoken", "quokkaci", used="2020-01-01"),
        token("quokkashop-quokka", "quokka-token-x", "quokka", used="quokkaday"),
        role("quokkashop", "quokkarole", rule(["imagestreams/layers"], ["get"], resourceNames=["quokkaweb"])),
        role("quokkashop", "system:quokkarole", PUSH, rule(["quokkas"], ["quokka"], group="quokka.example.org")),
        role("", "quokkawide", PUSH, labels={"quokka/aggregate": "quokkayes", f"{_AGGREGATE}quokka": "true"}),
        role("", "quokkasum", PUSH, aggregationRule={"clusterRoleSelectors": [{"matchLabels": _SELECTS}]}),
        role("", "quokkatrap", rule(["*/layers"], ["get"])),
        role("", "quokkaall", rule(["*"], ["*"], group="*")),
        role("", "edit", PUSH, rule(["secrets"], ["get", "list"], group="")),
        bind("quokkashop", "quokkabinding", "quokkarole", ("User", "quokkaann"), kind="Role"),
        bind("quokkashop", "quokkasystem", "system:quokkarole", ("Group", DN), ("User", "quokka"), kind="Role"),
        bind("quokkashop", "quokkabuild", "edit", ("ServiceAccount", "quokkashop:quokkaci")),
        bind("quokkashop", "system:quokka", "edit", ("User", "system:serviceaccount:quokkashop-quokka:quokka")),
        bind("quokkashop", "quokkaall", "quokkawide", ("Group", "system:serviceaccounts:quokkaout")),
        bind(
            "quokkashop", "quokkaodd", "quokkasum", ("ServiceAccount", "quokkano:quokkabody"), ("Group", "quokkaidp:x")
        ),
        bind("quokkashop-quokka", "quokkawho", "view", ("User", "system:quokka"), ("User", "QUOKKAgone")),
        bind("quokkashop-quokka", "quokkamissing", "quokkanot", ("Group", "quokka")),
        bind("quokkashop-quokka", "quokkatrap", "quokkatrap", ("User", "quokkaann")),
        bind("shop", "public", "system:image-puller", ("Group", "system:unauthenticated"), ("User", "quokkaann")),
        bind("", "quokkaadmins", "quokkaall", ("User", MAIL), ("Group", "quokkaorg+quokkateam")),
        bind("", "quokkareaders", "quokkawide", ("User", "system:node:quokka.host")),
        *changed,
    )


def declared() -> World:
    """What the control API says of organizations: not all of it as the zone has it."""
    lists = {
        "organizationmembers": [
            ("quokkaorg", "members", ["quokkaann", "quokka-only-there"]),
            ("QuokkaOrg", "members", []),
        ],
        "teams": [("quokkaorg", "quokkateam", ["quokkaann"]), ("quokkaorg", "quokka-late", [MAIL])],
    }
    return {
        kind: [
            {"metadata": {"name": name, "namespace": space}, "spec": {"userRefs": [{"name": one} for one in people]}}
            for space, name, people in found
        ]
        for kind, found in lists.items()
    }


_AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"
_SELECTS = {"quokka/aggregate": "quokkayes"}


def facts(folder: Path, name: str, *, later: bool = False, gaps: bool = True) -> Path:
    """A saved snapshot; what the server said names somebody."""
    hidden = [Gap("serviceaccounts", "quokkashop", "refused", "the user quokkaann may not")] if gaps else []
    found = snapshot_of(secretive(later=later), hidden, zone=name)
    when = "2026-03-09T00:00:00Z" if later else "2026-03-08T00:00:00Z"
    origin = Origin(name, "dump", "/srv/quokka", user=MAIL, started=when, finished=when)
    (folder / f"{name}.snapshot").write_bytes(encode(replace(found, origin=origin)))
    return folder / f"{name}.snapshot"


class Runs:
    """Runs with and without names, each sort in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = folder / "keys" / "key"
        self.map = folder / "keys" / "map.json"
        self.key.parent.mkdir()
        self.key.write_bytes(KEY)
        self.key.chmod(0o600)

    @property
    def hiding(self) -> list[str]:
        return ["--pseudonyms", str(self.key), "--pseudonym-map", str(self.map)]

    def report(self, snapshot: Path, out: str, *more: str) -> tuple[int, Path]:
        before = {*(self.folder / out).glob("2*")}
        command = ["report", "--snapshot", str(snapshot), "--out", str(self.folder / out), *more]
        code = run_command([*command, *(self.hiding if out != "plain" else [])])
        (run,) = {*(self.folder / out).glob("2*")} - before
        return code, run

    def both(self, snapshot: Path, *more: str) -> tuple[Path, Path]:
        codes, runs = zip(*(self.report(snapshot, out, *more) for out in ("plain", "out")), strict=True)
        assert codes[0] == codes[1]
        return runs[0], runs[1]

    def config(self, **rest: Any) -> list[str]:
        return ["--config", configuration(self.folder, [{"id": "one"}], **rest)]


@pytest.fixture(name="runs")
def runs_fixture(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


PACKED = {".html", ".xlsx", ".parquet", ".snapshot"}
EVERY = [part for name in FORMATS for part in ("--format", name)]


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield every file below a folder, and its name: as its bytes, and as those who unpack it find it."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        data, name = path.read_bytes(), str(path.relative_to(folder))
        for part in (data, *_unpacked(path, data)):
            yield name, name + _plain(part)


def _plain(data: bytes) -> str:
    text = data.decode("utf-8", "replace") + data.decode("utf-16-le", "replace")
    return text + html.unescape(text)


def _unpacked(path: Path, data: bytes) -> Iterator[bytes]:
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            for name in book.namelist():
                yield name.encode() + book.read(name)
    elif path.suffix == ".snapshot":
        yield gzip.decompress(data)
    elif path.suffix == ".parquet":
        with duckdb.connect() as connection:
            yield str(connection.execute(f"SELECT * FROM read_parquet('{path}')").fetchall()).encode()
            yield str(connection.execute(f"SELECT * FROM parquet_kv_metadata('{path}')").fetchall()).encode()
    elif path.suffix == ".html":
        for block in re.findall(rb">(H4sI[A-Za-z0-9+/=\s]+)<", data):
            yield gzip.decompress(base64.b64decode(block))
        for block in re.findall(rb'id="block-texts">([^<]*)<', data):
            yield "\n".join(texts_of(block.decode())).encode()


def leaks(folder: Path) -> list[tuple[str, str]]:
    return [
        (name, text[max(found.start() - 60, 0) :][:140]) for name, text in texts(folder) if (found := MARK.search(text))
    ]


def counted(file: dict[str, Any]) -> tuple[str, int]:
    """The rows of a file, by what it is: not by whose report it is, nor of which run."""
    return re.sub("by-organization/[^/]+|run=[^/]+", "", file["name"]), file["rows"]


def records(run: Path, table: str) -> list[dict[str, str]]:
    with (run / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def manifest(run: Path) -> Any:
    return json.loads((run / "manifest.json").read_text())


DECISIONS = [
    {"check": "anonymous-pull", "subject": "group/system:unauthenticated", "id": "quokka-id"},
    {"check": "*", "namespace": "quokkashop-*", "subject": "user/QUOKKA*"},
    {"check": "*", "subject": "sa/quokkashop:quokkaci"},
    {"check": "*", "subject": "quokka"},
    {"check": "cluster-wide-*", "subject": f"user/{MAIL}"},
]


def everything(runs: Runs) -> list[str]:
    """All that a run may be asked for: formats, exceptions, whose is what, and who is told."""
    usual = {"why": "quokka said so", "decided_by": MAIL, "ticket": "quokka-1", "until": "2999-01-01"}
    path = runs.folder / "exceptions.yaml"
    path.write_text(json.dumps({"exceptions": [usual | one for one in DECISIONS]}))
    config = runs.config(
        namespaces={"exclude": {"names": ["quokkaout"]}},
        platform={"namespaces": ["openshift*", "quokkano*"], "subjects": ["sa/quokkashop:*", f"user/{MAIL}"]},
        output={"reports_by": ["zone", "organization"], "expand_cluster_wide": True},
    )
    return [*EVERY, *config, "--exceptions", str(path), "--for", "organization:quokkaorg", "--fail-on", "critical"]


@pytest.mark.no_cover
@pytest.mark.slow
def test_no_byte_of_a_run_holds_a_name(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    """In every format, of two runs of which the second has news, with all that can be asked for."""
    more = everything(runs)
    first = runs.both(facts(runs.folder, "one"), *more)
    second = runs.both(facts(runs.folder, "one", later=True, gaps=False), *more)
    out = capsys.readouterr()
    assert MARK.search(out.err)  # of the run with names: what it could not see
    # The search finds what is packed, whatever it is packed in.
    assert {Path(name).suffix for name, _ in leaks(runs.folder / "plain")} >= PACKED
    assert {Path(name).suffix for name, _ in leaks(runs.folder / "plain")} >= {".json", ".jsonl", ".csv", ".sarif"}
    page = runs.folder / "plain" / second[0].name / "report.html"
    assert any(MARK.search(part.decode("utf-8", "replace")) for part in _unpacked(page, page.read_bytes()))
    assert leaks(runs.folder / "out") == []
    for plain, other in (first, second):
        same(plain, other)
    assert run_command(["check-evidence", str(runs.folder / "out")]) == 0
    assert {row["change"] for row in records(second[1], "changes")} >= {"gained", "lost", "appeared", "gone"}
    assert "gone" in {row["state"] for row in records(second[1], "findings")}


def same(plain: Path, other: Path) -> None:
    """Compare all counts of two runs: of rows, answers, findings by check and state, exceptions and changes."""
    assert Counter(map(counted, manifest(plain)["files"])) == Counter(map(counted, manifest(other)["files"]))
    rights = ("pull", "push", "create", "delete", "catalog", "sign")
    for table, columns in {
        "access": (*rights, "subject_kind", "grants", "members", "account"),
        "grants": (*rights, "how", "scope", "problem", "account", "subject_kind", "binding_kind", "role_kind", "since"),
        "findings": ("check", "severity", "confidence", "state", "answer", "rows", "subject_kind", "until"),
        "exceptions": ("check", "zone", "state", "until", "findings"),
        "changes": ("change", "object", "subject_kind", "binding_kind", "since"),
        "coverage": ("kind", "state", "count"),
        "organizations": ("state", "namespaces", "declared", "members"),
        "tokens": ("created",),
        "repositories": ("created", "pushed"),
    }.items():
        assert tally(plain, table, columns) == tally(other, table, columns), table
    moved = ("object", "change", "before", "after")
    assert tally(plain, "changes", moved, object="access") == tally(other, "changes", moved, object="access")
    lists = [
        [{**one, "missing": len(one["missing"])} for zone in manifest(run)["zones"] for one in zone["lists"]]
        for run in (plain, other)
    ]
    assert lists[0] == lists[1]


def tally(run: Path, table: str, columns: tuple[str, ...], **only: str) -> Counter[tuple[str, ...]]:
    rows = [row for row in records(run, table) if only.items() <= row.items()]
    return Counter(tuple(row[name] for name in columns) for row in rows)


def test_runs_with_names_in_the_same_folder_do_not_mix(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a change, nor a finding that is gone, nor a zone's old facts come from them; nor the other way round."""
    first, later = facts(runs.folder, "one", gaps=False), "2*"
    command = ["report", "--snapshot", str(first), "--out", str(runs.folder / "out"), "--format", "csv"]
    assert run_command(command) == 0
    (named,) = (runs.folder / "out").glob(later)
    facts(runs.folder, "one", later=True, gaps=False)
    _, run = runs.report(first, "out", *EVERY)
    assert leaks(run) == []
    assert records(run, "changes") == []
    assert {row["state"] for row in records(run, "findings")} == {"new"}
    # A run with names goes on from the one with names, and is in the same chain.
    assert run_command(command) == 0
    (last,) = {*(runs.folder / "out").glob(later)} - {named, run}
    assert manifest(last)["run"]["compared_with"] == named.name
    assert manifest(last)["previous"]["run_id"] == run.name
    assert "gone" in {row["state"] for row in records(last, "findings")}
    assert run_command(["check-evidence", str(runs.folder / "out")]) == 0
    capsys.readouterr()
    assert run_command(["diff", str(named), str(run)]) == 2
    assert "are of different keys" in capsys.readouterr().err
    assert run_command(["history", "user/quokkaann", "--runs", str(runs.folder / "out")]) == 3
    assert f"{run.name}/one: incomplete" in capsys.readouterr().err


def test_snapshots_without_names_are_not_compared_with_others(runs: Runs) -> None:
    """A report on snapshots of a run without names, made without the key, is not compared with one of names."""
    first = facts(runs.folder, "one", gaps=False)
    assert runs.report(first, "plain", "--format", "csv")[0] == 0
    _, hidden = runs.report(first, "out", "--format", "csv")
    _, run = runs.report(hidden / "snapshots" / "one.snapshot", "plain", "--format", "csv")
    assert leaks(run) != []  # findings that are gone: whoever mixes runs in one folder without the key is on their own
    assert records(run, "changes") == []


def test_history_and_diff_go_on_by_pseudonyms(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    """The same name has the same pseudonym in every run with the same key."""
    runs.both(facts(runs.folder, "one", gaps=False), "--format", "csv")
    runs.both(facts(runs.folder, "one", later=True, gaps=False), "--format", "csv")
    capsys.readouterr()
    told = []
    for out, who in (("plain", MAIL), ("out", names().user(MAIL))):
        (before, after) = sorted((runs.folder / out).glob("2*"))
        assert run_command(["diff", str(before), str(after), "--json"]) == 0
        told.append([row["change"] for row in json.loads(capsys.readouterr().out)])
        assert run_command(["history", f"user/{who}", "--runs", str(runs.folder / out), "--json"]) == 0
        spans = json.loads(capsys.readouterr().out)["spans"]
        told.append(sorted((span["rights"], bool(span["since"]), bool(span["until"])) for span in spans))
    assert Counter(told[0]) == Counter(told[2])
    assert told[1] == told[3] != []


def test_a_review_of_names_is_not_proven_by_pseudonyms(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody is gone who only has another name."""
    reviewers = runs.folder / "reviewers.yaml"
    reviewers.write_text("reviewers: [{who: [cara], organization: '*', namespace: '*', everywhere: true}]")
    first = facts(runs.folder, "one", gaps=False)
    campaign = ["review", "start", "-s", str(first), "-r", str(reviewers), "--due", "2999-01-01"]
    assert run_command([*campaign, "-o", str(runs.folder / "q")]) == 0
    with (runs.folder / "q" / "review.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    answers = [row | {"decision": "revoke", "decided by": "cara", "decided on": today} for row in rows[:3]]
    with (runs.folder / "answers.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(answers)
    assert run_command(["review", "apply", str(runs.folder / "q"), str(runs.folder / "answers.csv")]) == 0
    _, run = runs.report(facts(runs.folder, "one", later=True, gaps=False), "out", "--format", "csv")
    capsys.readouterr()
    assert run_command(["review", "status", str(runs.folder / "q"), "-s", str(run), "--json"]) == 3
    said = json.loads(capsys.readouterr().out)
    assert said["lines"]["revoked, unknown"] == 3
    assert {one["remark"] for one in said["changed"]} == {"its pseudonyms were made with another key"}


def test_old_runs_are_removed_without_a_name(runs: Runs) -> None:
    """What stays of a run whose files were removed by age."""
    _, run = runs.report(facts(runs.folder, "one"), "out", *everything(runs))
    old = runs.folder / "out" / f"{datetime.now(UTC) - timedelta(days=9):%Y%m%dT%H%M%SZ}"
    run.rename(old)
    text = (old / "manifest.json").read_text().replace(run.name, old.name)
    (old / "manifest.json").write_text(text)
    (runs.folder / "out" / "latest").unlink(missing_ok=True)
    runs.report(facts(runs.folder, "one"), "out", "--format", "csv")
    run_command(["prune", "--out", str(runs.folder / "out"), "--keep-days", "3"])
    assert leaks(runs.folder / "out") == []


@pytest.mark.parametrize("scope", ["cluster", "tenant"])
def test_a_live_run_tells_no_name(scope: str, runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Verified by the zone itself, with what a server says that names people; nor in logs, metrics and messages."""
    (tmp_path / "told").mkdir()
    refusal = refuse_with(403, message="the user quokkaann may not")
    refused = Fault("/namespaces/quokkashop/serviceaccounts", refusal, times=None)
    with SimulatedZone(secretive(), tmp_path / "zone", faults=[refused] if scope == "tenant" else []) as server:
        zone = live(server, tmp_path, "one")
        config = configuration(
            tmp_path,
            [zone],
            metrics={"textfile": str(tmp_path / "told" / "x.prom")},
            notify={"channels": [{"name": "f", "file": str(tmp_path / "told" / "message")}], "people": True},
            collect={"tokens": True},
        )
        command = ["--log-format", "json", "--log-names", "run", "--config", config, *EVERY, "--scope", scope]
        code = run_command([*command, "--verify", "40", "--out", str(tmp_path / "out"), *runs.hiding, "--json"])
    assert code == (3 if scope == "tenant" else 0)
    output = capsys.readouterr()
    assert not MARK.search(output.out)
    assert not MARK.search(output.err)
    assert leaks(tmp_path / "out") == leaks(tmp_path / "told") == []
    (run,) = (tmp_path / "out").glob("2*")
    (seen,) = manifest(run)["run"]["zones"]
    assert seen["verified"]["agreed"] == seen["verified"]["asked"] > 0
    assert json.loads(runs.map.read_text())[names().user("quokkaann")] == "quokkaann"


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "chosen",
    [
        {"include": {"names": ["quokkashop*", "quokkaold"]}},
        {"include": {"labels": {"tier": "quokka*"}}},
        {"exclude": {"labels": {LABEL: "quokka*", "quokkalabel": "quokkavalue"}}},
        {"include": {"names": ["*"], "labels": {LABEL: "Quokka?rg"}}, "exclude": {"names": ["quokkaout"]}},
    ],
)
def test_namespaces_are_chosen_by_their_names_and_labels(chosen: dict[str, Any], runs: Runs) -> None:
    """Globs are about what is behind pseudonyms; of a namespace that is gone too, which only the map knows."""
    more = ["--format", "csv", *runs.config(namespaces=chosen)]
    for later in (False, True):
        plain, other = runs.both(facts(runs.folder, "one", later=later, gaps=False), *more)
        same(plain, other)
        assert 0 < len(records(plain, "namespaces")) < 10
        told = manifest(other)["scope"]
        out = {names().namespace(row["namespace"]) for row in records(plain, "namespaces")} & {
            *told["exclude"]["names"]
        }
        assert (told["include"], told["exclude"]["labels"], out) == ({"names": [], "labels": {}}, {}, set())
    assert leaks(runs.folder / "out") == []
    assert run_command(["check-evidence", str(runs.folder / "out")]) == 0


@pytest.mark.no_cover
@pytest.mark.slow
def test_digests_tell_nothing_to_who_guesses(runs: Runs) -> None:
    """Of configuration, checks and exceptions: another key has others, the same key the same."""
    more = everything(runs)
    plain, other = runs.both(facts(runs.folder, "one"), *more)
    _, again = runs.report(facts(runs.folder, "one"), "out", *more)
    runs.key.write_bytes(b"another key of 32 bytes, or more")
    _, third = runs.report(facts(runs.folder, "one"), "out", *more)
    found = [
        [one["run"]["config_digest"], one["checks"]["sha256"], one["options"]["exceptions_sha256"]]
        for one in map(manifest, (plain, other, again, third))
    ]
    assert found[1] == found[2]
    assert len({digest for digests in found for digest in digests}) == 9
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digests in found for digest in digests)
    # Two keys have nothing in common, and are not compared.
    assert records(third, "changes") == []
    words = [set(re.findall("[a-z]+-[a-z2-7]{20}", (run / "grants.csv").read_text())) for run in (again, third)]
    assert words[0]
    assert words[0] & words[1] == set()
    tells = [manifest(run)["options"].get("pseudonyms", "") for run in (plain, other, again, third)]
    assert tells[1:] == [names().fingerprint, names().fingerprint, tells[3]]
    assert len({*tells}) == 3


def test_what_stands_in_for_a_zone_has_no_names_either(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From an earlier run with the same key, never from one with names, and without a server's words."""
    monkeypatch.setenv("QUOKKA_TOKEN", "simulated-token")
    with SimulatedZone(secretive(), tmp_path / "zone") as server:
        zone = {
            "id": "one",
            "api": server.url,
            "ca_file": str(server.ca_file),
            "credentials": {"token_env": "QUOKKA_TOKEN"},
        }
        config = configuration(tmp_path, [zone], collect={"retries": 0})
        command = ["run", "--config", config, "--out", str(tmp_path / "out"), "--format", "csv", "--stale-days", "1"]
        assert run_command(command) == 0
        (named,) = (tmp_path / "out").glob("2*")
        server.token = "another"
        assert run_command([*command, *runs.hiding]) == 4
        server.token = "simulated-token"
        assert run_command([*command, *runs.hiding]) == 0
        server.token = "another"
        assert run_command([*command, *runs.hiding]) == 3
    found = sorted({*(tmp_path / "out").glob("2*")} - {named})
    assert [one for run in found for one in leaks(run)] == []
    assert [manifest(run)["zones"][0]["state"] for run in found] == ["failed", "complete", "stale"]


def test_the_map_is_apart_and_grows(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    """Where it was said, for its owner only, and nowhere else; what earlier runs told stays in it."""
    runs.map.write_text(json.dumps({"user-before": "somebody"}))
    assert runs.report(facts(runs.folder, "one"), "out", "--format", "csv")[0] == 3
    known = json.loads(runs.map.read_text())
    by = names()
    assert known["user-before"] == "somebody"
    assert {known[by.user(name)] for name in ("quokkaann", MAIL, HTML)} == {"quokkaann", MAIL, HTML}
    assert stat.S_IMODE(runs.map.stat().st_mode) == 0o600
    assert sorted(path.name for path in runs.key.parent.iterdir()) == ["key", "map.json"]
    assert f"are in {runs.map}" in capsys.readouterr().err


def test_reveal_turns_pseudonyms_back(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    """Whole subjects and sentences too, with nothing in them that harms a terminal; what nobody knows is told."""
    runs.map.write_text(json.dumps({}))
    by = names()
    told = by.user("ann\x1b[2J"), by.subject("ServiceAccount", "shop:ci"), f"user {by.user('bob')} may push"
    runs.map.write_text(json.dumps(by.names))
    assert run_command(["reveal", str(runs.map), *told]) == 0
    assert capsys.readouterr().out.split("\n") == ["ann\\x1b[2J", "shop:ci", "user bob may push", ""]
    unknown = Pseudonyms(b"0" * 32).user("bob")
    assert run_command(["reveal", str(runs.map), told[1], unknown]) == 3
    output = capsys.readouterr()
    assert (output.out, output.err) == ("shop:ci\n", f"no name is known behind {unknown}\n")
    assert run_command(["reveal", str(runs.map), told[1], unknown, "--json"]) == 3
    assert json.loads(capsys.readouterr().out) == {told[1]: "shop:ci", unknown: None}
    assert run_command(["reveal", str(runs.folder / "none"), unknown]) == 2
    assert "no such map" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("key", "kept", "said"),
    [
        ("gone", "map", "cannot read this key: No such file"),
        ("short", "map", "shorter than 16 bytes"),
        ("open", "map", "others may read or write this key"),
        (".", "map", "not a regular file"),
        ("out/key", "map", "the key is in the folder of runs"),
        ("key", "out/map", "the map is in the folder of runs"),
        ("key", "link/map", "the map is in the folder of runs"),
        ("key", "key", "the map would overwrite the key"),
        ("key", "text", "not a map of pseudonyms"),
        ("key", "numbers", "not a map of pseudonyms"),
        ("key", ".", "not a map of pseudonyms"),
        ("key", "nowhere/map", "cannot write this file"),
        ("key", "", "must be given together"),
        ("", "map", "must be given together"),
    ],
)
def test_keys_and_maps_that_cannot_be_used_are_told(
    key: str, kept: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One message, before anything is read or written."""
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "out")
    for name, data in {
        "key": KEY,
        "short": b"k" * 15,
        "open": KEY,
        "out/key": KEY,
        "text": b"x",
        "numbers": b"[1]",
    }.items():
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(0o604 if name == "open" else 0o600)
    snapshot = facts(tmp_path, "one")
    given = [
        part for option, one in (("--pseudonyms", key), ("--pseudonym-map", kept)) if one for part in (option, one)
    ]
    paths = [one if one.startswith("--") else str(tmp_path / one) for one in given]
    assert run_command(["report", "--snapshot", str(snapshot), "--out", str(tmp_path / "out"), *paths]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert [*(tmp_path / "out").glob("2*")] == []
    assert (tmp_path / "key").read_bytes() == KEY


def test_the_configuration_can_say_so_too(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    """`pseudonyms` in it does what the options do, for whole runs; shards are refused, and half of it is a mistake."""
    given = {"pseudonyms": {"key_file": str(runs.key), "map_file": str(runs.map)}}
    snapshot = facts(runs.folder, "one")
    config = runs.config(**given)
    command = ["report", *config, "--snapshot", str(snapshot), "--out", str(runs.folder / "out"), "--format", "csv"]
    assert run_command(command) == 3
    (run,) = (runs.folder / "out").glob("2*")
    assert load(run / "snapshots" / "one.snapshot").origin.names == names().fingerprint
    assert json.loads(runs.map.read_text())[names().user("quokkaann")] == "quokkaann"
    capsys.readouterr()
    for shards in (["run", "--shard"], ["merge", "--job", "j"]):
        assert run_command([*shards, *config, "--out", str(runs.folder / "out")]) == 2
        assert "pseudonyms cannot be combined with shards" in capsys.readouterr().err
    assert run_command(["config", "check", *runs.config(pseudonyms={"key_file": str(runs.key)})]) == 2
    assert "give both key_file and map_file, or neither" in capsys.readouterr().err


def test_shards_keep_names_and_are_refused(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    """They leave snapshots for each other, before anything is replaced; and what has no names has none to replace."""
    config = configuration(runs.folder, [{"id": "one", "source": {"dump": str(runs.folder)}}])
    assert run_command(["run", "--config", config, "--out", str(runs.folder / "out"), *runs.hiding, "--shard"]) == 2
    assert "--pseudonyms cannot be combined with --shard" in capsys.readouterr().err
    _, run = runs.report(facts(runs.folder, "one"), "out", "--format", "csv")
    command = ["report", "--snapshot", str(run), "--out", str(runs.folder / "out"), *runs.hiding]
    assert run_command(command) == 2
    assert "zone one: its names have already been replaced" in capsys.readouterr().err
    assert [*(runs.folder / "out").glob("2*")] == [run]
    assert load(run / "snapshots" / "one.snapshot").origin.names == names().fingerprint


def test_a_zone_that_answers_no_question_is_told_without_its_words(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Why nothing could be verified is left to the log of a run with names."""
    refused = Fault("/subjectaccessreviews", refuse_with(403, message="quokkaann may not ask"), times=None)
    with SimulatedZone(secretive(), tmp_path / "zone", faults=[refused]) as server:
        config = configuration(tmp_path, [live(server, tmp_path, "one")])
        command = ["run", "--config", config, "--out", str(tmp_path / "out"), "--format", "csv", "--verify", "9"]
        assert run_command([*command, *runs.hiding]) == 3
    assert leaks(tmp_path / "out") == []
    error = capsys.readouterr().err
    assert "compared with the zone's own answers: the zone gave no answer" in error
    assert not MARK.search(error)
