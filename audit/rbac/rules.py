"""The questions that the registry asks, which of them a rule covers, and what the rules of a role grant."""

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

import msgspec

from audit.snapshot.objects import Rule

IMAGES: Final = "image.openshift.io"

# What a role can give: one right for each question. What an action takes of them is in NEEDS.
PULL, PUSH, CREATE, DELETE, CATALOG, SIGN = (1 << bit for bit in range(6))
EVERYTHING: Final = PULL | PUSH | CREATE | DELETE | CATALOG | SIGN
# Asked without a namespace, so a RoleBinding never gives them.
CLUSTER_ONLY: Final = DELETE | CATALOG


# The right that each answer column of the table `grants` is about.
RIGHTS: Final = {"pull": PULL, "push": PUSH, "create": CREATE, "delete": DELETE, "catalog": CATALOG, "sign": SIGN}
# All rights that each action takes. Every upload asks for pull and push of the repository; a push of a tag that creates
# the image stream asks for all three.
NEEDS: Final = RIGHTS | {"push": PULL | PUSH, "create": PULL | PUSH | CREATE}
# The actions that can be asked about a namespace.
ACTIONS: Final = ("pull", "push", "create")


class Question(NamedTuple):
    """What the registry asks the API server for one right; `named` when the question carries the repository's name."""

    right: int
    verb: str
    resource: str
    named: bool
    group: str = IMAGES


# `imagestreams/layers` is one resource word here: the registry sends no subresource, so `*/layers` never covers it.
QUESTIONS: Final = (
    Question(PULL, "get", "imagestreams/layers", named=True),
    Question(PUSH, "update", "imagestreams/layers", named=True),
    Question(CREATE, "create", "imagestreams", named=False),
    Question(DELETE, "delete", "images", named=False),
    Question(CATALOG, "list", "imagestreams", named=False),
    Question(SIGN, "create", "imagesignatures", named=True),
)


# Before all of these the registry asks who the caller is, and uses the caller's own right to ask what it may do. They
# are rights apart, and cluster-wide: see `audit.access.login`.
IDENTIFY, REVIEW = 1, 2
LOGIN: Final = IDENTIFY | REVIEW
LOGIN_QUESTIONS: Final = (
    Question(IDENTIFY, "create", "selfsubjectreviews", named=False, group="authentication.k8s.io"),
    Question(REVIEW, "create", "selfsubjectaccessreviews", named=False, group="authorization.k8s.io"),
)


class Capability(NamedTuple):
    """Rights on one repository (`""` = every one), and which of them only a resource wildcard gives."""

    repository: str
    rights: int
    wildcard: int


def covers(rule: Rule, verb: str, resource: str, group: str = IMAGES) -> bool:
    """Return whether `rule` covers the question for some names; the caller judges `resourceNames`."""
    return _holds(rule.verbs, verb) and _holds(rule.groups, group) and _holds(rule.resources, resource)


def covering(rules: Sequence[Rule], repository: str) -> str:
    """Return what of `rules` gives rights on `repository` (`""` = every one), in words, joined by `; `.

    A role may hold hundreds of rules with dozens of verbs: only what covers a question of the registry is returned, in
    the spelling of the rule. The order of the rules makes no difference.
    """
    parts: set[str] = set()
    for rule in rules:
        verbs: dict[str, list[str]] = {}
        for question in QUESTIONS:
            if not covers(rule, question.verb, question.resource):
                continue
            if repository in _repositories(rule, named=question.named):
                resource = _spelled(rule.resources, question.resource)
                verbs.setdefault(resource, []).append(_spelled(rule.verbs, question.verb))
        group = _spelled(rule.groups, IMAGES)
        names = f" named {repository}" if repository else ""
        parts |= {f"{', '.join(dict.fromkeys(some))} {what} in {group}{names}" for what, some in verbs.items()}
    return "; ".join(sorted(parts))


def _spelled(words: Sequence[str] | None, word: str) -> str:
    """Return how `words`, which cover `word`, spell it."""
    return word if word in (words or ()) else "*"


def _holds(words: Sequence[str] | None, word: str) -> bool:
    return words is not None and (word in words or "*" in words)


def judge(rules: Sequence[Rule]) -> tuple[Capability, ...]:
    """Return what `rules` give together, one entry for each repository that they single out, sorted."""
    rights: dict[str, int] = {}
    spelled: dict[str, int] = {}
    for rule in rules:
        for question in QUESTIONS:
            if not covers(rule, question.verb, question.resource):
                continue
            for repository in _repositories(rule, named=question.named):
                rights[repository] = rights.get(repository, 0) | question.right
                if question.resource in (rule.resources or ()):
                    spelled[repository] = spelled.get(repository, 0) | question.right
    return tuple(Capability(name, given, given & ~spelled.get(name, 0)) for name, given in sorted(rights.items()))


def _repositories(rule: Rule, *, named: bool) -> Sequence[str]:
    if not rule.names:
        return ("",)
    if named:
        # An image stream is never called "" or "*", so these names single out nothing.
        return [name for name in rule.names if name not in {"", "*"}]
    # A question without a name is covered only by a rule that holds the empty name.
    return ("",) if "" in rule.names else ()


_RULES: Final = msgspec.json.Decoder(list[Rule])


@cache
def covering_text(text: str, repository: str) -> str:
    """Return which of the rules in `text` give rights on `repository`; see `covering`."""
    return covering(_RULES.decode(text), repository)


@cache
def login_rights(text: str) -> int:
    """Return which of IDENTIFY and REVIEW the rules in `text` give."""
    rights = 0
    for rule in _RULES.decode(text):
        for question in LOGIN_QUESTIONS:
            covered = covers(rule, question.verb, question.resource, question.group)
            rights |= question.right if covered and _repositories(rule, named=False) else 0
    return rights


@cache
def judge_text(text: str) -> tuple[Capability, ...]:
    """Return what the rules in `text` (as `rules_text` writes them) give; see `judge`."""
    return judge(_RULES.decode(text))
