"""Objects as they arrive -> the columns of a snapshot."""

import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Final, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from audit.snapshot.model import PARENTS, TABLES, Gap, Ints, Listing, Origin, Snapshot
from audit.snapshot.objects import (
    Binding,
    Build,
    Group,
    ImageStream,
    Item,
    Membership,
    Namespace,
    Pod,
    Role,
    Rule,
    ServiceAccount,
    Token,
    User,
)

# What makes a row of each table the same row in every order of arrival.
_ORDER: Final[dict[str, tuple[str, ...]]] = {
    "namespaces": ("name",),
    "roles": ("namespace", "name", "uid", "rules"),
    "bindings": ("namespace", "name", "uid", "role_kind", "role"),
    "subjects": ("binding", "kind", "namespace", "name"),
    "groups": ("name",),
    "members": ("group", "user"),
    "serviceaccounts": ("namespace", "name"),
    "imagestreams": ("namespace", "name"),
    "images": ("namespace", "stream", "tag", "created", "image"),
    "users": ("name",),
    "tokens": ("namespace", "name"),
    "workloads": TABLES["workloads"],
    "pushes": ("namespace", "name"),
    "declared": ("organization", "team", "user"),
}
# Host and port in front of the path of an image stream.
_HOST: Final = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?(?::[0-9]{1,5})?)/")


