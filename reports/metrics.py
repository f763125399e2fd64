"""Metrics of a run in Prometheus' text format: by zone, never by anything smaller, and without names of users."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from audit.runs.info import ZoneInfo
from audit.runs.news import ZoneNews
from audit.runs.outcome import STATES, RunOutcome
from audit.tables.schemas import SEVERITIES
from reports.metric_names import LAST_SUCCESS, METRICS, PREFIX

FILE: Final = "metrics.prom"
_ZONE_STATES: Final = ("complete", "partial", "failed", "stale")

Labels = Mapping[str, str]
Sample = tuple[str, Labels, float]


def metrics(outcome: RunOutcome, last_success: float | None = None) -> bytes:
    """Return the metrics of a run in the text format.

    A run that is not complete is no success: `last_success` is then the time that an earlier run left, if any.
    """
    success = outcome.finished if outcome.whole else last_success
    return _text([*_run(outcome, success), *_zones(outcome)])


def metrics_of_last_run(outcome: RunOutcome) -> bytes:
    """Return the metrics of a run but the time of the last success, which outlives it: each replaces those before."""
    return _text([*_run(outcome, None), *_zones(outcome)])


def metrics_of_success(outcome: RunOutcome) -> bytes:
    """Return the time of the last success alone; empty if the run is none."""
    return _text([(LAST_SUCCESS, {}, outcome.finished)] if outcome.whole else [])


def _text(samples: Sequence[Sample]) -> bytes:
    return "".join(_family(name, text, samples) for name, text in METRICS.items()).encode()


def last_success_in(data: bytes) -> float | None:
    """Return the time of the last success in earlier metrics; None if they have none."""
    for line in data.decode(errors="replace").splitlines():
        name, _, value = line.partition(" ")
        if name == PREFIX + LAST_SUCCESS:
            try:
                return float(value)
            except ValueError:
                return None
    return None


def _run(outcome: RunOutcome, success: float | None) -> Iterator[Sample]:
    if outcome.run:
        yield "build_info", {"version": outcome.run.version}, 1
    if success is not None:
        yield LAST_SUCCESS, {}, success
    yield "last_completion_timestamp_seconds", {}, outcome.finished
    for state in STATES:
        yield "run_state", {"state": state}, state == outcome.state
    yield "run_exit_code", {}, outcome.exit_code
    yield "run_duration_seconds", {}, outcome.finished - outcome.started
    for stage, seconds in outcome.stages.items():
        yield "stage_duration_seconds", {"stage": stage}, seconds
    for channel, delivered in outcome.delivered.items():
        yield "notification_delivered", {"channel": channel}, delivered


def _zones(outcome: RunOutcome) -> Iterator[Sample]:
    for zone in outcome.run.zones if outcome.run else ():
        yield from _zone(zone)
    for zone_news in outcome.news.zones:
        yield from _news(zone_news)


def _zone(zone: ZoneInfo) -> Iterator[Sample]:
    labels = {"zone": zone.id}
    for state in _ZONE_STATES:
        yield "zone_state", {**labels, "state": state}, state == zone.state
    began, ended = _seconds(zone.began), _seconds(zone.as_of)
    if began is not None and ended is not None:
        yield "zone_duration_seconds", labels, ended - began
    yield "zone_gaps", labels, len(zone.gaps)
    if zone.state != "failed":
        yield "zone_namespaces", labels, zone.namespaces
        if ended is not None:
            yield "zone_facts_timestamp_seconds", labels, ended


def _news(zone: ZoneNews) -> Iterator[Sample]:
    labels = {"zone": zone.zone}
    for severity in SEVERITIES:
        yield "findings", {**labels, "severity": severity}, zone.findings[severity]
        yield "new_findings", {**labels, "severity": severity}, zone.new[severity]
    yield "findings_unknown", labels, zone.unknown
    for check, count in zone.checks.items():
        yield "findings_by_check", {**labels, "check": check}, count
    # Without an earlier run, the number of changes is unknown, which is not zero.
    for change, count in (zone.changes or {}).items():
        yield "access_changes", {**labels, "change": change}, count
    if zone.anonymous is not None:
        yield "new_anonymous_access", labels, zone.anonymous


def _seconds(when: str) -> float | None:
    try:
        return datetime.fromisoformat(when).timestamp()
    except ValueError:
        return None


def _family(name: str, text: str, samples: Iterable[Sample]) -> str:
    lines = [
        f"{PREFIX}{name}{_labels(labels)} {_number(value)}\n" for sample, labels, value in samples if sample == name
    ]
    head = f"# HELP {PREFIX}{name} {text}\n# TYPE {PREFIX}{name} gauge\n"
    return head + "".join(lines) if lines else ""


def _labels(labels: Labels) -> str:
    shown = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{shown}}}" if shown else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(round(value, 3))
