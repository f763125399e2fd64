"""The facts of one zone, with what could not be read: built once, saved, and loaded without a cluster.

Facts are columns of numbers that point into one sorted list of texts, so that 90,000 bindings are a few megabytes
and load at the speed of their bytes.
"""

import errno
import gzip
import zlib
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import ge
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from audit.errors import UsageError
from audit.format_version import UPGRADE, later, too_new
from audit.regular_files import LARGEST, open_regular, read_regular, too_large
from audit.snapshot.objects import KINDS, Aggregation, Rule

Ints = NDArray[np.int32]

FORMAT: Final = "registry-audit snapshot"
VERSION: Final = 5
_OLDEST: Final = 3  # before the first release, version 0.1
SUFFIX: Final = ".snapshot"
STALE: Final = "stale"
CLUSTER, TENANT, DUMP = "cluster", "tenant", "dump"  # where facts come from
_REFUSED: Final = "refused"  # a key of REASONS
_NAMED: Final = 3  # namespaces in the line of a gap
_FIX: Final = "collect it again with `registry-audit collect`"

# Every column holds positions in `Snapshot.strings`, but for PARENTS, which hold rows of the table named.
# `namespace` is "" for what is cluster-wide. Rules, aggregation and labels are JSON texts. `made_by` is `release` for
# what an OpenShift release applies and keeps as it is, else empty.
TABLES: Final[dict[str, tuple[str, ...]]] = {
    "namespaces": ("name", "created", "labels", "made_by"),
    "roles": ("namespace", "name", "uid", "created", "labels", "rules", "aggregation"),
    "bindings": ("namespace", "name", "uid", "created", "role_kind", "role", "made_by"),
    "subjects": ("binding", "kind", "namespace", "name"),
    "groups": ("name", "created"),
    "members": ("group", "user"),
    "serviceaccounts": ("namespace", "name", "created"),
    "imagestreams": ("namespace", "name", "created", "pushed"),
    # Each image (a digest) that a tag points to or has pointed to; `source` is the tag or image that the tag follows.
    "images": ("namespace", "stream", "tag", "image", "created", "source"),
    "users": ("name", "created"),
    "tokens": ("namespace", "name", "created", "account", "last_used"),
    # What runs an image: `kind` and `name` are what the pods belong to, `secrets` names joined by `,`.
    "workloads": ("namespace", "kind", "name", "account", "image", "secrets"),
    # What builds pushed: `name` is the build, `to` is the reference of an image, `image` its digest.
    "pushes": ("namespace", "name", "account", "to", "image", "finished"),
    # Who belongs to an organization or a team of it; a row without a user is the organization or team itself.
    "declared": ("organization", "team", "user"),
}
_LOGIN_KEPT: Final = 4  # since then pseudonyms keep the words of the rules that decide who may log in
# Columns that files of version 3 lack, and tables that those before version 5 lack: nothing is known there.
_NEW: Final = {("namespaces", "made_by"), ("bindings", "made_by")}
_NEW_TABLES: Final = ("images", "workloads", "pushes")
# Columns of JSON texts, and what these must decode to; an empty text stands for nothing.
_JSON: Final[Mapping[tuple[str, str], msgspec.json.Decoder[Any]]] = {
    ("namespaces", "labels"): msgspec.json.Decoder(dict[str, str]),
    ("roles", "labels"): msgspec.json.Decoder(dict[str, str]),
    ("roles", "rules"): msgspec.json.Decoder(list[Rule]),
    ("roles", "aggregation"): msgspec.json.Decoder(Aggregation),
}
_UNPACKED: Final = LARGEST  # bytes of a snapshot; 90,000 bindings take some ten million
PARENTS: Final = {("subjects", "binding"): "bindings", ("members", "group"): "groups"}

# Manifests contain these texts, and `check-evidence` compares them: a new wording would make older runs invalid.
REASONS: Final[dict[str, str]] = {
    "missing": "no file or answer for this kind",
    "refused": "the credentials may not read it",
    "unauthenticated": "the credentials were not accepted",
    "credentials": "the credentials could not be used",
    "not-served": "the cluster does not serve this API",
    "cut": "the answer ended in the middle",
    "incomplete": "other lists show that it is not whole",
    "expired": "the list changed faster than it could be read",
    "malformed": "the answer or file is not what it should be",
    "unreachable": "the zone did not answer",
    "overloaded": "the zone asked to come back later, too often",
    "error": "the zone answered with an error",
    "timeout": "the time budget was used up",
    "stopped": "the program was stopped first",
}


