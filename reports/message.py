"""What is told of a run: a subject, some lines and the same as data, in the form that each channel takes.

No name can do anything there: no mention, no link, no markup. Where people are not to be named, places are.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader, StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from audit.errors import UsageError, printable
from audit.findings.model import FindingRecord
from audit.runs.outcome import RunOutcome
from reports.markdown import markdown

# Kind of a channel -> its template; `email` has two.
TEMPLATES: Final = {
    "slack": "slack.json.j2",
    "teams": "teams.json.j2",
    "mattermost": "mattermost.json.j2",
    "webhook": "webhook.json.j2",
    "file": "text.txt.j2",
    "email": "text.txt.j2",
}
HTML: Final = "mail.html.j2"
FORMAT: Final = "registry-audit notification"
VERSION: Final = 1
_SHOWN: Final = 10  # findings that one message names
_LONGEST: Final = 200  # characters of a line
_SUBJECT: Final = 150
_NO_WIDTH: Final = "\u200b"
_STARTS: Final = "@#<!"  # what begins a mention, a channel or a command


def rendered(ending: RunOutcome, template: str, *, people: bool = False, own: Path | None = None) -> bytes:
    """Return a message by a template of this package, or the one of the same name in `own`.

    Raises UsageError when the template of one's own cannot be used, or what should be JSON is none.
    """
    built_in = PackageLoader("reports", "messages")
    loader = ChoiceLoader([FileSystemLoader(own), built_in]) if own else built_in
    environment = SandboxedEnvironment(
        loader=loader, undefined=StrictUndefined, autoescape=lambda name: ".html" in (name or ""), trim_blocks=True
    )
    environment.filters |= {"mrkdwn": mrkdwn, "harmless": harmless, "markdown": markdown, "printable": printable}
    environment.filters["clip"] = _clipped
    try:
        text = environment.get_template(template).render(_content(ending, people=people))
        if ".json" in template:
            json.loads(text)
    except (TemplateError, TypeError, ValueError) as error:
        raise UsageError(f"the template {template} cannot be used: {type(error).__name__}") from error
    return (text.strip() + "\n").encode()


def subject_of(ending: RunOutcome) -> str:
    """Return the subject: one line, with nothing in it that somebody else has named."""
    new = ending.news.new
    said = [f"{new} new finding{'' if new == 1 else 's'}"] if new else []
    anonymous = sum(zone.anonymous or 0 for zone in ending.news.zones)
    said += [f"new anonymous access in {anonymous} place{'' if anonymous == 1 else 's'}"] if anonymous else []
    return f"Registry access: {', '.join([ending.state, *said])}"


def mrkdwn(text: str) -> str:
    """Return text that Slack shows as it is: no link, mention or command."""
    text = harmless(text)
    for one, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(one, entity)
    return text


def harmless(text: str) -> str:
    """Return text in which nothing begins a mention, a channel or a link, however it is read."""
    text = "".join(f"{c}{_NO_WIDTH}" if c in _STARTS else c for c in printable(text))
    return text.replace("://", f":{_NO_WIDTH}//").replace("www.", f"www{_NO_WIDTH}.")


def _content(ending: RunOutcome, *, people: bool) -> dict[str, Any]:
    about = partial(_about, people=people)
    shown = [about(one) for one in ending.news.found[:_SHOWN]]
    lines = [*_state(ending), *(_line(one) for one in shown)]
    more = ending.news.new - len(shown)
    lines += [f"and {more} more new findings: the report has all"] if more else []
    lines += _changes(ending)
    lines = [_clipped(line, _LONGEST) for line in lines]
    return {
        "subject": _clipped(subject_of(ending), _SUBJECT),
        "lines": lines,
        "data": _data(ending, shown),
    }


def _data(ending: RunOutcome, shown: list[dict[str, str]]) -> dict[str, Any]:
    run = ending.run
    return {
        "format": FORMAT,
        "version": VERSION,
        "state": ending.state,
        "exit_code": ending.exit_code,
        "run_id": run.run_id if run else "",
        "problem": _clipped(ending.problem, _LONGEST),
        "zones": [{"id": zone.id, "state": zone.state, "not_seen": len(zone.gaps)} for zone in run.zones]
        if run
        else [],
        "new_findings": ending.news.new,
        "new": shown,
        "changes": [
            {"zone": zone.zone, **zone.changes, "new_anonymous_access": zone.anonymous}
            for zone in ending.news.zones
            if zone.changes is not None
        ],
    }


def _about(one: FindingRecord, *, people: bool) -> dict[str, str]:
    names = ("id", "check", "severity", "title", "zone", "namespace", "repository", "first_seen")
    found = {name: _clipped(getattr(one, name), _LONGEST) for name in names}
    who = {"subject_kind": one.subject_kind, "subject": _clipped(one.subject, _LONGEST)}
    return {**found, **who} if people else found


def _line(one: dict[str, str]) -> str:
    place = one["zone"] if one["namespace"] in {"", "*"} else f"{one['zone']}, namespace {one['namespace']}"
    who = f" ({one['subject_kind']} {one['subject']})" if one.get("subject") else ""
    return f"{one['severity']}: {one['title']}: {place}{who}"


def _state(ending: RunOutcome) -> Iterator[str]:
    if ending.problem:
        yield ending.problem
    if ending.run:
        yield f"Run {ending.run.run_id}"
        bad = [zone for zone in ending.run.zones if zone.state != "complete"]
        yield from (f"zone {zone.id} is {zone.state}: {len(zone.gaps)} not seen" for zone in bad[:_SHOWN])
        if len(bad) > _SHOWN:
            yield f"and {len(bad) - _SHOWN} more zones that are not complete"
        if ending.run.findings:
            yield ending.run.findings.text


def _changes(ending: RunOutcome) -> Iterator[str]:
    for zone in ending.news.zones[: _SHOWN * 2]:
        counted = [f"{count} {change}" for change, count in (zone.changes or {}).items() if count]
        if zone.anonymous:
            counted.append(f"{zone.anonymous} of them by somebody who is not logged in")
        if counted:
            yield f"access in zone {zone.zone}: {', '.join(counted)}"


def _clipped(text: str, longest: int) -> str:
    # In a page, what is clipped stays what it was: escaped or not.
    cut = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return Markup(cut) if isinstance(text, Markup) else cut  # noqa: S704
