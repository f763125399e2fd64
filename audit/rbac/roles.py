"""How a role comes to grant what it does in the registry, and from which roles it was aggregated."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from audit.rbac.rules import EVERYTHING, Capability, judge_text
from audit.snapshot.objects import Aggregation, Requirement, Selector

NAMED, IMPLIED, SYSTEM, WILDCARD, CUSTOM = "named", "implied", "system", "wildcard", "custom"
HOW: Final = ("", NAMED, IMPLIED, SYSTEM, CUSTOM, WILDCARD)

_REGISTRY_ROLES: Final = frozenset({"registry-viewer", "registry-editor", "registry-admin"})
# OpenShift's own roles that hold registry rights only because others are aggregated into them.
_AGGREGATES: Final = frozenset({"view", "edit", "admin", "cluster-reader"})
_AGGREGATION: Final = msgspec.json.Decoder(Aggregation)
_LABELS: Final = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True, slots=True)
class ClusterRole:
    """A cluster role as a snapshot holds it; the last three are JSON texts."""

    name: str
    labels: str
    rules: str
    aggregation: str


def how_granted(capability: Capability, *, name: str | None, aggregated: bool) -> str:
    """Return how a role comes to give `capability`. Describes only: rights never depend on names.

    `name` is that of a cluster role, None for a role of a namespace.
    """
    if not capability.rights:
        return ""
    if capability.wildcard == capability.rights:
        return WILDCARD
    if name is None:
        return CUSTOM
    if name in _REGISTRY_ROLES:
        return NAMED
    if aggregated or name in _AGGREGATES:
        return IMPLIED
    return SYSTEM if name.startswith("system:") else CUSTOM


class Aggregations:
    """Finds the roles from which the aggregation controller copied a role's registry rights."""

    def __init__(self, roles: Iterable[ClusterRole]) -> None:
        self._roles = {role.name: role for role in roles}
        self._labels = {name: _LABELS.decode(role.labels) if role.labels else {} for name, role in self._roles.items()}
        self._rights = {name: _rights(judge_text(role.rules)) for name, role in self._roles.items()}
        self._sources: dict[str, tuple[str, ...]] = {}

    def sources(self, name: str) -> tuple[str, ...]:
        """Return the fewest leaf roles that explain the registry rights of cluster role `name`, sorted.

        Empty when the role aggregates nothing that grants, or does not exist.
        """
        if name not in self._sources:
            self._sources[name] = self._cover(name)
        return self._sources[name]

    def _cover(self, name: str) -> tuple[str, ...]:
        wanted = self._rights.get(name, 0)
        leaves = sorted(self._leaves(name))
        chosen: list[str] = []
        while useful := [leaf for leaf in leaves if self._rights[leaf] & wanted]:
            # The role that explains most; among equals, one that is about the registry, then by name.
            best = max(useful, key=lambda leaf: ((self._rights[leaf] & wanted).bit_count(), leaf in _REGISTRY_ROLES))
            chosen.append(best)
            wanted &= ~self._rights[best]
        return tuple(sorted(chosen))

    def _leaves(self, name: str) -> set[str]:
        """Return all granting roles without aggregation of their own that `name` selects, however indirectly."""
        leaves: set[str] = set()
        seen = {name}
        todo = [name]
        while todo:
            for source in self._selected(todo.pop()):
                if source in seen or not self._rights[source]:
                    continue
                seen.add(source)
                if self._roles[source].aggregation:
                    todo.append(source)
                else:
                    leaves.add(source)
        return leaves

    def _selected(self, name: str) -> list[str]:
        role = self._roles.get(name)
        if role is None or not role.aggregation:
            return []
        selectors = _AGGREGATION.decode(role.aggregation).selectors or ()
        return [other for other, labels in self._labels.items() if any(selects(s, labels) for s in selectors)]


def _rights(capabilities: Sequence[Capability]) -> int:
    total = 0
    for capability in capabilities:
        total |= capability.rights
    return total & EVERYTHING


def selects(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Return whether a label selector matches `labels`; an empty selector matches everything."""
    wanted = selector.labels or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _meets(requirement, labels) for requirement in selector.expressions or ()
    )


def _meets(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value is not None and value in (requirement.values or ())
        case "NotIn":
            return value is None or value not in (requirement.values or ())
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            return False
