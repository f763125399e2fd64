"""Notifications about a run: a subject, some lines and the same as data, in the form of each channel.

Names cannot act as mentions, links or markup. Where subjects are not to be named, only places are.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from jinja2 import ChoiceLoader, FileSystemLoader, PackageLoader, StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from audit.errors import UsageError, printable
from audit.findings.model import FindingRecord
from audit.runs.outcome import RunOutcome
from reports.markdown import markdown

# Templates by kind of channel; `email` also has HTML.
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
_SHOWN: Final = 10  # findings of one message
_LONGEST: Final = 200  # characters of a line
_SUBJECT: Final = 150
_NO_WIDTH: Final = "\u200b"
_STARTS: Final = "@#<!"  # of mentions, channels and commands


def render_message(outcome: RunOutcome, template: str, *, people: bool = False, own: Path | None = None) -> bytes:
    """Return a message by a template of this package, or by the template of the same name in `own`.

    Raises UsageError if the template in `own` cannot be used, or its result is not the JSON that it should be.
    """
    built_in = PackageLoader("reports", "messages")
    loader = ChoiceLoader([FileSystemLoader(own), built_in]) if own else built_in
    environment = SandboxedEnvironment(
        loader=loader, undefined=StrictUndefined, autoescape=lambda name: ".html" in (name or ""), trim_blocks=True
    )
    environment.filters |= {"mrkdwn": mrkdwn, "harmless": harmless, "markdown": markdown, "printable": printable}
    environment.filters["clip"] = _clipped
    try:
        text = environment.get_template(template).render(_content(outcome, people=people))
        if ".json" in template:
            json.loads(text)
    except (TemplateError, TypeError, ValueError) as error:
        raise UsageError(f"the template {template} cannot be used: {type(error).__name__}") from error
    return (text.strip() + "\n").encode()


def subject_of(outcome: RunOutcome) -> str:
    """Return the subject: one line without names from clusters."""
    new = outcome.news.new
    parts = [f"{new} new finding{'' if new == 1 else 's'}"] if new else []
    anonymous = sum(zone.anonymous or 0 for zone in outcome.news.zones)
    parts += [f"new anonymous access in {anonymous} place{'' if anonymous == 1 else 's'}"] if anonymous else []
    return f"Registry access: {', '.join([outcome.state, *parts])}"


def mrkdwn(text: str) -> str:
    """Return text that Slack shows unchanged: no link, mention or command."""
    text = harmless(text)
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(character, entity)
    return text


def harmless(text: str) -> str:
    """Return text without anything that a channel reads as a mention, a channel or a link."""
    text = "".join(f"{c}{_NO_WIDTH}" if c in _STARTS else c for c in printable(text))
    return text.replace("://", f":{_NO_WIDTH}//").replace("www.", f"www{_NO_WIDTH}.")


def _content(outcome: RunOutcome, *, people: bool) -> dict[str, Any]:
    shown = [_finding(finding, people=people) for finding in outcome.news.found[:_SHOWN]]
    # Without the names of people, findings of one place may be the same line.
    lines = [
        *_state(outcome),
        *(line + (f" ({n} findings)" if n > 1 else "") for line, n in Counter(map(_line, shown)).items()),
    ]
    more = outcome.news.new - len(shown)
    lines += [f"and {more} more new findings: the report has all"] if more else []
    lines += _changes(outcome)
    lines = [_clipped(line, _LONGEST) for line in lines]
    return {
        "subject": _clipped(subject_of(outcome), _SUBJECT),
        "lines": lines,
        "data": _data(outcome, shown),
    }


def _data(outcome: RunOutcome, shown: list[dict[str, str]]) -> dict[str, Any]:
    run = outcome.run
    return {
        "format": FORMAT,
        "version": VERSION,
        "state": outcome.state,
        "exit_code": outcome.exit_code,
        "run_id": run.run_id if run else "",
        "problem": _clipped(outcome.problem, _LONGEST),
        "zones": [{"id": zone.id, "state": zone.state, "not_seen": len(zone.gaps)} for zone in run.zones]
        if run
        else [],
        "new_findings": outcome.news.new,
        "new": shown,
        "changes": [
            {"zone": zone.zone, **zone.changes, "new_anonymous_access": zone.anonymous}
            for zone in outcome.news.zones
            if zone.changes is not None
        ],
    }


def _finding(finding: FindingRecord, *, people: bool) -> dict[str, str]:
    names = ("id", "check", "severity", "title", "zone", "namespace", "repository", "first_seen")
    fields = {name: _clipped(getattr(finding, name), _LONGEST) for name in names}
    who = {"subject_kind": finding.subject_kind, "subject": _clipped(finding.subject, _LONGEST)}
    return {**fields, **who} if people else fields


def _line(finding: dict[str, str]) -> str:
    zone, namespace = finding["zone"], finding["namespace"]
    place = zone if namespace in {"", "*"} else f"{zone}, namespace {namespace}"
    who = f" ({finding['subject_kind']} {finding['subject']})" if finding.get("subject") else ""
    return f"{finding['severity']}: {finding['title']}: {place}{who}"


def _state(outcome: RunOutcome) -> Iterator[str]:
    if outcome.problem:
        yield outcome.problem
    if outcome.run:
        yield f"Run {outcome.run.run_id}"
        bad = [zone for zone in outcome.run.zones if zone.state != "complete"]
        yield from (f"zone {zone.id} is {zone.state}: {len(zone.gaps)} missing lists" for zone in bad[:_SHOWN])
        if len(bad) > _SHOWN:
            yield f"and {len(bad) - _SHOWN} more zones are not complete"
        if outcome.run.findings:
            yield outcome.run.findings.text


def _changes(outcome: RunOutcome) -> Iterator[str]:
    for zone in outcome.news.zones[: _SHOWN * 2]:
        counted = [f"{count} {change}" for change, count in (zone.changes or {}).items() if count]
        if zone.anonymous:
            counted.append(f"{zone.anonymous} of them anonymous")
        if counted:
            yield f"access in zone {zone.zone}: {', '.join(counted)}"


def _clipped(text: str, longest: int) -> str:
    # A clipped text stays escaped, or unescaped, as it was.
    cut = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return Markup(cut) if isinstance(text, Markup) else cut  # noqa: S704
