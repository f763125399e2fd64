"""Every export of a run, read by other libraries than those that wrote it, and compared with the manifest."""

import csv
import hashlib
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import openpyxl
from prometheus_client.parser import text_string_to_metric_families

from audit.runs.manifest import manifest_schema
from audit.tables.schemas import SCHEMAS
from reports.markdown import _SECTIONS
from tests.runs.read_findings import check_findings
from tests.runs.read_tables import LONGER_ON_THE_PAGE, Tables, tables_of

RIGHTS = ("pull", "push", "create", "delete", "catalog", "sign")
# Kinds of which each object that takes part is one row of a table.
LISTED = {"namespaces": "namespaces", "imagestreams": "repositories", "tokens": "tokens"}
_BESIDE = {"manifest.json", "manifest.sha256"}

Told = Mapping[str, int]  # the rows of each file, as the manifest has them
Rows = list[dict[str, Any]]

# The fix of a cause in ten thousand namespaces names them all, beyond what Python reads in one field unless told to.
csv.field_size_limit(sys.maxsize)


def reconciled(run: Path) -> dict[str, int]:
    """Check each number of each file of a run in all formats; returns the rows of each sheet."""
    manifest = json.loads((run / "manifest.json").read_text())
    jsonschema_rs.validate(manifest_schema(), manifest)
    told = {file["name"]: file["rows"] for file in manifest["files"]}
    _files(run, manifest)
    with tables_of(run) as tables:
        _tables(run, tables, told)
        _lists(tables, manifest)
        check_findings(run, tables, told, manifest)
        _metrics(run, tables, manifest)
        _changes(run, tables, manifest)
        _page(tables)
        sheets = _sheets(run / "review.xlsx")
        _sheets_match(tables, sheets, manifest)
    return {name: len(rows) for name, rows in sheets.items()}


