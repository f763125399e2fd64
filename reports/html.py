"""The report as one self-contained page: no script from elsewhere, and no name that could become markup."""

import base64
import hashlib
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from audit.errors import printable
from reports.view import View

_CHUNK: Final = 500  # pieces of the template that are written at once


def render_html(view: View) -> Iterator[bytes]:
    """Yield the page in chunks; equal views give equal bytes."""
    parts = files("reports") / "templates"
    style, script, page = ((parts / name).read_text() for name in ("report.css", "report.js", "report.html.j2"))
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_harmless
    )
    template = environment.from_string(page)
    # The page's own style and script are trusted, and pinned by their hashes: nothing else runs.
    own = f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    policy = f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'"
    stream = template.stream(view=view, run=view.run, style=Markup(style), script=Markup(script), policy=policy)  # noqa: S704
    stream.enable_buffering(_CHUNK)
    for text in stream:
        yield str(text).encode()


def _harmless(value: object) -> object:
    """Spell out every character in texts that does not show; escaping is the template's."""
    # Almost every text is printable as it is, and asking is much quicker than replacing.
    if not isinstance(value, str) or value.isprintable() or isinstance(value, Markup):
        return value
    return "".join(c if c.isprintable() else _spelled(c) for c in printable(value))


def _spelled(character: str) -> str:
    # What has no width makes two names look like one, and half of a surrogate pair is no text at all.
    return character.encode("unicode_escape").decode()


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
