"""Which lists of a zone cannot be whole, judged by what its other lists say, wherever they were read from.

`oc` and `kubectl` leave an empty list when one is refused, dumps are made without `-A`, files and lists are cut. Such
a list must become a gap, so that nothing is denied because of it. What every cluster has is the evidence. A single
object that is missing from a list that otherwise looks whole cannot be noticed.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audit.snapshot.model import DUMP, TENANT, Gap, Ints, Snapshot

REASON: Final = "incomplete"
_NEVER_EMPTY: Final = ("namespaces", "clusterroles", "clusterrolebindings", "rolebindings", "serviceaccounts")
# Cluster roles that every OpenShift has, and (the first four) every Kubernetes.
KUBERNETES_ROLES: Final = ("admin", "cluster-admin", "edit", "view")
_BOOTSTRAP_ROLES: Final = (
    *KUBERNETES_ROLES,
    *(f"registry-{name}" for name in ("admin", "editor", "viewer")),
    *(f"system:image-{name}" for name in ("builder", "puller", "pusher")),
)
# Cluster roles that come with a cluster role binding, which nobody removes: of Kubernetes, and of OpenShift besides.
_KUBERNETES_BINDINGS: Final = {
    f"system:{name}": f"system:{name}" for name in ("kube-controller-manager", "kube-scheduler", "volume-scheduler")
}
_OPENSHIFT_BINDINGS: Final = {"system:webhook": "system:webhooks"}
_OPENSHIFT_SIGNS: Final = ("basic-users", "cluster-readers", "self-access-reviewers", "self-provisioners")
# What OpenShift puts into every namespace with the account `builder`.
_DEFAULT_BINDINGS: Final = ("system:deployers", "system:image-builders", "system:image-pullers")
_USUAL: Final = 0.8  # share of namespaces
_NAMED: Final = 20  # namespaces that get a gap of their own; more make the whole list doubtful
_MANY: Final = 10  # users; fewer may never have logged in
_SHOWN: Final = 3  # names in a message
_CHANGING: Final = 2  # namespaces that may come and go while a live zone is read
_FIX: Final = "was the dump made without -A, or cut?"


class Doubt(NamedTuple):
    """Why a list cannot be whole; `namespaces` are those concerned, none: all."""

    kind: str
    evidence: str
    namespaces: tuple[str, ...] = ()


def believed(snapshot: Snapshot, single: Collection[str] = ()) -> Snapshot:
    """Return the snapshot with a gap for each list that cannot be whole.

    `single` are the kinds that were read as files of one object each: nothing says that these are all.
    """
    gaps = [
        Gap(doubt.kind, namespace, REASON, doubt.evidence)
        for doubt in _Evidence(snapshot, single).doubts()
        for namespace in doubt.namespaces or ("",)
    ]
    doubtful = {gap.kind for gap in gaps}
    if "namespaces" in doubtful:
        # Nobody knows what is bound in namespaces that are not listed.
        gaps += [Gap(kind, "*", REASON, "the list of namespaces is not whole") for kind in ("rolebindings", "roles")]
    listings = tuple(listing for listing in snapshot.listings if listing.kind not in doubtful)
    return Snapshot(
        snapshot.origin, tuple(sorted({*snapshot.gaps, *gaps})), listings, snapshot.strings, snapshot.tables
    )


class _Evidence:
    def __init__(self, snapshot: Snapshot, single: Collection[str]) -> None:
        self._snapshot = snapshot
        self._single = single
        self._tables = snapshot.tables
        self._tolerated = 0 if snapshot.origin.source == DUMP else _CHANGING

    def doubts(self) -> Iterator[Doubt]:
        """Yield why lists cannot be whole; lists with gaps are judged no further."""
        for kind, judge in {
            "namespaces": self._namespaces,
            "clusterroles": self._cluster_roles,
            "clusterrolebindings": self._cluster_role_bindings,
            "rolebindings": self._role_bindings,
            "roles": self._roles,
            "serviceaccounts": self._accounts,
            "groups": self._groups,
            "users": self._users,
        }.items():
            if self._snapshot.gaps_of(kind) or self._snapshot.origin.source == TENANT:
                continue
            if kind in _NEVER_EMPTY and not len(self._rows(kind)):
                yield Doubt(kind, "the list is empty, as oc and kubectl leave it on an error; every cluster has some")
            else:
                yield from judge()

    def _namespaces(self) -> Iterator[Doubt]:
        tables = ("bindings", "roles", "serviceaccounts", "imagestreams")
        used = np.unique(np.concatenate([self._tables[table]["namespace"] for table in tables]))
        unlisted = self._texts(np.setdiff1d(used[used > 0], self._tables["namespaces"]["name"]))
        if len(unlisted) > self._tolerated:
            yield Doubt("namespaces", f"without {_names('namespace', unlisted)}, which have objects; {_FIX}")

    def _cluster_roles(self) -> Iterator[Doubt]:
        listed = {*self._texts(self._rows("clusterroles"))}
        if "clusterroles" in self._single:
            absent = [name for name in KUBERNETES_ROLES if name not in listed]
            if absent:
                yield Doubt("clusterroles", f"single objects, without {', '.join(absent)}, which every cluster has")
                return
        basic = {"admin", "edit", "view"}
        named = {*self._texts(np.unique(self._bound_roles("ClusterRole")["role"]))} - listed
        last = max(listed)
        missing = sorted(
            {name for name in named if name in _BOOTSTRAP_ROLES or name > last}
            | (basic - listed if basic & listed else set())
        )
        if missing:
            yield Doubt("clusterroles", f"without {_names('cluster role', missing)}, which must exist; {_FIX}")

    def _cluster_role_bindings(self) -> Iterator[Doubt]:
        listed = {*self._texts(self._rows("clusterrolebindings"))}
        if "clusterrolebindings" in self._single and not listed & {"cluster-admin", "cluster-admins"}:
            yield Doubt("clusterrolebindings", "single objects, without that of cluster-admin, which every cluster has")
            return
        roles = {*self._texts(self._rows("clusterroles"))}
        openshift = any(name in listed for name in _OPENSHIFT_SIGNS)
        expected = _KUBERNETES_BINDINGS | (_OPENSHIFT_BINDINGS if openshift else {})
        missing = sorted(binding for role, binding in expected.items() if role in roles and binding not in listed)
        if missing:
            yield Doubt("clusterrolebindings", f"without {_names('binding', missing)}, which every cluster has; {_FIX}")

    def _role_bindings(self) -> Iterator[Doubt]:
        furnished = self._furnished
        if not furnished:
            return
        bindings = {name: self._spaces_with("bindings", name) for name in _DEFAULT_BINDINGS}
        usual = [name for name, spaces in bindings.items() if len(spaces & furnished) >= _USUAL * len(furnished)]
        bound = {*np.unique(self._tables["bindings"]["namespace"]).tolist()}
        bare = self._texts(sorted(furnished - bound))
        some = set().union(*bindings.values())
        if not usual and len(furnished) > self._tolerated and len(some & furnished) * 2 < len(furnished):
            lacking = self._texts(sorted(furnished - some))
            yield Doubt("rolebindings", f"without the bindings of OpenShift in {_names('namespace', lacking)}; {_FIX}")
        elif len(bare) > self._tolerated:
            yield self._by_namespace("rolebindings", bare, f"no bindings in {_names('namespace', bare)}; {_FIX}")
        yield from self._cut_bindings(usual)

    def _cut_bindings(self, usual: Sequence[str]) -> Iterator[Doubt]:
        """Yield a doubt when the last bindings of the list end before those that OpenShift puts there."""
        space, names = self._last("bindings")
        if self._snapshot.code(space) in self._furnished:
            missing = [name for name in usual if name > max(names) and name not in names]
            if missing:
                yield Doubt("rolebindings", f"the list ends in namespace {space} before {missing[0]}; {_FIX}")

    def _roles(self) -> Iterator[Doubt]:
        bound = self._bound_roles("Role")
        pairs = {*zip(bound["namespace"].tolist(), bound["role"].tolist(), strict=True)}
        local = self._tables["roles"]["namespace"] > 0
        spaces, names = (self._tables["roles"][column][local].tolist() for column in ("namespace", "name"))
        missing = pairs - {*zip(spaces, names, strict=True)}
        if not missing:
            return
        last = max((self._key(pair) for pair in zip(spaces, names, strict=True)), default="")
        beyond = [pair for pair in missing if self._key(pair) > last]
        # A role that other namespaces have, in one whose roles are all missing.
        alike = [pair for pair in missing if pair[0] not in {*spaces} and pair[1] in {*names}]
        concerned = self._texts(sorted({space for space, _ in (*beyond, *alike)}))
        if len(concerned) > self._tolerated:
            evidence = f"roles of {_names('namespace', concerned)} are named by bindings and not listed; {_FIX}"
            yield Doubt("roles", evidence) if beyond else self._by_namespace("roles", concerned, evidence)

    def _accounts(self) -> Iterator[Doubt]:
        spaces = {*self._tables["namespaces"]["name"].tolist()}
        without = self._texts(sorted(spaces - self._spaces_with("serviceaccounts", "default")))
        # A single one may be a namespace that is just created or deleted; the last shows that the list was cut.
        if len(without) > max(self._tolerated, 1) or self._last_of(spaces) in without:
            yield Doubt("serviceaccounts", f"no account `default` in {_names('namespace', without)}; {_FIX}")

    def _groups(self) -> Iterator[Doubt]:
        listed = self._texts(self._tables["groups"]["name"])
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

    def _by_namespace(self, kind: str, namespaces: Sequence[str], evidence: str) -> Doubt:
        whole = len(namespaces) > _NAMED or self._last_space(kind) < namespaces[-1]
        return Doubt(kind, evidence, () if whole else tuple(namespaces))

    def _last_space(self, kind: str) -> str:
        return self._last("bindings" if kind == "rolebindings" else kind)[0]

    def _last_of(self, spaces: Collection[int]) -> str:
        return max(self._texts([*spaces]), key=lambda name: f"{name}/", default="")

    def _last(self, table: str) -> tuple[str, list[str]]:
        """Return the last namespace of a list, in the order of the API, and the names of its objects."""
        spaces = self._tables[table]["namespace"]
        last = self._last_of(np.unique(spaces[spaces > 0]).tolist())
        return last, self._texts(self._tables[table]["name"][spaces == self._snapshot.code(last)])

    @cached_property
    def _furnished(self) -> set[int]:
        """Return the namespaces that OpenShift furnishes with accounts and bindings."""
        return self._spaces_with("serviceaccounts", "builder") & {*self._tables["namespaces"]["name"].tolist()}

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