def _files(run: Path, manifest: Any) -> None:
    """Those that are named are there, and no other; sizes and digests are theirs."""
    found = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    assert found - _BESIDE == {file["name"] for file in manifest["files"]}
    lines = []
    for file in manifest["files"]:
        data = (run / file["name"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file["size"], file["sha256"]), file["name"]
        if file["name"].endswith(".snapshot"):
            lines.append(f"{file['sha256']}  {file['name']}\n")
    assert (
        hashlib.sha256("".join(sorted(lines, key=lambda line: line[66:])).encode()).hexdigest()
        == (manifest["run"]["evidence_digest"])
    )
    digest = hashlib.sha256((run / "manifest.json").read_bytes()).hexdigest()
    assert (run / "manifest.sha256").read_text() == f"{digest}  manifest.json\n"


def _tables(run: Path, tables: Tables, told: Told) -> None:
    """All three forms of a table hold the same rows, cell by cell, as many as the manifest says."""
    for name in SCHEMAS:
        rows = told[f"{name}.csv"]
        assert rows == told[f"{name}.jsonl"] == tables.one(f"SELECT count(*) FROM csv.{name}"), name
        assert rows == sum(count for path, count in told.items() if path.startswith(f"parquet/{name}/")), name
        with (run / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            assert sum(1 for _ in csv.reader(file)) == rows + 1, name
        assert tables.differing(name, "csv", "jsonl") == 0, name
        assert tables.differing(name, "jsonl", "parquet") == 0, name


def _lists(tables: Tables, manifest: Any) -> None:
    """Listed is evaluated, left out and unknown together, and each of them is what the tables show."""
    assert [zone["id"] for zone in manifest["zones"]] == [zone["id"] for zone in manifest["run"]["zones"]]
    for zone, shown in zip(manifest["zones"], manifest["run"]["zones"], strict=True):
        where = f"WHERE zone = '{zone['id']}'"
        lists = {one["kind"]: one for one in zone["lists"]}
        for kind, count in lists.items():
            whole = count["seen"] if count["listed"] is None else count["listed"]
            assert count["adds_up"], (zone["id"], kind)
            assert whole == count["evaluated"] + count["excluded"] + count["unknown"], (zone["id"], kind)
        for kind, name in LISTED.items():
            assert tables.one(f"SELECT count(*) FROM csv.{name} {where}") == lists[kind]["evaluated"], (
                zone["id"],
                kind,
            )
        spaces = lists["namespaces"]
        assert (shown["namespaces"], shown["excluded"]) == (spaces["seen"], spaces["excluded"])
        seen = f"SELECT kind, count FROM csv.coverage {where} AND state = 'seen'"
        assert tables.counts(seen) == {kind: one["listed"] for kind, one in lists.items() if one["listed"] is not None}
        out = tables.one(f"SELECT coalesce(sum(count), 0) FROM csv.coverage {where} AND state = 'excluded'")
        assert out == spaces["excluded"]
        gaps = tables.one(
            f"SELECT count(*) FROM csv.coverage {where} AND state NOT IN ('seen', 'excluded', 'not-asked')"
        )
        assert gaps == len(zone["errors"]) == len(shown["gaps"])
        _bindings(tables, lists, where)


def _bindings(tables: Tables, lists: Mapping[str, Any], where: str) -> None:
    """Each of which it is not known what it gives stands in the grants; of the rest, those that give something."""
    for kind, word in (("rolebindings", "RoleBinding"), ("clusterrolebindings", "ClusterRoleBinding")):
        mine = f"FROM csv.grants {where} AND binding_kind = '{word}'"
        found = f"SELECT count(DISTINCT (namespace, binding)) {mine}"
        assert tables.one(f"{found} AND problem = 'role not seen'") == lists[kind]["unknown"], kind
        assert tables.one(f"{found} AND problem != 'role not seen'") <= lists[kind]["evaluated"], kind


def _metrics(run: Path, tables: Tables, manifest: Any) -> None:
    families = text_string_to_metric_families((run / "metrics.prom").read_text())
    samples = [sample for family in families for sample in family.samples]

    def of(name: str, *labels: str) -> dict[Any, float]:
        mine = [one for one in samples if one.name == f"registry_audit_{name}"]
        keys = [tuple(one.labels[label] for label in labels) for one in mine]
        return {
            key if len(key) > 1 else "".join(key): one.value for key, one in zip(keys, mine, strict=True) if one.value
        }

    zones = manifest["run"]["zones"]
    assert of("run_state", "state") == {manifest["state"]: 1}
    assert of("run_exit_code").get("", 0) == manifest["exit_code"]
    assert of("zone_state", "zone", "state") == {(zone["id"], zone["state"]): 1 for zone in zones}
    assert of("zone_namespaces", "zone") == {zone["id"]: zone["namespaces"] for zone in zones}
    assert of("zone_gaps", "zone") == {zone["id"]: len(zone["gaps"]) for zone in zones if zone["gaps"]}
    live = "FROM csv.findings WHERE state IN ('new', 'open') AND answer ="
    for name, also in (("findings", ""), ("new_findings", "AND state = 'new'")):
        assert of(name, "zone", "severity") == tables.counts(
            f"SELECT zone, severity, count(*) {live} 'yes' {also} GROUP BY ALL"
        )
    assert of("findings_by_check", "zone", "check") == tables.counts(
        f"SELECT zone, \"check\", count(*) {live} 'yes' GROUP BY ALL"
    )
    assert of("findings_unknown", "zone") == tables.counts(f"SELECT zone, count(*) {live} 'unknown' GROUP BY ALL")
    changes = "SELECT zone, change, count(*) FROM csv.changes WHERE object = 'access' GROUP BY ALL"
    assert of("access_changes", "zone", "change") == tables.counts(changes)


def _changes(run: Path, tables: Tables, manifest: Any) -> None:
    """The summary says how many changes there are of each kind; where nothing was compared, there is none."""
    counted = tables.counts("SELECT change, count(*) FROM csv.changes GROUP BY ALL")
    if not manifest["run"]["compared_with"]:
        assert not (run / "changes.md").exists()
        return
    line = (run / "changes.md").read_text(encoding="utf-8").splitlines()[2]
    words = {title.lower(): change for change, title in _SECTIONS.items()}
    told = {words[title]: int(count) for title, count in re.findall(r"([^:;]+): (\d+)[;.]", line.replace("; ", ";"))}
    assert told == counted


def _page(tables: Tables) -> None:
    """The page carries the same rows, its shell the same numbers."""
    shell = tables.read_page()
    assert tables.blocks.keys() == SCHEMAS.keys() | {"authorization", "subjects", "texts"}
    for name in SCHEMAS:
        columns = ", ".join(tables.page_columns(name))
        if name in LONGER_ON_THE_PAGE:
            missing = f"SELECT {columns} FROM csv.{name} EXCEPT ALL SELECT {columns} FROM page.{name}"
            assert tables.rows(missing) == [], name
            more = tables.one(f"SELECT count(*) FROM page.{name} ANTI JOIN csv.{name} USING (zone, namespace)")
            known = tables.one(
                f"SELECT count(*) FROM csv.coverage WHERE kind = '{name}' AND state NOT IN ('seen', 'excluded')"
            )
            assert more == 0 or known, name
        else:
            assert tables.differing(name, "csv", "page", columns) == 0, name
    shown = re.search(r'<p class="totals">(.*?)</p>', shell, re.DOTALL)
    assert shown
    totals = {
        label: int(value.replace(",", "")) for value, label in re.findall(r"<b>([\d,]+).*?</b> ([\w ]+)<", shown[1])
    }
    names = {"rows of access": "access"}
    assert len(totals) == 5
    for label, value in totals.items():
        assert value == tables.one(f"SELECT count(*) FROM page.{names.get(label, label)}"), label
    for action in ("pull", "push", "create"):
        for kind, column in (("User", "people"), ("Group", "groups"), ("ServiceAccount", "accounts")):
            mine = f"subject_kind = '{kind}' AND namespace != '*' AND \"{action}\" = 'yes'"
            pairs = f"SELECT DISTINCT zone, namespace, subject FROM csv.access WHERE {mine}"
            counted = tables.one(f"SELECT count(*) FROM ({pairs})")
            assert tables.one(f"SELECT sum({action}_{column}) FROM page.namespaces") == counted, (action, kind)


def _sheets(path: Path) -> dict[str, Rows]:
    book = openpyxl.load_workbook(path, read_only=True)
    found = {}
    for sheet in book.worksheets:
        header, *rows = sheet.iter_rows(values_only=True)
        found[sheet.title] = [dict(zip(map(str, header), row, strict=False)) for row in rows]
    book.close()
    return found


def _sheets_match(tables: Tables, sheets: Mapping[str, Rows], manifest: Any) -> None:
    for sheet in ("Causes", "Findings", "Namespaces", "Privileged", "Routes", "Coverage", "Controls"):
        assert len(sheets[sheet]) == tables.one(f"SELECT count(*) FROM csv.{sheet.lower()}"), sheet
    ids = {row["id"]: (row["severity"], row["state"], row["check"]) for row in sheets["Findings"]}
    assert ids == {row[0]: row[1:] for row in tables.rows('SELECT id, severity, state, "check" FROM csv.findings')}
    summary = {row["item"]: row["text"] for row in sheets["Summary"]}
    assert (summary["run"], summary["state"]) == (manifest["run"]["run_id"], manifest["state"])
    for name, rows in sheets.items():
        if name not in {"Summary", "Method"}:
            assert summary[f"rows of {name}"] == len(rows), name
    for severity, count in manifest["run"]["findings"]["by_severity"].items():
        assert summary[f"{severity} findings"] == count
    every = [*sheets["Reviews"], *sheets["Platform"]]
    assert len({row["id"] for row in every}) == len(every)
    keys = ("zone", "namespace", "kind", "subject", "binding", "role", "rights")
    assert sorted(tuple(row[key] for key in keys) for row in every) == _grants_to_review(tables)
    assert summary["privileged lines"] == sum(row["privileged"] == "yes" for row in every)
    for action in ("pull", "push", "create"):
        for answer in ("yes", "unknown"):
            pairs = "SELECT DISTINCT zone, namespace, subject_kind, subject FROM csv.access"
            local = f"{pairs} WHERE namespace != '*' AND \"{action}\" = '{answer}'"
            counted = tables.one(f"SELECT count(*) FROM ({local}) SEMI JOIN csv.namespaces USING (zone, namespace)")
            assert sum(row[f"{action}: {answer}"] for row in sheets["Namespaces"]) == counted, (action, answer)


def _grants_to_review(tables: Tables) -> list[tuple[str, ...]]:
    """Place, subject, binding, role and rights of each grant that gives something; `?` is after what may be there."""
    key = "zone, namespace, subject_kind, subject, binding_kind || ' ' || binding, role_kind || ' ' || role"
    answers = ", ".join(f"""bool_or("{right}" = 'yes'), bool_or("{right}" != 'no')""" for right in RIGHTS)
    wanted = """"group" = '' AND binding_kind != 'built-in'"""
    found = []
    for row in tables.rows(f"SELECT {key}, {answers} FROM csv.grants WHERE {wanted} GROUP BY ALL"):
        held = zip(RIGHTS, row[6::2], row[7::2], strict=True)
        rights = ", ".join(right if sure else f"{right}?" for right, sure, some in held if some)
        found += [(*row[:6], rights)] if rights else []
    return sorted(found)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(reconciled(Path(sys.argv[1]))))
