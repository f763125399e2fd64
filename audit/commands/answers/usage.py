"""`usage`: which access to images was used, by whom and when, as logs say it, and what the logs cover."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from audit.command_line.result import Grid, Result
from audit.command_line.typed import place_of, subject_of
from audit.errors import UsageError
from audit.exit_codes import of_answer
from audit.rbac.subjects import ACCOUNT, ACCOUNT_PREFIX, Identity, user
from audit.storage.store import store_of
from audit.usage.coverage import Coverage
from audit.usage.files import Read, read_files
from audit.usage.history import History, Window, sums, windows
from audit.usage.requests import Damaged

_COLUMNS: Final = (
    *("subject_kind", "subject", "action", "namespace", "repository", "outcome", "count", "days", "first", "last"),
    *("source", "grant"),
)
_SUBJECTS: Final = ("user", "sa", "serviceaccount")


def usage(topic: str, logs: Sequence[Path], runs: str | None, zone: str | None, replicas: int | None) -> Result:
    """Return the uses that a namespace, repository or subject is part of.

    `logs` are read; with `runs`, they are kept there, and what was kept before is answered from too.
    """
    if not logs and runs is None:
        raise UsageError("no logs to read", fix="--usage PATH with logs, or --runs DIR with the folder of runs")
    if runs is not None and zone is None:
        raise UsageError("--runs needs --zone ID", fix="give the zone that the logs are from")
    wanted = _wanted(topic)
    read = read_files(logs) if logs else None
    late = 0
    if runs is None or zone is None:
        table, covered = (sums(read), list(windows(read))) if read else (pa.table({}), [])
    else:
        history = History(store_of(runs), zone)
        late = history.add(read) if read else 0
        history.close(datetime.now(UTC).date())
        table, covered = history.totals(**wanted), history.coverage()
    uses = [use for use in table.to_pylist() if all(use[name] == value for name, value in wanted.items())]
    rows = [_row(use) for use in uses]
    return Result(
        value=lambda: {"uses": rows, "coverage": [_window(window) for window in covered]},
        text=[Grid(_COLUMNS, [[str(row[name]) for name in _COLUMNS] for row in rows])] if rows else (),
        notes=[*([] if rows else [f"no use of {topic} in these logs"]), *_notes(read, covered, replicas, late)],
        exit_code=of_answer(complete=not (read and read.damaged.count)),
    )


def _wanted(topic: str) -> dict[str, str]:
    """Return the columns and their values that `NAMESPACE`, `NAMESPACE/REPOSITORY` or a subject means."""
    prefix, slash, name = topic.partition("/")
    if slash and prefix.lower() in _SUBJECTS:
        return {"user": _user_name(subject_of(topic))}
    if slash and prefix.lower() == "group":
        raise UsageError("logs do not record groups", where=topic, fix="ask for user/NAME or sa/NAMESPACE:NAME")
    place = place_of(name if slash and prefix.lower() in {"ns", "namespace"} else topic)
    return {"namespace": place.namespace, **({"repository": place.repository} if place.repository else {})}


def _user_name(subject: Identity) -> str:
    return f"{ACCOUNT_PREFIX}{subject.name}" if subject.kind == ACCOUNT else subject.name


def _row(use: Mapping[str, Any]) -> dict[str, object]:
    subject = user(str(use["user"]))
    return {
        "subject_kind": subject.kind,
        "subject": subject.name,
        **{name: use[name] for name in ("action", "namespace", "repository")},
        "outcome": "denied" if use["denied"] else "done",
        **{name: use[name] for name in ("count", "days")},
        **{name: _second(use[name]) for name in ("first", "last")},
        **{name: use[name] for name in ("source", "grant")},
    }


def _window(window: Window) -> dict[str, object]:
    times = {"begin": _second(window.begin), "end": _second(window.end)}
    return {**window._asdict(), **times, "levels": sorted(window.levels)}


def _notes(read: Read | None, covered: Sequence[Window], replicas: int | None, late: int) -> Iterator[str]:
    for window in covered:
        levels = ", ".join(sorted(window.levels))
        yield f"{window.source} {window.pod}: {_second(window.begin)} to {_second(window.end)}, level {levels}"
    if covered:
        begin, end = min(window.begin for window in covered), max(window.end for window in covered)
        for missing in Coverage(covered, replicas).missing(begin, end):
            yield f"not covered: {_second(missing.begin)} to {_second(missing.end)}: {missing.reason}"
    if late:
        yield f"{late} requests are from days that were already aggregated: each use has the larger of both counts"
    damaged = read.damaged if read else Damaged()
    if damaged.count:
        yield f"{damaged.count} lines could not be read, among them: {' | '.join(damaged.examples)}"


def _second(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
