"""Own controls: frameworks in a file, listed after the built-in ones and answered in the same way."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from audit.checks.rules.registry import CHECKS
from audit.config.model_file import FileFormat, load_model, location, suggestion
from audit.config.yaml_reader import Document
from audit.controls.catalog import BUILT_IN
from audit.controls.model import Answered, Concerned, Control, ControlCatalog, Framework
from audit.findings.exceptions import GLOB, Text
from audit.tables.schemas import SCHEMAS


class OwnControl(BaseModel):
    """One own control."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    id: Text = Field(description="Its number in the framework.")
    asks: Text = Field(description="What it asks for, in a sentence.")
    checks: tuple[Text, ...] = Field(default=(), description="Ids or globs of the checks whose findings touch it.")
    tables: tuple[Text, ...] = Field(default=(), description="Tables that help to answer it.")
    of: Concerned = Field(
        default="all", description="`people` or `accounts` (of systems): only findings about these touch it."
    )
    role: str = Field(default="", description="Only findings about bindings to this cluster role touch it.")
    answered: Answered | None = Field(
        default=None, description="`fully`, `partly` or `no`; default: `partly` if checks or tables serve it."
    )
    not_answered: Text = Field(description="What the reports do not say about it.")

    def control(self) -> Control:
        """Return it in the form of the built-in ones."""
        checks = tuple(check for check in CHECKS if any(fnmatchcase(check, glob) for glob in self.checks))
        return Control(
            id=self.id,
            asks=self.asks,
            not_answered=self.not_answered,
            checks=checks,
            tables=self.tables,
            of=self.of,
            role=self.role,
            says=self.answered,
        )


class OwnFramework(BaseModel):
    """One own framework, such as a company's policy."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    id: str = Field(description="Its name on the command line.", pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    name: Text = Field(description="Its name in reports, with the edition.")
    edition: str = Field(default="", description="Its edition.")
    source: str = Field(default="", description="Where it is published.")
    controls: tuple[OwnControl, ...] = Field(description="Its controls.", min_length=1)


class ControlsFile(BaseModel):
    """The file of own controls."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    frameworks: tuple[OwnFramework, ...] = Field(description="The frameworks.")


def load_controls(path: Path | None) -> ControlCatalog:
    """Return the built-in frameworks and those in a file (None: no file). Raises ConfigError with all its mistakes."""
    own = load_model(path, _FORM).frameworks if path else ()
    made = (
        Framework(
            id=framework.id,
            name=framework.name,
            edition=framework.edition,
            source=framework.source,
            controls=tuple(control.control() for control in framework.controls),
        )
        for framework in own
    )
    return ControlCatalog((*BUILT_IN.frameworks, *made)) if own else BUILT_IN


def _more(document: Document) -> list[str]:
    """Return duplicates, and checks and tables that do not exist."""
    seen = {name.casefold() for framework in BUILT_IN.frameworks for name in (framework.id, framework.name)}
    mistakes = []
    for at, framework in enumerate(_mappings(document.value, "frameworks")):
        path = ("frameworks", at)
        for name in ("id", "name"):
            given = str(framework.get(name, "")).strip().casefold()
            if given and given in seen:
                mistakes.append(location(document, (*path, name)) + "another framework has this name")
        seen |= {str(framework.get(name, "")).strip().casefold() for name in ("id", "name")}
        mistakes += _in_controls(document, framework, path)
    return mistakes


def _in_controls(document: Document, framework: Mapping[str, Any], path: tuple[str | int, ...]) -> Iterator[str]:
    ids: set[str] = set()
    for at, control in enumerate(_mappings(framework, "controls")):
        here = (*path, "controls", at)
        if (number := str(control.get("id", "")).strip()) in ids:
            yield location(document, (*here, "id")) + "duplicate id"
        elif ", " in number:
            yield location(document, (*here, "id")) + "must not contain a comma and a blank, which separate controls"
        ids.add(number)
        for key, known in (("checks", CHECKS), ("tables", SCHEMAS)):
            given = control.get(key)
            for index, name in enumerate(given if isinstance(given, list) else []):
                if isinstance(name, str) and not any(fnmatchcase(candidate, name) for candidate in known):
                    mistake = (
                        f"this glob matches no {key[:-1]}"
                        if GLOB.search(name)
                        else f"no such {key[:-1]}; {suggestion(name, list(known))}"
                    )
                    yield location(document, (*here, key, index)) + mistake


def _mappings(value: object, key: str) -> list[Mapping[str, Any]]:
    """Return the mappings in a list, an empty one for whatever is not a mapping."""
    given = value.get(key) if isinstance(value, dict) else None
    return [item if isinstance(item, dict) else {} for item in given] if isinstance(given, list) else []


_FORM: Final = FileFormat(
    ControlsFile,
    "controls",
    "frameworks: [{id: policy, name: Our policy, controls: [{id: P-1, asks: TEXT, not_answered: TEXT}]}]",
    "docs/controls.md has every key",
    _more,
)
