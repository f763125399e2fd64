"""Files -> Snapshot: LIST answers as `oc get -o json` or `-o yaml` writes them, or a tree of `oc adm inspect`."""

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Final

from audit.collect.decode import CollectError, Page, page_of_json, page_of_object
from audit.collect.zones import Zone
from audit.config.yaml_reader import YamlError, read_values
from audit.snapshot.builder import SnapshotBuilder
from audit.snapshot.model import Gap, Listing, Origin, Snapshot
from audit.snapshot.objects import KINDS, NEEDED, Item, Kind

_ENDINGS: Final = tuple(f"{form}{packed}" for form in (".json", ".yaml", ".yml") for packed in ("", ".gz"))
_LARGEST: Final = 4 * 1024**3  # bytes of one file, unpacked
_CLUSTER, _SPACES = "cluster-scoped-resources", "namespaces"

Listed = Callable[[str, int], None]


def collect_dump(zone: Zone, folder: Path, *, tool: str = "", listed: Listed, stop: Event) -> Snapshot:
    """Return the snapshot of the files in `folder`; what is missing or damaged is a gap.

    The facts are as old as the newest file that was read. `listed` hears of each kind that is there, with its count.
    """
    dump = _Dump(folder, stop)
    trees = _trees(folder)
    if any(_files(folder, kind) for kind in KINDS.values()) or not trees:
        for kind in KINDS.values():
            dump.flat(kind)
    elif len(trees) > 1:
        dump.undecided(trees)
    else:
        dump.tree(trees[0])
    for listing in dump.listings():
        dump.facts.listed(listing)
        listed(listing.kind, listing.count)
    when = f"{datetime.fromtimestamp(dump.newest, UTC):%Y-%m-%dT%H:%M:%SZ}" if dump.newest else ""
    return dump.facts.snapshot(
        Origin(zone.id, "dump", str(folder), zone.registry, started=when, finished=when, tool=tool)
    )


def _files(folder: Path, kind: Kind) -> list[Path]:
    return [path for ending in _ENDINGS if (path := folder / f"{kind.plural}{ending}").is_file()]


def _trees(folder: Path) -> list[Path]:
    """Return the roots of trees that `oc adm inspect` wrote: the folder, or some in it, as must-gather has them."""

    def is_root(path: Path) -> bool:
        return (path / _CLUSTER).is_dir() or (path / _SPACES).is_dir()

    if not folder.is_dir() or is_root(folder):
        return [folder] if folder.is_dir() else []
    return sorted(path for path in folder.iterdir() if is_root(path))


