"""The page: a shell that is readable without JavaScript, the data blocks, and the script that shows their rows.

No name can become markup: Jinja2 escapes all values in the shell, and the script only writes text.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from itertools import chain
from typing import Final, NamedTuple

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from audit.access.facts.coverage import EXCLUDED, NOT_ASKED, SEEN
from audit.checks.rules.registry import CHECKS
from audit.errors import printable
from audit.runs.info import EarlierSummary, RunInfo
from audit.tables.model import Table
from audit.tenancy.platform import Platform
from reports.html.authorization import authorization
from reports.html.data_blocks import blocks, pack
from reports.html.overview import Overview, overview, trend
from reports.html.page_tables import page_tables
from reports.html.script import script
from reports.terms import TERMS

HERE: Final = files("reports") / "html"


def render_page(
    tables: Mapping[str, Table], run: RunInfo, platform: Platform, past: Sequence[EarlierSummary] = ()
) -> Iterator[bytes]:
    """Yield the page in chunks; equal tables of an equal run give equal bytes.

    `tables` are those of the run by name (see `reports.html.page_tables.joined_table`); `past` are the runs before it,
    oldest first.
    """
    made = page_tables(tables, platform)
    about = _About(
        _missing_kinds(tables["coverage"]), _not_requested(tables["coverage"]), _unanswered(tables["controls"])
    )
    # The tables of a fleet are large: release them before the blocks are made.
    tables = {}
    shown = overview(made, [zone.id for zone in run.zones], run.compared_with)
    shown = replace(shown, trend=trend(past, run))
    before, after = _shell(shown, run, about).split(_PLACE)
    yield before.encode()
    for name, block in chain(blocks(made), [("authorization", pack(authorization(), {}))]):
        yield f'<script type="application/octet-stream" id="block-{name}">'.encode()
        yield block
        yield b"</script>\n"
    yield after.encode()


_PLACE: Final = "<!-- the data blocks -->"


class _About(NamedTuple):
    """What the report does not answer: missing kinds of objects, kinds not requested (with zones), and of controls."""

    missing: Sequence[str]
    not_requested: Mapping[str, Sequence[str]]
    unanswered: Mapping[str, Sequence[str]]


def _shell(shown: Overview, run: RunInfo, about: _About) -> str:
    style, code = (HERE / "templates" / "page.css").read_text(encoding="utf-8"), script()
    # Only the page's own style and script run: the policy has their hashes.
    own = f"style-src '{source_hash(style)}'; script-src '{source_hash(code)}'"
    policy = f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"
    return _template().render(
        run=run,
        shown=shown,
        **about._asdict(),
        checks=CHECKS.values(),
        terms=TERMS,
        policy=policy,
        style=Markup(style),  # noqa: S704  our own
        script=Markup(code),  # noqa: S704  our own
        place=Markup(_PLACE),  # noqa: S704  our own
    )


@cache
def _template() -> Template:
    """Compile the template once: a run may write a page for each of hundreds of organizations."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=harmless
    )
    environment.filters["time"] = time
    return environment.from_string((HERE / "templates" / "page.html.j2").read_text(encoding="utf-8"))


def time(text: str) -> str | Markup:
    """Return a time (RFC 3339, UTC) as people read it, with the exact one in its title; any other text as it is."""
    found = _TIME.fullmatch(text)
    if not found:
        return text
    return Markup('<time datetime="{0}" title="{0}">{1} {2} UTC</time>').format(text, *found.groups())


_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(?:Z|\+00:00)", re.ASCII)


def harmless(value: object) -> object:
    """Return texts with every invisible character written as an escape; HTML escaping is left to the template."""
    if not isinstance(value, str) or value.isprintable() or isinstance(value, Markup):
        return value
    return "".join(letter if letter.isprintable() else _spelled(letter) for letter in printable(value))


def _spelled(letter: str) -> str:
    # Characters without width make different names look equal, and a lone surrogate is not valid text.
    return letter.encode("unicode_escape").decode()


def _missing_kinds(coverage: Table) -> list[str]:
    """Return the kinds of objects of which a list is missing."""
    missing = coverage.take(~coverage.where("state", {SEEN, EXCLUDED, NOT_ASKED}))
    return sorted(set(missing.text("kind").strings()))


def _not_requested(coverage: Table) -> dict[str, list[str]]:
    """Return the optional kinds of objects that were not listed, each with the zones."""
    rows = coverage.take(coverage.where("state", {NOT_ASKED}))
    zones: dict[str, list[str]] = {}
    for kind, zone in zip(rows.text("kind").strings(), rows.text("zone").strings(), strict=True):
        zones.setdefault(kind, []).append(zone)
    return zones


def _unanswered(controls: Table) -> dict[str, list[str]]:
    """Return what this program cannot answer, each with the controls that ask for it."""
    unanswered: dict[str, list[str]] = {}
    names = ("framework", "control", "answered", "not_answered")
    for framework, control, answered, reason in zip(*(controls.text(name).strings() for name in names), strict=True):
        rest = " (entirely)" if answered == "no" else ""
        unanswered.setdefault(reason, []).append(f"{framework} {control}{rest}")
    return unanswered


def source_hash(content: str) -> str:
    """Return what a content security policy says of a style or script of our own."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
