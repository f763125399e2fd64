"""Snapshot -> the tables of what is there: namespaces, repositories, and tokens that never expire."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from audit.snapshot.model import Ints, Snapshot
from audit.tables.model import Table, Text, text_column
from audit.tenancy.organizations import ORGANIZATION_LABEL, namespace_owners


def inventory(
    snapshot: Snapshot, namespaces: Iterable[str] | None = None, *, organization_label: str = ORGANIZATION_LABEL
) -> dict[str, Table]:
    """Return `namespaces`, `repositories` and `tokens` of one zone; with `namespaces`, of those only."""
    wanted = None if namespaces is None else np.array([snapshot.code(name) for name in {*namespaces}], dtype=np.int32)
    return {
        "namespaces": _namespaces(snapshot, wanted, organization_label),
        "repositories": _repositories(snapshot, wanted),
        "tokens": _tokens(snapshot, wanted),
    }


def _namespaces(snapshot: Snapshot, wanted: Ints | None, label: str) -> Table:
    table, text = snapshot.tables["namespaces"], snapshot.strings
    rows = _rows(table["name"], wanted)
    owners = namespace_owners(snapshot, label)
    names = table["name"][rows]
    return Table(
        "namespaces",
        {
            "zone": _zone(snapshot, len(names)),
            "namespace": Text(names, text),
            "organization": text_column([owners[text[code]] for code in names.tolist()]),
            "created": Text(table["created"][rows], text),
        },
    )


def _repositories(snapshot: Snapshot, wanted: Ints | None) -> Table:
    table, text = snapshot.tables["imagestreams"], snapshot.strings
    rows = _rows(table["namespace"], wanted)
    return Table(
        "repositories",
        {
            "zone": _zone(snapshot, int(rows.sum())),
            "namespace": Text(table["namespace"][rows], text),
            "repository": Text(table["name"][rows], text),
            "created": Text(table["created"][rows], text),
            "pushed": Text(table["pushed"][rows], text),
        },
    )


def _tokens(snapshot: Snapshot, wanted: Ints | None) -> Table:
    table, text = snapshot.tables["tokens"], snapshot.strings
    rows = _rows(table["namespace"], wanted)
    owners = zip(table["namespace"][rows].tolist(), table["account"][rows].tolist(), strict=True)
    accounts = [f"{text[namespace]}:{text[account]}" for namespace, account in owners]
    return Table(
        "tokens",
        {
            "zone": _zone(snapshot, len(accounts)),
            "namespace": Text(table["namespace"][rows], text),
            "token": Text(table["name"][rows], text),
            "account": text_column(accounts),
            "created": Text(table["created"][rows], text),
            "last_used": Text(table["last_used"][rows], text),
        },
    )


def _rows(namespaces: Ints, wanted: Ints | None) -> NDArray[np.bool_]:
    return np.ones(len(namespaces), dtype=bool) if wanted is None else np.isin(namespaces, wanted)


def _zone(snapshot: Snapshot, rows: int) -> Text:
    return Text(np.zeros(rows, dtype=np.int32), (snapshot.origin.zone,))
