"""Endings of runs, written by hand: what metrics and messages are made of."""

from dataclasses import replace
from typing import Any, Final

from audit.findings.fail_on import Tally
from audit.findings.model import NEW, FindingRecord
from audit.runs.news import News, ZoneNews
from audit.runs.outcome import RunOutcome
from tests.reports.html.pages import WHEN, run_of, zone

ZEROES: Final = {"critical": 0, "high": 0, "medium": 0, "low": 0, "info": 0}


def finding(**given: Any) -> FindingRecord:
    """Return a new critical finding in zone `z`."""
    usual: dict[str, Any] = {
        **dict.fromkeys(("repository", "binding_kind", "binding", "role_kind", "role", "detail", "remedy"), ""),
        "id": "f1",
        "check": "every-user-push",
        "title": "Every user may push",
        "severity": "critical",
        "confidence": "high",
        "state": NEW,
        "answer": "yes",
        "zone": "z",
        "namespace": "shop",
        "rows": 1,
        "subject_kind": "User",
        "subject": "alice",
        "controls": "",
        "evidence_in": "access",
        "first_seen": WHEN,
        "last_seen": WHEN,
    }
    return FindingRecord(**(usual | given))


def zone_news(zone: str = "z", **given: Any) -> ZoneNews:
    """Return the news of a zone in which nothing is new."""
    usual: dict[str, Any] = {"findings": ZEROES, "checks": {}, "new": ZEROES, "unknown": 0}
    return ZoneNews(zone, **(usual | given))


def quiet(**given: Any) -> RunOutcome:
    """Return how a run ended that saw all and found nothing new."""
    tally = Tally(ZEROES, unknown=0, new=0, accepted=0, gone=0, fail_on="", fail_on_new=False, failing=0)
    run = replace(run_of(zone()), findings=tally)
    usual: dict[str, Any] = {"state": "complete", "exit_code": 0, "started": 1000.0, "finished": 1060.5, "run": run}
    return RunOutcome(**(usual | {"news": News((zone_news(),))} | given))
