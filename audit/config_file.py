"""A configuration file -> Config, or every mistake in it with its place and what was meant."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

from audit.config import Config
from audit.errors import ConfigError
from audit.strict_yaml import Document, parse, spelled

_LARGEST: Final = 1 << 20  # bytes of a configuration file


def load_config(path: Path) -> Config:
    """Return the configuration in the file `path`. Raises ConfigError with all its mistakes."""
    document = parse(_text(path))
    if document.mistakes and document.value is None:
        raise ConfigError(str(path), document.mistakes)
    if not isinstance(document.value, dict):
        raise ConfigError(str(path), ["there is no mapping here; the least is `zones: [{id: NAME}]`"])
    mistakes = list(document.mistakes)
    try:
        config = Config.model_validate(document.value, context={"folder": path.parent})
    except ValidationError as error:
        mistakes += [_mistake(document, one) for one in _own(error.errors(include_url=False, include_input=False))]
    if mistakes:
        raise ConfigError(str(path), mistakes, fix="docs/configuration.md has every key")
    return config


def _own(errors: Sequence[Any]) -> list[Any]:
    """Leave out what only follows from others: a list is not empty because its items are wrong."""
    places = [tuple(error["loc"]) for error in errors]

    def follows(error: Any) -> bool:
        place = tuple(error["loc"])
        inside = (other for other in places if other[: len(place)] == place and other != place)
        return error["type"] == "too_short" and any(inside)

    return [error for error in errors if not follows(error)]


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ConfigError(str(path), ["larger than 1 MiB: this is no configuration"])
        return data.decode()
    except OSError as error:
        raise ConfigError(str(path), [f"cannot be read: {error.strerror}"], fix="see config.example.yaml") from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), [f"is not UTF-8 (byte {error.start + 1})"]) from error


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


def _mistake(document: Document, error: Any) -> str:
    """Return one line: where, at which line, what is wrong, and what was meant."""
    path = tuple(error["loc"])
    line = next((document.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in document.lines), 1)
    return f"{spelled(path)} (line {line}): {_plain(path, error)}"


def _plain(path: tuple[str | int, ...], error: Any) -> str:
    kind, context = error["type"], error.get("ctx") or {}
    if kind == "extra_forbidden":
        return _unknown_key(path)
    if kind == "literal_error":
        return "must be one of " + str(context["expected"]).replace("'", "")
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch":
        return "must be lower-case letters, digits and dashes, at most 63"
    bounds = {"ge": "at least", "gt": "more than", "le": "at most"}
    limits = [f"must be {word} {context[name]}" for name, word in bounds.items() if name in context]
    return _PLAIN.get(kind) or (limits[0] if limits else str(error["msg"]))


def _unknown_key(path: tuple[str | int, ...]) -> str:
    key = str(path[-1])
    if key in {"token", "password", "bearer", "secret"}:
        return "secrets do not stand here: refer to one by token_file or token_env"
    near = get_close_matches(key, _keys(path[:-1]), n=1, cutoff=0.6)
    return f"unknown key; did you mean {near[0]}?" if near else f"unknown key; there are {', '.join(_keys(path[:-1]))}"


def _keys(path: Sequence[str | int]) -> list[str]:
    """Return the keys that can stand at a place."""
    model: type[BaseModel] = Config
    for part in path:
        if isinstance(part, str):
            model = model_in(model.model_fields[part].annotation)
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
