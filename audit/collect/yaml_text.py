"""YAML text -> plain values, for what `oc adm inspect` writes: no tags, and times stay texts."""

from collections.abc import Iterator
from typing import Any, Final

import yaml

_RESOLVER: Final = yaml.resolver.Resolver()
_INT, _BOOL, _NULL = (f"tag:yaml.org,2002:{name}" for name in ("int", "bool", "null"))
_MOST: Final = 50_000_000  # values in a document, each alias counted as all that it stands for


class NotPlain(Exception):
    """The text is no YAML, or not plain YAML; the message says where."""


def documents(text: bytes) -> Iterator[object]:
    """Yield the value of each document in `text`. Raises NotPlain, also for one that aliases make endless."""
    try:
        events = yaml.parse(text, Loader=yaml.CSafeLoader)
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                yield _Document(events).value(next(events))
    except yaml.YAMLError as error:
        raise NotPlain(" ".join(str(error).split())) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise NotPlain(f"not readable: {type(error).__name__}") from error


class _Document:
    """Builds the value of one document from the parser's events."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, tuple[object, int]] = {}
        self._count = 0

    def value(self, event: Any) -> object:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self._count
        self._count += 1
        value = self._build(event)
        if event.anchor:
            self._anchors[event.anchor] = value, self._count - before
        return value

    def _build(self, event: Any) -> object:
        if isinstance(event, yaml.SequenceStartEvent):
            return [self.value(item) for item in self._until(yaml.SequenceEndEvent)]
        if isinstance(event, yaml.MappingStartEvent):
            return {_key(key): self.value(next(self._events)) for key in self._until(yaml.MappingEndEvent)}
        return _scalar(event)

    def _alias(self, event: Any) -> object:
        if event.anchor not in self._anchors:
            raise NotPlain(f"an alias without its anchor{_place(event)}")
        value, count = self._anchors[event.anchor]
        self._count += count
        if self._count > _MOST:
            raise NotPlain(f"aliases make this too large{_place(event)}")
        return value

    def _until(self, end: type) -> Iterator[Any]:
        for event in self._events:
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
