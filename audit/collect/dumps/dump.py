"""Files -> Snapshot: lists as `oc get -o json` or `-o yaml` writes them, and trees of `oc adm inspect`, in any shape.

What an object is, its `kind` and `apiVersion` say; a file's name says it only where these do not. Each kind must be
there as a list, or in a tree that was asked for all of it; else there is a gap.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock
from typing import Final

from audit.collect.completeness import believed
from audit.collect.decode import CollectError
from audit.collect.dumps.files import DumpFile, dump_files
from audit.collect.dumps.parts import Part, Parts, merged, read_part
from audit.collect.dumps.shape import DumpShape, shape_of
from audit.collect.zones import Zone
from audit.snapshot.builder import SnapshotBuilder
from audit.snapshot.model import Gap, Listing, Origin, Snapshot
from audit.snapshot.objects import KINDS, NEEDED, Item, Kind

_POLL: Final = 0.1  # seconds between two checks of the stop event
# Of dumps of several zones one is read at a time, so that memory suffices; that takes as long as all at once.
_reading: Final = Lock()

Listed = Callable[[str, int], None]

_CLUSTER, _NAMESPACES = "cluster-scoped-resources", "namespaces"
_EVERYWHERE: Final = {"default", "kube-system"}  # namespaces of every cluster


def collect_dump(zone: Zone, folder: Path, *, tool: str = "", listed: Listed, stop: Event) -> Snapshot:
    """Return the snapshot of the files in `folder`, of an archive or file, or of standard input (`-`).

    What is missing or damaged is a gap. The facts are as old as the newest file that was read. `listed` hears of each
    kind that is there, with its count.
    """
    dump = _Dump(folder)
    try:
        with _one_at_a_time(stop):
            dump.read([*dump_files(folder)], stop)
    except CollectError as error:
        dump.nothing(error.reason, error.detail)
    for listing in dump.listings():
        dump.facts.listed(listing)
    when = f"{datetime.fromtimestamp(dump.newest, UTC):%Y-%m-%dT%H:%M:%SZ}" if dump.newest else ""
    registry = zone.registry or dump.facts.registry
    origin = Origin(zone.id, "dump", str(folder), registry, started=when, finished=when, tool=tool)
    snapshot = believed(dump.facts.snapshot(origin), dump.single, dump.facts.leaving)
    for listing in sorted(snapshot.listings, key=lambda listing: [*KINDS].index(listing.kind)):
        listed(listing.kind, listing.count)
    return snapshot


@contextmanager
def _one_at_a_time(stop: Event) -> Iterator[None]:
    """Wait until no other dump is being read; not once a stop is requested."""
    held = False
    while not held and not stop.is_set():
        held = _reading.acquire(timeout=_POLL)
    try:
        yield
    finally:
        if held:
            _reading.release()


class _Dump:
    """Reads files into facts, kind by kind."""

    def __init__(self, place: Path) -> None:
        self.facts = SnapshotBuilder()
        self.newest = 0.0
        self.single: set[str] = set()  # kinds read as files of one object each
        self._place = place
        self._parts = Parts()
        self._shape = DumpShape()
        self._listings: dict[str, Listing] = {}
        self._incomplete: set[str] = set()

    def listings(self) -> Iterator[Listing]:
        """Yield what was read without a gap."""
        for plural in KINDS:
            if plural in self._listings and plural not in self._incomplete:
                yield self._listings[plural]

    def nothing(self, reason: str, detail: str) -> None:
        """Record that nothing could be read."""
        for plural in NEEDED:
            self._gap(KINDS[plural], "", reason, detail)

    def read(self, files: list[DumpFile], stop: Event) -> None:
        """Read all files, then add what they hold."""
        self._shape = shape_of(files, alone=not self._place.is_dir())
        for file in self._shape.files:
            if stop.is_set():
                self.nothing("stopped", "stopped before all files were read")
                return
            read_part(self._parts, file, self._shape.places.get(file.name))
        self.newest = self._parts.newest
        if self._shape.undecided:
            self.nothing("malformed", self._shape.undecided)
            return
        known = self._namespaces()
        for kind in KINDS.values():
            if kind.plural != "namespaces":
                self._kind(kind, known)

    def _kind(self, kind: Kind, known: set[str]) -> None:
        listed = self._flat(kind)
        placed = self._parts.placed(kind)
        if listed is None and self._shape.tree and not kind.optional:
            if kind.namespaced:
                self._spaced(kind, known)
            elif placed:
                self._wide(kind)
            elif not self._parts.wrong(kind):
                self._missing(kind, f"no {_CLUSTER}/{kind.group}/{kind.plural} in this tree")
        elif listed is None and placed and not kind.namespaced:
            self._wide(kind)
        elif listed is None and not kind.optional and not self._parts.wrong(kind):
            self._missing(kind, self._absent(kind))
        if self._parts.damaged and not listed and (placed or kind.plural == "users"):
            # Nobody knows which files are missing.
            self._missing(kind, "")
        self._add(kind, [*(listed or ()), *placed])

    def _flat(self, kind: Kind) -> list[Part] | None:
        """Return the list of a kind for the whole zone, or None; several that differ are a gap."""
        for name, namespace, error in self._parts.wrong(kind):
            fix = "" if self._shape.tree else f" (to write it again: {_command(kind)})"
            self._gap(kind, namespace, error.reason, f"{name}: {error.detail}{fix}")
        lists = self._parts.lists(kind)
        if len(lists) > 1 and any(part.items() != lists[0].items() for part in lists[1:]):
            names = ", ".join(part.name for part in lists)
            self._gap(kind, "", "malformed", f"several files differ: keep one of {names}")
            return []
        for part in lists:
            if part.held.more:
                detail = f"{part.name}: this is the first part of a list only (`continue` is set)"
                self._gap(kind, "", "cut", detail)
        return lists[:1] or ([] if self._parts.wrong(kind, "") else None)

    def _absent(self, kind: Kind) -> str:
        """Return why there is no list of a kind, with what to do."""
        place = self._place
        if singles := self._parts.singles(kind):
            return f"{singles[0].name}: single objects, not a list: write it with {_command(kind)}"
        if mismatch := self._parts.mismatch(kind):
            return f"{mismatch} (to write it again: {_command(kind)})"
        where = f"no file {kind.plural}.json or .yaml (.gz too) in" if place.is_dir() else f"no {kind.singular} in"
        return f"{where} {place}{self._parts.unread()}: write it with {_command(kind)}"

    def _missing(self, kind: Kind, detail: str) -> None:
        """Record that a kind has no list. A damaged file of unknown kind may have been it."""
        if damaged := self._parts.damaged:
            name, error = damaged[0]
            self._gap(kind, "", error.reason, f"{name}: {error.detail}")
        else:
            self._gap(kind, "", "malformed" if self._parts.mismatch(kind) else "missing", detail)

    def _namespaces(self) -> set[str]:
        """Add the namespaces, and return the names of all that are known."""
        kind = KINDS["namespaces"]
        listed, placed = self._flat(kind), self._parts.placed(kind)
        known = {item.metadata.name for part in (*(listed or ()), *placed) for item in part.held.items}
        if listed is None and not self._shape.tree and not self._parts.wrong(kind):
            self._missing(kind, self._absent(kind))
        elif listed is None and self._shape.tree and not self._tree_has_all(placed, known):
            self._missing(
                kind,
                f"the tree may not contain all namespaces: put the list beside it, {_command(kind)}",
            )
        if self._parts.damaged and placed and not listed:
            self._missing(kind, "")
        self._add(kind, [*(listed or ()), *placed])
        return known | self._shape.namespaces

    def _tree_has_all(self, placed: list[Part], known: set[str]) -> bool:
        if any(f"{_CLUSTER}/" in part.name for part in placed):
            return True
        return known >= _EVERYWHERE | self._shape.namespaces and self._asked_by_kind(known)

    def _asked_by_kind(self, known: set[str]) -> bool:
        """Return whether the tree holds kinds over all namespaces: every namespace has accounts."""
        return {part.namespace for part in self._parts.placed(KINDS["serviceaccounts"])} >= known

    def _wide(self, kind: Kind) -> None:
        if not any(part.held.whole for part in self._parts.placed(kind)):
            self.single.add(kind.plural)

    def _spaced(self, kind: Kind, known: set[str]) -> None:
        """Record in which namespaces of the tree a kind is missing.

        Objects asked for by kind leave no file where there are none; lists do.
        """
        placed = self._parts.placed(kind)
        seen = {part.namespace for part in placed} | {namespace for _, namespace, _ in self._parts.wrong(kind)}
        by_kind = placed and not any(part.held.whole for part in placed) and kind.plural != "serviceaccounts"
        if not (by_kind and self._asked_by_kind(known)):
            for name in sorted(known - seen):
                what = f"no {_NAMESPACES}/{name}/{kind.group or 'core'}/{kind.plural} in this tree"
                self._gap(kind, name, "missing", what)
        if "namespaces" in self._incomplete:
            self._gap(kind, "*", "missing", "the list of all namespaces is not in this tree")

    def _add(self, kind: Kind, parts: list[Part]) -> None:
        if not parts:
            return
        items: list[Item]
        items, differing = merged(kind, parts)
        if differing:
            self._gap(kind, "", "malformed", f"{differing}: keep one of these files")
        self.facts.add(kind.plural, items)
        version = next((part.held.version for part in parts if part.held.version), "")
        self._listings[kind.plural] = Listing(kind.plural, len(items), version)

    def _gap(self, kind: Kind, namespace: str, reason: str, detail: str) -> None:
        self._incomplete.add(kind.plural)
        self.facts.gap(Gap(kind.plural, namespace, reason, detail))


def _command(kind: Kind) -> str:
    scope = "-A " if kind.namespaced else ""
    return f"`oc get {kind.plural} {scope}-o json > {kind.plural}.json`"
