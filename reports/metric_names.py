"""The published metrics: their names and what they mean."""

from typing import Final

PREFIX: Final = "registry_audit_"
LAST_SUCCESS: Final = "last_success_timestamp_seconds"

# Every metric, without the prefix; all are gauges. docs/metrics.md is generated from this.
METRICS: Final[dict[str, str]] = {
    "build_info": "Version of registry-audit; always 1.",
    LAST_SUCCESS: "When the last complete run ended (seconds since 1970).",
    "last_completion_timestamp_seconds": "When the last run ended, in any state (seconds since 1970).",
    "run_state": "1 for the state of the last run, 0 for the others: complete, partial, failed (no zone could be "
    "read), stopped, error.",
    "run_exit_code": "Exit code of the last run.",
    "run_duration_seconds": "How long the last run took.",
    "stage_duration_seconds": "How long a stage of the last run took.",
    "zone_state": "1 for the state of a zone in the last run, 0 for the others.",
    "zone_duration_seconds": "How long reading a zone took.",
    "zone_facts_timestamp_seconds": "When the data of a zone was read (seconds since 1970).",
    "zone_namespaces": "Namespaces of a zone.",
    "zone_gaps": "Gaps in the data of a zone: missing lists, as in the table coverage.",
    "findings": "Open findings of a zone by severity, without unknown ones.",
    "findings_unknown": "Unknown findings of a zone: data that decides them is missing.",
    "findings_by_check": "Open findings of a zone by check.",
    "new_findings": "Findings of a zone that no earlier run has, by severity.",
    "access_changes": "Changes of access in a zone since the last complete run: gained, widened, changed, narrowed, "
    "lost.",
    "new_anonymous_access": "Places where anonymous users have gained access since the last complete run.",
    "notification_delivered": "1 if a channel was notified of the last run, 0 if that failed.",
}
