"""YAML text -> plain values with the line of each, for files that people write: mistakes are told, never guessed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple[str | int, ...]


@dataclass
class Document:
    """A decoded file: its value, the line of each place in it, and what is wrong with it as YAML."""

    value: object = None
    lines: dict[Path, int] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)


def spelled(path: Path) -> str:
    """Return a place as people write it: `zones[0].credentials.context`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "the file"


def parse(text: str) -> Document:
    """Return the one document in `text`; times and the like stay texts, aliases and double keys are mistakes."""
    document = Document()
    try:
        node = yaml.compose(text, Loader=_Loader)
        document.value = _value(node, (), document)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        document.mistakes.append(f"{where}{error.problem or error.context}")
    except (yaml.YAMLError, RecursionError) as error:
        document.mistakes.append(" ".join(str(error).split()) or "nested too deeply")
    return document


class _Loader(yaml.SafeLoader):
    """YAML without aliases and without types beyond those of JSON."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(None, None, "aliases are not read here", event.start_mark)
        return super().compose_node(parent, index)


def _value(node: Any, path: Path, document: Document) -> object:
    if node is None:
        return None
    document.lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, at), document) for at, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return dict(_pairs(node, path, document))
    return _scalar(node)


def _pairs(node: Any, path: Path, document: Document) -> Iterator[tuple[str, object]]:
    seen: set[str] = set()
    for key, value in node.value:
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
        place = (*path, name)
        if name in seen:
            document.mistakes.append(f"{spelled(place)} (line {key.start_mark.line + 1}): this key stands there twice")
        seen.add(name)
        yield name, _value(value, place, document)
        document.lines[place] = key.start_mark.line + 1


def _scalar(node: Any) -> object:
    kind = node.tag.rpartition(":")[2]
    if kind == "null":
        return None
    if kind == "bool":
        return node.value.lower() in {"true", "yes", "on"}
    if kind in {"int", "float"}:
        try:
            return int(node.value) if kind == "int" else float(node.value)
        except ValueError:
            return str(node.value)
    return str(node.value)
