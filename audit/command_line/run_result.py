"""The result of every command that writes a run: `run`, `merge`, `report` and `demo`."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from audit import console
from audit.command_line.pseudonyms import Names
from audit.command_line.result import Grid, Result
from audit.exit_codes import FINDINGS
from audit.findings.cause_table import CauseRow, FirstCauses
from audit.findings.causes import sentence_of
from audit.findings.worst import FindingGroup, WorstFindings
from audit.job.run import Run
from audit.runs.info import RunInfo
from audit.runs.outcome import RunOutcome
from audit.snapshot.model import REASONS, UNLISTED
from audit.storage.store import Store
from reports.formats import PAGE

_MAX_GAPS = 20
_MAX_CAUSES = 3
_MAX_WORST = 5


def finished(run: Run, names: Names | None = None) -> Result:
    """Write the reports and the manifest of a run; return what it left and what it did not see."""
    if names:
        names.keep()
        console.note(f"the names behind the pseudonyms are in {names.path}")
    outcome, folder = run.finish(), run.store
    info = outcome.run
    assert info is not None  # noqa: S101  it has just ended
    for zone in info.zones:
        note_gaps(zone.id, zone.gaps)
    states = {zone.id: zone.state for zone in info.zones}
    findings = asdict(info.findings) if info.findings else {}
    console.event("run", state=outcome.state, exit_code=outcome.exit_code, zones=states, findings=findings)
    return Result(
        value=lambda: _value(outcome, states, folder, findings),
        # The event says the same to a program that reads stderr.
        text=() if console.for_programs() else _text(outcome, info, folder, run.worst, run.causes),
        exit_code=outcome.exit_code,
        files=True,
    )


def _value(outcome: RunOutcome, states: dict[str, str], folder: Store, findings: object) -> dict[str, object]:
    value = {"state": outcome.state, "zones": states, "folder": folder.where, "findings": findings}
    missing = {part.name: part.reason for part in outcome.missing}
    return value | {"missing": missing} if missing else value


def _text(
    outcome: RunOutcome, run: RunInfo, folder: Store, worst: WorstFindings, causes: FirstCauses
) -> Iterator[str | Grid]:
    rows = [[z.id, z.state, str(z.namespaces), str(z.excluded), z.as_of] for z in run.zones]
    yield Grid(["zone", "state", "namespaces", "left out", "as of"], rows)
    yield ""
    if run.findings:
        yield run.findings.text
    if groups := worst.listed(_MAX_WORST):
        yield Grid(["severity", "findings", "the worst", "where"], [*map(_worst_row, groups)])
        yield ""
    if causes.rows:
        yield Grid(["severity", "findings", "the first causes"], [*map(_cause_row, causes.rows[:_MAX_CAUSES])])
        yield f"{causes.text}: causes.md has the fixes"
        yield ""
    page = f"{folder.where}/{PAGE}" if PAGE in folder.entries() else folder.where
    yield f"{outcome.state}: {page}"
    if outcome.exit_code == FINDINGS and run.findings:
        yield f"exit code {FINDINGS}: {run.findings.failed}"


def _worst_row(group: FindingGroup) -> list[str]:
    return [group.severity, str(group.count), group.title, group.where]


def _cause_row(row: CauseRow) -> list[str]:
    return [row.severity, str(len(row.cause.findings)), f"{row.cause.zone}: {sentence_of(row.cause)}"]


def note_gaps(zone: str, gaps: Sequence[str]) -> None:
    """Write what was not seen of a zone to stderr."""
    if console.for_programs():
        # The answers of a server may name people.
        if gaps:
            console.event("not_seen", {"gaps": [*gaps[:_MAX_GAPS]]}, level="warning", zone=zone, count=len(gaps))
        return
    for gap in gaps[:_MAX_GAPS]:
        console.note(f"{zone}: not seen: {gap}")
    if len(gaps) > _MAX_GAPS:
        console.note(f"{zone}: not seen: {len(gaps) - _MAX_GAPS} more (coverage.csv has all)")
    if any(f"{UNLISTED}: {REASONS['refused']}" in gap for gap in gaps):
        console.note(
            f"{zone}: expected without cluster-wide rights: each yes holds, the rest is unknown (docs/tenant.md)"
        )
