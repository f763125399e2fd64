"""Which roles may be bound because their holder has all their rights already: the API server's own comparison."""

from collections.abc import Sequence
from typing import Final

import msgspec

from audit.rbac.rules import judge_text
from audit.rbac.subjects import Identity
from audit.routes.holdings import Holdings
from audit.routes.rights import NO_RIGHTS, judge_rights
from audit.snapshot.objects import Rule

_RULES: Final = msgspec.json.Decoder(list[Rule])


def bindable_by_coverage(holdings: Holdings, who: Identity, space: int) -> list[int]:
    """Return the rows of the roles that `who` may bind in a namespace (0: everywhere) for having all their rights.

    Only roles that give something here. To its holder such a role gives nothing new, but for the layers that a rule
    `*/layers` covers and the registry asks for as one word; to somebody else, bound by the holder, it may.
    """
    key = who, space
    if key not in holdings.bindable:
        held = rows_held(holdings, who, space)
        rows = [*_covered_of(holdings, held, 0), *(_covered_of(holdings, held, space) if space else ())]
        holdings.bindable[key] = rows
    return holdings.bindable[key]


def _covered_of(holdings: Holdings, held: frozenset[int], space: int) -> list[int]:
    """Return the rows of the roles of a namespace (0: cluster roles) that the roles in `held` rows cover."""
    key = held, space
    if key not in holdings.covered:
        rules = [rule for row in sorted(held) for rule in _RULES.decode(holdings.rules(row))]
        rows = holdings.roles_in(space) if space else holdings.cluster_roles
        giving = [row for row in rows if judge_text(text := holdings.rules(row)) or judge_rights(text) != NO_RIGHTS]
        holdings.covered[key] = [row for row in giving if covered(rules, holdings.rules(row))]
    return holdings.covered[key]


def covered_roles(holdings: Holdings, who: Identity, space: int) -> list[int]:
    """Return the rows of all roles whose rights `who` has already in a namespace."""
    rules = rules_held(holdings, who, space)
    rows = [*holdings.cluster_roles, *(holdings.roles_in(space) if space else ())]
    return [row for row in rows if covered(rules, holdings.rules(row))]


def rules_held(holdings: Holdings, who: Identity, space: int) -> list[Rule]:
    """Return the rules of all roles that `who` has in a namespace."""
    return [rule for row in sorted(rows_held(holdings, who, space)) for rule in _RULES.decode(holdings.rules(row))]


def rows_held(holdings: Holdings, who: Identity, space: int) -> frozenset[int]:
    """Return the rows of all roles that `who` has in a namespace."""
    return frozenset(
        row
        for position in holdings.acts_as(who)
        for place, row, _ in holdings.entries(position)
        if row >= 0 and place in {0, space}
    )


def covered(owned: Sequence[Rule], text: str) -> bool:
    """Return whether `owned` rules cover all of the rules in `text`, as the API server compares them before a bind."""
    return all(
        any(_covers(rule, verb, group, resource, name) for rule in owned)
        for wanted in _RULES.decode(text)
        for verb in wanted.verbs or ()
        for group in wanted.groups or ()
        for resource in wanted.resources or ()
        for name in wanted.names or ("",)
    )


def _covers(rule: Rule, verb: str, group: str, resource: str, name: str) -> bool:
    return (
        _holds(rule.verbs, verb)
        and _holds(rule.groups, group)
        and _holds_resource(rule.resources, resource)
        and (not rule.names or name in rule.names)
    )


def _holds(words: Sequence[str] | None, word: str) -> bool:
    return words is not None and ("*" in words or word in words)


def _holds_resource(words: Sequence[str] | None, resource: str) -> bool:
    if _holds(words, resource):
        return True
    _, slash, subresource = resource.partition("/")
    return bool(slash) and f"*/{subresource}" in (words or ())
