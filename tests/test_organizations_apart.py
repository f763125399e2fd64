"""Reports of 500 organizations, in every format that holds names: not one name of another is in any of them."""

import io
import re
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from audit.findings import findings_table
from audit.results import facts_of
from audit.tables import SCHEMAS, Table, table_of
from reports.audience import Audience
from reports.formats import File, Report, files_for
from reports.run import zone_info
from tests.facts_of import snapshot_of
from tests.pages import run_of
from tests.plain_rbac import World
from tests.small_worlds import account, bind, group, namespace, stream, user, world
from tests.test_findings import found_in

ORGANIZATIONS = 500
_WORD = re.compile(r"[a-z]+-x[0-9]{3}z")


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


def words(file: File) -> set[str]:
    """Return all names of organizations' things in a file, as a reader of that format finds them."""
    data = b"".join(file.chunks)
    if file.name.endswith(".xlsx"):
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
        texts = [str(cell) for sheet in book.worksheets for row in sheet.iter_rows(values_only=True) for cell in row]
        return set(_WORD.findall("\n".join(texts)))
    if file.name.endswith(".parquet"):
        return set(_WORD.findall(str(pq.read_table(pa.BufferReader(data)).to_pydict())))
    return set(_WORD.findall(data.decode()))


def test_no_report_of_five_hundred_names_another_organization() -> None:
    """Their neighbours have access in their namespaces, and are shown as somebody; their own names are all there."""
    objects = many()
    snapshot = snapshot_of(objects)
    made: dict[str, list[Table]] = {name: [table_of(name, [])] for name in SCHEMAS}
    made |= {name: [table] for name, table in facts_of(snapshot).items()}
    made["findings"] = [findings_table(found_in(objects))]
    assert len(made["findings"][0]) > ORGANIZATIONS
    report = Report(run_of(zone_info(snapshot)), made)
    readers = [Audience("organization", f"org-x{at:03}z") for at in range(ORGANIZATIONS)]
    found: dict[str, set[str]] = {}
    kinds = set()
    for file in files_for(report, ["csv", "jsonl", "ocsf", "sarif", "xlsx"], readers):
        top, _, rest = file.name.partition("/")
        assert top == "by-organization"
        kinds.add(Path(rest).suffix)
        found.setdefault(rest.partition("/")[0], set()).update(words(file))
    assert kinds == {".csv", ".jsonl", ".sarif", ".xlsx"}
    assert len(found) == ORGANIZATIONS
    for at in range(ORGANIZATIONS):
        mark = f"x{at:03}z"
        mine = {f"{kind}-{mark}" for kind in ("shop", "org", "ann", "ci", "web")}
        assert found[f"org-{mark}"] == mine, mark
