"""The findings of a zone: what all checks find, which lists are missing, and since when each finding is open."""

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from hashlib import sha256
from operator import attrgetter
from typing import Final

import msgspec
import numpy as np

from audit.checks.check import Check, Finding, GrantFindings
from audit.checks.context import CheckContext
from audit.checks.rules.registry import CHECKS
from audit.checks.settings import Settings
from audit.controls.model import ControlCatalog
from audit.format_version import later, too_new
from audit.rbac.subjects import ANY
from audit.snapshot.model import gap_lines
from audit.tables.model import Numbers, Table, Text, text_column
from audit.tables.schemas import ANSWERS, SCHEMAS, SEVERITIES, UNKNOWN, YES

FILE: Final = "findings.json"
FORMAT: Final = "registry-audit findings"
VERSION: Final = 1
NEW, OPEN, ACCEPTED, GONE = "new", "open", "accepted", "gone"


class FindingRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A finding as it is stored: the columns of the table `findings`; `answer` is a word."""

    id: str
    check: str
    title: str
    severity: str
    confidence: str
    state: str
    answer: str
    zone: str
    namespace: str
    repository: str
    subject_kind: str
    subject: str
    binding_kind: str
    binding: str
    role_kind: str
    role: str
    detail: str
    remedy: str
    controls: str
    first_seen: str
    last_seen: str
    exception: str = ""
    until: str = ""
    rows: int
    evidence_in: str
    cause: str = ""


class _Kept(msgspec.Struct, frozen=True):
    format: str
    version: int
    findings: list[msgspec.Raw]


def judge(context: CheckContext, settings: Settings, seen: str) -> list[FindingRecord]:
    """Return what all checks find in one zone, and which lists they miss; `seen` is when it was read (RFC 3339)."""
    found: list[FindingRecord] = []
    for check in CHECKS.values():
        if check.id in settings.off:
            continue
        severity = settings.severities.get(check.id, check.severity)
        for finding in (*check.find(context), *_unseen(check, context)):
            if isinstance(finding, GrantFindings):
                found += _of_grants(check, severity, settings.controls, finding, seen)
            else:
                found.append(_found(check, finding.severity or severity, settings.controls, finding, seen))
    return in_order(found)


def order(finding: FindingRecord) -> tuple[int, str, str, str, str, str, str]:
    """Return the sort key of findings: the worst first, then by place and subject."""
    return (SEVERITIES.index(finding.severity), *_PLACE(finding))


def in_order(found: Sequence[FindingRecord]) -> list[FindingRecord]:
    """Return findings sorted by `order`, without a call for each."""
    by_severity: dict[str, list[FindingRecord]] = {severity: [] for severity in SEVERITIES}
    for finding in found:
        by_severity[finding.severity].append(finding)
    return [finding for findings in by_severity.values() for finding in sorted(findings, key=_PLACE)]


_PLACE: Final = attrgetter("zone", "namespace", "check", "subject", "binding", "id")


def _found(check: Check, severity: str, controls: ControlCatalog, finding: Finding, seen: str) -> FindingRecord:
    # A finding without a binding is identified by its role.
    about = (finding.binding_kind, finding.binding) if finding.binding else (finding.role_kind, finding.role)
    role = finding.role if finding.role_kind == "ClusterRole" else ""
    return FindingRecord(
        id=digest(finding.zone, finding.namespace, check.id, finding.subject_kind, finding.subject, *about),
        check=check.id,
        title=check.title,
        severity=severity,
        confidence=finding.confidence or check.confidence,
        state=NEW,
        answer=ANSWERS[finding.answer],
        zone=finding.zone,
        namespace=finding.namespace,
        repository=finding.repository,
        subject_kind=finding.subject_kind,
        subject=finding.subject,
        binding_kind=finding.binding_kind,
        binding=finding.binding,
        role_kind=finding.role_kind,
        role=finding.role,
        detail=finding.detail,
        remedy="\n".join(finding.remedy),
        controls=", ".join(controls.of_finding(check.id, finding.subject_kind, finding.subject, role)),
        first_seen=seen,
        last_seen=seen,
        rows=finding.rows,
        evidence_in=finding.evidence_in,
    )


def _of_grants(
    check: Check, severity: str, controls: ControlCatalog, found: GrantFindings, seen: str
) -> Iterator[FindingRecord]:
    """Yield the findings about many grants: there are tens of thousands, so that nothing is built in between."""
    zone = found.zone
    touched = cache(lambda *about: ", ".join(controls.of_finding(check.id, *about)))
    for grant, detail, remedy in zip(found.grants, found.details, found.remedies, strict=True):
        namespace, kind, subject, binding_kind, binding, role_kind, role, _, repositories, rows = grant
        yield FindingRecord(
            id=digest(zone, namespace, check.id, kind, subject, binding_kind, binding),
            check=check.id,
            title=check.title,
            severity=severity,
            confidence=check.confidence,
            state=NEW,
            answer=ANSWERS[YES],
            zone=zone,
            namespace=namespace,
            repository=repositories,
            subject_kind=kind,
            subject=subject,
            binding_kind=binding_kind,
            binding=binding,
            role_kind=role_kind,
            role=role,
            detail=detail,
            remedy=remedy,
            controls=touched(kind, subject, role if role_kind == "ClusterRole" else ""),
            first_seen=seen,
            last_seen=seen,
            rows=rows,
            evidence_in="grants",
        )


def digest(*about: str) -> str:
    """Return a digest of what a finding is about; it does not depend on order, time or wording.

    What is hashed is the texts as a JSON list.
    """
    return sha256(f"[{', '.join(map(_as_json, about))}]".encode()).hexdigest()[:20]


# The same names are in thousands of findings.
_as_json: Final = lru_cache(maxsize=1 << 16)(json.dumps)


def _unseen(check: Check, context: CheckContext) -> Iterator[Finding]:
    """Yield the one unknown finding of a check whose lists could not all be read, or were not requested.

    Routes that were not followed are missing likewise.
    """
    snapshot = context.snapshot
    routes = context.routes.missing if check.routes else ()
    gaps = [gap for kind in check.needs for gap in snapshot.gaps_of(kind)]
    not_requested = [kind for kind in check.needs if not snapshot.requested(kind)]
    if gaps or not_requested or routes:
        missing = [*gap_lines(gaps)[:_GAPS_SHOWN], *routes, *(f"{kind}: not requested" for kind in not_requested)]
        more = len(gap_lines(gaps)) - _GAPS_SHOWN
        yield Finding(
            zone=snapshot.origin.zone,
            namespace="*",
            subject_kind=ANY,
            subject="*",
            detail="; ".join(
                ["unknown: lists that decide this are missing", *missing, *([f"{more} more"] if more > 0 else [])]
            ),
            evidence_in="coverage",
            rows=len(gaps) + len(not_requested) + len(routes),
            answer=UNKNOWN,
            # A list that nobody requested is worth a line, and no alarm.
            severity=None if gaps or routes else "info",
        )


_GAPS_SHOWN: Final = 5


def since(
    found: Sequence[FindingRecord], before: Sequence[FindingRecord], context: CheckContext, settings: Settings
) -> list[FindingRecord]:
    """Return the findings, in order, with what an earlier run recorded: since when each is open, and which are gone.

    A finding in `before` that is not found now is gone only if all lists that decide it were read; otherwise it
    remains, as unknown. Findings of excluded namespaces and disabled checks are dropped.
    """
    earlier = {finding.id: finding for finding in before if finding.state != GONE}
    now = [
        msgspec.structs.replace(finding, state=OPEN, first_seen=earlier[finding.id].first_seen)
        if finding.id in earlier
        else finding
        for finding in found
    ]
    here = {finding.id for finding in found}
    enabled = {*CHECKS} - settings.off
    left = [
        finding
        for finding in earlier.values()
        if finding.id not in here and finding.check in enabled and not _about_lists(finding)
    ]
    carried = [_no_more(finding, context) for finding in left if not context.left_out(finding.namespace)]
    return in_order([*now, *carried]) if carried else now


def _about_lists(finding: FindingRecord) -> bool:
    """Return whether a finding only says that lists are missing: each run reports this for itself."""
    return finding.subject_kind == ANY


def _no_more(finding: FindingRecord, context: CheckContext) -> FindingRecord:
    """Return a finding that is no longer found: gone, or unknown if it could not be looked for."""
    blanks = {"exception": "", "until": ""}
    if not _blind(finding, context):
        return msgspec.structs.replace(finding, state=GONE, **blanks)
    detail = finding.detail.removesuffix(_CARRIED) + _CARRIED
    return msgspec.structs.replace(finding, state=OPEN, answer=ANSWERS[UNKNOWN], detail=detail, **blanks)


_CARRIED: Final = " (as last seen; the lists that decide this are missing now)"


def _blind(finding: FindingRecord, context: CheckContext) -> bool:
    """Return whether the lists that decide a finding have a gap at its place, or its routes were not followed."""
    snapshot, check = context.snapshot, CHECKS[finding.check]
    if check.routes and context.routes.misses(finding.subject_kind, finding.subject):
        return True
    for kind in check.needs:
        if not snapshot.requested(kind):
            return True
        # A route may begin and pass anywhere.
        if (finding.namespace == "*" or check.routes) and snapshot.gaps_of(kind):
            return True
        if snapshot.gaps_in(kind, finding.namespace):
            return True
    return False


def findings_table(found: Sequence[FindingRecord]) -> Table:
    """Return the table `findings`, in the given order."""
    columns: dict[str, Text | Numbers] = {}
    for column in SCHEMAS["findings"]:
        values = map(attrgetter(column.name), found)
        if column.type == "text":
            columns[column.name] = text_column([*values])
        else:
            numbers = map(ANSWERS.index, values) if column.type == "answer" else values
            columns[column.name] = np.fromiter(numbers, dtype=np.int32, count=len(found))
    return Table("findings", columns)


def encode_findings(tables: Iterable[Table]) -> Iterator[bytes]:
    """Yield the tables `findings` of a run as one JSON document, which the next run reads."""
    yield f'{{\n "format": "{FORMAT}",\n "version": {VERSION},\n "findings": ['.encode()
    separator = b"\n  "
    for table in tables:
        for row in table.records():
            yield separator + msgspec.json.encode(row)
            separator = b",\n  "
    yield b"\n ]\n}\n"


_KEPT: Final = msgspec.json.Decoder(_Kept)


def decode_findings(data: bytes) -> dict[str, list[msgspec.Raw]]:
    """Return what `encode_findings` wrote by zone, each finding still encoded. Raises ValueError for anything else.

    Those of one zone are decoded at a time, by `found_of`: a fleet has many.
    """
    try:
        kept = _KEPT.decode(data)
    except msgspec.MsgspecError as error:
        if wrong := too_new(data, FORMAT, VERSION):
            raise ValueError(f"the file {wrong}") from error
        raise
    if kept.format != FORMAT or kept.version != VERSION:
        wrong = f"has format version {kept.version}" if kept.format == FORMAT else f"is not {FORMAT}"
        raise ValueError(f"the file {later(kept.version, VERSION) or wrong}")
    zones: dict[str, list[msgspec.Raw]] = {}
    for finding in kept.findings:
        # Decoded only to validate it: a fleet's findings would fill the memory.
        zones.setdefault(_FOUND.decode(finding).zone, []).append(finding)
    return zones


def found_of(raw: Iterable[msgspec.Raw]) -> list[FindingRecord]:
    """Decode the findings of a zone."""
    return [_FOUND.decode(item) for item in raw]


_FOUND: Final = msgspec.json.Decoder(FindingRecord)
