"""Use in a run: its table in every format, its coverage in the manifest, and nothing of logs beside what is used."""

import csv
import gzip
import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import msgspec
import pytest

from audit.cli import run_command
from audit.config.model import FORMATS
from audit.snapshot.model import SUFFIX, decode, encode
from tests.usage.logs import START, health
from tests.usage.test_joined import BEGIN, END, MADE, the_snapshot

CANARY = "canary0token7"


def lines() -> list[str]:
    texts = health(BEGIN, END, 30)
    return texts + [line for number, request in enumerate(MADE) for line in request.lines(number)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A snapshot and logs of a zone."""
    (tmp_path / f"zone-1{SUFFIX}").write_bytes(encode(the_snapshot()))
    (tmp_path / "logs-zone-1").mkdir()
    (tmp_path / "logs-zone-1/registry.log.gz").write_bytes(gzip.compress("\n".join(lines()).encode()))
    return tmp_path


def report(folder: Path, *options: str) -> Path:
    """Report, and return the folder of the run."""
    arguments = ["report", "--snapshot", str(folder / f"zone-1{SUFFIX}"), "--out", str(folder / "runs"), *options]
    assert run_command([*arguments, *(f"--format={name}" for name in FORMATS)]) in {0, 3}
    return (folder / "runs/latest").resolve() if (folder / "runs/latest").exists() else last_run(folder)


def last_run(folder: Path) -> Path:
    return max(path for path in (folder / "runs").iterdir() if re.match(r"\d{8}T", path.name))


def rows(run: Path, table: str) -> list[dict[str, str]]:
    with (run / f"{table}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def used(run: Path) -> set[tuple[str, str]]:
    return {(row["subject"], row["used"]) for row in rows(run, "access") if row["namespace"] == "shop"}


def test_a_run_has_use_in_every_format_and_the_next_one_without_logs_too(folder: Path) -> None:
    """What was read is kept beside the runs; DuckDB reads the table of all runs as one."""
    first = report(folder, "--usage", f"{folder}/logs-{{zone}}", "--replicas", "1")
    second = report(folder, "--replicas", "1")
    assert first != second
    for run in (first, second):
        assert ("ann", "used") in used(run)
        table = rows(run, "usage")
        assert [row["subject"] for row in table] == ["kim", "system:anonymous", "shop:ci", "ann", "eve"]
        json_rows = [json.loads(line) for line in (run / "usage.jsonl").read_text().splitlines()]
        assert [row["last"] for row in json_rows] == [row["last"] for row in table]
    query = (
        f"SELECT sum(count) FROM read_parquet('{folder}/runs/2*/parquet/usage/*/*/*.parquet', hive_partitioning=true)"
    )
    assert duckdb.connect().execute(query).fetchall() == [(2 * len(MADE),)]


def test_the_manifest_says_what_the_logs_cover(folder: Path) -> None:
    """With the threshold of ninety days, two days of logs leave a gap, in words."""
    run = report(folder, "--usage", f"{folder}/logs-zone-1", "--replicas", "1")
    manifest = json.loads((run / "manifest.json").read_text())
    use = manifest["run"]["zones"][0]["use"]
    assert (use["threshold_days"], use["covered"]) == (90, False)
    assert [gap.partition(": ")[2] for gap in use["gaps"]] == ["no lines"]
    assert not {row["used"] for row in rows(run, "access")} & {"not used"}
    assert report(folder, "--format", "csv") is not None


def test_a_run_without_logs_knows_nothing_of_use(folder: Path) -> None:
    """Its columns are empty, not `not used`, and its table has no row."""
    run = report(folder)
    assert {row["used"] + row["last_used"] for row in rows(run, "access") + rows(run, "grants")} == {""}
    assert {row["unused_days"] for row in rows(run, "access")} == {"-1"}
    assert rows(run, "usage") == []
    assert json.loads((run / "manifest.json").read_text())["run"]["zones"][0]["use"] is None


def test_what_cannot_be_read_is_a_gap_of_the_zone(folder: Path) -> None:
    """And the rest of the run is as it would be."""
    run = report(folder, "--usage", str(folder / "missing"))
    zone = json.loads((run / "manifest.json").read_text())["run"]["zones"][0]
    assert any("its use" in gap and "No such file" in gap for gap in zone["gaps"])
    assert rows(run, "access")


def test_what_logs_say_beside_use_is_nowhere(folder: Path) -> None:
    """Tokens, addresses, agents and ids in every other field, in damaged lines too, are in no file."""
    spoilt = ("go1.27.3", "127.0.0.1:18448", "192.0.2.7:38120", "evil/1.0", "401442cb-05ff-46f8-911e-99bbe7cc2801")
    text = re.sub(r"uri=(\S+/manifests/latest)", rf'uri="\1?token={CANARY}"', "\n".join(lines()))
    for value in spoilt:
        assert value in text
        text = text.replace(value, CANARY)
    text += f'\ntime="2026-11-26T00:00:00Z" level=info token={CANARY} {CANARY}\n\x00{CANARY}\n'
    audit = {
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "auditID": CANARY,
        "stage": "ResponseComplete", "requestURI": f"/api/v1/{CANARY}", "verb": "get", "userAgent": CANARY,
        "sourceIPs": [CANARY], "responseStatus": {"code": 200, "message": CANARY},
        "user": {"username": "ann", "uid": CANARY, "groups": [CANARY], "extra": {CANARY: [CANARY]}},
        "objectRef": {"resource": "secrets", "namespace": "shop", "name": "pull", "uid": CANARY, "apiVersion": CANARY},
        "requestReceivedTimestamp": "2026-11-26T00:00:00.000000Z", "stageTimestamp": CANARY,
        "requestObject": {"data": CANARY}, "responseObject": {"data": {"token": CANARY}},
        "annotations": {"authorization.k8s.io/decision": CANARY, "other": CANARY},
    }  # fmt: skip
    (folder / "logs-zone-1/registry.log.gz").write_bytes(gzip.compress(text.encode()))
    (folder / "logs-zone-1/kube-apiserver.log").write_text(json.dumps(audit))
    assert text.count(CANARY) > 50
    run = report(folder, "--usage", f"{folder}/logs-zone-1", "--replicas", "1")
    assert {(row["subject"], row["action"]) for row in rows(run, "usage")} >= {("ann", "push"), ("ann", "read-secrets")}
    found = [path for path in (folder / "runs").rglob("*") if path.is_file() and holds(path, CANARY.encode())]
    assert found == []


def holds(path: Path, text: bytes) -> bool:
    """Whether a file has a text, compressed or not."""
    import pyarrow.parquet as pq

    data = path.read_bytes()
    if path.suffix == ".parquet":
        data = repr(pq.read_table(path).to_pylist()).encode() + repr(pq.read_schema(path).metadata).encode()
    elif path.suffix == SUFFIX:
        data = repr(decode(data, str(path))).encode()
    elif path.suffix == ".xlsx":
        from zipfile import ZipFile

        data = b"".join(ZipFile(path).read(name) for name in ZipFile(path).namelist())
    return text in data


def test_names_in_use_have_pseudonyms(folder: Path) -> None:
    """In what is kept beside the runs too, and the same as in the other tables."""
    (folder / "key").write_bytes(b"0123456789abcdef0123456789abcdef")
    (folder / "key").chmod(0o600)
    logs = ("--usage", f"{folder}/logs-zone-1", "--replicas", "1")
    run = report(folder, *logs, "--pseudonyms", str(folder / "key"), "--pseudonym-map", str(folder / "map"))
    table = rows(run, "usage")
    assert {row["subject"] for row in table} <= {row["subject"] for row in rows(run, "access")} | {
        "system:anonymous"
    } | {row["subject"] for row in table if row["outcome"] == "denied"}
    assert "used" in {row["used"] for row in rows(run, "access")}
    for path in (folder / "runs/usage").rglob("*.parquet"):
        assert not holds(path, b"ann'")
        assert not holds(path, b"'shop'")


def test_each_organization_sees_the_use_of_its_own_namespaces(folder: Path) -> None:
    """Whoever else tried there has a number."""
    run = report(folder, "--usage", f"{folder}/logs-zone-1", "--replicas", "1", "--for", "organization:acme")
    table = rows(run / "by-organization/acme", "usage")
    assert {row["namespace"] for row in table} == {"shop"}
    assert {row["subject"] for row in table if row["outcome"] == "done"} == {"shop:ci", "ann"}
    assert "eve" not in {row["subject"] for row in table}


def test_the_period_follows_the_logs(folder: Path) -> None:
    """Use long ago, in a time that is covered since, is not use within the threshold."""
    config = folder / "config.yaml"
    config.write_text("zones: [{id: zone-1}]\nusage: {threshold_days: 1, replicas: 1}\n")
    later = health(END - timedelta(minutes=1), END + timedelta(days=1, minutes=20), 30)
    (folder / "logs-zone-1/later.log").write_text("\n".join(later))
    snapshot = the_snapshot()
    origin = msgspec.structs.replace(snapshot.origin, finished=(START + timedelta(days=2, minutes=30)).isoformat())
    (folder / f"zone-1{SUFFIX}").write_bytes(encode(replace(snapshot, origin=origin)))
    run = report(folder, "--usage", f"{folder}/logs-zone-1", "--config", str(config))
    assert ("ann", "not used") in used(run)
    last = {row["last_used"] for row in rows(run, "access") if row["subject"] == "ann" and row["namespace"] == "shop"}
    assert last == {f"{MADE[0].at:%Y-%m-%dT%H:%M:%SZ}"}
