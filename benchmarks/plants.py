"""Changes planted in an estate, of every kind and each where no other is, with what a comparison has to say of them."""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from audit.snapshot.builder import SnapshotBuilder
from audit.snapshot.model import Listing, Origin, Snapshot, encode
from audit.snapshot.objects import KINDS
from benchmarks.estate import OF_AN_ESTATE, Estate, Object, Shape, account, group, rule, user

Kinds = Mapping[str, list[Object]]
ALL: Final = "pull, push, create"
_LAYERS: Final = "imagestreams/layers"


class Expected(NamedTuple):
    """A row of `changes`, as far as it is judged."""

    change: str
    object: str
    namespace: str
    repository: str = ""
    subject_kind: str = ""
    subject: str = ""
    before: str = ""
    after: str = ""
    group: str = ""
    cause: str = ""


class Planted:
    """An estate before and after `count` changes, and the rows that tell all of them and nothing else."""

    def __init__(self, shape: Shape, count: int) -> None:
        """Plant the changes; a role of one repository is in each namespace, so that it can be changed."""
        self.shape = replace(shape, custom_roles=0, named_roles=1)
        self.estate = Estate(self.shape)
        before = self.estate.kinds()
        self._names: list[str] = [item["metadata"]["name"] for item in before["namespaces"]]
        # Each kind of change has a namespace to itself; where people of a group count, its whole organization.
        self._free = sorted(self._names)
        self.rows: list[Expected] = []
        self._later: list[Callable[[], None]] = []
        for number, plant in enumerate(islice(cycle(_PLANTS), count)):
            self.rows += plant(self, number)
        self.before = copy.deepcopy(before)
        for change in self._later:
            change()
        self.after = before

    def namespace(self) -> str:
        """Return a namespace in which nothing else is planted."""
        return self._free.pop()

    def organization(self) -> tuple[str, list[str]]:
        """Return an organization with its namespaces, in which nothing else is planted."""
        for one in self._free:
            name = one.split("-ns-")[0]
            mine = [space for space in self._names if space.startswith(f"{name}-ns-")]
            if {*mine} <= {*self._free}:
                self._free = [space for space in self._free if space not in mine]
                return name, mine
        raise ValueError("the estate is too small for so many changes")

    def later(self, change: Callable[[], None]) -> None:
        """Change something after the state before was kept."""
        self._later.append(change)

    def find(self, plural: str, name: str, namespace: str = "") -> Object:
        """Return an object by its name."""
        return next(
            item
            for item in self.estate.kinds()[plural]
            if item["metadata"]["name"] == name and item["metadata"].get("namespace", "") == namespace
        )

    def remove(self, plural: str, name: str, namespace: str = "") -> None:
        """Delete an object."""
        self.estate.kinds()[plural].remove(self.find(plural, name, namespace))


def _access(change: str, namespace: str, who: tuple[str, str], rights: tuple[str, str], cause: str) -> Expected:
    before, after = rights
    return Expected(change, "access", namespace, "*", *who, before, after, "", cause)


def _created(planted: Planted, number: int) -> Iterator[Expected]:
    space, name = planted.namespace(), f"planted-{number}"
    planted.later(lambda: planted.estate.bind(name, "view", user(name), namespace=space))
    cause = f"RoleBinding {name} to ClusterRole view was created"
    yield _access("gained", space, ("User", name), ("", "pull"), cause)


def _deleted(planted: Planted, number: int) -> Iterator[Expected]:
    space = planted.namespace()
    planted.later(lambda: planted.remove("rolebindings", "system:image-builders", space))
    cause = "RoleBinding system:image-builders to ClusterRole system:image-builder was deleted"
    yield _access("narrowed", space, ("ServiceAccount", f"{space}:builder"), (ALL, "pull"), cause)


def _referring(planted: Planted, number: int) -> Iterator[Expected]:
    space = planted.namespace()
    binding = planted.find("rolebindings", "system:image-builders", space)
    planted.later(lambda: binding["roleRef"].update(name="system:image-pusher"))
    cause = (
        "RoleBinding system:image-builders was recreated and refers to ClusterRole system:image-pusher instead of "
        "ClusterRole system:image-builder"
    )
    yield _access("narrowed", space, ("ServiceAccount", f"{space}:builder"), (ALL, "pull, push"), cause)


def _subject_added(planted: Planted, number: int) -> Iterator[Expected]:
    space, name = planted.namespace(), f"planted-{number}"
    binding = planted.find("rolebindings", "team", space)
    planted.later(lambda: binding["subjects"].append(user(name)))
    cause = f"user {name} was added to RoleBinding team to ClusterRole edit"
    yield _access("gained", space, ("User", name), ("", ALL), cause)


def _subject_removed(planted: Planted, number: int) -> Iterator[Expected]:
    space = planted.namespace()
    binding = planted.find("rolebindings", "team", space)
    planted.later(lambda: binding["subjects"].remove(account(space, "ci")))
    cause = f"service account {space}:ci was removed from RoleBinding team to ClusterRole edit"
    yield _access("narrowed", space, ("ServiceAccount", f"{space}:ci"), (ALL, "pull"), cause)


def _rules(planted: Planted, number: int) -> Iterator[Expected]:
    space = planted.namespace()
    role = planted.find("roles", "app-0-only", space)
    contractor = planted.find("rolebindings", "app-0-only", space)["subjects"][0]["name"]
    planted.later(lambda: role["rules"][0]["verbs"].remove("update"))
    cause = "Role app-0-only, to which RoleBinding app-0-only refers, no longer gives push"
    yield _access("narrowed", space, ("User", contractor), ("pull, push", "pull"), cause)._replace(repository="app-0")


