"""YAML -> plain values (those of JSON). The only place where YAML is read, and where its limits are.

Configuration, exceptions, answers of reviewers, kubeconfigs and dumps all come through here. Tags have no effect, times
stay strings. No message quotes the text: it may hold a token.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

MAX_DEPTH: Final = 100  # levels of nesting
MAX_VALUES: Final = 50_000_000  # values in a document; an alias counts as all values that it stands for
MAX_DIGITS: Final = 1000  # digits of a number; Python itself refuses more than 4,300

Path = tuple[str | int, ...]

_RESOLVER: Final = yaml.resolver.Resolver()
_INT, _FLOAT, _BOOL, _NULL = (f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null"))


class YamlError(Exception):
    """The text is not YAML, or not YAML that is accepted here; `str` has line and column, and quotes nothing."""

    def __init__(self, problem: str, mark: Any = None) -> None:
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        super().__init__(where + problem)


@dataclass
class Document:
    """A document written by people: its value, the line of each place in it, and what is wrong with it as YAML."""

    value: object = None
    lines: dict[Path, int] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)


def dotted(path: Path) -> str:
    """Return a place as people write it: `zones[0].credentials.context`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "the file"


def read_document(text: str) -> Document:
    """Return the only document in `text`, which people wrote: no aliases, and duplicate keys are mistakes."""
    document = Document()
    try:
        values = _documents(text, document)
        document.value = next(values, None)
        if next(values, None) is not None:
            document.mistakes.append("only one document is expected: remove what follows `---`")
    except YamlError as error:
        document.mistakes.append(str(error))
    return document


def read_values(text: bytes) -> Iterator[object]:
    """Yield the value of each document in `text`, which a program wrote. Raises YamlError."""
    return _documents(text, None)


def _documents(text: str | bytes, document: Document | None) -> Iterator[object]:
    try:
        events = yaml.parse(text, Loader=yaml.CSafeLoader)
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                yield _Builder(events, document).value(next(events), ())
    except yaml.MarkedYAMLError as error:
        raise YamlError(
            error.problem or error.context or "not YAML", error.problem_mark or error.context_mark
        ) from None
    except yaml.YAMLError as error:
        raise YamlError(" ".join(str(getattr(error, "reason", "not YAML")).split())) from None
    except UnicodeError as error:
        raise YamlError(f"not text: {type(error).__name__}") from None


class _Builder:
    """Builds the value of one document from the parser's events; with a `document`, notes lines and mistakes in it."""

    def __init__(self, events: Iterator[Any], document: Document | None) -> None:
        self._events = events
        self._document = document
        self._anchors: dict[str, tuple[object, int]] = {}
        self._count = 0
        self._depth = 0

    def value(self, event: Any, path: Path) -> object:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if self._document:
            self._document.lines.setdefault(path, event.start_mark.line + 1)
        before = self._count
        self._count += 1
        if isinstance(event, yaml.ScalarEvent):
            value = _scalar(event)
        else:
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise YamlError(f"nested more than {MAX_DEPTH} levels deep", event.start_mark)
            value = self._list(path) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(path)
            self._depth -= 1
        if event.anchor:
            self._anchors[event.anchor] = value, self._count - before
        return value

    def _list(self, path: Path) -> list[object]:
        items: list[object] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self.value(event, (*path, len(items)) if self._document else ()))
        return items

    def _mapping(self, path: Path) -> dict[str, object]:
        values: dict[str, object] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise YamlError("a key must be a string", event.start_mark)
            key: str = event.value
            place = (*path, key) if self._document else ()
            line = event.start_mark.line + 1 if event.start_mark else 0
            if self._document:
                self._document.lines[place] = line
            if key in values and self._document:
                self._document.mistakes.append(f"{dotted(place)} (line {line}): duplicate key")
            elif key in values:
                raise YamlError("duplicate key", event.start_mark)
            values[key] = self.value(next(self._events), place)
        return values

    def _alias(self, event: Any) -> object:
        if self._document:
            raise YamlError("aliases are not supported", event.start_mark)
        if event.anchor not in self._anchors:
            raise YamlError("alias without its anchor", event.start_mark)
        value, count = self._anchors[event.anchor]
        self._count += count
        if self._count > MAX_VALUES:
            raise YamlError(f"aliases expand to more than {MAX_VALUES:,} values", event.start_mark)
        return value


def _scalar(event: Any) -> object:
    text: str = event.value
    if event.tag or not event.implicit[0]:
        return text
    tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))
    if tag == _NULL:
        return None
    if tag == _BOOL:
        return text.lower() in {"true", "yes", "on"}
    if tag in {_INT, _FLOAT}:
        if len(text) > MAX_DIGITS:
            raise YamlError(f"a number of more than {MAX_DIGITS} digits", event.start_mark)
        try:
            return int(text) if tag == _INT else float(text)
        except ValueError:
            return text
    return text