class Gap(msgspec.Struct, frozen=True, order=True):
    """What could not be seen, and why.

    `namespace` is "" when the kind is missing everywhere, "*" when it is missing in every namespace that is not
    listed, else one namespace. `reason` is one word of REASONS; `detail` is a message.
    """

    kind: str
    namespace: str
    reason: str
    detail: str = ""

    @property
    def text(self) -> str:
        """Return what could not be seen, and why, in one line."""
        return gap_lines([self])[0]


UNLISTED: Final = " of namespaces that are not listed"  # in a line about a gap


def gap_lines(gaps: Sequence[Gap]) -> tuple[str, ...]:
    """Return lines that say what could not be seen, and why.

    Kinds that are missing for the same reason share a line, and so do namespaces that lack the same kinds. The answers
    to refused lists differ in names only: the first is quoted for all.
    """
    together: dict[tuple[str, str, str], list[Gap]] = {}
    for gap in gaps:
        same = "" if gap.reason == _REFUSED else gap.detail
        together.setdefault((gap.namespace, gap.reason, same), []).append(gap)
    alike: dict[tuple[object, ...], list[list[Gap]]] = {}
    for (namespace, reason, same), missing in together.items():
        scope = namespace if namespace in {"", "*"} else " "
        alike.setdefault((scope, reason, same, *(gap.kind for gap in missing)), []).append(missing)
    return tuple(map(_gap_line, alike.values()))


def _gap_line(places: Sequence[Sequence[Gap]]) -> str:
    """Return the line of gaps that differ in their namespaces only."""
    first, names = places[0][0], [missing[0].namespace for missing in places]
    where = {"": "", "*": UNLISTED}.get(first.namespace, f" of {first.namespace}")
    if len(names) > 1:
        rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        where = f" of {len(names)} namespaces ({', '.join(names[:_NAMED])}{rest})"
    more = f" ({first.detail})" if first.detail else ""
    return f"{', '.join(gap.kind for gap in places[0])}{where}: {REASONS.get(first.reason, first.reason)}{more}"


class Listing(msgspec.Struct, frozen=True, order=True):
    """One kind as it was listed: how many objects, at which resource version, in how many answers."""

    kind: str
    count: int
    resource_version: str = ""
    pages: int = 1


