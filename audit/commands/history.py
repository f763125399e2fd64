"""`history`: since when a subject has its access, or a namespace has those who have access to it, run by run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple

from audit import console
from audit.changes.build import ComparisonScope, changes_of
from audit.changes.state import State
from audit.changes.zone import gaps_of
from audit.commands.ask import place_of, subject_of
from audit.errors import DONE, PARTIAL, UsageError
from audit.job.comparing import Basis
from audit.rbac.rules import RIGHTS
from audit.rbac.subjects import Identity
from audit.runs.runs import EarlierRun, Runs
from audit.snapshot.model import STALE
from audit.storage.store import store_of
from audit.tables.model import ANSWERS, NO, UNKNOWN, Table

_PREFIXES: Final = ("ns", "namespace")
_KEY: Final = ("namespace", "repository", "subject_kind", "subject")
_CHANGES: Final = ("run", "change", "zone", "namespace", "subject", "before", "after", "cause")
_SPANS: Final = ("zone", "namespace", "repository", "subject", "rights", "since", "until", "cause")
_NOT_SEEN: Final = ("failed", STALE)
Row = Mapping[str, str]


class _About(NamedTuple):
    """What is asked about: a subject, or else a namespace."""

    who: Identity | None
    namespace: str
    organization_label: str

    @property
    def namespaces(self) -> list[str] | None:
        """Return the namespaces that have to be looked at; None for all."""
        return None if self.who else [self.namespace]

    def concerns(self, row: Row) -> bool:
        """Say whether a change is about it; for a namespace, what is cluster-wide is so when it is access."""
        if self.who:
            return (row["subject_kind"], row["subject"]) == self.who and row["object"] == "access"
        return row["namespace"] == self.namespace or (row["namespace"] == "*" and row["object"] in {"access", "zone"})

    def access(self, table: Table) -> Iterator[Row]:
        """Yield the rows of `access` that are about it."""
        if self.who:
            kind, name = self.who
            table = table.take(table.where("subject_kind", {kind}) & table.where("subject", {name}))
        for row in table.records():
            yield {name: str(value) for name, value in row.items()}


@dataclass(frozen=True, slots=True)
class Span:
    """Rights that stayed the same: from run `since` (empty: before all runs) until run `until` (empty: they still are).

    `cause` says what made them so.
    """

    zone: str
    namespace: str
    repository: str
    subject_kind: str
    subject: str
    rights: str
    since: str = ""
    until: str = ""
    cause: str = ""


@dataclass(slots=True)
class _Told:
    """What the runs say, newest first, and which of them did not see all."""

    spans: list[Span] = field(default_factory=list)
    changes: list[dict[str, str]] = field(default_factory=list)
    not_seen: list[str] = field(default_factory=list)
    runs: int = 0


def history(asked: str, place: str, only: Sequence[str], config: Path | None, *, as_json: bool) -> int:
    """Print the spans of access and the changes; return the exit code, PARTIAL when some run did not see all.

    `config` says by which label namespaces belong to organizations.
    """
    about, runs = _about(asked, Basis.of(config).organization_label), Runs(store_of(place), console.note)
    zones = sorted({zone.id for run in runs.listed() for zone in run.run.zones})
    for zone in only:
        if zone not in zones:
            raise UsageError(f"no run is of zone {zone}", where=place, fix=f"there are {', '.join(zones)}")
    told = _Told()
    for zone in only or zones:
        _walk(runs, zone, about, told)
    if not told.runs:
        raise UsageError("no run with a snapshot is here", where=place, fix="--runs with what --out was")
    _print(told, as_json=as_json)
    return PARTIAL if told.not_seen else DONE


def _about(asked: str, label: str) -> _About:
    prefix, slash, name = asked.partition("/")
    if slash and prefix.lower() in _PREFIXES:
        return _About(None, place_of(name).namespace, label)
    return _About(subject_of(asked), "", label)


def _walk(runs: Runs, zone: str, about: _About, told: _Told) -> None:
    """Go from the newest run to the oldest, with no more than two of them in memory."""
    newer: tuple[EarlierRun, State] | None = None
    spans: dict[tuple[str, ...], Span] = {}
    for run in reversed(runs.listed()):
        state = _state(runs, run, zone, about, told)
        if state is None:
            continue
        if newer and state.snapshot.origin.names != newer[1].snapshot.origin.names:
            # Names of another key are all others: what it saw cannot be told of these.
            told.not_seen.append(f"{run.id}/{zone}")
            continue
        if newer is None:
            spans = {_key(row): _span(zone, row, _rights(row)) for row in about.access(state.access)}
        else:
            _step(state, newer, about, spans, told)
        newer = run, state
    told.spans += spans.values()


def _state(runs: Runs, run: EarlierRun, zone: str, about: _About, told: _Told) -> State | None:
    """Return what a run saw of a zone, None when it saw nothing or was not of it."""
    seen = next((one.state for one in run.run.zones if one.id == zone), None)
    if seen is None:
        return None
    snapshot = runs.snapshot(run, zone) if seen not in _NOT_SEEN else None
    if snapshot is None or gaps_of(snapshot):
        told.not_seen.append(f"{run.id}/{zone}")
    if snapshot is None:
        return None
    told.runs += 1
    return State.of(snapshot, about.namespaces)


def _step(
    older: State, newer: tuple[EarlierRun, State], about: _About, spans: dict[tuple[str, ...], Span], told: _Told
) -> None:
    """Take the changes between two runs: a span begins with the newer one, and another ends there."""
    run, state = newer
    scope = ComparisonScope(about.namespaces, about.organization_label)
    for row in changes_of(older, state, scope).records():
        cells = {name: str(value) for name, value in row.items()}
        if not about.concerns(cells):
            continue
        told.changes.append({"run": run.id, **cells})
        if cells["object"] != "access":
            continue
        key = _key(cells)
        ended = spans.pop(key, None)
        if ended:
            told.spans.append(replace(ended, since=run.id, cause=cells["cause"]))
        if cells["before"]:
            spans[key] = _span(older.zone, cells, cells["before"], until=run.id)


def _span(zone: str, row: Row, rights: str, until: str = "") -> Span:
    return Span(zone, **{name: row[name] for name in _KEY}, rights=rights, until=until)


def _key(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in _KEY)


def _rights(row: Row) -> str:
    marks = {ANSWERS[UNKNOWN]: "?"}
    return ", ".join(name + marks.get(row[name], "") for name in RIGHTS if row[name] != ANSWERS[NO])


def _print(told: _Told, *, as_json: bool) -> None:
    spans = sorted(told.spans, key=lambda one: (one.zone, one.namespace, one.repository, one.subject, one.until or "~"))
    if as_json:
        content = {"runs": told.runs, "spans": [asdict(one) for one in spans], "changes": told.changes}
        console.result_json({**content, "not_seen": told.not_seen})
        return
    for one in told.not_seen:
        console.note(f"{one}: not all was seen: what depends on it is not known")
    if not spans:
        console.note(f"no access in {told.runs} runs")
        return
    rows = [asdict(one) for one in spans]
    console.table(_SPANS, [[_shown(row, name) for name in _SPANS] for row in rows])
    if told.changes:
        console.lines([""])
        console.table(_CHANGES, [[_shown(row, name) for name in _CHANGES] for row in told.changes])


def _shown(row: Row, name: str) -> str:
    if name == "subject" and row["subject"]:
        return f"{row['subject_kind']} {row['subject']}"
    # A span without a beginning or an end goes on beyond the runs.
    return row[name] or {"since": "before all runs", "until": "now"}.get(name, "")
