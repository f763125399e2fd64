"""A small set of causes whose fixes close all critical findings, by effective access; chosen greedily.

A finding is closed when it would not be found any more: another way to the same access keeps it open. Mostly each
critical finding needs its own grant taken away, so that every cause with critical findings is in the set. Where a grant
gives a push only together with another one, taking that other one away may close several at once: then each possible
next step is tried on the zone's facts.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from audit.access.facts.build import facts_of
from audit.checks.bindings import EVERY
from audit.checks.context import CheckContext
from audit.checks.rules.registry import CHECKS
from audit.checks.settings import Settings
from audit.findings.cause_table import CauseRow, is_open
from audit.findings.causes import BindingSubject
from audit.findings.fixes import is_patch
from audit.findings.model import judge
from audit.rbac.subjects import identity
from audit.snapshot.model import Snapshot
from audit.tables.model import Table
from audit.tables.schemas import YES

_MOST: Final = 2_000  # bindings of a zone in which steps are tried
_TRIALS: Final = 100  # of a step, each of which judges the zone anew
_CRITICAL: Final = "critical"


def proposed(rows: Sequence[CauseRow], context: CheckContext, settings: Settings) -> list[str]:
    """Return the ids of causes whose fixes together leave no critical finding open, the most effective first."""
    own = [row for row in rows if row.by_severity[_CRITICAL]]
    own.sort(key=lambda row: (-row.by_severity[_CRITICAL] / row.changes, row.cause.id))
    # What routes lead to cannot be tried here: its causes stay in the set.
    doubtful = _doubtful(context.tables["grants"], [row for row in own if not _of_routes(row)])
    if doubtful and len(context.snapshot.tables["bindings"]["name"]) <= _MOST:
        certain = [row for row in own if row not in doubtful]
        places = {EVERY, *(grant.namespace for row in doubtful for grant in row.cause.grants)}
        others = [
            row for row in rows if row not in own and any(grant.namespace in places for grant in row.cause.grants)
        ]
        if len(doubtful) * (len(doubtful) + len(others)) <= _TRIALS:
            own = _tried(certain, [*doubtful, *others], context, settings)
    # A patch holds the subjects that stay as they were seen: after another command, it would bring some back.
    return [row.cause.id for row in sorted(own, key=lambda row: not is_patch(row.fix))]


def _of_routes(row: CauseRow) -> bool:
    """Return whether a critical finding of a cause is about routes."""
    return any(finding.severity == _CRITICAL and CHECKS[finding.check].routes for finding in row.cause.findings)


def _doubtful(grants: Table, rows: Iterable[CauseRow]) -> list[CauseRow]:
    """Return the causes some of whose grants give push without pull: taking another grant away may close these."""
    incomplete = (grants.numbers("push") == YES) & (grants.numbers("pull") != YES)
    columns = (grants.text(name) for name in ("namespace", "binding", "subject"))
    pairs = zip(*(column.codes[incomplete].tolist() for column in columns), strict=True)
    namespace, binding, subject = (grants.text(name).values for name in ("namespace", "binding", "subject"))
    lacking = {(namespace[a], binding[b], subject[c]) for a, b, c in pairs}
    return [
        row
        for row in rows
        if any((grant.namespace, grant.binding, grant.subject) in lacking for grant in row.cause.grants)
    ]


def _tried(
    certain: Sequence[CauseRow], rows: Sequence[CauseRow], context: CheckContext, settings: Settings
) -> list[CauseRow]:
    """Choose, after those that are certain, step by step the cause that closes most of what is left for each change."""
    findings = [finding for row in (*certain, *rows) for finding in row.cause.findings]
    critical = [finding for finding in findings if finding.severity == _CRITICAL and is_open(finding)]
    wanted = {finding.id: finding.check for finding in critical if not CHECKS[finding.check].routes}
    settings = replace(settings, off=frozenset({*CHECKS} - {*wanted.values()}))
    chosen = [*certain]
    left = _left(chosen, wanted, context, settings)
    while left:
        best: tuple[float, int] | None = None
        for at, row in enumerate(rows):
            if row not in chosen:
                closed = len(left) - len(_left([*chosen, row], wanted, context, settings))
                if closed and (best is None or -closed / row.changes < best[0]):
                    best = -closed / row.changes, at
        if best is None:
            break
        chosen.append(rows[best[1]])
        left = _left(chosen, wanted, context, settings)
    for row in chosen[len(certain) :]:
        others = [other for other in chosen if other is not row]
        if not _left(others, wanted, context, settings):
            chosen = others
    return chosen


def _left(rows: Sequence[CauseRow], wanted: Collection[str], context: CheckContext, settings: Settings) -> set[str]:
    """Return which critical findings the zone would still have."""
    taken = {finding.id for row in rows if not row.cause.grants for finding in row.cause.findings}
    snapshot = without(context.snapshot, [grant for row in rows for grant in row.cause.grants])
    tables = facts_of(snapshot, context.scope, organization_label=settings.organization_label)
    tables["usage"] = context.tables["usage"]
    after = CheckContext(snapshot, tables, context.now, settings, context.scope)
    return {
        finding.id
        for finding in judge(after, settings, "")
        if finding.id in wanted and finding.id not in taken and is_open(finding)
    }


def without(snapshot: Snapshot, grants: Iterable[BindingSubject]) -> Snapshot:
    """Return the facts of a zone after these subjects were taken out of their bindings."""
    text, bindings, subjects = snapshot.strings, snapshot.tables["bindings"], snapshot.tables["subjects"]
    taken = {(grant.namespace, grant.binding, grant.subject_kind, grant.subject) for grant in grants}
    places = {(namespace, binding) for namespace, binding, _, _ in taken}
    keep = np.ones(len(subjects["binding"]), dtype=bool)
    columns = (subjects[name].tolist() for name in ("binding", "kind", "namespace", "name"))
    for at, (row, kind, namespace, name) in enumerate(zip(*columns, strict=True)):
        of_binding = text[bindings["namespace"][row]]
        place = of_binding or EVERY, text[bindings["name"][row]]
        if place in places:
            subject = identity(text[kind], text[namespace] or of_binding, text[name])
            keep[at] = subject is None or (*place, *subject) not in taken
    tables = dict(snapshot.tables)
    tables["subjects"] = {name: column[keep] for name, column in subjects.items()}
    return replace(snapshot, tables=tables)
