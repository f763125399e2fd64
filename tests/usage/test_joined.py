"""Access joined with use: used, not used, or not known, for each kind of subject and place."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from audit.access.facts.build import facts_of
from audit.config.usage import UsageConfig
from audit.snapshot.model import Snapshot
from audit.tables.model import Table
from audit.usage.files import read_files
from audit.usage.history import sums, windows
from audit.usage.tables import usage_table, with_use
from audit.usage.zone_use import ZoneUse
from tests.usage.logs import START, Request, health
from tests.worlds.small import bind, made, world
from tests.worlds.snapshots import snapshot_of

CI = "system:serviceaccount:shop:ci"
BEGIN, END = START - timedelta(minutes=10), START + timedelta(days=1, minutes=10)
MADE = [
    Request("ann", "push", "shop", "web", START + timedelta(hours=1)),
    Request(CI, "pull", "shop", "web", START + timedelta(hours=2)),
    Request("eve", "pull", "shop", "web", START + timedelta(hours=3), allowed=False),
    Request("anonymous", "pull", "openshift", "cli", START + timedelta(hours=4)),
    Request("kim", "pull", "openshift", "cli", START + timedelta(hours=5)),
]
PIECES = (
    bind("mall", "nobody-listed", "system:image-puller", ("Group", "from-elsewhere")),
    bind("openshift", "elsewhere", "system:image-pusher", ("Group", "from-elsewhere")),
    bind("shop", "ci", "system:image-pusher", ("ServiceAccount", "shop:ci")),
)


def the_snapshot() -> Snapshot:
    young = ("rolebindings", made("young", "mall") | bind("mall", "young", "view", ("User", "kim"))[1])
    young[1]["metadata"]["creationTimestamp"] = "2026-11-26T00:00:00Z"
    snapshot = snapshot_of(world(*PIECES, young))
    origin = msgspec.structs.replace(snapshot.origin, finished=(END + timedelta(minutes=5)).isoformat())
    return replace(snapshot, origin=origin)


def use_of(folder: Path, replicas: int | None = 1) -> ZoneUse:
    texts = health(BEGIN, END, 30)
    texts += [line for number, request in enumerate(MADE) for line in request.lines(number)]
    (folder / "registry.log").write_text("\n".join(texts))
    read = read_files([folder / "registry.log"], processes=1)
    settings = UsageConfig(replicas=replicas, threshold_days=1)
    return ZoneUse(sums(read), list(windows(read)), settings, END + timedelta(minutes=5))


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, Table]:
    snapshot = the_snapshot()
    return with_use(facts_of(snapshot), use_of(tmp_path), snapshot)


def cell(table: Table, column: str, **where: str) -> set[object]:
    return {row[column] for row in table.records() if all(row[name] == value for name, value in where.items())}


@pytest.mark.parametrize(
    ("place", "subject", "used", "push_used"),
    [
        ("shop", "ann", "used", "used"),
        ("shop", "ben", "not used", "not used"),  # through the same group
        ("shop", "acme", "used", "used"),  # by its member ann
        ("shop", "shop:ci", "used", "not used"),
        ("shop", "shop:builder", "not used", "not used"),
        ("shop", "system:serviceaccounts:shop", "used", ""),
        ("bank", "other", "not used", "not used"),  # eve was denied, and elsewhere
        ("openshift", "system:authenticated", "used", ""),  # kim; anonymous is not in it
        ("mall", "kim", "not known", ""),  # the binding is younger than the threshold
        ("mall", "from-elsewhere", "not used", ""),  # nobody at all was there
        ("openshift", "from-elsewhere", "not known", "not used"),  # kim may be a member; nobody pushed
        ("*", "system:masters", "not known", "not known"),
        ("*", "system:admin", "not used", "not used"),
    ],
)
def test_each_access_has_its_answer(
    place: str, subject: str, used: str, push_used: str, tables: dict[str, Table]
) -> None:
    """Used by the subject itself or by a member; not used only where nobody else can be behind a use."""
    assert cell(tables["access"], "used", namespace=place, subject=subject) == {used}
    assert cell(tables["access"], "push_used", namespace=place, subject=subject) == {push_used}


def test_last_use_and_the_days_since(tables: dict[str, Table]) -> None:
    """Of what is used its last use; of what is not the threshold; of what is not known nothing."""
    access = tables["access"]
    assert cell(access, "last_used", namespace="shop", subject="ann") == {f"{MADE[0].at:%Y-%m-%dT%H:%M:%SZ}"}
    assert cell(access, "unused_days", namespace="shop", subject="ann") == {0}
    assert cell(access, "unused_days", namespace="shop", subject="ben") == {1}
    assert cell(access, "unused_days", namespace="mall", subject="kim") == {-1}
    assert cell(access, "last_used", namespace="mall", subject="kim") == {""}


def test_grants_have_the_same_answers(tables: dict[str, Table]) -> None:
    """Two bindings of ann give the same push: both are used."""
    assert cell(tables["grants"], "used", namespace="shop", subject="ann") == {"used"}
    assert cell(tables["grants"], "used", namespace="shop", subject="ben") == {"not used"}


def test_nothing_is_unused_unless_the_logs_are_whole(tmp_path: Path) -> None:
    """Without the number of replicas, or with fewer logs than replicas, what is not used is not known."""
    snapshot = the_snapshot()
    for replicas in (None, 2):
        tables = with_use(facts_of(snapshot), use_of(tmp_path, replicas), snapshot)
        for table in tables.values():
            assert set(table.text("used").strings()) <= {"used", "not known", ""}
            assert "used" in table.text("used").strings()


def test_the_table_has_each_use_and_each_refusal(tmp_path: Path) -> None:
    """Of the namespaces that are reported on."""
    use = use_of(tmp_path)
    rows = usage_table(use, "one").records()
    assert [(r["namespace"], r["subject_kind"], r["subject"], r["action"], r["outcome"], r["count"]) for r in rows] == [
        ("openshift", "User", "kim", "pull", "done", 1),
        ("openshift", "User", "system:anonymous", "pull", "done", 1),
        ("shop", "ServiceAccount", "shop:ci", "pull", "done", 1),
        ("shop", "User", "ann", "push", "done", 1),
        ("shop", "User", "eve", "pull", "denied", 1),
    ]
    assert {row["namespace"] for row in usage_table(use, "one", ["shop"]).records()} == {"shop"}


def test_coverage_is_put_into_words(tmp_path: Path) -> None:
    """From when to when, and what is missing."""
    whole, half = use_of(tmp_path).covers(), use_of(tmp_path, 2).covers()
    assert whole.covered
    assert whole.sources[0].startswith("registry unnamed: 2026-11-25T22:58:40Z to ")
    assert not half.covered
    assert half.gaps[0].endswith("lines of 1 of 2 replicas")
    assert datetime.fromisoformat(whole.end) <= END.astimezone(UTC)
