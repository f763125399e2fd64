"""The files of a dump -> what each holds of each kind, and what is wrong with those that cannot be read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from audit.collect.decode import CollectError
from audit.collect.dumps.files import DumpFile
from audit.collect.dumps.names import is_yaml, named_kind
from audit.collect.dumps.objects import Contents, Held, read_contents
from audit.collect.dumps.shape import Place
from audit.errors import contained
from audit.snapshot.objects import KINDS, Item, Kind

_SHOWN: Final = 3  # names in a message
# Kinds whose objects must be the same in every file: one of two states would be a guess.
_STRICT: Final = {"clusterroles", "clusterrolebindings", "roles", "rolebindings", "groups"}


@dataclass
class Part:
    """What one file holds of one kind. `namespace` is that of a file in a tree, "" for what is cluster-scoped."""

    name: str
    held: Held
    namespace: str | None = None  # None: not of a tree
    agrees: bool = True  # the file's name does not say another kind

    def items(self) -> dict[tuple[str, str], Any]:
        """Return what decides of each object, by namespace and name."""
        return {_key(item): _facts(item) for item in self.held.items}


@dataclass
class Parts:
    """What the files hold, by kind; `damaged` are the files of which nobody knows what they hold."""

    damaged: list[tuple[str, CollectError]] = field(default_factory=list)
    newest: float = 0.0
    _parts: dict[str, list[Part]] = field(default_factory=dict)
    _wrong: dict[str, list[tuple[str, str, CollectError]]] = field(default_factory=dict)
    _mismatches: dict[str, str] = field(default_factory=dict)
    _others: list[str] = field(default_factory=list)

    def lists(self, kind: Kind) -> list[Part]:
        """Return the lists of a kind over the whole zone; those whose file is named otherwise only without others."""
        lists = [part for part in self._of(kind) if part.namespace is None and part.held.whole]
        lists = [part for part in lists if not part.held.projects] or lists
        return [part for part in lists if part.agrees] or lists

    def singles(self, kind: Kind) -> list[Part]:
        """Return the files with single objects of a kind that are not in a tree."""
        return [part for part in self._of(kind) if part.namespace is None and not part.held.whole]

    def placed(self, kind: Kind) -> list[Part]:
        """Return what a tree holds of a kind."""
        return [part for part in self._of(kind) if part.namespace is not None]

    def wrong(self, kind: Kind, namespace: str | None = None) -> list[tuple[str, str, CollectError]]:
        """Return name, namespace and error of the files of a kind that could not be read."""
        errors = self._wrong.get(kind.plural, [])
        return [error for error in errors if namespace is None or error[1] == namespace]

    def mismatch(self, kind: Kind) -> str:
        """Return what a file holds whose name says this kind, when that is another; else ""."""
        return self._mismatches.get(kind.plural, "")

    def unread(self) -> str:
        """Return which files hold nothing that is of interest, as the end of a message."""
        more = f" and {len(self._others) - _SHOWN} more" if len(self._others) > _SHOWN else ""
        return f"; nothing of use in {', '.join(self._others[:_SHOWN])}{more}" if self._others else ""

    def fail(self, kind: Kind | None, name: str, namespace: str, error: CollectError) -> None:
        """Record that a file could not be read."""
        if kind:
            self._wrong.setdefault(kind.plural, []).append((name, namespace, error))
        else:
            self.damaged.append((name, error))

    def put(self, name: str, contents: Contents, kind: Kind | None, namespace: str | None) -> None:
        """Record what a file holds."""
        for plural, held in contents.held.items():
            agrees = not kind or kind.plural == plural
            self._parts.setdefault(plural, []).append(Part(name, held, namespace, agrees))
        if kind and kind.plural not in contents.held:
            self._mismatches[kind.plural] = f"{name}: {_instead(contents, kind)}"
        elif not contents.held:
            self._others.append(f"{name} ({', '.join(sorted(contents.others)[:_SHOWN])})")

    def _of(self, kind: Kind) -> list[Part]:
        return self._parts.get(kind.plural, [])


def read_part(parts: Parts, file: DumpFile, place: Place | None) -> None:
    """Read a file into `parts`. `place` is what a tree says of it."""
    kind, namespace = place or (named_kind(file.name), None)
    try:
        contents = read_contents(file.read(), kind, yaml=is_yaml(file.name))
    except CollectError as error:
        parts.fail(kind, file.name, namespace or "", error)
        return
    except BaseException as error:  # noqa: BLE001  one file never loses the others
        parts.fail(kind, file.name, namespace or "", CollectError("error", contained(error)))
        return
    parts.newest = max(parts.newest, file.changed)
    if not contents.held and not contents.others:
        parts.fail(kind, file.name, namespace or "", CollectError("malformed", "this file is empty"))
    elif place and kind and kind.plural not in contents.held:
        parts.fail(kind, file.name, namespace or "", CollectError("malformed", _instead(contents, kind)))
    else:
        parts.put(file.name, contents, kind, namespace)


def merged(kind: Kind, parts: Sequence[Part]) -> tuple[list[Item], str]:
    """Return the objects of all files, each once, and which differ between files, or ""."""
    if len(parts) == 1:
        return parts[0].held.items, ""
    objects: dict[tuple[str, str], tuple[Item, str]] = {}
    differing = ""
    for part in parts:
        for item in part.held.items:
            first, name = objects.setdefault(_key(item), (item, part.name))
            if first is not item and kind.plural in _STRICT and _facts(first) != _facts(item):
                differing = differing or f"{item.metadata.name} differs in {name} and {part.name}"
    return [item for item, _ in objects.values()], differing


def _key(item: Item) -> tuple[str, str]:
    return getattr(item.metadata, "namespace", ""), item.metadata.name


def _facts(item: Item) -> list[Any]:
    names: Iterable[str] = type(item).__struct_fields__
    return [getattr(item, name) for name in names if name not in {"kind", "api"}]


def _instead(contents: Contents, kind: Kind) -> str:
    held = [f"{KINDS[plural].singular}List" for plural, held in contents.held.items() if held.whole]
    if held:
        return f"a {', '.join(held)}, not a {kind.singular}List"
    return f"a {', '.join([*contents.held, *sorted(contents.others)][:_SHOWN])}, not a {kind.singular}"