class SnapshotBuilder:
    """Builds the snapshot of one zone, list by list; keeps only numbers and one copy of each text.

    Lists of one zone may be added in any order and leave the same snapshot. Not safe for two threads at once.
    """

    def __init__(self) -> None:
        self._pool: dict[str, int] = {"": 0}
        self._columns = {name: {column: array("i") for column in columns} for name, columns in TABLES.items()}
        self._gaps: set[Gap] = set()
        self._listings: list[Listing] = []
        self._cluster_id = ""
        self._workloads: set[tuple[str, ...]] = set()  # pods of one owner are alike
        self._registries: Counter[str] = Counter()  # hosts in the public addresses of image streams
        self.leaving: set[str] = set()  # namespaces that are being deleted: what is in them goes piece by piece

    def add(self, kind: str, items: Sequence[Item]) -> None:
        """Add objects of one kind (a plural)."""
        adders: dict[str, Callable[[Sequence[Item]], None]] = {
            "namespaces": self._namespaces,
            "clusterroles": self._roles,
            "roles": self._roles,
            "clusterrolebindings": self._bindings,
            "rolebindings": self._bindings,
            "groups": self._groups,
            "serviceaccounts": self._accounts,
            "imagestreams": self._streams,
            "users": self._users,
            "tokens": self._tokens,
            "pods": self._pods,
            "builds": self._builds,
            "organizationmembers": self._organizations,
            "teams": self._teams,
        }
        adders[kind](items)

    def take(self, snapshot: Snapshot, kept: Mapping[str, NDArray[np.bool_]]) -> None:
        """Add those rows of a snapshot's tables that are `kept`; a row whose parent is not kept must not be."""
        first = {name: len(next(iter(columns.values()))) for name, columns in self._columns.items()}
        for name, columns in snapshot.tables.items():
            for column, codes in columns.items():
                numbers = codes[kept[name]]
                if parent := PARENTS.get((name, column)):
                    at = np.cumsum(kept[parent]) - 1 + first[parent]
                    self._columns[name][column].extend(at[numbers].tolist())
                else:
                    self._put(name, column, map(snapshot.strings.__getitem__, numbers.tolist()))

    def names(self, table: str) -> list[str]:
        """Return the names in a table, sorted."""
        texts = list(self._pool)
        return sorted({texts[code] for code in self._columns[table]["name"]})

    @property
    def registry(self) -> str:
        """Return the host under which the zone's image streams are reached from outside; "" if they have none."""
        return max(sorted(self._registries), key=self._registries.__getitem__, default="")

    def listed(self, listing: Listing) -> None:
        """Record that a kind was listed whole."""
        self._listings.append(listing)

    def gap(self, gap: Gap) -> None:
        """Record what could not be seen."""
        self._gaps.add(gap)

    def snapshot(self, origin: Origin) -> Snapshot:
        """Return the snapshot of all that was added; the order of arrival makes no difference."""
        origin = msgspec.structs.replace(origin, cluster_id=self._cluster_id)
        strings = sorted(self._pool)
        rank = np.empty(len(strings), dtype=np.int32)
        rank[np.fromiter((self._pool[text] for text in strings), dtype=np.int64, count=len(strings))] = np.arange(
            len(strings), dtype=np.int32
        )
        tables: dict[str, dict[str, Ints]] = {}
        moved: dict[str, Ints] = {}
        for name, columns in self._columns.items():
            table: dict[str, Ints] = {}
            for column, numbers in columns.items():
                raw = np.frombuffer(numbers, dtype=np.int32) if numbers else np.empty(0, dtype=np.int32)
                parent = PARENTS.get((name, column))
                table[column] = moved[parent][raw] if parent else rank[raw]
            order = np.lexsort([table[column] for column in reversed(_ORDER[name])])
            tables[name] = {column: values[order] for column, values in table.items()}
            moved[name] = np.empty(len(order), dtype=np.int32)
            moved[name][order] = np.arange(len(order), dtype=np.int32)
        return Snapshot(origin, tuple(sorted(self._gaps)), tuple(sorted(self._listings)), strings, tables)

    def _put(self, table: str, column: str, texts: Iterable[str]) -> None:
        pool = self._pool
        self._columns[table][column].extend([pool.setdefault(text, len(pool)) for text in texts])

    def _namespaces(self, items: Sequence[Item]) -> None:
        namespaces = cast("Sequence[Namespace]", items)
        own = (i.metadata.uid for i in namespaces if i.metadata.name == "kube-system")
        self._cluster_id = next(own, self._cluster_id)
        self.leaving.update(i.metadata.name for i in namespaces if i.metadata.deleted)
        self._put("namespaces", "name", (i.metadata.name for i in namespaces))
        self._put("namespaces", "created", (i.metadata.created or "" for i in namespaces))
        self._put("namespaces", "labels", (_labels(i.metadata.labels) for i in namespaces))
        self._put("namespaces", "made_by", (i.metadata.made_by for i in namespaces))

    def _roles(self, items: Sequence[Item]) -> None:
        roles = cast("Sequence[Role]", items)
        self._metadata("roles", roles)
        self._put("roles", "uid", (i.metadata.uid for i in roles))
        self._put("roles", "labels", (_labels(i.metadata.labels) for i in roles))
        self._put("roles", "rules", (rules_text(i.rules) for i in roles))
        self._put(
            "roles",
            "aggregation",
            ("" if i.aggregation is None else msgspec.json.encode(i.aggregation).decode() for i in roles),
        )

    def _bindings(self, items: Sequence[Item]) -> None:
        bindings = cast("Sequence[Binding]", items)
        first = len(self._columns["bindings"]["name"])
        self._metadata("bindings", bindings)
        self._put("bindings", "uid", (i.metadata.uid for i in bindings))
        self._put("bindings", "role_kind", (i.role.kind for i in bindings))
        self._put("bindings", "role", (i.role.name for i in bindings))
        self._put("bindings", "made_by", (i.metadata.made_by for i in bindings))
        counts = [len(i.subjects or ()) for i in bindings]
        subjects = list(chain.from_iterable(i.subjects or () for i in bindings))
        self._columns["subjects"]["binding"].extend(_parents(first, counts))
        self._put("subjects", "kind", (s.kind for s in subjects))
        self._put("subjects", "namespace", (s.namespace for s in subjects))
        self._put("subjects", "name", (s.name for s in subjects))

    def _groups(self, items: Sequence[Item]) -> None:
        groups = cast("Sequence[Group]", items)
        first = len(self._columns["groups"]["name"])
        self._put("groups", "name", (i.metadata.name for i in groups))
        self._put("groups", "created", (i.metadata.created or "" for i in groups))
        self._columns["members"]["group"].extend(_parents(first, [len(i.users or ()) for i in groups]))
        self._put("members", "user", chain.from_iterable(i.users or () for i in groups))

    def _accounts(self, items: Sequence[Item]) -> None:
        self._metadata("serviceaccounts", cast("Sequence[ServiceAccount]", items))

    def _streams(self, items: Sequence[Item]) -> None:
        streams = cast("Sequence[ImageStream]", items)
        self._metadata("imagestreams", streams)
        self._put("imagestreams", "pushed", (i.pushed() for i in streams))
        images = [(i.metadata.namespace, i.metadata.name, *image) for i in streams for image in i.images()]
        self._rows("images", images)
        for item in streams:
            address = item.status.public if item.status else None
            if isinstance(address, str) and (host := _HOST.match(address)):
                self._registries[host[1]] += 1

    def _users(self, items: Sequence[Item]) -> None:
        users = cast("Sequence[User]", items)
        self._put("users", "name", (i.metadata.name for i in users))
        self._put("users", "created", (i.metadata.created or "" for i in users))

    def _tokens(self, items: Sequence[Item]) -> None:
        tokens = cast("Sequence[Token]", items)
        self._metadata("tokens", tokens)
        self._put(
            "tokens", "account", (i.metadata.annotations.account if i.metadata.annotations else "" for i in tokens)
        )
        self._put("tokens", "last_used", (i.metadata.labels.last_used if i.metadata.labels else "" for i in tokens))

    def _pods(self, items: Sequence[Item]) -> None:
        found: dict[tuple[str, ...], None] = {}
        for pod in cast("Sequence[Pod]", items):
            account = (pod.spec.account if pod.spec else None) or ""
            named = (secret.name for secret in (pod.spec.secrets if pod.spec else None) or ())
            secrets = ",".join(sorted({name for name in named if name}))
            for image in pod.images():
                found[pod.metadata.namespace, *pod.owner(), account, image, secrets] = None
        new = [row for row in found if row not in self._workloads]
        self._workloads.update(new)
        self._rows("workloads", new)

    def _builds(self, items: Sequence[Item]) -> None:
        rows = []
        for build in cast("Sequence[Build]", items):
            status, account = build.status, (build.spec.account if build.spec else None) or ""
            built = status.output.to.digest if status and status.output and status.output.to else None
            if status and status.reference and status.finished and built:
                place = build.metadata.namespace, build.metadata.name
                rows.append((*place, account, status.reference, built, status.finished))
        self._rows("pushes", rows)

    def _rows(self, table: str, rows: Sequence[Sequence[str]]) -> None:
        for at, column in enumerate(TABLES[table]):
            self._put(table, column, (row[at] for row in rows))

    def _organizations(self, items: Sequence[Item]) -> None:
        self._declared([("", members) for members in cast("Sequence[Membership]", items)])

    def _teams(self, items: Sequence[Item]) -> None:
        self._declared([(team.metadata.name, team) for team in cast("Sequence[Membership]", items)])

    def _declared(self, teams: Sequence[tuple[str, Membership]]) -> None:
        rows = [
            (members.metadata.namespace, team, user)
            for team, members in teams
            for user in ("", *(ref.name for ref in (members.spec.users if members.spec else None) or ()))
        ]
        self._rows("declared", rows)

    def _metadata(self, table: str, items: Sequence[Role | Binding | ServiceAccount | ImageStream | Token]) -> None:
        self._put(table, "namespace", (i.metadata.namespace for i in items))
        self._put(table, "name", (i.metadata.name for i in items))
        self._put(table, "created", (i.metadata.created or "" for i in items))


