"""The risk of each line of a review: the findings about its grant, and the routes that the grant opens."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

from audit.access.facts.build import facts_of
from audit.campaigns.lines import Line
from audit.checks.bindings import EVERY
from audit.checks.check import GrantFindings
from audit.checks.context import CheckContext
from audit.checks.rules.registry import CHECKS
from audit.checks.settings import Settings
from audit.routes.table import RouteRows
from audit.snapshot.model import Snapshot
from audit.tables.schemas import SEVERITIES, YES

_SHOWN: Final = 5  # routes of a line
_Key = tuple[str, ...]


class LineRisk(NamedTuple):
    """The worst severity of the findings about a grant, their titles, and the routes it opens, joined by `; `."""

    severity: str = ""
    findings: str = ""
    routes: str = ""


class ZoneRisks:
    """The findings and routes of one zone by what grants them. Findings that are not certain are left out."""

    def __init__(self, snapshot: Snapshot, settings: Settings, now: datetime) -> None:
        """Judge the zone; `now` decides what is old."""
        facts = facts_of(snapshot, organization_label=settings.organization_label)
        context = CheckContext(snapshot, facts, now, settings)
        self._found: dict[_Key, set[tuple[int, str]]] = defaultdict(set)
        for severity, title, key in _findings(context, settings):
            self._found[key].add((SEVERITIES.index(severity), title))
        self._routes: dict[_Key, list[tuple[str, str, str]]] = defaultdict(list)
        for row in RouteRows(snapshot).rows():
            place = str(row["namespace"]), str(row["repository"]), f"{row['action']} ({row['certainty']})"
            for binding in str(row["bindings"]).split(", "):
                self._routes[binding, str(row["subject_kind"]), str(row["subject"])].append(place)

    def of(self, line: Line) -> LineRisk:
        """Return what is known of a line."""
        who = line.subject_kind, line.subject
        found = sorted(self._found.get((line.namespace, line.binding_kind, line.binding, *who), ()))
        binding = line.binding if line.namespace == EVERY else f"{line.namespace}/{line.binding}"
        routes = list(dict.fromkeys(_described(self._routes.get((binding, *who), ()), line.namespace)))
        more = [f"and {len(routes) - _SHOWN} more"] if len(routes) > _SHOWN else []
        return LineRisk(
            SEVERITIES[found[0][0]] if found else "",
            "; ".join(dict.fromkeys(title for _, title in found)),
            "; ".join([*routes[:_SHOWN], *more]),
        )


def _findings(context: CheckContext, settings: Settings) -> Iterator[tuple[str, str, _Key]]:
    """Yield severity and title of each finding about a grant, and which grant that is."""
    for check in CHECKS.values():
        if check.id in settings.off:
            continue
        severity = settings.severities.get(check.id, check.severity)
        for found in check.find(context):
            if isinstance(found, GrantFindings):
                for grant in found.grants:
                    key = grant.namespace, grant.binding_kind, grant.binding, grant.kind, grant.subject
                    yield severity, check.title, key
            elif found.binding and found.answer == YES:
                key = found.namespace, found.binding_kind, found.binding, found.subject_kind, found.subject
                yield found.severity or severity, check.title, key


def _described(routes: Iterable[tuple[str, str, str]], own: str) -> Iterator[str]:
    for namespace, repository, action in routes:
        # Lines of a template are alike: what differs in name alone is said in the same words.
        place = "its namespace" if namespace == own else "every namespace" if namespace == EVERY else namespace
        yield f"{action} in {place}" if repository == "*" else f"{action} in {place}, repository {repository}"
