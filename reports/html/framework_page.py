"""The page for one framework: static, without a script, to be printed or sent."""

from collections.abc import Iterator
from functools import cache

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from reports.framework import FrameworkPack
from reports.html.page import HERE, harmless, source_hash


def render_framework(pack: FrameworkPack) -> Iterator[bytes]:
    """Yield the page of a framework; equal tables give equal bytes."""
    style = (HERE / "templates" / "framework.css").read_text(encoding="utf-8")
    policy = f"default-src 'none'; style-src '{source_hash(style)}'; base-uri 'none'; form-action 'none'"
    yield (
        _template()
        .render(
            pack=pack,
            run=pack.run,
            policy=policy,
            style=Markup(style),  # noqa: S704  our own
        )
        .encode()
    )


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=harmless
    )
    return environment.from_string((HERE / "templates" / "framework.html.j2").read_text(encoding="utf-8"))
