"""YAML text -> plain values, for what `oc adm inspect` writes: no tags, no aliases, and times stay texts."""

from collections.abc import Iterator
from typing import Any, Final

import yaml

_RESOLVER: Final = yaml.resolver.Resolver()
_INT, _BOOL, _NULL = (f"tag:yaml.org,2002:{name}" for name in ("int", "bool", "null"))


class NotPlain(Exception):
    """The text is no YAML, or not plain YAML; the message says where."""


def documents(text: bytes) -> Iterator[object]:
    """Yield the value of each document in `text`. Raises NotPlain.

    Built from the parser's events, so that aliases, which can make a small text endless, are refused.
    """
    try:
        events = yaml.parse(text, Loader=yaml.CSafeLoader)
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                yield _value(events, next(events))
    except yaml.YAMLError as error:
        raise NotPlain(" ".join(str(error).split())) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise NotPlain(f"not readable: {type(error).__name__}") from error


def _value(events: Iterator[Any], event: Any) -> object:
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if isinstance(event, yaml.SequenceStartEvent):
        return [_value(events, item) for item in _until(events, yaml.SequenceEndEvent)]
    if isinstance(event, yaml.MappingStartEvent):
        return {_key(key): _value(events, next(events)) for key in _until(events, yaml.MappingEndEvent)}
    raise NotPlain(f"an alias, which is not read{_place(event)}")


def _until(events: Iterator[Any], end: type) -> Iterator[Any]:
    for event in events:
        if isinstance(event, end):
            return
        yield event


def _key(event: Any) -> str:
    if not isinstance(event, yaml.ScalarEvent):
        raise NotPlain(f"a key that is no text{_place(event)}")
    return str(event.value)


def _scalar(event: Any) -> object:
    if event.tag or not event.implicit[0]:
        return str(event.value)
    tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, (True, False))
    if tag == _NULL:
        return None
    if tag == _BOOL:
        return event.value.lower() in {"true", "yes", "on"}
    if tag == _INT and event.value.lstrip("-").isdecimal():
        return int(event.value)
    return str(event.value)


def _place(event: Any) -> str:
    return f" (line {event.start_mark.line + 1}, column {event.start_mark.column + 1})"
