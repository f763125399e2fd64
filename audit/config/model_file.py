"""A YAML file written by people -> a model, or all mistakes in it, each with its place and a suggestion."""

import errno
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from audit.config.yaml_reader import Document, dotted, read_document
from audit.errors import ConfigError, UsageError
from audit.regular_files import read_regular

MAX_BYTES: Final = 1 << 20  # of a file written by people

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class FileFormat(Generic[Model]):
    """One kind of file: its model, its name in messages, a minimal example, and where its keys are documented.

    `check` returns further mistakes, which the model alone cannot find.
    """

    model: type[Model]
    what: str
    example: str
    fix: str
    check: Callable[[Document], list[str]] = lambda _: []


def load_model(path: Path, form: FileFormat[Model]) -> Model:
    """Return the content of the file `path`. Raises ConfigError with all its mistakes."""
    return parse_model(_text(path, form), path, form)


def parse_model(text: str, path: Path, form: FileFormat[Model]) -> Model:
    """Return the content of the file `path`, given its `text`. Raises ConfigError with all its mistakes."""
    document = read_document(text)
    if document.mistakes and document.value is None:
        raise ConfigError(str(path), document.mistakes, what=form.what)
    if not isinstance(document.value, dict):
        raise ConfigError(str(path), [f"must be a mapping, for example `{form.example}`"], what=form.what)
    mistakes = list(document.mistakes)
    try:
        value = form.model.model_validate(document.value, context={"folder": path.parent})
    except ValidationError as error:
        errors = _primary(error.errors(include_url=False, include_input=False))
        mistakes += [_mistake(document, form.model, details) for details in errors]
    mistakes += form.check(document)
    if mistakes:
        raise ConfigError(str(path), mistakes, fix=form.fix, what=form.what)
    return value


def _primary(errors: Sequence[Any]) -> list[Any]:
    """Leave out errors that only follow from others: a list is not too short because its items are wrong."""
    places = [tuple(error["loc"]) for error in errors]

    def follows(error: Any) -> bool:
        place = tuple(error["loc"])
        inner = (other for other in places if other[: len(place)] == place and other != place)
        return error["type"] == "too_short" and any(inner)

    return [error for error in errors if not follows(error)]


def _text(path: Path, form: FileFormat[Model]) -> str:
    try:
        return read_regular(path, limit=MAX_BYTES).decode()
    except OSError as error:
        if error.errno == errno.EFBIG:
            what = f"is larger than {MAX_BYTES >> 20} MiB"
            raise ConfigError(str(path), [what], fix=form.fix, what=form.what) from None
        raise UsageError(
            f"cannot read the {form.what}: {error.strerror}", where=str(path), fix="check the path"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            str(path), [f"is not UTF-8 (byte {error.start + 1}): save it as UTF-8"], what=form.what
        ) from error


_MESSAGES: Final = {
    "missing": "is required",
    "string_type": "must be a string (quote it)",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be an integer",
    "int_parsing": "must be an integer",
    "int_from_float": "must be an integer",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "path_type": "must be a path",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
}


def _mistake(document: Document, model: type[BaseModel], error: Any) -> str:
    """Return one line: path, line number, what is wrong, and a suggestion."""
    path = tuple(error["loc"])
    return location(document, path) + _message(model, path, error)


def location(document: Document, path: tuple[str | int, ...]) -> str:
    """Return path and line number as the beginning of a message: `zones[0].id (line 3): `."""
    line = next((document.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in document.lines), 1)
    return f"{dotted(path)} (line {line}): "


def _message(model: type[BaseModel], path: tuple[str | int, ...], error: Any) -> str:
    kind, context = error["type"], error.get("ctx") or {}
    if kind == "extra_forbidden":
        return _unknown_key(path, _keys(model, path[:-1]))
    if kind == "literal_error":
        words = re.findall(r"'([^']*)'", context["expected"])
        return f"must be one of {', '.join(words)}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch":
        return "must be at most 63 lower-case letters, digits and dashes"
    bounds = {"ge": "at least", "gt": "more than", "le": "at most"}
    limits = [f"must be {word} {context[name]}" for name, word in bounds.items() if name in context]
    return _MESSAGES.get(kind) or (limits[0] if limits else str(error["msg"]))


def _unknown_key(path: tuple[str | int, ...], keys: Sequence[str]) -> str:
    key = str(path[-1])
    if key in {"token", "password", "bearer", "secret"}:
        return "do not put secrets here: refer to them with token_file or token_env"
    return f"unknown key; {suggestion(key, keys)}"


def suggestion(word: str, words: Sequence[str]) -> str:
    """Return the word of `words` that was probably meant by `word`, or all of them, as a hint."""
    near = get_close_matches(word, words, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(words)}"


def _keys(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Return the keys that are allowed at a place."""
    for part in path:
        # A part that is not a field is a key of a mapping, whose values are all of one model.
        if part in model.model_fields:
            model = model_in(model.model_fields[str(part)].annotation)
    return list(model.model_fields)


def model_in(annotation: Any) -> type[BaseModel]:
    """Return the model in an annotation such as `Model | None` or `tuple[Model, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(model_in(inner) for inner in get_args(annotation) if has_model(inner))


def has_model(annotation: Any) -> bool:
    """Return whether there is a model in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return True
    return any(has_model(inner) for inner in get_args(annotation))
