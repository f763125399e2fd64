"""The roles that bindings refer to, each judged once, however many bindings refer to it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from audit.rbac.roles import HOW, Aggregations, ClusterRole, how_granted
from audit.rbac.rules import EVERYTHING, Capability, covering_text, judge_text
from audit.snapshot.model import Ints, Snapshot
from audit.tables.arrays import positions

# In place of a row of the role table: a role that does not exist, that could not be seen, or that is built in.
MISSING: Final = -1
UNSEEN: Final = -2
BUILT_IN: Final = -3


@dataclass(frozen=True, slots=True)
class JudgedRoles:
    """Roles, each with its capabilities `first[role]` … `first[role] + count[role] - 1`."""

    row: Ints  # in the role table, or MISSING, UNSEEN, BUILT_IN
    first: Ints
    count: Ints
    repository: Ints  # of a capability: position in `repositories`; 0 is every one
    granted: Ints  # rights that it gives for certain
    possible: Ints  # rights that it gives, or that are not known
    how: Ints  # position in HOW
    rules: tuple[str, ...]  # one a capability: the rules that give it, in words
    sources: tuple[str, ...]  # one a role: the roles that it was aggregated from
    repositories: tuple[str, ...]


def role_rows(snapshot: Snapshot) -> Ints:
    """Return for each binding the row of its role, or MISSING or UNSEEN."""
    bindings, roles = snapshot.tables["bindings"], snapshot.tables["roles"]
    size = max(len(snapshot.strings), 1)
    keys = roles["namespace"].astype(np.int64) * size + roles["name"]
    wide = bindings["role_kind"] == snapshot.code("ClusterRole")
    # A ClusterRoleBinding that refers to a Role finds none: there is no namespace to look in.
    local = (bindings["role_kind"] == snapshot.code("Role")) & (bindings["namespace"] != 0)
    wanted = np.where(local, bindings["namespace"], 0).astype(np.int64) * size + bindings["role"]
    row = np.where(wide | local, positions(keys, wanted), MISSING)
    unseen = (wide & snapshot.missing("clusterroles")) | (local & snapshot.unseen("roles", bindings["namespace"]))
    return np.where(row >= 0, row, np.where(unseen, UNSEEN, MISSING)).astype(np.int32)


def judge_roles(snapshot: Snapshot, rows: Sequence[int]) -> JudgedRoles:
    """Judge the roles in the given rows of the role table; MISSING, UNSEEN and BUILT_IN stand for others."""
    # As lists: one number at a time is slow to take from an array.
    table = {name: column.tolist() for name, column in snapshot.tables["roles"].items()}
    text = snapshot.strings
    aggregations = Aggregations(_cluster_roles(text, table))
    # Most roles of namespaces are copies of a few: each is judged once.
    judged: dict[tuple[int, str, str | None], _Judgement] = {}
    capabilities: list[tuple[Capability, int, str]] = []
    rules: list[str] = []
    first, sources = [0], []
    for row in rows:
        role_rules = _all_rules(text, table, row) if row >= 0 else ""
        name = text[table["name"][row]] if row >= 0 and not table["namespace"][row] else None
        key = min(row, 0), role_rules, name
        judgement = judged.get(key) or judged.setdefault(key, _judge(*key, aggregations))
        capabilities += judgement.capabilities
        rules += judgement.rules
        first.append(len(capabilities))
        sources.append(judgement.sources)
    repositories = sorted({"", *(capability.repository for capability, _, _ in capabilities)})
    at = {name: code for code, name in enumerate(repositories)}
    return JudgedRoles(
        row=_ints(rows),
        first=_ints(first[:-1]),
        count=np.diff(_ints(first)),
        repository=_ints(at[capability.repository] for capability, _, _ in capabilities),
        granted=_ints(capability.rights for capability, _, _ in capabilities),
        possible=_ints(capability.rights | possible for capability, possible, _ in capabilities),
        how=_ints(HOW.index(how) for _, _, how in capabilities),
        rules=tuple(rules),
        sources=tuple(sources),
        repositories=tuple(repositories),
    )


class _Judgement(NamedTuple):
    """What a role gives: its capabilities, each with what is possible beside it and how it came."""

    capabilities: list[tuple[Capability, int, str]]
    rules: list[str]
    sources: str


def _judge(row: int, rules: str, name: str | None, aggregations: Aggregations) -> _Judgement:
    """Judge the rules of a role (`row` below 0: one without a row); `name` is None for a role of a namespace."""
    if row == BUILT_IN:
        return _Judgement([(Capability("", EVERYTHING, 0), 0, "system")], [""], "")
    if row < 0:
        return _Judgement([(Capability("", 0, 0), EVERYTHING if row == UNSEEN else 0, "")], [""], "")
    sources = () if name is None else aggregations.sources(name)
    capabilities = judge_text(rules)
    return _Judgement(
        [(each, 0, how_granted(each, name=name, aggregated=bool(sources))) for each in capabilities],
        [covering_text(rules, each.repository) for each in capabilities],
        ", ".join(sources),
    )


def _cluster_roles(text: Sequence[str], table: Mapping[str, Sequence[int]]) -> Iterable[ClusterRole]:
    columns = (table[column] for column in ("namespace", "name", "labels", "rules", "aggregation"))
    return (
        ClusterRole(*(text[code] for code in codes))
        for namespace, *codes in zip(*columns, strict=True)
        if not namespace
    )


def _all_rules(text: Sequence[str], table: Mapping[str, Sequence[int]], row: int) -> str:
    """Return the rules of a role; where files hold it twice with other rules, all of them: never lose access."""
    namespaces, names, rules = table["namespace"], table["name"], table["rules"]
    texts, place = {text[rules[row]]}, (namespaces[row], names[row])
    while (row := row + 1) < len(names) and (namespaces[row], names[row]) == place:
        texts.add(text[rules[row]])
    texts.discard("[]")
    return f"[{','.join(array[1:-1] for array in sorted(texts))}]"


def _ints(numbers: Iterable[int]) -> Ints:
    return np.fromiter(numbers, dtype=np.int32)
