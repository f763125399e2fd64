"""A zone as it would be with other objects: manifests laid over its facts, and objects taken out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from audit.rbac.roles import selects
from audit.snapshot.builder import SnapshotBuilder, rules_text
from audit.snapshot.model import PARENTS, Snapshot
from audit.snapshot.objects import Aggregation, Item, LabelledMeta, Namespace, ReleaseAnnotations, Role, Rule
from audit.tables.arrays import Mask

# Kinds of objects that decide access, and the table that holds them.
TABLE_OF: Final[Mapping[str, str]] = {
    "namespaces": "namespaces",
    "clusterroles": "roles",
    "roles": "roles",
    "clusterrolebindings": "bindings",
    "rolebindings": "bindings",
    "groups": "groups",
    "serviceaccounts": "serviceaccounts",
    "imagestreams": "imagestreams",
    "users": "users",
}
NAMESPACED: Final = frozenset({"roles", "rolebindings", "serviceaccounts", "imagestreams"})
# Nothing in a manifest of these changes what is known of one that exists.
_AS_IT_IS: Final = frozenset({"serviceaccounts", "imagestreams", "users"})
_LABELS: Final = msgspec.json.Decoder(dict[str, str])
_JSON: Final[Mapping[str, msgspec.json.Decoder[Any]]] = {
    "labels": _LABELS,
    "rules": msgspec.json.Decoder(list[Rule]),
    "aggregation": msgspec.json.Decoder(Aggregation),
}
_ROUNDS: Final = 10  # of roles that are aggregated into each other


class ObjectName(NamedTuple):
    """An object: a plural of TABLE_OF, its namespace (empty: cluster-wide) and its name."""

    plural: str
    namespace: str
    name: str


class Known(NamedTuple):
    """What a zone says of an object that manifests do not: all are empty when not known; `role` is kind and name."""

    uid: str
    created: str
    labels: str
    role: tuple[str, str]
    made_by: str


def name_of(plural: str, item: Item) -> ObjectName:
    """Return the name of an object."""
    return ObjectName(plural, item.metadata.namespace if plural in NAMESPACED else "", item.metadata.name)


def overlaid(
    snapshot: Snapshot, applied: Mapping[str, Sequence[Item]], deleted: Collection[ObjectName] = ()
) -> Snapshot:
    """Return the facts of a zone after objects were deleted and others applied.

    An applied object replaces the one of its name, and keeps its uid and the time of its creation; the labels of a
    namespace are added to those it has. A deleted namespace takes with it what is in it. Where cluster roles change,
    those that are aggregated from others are filled again, as the cluster does.
    """
    before = known_objects(snapshot)
    objects = {name_of(plural, item): item for plural, items in applied.items() for item in items}
    objects = {name: item for name, item in objects.items() if name.plural not in _AS_IT_IS or name not in before}
    objects |= _refilled(snapshot, objects, deleted)
    builder = SnapshotBuilder()
    builder.take(
        snapshot, _kept(snapshot, {*objects, *deleted}, {name.name for name in deleted if _is_namespace(name)})
    )
    for plural in TABLE_OF:
        builder.add(plural, [_aged(item, before.get(name)) for name, item in objects.items() if name.plural == plural])
    for gap in snapshot.gaps:
        builder.gap(gap)
    for listing in snapshot.listings:
        builder.listed(listing)
    return replace(builder.snapshot(snapshot.origin), origin=snapshot.origin)


def known_objects(snapshot: Snapshot) -> dict[ObjectName, Known]:
    """Return what a zone says of each of its objects."""
    text, found = snapshot.strings, {}
    for table in dict.fromkeys(TABLE_OF.values()):
        columns = snapshot.tables[table]
        blank = np.zeros(len(columns["name"]), dtype=np.int32)
        names = ("namespace", "name", "uid", "created", "labels", "role_kind", "role", "made_by")
        for codes in zip(*(columns.get(name, blank).tolist() for name in names), strict=True):
            namespace, name, uid, created, labels, role_kind, role, made_by = (text[code] for code in codes)
            cluster = "cluster" if table == "roles" and not namespace else ""
            plural = (f"{cluster}{table}", "rolebindings" if namespace else "clusterrolebindings")[table == "bindings"]
            found[ObjectName(plural, namespace, name)] = Known(uid, created, labels, (role_kind, role), made_by)
    return found


def _is_namespace(name: ObjectName) -> bool:
    return name.plural == "namespaces"


def _kept(snapshot: Snapshot, gone: Collection[ObjectName], namespaces: Collection[str]) -> dict[str, Mask]:
    """Return for each table which rows stay: neither these objects nor what is in these namespaces."""
    kept: dict[str, Mask] = {}
    for table, columns in snapshot.tables.items():
        kept[table] = np.ones(len(next(iter(columns.values()))), dtype=bool)
        if "namespace" in columns and table != "subjects":
            kept[table] &= ~np.isin(columns["namespace"], [snapshot.code(name) for name in namespaces])
    for plural, namespace, name in gone:
        table = TABLE_OF[plural]
        columns = snapshot.tables[table]
        rows = columns["name"] == snapshot.code(name)
        kept[table] &= ~(rows & (columns["namespace"] == snapshot.code(namespace)) if "namespace" in columns else rows)
    for (table, column), parent in PARENTS.items():
        kept[table] &= kept[parent][snapshot.tables[table][column]]
    return kept


def _aged(item: Item, known: Known | None) -> Item:
    """Return an applied object with what the server keeps of the one that it replaces."""
    if known is None:
        return item
    metadata: Any = item.metadata
    # A manifest may hold what was exported once: the server goes by its own.
    changes: dict[str, Any] = {"created": known.created}
    if hasattr(metadata, "uid"):
        changes["uid"] = known.uid
    if isinstance(item, Namespace) and known.labels:
        changes["labels"] = _LABELS.decode(known.labels) | (metadata.labels or {})
    if hasattr(metadata, "annotations") and known.made_by:
        changes["annotations"] = ReleaseAnnotations(self_managed="true")
    return msgspec.structs.replace(item, metadata=msgspec.structs.replace(metadata, **changes))


def _refilled(
    snapshot: Snapshot, objects: Mapping[ObjectName, Item], deleted: Collection[ObjectName]
) -> dict[ObjectName, Role]:
    """Return the aggregated cluster roles that a controller would fill with other rules now."""
    before = _cluster_roles(snapshot)
    changed = {name.name for name in (*objects, *deleted) if name.plural == "clusterroles"}
    after = {name: role for name, role in before.items() if ObjectName("clusterroles", "", name) not in deleted}
    after |= {name.name: role for name, role in objects.items() if isinstance(role, Role) and not name.namespace}
    refilled: dict[ObjectName, Role] = {}
    for _ in range(_ROUNDS if changed else 0):
        filled = {
            name: _filled(role, after) for name, role in after.items() if _selects_any(role, changed, before, after)
        }
        filled = {name: role for name, role in filled.items() if role.rules != after[name].rules}
        if not filled:
            break
        after |= filled
        changed |= filled.keys()
        refilled |= {ObjectName("clusterroles", "", name): role for name, role in filled.items()}
    return refilled


def _cluster_roles(snapshot: Snapshot) -> dict[str, Role]:
    table, text = snapshot.tables["roles"], snapshot.strings
    rows = [table[name][table["namespace"] == 0].tolist() for name in ("name", "uid", "created", *_JSON)]
    found = {}
    for codes in zip(*rows, strict=True):
        name, uid, created, *json = (text[code] for code in codes)
        labels, rules, aggregation = (
            _JSON[key].decode(text) if text else None for key, text in zip(_JSON, json, strict=True)
        )
        metadata = LabelledMeta(name=name, uid=uid, created=created, labels=labels)
        found[name] = Role(metadata, rules, aggregation)
    return found


def _selects_any(role: Role, changed: Collection[str], before: Mapping[str, Role], after: Mapping[str, Role]) -> bool:
    """Return whether a role is aggregated, and is changed itself or selects a changed one, or did before."""
    if role.aggregation is None:
        return False
    others = (roles[name] for name in changed for roles in (before, after) if name in roles)
    return role.metadata.name in changed or any(_chooses(role, other) for other in others)


def _chooses(role: Role, other: Role) -> bool:
    selectors = role.aggregation.selectors or () if role.aggregation else ()
    return other.metadata.name != role.metadata.name and any(
        selects(selector, other.metadata.labels or {}) for selector in selectors
    )


def _filled(role: Role, roles: Mapping[str, Role]) -> Role:
    """Return an aggregated role with the rules of those that it selects, each once, by the names of these."""
    copied = {
        rules_text([rule]): rule
        for name in sorted(roles)
        if _chooses(role, roles[name])
        for rule in roles[name].rules or ()
    }
    return msgspec.structs.replace(role, rules=[*copied.values()])


def roles_in(applied: Mapping[str, Sequence[Item]]) -> list[tuple[ObjectName, Role]]:
    """Return the roles among applied objects, by name."""
    found = [(name_of(plural, item), item) for plural in ("clusterroles", "roles") for item in applied.get(plural, ())]
    return sorted(((name, item) for name, item in found if isinstance(item, Role)), key=lambda pair: pair[0])