class Origin(msgspec.Struct, frozen=True):
    """Where the facts come from. Times are RFC 3339 in UTC, empty when not known.

    `stale` says why the zone could not be read again when this was taken for it, and `tried` when that was. `names` is
    the fingerprint of the key by which names were replaced, empty when they are as the zone has them.
    """

    zone: str
    source: str  # CLUSTER, TENANT (live too, and only what an ordinary account is shown) or DUMP
    place: str  # address of the API, or the path of the files
    registry: str = ""
    server_version: str = ""
    user: str = ""
    started: str = ""
    finished: str = ""
    tool: str = ""
    cluster_id: str = ""  # uid of the namespace kube-system: every cluster has its own, and needs no further right
    stale: str = ""
    tried: str = ""
    names: str = ""
    login_hidden: bool = False  # pseudonyms replaced words of the rules that decide who may log in: before version 4
    judged: bool = False  # its lists were compared with each other, so that none is taken for whole that is not


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The facts of one zone. `tables` follow TABLES; `strings` are sorted and unique and hold "" first."""

    origin: Origin
    gaps: tuple[Gap, ...]
    listings: tuple[Listing, ...]
    strings: list[str]
    tables: Mapping[str, Mapping[str, Ints]]

    @property
    def state(self) -> str:
        """Return `complete`, `partial`, `failed` (no binding at all was seen) or `stale` (`audit.snapshot.stale`)."""
        if self.origin.stale:
            return STALE
        if not self.gaps:
            return "complete"
        whole = {gap.kind for gap in self.gaps if not gap.namespace}
        return "failed" if {"rolebindings", "clusterrolebindings"} <= whole else "partial"

    def missing(self, kind: str) -> bool:
        """Return whether `kind` could not be seen at all."""
        return any(not gap.namespace for gap in self.gaps_of(kind))

    def requested(self, kind: str) -> bool:
        """Return whether anybody tried to list `kind`: an optional kind that nobody tried to list is not a gap."""
        return any(listing.kind == kind for listing in self.listings) or bool(self.gaps_of(kind))

    def gaps_of(self, kind: str) -> list[Gap]:
        """Return what could not be seen of `kind`."""
        return [gap for gap in self.gaps if gap.kind == kind]

    def code(self, text: str) -> int:
        """Return the position of `text` in `strings`, or -1."""
        at = bisect_left(self.strings, text)
        return at if at < len(self.strings) and self.strings[at] == text else -1

    def lists(self, namespace: str) -> bool:
        """Return whether the zone's list of namespaces has this one."""
        code, names = self.code(namespace), self.tables["namespaces"]["name"]  # sorted
        at = np.searchsorted(names, code)
        return bool((names[at : at + 1] == code).any())

    def gaps_in(self, kind: str, namespace: str) -> list[Gap]:
        """Return the gaps because of which objects of `kind` in one namespace could not all be seen."""
        gaps = self.gaps_of(kind)
        if not gaps:
            return []
        places = {"", namespace} if self.lists(namespace) else {"", namespace, "*"}
        return [gap for gap in gaps if gap.namespace in places]

    def unseen(self, kind: str, namespaces: Ints) -> NDArray[np.bool_]:
        """Return for each namespace (a text position) whether there are `gaps_in` it."""
        gaps = {gap.namespace for gap in self.gaps_of(kind)}
        if not gaps or "" in gaps:
            return np.full(len(namespaces), bool(gaps))
        unseen = np.isin(namespaces, [self.code(name) for name in sorted(gaps)])
        if "*" in gaps:
            unseen |= ~np.isin(namespaces, self.tables["namespaces"]["name"])
        return unseen


class _Saved(msgspec.Struct):
    format: str
    version: int
    origin: Origin
    gaps: list[Gap]
    listings: list[Listing]
    strings: list[str]
    tables: dict[str, dict[str, bytes]]


def encode(snapshot: Snapshot) -> bytes:
    """Return the bytes of a snapshot file: gzip of MessagePack; equal snapshots give equal bytes."""
    tables = {name: {c: a.astype("<i4").tobytes() for c, a in cols.items()} for name, cols in snapshot.tables.items()}
    saved = _Saved(
        FORMAT, VERSION, snapshot.origin, list(snapshot.gaps), list(snapshot.listings), snapshot.strings, tables
    )
    return gzip.compress(msgspec.msgpack.encode(saved), compresslevel=1, mtime=0)


def is_snapshot(path: Path) -> bool:
    """Return whether a file is a snapshot, by its name or by its first bytes."""
    if path.suffix == SUFFIX:
        return True
    try:
        with open_regular(path) as packed, gzip.GzipFile(fileobj=packed) as file:
            first = file.read(1 + len(_NEXT))
            return first[:1] in _MAPS and first[1:] == _NEXT
    except (OSError, EOFError, zlib.error):
        return False


def load(path: Path) -> Snapshot:
    """Return the snapshot in the file `path`; raises UsageError when it is none, damaged or of another version."""
    try:
        data = read_regular(path)
    except OSError as error:
        raise UsageError(f"cannot read this snapshot: {error.strerror}", where=str(path), fix=_FIX) from error
    return decode(data, str(path))


_MAPS: Final = bytes(range(0x80, 0x90))  # how MessagePack begins a map of up to 15 fields: later versions may have more
_NEXT: Final = b"\xa6format"  # the first field of each version
_SAVED: Final = msgspec.msgpack.Decoder(_Saved)


