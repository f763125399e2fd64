"""`diff`: what changed between two runs, snapshots or dumps."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from audit import console
from audit.changes.build import ComparisonScope, changes_of, zone_moved
from audit.changes.state import State
from audit.changes.zone import APPEARED, GONE, gaps_of
from audit.command_line.result import Grid, Result, Verbatim
from audit.command_line.sources import saved
from audit.errors import UsageError
from audit.exit_codes import of_answer
from audit.job.comparing import ComparisonBasis
from audit.runs.runs import Runs
from audit.snapshot.model import Snapshot, gap_lines
from audit.snapshot.stale import staleness
from audit.storage.store import locate
from audit.tables.model import Table, joined, table_of

FORMATS: Final = ("table", "csv", "markdown")
_SHOWN: Final = ("change", "zone", "namespace", "repository", "subject", "before", "after", "cause")


class _Side(NamedTuple):
    """One side of the comparison: its zones, and whether these were all zones at that time."""

    zones: Mapping[str, Snapshot]
    every_zone: bool = False


def diff(old: str, new: str, output: str, config: Path | None) -> Result:
    """Return the changes from `old` to `new`; the result is partial when not everything could be compared.

    `config` says which namespaces count, and which label names their organization.
    """
    if output not in FORMATS:
        raise UsageError(f"no such format: {output}", fix=f"choose from {', '.join(FORMATS)}")
    basis, from_run = ComparisonBasis.of(config), locate(old)[1]
    before, after = _paired(_side(old), _side(new))
    tables, complete = [table_of("changes", [])], True
    for zone in sorted(before.zones.keys() | after.zones.keys()):
        was, now = before.zones.get(zone), after.zones.get(zone)
        if was and now:
            if was.origin.names != now.origin.names:
                raise UsageError(
                    f"{zone}: the pseudonyms in {old} and {new} are of different keys", fix="compare runs of one key"
                )
            tables.append(_changes(was, now, basis, from_run))
            gaps = [*_gaps(zone, was, now)]
            for gap in gaps:
                console.note(gap)
            complete &= not gaps
        elif before.every_zone and after.every_zone:
            tables.append(zone_moved(zone, APPEARED if now else GONE, from_run))
        else:
            complete = False
            console.note(f"{zone}: not compared: only in {new if now else old}")
    changes = joined(tables)
    unchanged = output == "table" and not len(changes)
    return Result(
        value=changes.records,
        text=_text(changes, output, old),
        notes=["nothing changed"] if unchanged else (),
        exit_code=of_answer(complete=complete),
    )


def _changes(before: Snapshot, after: Snapshot, basis: ComparisonBasis, from_run: str) -> Table:
    namespaces = basis.namespaces(before, after)
    scope = ComparisonScope(namespaces, basis.organization_label, from_run)
    return changes_of(State.of(before, namespaces), State.of(after, namespaces), scope)


def _side(place: str) -> _Side:
    """Read one side; of a run, only what is as the run wrote it."""
    store, name = locate(place)
    runs = Runs(store, console.note)
    run = runs.named(name)
    if run is None:
        return _Side({snapshot.origin.zone: snapshot for snapshot in saved([place])})
    found = {zone.id: snapshot for zone in run.run.zones if (snapshot := runs.snapshot(run, zone.id))}
    if not found:
        raise UsageError("no snapshot of this run can be used", where=place, fix="give another run")
    return _Side(found, run.run.every_zone)


def _paired(before: _Side, after: _Side) -> tuple[_Side, _Side]:
    """Return both sides; if each has one zone only, they are the same zone: a dump is named after its folder."""
    if len(before.zones) == len(after.zones) == 1 and before.zones.keys() != after.zones.keys():
        (was,), (now,) = before.zones, after.zones
        console.note(f"note: zone {was} before is compared with zone {now} now")
        return _Side({now: before.zones[was]}), after
    return before, after


def _gaps(zone: str, before: Snapshot, after: Snapshot) -> Iterator[str]:
    """Yield what was not seen on either side."""
    for when, snapshot in (("before", before), ("now", after)):
        stale = [staleness(snapshot.origin)] if snapshot.origin.stale else []
        yield from (f"{zone}: not seen {when}: {line}" for line in (*stale, *gap_lines(gaps_of(snapshot))))


def _text(changes: Table, output: str, since: str) -> Iterator[Grid | Verbatim]:
    if output == "csv":
        from reports.csv import csv_chunks

        yield Verbatim(b"".join(csv_chunks("changes", [changes])).decode())
    elif output == "markdown":
        from reports.markdown import changes_summary

        yield Verbatim(changes_summary(changes, since))
    elif len(changes):
        yield Grid(_SHOWN, _rows(changes))


def _rows(changes: Table) -> Iterator[list[str]]:
    for row in changes.records():
        cells = {name: str(value) for name, value in row.items()}
        who = f"{cells['subject_kind']} {cells['subject']}" if cells["subject"] else cells["object"]
        yield [{**cells, "subject": who}[name] for name in _SHOWN]
