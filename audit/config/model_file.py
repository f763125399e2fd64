"""A file that people write -> a model, or every mistake in it with its place and what was meant."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from audit.config.yaml_reader import Document, parse, spelled
from audit.errors import ConfigError

_LARGEST: Final = 1 << 20  # bytes of such a file

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class FileFormat(Generic[Model]):
    """What a file of one sort holds, how it is called in messages, the least that it needs, and where it is described.

    `more` says what else is wrong with a file, beyond its form.
    """

    model: type[Model]
    what: str
    least: str
    fix: str
    more: Callable[[Document], list[str]] = lambda _: []


def load_model(path: Path, form: FileFormat[Model]) -> Model:
    """Return what the file `path` holds. Raises ConfigError with all its mistakes."""
    return parse_model(_text(path, form), path, form)


def parse_model(text: str, path: Path, form: FileFormat[Model]) -> Model:
    """Return what the text of the file `path` holds. Raises ConfigError with all its mistakes."""
    document = parse(text)
    if document.mistakes and document.value is None:
        raise ConfigError(str(path), document.mistakes, what=form.what)
    if not isinstance(document.value, dict):
        raise ConfigError(str(path), [f"there is no mapping here; the least is `{form.least}`"], what=form.what)
    mistakes = list(document.mistakes)
    try:
        value = form.model.model_validate(document.value, context={"folder": path.parent})
    except ValidationError as error:
        wrong = _own(error.errors(include_url=False, include_input=False))
        mistakes += [_mistake(document, form.model, one) for one in wrong]
    mistakes += form.more(document)
    if mistakes:
        raise ConfigError(str(path), mistakes, fix=form.fix, what=form.what)
    return value


def _own(errors: Sequence[Any]) -> list[Any]:
    """Leave out what only follows from others: a list is not empty because its items are wrong."""
    places = [tuple(error["loc"]) for error in errors]

    def follows(error: Any) -> bool:
        place = tuple(error["loc"])
        inside = (other for other in places if other[: len(place)] == place and other != place)
        return error["type"] == "too_short" and any(inside)

    return [error for error in errors if not follows(error)]


def _text(path: Path, form: FileFormat[Model]) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ConfigError(str(path), [f"larger than 1 MiB: there are no {form.what} here"], what=form.what)
        return data.decode()
    except OSError as error:
        raise ConfigError(str(path), [f"cannot be read: {error.strerror}"], fix=form.fix, what=form.what) from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), [f"is not UTF-8 (byte {error.start + 1})"], what=form.what) from error


_PLAIN: Final = {
    "missing": "is needed",
    "string_type": "must be a text (quote it)",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
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
    """Return one line: where, at which line, what is wrong, and what was meant."""
    path = tuple(error["loc"])
    return location(document, path) + _plain(model, path, error)


def location(document: Document, path: tuple[str | int, ...]) -> str:
    """Return where something is wrong, and at which line, as the beginning of a message."""
    line = next((document.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in document.lines), 1)
    return f"{spelled(path)} (line {line}): "


def _plain(model: type[BaseModel], path: tuple[str | int, ...], error: Any) -> str:
    kind, context = error["type"], error.get("ctx") or {}
    if kind == "extra_forbidden":
        return _unknown_key(path, _keys(model, path[:-1]))
    if kind == "literal_error":
        words = re.findall(r"'([^']*)'", context["expected"])
        return f"must be one of {', '.join(words)}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch":
        return "must be lower-case letters, digits and dashes, at most 63"
    bounds = {"ge": "at least", "gt": "more than", "le": "at most"}
    limits = [f"must be {word} {context[name]}" for name, word in bounds.items() if name in context]
    return _PLAIN.get(kind) or (limits[0] if limits else str(error["msg"]))


def _unknown_key(path: tuple[str | int, ...], keys: Sequence[str]) -> str:
    key = str(path[-1])
    if key in {"token", "password", "bearer", "secret"}:
        return "secrets do not stand here: refer to one by token_file or token_env"
    return f"unknown key; {suggestion(key, keys)}"


def suggestion(word: str, words: Sequence[str]) -> str:
    """Say which of `words` was meant by `word`, or which there are."""
    near = get_close_matches(word, words, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(words)}"


def _keys(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Return the keys that can stand at a place."""
    for part in path:
        # What is no field is a key of a mapping whose values are all of one model.
        if part in model.model_fields:
            model = model_in(model.model_fields[str(part)].annotation)
    return list(model.model_fields)


def model_in(annotation: Any) -> type[BaseModel]:
    """Return the model in an annotation such as `Model | None` or `tuple[Model, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(model_in(inner) for inner in get_args(annotation) if has_model(inner))


def has_model(annotation: Any) -> bool:
    """Say whether there is a model in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return True
    return any(has_model(inner) for inner in get_args(annotation))