def _aggregated(planted: Planted, number: int) -> Iterator[Expected]:
    space, name, leaf = planted.namespace(), f"planted-{number}", f"planted-part-{number}"
    pull = rule(_LAYERS, "get")
    planted.estate.role(leaf, pull, into=name)
    planted.estate.role(name, pull, made_of=name)
    planted.estate.bind(name, name, user(name), namespace=space)
    planted.later(lambda: planted.find("clusterroles", leaf)["metadata"].pop("labels"))
    planted.later(planted.find("clusterroles", name)["rules"].clear)
    text = f"ClusterRole {name}, to which RoleBinding {name} refers, no longer gives pull"
    cause = f"{text}: {leaf} is no longer aggregated into it"
    yield _access("lost", space, ("User", name), ("pull", ""), cause)


def _joined(planted: Planted, number: int) -> Iterator[Expected]:
    (organization, spaces), name = planted.organization(), f"planted-{number}"
    planted.later(lambda: planted.find("groups", organization)["users"].append(name))
    cause = f"user {name} was added to group {organization}"
    for space in spaces:
        yield _access("gained", space, ("User", name), ("", ALL), cause)._replace(group=organization)


def _left(planted: Planted, number: int) -> Iterator[Expected]:
    (organization, spaces), name = planted.organization(), f"planted-{number}"
    members = planted.find("groups", organization)["users"]
    members.append(name)
    planted.later(lambda: members.remove(name))
    cause = f"user {name} was removed from group {organization}"
    for space in spaces:
        yield _access("lost", space, ("User", name), (ALL, ""), cause)._replace(group=organization)


def _moved(planted: Planted, number: int) -> Iterator[Expected]:
    space = planted.namespace()
    labels = planted.find("namespaces", space)["metadata"]["labels"]
    was, now = labels["appuio.io/organization"], f"planted-{number}"
    planted.later(lambda: labels.update({"appuio.io/organization": now}))
    moved = f"namespace {space} moved from organization {was} to organization {now}"
    cause = f"{moved}; that changes no binding: who had access there keeps it"
    yield Expected("changed", "namespace", space, before=was, after=now, cause=cause)


def _gone(planted: Planted, number: int) -> Iterator[Expected]:
    space, name = planted.namespace(), f"planted-{number}"
    kinds = planted.estate.kinds()
    kinds["rolebindings"][:] = [one for one in kinds["rolebindings"] if one["metadata"]["namespace"] != space]
    planted.estate.bind(name, "view", user(name), group(f"planted:{number}"), namespace=space)
    for plural in ("namespaces", "roles", "rolebindings", "serviceaccounts", "imagestreams", "tokens"):
        planted.later(partial(_forget, kinds[plural], space))
    cause = f"namespace {space} is gone"
    yield Expected("gone", "namespace", space, before=space.split("-ns-")[0], cause=cause)
    for stream in range(planted.shape.streams_per_namespace):
        yield Expected("gone", "repository", space, f"app-{stream}", cause=f"repository app-{stream} is gone")
    for who in (("User", name), ("Group", f"planted:{number}")):
        yield _access("lost", space, who, ("pull", ""), f"{cause}, and RoleBinding {name} to ClusterRole view with it")


def _forget(items: list[Object], namespace: str) -> None:
    items[:] = [one for one in items if namespace not in {one["metadata"]["name"], one["metadata"].get("namespace")}]


def _renamed(planted: Planted, number: int) -> Iterator[Expected]:
    space, name = planted.namespace(), f"planted-{number}"
    binding = planted.find("rolebindings", "system:image-builders", space)
    planted.later(lambda: binding["metadata"].update(name=name))
    for named, done in ((name, "created"), ("system:image-builders", "deleted")):
        cause = f"RoleBinding {named} to ClusterRole system:image-builder was {done}"
        yield Expected("no-effect", "binding", space, cause=cause)


def _powerless(planted: Planted, number: int) -> Iterator[Expected]:
    space = planted.namespace()
    planted.later(lambda: planted.remove("rolebindings", "alert-routing-edit", space))
    cause = "RoleBinding alert-routing-edit to ClusterRole alert-routing-edit was deleted"
    yield Expected("no-effect", "binding", space, cause=cause)


_PLANTS: Final[tuple[Callable[[Planted, int], Iterator[Expected]], ...]] = (
    _created,
    _deleted,
    _referring,
    _subject_added,
    _subject_removed,
    _rules,
    _aggregated,
    _joined,
    _left,
    _moved,
    _gone,
    _renamed,
    _powerless,
)


def told(rows: Iterable[Mapping[str, str | int]]) -> list[Expected]:
    """Return rows of `changes` as they are judged, sorted."""
    return sorted(Expected(*(str(row[name]) for name in Expected._fields)) for row in rows)


def save(shape: Shape, count: int, folder: Path) -> None:
    """Write `before.snapshot` and `after.snapshot` of a planted estate into `folder`, and `planted.json`."""
    planted = Planted(shape, count)
    for name, kinds in (("before", planted.before), ("after", planted.after)):
        (folder / f"{name}.snapshot").write_bytes(encode(snapshot(kinds)))
    (folder / "planted.json").write_bytes(msgspec.json.encode(sorted(planted.rows)))


def snapshot(kinds: Kinds) -> Snapshot:
    """Return the snapshot of an estate that a perfect collection of it would leave."""
    facts = SnapshotBuilder()
    for plural in OF_AN_ESTATE:
        kind = KINDS[plural]
        items = msgspec.convert(kinds[plural], list[kind.item])  # type: ignore[name-defined]
        facts.add(plural, items)
        facts.listed(Listing(plural, len(items)))
    return facts.snapshot(Origin("bench", "dump", "planted"))
