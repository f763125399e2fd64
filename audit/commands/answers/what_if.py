"""`what-if`: what manifests would change, before they are applied."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from audit.access.facts.build import facts_of
from audit.changes.build import ComparisonScope, changes_of
from audit.changes.overlaid import TABLE_OF, ObjectName, known_objects, name_of, overlaid, roles_in
from audit.changes.state import State
from audit.changes.zone import gaps_of
from audit.checks.context import CheckContext
from audit.checks.roles import grants_in_words
from audit.checks.settings import Settings, settings_of
from audit.collect.dumps.manifests import Manifests, read_manifests
from audit.collect.dumps.names import named_kind
from audit.command_line.options import WhatIfOptions
from audit.command_line.result import Grid, Result, Verbatim
from audit.command_line.sources import only_one, saved
from audit.commands.answers.by_routes import lines_of
from audit.errors import UsageError
from audit.exit_codes import of_gate
from audit.findings.exceptions import ExceptionMatcher, ExceptionSet, load_exceptions
from audit.findings.fail_on import Gate
from audit.findings.model import GONE, NEW, FindingRecord, judge, since
from audit.job.load_config import load_config
from audit.routes.table import Row, with_routes
from audit.snapshot.model import Snapshot, gap_lines
from audit.snapshot.objects import KINDS
from audit.snapshot.scope import Scope, scope_of
from audit.tables.model import Table
from audit.tables.schemas import SEVERITIES, Severity

_SHOWN: Final = ("change", "namespace", "repository", "subject", "before", "after", "cause")
_FOUND: Final = ("severity", "check", "namespace", "subject", "detail")


class Effect(NamedTuple):
    """What it would change in one zone: access, findings and routes that come and go; `roles` says what new roles give.

    Routes are rows of the table `routes`; a route that becomes more certain, or less, is both closed and opened.
    """

    changes: Table
    new: list[FindingRecord]
    gone: list[FindingRecord]
    roles: list[tuple[str, str]]
    opened: list[Row]
    closed: list[Row]


def what_if(options: WhatIfOptions, zone: Sequence[str], config: Path | None) -> Result:
    """Return whose access and which findings would change; partial when not everything that decides was seen."""
    if not options.apply and not options.delete:
        raise UsageError("nothing to apply or delete", fix="--apply FILE, or --delete KIND/NAMESPACE/NAME")
    if not options.snapshot:
        raise UsageError("no facts to lay them over", fix="--snapshot with a run, a snapshot or a dump")
    gate = Gate(_severity(options.fail_on), options.fail_on_new)
    manifests = read_manifests(options.apply, options.namespace) if options.apply else Manifests({}, frozenset())
    snapshot = only_one(saved(options.snapshot, zone))
    if snapshot.origin.names:
        raise UsageError("the names in this snapshot are pseudonyms", fix="give a run without pseudonyms")
    deleted = [_object(text) for text in options.delete or ()]
    notes = [*_notes(snapshot, manifests, deleted)]
    after = overlaid(snapshot, manifests.objects, deleted)
    made = _effect(snapshot, after, manifests, config, routes=options.routes)
    gaps = gap_lines(gaps_of(snapshot))
    notes += [f"{snapshot.origin.zone}: not seen: {line}" for line in gaps]
    failing = any(map(gate.holds_back, made.new))
    return Result(
        value=lambda: _value(snapshot, made, routes=options.routes),
        text=[Verbatim(_markdown(snapshot, made))] if options.markdown else [*_text(made)],
        notes=notes,
        exit_code=of_gate(complete=not gaps, failing=failing),
    )


def _severity(text: str | None) -> Severity | None:
    found = next((severity for severity in SEVERITIES if severity == text), None)
    if text is not None and found is None:
        raise UsageError(f"no such severity: {text}", fix=f"choose from {', '.join(SEVERITIES)}")
    return found


def _object(text: str) -> ObjectName:
    """Return the object that KIND/NAMESPACE/NAME means, or KIND/NAME of one that is in no namespace."""
    word, _, rest = text.partition("/")
    kind = named_kind(word)
    if kind is None or kind.plural not in TABLE_OF:
        known = ", ".join(KINDS[plural].singular for plural in TABLE_OF)
        raise UsageError("no such kind of object", where=text, fix=f"write KIND/NAMESPACE/NAME with one of {known}")
    namespace, slash, name = rest.partition("/") if kind.namespaced else ("", "/", rest)
    if not name or not slash or (kind.namespaced and not namespace):
        form = f"{word}/NAMESPACE/NAME" if kind.namespaced else f"{word}/NAME"
        raise UsageError("not an object", where=text, fix=f"write {form}")
    return ObjectName(kind.plural, namespace, name)


def _notes(snapshot: Snapshot, manifests: Manifests, deleted: Sequence[ObjectName]) -> Iterator[str]:
    """Yield what a person would want to know about what was given."""
    known = known_objects(snapshot)
    namespaces = {name.name for name in known if name.plural == "namespaces"}
    if manifests.others:
        yield f"note: of no effect here: {', '.join(sorted(manifests.others))}"
    for missing in (name for name in deleted if name not in known):
        yield f"note: zone {snapshot.origin.zone} has no {_spelled(missing)}"
    names = {name_of(plural, item): item for plural, items in manifests.objects.items() for item in items}
    new = {name.name for name in names if name.plural == "namespaces"}
    for name, item in names.items():
        role = getattr(item, "role", None)
        if role is not None and name in known and known[name].role != (role.kind, role.name):
            yield f"note: {_spelled(name)} refers to another role now: it must be deleted and created again"
        if name.namespace and name.namespace not in namespaces | new:
            yield f"note: zone {snapshot.origin.zone} lists no namespace {name.namespace}, for {_spelled(name)}"
    for namespace in sorted(new - namespaces):
        yield f"note: namespace {namespace} is new: what the cluster itself binds there is not included"


def _spelled(name: ObjectName) -> str:
    place = f"{name.namespace}/" if name.namespace else ""
    return f"{KINDS[name.plural].singular} {place}{name.name}"


def _effect(before: Snapshot, after: Snapshot, manifests: Manifests, path: Path | None, *, routes: bool) -> Effect:
    config = load_config(path) if path else None
    settings = settings_of(config)
    selects = None if config is None or config.namespaces.everything else config.namespaces.selects
    scopes = [scope_of(snapshot, selects) for snapshot in (before, after)]
    namespaces = None if selects is None else {name for scope in scopes for name in scope.namespaces or ()}
    comparison = ComparisonScope(namespaces, settings.organization_label, "")
    changes = changes_of(State.of(before, namespaces), State.of(after, namespaces), comparison)
    now = datetime.now(UTC)
    was, found = (
        _found(snapshot, scope, settings, now, routes=routes)
        for snapshot, scope in zip((before, after), scopes, strict=True)
    )
    compared = since(found[0], was[0], found[1], settings)
    if config is not None and config.exceptions:
        compared = ExceptionMatcher(ExceptionSet(load_exceptions(config.exceptions)), now.date()).accept(compared)
    roles = [(_spelled(name), grants_in_words(role.rules or ())) for name, role in roles_in(manifests.objects)]
    return Effect(
        changes,
        [finding for finding in compared if finding.state == NEW],
        [finding for finding in compared if finding.state == GONE],
        roles,
        [*_only_in(found[1].tables, was[1].tables)],
        [*_only_in(was[1].tables, found[1].tables)],
    )


def _only_in(tables: Mapping[str, Table], others: Mapping[str, Table]) -> Iterator[Row]:
    """Yield the routes of one state that the other has not, or not as certain."""
    there = {_key(row) for row in others["routes"].records()} if "routes" in others else set()
    yield from (row for row in (tables["routes"].records() if "routes" in tables else ()) if _key(row) not in there)


def _key(row: Row) -> tuple[str, ...]:
    names = ("subject_kind", "subject", "action", "namespace", "repository", "certainty")
    return tuple(str(row[name]) for name in names)


def _found(
    snapshot: Snapshot, scope: Scope, settings: Settings, now: datetime, *, routes: bool
) -> tuple[list[FindingRecord], CheckContext]:
    tables = facts_of(snapshot, scope, organization_label=settings.organization_label)
    if routes:
        tables = {**tables, **with_routes(snapshot, tables, scope.namespaces)}
    context = CheckContext(snapshot, tables, now, settings, scope)
    return judge(context, settings, f"{now:%Y-%m-%dT%H:%M:%SZ}"), context


def _value(snapshot: Snapshot, made: Effect, *, routes: bool) -> dict[str, Any]:
    return {
        "zone": snapshot.origin.zone,
        "as_of": snapshot.origin.finished,
        "changes": made.changes.records(),
        "findings": {"new": [_row(finding) for finding in made.new], "gone": [_row(finding) for finding in made.gone]},
        "roles": [{"role": name, "grants": words} for name, words in made.roles],
        **({"routes": {"opened": made.opened, "closed": made.closed}} if routes else {}),
    }


def _row(finding: FindingRecord) -> dict[str, str]:
    names = ("id", "check", "severity", "answer", "namespace", "subject_kind", "subject", "detail", "remedy")
    return {name: str(getattr(finding, name)) for name in names}


def _text(made: Effect) -> Iterator[str | Grid]:
    if made.roles:
        yield Grid(["role", "grants in the registry"], [[name, words] for name, words in made.roles])
        yield ""
    rows = [{name: str(value) for name, value in row.items()} for row in made.changes.records()]
    if rows:
        yield Grid(_SHOWN, [[_cell(row, name) for name in _SHOWN] for row in rows])
        yield ""
    for title, findings in (("new findings", made.new), ("resolved findings", made.gone)):
        if findings:
            yield f"{title}:"
            yield Grid(_FOUND, [[str(getattr(finding, name)) for name in _FOUND] for finding in findings])
            yield ""
    for title, rows_of_routes in (("routes that open", made.opened), ("routes that close", made.closed)):
        if rows_of_routes:
            yield f"{title}:"
            yield from lines_of(rows_of_routes)
            yield ""
    access = sum(row["object"] == "access" for row in rows)
    yield f"{access} changes of access, {len(made.new)} new findings, {len(made.gone)} resolved findings"


def _cell(row: dict[str, str], name: str) -> str:
    return f"{row['subject_kind']} {row['subject']}" if name == "subject" and row["subject"] else row[name]


def _markdown(snapshot: Snapshot, made: Effect) -> str:
    from reports.markdown import effect_summary

    routes = {"Routes that open": [*lines_of(made.opened)], "Routes that close": [*lines_of(made.closed)]}
    return effect_summary(snapshot.origin.zone, made.changes, made.new, made.gone, made.roles, routes)
