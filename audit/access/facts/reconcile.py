"""Checks the counts of objects: listed = evaluated + excluded + unknown.

Each number is counted independently: listed objects when the response arrives, evaluated objects in the tables or in
the snapshot, and excluded objects by matching every namespace against the configuration again.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from audit.rbac.subjects import identity
from audit.snapshot.model import Gap, Listing, Snapshot, gap_lines
from audit.snapshot.objects import KINDS
from audit.snapshot.scope import Selects, labels_of
from audit.tables.arrays import Mask
from audit.tables.model import Table

# Kinds of which each evaluated object is one row of a table.
_ROWS: Final = {"namespaces": "namespaces", "imagestreams": "repositories", "tokens": "tokens"}
# The table of the snapshot that holds each kind, and whether its objects are namespaced (if the table holds both).
_TABLE_OF: Final[Mapping[str, tuple[str, bool | None]]] = {
    "roles": ("roles", True),
    "clusterroles": ("roles", False),
    "rolebindings": ("bindings", True),
    "clusterrolebindings": ("bindings", False),
}
_BINDINGS: Final = ("rolebindings", "clusterrolebindings")
_NOT_SEEN: Final = "role not seen"
_LEFT_OUT: Final = "left out by the configuration"


class Count(msgspec.Struct, frozen=True):
    """The objects of one kind in one zone: `listed` (None: no complete list) = `evaluated` + `excluded` + `unknown`.

    Without a complete list, the sum is `seen` instead, and `missing` gives the gaps. `unknown` are bindings that were
    seen, but whose role was not.
    """

    kind: str
    listed: int | None
    seen: int
    evaluated: int
    excluded: int
    unknown: int
    adds_up: bool
    resource_version: str = ""
    pages: int = 0
    excluded_because: str = ""
    unknown_because: str = ""
    missing: tuple[str, ...] = ()


def reconcile(snapshot: Snapshot, selects: Selects | None, tables: Mapping[str, Table]) -> tuple[Count, ...]:
    """Return the counts of each kind in a zone; `tables` were built from `snapshot` for the namespaces in `selects`."""
    left_out = _Excluded(snapshot, selects)
    lists = {listing.kind: listing for listing in snapshot.listings}
    # Declared members of organizations are not objects of the zone; the table `organizations` compares them.
    kinds = [kind for kind in KINDS if kind in _TABLE_OF or kind in snapshot.tables]
    return tuple(_count(snapshot, kind, lists.get(kind), left_out, tables) for kind in kinds)


class _Excluded:
    """Finds the objects in namespaces that the configuration excludes."""

    def __init__(self, snapshot: Snapshot, selects: Selects | None) -> None:
        self._snapshot = snapshot
        self._selects = selects
        table = snapshot.tables["namespaces"]
        self._labels = dict(zip(table["name"].tolist(), table["labels"].tolist(), strict=True))

    def mask(self, namespaces: NDArray[np.int32]) -> Mask:
        """Return for each namespace (a position in the strings; 0: cluster-wide) whether it is excluded."""
        codes, at = np.unique(namespaces, return_inverse=True)
        out: Mask = np.array([self._out(code) for code in codes.tolist()], dtype=bool)[at]
        return out

    def _out(self, code: int) -> bool:
        if self._selects is None or not code:
            return False
        text = self._snapshot.strings
        labels = labels_of(text[self._labels[code]]) if code in self._labels else None
        return not self._selects(text[code], labels)


def _count(
    snapshot: Snapshot, kind: str, listing: Listing | None, excluded: _Excluded, tables: Mapping[str, Table]
) -> Count:
    namespaces, rows = _rows(snapshot, kind)
    out = excluded.mask(namespaces)
    blind = _role_unseen(snapshot, rows) if kind in _BINDINGS else np.zeros_like(out)
    table = _ROWS.get(kind)
    evaluated = len(tables[table]) if table else int((~out & ~blind).sum())
    unknown = _unknown(tables["grants"], kind) if kind in _BINDINGS else 0
    seen, listed = len(namespaces), listing.count if listing else None
    return Count(
        kind=kind,
        listed=listed,
        seen=seen,
        evaluated=evaluated,
        excluded=int(out.sum()),
        unknown=unknown,
        adds_up=(seen if listed is None else listed) == evaluated + int(out.sum()) + unknown,
        resource_version=listing.resource_version if listing else "",
        pages=listing.pages if listing else 0,
        excluded_because=_LEFT_OUT if out.any() else "",
        unknown_because=_NOT_SEEN if unknown else "",
        missing=_missing(snapshot, kind),
    )


def _rows(snapshot: Snapshot, kind: str) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Return the namespace of each object of a kind (a namespace is its own), and its row in the snapshot's table."""
    name, spaced = _TABLE_OF.get(kind, (kind, None))
    table = snapshot.tables[name]
    namespaces = table["name"] if name == "namespaces" else table.get("namespace", np.zeros_like(table["name"]))
    rows = np.arange(len(namespaces)) if spaced is None else np.flatnonzero((namespaces > 0) == spaced)
    return namespaces[rows], rows


def _role_unseen(snapshot: Snapshot, rows: NDArray[np.intp]) -> Mask:
    """Return for each binding whether it has a subject, and a role that may exist but was not seen."""
    if not snapshot.gaps_of("roles") and not snapshot.gaps_of("clusterroles"):
        return np.zeros(len(rows), dtype=bool)
    text, bindings = snapshot.strings, snapshot.tables["bindings"]
    roles = snapshot.tables["roles"]
    there = set(zip(roles["namespace"].tolist(), roles["name"].tolist(), strict=True))
    with_subjects = _with_subjects(snapshot)
    columns = [bindings[column][rows].tolist() for column in ("namespace", "role_kind", "role")]
    local_blind = snapshot.unseen("roles", bindings["namespace"][rows]).tolist()
    wide_blind = snapshot.missing("clusterroles")
    answers = []
    for row, namespace, kind, role, blind in zip(rows.tolist(), *columns, local_blind, strict=True):
        local = text[kind] == "Role"
        unseen = (local and bool(namespace) and blind) or (text[kind] == "ClusterRole" and wide_blind)
        answers.append(unseen and (namespace if local else 0, role) not in there and row in with_subjects)
    return np.array(answers, dtype=bool)


def _with_subjects(snapshot: Snapshot) -> set[int]:
    """Return the bindings that have at least one valid subject."""
    text, table = snapshot.strings, snapshot.tables["subjects"]
    columns = [table[column].tolist() for column in ("binding", "kind", "namespace", "name")]
    return {row for row, *who in zip(*columns, strict=True) if identity(*(text[code] for code in who)) is not None}


def _unknown(grants: Table, kind: str) -> int:
    """Count the bindings whose role was not seen, according to the table."""
    what = "ClusterRoleBinding" if kind == "clusterrolebindings" else "RoleBinding"
    unseen = grants.take(grants.where("problem", {_NOT_SEEN}) & grants.where("binding_kind", {what}))
    return len({*zip(unseen.text("namespace").strings(), unseen.text("binding").strings(), strict=True)})


def _missing(snapshot: Snapshot, kind: str) -> tuple[str, ...]:
    gaps: list[Gap] = snapshot.gaps_of(kind)
    # As with REASONS, manifests contain this text.
    return gap_lines(gaps) if gaps or snapshot.requested(kind) else ("nobody asked for them",)
