"""A zone's findings: all checks over it, what the checks could not see, and since when each thing is so."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from audit.checks.check import Check, Finding
from audit.checks.context import CheckContext
from audit.checks.rules.registry import CHECKS
from audit.checks.settings import Settings
from audit.rbac.subjects import ANY
from audit.snapshot.model import Snapshot, gap_lines
from audit.tables.model import ANSWERS, SEVERITIES, UNKNOWN, Table, table_of

FILE: Final = "findings.json"
FORMAT: Final = "registry-audit findings"
VERSION: Final = 1
NEW, OPEN, ACCEPTED, GONE = "new", "open", "accepted", "gone"


class FindingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A finding as it is kept and published: the columns of the table `findings`; `answer` is a word."""

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


class _Kept(msgspec.Struct, frozen=True):
    format: str
    version: int
    findings: list[msgspec.Raw]


def judge(context: CheckContext, settings: Settings, seen: str) -> list[FindingRecord]:
    """Return what all checks find in one zone, and what they could not see; `seen` is when (RFC 3339)."""
    found = [
        _found(check, settings, finding, seen)
        for check in CHECKS.values()
        if check.id not in settings.off
        for finding in (*check.find(context), *_unseen(check, context.snapshot))
    ]
    return sorted(found, key=order)


def order(finding: FindingRecord) -> tuple[int, str, str, str, str, str, str]:
    """Return what findings are sorted by: the worst first, then by place and subject."""
    place = finding.zone, finding.namespace, finding.check, finding.subject, finding.binding, finding.id
    return SEVERITIES.index(finding.severity), *place


def _found(check: Check, settings: Settings, finding: Finding, seen: str) -> FindingRecord:
    severity = finding.severity or settings.severities.get(check.id, check.severity)
    return FindingRecord(
        id=_id(check, finding),
        check=check.id,
        title=check.title,
        severity=severity,
        confidence=check.confidence,
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
        controls=", ".join(check.controls),
        first_seen=seen,
        last_seen=seen,
        rows=finding.rows,
        evidence_in=finding.evidence_in,
    )


def _id(check: Check, finding: Finding) -> str:
    """Return an id of what it is about only: neither order nor time, and no word that may be put better one day."""
    # A finding about a role that no binding is part of is told from others by the role.
    about = (finding.binding_kind, finding.binding) if finding.binding else (finding.role_kind, finding.role)
    parts = (finding.zone, finding.namespace, check.id, finding.subject_kind, finding.subject, *about)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]


def _unseen(check: Check, snapshot: Snapshot) -> Iterator[Finding]:
    """Yield the one row that says that a check cannot say no: lists that it needs could not be read or were not."""
    gaps = [gap for kind in check.needs for gap in snapshot.gaps_of(kind)]
    unasked = [kind for kind in check.needs if not snapshot.requested(kind)]
    if gaps or unasked:
        said = [*gap_lines(gaps)[:_GAPS_TOLD], *(f"{kind}: nobody asked for them" for kind in unasked)]
        more = len(gap_lines(gaps)) - _GAPS_TOLD
        yield Finding(
            zone=snapshot.origin.zone,
            namespace="*",
            subject_kind=ANY,
            subject="*",
            detail="; ".join(["not known: what decides was not seen", *said, *([f"{more} more"] if more > 0 else [])]),
            evidence_in="coverage",
            rows=len(gaps) + len(unasked),
            answer=UNKNOWN,
            # That nobody wanted to know is worth a line, and no alarm.
            severity=None if gaps else "info",
        )


_GAPS_TOLD: Final = 5


def since(
    found: Sequence[FindingRecord], before: Sequence[FindingRecord], context: CheckContext, settings: Settings
) -> list[FindingRecord]:
    """Return the findings with what an earlier run knew of them: since when, and which are gone.

    What was found `before` and is not found now is gone only when all that decides was seen; else it is carried on as
    not known. Namespaces that are left out now and checks that are off say nothing any more.
    """
    earlier = {one.id: one for one in before if one.state != GONE}
    now = [
        msgspec.structs.replace(one, state=OPEN, first_seen=earlier[one.id].first_seen) if one.id in earlier else one
        for one in found
    ]
    here = {one.id for one in found}
    asked = {*CHECKS} - settings.off
    left = [one for one in earlier.values() if one.id not in here and one.check in asked and not _about_lists(one)]
    now += [_no_more(one, context.snapshot) for one in left if not context.left_out(one.namespace)]
    return sorted(now, key=order)


def _about_lists(finding: FindingRecord) -> bool:
    """Say whether a finding only says that lists were not seen: of this, the run itself says what holds now."""
    return finding.subject_kind == ANY


def _no_more(finding: FindingRecord, snapshot: Snapshot) -> FindingRecord:
    """Return a finding that is not found any more: gone, or not known when it could not be looked for."""
    blanks = {"exception": "", "until": ""}
    if not _blind(finding, snapshot):
        return msgspec.structs.replace(finding, state=GONE, **blanks)
    detail = finding.detail.removesuffix(_CARRIED) + _CARRIED
    return msgspec.structs.replace(finding, state=OPEN, answer=ANSWERS[UNKNOWN], detail=detail, **blanks)


_CARRIED: Final = " (so it was when it was last seen; what decides could not be seen now)"


def _blind(finding: FindingRecord, snapshot: Snapshot) -> bool:
    """Say whether the lists that decide about a finding lack anything at its place."""
    for kind in CHECKS[finding.check].needs:
        if not snapshot.requested(kind):
            return True
        places = {gap.namespace for gap in snapshot.gaps_of(kind)}
        if "" in places or finding.namespace in places or (places and finding.namespace == "*"):
            return True
        listed = snapshot.code(finding.namespace) in snapshot.tables["namespaces"]["name"]
        if "*" in places and not listed:
            return True
    return False


def findings_table(found: Sequence[FindingRecord]) -> Table:
    """Return the table `findings`, in the given order."""
    rows: list[Mapping[str, str | int]] = [
        {**msgspec.structs.asdict(one), "answer": ANSWERS.index(one.answer)} for one in found
    ]
    return table_of("findings", rows)


def encode_findings(tables: Iterable[Table]) -> Iterator[bytes]:
    """Yield the tables `findings` of a run as one JSON text: what the next run reads, and programs may."""
    yield f'{{\n "format": "{FORMAT}",\n "version": {VERSION},\n "findings": ['.encode()
    separator = b"\n  "
    for table in tables:
        for row in table.records():
            yield separator + msgspec.json.encode(row)
            separator = b",\n  "
    yield b"\n ]\n}\n"


_KEPT: Final = msgspec.json.Decoder(_Kept)


def decode_findings(data: bytes) -> dict[str, list[msgspec.Raw]]:
    """Return what `encode_findings` wrote, by zone, each finding as yet undecoded. Raises ValueError for anything else.

    A fleet's findings are many, and those of one zone are wanted at a time: `found_of` decodes them.
    """
    kept = _KEPT.decode(data)
    if kept.format != FORMAT or kept.version != VERSION:
        raise ValueError(f"these findings have version {kept.version}, and this program reads version {VERSION}")
    zones: dict[str, list[msgspec.Raw]] = {}
    for one in kept.findings:
        # Decoded to see whether it can be, and left: a fleet's would fill the memory.
        zones.setdefault(_FOUND.decode(one).zone, []).append(one)
    return zones


def found_of(raw: Iterable[msgspec.Raw]) -> list[FindingRecord]:
    """Return the findings that `decode_findings` gave for a zone."""
    return [_FOUND.decode(one) for one in raw]


_FOUND: Final = msgspec.json.Decoder(FindingRecord)
