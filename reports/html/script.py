"""The page's script: the table library and our modules, as one text without anything to fetch."""

import re
from functools import cache
from importlib.resources import files
from typing import Final

_HERE: Final = files("reports") / "html"
# In the order of their imports.
MODULES: Final = (
    "dom",
    "data_blocks",
    "tables",
    "conditions",
    "query",
    "zone_comparison",
    "address",
    "words",
    "csv",
    "authorization",
    "reach",
    "selection",
    "commands",
    "view_columns",
    "views_access",
    "views_findings",
    "views",
    "grid_cells",
    "grid",
    "dialogs",
    "filter_menus",
    "toolbar",
    "drawer_parts",
    "drawer_about",
    "drawer_routes",
    "drawer_access",
    "drawer_cause",
    "drawer_finding",
    "drawer_namespace",
    "drawer_records",
    "drawer_subject",
    "drawer",
    "grid_lines",
    "explorer",
    "ask",
    "ask_bar",
    "keyboard",
    "print",
    "main",
)
_IMPORT: Final = re.compile(r'^import (\{[^}]*\}) from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export ((?:async )?(?:function|class|const) (\w+))", re.MULTILINE)
_TAIL: Final = re.compile(r"export\s*\{[^}]*\};?\s*|^//# sourceMappingURL=.*$", re.MULTILINE)


@cache
def script() -> str:
    """Return the whole script. Each module has its own scope, and returns what it exports."""
    library = (_HERE / "vendor" / "regular-table" / "regular-table.js").read_text(encoding="utf-8")
    # The library registers an element: its exports and its source map are not needed.
    alone = "(() => {\n" + _TAIL.sub("", library) + "\n})();"
    return "\n".join(['"use strict";', alone, *map(_scoped, MODULES)]) + "\n"


def _scoped(name: str) -> str:
    text = (_HERE / "modules" / f"{name}.js").read_text(encoding="utf-8")
    exported = ", ".join(match[1] for match in _EXPORT.findall(text))
    body = _EXPORT.sub(r"\1", _IMPORT.sub(r"const \1 = \2_module;", text))
    return f"const {name}_module = (() => {{\n{body}return {{ {exported} }};\n}})();"