def _labels(labels: dict[str, str] | None) -> str:
    return msgspec.json.encode(labels, order="sorted").decode() if labels else ""


def _parents(first: int, counts: Sequence[int]) -> list[int]:
    return list(chain.from_iterable([first + at] * count for at, count in enumerate(counts)))


def renamed(
    snapshot: Snapshot,
    origin: Origin,
    gaps: Sequence[Gap],
    by: Mapping[tuple[str, str], Callable[[str], str]],
    subject: Callable[[str, str], str],
) -> Snapshot:
    """Return a snapshot with other texts, in their order: `by` says which columns change, and how.

    `subject` gives the name of a binding's subject, of its kind and name.
    """
    builder = SnapshotBuilder()
    for table, columns in snapshot.tables.items():
        for column, codes in columns.items():
            if (table, column) in PARENTS:
                builder._columns[table][column].extend(codes.tolist())
                continue
            texts: Iterable[str] = (snapshot.strings[code] for code in codes.tolist())
            if (table, column) == ("subjects", "name"):
                kinds = (snapshot.strings[code] for code in columns["kind"].tolist())
                texts = map(cache(subject), kinds, texts)
            elif change := by.get((table, column)):
                texts = map(cache(change), texts)
            builder._put(table, column, texts)
    for gap in gaps:
        builder.gap(gap)
    for listing in snapshot.listings:
        builder.listed(listing)
    builder._cluster_id = origin.cluster_id
    return builder.snapshot(origin)


def rules_text(rules: Sequence[Rule] | None) -> str:
    """Return `rules` as JSON text: equal texts are equal rules, so each is judged once."""
    kept = [msgspec.structs.replace(rule, urls=None) if rule.urls else rule for rule in rules or ()]
    return msgspec.json.encode(kept).decode()
