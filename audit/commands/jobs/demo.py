"""`demo`: a month of runs on the zones that come with the program, and a review that is half done."""

import csv
import io
import shlex
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from audit.campaigns.campaign import CampaignScope
from audit.command_line.options import RunOptions, UseOptions
from audit.command_line.plan import Request
from audit.command_line.result import Grid, Result, Verbatim
from audit.command_line.sources import saved
from audit.commands import review
from audit.commands.jobs.report import report
from audit.job.run import Run
from audit.storage.store import Store, store_of
from reports.review import GRANTS

_DEMO: Final = Path(__file__).parents[2] / "demo"
_REVIEW: Final = "review"  # the campaign, beside the runs
_RUN: Final = "%Y%m%dT%H%M%SZ"  # the id of a run
_ANSWERING: Final = timedelta(days=30)
# What the reviewers of one customer decided: its own people and pipelines stay, those of the former owner go.
_DECIDED, _GONE, _OWN = "acme", ("initech", "sofia.costa"), ("acme", "anna.keller")


def demo(out: str) -> Result:
    """Report on each week of the story; the last run is made now."""
    *past, last = sorted((_DEMO / "story").iterdir())
    store = store_of(out)
    for folder in past:
        if folder.name not in store.entries():
            _run(store, folder)
    result = report([str(last)], None, RunOptions(out=out))
    if _REVIEW not in store.entries():
        _review(store, last)
    return replace(result, text=_with_questions(result, store.where))


def _run(store: Store, folder: Path) -> None:
    """Make the run of a week as it was made then."""
    then = datetime.strptime(folder.name, _RUN).replace(tzinfo=UTC)
    request = Request.of(None, RunOptions(out=store.where, formats=["csv"]))
    run = Run(store, replace(request.plan(), clock=lambda: then), threading.Event())
    for snapshot in saved([str(folder)]):
        run.keep(snapshot)
    run.finish()


def _review(store: Store, folder: Path) -> None:
    """Start a review of the last state, and give the answers of one customer."""
    place = f"{store.where}/{_REVIEW}"
    due = f"{datetime.now(UTC) + _ANSWERING:%Y-%m-%d}"
    state = review.ZonesState([str(folder)])
    review.start(state, _DEMO / "reviewers.yaml", CampaignScope((), ()), due, place, UseOptions(runs=store.where))
    rows = list(csv.DictReader(io.StringIO(store.read(f"{_REVIEW}/{GRANTS}.csv").decode("utf-8-sig"))))
    with TemporaryDirectory() as scratch:
        answers = Path(scratch) / "acme.csv"
        with answers.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [*rows[0]])
            writer.writeheader()
            writer.writerows(row | _answer(row) for row in rows if row["organization"] == _DECIDED)
        review.apply(place, [answers], review.ZonesState(), replace=False)


def _answer(row: Mapping[str, str]) -> dict[str, str]:
    """Return the decision on a grant. Nobody decides on access of their own."""
    gone = row["subject"] in _GONE
    return {
        "decision": "revoke" if gone else "keep",
        "decided by": "ops.lead" if row["subject"] in _OWN else "anna.keller",
        "decided on": f"{datetime.now(UTC):%Y-%m-%d}",
        "why": "the namespace has moved to acme" if gone else "needed for the shop",
    }


def _with_questions(result: Result, where: str) -> Iterator[str | Grid | Verbatim]:
    """Yield the summary of the last run, and what to type next."""
    yield from result.text
    place = shlex.quote(where)
    yield ""
    yield "ask it:"
    yield f"  registry-audit who push globex-payments --zone zurich --snapshot {place}"
    yield f"  registry-audit can user/cart.contractor push acme-shop/web --zone zurich --snapshot {place} --routes"
    yield f"  registry-audit history user/tom.baker --runs {place}"
    yield f"  registry-audit review status {shlex.quote(f'{where}/{_REVIEW}')}"
