"""Namespaces, repositories and organizations that came to a zone or went; and what only one state saw."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from audit.changes.state import State
from audit.snapshot.model import Gap, Snapshot, gap_lines
from audit.tenancy.organizations import namespace_owners

APPEARED, GONE, CHANGED, UNSEEN = "appeared", "gone", "changed", "unseen"
UNKNOWN: Final = "?"
# The kinds on which what is compared depends.
_KINDS: Final = ("namespaces", "clusterroles", "clusterrolebindings", "roles", "rolebindings", "groups", "imagestreams")
Row = Mapping[str, str]


def other_changes(before: State, after: State, wanted: Collection[str] | None, label: str) -> Iterator[Row]:
    """Yield a row for each namespace, repository and gap that differs; of the namespaces in `wanted` (None: of all)."""
    snapshots = before.snapshot, after.snapshot
    yield from _unseen(*snapshots)
    for row in (*_namespaces(*snapshots, label), *_repositories(before, after)):
        if wanted is None or row["namespace"] in wanted:
            yield row


def gaps_of(snapshot: Snapshot) -> list[Gap]:
    """Return what was not seen and matters to a comparison."""
    return [gap for gap in snapshot.gaps if gap.kind in _KINDS]


def _unseen(before: Snapshot, after: Snapshot) -> Iterator[Row]:
    places = [{(gap.kind, gap.namespace) for gap in gaps_of(snapshot)} for snapshot in (before, after)]
    for when, own, other in (("before", before, places[1]), ("now", after, places[0])):
        only = [gap for gap in gaps_of(own) if (gap.kind, gap.namespace) not in other]
        for namespace in sorted({gap.namespace for gap in only}):
            there = [gap for gap in only if gap.namespace == namespace]
            yield {
                "change": UNSEEN,
                "object": "zone" if namespace in {"", "*"} else "namespace",
                "namespace": namespace or "*",
                "before": UNKNOWN if when == "before" else "",
                "after": UNKNOWN if when == "now" else "",
                "cause": "; ".join(f"not seen {when}: {line}" for line in gap_lines(there)),
            }


def _namespaces(before: Snapshot, after: Snapshot, label: str) -> Iterator[Row]:
    was, now = namespace_owners(before, label), namespace_owners(after, label)
    born = [_created(snapshot, "namespaces") for snapshot in (before, after)]
    seen = [not snapshot.gaps_of("namespaces") for snapshot in (before, after)]
    for name in sorted({*was, *now}):
        row = {"object": "namespace", "namespace": name, "before": was.get(name, ""), "after": now.get(name, "")}
        row["since"] = (born[1] if name in now else born[0])[(name,)]
        if name not in was:
            if seen[0]:
                yield {**row, "change": APPEARED, "cause": f"namespace {name} is new"}
        elif name not in now:
            if seen[1]:
                yield {**row, "change": GONE, "cause": f"namespace {name} is gone"}
        else:
            cause = "; ".join(_moved(name, (was[name], now[name]), (born[0][(name,)], born[1][(name,)])))
            if cause:
                yield {**row, "change": CHANGED, "cause": cause}


def _moved(name: str, owners: tuple[str, str], born: tuple[str, str]) -> Iterator[str]:
    if all(born) and born[0] != born[1]:
        yield f"namespace {name} was deleted and created again"
    if owners[0] != owners[1]:
        was, now = (f"organization {owner}" if owner else "no organization" for owner in owners)
        yield f"namespace {name} moved from {was} to {now}; that changes no binding: who had access there keeps it"


def _repositories(before: State, after: State) -> Iterator[Row]:
    was, now = (_created(state.snapshot, "imagestreams") for state in (before, after))
    for place in sorted(was.keys() ^ now.keys()):
        namespace, name = place
        absent, born = (before, now[place]) if place in now else (after, was[place])
        if absent.snapshot.gaps_in("imagestreams", namespace):
            continue
        change, words = (APPEARED, "is new") if place in now else (GONE, "is gone")
        row = {"change": change, "object": "repository", "namespace": namespace, "repository": name, "since": born}
        yield {**row, "cause": f"repository {name} {words}"}


def _created(snapshot: Snapshot, table: str) -> dict[tuple[str, ...], str]:
    """Return when each object of a table was created, by what names it."""
    columns, text = snapshot.tables[table], snapshot.strings
    names = [columns[name].tolist() for name in ("namespace", "name") if name in columns]
    return {
        tuple(text[code] for code in place): text[born]
        for *place, born in zip(*names, columns["created"].tolist(), strict=True)
    }
