"""Reports of many organizations, in every format that there is: not one name of another is in any of their files."""

import base64
import gzip
import io
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from audit.access.facts.build import facts_of
from audit.findings.model import findings_table
from audit.runs.info import zone_info
from audit.tables.model import Table, table_of
from audit.tables.schemas import SCHEMAS
from reports.audience import Audience
from reports.formats import FORMATS, Report, files_for
from tests.findings.test_findings import found_in
from tests.reports.html.blocks_reader import texts_of
from tests.reports.html.pages import run_of
from tests.worlds.plain_rbac import World
from tests.worlds.small import account, bind, group, namespace, stream, user, world
from tests.worlds.snapshots import snapshot_of

ORGANIZATIONS = int(os.environ.get("REGISTRY_AUDIT_ORGANIZATIONS", "40"))  # of 500 it takes some minutes
_WORD = re.compile(r"[a-z]+-x[0-9]{3}z")
_BLOCK = re.compile(r'id="block-(\w+)">([^<]*)<')


def many() -> World:
    """Each with a namespace, a group, a person and an account; its neighbour may pull, and its account push there."""
    pieces = []
    for at in range(ORGANIZATIONS):
        mark, other = f"x{at:03}z", f"x{(at + 1) % ORGANIZATIONS:03}z"
        accounts = [("ServiceAccount", f"shop-{one}:ci-{one}") for one in (mark, other)]
        pieces += [
            namespace(f"shop-{mark}", f"org-{mark}"),
            group(f"org-{mark}", f"ann-{mark}"),
            user(f"ann-{mark}"),
            account(f"shop-{mark}", f"ci-{mark}"),
            stream(f"shop-{mark}", f"web-{mark}"),
            bind(f"shop-{mark}", "owners", "admin", ("Group", f"org-{mark}")),
            bind(f"shop-{mark}", "guests", "system:image-puller", ("Group", f"org-{other}"), ("User", f"ann-{other}")),
            bind(f"shop-{mark}", "build", "system:image-pusher", *accounts),
        ]
    pieces.append(bind("", "everywhere", "registry-viewer", ("User", "ann-x000z"), ("Group", "org-x001z")))
    return world(*pieces)


def names_in(text: str) -> set[str]:
    return set(_WORD.findall(text))


def words(name: str, data: bytes) -> set[str]:
    """Return all names of organizations' things in a file: in its bytes, and in what is packed into it."""
    found = names_in(data.decode("utf-8", "surrogateescape"))
    if name.endswith(".xlsx"):
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            return found.union(*(names_in(book.read(part).decode()) for part in book.namelist()))
    if name.endswith(".html"):
        blocks = dict(_BLOCK.findall(data.decode()))
        texts = texts_of(blocks.pop("texts"))
        rest = [gzip.decompress(base64.b64decode(block)).decode("latin-1") for block in blocks.values()]
        return found.union(*map(names_in, [*texts, *rest]))
    return found


def in_parquet(folder: Path, table: str) -> Iterator[tuple[int, str]]:
    """Yield which organization's file of a table it is, and each name in a row of it."""
    names = f"unnest(regexp_extract_all(CAST(to_json(one) AS VARCHAR), '{_WORD.pattern}'))"
    source = f"read_parquet('{folder}/*/{table}.parquet', filename = true) one"
    with duckdb.connect() as connection:
        for path, name in connection.execute(f"SELECT DISTINCT filename, {names} FROM {source}").fetchall():
            yield int(Path(path).parent.name), name


@pytest.mark.slow
@pytest.mark.no_cover  # its lines are covered by other tests, and tracing would double its time
def test_no_report_of_many_names_another_organization(tmp_path: Path) -> None:
    """Their neighbours have access in their namespaces, and are shown as somebody; their own names are all there."""
    objects = many()
    snapshot = snapshot_of(objects)
    made: dict[str, list[Table]] = {name: [table_of(name, [])] for name in SCHEMAS}
    made |= {name: [table] for name, table in facts_of(snapshot).items()}
    made["findings"] = [findings_table(found_in(objects))]
    assert len(made["findings"][0]) > ORGANIZATIONS
    report = Report(run_of(zone_info(snapshot)), made)
    marks = [f"x{at:03}z" for at in range(ORGANIZATIONS)]
    found: dict[str, dict[str, set[str]]] = {f"org-{mark}": {} for mark in marks}
    for file in files_for(report, [*FORMATS], [Audience("organization", name) for name in found]):
        top, name, rest = file.name.split("/", 2)
        assert (top, names_in(rest)) == ("by-organization", set())
        data = b"".join(file.chunks)
        found[name].setdefault(Path(rest).suffix, set()).update(words(rest, data))
        if rest.endswith(".parquet"):
            folder = tmp_path / str(marks.index(name.removeprefix("org-")))
            folder.mkdir(exist_ok=True)
            (folder / f"{rest.split('/')[1]}.parquet").write_bytes(data)
    for table in SCHEMAS:
        for at, word in in_parquet(tmp_path, table):
            found[f"org-{marks[at]}"][".parquet"].add(word)
    for mark in marks:
        kinds = found[f"org-{mark}"]
        assert kinds.keys() == {".csv", ".html", ".jsonl", ".parquet", ".sarif", ".xlsx"}
        mine = {f"{kind}-{mark}" for kind in ("shop", "org", "ann", "ci", "web")}
        for kind, names in kinds.items():
            assert names <= mine, (mark, kind)
            assert f"shop-{mark}" in names, (mark, kind)
        assert kinds[".csv"] == kinds[".jsonl"] == kinds[".html"] == kinds[".parquet"] == mine