class _Dump:
    """Reads files into facts, kind by kind."""

    def __init__(self, folder: Path, stop: Event) -> None:
        self.facts = SnapshotBuilder()
        self.newest = 0.0
        self._folder = folder
        self._stop = stop
        self._counts: dict[str, tuple[int, str]] = {}
        self._incomplete: set[str] = set()

    def listings(self) -> Iterator[Listing]:
        """Yield what was read without a gap."""
        for kind, (count, version) in self._counts.items():
            if kind not in self._incomplete:
                yield Listing(kind, count, version)

    def flat(self, kind: Kind) -> None:
        """Read the one file of a kind; an optional one may be missing."""
        found = _files(self._folder, kind)
        if not found and kind.optional:
            return
        if not found:
            there = self._folder.is_dir()
            what = f"no file {kind.plural}.json or .yaml (.gz too) in" if there else "there is no folder"
            self._gap(kind, "", "missing", f"{what} {self._folder}")
        elif len(found) > 1:
            self._gap(
                kind, "", "malformed", f"several files, which one counts? {', '.join(path.name for path in found)}"
            )
        else:
            self._read(kind, found, "")

    def undecided(self, trees: Sequence[Path]) -> None:
        """Say that there are several trees: a part of them must not pass for all."""
        names = ", ".join(path.name for path in trees)
        for plural in NEEDED:
            self._gap(KINDS[plural], "", "malformed", f"several trees, which one counts? {names}")

    def tree(self, root: Path) -> None:
        """Read the tree of `oc adm inspect` at `root`."""
        spaces = sorted(path for path in (root / _SPACES).glob("*") if path.is_dir())
        folders = {path.name: path for path in spaces}
        listed = _of_tree(root / _CLUSTER, KINDS["namespaces"])
        known = self._namespaces(listed, spaces)
        for kind in KINDS.values():
            if kind.namespaced and not kind.optional:
                for name in sorted({*known, *folders}):
                    self._spaced(kind, name, folders.get(name))
                if not listed:
                    self._gap(kind, "*", "missing", "the list of all namespaces is not in this tree")
            elif kind.plural != "namespaces" and (not kind.optional or _of_tree(root / _CLUSTER, kind)):
                self._wide(kind, root / _CLUSTER)

    def _namespaces(self, listed: Sequence[Path], spaces: Sequence[Path]) -> set[str]:
        kind = KINDS["namespaces"]
        own = [path / f"{path.name}.yaml" for path in spaces]
        items: dict[str, Item] = {}
        for path in (*(path for path in own if path.is_file()), *listed):
            for item in self._items(kind, path, ""):
                items[item.metadata.name] = item
        if not listed:
            self._gap(kind, "", "missing", f"no {_CLUSTER}/core/namespaces in this tree")
        self._add(kind, list(items.values()))
        return {*items}

    def _wide(self, kind: Kind, folder: Path) -> None:
        found = _of_tree(folder, kind)
        if found:
            self._read(kind, found, "")
        else:
            self._gap(kind, "", "missing", f"no {_CLUSTER}/{kind.group}/{kind.plural} in this tree")

    def _spaced(self, kind: Kind, namespace: str, folder: Path | None) -> None:
        found = _of_tree(folder, kind) if folder else []
        if found:
            self._read(kind, found, namespace)
        else:
            what = f"no {_SPACES}/{namespace}/{kind.group or 'core'}/{kind.plural} in this tree"
            self._gap(kind, namespace, "missing", what)

    def _read(self, kind: Kind, paths: Sequence[Path], namespace: str) -> None:
        self._add(kind, [item for path in paths for item in self._items(kind, path, namespace)])

    def _add(self, kind: Kind, items: Sequence[Item], version: str = "") -> None:
        self.facts.add(kind.plural, items)
        before, known = self._counts.get(kind.plural, (0, ""))
        self._counts[kind.plural] = before + len(items), version or known

    def _items(self, kind: Kind, path: Path, namespace: str) -> Iterable[Item]:
        """Return the objects in a file; what is wrong with it becomes a gap."""
        if self._stop.is_set():
            self._gap(kind, namespace, "stopped", "stopped before this file was read")
            return []
        name = path.relative_to(self._folder)
        try:
            pages = list(self._pages(kind, path))
        except CollectError as error:
            self._gap(kind, namespace, error.reason, f"{name}: {error.detail}")
            return []
        if any(page.more for page in pages):
            self._gap(kind, namespace, "cut", f"{name}: this is the first part of a list only (`continue` is set)")
        if not pages:
            self._gap(kind, namespace, "malformed", f"{name}: this file is empty")
        version = next((page.version for page in pages if page.version), "")
        self._counts[kind.plural] = self._counts.get(kind.plural, (0, ""))[0], version
        return [item for page in pages for item in page.items]

    def _pages(self, kind: Kind, path: Path) -> Iterator[Page]:
        if not path.resolve().is_relative_to(self._folder.resolve()):
            raise CollectError("malformed", "a link that leads out of the folder is not followed")
        data = _bytes(path)
        self.newest = max(self.newest, path.stat().st_mtime)
        if path.name.removesuffix(".gz").endswith(".json"):
            yield page_of_json(kind, data)
            return
        try:
            for value in read_values(data):
                yield page_of_object(kind, value)
        except YamlError as error:
            raise CollectError("malformed", str(error)) from error

    def _gap(self, kind: Kind, namespace: str, reason: str, detail: str) -> None:
        self._incomplete.add(kind.plural)
        self.facts.gap(Gap(kind.plural, namespace, reason, detail))


def _of_tree(folder: Path, kind: Kind) -> list[Path]:
    """Return the files of a kind in a folder of the tree: a list in one file, or a folder with one for each object."""
    place = folder / (kind.group or "core") / kind.plural
    return [*(path for path in [place.with_suffix(".yaml")] if path.is_file()), *sorted(place.glob("*.yaml"))]


def _bytes(path: Path) -> bytes:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except EOFError as error:
        raise CollectError("cut", "the compressed file ends in the middle") from error
    except (OSError, zlib.error) as error:
        raise CollectError("malformed", f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > _LARGEST:
        raise CollectError("malformed", f"larger than {_LARGEST >> 30} GiB")
    return data
