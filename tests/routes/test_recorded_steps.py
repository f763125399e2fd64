"""Steps as real API servers allowed and refused them: each is an edge, and no edge that is certain was refused."""

import csv
import gzip
from collections import defaultdict
from functools import cache
from threading import Event

import pytest

from audit.collect.dumps.dump import collect_dump
from audit.collect.zones import Zone
from audit.rbac.subjects import ACCOUNT_PREFIX, ACCOUNTS, user
from audit.routes.closure import Facts
from audit.routes.edges import Edge, edges_of
from audit.routes.holdings import Holdings
from audit.routes.nodes import Certainty
from tests.paths import SHARED

pytestmark = pytest.mark.no_cover

# Stands beside the checkout where the project is built, and on no user's machine.
FOLDER = SHARED / "data/routes-zone"
ZONES = [FOLDER] if FOLDER.is_dir() else []

# Rights that allow each recorded step.
MECHANISMS = {
    "bind": {"create rolebindings"},
    "create token": {"create serviceaccounts/token"},
    "get secret": {"get secrets"},
    "list secrets": {"list secrets"},
    "patch group": {"update groups"},
    **{f"create {kind}": {f"create {kind}s"} for kind in ("pod", "deployment", "statefulset", "daemonset", "job")},
    **{f"create {kind}": {f"create {kind}s"} for kind in ("cronjob", "replicationcontroller")},
}
ROLES = {"cluster-admin", "push-only", "registry-editor", "registry-viewer", "system:image-puller"}


def _steps(zone: object) -> list[dict[str, str]]:
    with gzip.open(f"{zone}/edges.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def _edges() -> dict[str, list[Edge]]:
    """Return the edges of each caller of the zone."""
    snapshot = collect_dump(Zone("zone-1"), FOLDER, listed=lambda kind, count: None, stop=Event())
    facts = Facts(Holdings(snapshot))
    return {
        caller: list(edges_of(facts, user(caller))) for caller in sorted({step["caller"] for step in _steps(FOLDER)})
    }


def _reaches(edge: Edge, step: dict[str, str]) -> bool:
    wanted = step["reaches"]
    if edge.namespace not in {"*", step["namespace"]}:
        return False
    if edge.reaches in {wanted, ACCOUNTS, "any right"}:
        return True
    account = wanted.removeprefix(ACCOUNT_PREFIX)
    return account != wanted and edge.reaches in {account, f"{ACCOUNTS}:{account.partition(':')[0]}"}


@pytest.mark.parametrize("zone", ZONES, ids=lambda zone: zone.name)
def test_every_recorded_step_is_an_edge(zone: object) -> None:
    """With its mechanism and what it reaches."""
    steps, edges = _steps(zone), _edges()
    missing = []
    for step in steps:
        wanted = MECHANISMS.get(step["step"], {step["step"]})
        if not any(edge.mechanism in wanted and _reaches(edge, step) for edge in edges[step["caller"]]):
            missing.append(step)
    assert not missing
    assert len(steps) > 1000


@pytest.mark.parametrize("zone", ZONES, ids=lambda zone: zone.name)
def test_no_certain_edge_was_refused(zone: object) -> None:
    """Of the steps that were tried for every caller: in a namespace where nothing was allowed, nothing is certain."""
    steps = _steps(zone)
    allowed: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for step in steps:
        for mechanism in MECHANISMS.get(step["step"], {step["step"]}):
            allowed[step["caller"], mechanism].add((step["namespace"], step["reaches"]))
    namespaces = {step["namespace"] for step in steps}
    tried = {mechanism for _, mechanism in allowed}
    wrong = []
    for caller, edges in _edges().items():
        for edge in edges:
            if edge.certainty is not Certainty.CERTAIN or edge.mechanism not in tried or edge.api_only:
                continue
            found = allowed[caller, edge.mechanism]
            for namespace in namespaces - {"*"} if edge.namespace == "*" else {edge.namespace} & namespaces:
                if edge.mechanism == "create rolebindings":
                    refused = edge.reaches in ROLES and (namespace, edge.reaches) not in found
                else:
                    refused = all(namespace != place for place, _ in found) and edge.mechanism != "update groups"
                if refused:
                    wrong.append((caller, edge, namespace))
    assert not wrong
