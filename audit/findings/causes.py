"""Causes: findings grouped by what would fix them, so that thousands of findings become a few decisions.

Every finding that is not gone belongs to exactly one cause. Findings about one subject of one binding are fixed
together, so they share a cause; which one, the worst of them decides.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from audit.checks.bindings import EVERY
from audit.checks.rules.registry import CHECKS
from audit.findings.fixes import commands_of, fix_of, is_patch, one_patch
from audit.findings.model import GONE, FindingRecord, digest
from audit.rbac.subjects import ACCOUNT, ACCOUNTS, ANY, GROUP, USER
from audit.tables.schemas import SEVERITIES

PATCHED: Final = "subjects"
_NAMESPACE: Final = "{namespace}"
_KINDS: Final = {USER: "user", GROUP: "group", ACCOUNT: "service account"}
_TITLES: Final = 3  # other checks that a sentence names

Key = tuple[str, ...]


@dataclass(slots=True)
class _Thing:
    """What one fix resolves: one subject of one binding, the tokens of one account, or else a finding's own place."""

    findings: list[FindingRecord] = field(default_factory=list)

    @property
    def worst(self) -> FindingRecord:
        return self.findings[0]

    @property
    def commands(self) -> str:
        return commands_of(finding.remedy for finding in self.findings)


class BindingSubject(NamedTuple):
    """One subject of one binding; `namespace` is `*` for a ClusterRoleBinding."""

    namespace: str
    binding_kind: str
    binding: str
    subject_kind: str
    subject: str


@dataclass(slots=True)
class FindingCause:
    """Findings that one decision fixes."""

    id: str
    kind: str
    zone: str
    things: dict[Key, _Thing] = field(default_factory=dict)

    @property
    def findings(self) -> list[FindingRecord]:
        """Return its findings."""
        return [finding for thing in self.things.values() for finding in thing.findings]

    @property
    def grants(self) -> list[BindingSubject]:
        """Return the subjects of bindings that its fix is about."""
        return [BindingSubject(*key) for key in self.things if len(key) == len(BindingSubject._fields)]

    def fix(self) -> tuple[str, int]:
        """Return the commands that fix it, and how many different ones these are."""
        if self.kind == PATCHED:
            things = [*self.things.values()]
            return fix_of(self.zone, [(things[0].worst.namespace, one_patch([thing.commands for thing in things]))])
        return fix_of(self.zone, ((thing.worst.namespace, thing.commands) for thing in self.things.values()))


def causes_of(found: Sequence[FindingRecord]) -> list[FindingCause]:
    """Return the causes of the findings of one zone that are not gone; the findings are in order, the worst first."""
    things: dict[Key, _Thing] = defaultdict(_Thing)
    for finding in found:
        if finding.state != GONE:
            things[_thing(finding)].findings.append(finding)
    causes: dict[Key, FindingCause] = {}
    for key, thing in things.items():
        patched = any(is_patch(finding.remedy) for finding in thing.findings)
        about = _patched(thing.worst) if patched else _about(thing.worst)
        cause = causes.get(about)
        if cause is None:
            zone = thing.worst.zone
            cause = causes[about] = FindingCause(digest(zone, *about), about[0], zone)
        cause.things[key] = thing
    return list(causes.values())


def _thing(finding: FindingRecord) -> Key:
    """Return what a remedy of this finding changes."""
    if finding.binding:
        return finding.namespace, finding.binding_kind, finding.binding, finding.subject_kind, finding.subject
    if finding.evidence_in == "tokens":
        return "tokens", finding.subject
    if finding.subject_kind == ANY:
        return "lists", finding.detail
    return finding.check, finding.namespace, finding.subject, finding.role


def _about(finding: FindingRecord) -> Key:
    """Return what is to be decided about, the same for each namespace of a template; its kind comes first."""
    if finding.subject_kind == ANY:
        return "lists", finding.detail
    check, subject = CHECKS.get(finding.check), _template(finding)
    fixed_by = check.fixed_by if check else "binding"
    if fixed_by == "subject":
        return "subject", finding.subject_kind, subject
    if fixed_by == "role":
        return "role", finding.role_kind, finding.role
    if fixed_by == "tokens":
        return "tokens", subject
    if fixed_by == "binding" and finding.binding:
        names = finding.binding_kind, finding.binding, finding.role_kind, finding.role
        return "binding", *names, finding.subject_kind, subject
    return fixed_by, finding.check, finding.subject_kind, subject


def _patched(finding: FindingRecord) -> Key:
    """Return what is decided about where a patch takes subjects out of a binding: all of these together."""
    return PATCHED, finding.binding_kind, finding.binding, finding.role_kind, finding.role, finding.namespace


def _template(finding: FindingRecord) -> str:
    """Return the subject, with a placeholder where it is one of its own namespace."""
    namespace, kind, subject = finding.namespace, finding.subject_kind, finding.subject
    if kind == ACCOUNT and subject.startswith(f"{namespace}:"):
        return f"{_NAMESPACE}:{subject[len(namespace) + 1 :]}"
    if kind == GROUP and subject == f"{ACCOUNTS}:{namespace}":
        return f"{ACCOUNTS}:{_NAMESPACE}"
    return subject


def gravity(severity: str) -> int:
    """Return the rank of a severity, the worst first."""
    return _GRAVITY.get(severity, len(_GRAVITY))


_GRAVITY: Final[Mapping[str, int]] = {severity: at for at, severity in enumerate(SEVERITIES)}


def sentence_of(cause: FindingCause) -> str:
    """Return a cause in one sentence."""
    worst = min((thing.worst for thing in cause.things.values()), key=lambda finding: gravity(finding.severity))
    if cause.kind == "lists":
        return worst.detail
    findings = cause.findings
    places = {finding.namespace for finding in findings}
    namespaces = sorted(places - {EVERY})
    what = _what(cause.kind, worst)
    if EVERY in places:
        where = "cluster-wide"
    else:
        where = f"in {namespaces[0]}" if len(namespaces) == 1 else f"in {len(namespaces):,} namespaces"
    others = sorted({finding.title for finding in findings} - {worst.title})
    more = len(others) - _TITLES
    also = f"; also: {', '.join(others[:_TITLES])}{f' and {more} more' if more > 0 else ''}" if others else ""
    return f"{worst.title}: {what} {where}{also}".replace("  ", " ")


def _what(kind: str, finding: FindingRecord) -> str:
    who = f"{_KINDS.get(finding.subject_kind, '')} {_template(finding).replace(_NAMESPACE, 'NAMESPACE')}".strip()
    if kind == "role":
        return f"{finding.role_kind} {finding.role}"
    if kind == "tokens":
        return f"tokens of {who}"
    if kind == PATCHED:
        return f"{finding.binding_kind} {finding.binding} ({finding.role_kind} {finding.role})"
    if kind == "binding":
        return f"{who} by {finding.binding_kind} {finding.binding} ({finding.role_kind} {finding.role})"
    return who
