"""`period`: the evidence of a quarter, or of any other days, from its runs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from audit import console
from audit.campaigns.folder import CampaignFolder
from audit.checks.settings import settings_of
from audit.command_line.result import Grid, Result
from audit.errors import UsageError
from audit.exit_codes import of_answer
from audit.job.load_config import load_config
from audit.period.access import THROUGHOUT, WITHIN
from audit.period.days import Period
from audit.period.evidence import PeriodEvidence, PeriodReader
from audit.period.findings import durations
from audit.runs.runs import Runs
from audit.storage.store import resolve_store, store_of
from reports.csv import cell

_SHOWN: Final = 100  # rows of a list that is printed; files and JSON have all
_ACCESS: Final = ("when", "zone", "namespace", "subject_kind", "subject", "rights", "created", "since", "seen", "gone")
_DECISIONS: Final = ("on", "by", "decision", "zone", "namespace", "subject", "binding", "why")
_PRIVILEGED: Final = ("in_period", "zone", "subject_kind", "subject", "organization", "rights", "binding")
_LIMIT: Final = (
    "Access that began and ended between two runs is not in any of them: the audit log of the API server shows it."
)
Row = Mapping[str, object]


def period(
    days: tuple[str, str],
    place: str,
    only: Sequence[str],
    campaigns: Sequence[str],
    config: Path | None,
    out: str | None,
) -> Result:
    """Return the evidence of the days `days` (first and last); the result is partial when a day was not covered."""
    asked = _period(*days)
    settings = settings_of(load_config(config) if config else None)
    runs = Runs(store_of(place), console.note)
    folders = [CampaignFolder(resolve_store(folder)) for folder in campaigns]
    for folder in folders:
        folder.check_answers()
    known = {zone.id for run in runs.listed() for zone in run.run.zones}
    for zone in only:
        if zone not in known:
            raise UsageError(f"no run has zone {zone}", where=place, fix=f"known zones: {', '.join(sorted(known))}")
    found = PeriodReader(runs, asked, settings.organization_label, settings.platform).read(only, folders)
    if not found.runs:
        fix = "give the folder of --out as --runs, and days on which runs were made"
        raise UsageError(f"no run from {asked.first} to {asked.last}", where=place, fix=fix)
    tables = _tables(found)
    if out is not None:
        store = store_of(out)
        for name, rows in tables.items():
            store.write(f"period-{name}.csv", _csv(rows))
    return Result(
        value=lambda: {**_head(found), **tables},
        text=_text(found, tables),
        notes=[f"{place}: what depends on it is unknown" for place in found.unread],
        exit_code=of_answer(complete=found.whole),
    )


def _period(first: str, last: str) -> Period:
    days = []
    for option, text in (("--from", first), ("--to", last)):
        try:
            days.append(date.fromisoformat(text))
        except ValueError as error:
            raise UsageError(f"{option} is not a date: {text}", fix="YYYY-MM-DD") from error
    if days[0] > days[1]:
        raise UsageError(f"--from {first} is after --to {last}", fix="swap them")
    return Period(*days)


def _head(found: PeriodEvidence) -> dict[str, object]:
    return {
        "from": found.period.first.isoformat(),
        "to": found.period.last.isoformat(),
        "zones": found.zones,
        "runs": len(found.runs),
        "whole": found.whole,
        "longest_interval_hours": {zone: round(time / timedelta(hours=1), 1) for zone, time in found.intervals.items()},
        "not_seen": found.unread,
        "time_to_removal": durations(found.findings),
    }


def _tables(found: PeriodEvidence) -> dict[str, list[dict[str, str]]]:
    return {
        "days": [asdict(gap) for gap in found.gaps],
        "access": [span.record() for span in found.access],
        "privileged": found.privileged,
        "decisions": found.decisions,
        "findings": [span.record() for span in found.findings],
    }


def _csv(rows: Sequence[Mapping[str, str]]) -> Iterable[bytes]:
    if rows:
        yield (",".join(rows[0]) + "\r\n").encode()
    for row in rows:
        yield (",".join(cell(text) for text in row.values()) + "\r\n").encode(errors="backslashreplace")


def _text(found: PeriodEvidence, tables: Mapping[str, Sequence[Mapping[str, str]]]) -> list[str | Grid]:
    days = (found.period.last - found.period.first).days + 1
    text: list[str | Grid] = [
        f"{found.period.first} to {found.period.last}: {days} days, {len(found.runs)} runs, {len(found.zones)} zones"
    ]
    text += _part("Days on which a zone was not read completely", tables["days"], ("zone", "day", "state", "runs"))
    for zone, time in found.intervals.items():
        text.append(f"{zone}: at most {time / timedelta(hours=1):.1f} hours between two runs")
    text += [_LIMIT, ""]
    moved = [row for row in tables["access"] if row["when"] != THROUGHOUT]
    moved.sort(key=lambda row: row["when"] != WITHIN)
    steady = len(tables["access"]) - len(moved)
    text += _part(f"Access that did not last all the time ({steady} rows of access did)", moved, _ACCESS)
    text += _part("Privileged access, before and after", tables["privileged"], _PRIVILEGED)
    text += _part("Decisions", tables["decisions"], _DECISIONS)
    text += _part("Time from finding to removal", durations(found.findings), None)
    return text


def _part(title: str, rows: Sequence[Row], names: Sequence[str] | None) -> list[str | Grid]:
    if not rows:
        return [f"{title}: none", ""]
    names = names or [*rows[0]]
    shown = Grid(names, [[str(row[name]) for name in names] for row in rows[:_SHOWN]])
    more = [f"{len(rows) - _SHOWN} more: --out and --json have all"] if len(rows) > _SHOWN else []
    return [f"{title}:", shown, *more, ""]
