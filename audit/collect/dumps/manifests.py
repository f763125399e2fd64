"""Manifests, as people and tools write them -> the objects in them that decide access; read as files of a dump are."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from audit.collect.decode import CollectError
from audit.collect.dumps.files import dump_files
from audit.collect.dumps.names import is_data, is_yaml
from audit.collect.dumps.objects import read_contents
from audit.errors import UsageError
from audit.snapshot.objects import KINDS, Item

_NAMESPACE = "--namespace NAME for objects that name none"
_FIX = "give the YAML or JSON of objects, as `helm template`, `kustomize build` or `oc get -o yaml` print it"


class Manifests(NamedTuple):
    """Objects by kind (a plural of KINDS), and which other kinds there were, which decide nothing here."""

    objects: Mapping[str, Sequence[Item]]
    others: frozenset[str]


def read_manifests(places: Sequence[str], namespace: str = "") -> Manifests:
    """Return the objects in files, folders, archives or standard input (`-`).

    `namespace` is that of objects that name none. Of two objects of one name, the later one counts, as when they are
    applied one after the other. Raises UsageError for anything that cannot be read whole.
    """
    objects: dict[str, dict[tuple[str, str], Item]] = {}
    others: set[str] = set()
    for place in places:
        found = 0
        for file in _files(place):
            try:
                contents = read_contents(file.read(), None, yaml=_is_yaml(file.name), namespace=namespace)
            except CollectError as error:
                fix = _NAMESPACE if "no namespace" in error.detail else _FIX
                raise UsageError(error.detail, where=f"{place}: {file.name}", fix=fix) from error
            others |= contents.others
            found += len(contents.held) + len(contents.others)
            for plural, held in contents.held.items():
                for item in held.items:
                    placed = item if KINDS[plural].namespaced else _cluster_wide(item)
                    objects.setdefault(plural, {})[placed.metadata.namespace, placed.metadata.name] = placed
        if not found:
            raise UsageError("no Kubernetes object here", where=place, fix=_FIX)
    decisive = {plural: [*items.values()] for plural, items in objects.items() if plural != "tokens"}
    return Manifests(decisive, frozenset(others))


def _files(place: str) -> Sequence[Any]:
    path = Path(place)
    try:
        # In a folder there may be anything beside manifests, as a README.
        return [file for file in dump_files(path) if not path.is_dir() or is_data(file.name)]
    except CollectError as error:
        raise UsageError(error.detail, where=place, fix="give a file, a folder, or `-` for standard input") from error


def _cluster_wide(item: Item) -> Item:
    """Return an object that is in no namespace, whatever it says."""
    metadata: Any = item.metadata
    return msgspec.structs.replace(item, metadata=msgspec.structs.replace(metadata, namespace=""))


def _is_yaml(name: str) -> bool:
    return is_yaml(name) or name == "standard input"