def decode(data: bytes, where: str) -> Snapshot:
    """Return the snapshot in the bytes of a file; raises UsageError as `load` does, and names `where` they are from."""
    saved = _saved(data, where)
    tables = {
        name: {column: np.frombuffer(data, dtype="<i4").astype(np.int32, copy=False) for column, data in cols.items()}
        for name, cols in saved.tables.items()
        if all(len(data) % 4 == 0 for data in cols.values())
    }
    if saved.version < _LOGIN_KEPT:
        saved.origin = msgspec.structs.replace(saved.origin, login_hidden=bool(saved.origin.names))
        for name, column in _NEW:
            if rows := tables.get(name):
                rows.setdefault(column, np.zeros_like(next(iter(rows.values()))))
    if saved.version < VERSION:
        empty = np.zeros(0, dtype=np.int32)
        tables |= {name: dict.fromkeys(TABLES[name], empty) for name in _NEW_TABLES}
    snapshot = Snapshot(saved.origin, tuple(saved.gaps), tuple(saved.listings), saved.strings, tables)
    if not _sound(snapshot) or not _readable(snapshot):
        raise UsageError("this snapshot is damaged: its tables do not fit together", where=where, fix=_FIX)
    return snapshot


def _saved(data: bytes, where: str) -> _Saved:
    """Return what a file holds, of a version that this program reads."""
    unpacked = b""
    try:
        unpacked = _unpacked(data)
        saved = _SAVED.decode(unpacked)
    except OSError as error:
        raise UsageError(f"cannot read this snapshot: {error.strerror}", where=where, fix=_FIX) from error
    except (EOFError, zlib.error, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        if wrong := too_new(unpacked, FORMAT, VERSION, packed=True):
            raise UsageError(f"this snapshot {wrong}", where=where, fix=UPGRADE) from error
        raise UsageError("this is not a whole snapshot file", where=where, fix=_FIX) from error
    if saved.format != FORMAT:
        raise UsageError("this is not a snapshot", where=where, fix=_FIX)
    if wrong := later(saved.version, VERSION):
        raise UsageError(f"this snapshot {wrong}", where=where, fix=UPGRADE)
    if saved.version < _OLDEST:
        raise UsageError(
            f"this snapshot has format version {saved.version}; this program reads version {_OLDEST} and later",
            where=where,
            fix=_FIX,
        )
    return saved


def _unpacked(data: bytes) -> bytes:
    """Unpack one gzip member of at most `_UNPACKED` bytes."""
    if not data.startswith(b"\x1f\x8b"):
        raise OSError(errno.EINVAL, "not gzip")
    unpacker = zlib.decompressobj(wbits=31)
    unpacked = unpacker.decompress(data, _UNPACKED)
    if unpacker.unconsumed_tail:
        raise OSError(errno.EFBIG, f"it unpacks to {too_large(_UNPACKED)}")
    if not unpacker.eof or unpacker.unused_data:
        raise EOFError
    return unpacked


def _readable(snapshot: Snapshot) -> bool:
    """Return whether the texts are sorted, kinds are known, and JSON texts are what their column says."""
    kinds = {listing.kind for listing in snapshot.listings} | {gap.kind for gap in snapshot.gaps}
    if not kinds <= KINDS.keys() or any(map(ge, snapshot.strings, snapshot.strings[1:])):
        return False
    try:
        for (table, column), decoder in _JSON.items():
            for code in np.unique(snapshot.tables[table][column]).tolist():
                text = snapshot.strings[code]
                if text:
                    decoder.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True


def _sound(snapshot: Snapshot) -> bool:
    """Return whether every table is there, rectangular, and points at texts and rows that exist."""
    if {name: tuple(cols) for name, cols in snapshot.tables.items()} != TABLES:
        return False
    rows = {name: len(next(iter(cols.values()))) for name, cols in snapshot.tables.items()}
    for name, cols in snapshot.tables.items():
        for column, values in cols.items():
            parent = PARENTS.get((name, column))
            limit = rows[parent] if parent else len(snapshot.strings)
            if len(values) != rows[name] or (len(values) and not 0 <= values.min() <= values.max() < limit):
                return False
    # The zone's name becomes a file's name: a snapshot from elsewhere must not lead out of a folder.
    return snapshot.strings[:1] == [""] and Path(snapshot.origin.zone).name == snapshot.origin.zone != ""
