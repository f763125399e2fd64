"""The published metrics: their names and what they mean."""

from typing import Final

PREFIX: Final = "registry_audit_"
LAST_SUCCESS: Final = "last_success_timestamp_seconds"

# Every metric, without the prefix; all are gauges. docs/metrics.md is written from this.
METRICS: Final[dict[str, str]] = {
    "build_info": "Version that made the run; always 1.",
    LAST_SUCCESS: "When the last run ended that was complete (seconds since 1970).",
    "last_completion_timestamp_seconds": "When the last run ended, however it did (seconds since 1970).",
    "run_state": "1 for how the last run ended, 0 for the others: complete, partial, failed (no zone could be read), "
    "stopped, error.",
    "run_exit_code": "Exit code of the last run.",
    "run_duration_seconds": "How long the last run took.",
    "stage_duration_seconds": "How long a stage of the last run took.",
    "zone_state": "1 for the state of a zone in the last run, 0 for the others.",
    "zone_duration_seconds": "How long it took to read a zone.",
    "zone_facts_timestamp_seconds": "When the facts of a zone were read (seconds since 1970).",
    "zone_namespaces": "Namespaces that a zone lists.",
    "zone_gaps": "What could not be seen of a zone: lines in its coverage.",
    "findings": "Open findings of a zone by severity; those that are not known are not among them.",
    "findings_unknown": "What could not be looked for in a zone, or not be confirmed.",
    "findings_by_check": "Open findings of a zone by check.",
    "new_findings": "Findings of a zone that no earlier run had, by severity.",
    "access_changes": "Changes of access of a zone since the last whole run: gained, widened, changed, narrowed, lost.",
    "new_anonymous_access": "Places where somebody who is not logged in has gained access since the last whole run.",
    "notification_delivered": "1 when a channel was told of the last run, 0 when it could not be.",
}
