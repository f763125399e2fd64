"""The findings about each line of a review and the routes that it opens, against the tables of the same zone."""

from datetime import UTC, datetime

from audit.access.facts.build import facts_of
from audit.campaigns.campaign import CampaignLine, ZoneLines
from audit.checks.context import CheckContext
from audit.checks.settings import Settings
from audit.findings.model import judge
from audit.routes.table import RouteRows
from audit.snapshot.model import Snapshot
from audit.tables.schemas import SEVERITIES
from tests.routes.test_routes_against_plain import snapshot_of as of_routes
from tests.worlds.plain_rbac import World
from tests.worlds.route_worlds import route_world
from tests.worlds.small import bind, role, rule, world
from tests.worlds.snapshots import snapshot_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def weighed(snapshot: Snapshot) -> list[CampaignLine]:
    zone = ZoneLines(snapshot, Settings())
    return list(zone.weighed(zone.lines.values(), NOW))


def made() -> World:
    """A world in which some bindings are findings, and one opens a route."""
    reads = rule(["secrets"], ["get", "list"], "")
    return world(
        role("shop", "reader", reads),
        bind("shop", "reader", "reader", ("User", "kim"), kind="Role"),
        bind("shop", "open", "system:image-pusher", ("Group", "system:authenticated")),
        bind("", "everywhere", "registry-editor", ("User", "ben")),
        bind("shop", "acme", "view", ("Group", "acme")),
    )


def test_each_finding_about_a_grant_is_on_its_line() -> None:
    """Of each line the worst severity, and all titles, as the table of findings has them."""
    snapshot = snapshot_of(made())
    context = CheckContext(snapshot, facts_of(snapshot), NOW)
    found: dict[tuple[str, ...], list[tuple[int, str]]] = {}
    for one in judge(context, Settings(), ""):
        if one.binding and one.answer == "yes":
            key = (one.namespace, one.binding_kind, one.binding, one.subject_kind, one.subject)
            found.setdefault(key, []).append((SEVERITIES.index(one.severity), one.title))
    lines = weighed(snapshot)
    assert any(entry.risk == "critical" for entry in lines)
    for entry in lines:
        line = entry.line
        wanted = sorted(
            set(found.get((line.namespace, line.binding_kind, line.binding, line.subject_kind, line.subject), []))
        )
        assert entry.risk == (SEVERITIES[wanted[0][0]] if wanted else ""), line
        assert entry.findings.split("; ") == (list(dict.fromkeys(title for _, title in wanted)) or [""]), line


def test_each_route_is_on_the_lines_that_open_it() -> None:
    """Each binding of a cut that is a line names the route; other lines name none."""
    routes = 0
    for seed in range(12):
        snapshot = of_routes(route_world(seed), ())
        opened = {
            (binding, row["subject_kind"], row["subject"])
            for row in RouteRows(snapshot).rows()
            for binding in str(row["bindings"]).split(", ")
        }
        for entry in weighed(snapshot):
            line = entry.line
            label = line.binding if line.namespace == "*" else f"{line.namespace}/{line.binding}"
            assert bool(entry.routes) == ((label, line.subject_kind, line.subject) in opened), (seed, line)
            routes += bool(entry.routes)
    assert routes
