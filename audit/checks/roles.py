"""The rules of roles, including those for other resources; each distinct list of rules is decoded once."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple

import msgspec
import numpy as np

from audit.checks.bindings import EVERY, DirectGrant
from audit.rbac.roles import selects
from audit.rbac.rules import PULL, RIGHTS, judge
from audit.snapshot.model import Snapshot
from audit.snapshot.objects import Aggregation, Rule, Selector
from audit.snapshot.scope import Scope
from audit.tables.arrays import different, packed, unpacked

_RULES: Final = msgspec.json.Decoder(list[Rule])
_LABELS: Final = msgspec.json.Decoder(dict[str, str])
_AGGREGATION: Final = msgspec.json.Decoder(Aggregation)
_READ: Final = {"get", "list", "watch", "*"}


class Selected(NamedTuple):
    """A role that is aggregated into another one: its rights in the registry, and the labels that select it."""

    name: str
    rights: int
    labels: tuple[str, ...]


class Aggregating(NamedTuple):
    """An aggregated cluster role: its rights in the registry, and the roles that it selects."""

    name: str
    rights: int
    selected: tuple[Selected, ...]


class Roles:
    """The roles of a zone, looked up by the bindings that refer to them."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        table, text = snapshot.tables["roles"], snapshot.strings
        columns = (table[name].tolist() for name in ("namespace", "name", "rules"))
        self._rules: dict[tuple[str, str], list[str]] = {}
        for namespace, name, rules in zip(*columns, strict=True):
            self._rules.setdefault((text[namespace], text[name]), []).append(text[rules])

    def reads_secrets(self, bound: DirectGrant) -> bool:
        """Return whether the role can read every secret of the namespace."""
        return any(map(_read_secrets, self._of(bound)))

    def pulls_everything(self, bound: DirectGrant) -> bool:
        """Return whether the role can pull from every repository."""
        found = (capability for text in self._of(bound) for capability in judge(decoded(text)))
        return any(not capability.repository and capability.rights & PULL for capability in found)

    def _of(self, bound: DirectGrant) -> Sequence[str]:
        """Return the rules of the role that a binding refers to; none when it does not exist."""
        namespace = bound.namespace if bound.role_kind == "Role" and bound.namespace != EVERY else ""
        return self._rules.get((namespace, bound.role), ())

    def bound(self, scope: Scope) -> Iterator[tuple[tuple[str, str], list[str]]]:
        """Yield namespace (empty: cluster-wide) and name of each role that a binding refers to, with its rules."""
        table, text = self._snapshot.tables["bindings"], self._snapshot.strings
        within = None if scope.namespaces is None else {*scope.namespaces}
        local = table["role_kind"] == self._snapshot.code("Role")
        namespaces = np.where(local, table["namespace"], 0)
        pairs = unpacked(different(packed(namespaces, table["role"])))
        for namespace, name in zip(*(codes.tolist() for codes in pairs), strict=True):
            key = text[namespace], text[name]
            if key in self._rules and (not namespace or within is None or key[0] in within):
                yield key, self._rules[key]

    def aggregating(self) -> Iterator[Aggregating]:
        """Yield each aggregated cluster role, by name."""
        for name, _, aggregation in self._cluster_roles():
            if aggregation:
                selectors = _AGGREGATION.decode(aggregation).selectors or ()
                others = ((role, labels) for role, labels, _ in self._cluster_roles() if role != name)
                found = (self._selected(role, labels, selectors) for role, labels in others)
                yield Aggregating(name, self._rights(name), tuple(role for role in found if role))

    def _cluster_roles(self) -> list[tuple[str, dict[str, str], str]]:
        table, text = self._snapshot.tables["roles"], self._snapshot.strings
        columns = (table[name][table["namespace"] == 0].tolist() for name in ("name", "labels", "aggregation"))
        return [
            (text[name], _LABELS.decode(text[labels]) if labels else {}, text[aggregation])
            for name, labels, aggregation in zip(*columns, strict=True)
        ]

    def _rights(self, name: str) -> int:
        """Return all rights in the registry that a cluster role grants for any repository."""
        rights = 0
        for text in self._rules[("", name)]:
            for capability in judge(decoded(text)):
                rights |= capability.rights
        return rights

    def _selected(self, name: str, labels: dict[str, str], selectors: Sequence[Selector]) -> Selected | None:
        chosen = [selector for selector in selectors if selects(selector, labels)]
        keys = {
            key
            for selector in chosen
            for key in (*(selector.labels or {}), *(e.key for e in selector.expressions or ()))
        }
        return Selected(name, self._rights(name), tuple(sorted(keys & {*labels}))) if chosen else None


def grants_in_words(rules: Sequence[Rule]) -> str:
    """Return in words what rules grant in the registry, and whether they read secrets."""
    found: dict[str, int] = {}
    for capability in judge(rules):
        found[capability.repository] = found.get(capability.repository, 0) | capability.rights
    parts = [
        ", ".join(word for word, right in RIGHTS.items() if rights & right)
        + (f" of repository {repository}" if repository else "")
        for repository, rights in sorted(found.items())
        if rights
    ]
    if any(map(_reads_secrets, rules)):
        parts.append("reads every secret")
    return "; ".join(parts) or "nothing"


@cache
def decoded(text: str) -> tuple[Rule, ...]:
    """Return the rules in a JSON string of a snapshot."""
    return tuple(_RULES.decode(text))


@cache
def _read_secrets(text: str) -> bool:
    return any(_reads_secrets(rule) for rule in decoded(text))


def _reads_secrets(rule: Rule) -> bool:
    return (
        not rule.names
        and bool(_READ.intersection(rule.verbs or ()))
        and bool({"", "*"}.intersection(rule.groups or ()))
        and bool({"secrets", "*"}.intersection(rule.resources or ()))
    )
