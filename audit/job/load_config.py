"""A configuration file -> Config, or every mistake in it with its place and a suggestion."""

from pathlib import Path
from typing import Final

from audit.checks.rules.registry import CHECKS
from audit.config.model import Config
from audit.config.model_file import FileFormat, load_model, location, suggestion
from audit.config.yaml_reader import Document


def load_config(path: Path) -> Config:
    """Return the configuration in the file `path`. Raises ConfigError with all its mistakes."""
    return load_model(path, _FORM)


def _unknown_checks(document: Document) -> list[str]:
    """Return the names of checks and thresholds that do not exist."""
    checks = document.value.get("checks") if isinstance(document.value, dict) else None
    mistakes = []
    for name, given in checks.items() if isinstance(checks, dict) else ():
        if name not in CHECKS:
            mistakes.append(f"{location(document, ('checks', name))}no such check; {suggestion(name, list(CHECKS))}")
            continue
        known = list(CHECKS[name].thresholds)
        thresholds = given.get("thresholds") if isinstance(given, dict) else None
        for threshold in thresholds if isinstance(thresholds, dict) else ():
            if threshold not in known:
                where = location(document, ("checks", name, "thresholds", threshold))
                there = suggestion(threshold, known) if known else "this check has none"
                mistakes.append(f"{where}no such threshold; {there}")
    return mistakes


_FORM: Final = FileFormat(
    Config, "configuration", "zones: [{id: NAME}]", "docs/configuration.md has every key", _unknown_checks
)
