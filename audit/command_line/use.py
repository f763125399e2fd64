"""Where a question about use gets its answer from: logs, or what runs have kept."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import pyarrow as pa

from audit.command_line.options import UseOptions
from audit.config.usage import UsageConfig
from audit.errors import UsageError
from audit.snapshot.model import Snapshot
from audit.storage.store import store_of
from audit.usage.builds import build_totals
from audit.usage.files import read_files
from audit.usage.history import History, sums, windows
from audit.usage.zone_use import ZoneUse

_MOST_DAYS: Final = 3650


def use_of(snapshot: Snapshot, options: UseOptions) -> ZoneUse:
    """Return the use of a zone. Raises UsageError when the options name both logs and runs, or nothing tells of use.

    Facts tell of use if builds or pods were listed.
    """
    traces = snapshot.requested("builds") or snapshot.requested("pods")
    if bool(options.usage) == (options.runs is not None) and (options.usage or not traces):
        fix = "--usage PATH for logs, --runs DIR for what runs have kept"
        raise UsageError("give either --usage or --runs", fix=fix)
    settings = UsageConfig(replicas=options.replicas, threshold_days=options.days)
    finished = snapshot.origin.finished
    as_of = datetime.fromisoformat(finished) if finished else datetime.now(UTC)
    if options.runs is not None:
        history = History(store_of(options.runs), snapshot.origin.zone)
        return ZoneUse(_with_builds(history.totals(), snapshot), history.coverage(), settings, as_of)
    if not options.usage:
        return ZoneUse(build_totals(snapshot), [], settings, as_of)
    read = read_files(options.usage)
    return ZoneUse(_with_builds(sums(read), snapshot), [*windows(read)], settings, as_of, read.damaged.count)


def _with_builds(totals: pa.Table, snapshot: Snapshot) -> pa.Table:
    return pa.concat_tables([totals, build_totals(snapshot)])


def unused_in(snapshots: Sequence[Snapshot], options: UseOptions, days: str) -> dict[str, ZoneUse]:
    """Return the use of each zone by what was not used for `days`: `90d`, or `90`. Raises UsageError."""
    number = days.removesuffix("d")
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= _MOST_DAYS):
        raise UsageError("not a number of days", where=days, fix="--unused-for 90d")
    if options.usage and len(snapshots) > 1:
        raise UsageError("which zone are these logs from?", fix="--zone with one zone")
    options = replace(options, days=int(number))
    return {snapshot.origin.zone: use_of(snapshot, options) for snapshot in snapshots}


def gap_notes(use: ZoneUse) -> list[str]:
    """Return what the logs do not cover, one line each."""
    covers = use.covers()
    damaged = [f"{covers.damaged} lines of the logs could not be read"] if covers.damaged else []
    return [*damaged, *(f"not covered: {gap}" for gap in covers.gaps)]
