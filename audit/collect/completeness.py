"""Which lists of a zone cannot be complete, judged by what its other lists say, wherever they were read from.

`oc` and `kubectl` leave an empty list when one is refused, dumps are made without `-A`, files and lists are cut. Such
a list must become a gap, so that nothing is denied because of it. What every cluster has is the evidence. A single
object that is missing from a list that otherwise looks whole cannot be noticed.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from audit.collect.bootstrap import (
    BOOTSTRAP_ROLES,
    DEFAULT_BINDINGS,
    KUBERNETES_ROLES,
    expected_bindings,
    expected_in_namespaces,
    is_openshift,
    is_system,
    started,
)
from audit.snapshot.model import DUMP, Gap, Ints, Snapshot

REASON: Final = "incomplete"
_NEVER_EMPTY: Final = ("namespaces", "clusterroles", "clusterrolebindings", "rolebindings", "serviceaccounts")
_USUAL: Final = 0.8  # share of namespaces
_NAMED: Final = 20  # namespaces that get a gap of their own; more make the whole list doubtful
_MANY: Final = 10  # users; fewer may never have logged in
_SHOWN: Final = 3  # names in a message
_CHANGING: Final = 2  # namespaces that may come and go while a live zone is read
_YOUNG: Final = timedelta(minutes=10)  # controllers may not have furnished a namespace of this age
_FIX: Final = "was the dump made without -A, or cut?"


class Doubt(NamedTuple):
    """Why a list cannot be complete; `namespaces` are those concerned, none: all."""

    kind: str
    evidence: str
    namespaces: tuple[str, ...] = ()


def believed(snapshot: Snapshot, single: Collection[str] = (), leaving: Collection[str] = ()) -> Snapshot:
    """Return the snapshot with a gap for each list that cannot be complete.

    `single` are the kinds that were read as files of one object each: nothing says that these are all. `leaving` are
    the namespaces that are being deleted.
    """
    gaps = [
        Gap(doubt.kind, namespace, REASON, doubt.evidence)
        for doubt in _Evidence(snapshot, single, leaving).doubts()
        for namespace in doubt.namespaces or ("",)
    ]
    doubtful = {gap.kind for gap in gaps}
    if "namespaces" in doubtful:
        # Nobody knows what is bound in namespaces that are not listed.
        gaps += [Gap(kind, "*", REASON, "the list of namespaces is incomplete") for kind in ("rolebindings", "roles")]
    listings = tuple(listing for listing in snapshot.listings if listing.kind not in doubtful)
    origin = msgspec.structs.replace(snapshot.origin, judged=True)
    return Snapshot(origin, tuple(sorted({*snapshot.gaps, *gaps})), listings, snapshot.strings, snapshot.tables)


class _Evidence:
    def __init__(self, snapshot: Snapshot, single: Collection[str], leaving: Collection[str]) -> None:
        self._snapshot = snapshot
        self._single = single
        self._leaving = leaving
        self._tables = snapshot.tables
        self._tolerated = 0 if snapshot.origin.source == DUMP else _CHANGING
        self._doubtful = {gap.kind for gap in snapshot.gaps if not gap.namespace}

    def doubts(self) -> Iterator[Doubt]:
        """Yield why lists cannot be complete; lists of which nothing was seen are judged no further."""
        for kind, judge in {
            "namespaces": self._namespaces,
            "clusterroles": self._cluster_roles,
            "clusterrolebindings": self._cluster_role_bindings,
            "serviceaccounts": self._accounts,
            "rolebindings": self._role_bindings,
            "roles": self._roles,
            "groups": self._groups,
            "users": self._users,
        }.items():
            if self._snapshot.missing(kind):
                continue
            if kind in _NEVER_EMPTY and not len(self._rows(kind)):
                if not self._snapshot.gaps_of(kind):
                    self._doubtful.add(kind)
                    empty = "the list is empty, as oc and kubectl leave it on an error; every cluster has some"
                    yield Doubt(kind, empty)
                continue
            for doubt in judge():
                if not doubt.namespaces:
                    self._doubtful.add(kind)
                yield doubt

    def _namespaces(self) -> Iterator[Doubt]:
        tables = ("bindings", "roles", "serviceaccounts", "imagestreams")
        used = np.unique(np.concatenate([self._tables[table]["namespace"] for table in tables]))
        unlisted = self._texts(np.setdiff1d(used[used > 0], self._tables["namespaces"]["name"]))
        if len(unlisted) > self._tolerated and not self._snapshot.gaps_of("namespaces"):
            yield Doubt("namespaces", f"without {_names('namespace', unlisted)}, which have objects; {_FIX}")

    def _cluster_roles(self) -> Iterator[Doubt]:
        listed = self._cluster_role_names
        if "clusterroles" in self._single:
            absent = [name for name in KUBERNETES_ROLES if name not in listed]
            if absent:
                yield Doubt("clusterroles", f"single objects, without {', '.join(absent)}, which every cluster has")
                return
        basic = {"admin", "edit", "view"}
        named = {*self._texts(np.unique(self._bound_roles("ClusterRole")["role"]))} - listed
        last = max(listed)
        missing = sorted(
            {name for name in named if name in BOOTSTRAP_ROLES or name > last}
            | (basic - listed if basic & listed else set())
        )
        if missing:
            yield Doubt("clusterroles", f"without {_names('cluster role', missing)}, which must exist; {_FIX}")

    def _cluster_role_bindings(self) -> Iterator[Doubt]:
        listed = {*self._texts(self._rows("clusterrolebindings"))}
        if "clusterrolebindings" in self._single and not listed & {"cluster-admin", "cluster-admins"}:
            yield Doubt("clusterrolebindings", "single objects, without that of cluster-admin, which every cluster has")
            return
        must, usual = expected_bindings(self._cluster_role_names, listed)
        rare = usual - listed
        last = max(listed)
        missing = sorted((must - listed) | {name for name in rare if len(rare) > 1 or name > last})
        if missing:
            yield Doubt("clusterrolebindings", f"without {_names('binding', missing)}, which every cluster has; {_FIX}")

    def _role_bindings(self) -> Iterator[Doubt]:
        yield from self._bootstrapped("rolebindings")
        furnished = self._furnished
        if not furnished:
            return
        bindings = {name: self._spaces_with("bindings", name) for name in DEFAULT_BINDINGS}
        usual = [
            name for name, namespaces in bindings.items() if len(namespaces & furnished) >= _USUAL * len(furnished)
        ]
        bound = {*np.unique(self._tables["bindings"]["namespace"]).tolist()}
        bare = self._settled("rolebindings", furnished - bound)
        some = set().union(*bindings.values())
        if not usual and len(some & furnished) * 2 < len(furnished):
            lacking = self._settled("rolebindings", furnished - some)
            if lacking:
                evidence = f"without the bindings of OpenShift in {_names('namespace', lacking)}; {_FIX}"
                yield self._by_namespace("rolebindings", lacking, evidence, all_of=len(furnished))
        elif bare:
            evidence = f"no bindings in {_names('namespace', bare)}; {_FIX}"
            yield self._by_namespace("rolebindings", bare, evidence, all_of=len(furnished))
        if not self._snapshot.gaps_of("rolebindings"):
            yield from self._cut_bindings(usual)

    def _cut_bindings(self, usual: Sequence[str]) -> Iterator[Doubt]:
        """Yield a doubt when the last bindings of the list end before those that OpenShift puts there."""
        namespace, names = self._last("bindings")
        if self._settled("rolebindings", {self._snapshot.code(namespace)} & self._furnished):
            missing = [name for name in usual if name > max(names) and name not in names]
            if missing:
                evidence = f"the list ends in namespace {namespace} before {missing[0]}; {_FIX}"
                yield Doubt(
                    "rolebindings", evidence, (namespace,) if self._last_of(self._furnished) == namespace else ()
                )

    def _roles(self) -> Iterator[Doubt]:
        yield from self._bootstrapped("roles")
        bound = self._bound_roles("Role")
        pairs = {*zip(bound["namespace"].tolist(), bound["role"].tolist(), strict=True)}
        local = self._tables["roles"]["namespace"] > 0
        namespaces, names = (self._tables["roles"][column][local].tolist() for column in ("namespace", "name"))
        missing = {pair for pair in pairs - {*zip(namespaces, names, strict=True)} if pair[0] > 0}
        if not missing:
            return
        last = max((self._key(pair) for pair in zip(namespaces, names, strict=True)), default="")
        # In a namespace whose roles are all missing: one that other namespaces have, or several.
        without = {*namespaces}
        empty = [pair for pair in missing if pair[0] not in without]
        count = {namespace: sum(pair[0] == namespace for pair in empty) for namespace, _ in empty}
        named = {*names}
        doubted = {pair[0] for pair in missing if self._key(pair) > last}
        doubted |= {pair[0] for pair in empty if pair[1] in named or count[pair[0]] > 1}
        concerned = self._settled("roles", doubted)
        if concerned:
            evidence = f"roles of {_names('namespace', concerned)} are named by bindings and not listed; {_FIX}"
            yield self._by_namespace("roles", concerned, evidence)

    def _bootstrapped(self, kind: str) -> Iterator[Doubt]:
        """Yield a doubt when namespaces that every cluster has lack what every API server puts there."""
        if not started(self._cluster_role_names):
            return
        table = {"rolebindings": "bindings"}.get(kind, kind)
        listed = {*self._texts(self._tables["namespaces"]["name"])}
        expected = {
            namespace: names
            for namespace, names in expected_in_namespaces(
                kind, openshift=is_openshift(self._cluster_role_names)
            ).items()
            if namespace in listed
        }
        namespaces = [*expected]
        lacking = {
            self._snapshot.code(namespace)
            for namespace, names in expected.items()
            if any(self._snapshot.code(namespace) not in self._spaces_with(table, name) for name in names)
        }
        concerned = self._settled(kind, lacking)
        if concerned:
            evidence = f"without what every cluster has in {_names('namespace', concerned)}; {_FIX}"
            yield self._by_namespace(kind, concerned, evidence, all_of=len(namespaces))

    def _accounts(self) -> Iterator[Doubt]:
        namespaces = {*self._tables["namespaces"]["name"].tolist()}
        without = self._settled("serviceaccounts", namespaces - self._spaces_with("serviceaccounts", "default"))
        if not without:
            return
        evidence = f"no account `default` in {_names('namespace', without)}; {_FIX}"
        if self._snapshot.gaps_of("serviceaccounts"):
            yield Doubt("serviceaccounts", evidence, tuple(without))
        # A single one may be a namespace that is just created or deleted; the last shows that the list was cut.
        elif len(without) > max(self._tolerated, 1) or self._last_of(namespaces) in without:
            yield Doubt("serviceaccounts", evidence)

    def _groups(self) -> Iterator[Doubt]:
        listed = self._texts(self._tables["groups"]["name"])
        if not listed and not self._openshift:
            return  # Kubernetes has no groups that are objects
        users = {*self._texts(np.unique(self._tables["members"]["user"])), *self._bound("User")}
        # A group object cannot have a colon in its name: such groups are asserted by identity providers.
        unlisted = sorted(name for name in self._bound("Group") - users - {*listed} if ":" not in name)
        beyond = [name for name in unlisted if name > max(listed, default="")]
        if beyond and (not listed or len(beyond) > 1):
            yield Doubt("groups", f"{_names('group', beyond)} bound and not listed; {_FIX}")

    def _users(self) -> Iterator[Doubt]:
        members = len(np.unique(self._tables["members"]["user"]))
        if self._snapshot.requested("users") and not len(self._tables["users"]["name"]) and members >= _MANY:
            yield Doubt("users", f"the list is empty, and groups have {members} members")

    def _by_namespace(self, kind: str, namespaces: Sequence[str], evidence: str, all_of: int = 0) -> Doubt:
        """Return a doubt about the objects of some namespaces, or about the whole list when too many are concerned.

        `all_of` is how many namespaces should have some, 0 when nobody knows.
        """
        most = len(namespaces) > _NAMED or 1 < all_of < 2 * len(namespaces)
        cut = self._last("bindings" if kind == "rolebindings" else kind)[0] < namespaces[-1]
        whole = (most or cut) and not self._snapshot.gaps_of(kind)
        return Doubt(kind, evidence, () if whole else tuple(namespaces))

    def _settled(self, kind: str, namespaces: Collection[int]) -> list[str]:
        """Return the names of namespaces, without those that are coming or going, and those known to be missing."""
        names = self._texts(sorted(namespaces))
        known = {gap.namespace for gap in self._snapshot.gaps_of(kind)}
        if "*" in known:
            names = [name for name in names if self._snapshot.lists(name)]
        return [name for name in names if name not in known and name not in self._leaving and not self._young(name)]

    def _young(self, namespace: str) -> bool:
        rows = np.flatnonzero(self._tables["namespaces"]["name"] == self._snapshot.code(namespace))
        born = self._texts(self._tables["namespaces"]["created"][rows][:1].tolist())
        try:
            read, created = (datetime.fromisoformat(text) for text in (self._snapshot.origin.started, *born))
            return timedelta(0) <= read - created <= _YOUNG
        except (ValueError, TypeError):
            return False

    def _last_of(self, namespaces: Collection[int]) -> str:
        return max(self._texts([*namespaces]), key=lambda name: f"{name}/", default="")

    def _last(self, table: str) -> tuple[str, list[str]]:
        """Return the last namespace of a list, in the order of the API, and the names of its objects."""
        namespaces = self._tables[table]["namespace"]
        last = self._last_of(np.unique(namespaces[namespaces > 0]).tolist())
        return last, self._texts(self._tables[table]["name"][namespaces == self._snapshot.code(last)])

    @cached_property
    def _cluster_role_names(self) -> set[str]:
        return {*self._texts(self._rows("clusterroles"))}

    @cached_property
    def _openshift(self) -> bool:
        return is_openshift(self._cluster_role_names) or any(
            len(self._spaces_with("bindings", name)) for name in DEFAULT_BINDINGS
        )

    @cached_property
    def _furnished(self) -> set[int]:
        """Return the namespaces that OpenShift furnishes with accounts and bindings."""
        listed = {*self._tables["namespaces"]["name"].tolist()}
        if "serviceaccounts" not in self._doubtful:
            return self._spaces_with("serviceaccounts", "builder") & listed
        # What the accounts do not say, the bindings do.
        some = any(len(self._spaces_with("bindings", name)) for name in DEFAULT_BINDINGS)
        return {code for code in listed if some and not is_system(self._snapshot.strings[code])}

    def _rows(self, kind: str) -> Ints:
        """Return the names of the objects of a kind."""
        table = {"clusterroles": "roles", "clusterrolebindings": "bindings", "rolebindings": "bindings"}.get(kind, kind)
        names: Ints = self._tables[table]["name"]
        if table == kind and kind != "roles":
            return names
        wide = self._tables[table]["namespace"] == 0
        selected: Ints = names[wide if kind.startswith("cluster") else ~wide]
        return selected

    def _bound_roles(self, kind: str) -> Mapping[str, Ints]:
        """Return namespace and role of the bindings that refer to roles of this kind."""
        bindings = self._tables["bindings"]
        rows = bindings["role_kind"] == self._snapshot.code(kind)
        return {column: bindings[column][rows] for column in ("namespace", "role")}

    def _bound(self, kind: str) -> set[str]:
        subjects = self._tables["subjects"]
        return {*self._texts(np.unique(subjects["name"][subjects["kind"] == self._snapshot.code(kind)]))}

    def _spaces_with(self, table: str, name: str) -> set[int]:
        rows: NDArray[np.bool_] = self._tables[table]["name"] == self._snapshot.code(name)
        return {*self._tables[table]["namespace"][rows].tolist()}

    def _key(self, pair: tuple[int, int]) -> str:
        """Return what the API sorts objects by."""
        return "/".join(self._snapshot.strings[code] for code in pair)

    def _texts(self, codes: Ints | Sequence[int]) -> list[str]:
        return [self._snapshot.strings[code] for code in codes]


def _names(what: str, names: Sequence[str]) -> str:
    """Return names for a message: `namespaces a, b, c and 5 more`."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{what}{'s' if len(names) > 1 else ''} {', '.join(names[:_SHOWN])}{more}"
