"""The page: a shell that can be read without a script, the data blocks, and the script that shows their rows.

No name can become markup: Jinja2 escapes what stands in the shell, and the script writes text only.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from audit.access.coverage import EXCLUDED, NOT_ASKED, SEEN
from audit.checks.rules.registry import CHECKS
from audit.errors import printable
from audit.findings.controls import NO
from audit.runs.info import EarlierSummary, RunInfo
from audit.tables.model import Table
from audit.tenancy.platform import Platform
from reports.html.data_blocks import blocks
from reports.html.overview import Overview, overview, trend
from reports.html.script import script
from reports.html.sheets import sheets

_HERE: Final = files("reports") / "html"


def render_page(
    tables: Mapping[str, Table], run: RunInfo, platform: Platform, past: Sequence[EarlierSummary] = ()
) -> Iterator[bytes]:
    """Yield the page in chunks; equal tables of an equal run give equal bytes.

    `tables` are those of the run by name (see `reports.html.sheets.together`); `past` are the runs before it, oldest
    first.
    """
    made = sheets(tables, platform)
    unseen, unanswered = _unseen(tables["coverage"]), _unanswered(tables["controls"])
    # A fleet's tables are large: what is not needed any more must not be held while the blocks are made.
    tables = {}
    shown = overview(made, [zone.id for zone in run.zones], run.compared_with)
    shown = replace(shown, trend=trend(past, run))
    before, after = _shell(shown, run, unseen, unanswered).split(_PLACE)
    yield before.encode()
    for name, block in blocks(made):
        yield f'<script type="application/octet-stream" id="block-{name}">'.encode()
        yield block
        yield b"</script>\n"
    yield after.encode()


_PLACE: Final = "<!-- the data blocks -->"


def _shell(shown: Overview, run: RunInfo, unseen: list[str], unanswered: Mapping[str, Sequence[str]]) -> str:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=harmless
    )
    style, code = (_HERE / "templates" / "page.css").read_text(), script()
    # The page's own style and script are trusted, and pinned by their hashes: nothing else runs.
    own = f"style-src '{_hash(style)}'; script-src '{_hash(code)}'"
    policy = f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"
    return environment.from_string((_HERE / "templates" / "page.html.j2").read_text()).render(
        run=run,
        shown=shown,
        unseen=unseen,
        unanswered=unanswered,
        checks=CHECKS.values(),
        policy=policy,
        style=Markup(style),  # noqa: S704  our own
        script=Markup(code),  # noqa: S704  our own
        place=Markup(_PLACE),  # noqa: S704  our own
    )


def harmless(value: object) -> object:
    """Spell out every character in texts that does not show; escaping is the template's."""
    if not isinstance(value, str) or value.isprintable() or isinstance(value, Markup):
        return value
    return "".join(letter if letter.isprintable() else _spelled(letter) for letter in printable(value))


def _spelled(letter: str) -> str:
    # What has no width makes two names look like one, and half of a surrogate pair is no text at all.
    return letter.encode("unicode_escape").decode()


def _unseen(coverage: Table) -> list[str]:
    """Return the kinds of objects of which something was not seen."""
    gone = coverage.take(~coverage.where("state", {SEEN, EXCLUDED, NOT_ASKED}))
    return sorted(set(gone.text("kind").strings()))


def _unanswered(controls: Table) -> dict[str, list[str]]:
    """Return what no control is told by this program, each with the controls that ask it."""
    found: dict[str, list[str]] = {}
    names = ("framework", "control", "answered", "not_answered")
    for framework, control, answered, reason in zip(*(controls.text(one).strings() for one in names), strict=True):
        rest = " (nothing of it)" if answered == NO else ""
        found.setdefault(reason, []).append(f"{framework} {control}{rest}")
    return found


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
