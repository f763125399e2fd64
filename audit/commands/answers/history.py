"""`history`: since when a subject has its access, or a namespace has those who have access to it, run by run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple

from audit import console
from audit.changes.build import ComparisonScope, changes_of
from audit.changes.state import State
from audit.changes.zone import gaps_of
from audit.command_line.result import Grid, Result
from audit.command_line.sources import runs_at
from audit.command_line.typed import never_seen, place_of, subject_of
from audit.errors import UsageError
from audit.exit_codes import of_answer
from audit.job.comparing import ComparisonBasis
from audit.rbac.rules import RIGHTS
from audit.rbac.subjects import Identity
from audit.runs.runs import EarlierRun, Runs
from audit.snapshot.model import STALE
from audit.tables.model import Table
from audit.tables.schemas import ANSWERS, NO, UNKNOWN

_PREFIXES: Final = ("ns", "namespace")
_KEY: Final = ("namespace", "repository", "subject_kind", "subject")
_CHANGES: Final = ("run", "change", "zone", "namespace", "subject", "before", "after", "cause")
_SPANS: Final = ("zone", "namespace", "repository", "subject", "rights", "since", "until", "cause")
_NOT_SEEN: Final = ("failed", STALE)
Row = Mapping[str, str]


class _Topic(NamedTuple):
    """What the history is of: a subject, or else a namespace."""

    who: Identity | None
    namespace: str
    organization_label: str

    @property
    def namespaces(self) -> list[str] | None:
        """Return the namespaces to look at; None for all."""
        return None if self.who else [self.namespace]

    def concerns(self, row: Row) -> bool:
        """Return whether a change is about it; for a namespace, cluster-wide access is."""
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
    """Rights that stayed the same, from run `since` (empty: before all runs) until run `until` (empty: until now).

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
class _Timeline:
    """What the runs show, newest first, and which of them did not see everything."""

    spans: list[Span] = field(default_factory=list)
    changes: list[dict[str, str]] = field(default_factory=list)
    not_seen: list[str] = field(default_factory=list)
    runs: set[str] = field(default_factory=set)  # those with a snapshot
    strangers: list[str] = field(default_factory=list)  # in which zones nothing names the subject, in the newest run


def history(subject: str, place: str, only: Sequence[str], config: Path | None) -> Result:
    """Return the spans of access and the changes; the result is partial when a run did not see everything.

    `config` says which label names the organization of a namespace.
    """
    topic, runs = _topic(subject, ComparisonBasis.of(config).organization_label), Runs(runs_at(place), console.note)
    zones = sorted({zone.id for run in runs.listed() for zone in run.run.zones})
    for zone in only:
        if zone not in zones:
            raise UsageError(f"no run has zone {zone}", where=place, fix=f"known zones: {', '.join(zones)}")
    timeline = _Timeline()
    for zone in only or zones:
        _walk(runs, zone, topic, timeline)
    if not timeline.runs:
        raise UsageError("no run with a snapshot here", where=place, fix="give the folder of --out as --runs")
    return _result(timeline)


def _topic(text: str, label: str) -> _Topic:
    prefix, slash, name = text.partition("/")
    if slash and prefix.lower() in _PREFIXES:
        return _Topic(None, place_of(name).namespace, label)
    return _Topic(subject_of(text), "", label)


def _walk(runs: Runs, zone: str, topic: _Topic, timeline: _Timeline) -> None:
    """Go from the newest run to the oldest, with no more than two of them in memory."""
    newer: tuple[EarlierRun, State] | None = None
    spans: dict[tuple[str, ...], Span] = {}
    for run in reversed(runs.listed()):
        state = _state(runs, run, zone, topic, timeline)
        if state is None:
            continue
        if newer and state.snapshot.origin.names != newer[1].snapshot.origin.names:
            # Pseudonyms of another key are other names: they cannot be compared.
            timeline.not_seen.append(f"{run.id}/{zone}")
            continue
        if newer is None:
            timeline.strangers += never_seen(state.snapshot, topic.who) if topic.who else []
            spans = {_key(row): _span(zone, row, _rights(row)) for row in topic.access(state.access)}
        else:
            _step(state, newer, topic, spans, timeline)
        newer = run, state
    timeline.spans += spans.values()


def _state(runs: Runs, run: EarlierRun, zone: str, topic: _Topic, timeline: _Timeline) -> State | None:
    """Return what a run saw of a zone, None when it saw nothing or was not of it."""
    seen = next((info.state for info in run.run.zones if info.id == zone), None)
    if seen is None:
        return None
    snapshot = runs.snapshot(run, zone) if seen not in _NOT_SEEN else None
    if snapshot is None or gaps_of(snapshot):
        timeline.not_seen.append(f"{run.id}/{zone}")
    if snapshot is None:
        return None
    timeline.runs.add(run.id)
    return State.of(snapshot, topic.namespaces)


def _step(
    older: State,
    newer: tuple[EarlierRun, State],
    topic: _Topic,
    spans: dict[tuple[str, ...], Span],
    timeline: _Timeline,
) -> None:
    """Take the changes between two runs: a span begins with the newer one, and another ends there."""
    run, state = newer
    scope = ComparisonScope(topic.namespaces, topic.organization_label)
    for row in changes_of(older, state, scope).records():
        cells = {name: str(value) for name, value in row.items()}
        if not topic.concerns(cells):
            continue
        timeline.changes.append({"run": run.id, **cells})
        if cells["object"] != "access":
            continue
        key = _key(cells)
        ended = spans.pop(key, None)
        if ended:
            timeline.spans.append(replace(ended, since=run.id, cause=cells["cause"]))
        if cells["before"]:
            spans[key] = _span(older.zone, cells, cells["before"], until=run.id)


def _span(zone: str, row: Row, rights: str, until: str = "") -> Span:
    return Span(zone, **{name: row[name] for name in _KEY}, rights=rights, until=until)


def _key(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in _KEY)


def _rights(row: Row) -> str:
    marks = {ANSWERS[UNKNOWN]: "?"}
    return ", ".join(name + marks.get(row[name], "") for name in RIGHTS if row[name] != ANSWERS[NO])


def _result(timeline: _Timeline) -> Result:
    spans = sorted(timeline.spans, key=lambda s: (s.zone, s.namespace, s.repository, s.subject, s.until or "~"))
    rows = [asdict(span) for span in spans]
    text: list[str | Grid] = []
    if rows:
        text = [Grid(_SPANS, [[_shown(row, name) for name in _SPANS] for row in rows])]
    if rows and timeline.changes:
        text += ["", Grid(_CHANGES, [[_shown(row, name) for name in _CHANGES] for row in timeline.changes])]
    notes = [f"{run}: incomplete: what depends on it is unknown" for run in timeline.not_seen]
    value = {"runs": len(timeline.runs), "spans": rows, "changes": timeline.changes, "not_seen": timeline.not_seen}
    return Result(
        value=lambda: value,
        text=text,
        notes=[*notes, *([] if rows else [f"no access in {len(timeline.runs)} runs", *timeline.strangers])],
        exit_code=of_answer(complete=not timeline.not_seen),
    )


def _shown(row: Row, name: str) -> str:
    if name == "subject" and row["subject"]:
        return f"{row['subject_kind']} {row['subject']}"
    # A span without a beginning or an end goes on beyond the runs.
    return row[name] or {"since": "before all runs", "until": "now"}.get(name, "")
