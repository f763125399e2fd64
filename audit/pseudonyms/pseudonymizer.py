"""Snapshot -> the same facts with pseudonyms for names, so that nothing made of them can hold a name.

This is not how a report for one organization hides names: there, the tables of the whole run decide which names the
reader may see, and a number replaces the others; here, every name is replaced before anything is judged, also in the
snapshots that a run leaves.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final

import msgspec

from audit.access.references import image_reference
from audit.pseudonyms.pseudonyms import Pseudonyms
from audit.rbac.rules import IMAGES, LOGIN_QUESTIONS, QUESTIONS
from audit.rbac.subjects import ACCOUNT, GROUP, USER
from audit.routes.rights import ALL_RIGHTS
from audit.snapshot.builder import renamed, rules_text
from audit.snapshot.model import DUMP, REASONS, Gap, Origin, Snapshot
from audit.snapshot.objects import Aggregation, Requirement, Rule, Selector
from audit.tenancy.platform_names import ROLES

LEFT_OUT: Final = "(left out)"
_KINDS: Final = frozenset({USER, GROUP, ACCOUNT, "Role", "ClusterRole"})
_TIME: Final = re.compile(r"[0-9TZ:.+-]*")
_ANSWERS: Final = frozenset({"true", "false"})  # values of labels
_OPERATORS: Final = frozenset({"In", "NotIn", "Exists", "DoesNotExist"})
_AGGREGATE: Final = "rbac.authorization.k8s.io/aggregate-to-"


def _any_with(resource: str) -> str:
    """Return the word that means the subresource of every resource; that of a resource alone is `*`."""
    _, slash, subresource = resource.partition("/")
    return f"*/{subresource}" if slash else "*"


# Every word of a rule that is ever looked for, except names of repositories.
_WORDS: Final = frozenset(
    {
        *(
            word
            for question in (*QUESTIONS, *LOGIN_QUESTIONS)
            for word in (question.verb, question.group, question.resource)
        ),
        *(
            word
            for right in ALL_RIGHTS
            for word in (*right.verbs, right.group, *right.resources, *map(_any_with, right.resources))
        ),
        *("watch", "secrets", IMAGES, "", "*"),
    }
)
_LABELS: Final = msgspec.json.Decoder(dict[str, str])
_RULES: Final = msgspec.json.Decoder(list[Rule])
_AGGREGATION: Final = msgspec.json.Decoder(Aggregation)


class Pseudonymizer:
    """Replaces the names in the facts of zones.

    `label` names a namespace's organization; `labels` are those that select namespaces.
    """

    def __init__(self, by: Pseudonyms, label: str, labels: Collection[str] = ()) -> None:
        self.by = by
        self._label = label
        self._labels = frozenset(labels)

    def snapshot(self, snapshot: Snapshot) -> Snapshot:
        """Return the facts of a zone with every name replaced, without the messages of gaps."""
        gaps = [Gap(gap.kind, self.by.namespace(gap.namespace), gap.reason) for gap in snapshot.gaps]
        return renamed(snapshot, self._origin(snapshot.origin), gaps, self._columns(), self._bound)

    def _columns(self) -> dict[tuple[str, str], Callable[[str], str]]:
        """Return how each column of a snapshot changes, except the names of subjects."""
        columns: dict[tuple[str, str], Callable[[str], str]] = {
            ("namespaces", "name"): self.by.namespace,
            ("namespaces", "labels"): self._space_labels,
            ("roles", "name"): self.by.role,
            ("roles", "uid"): self.by.code,
            ("roles", "labels"): self._role_labels,
            ("roles", "rules"): self._rules,
            ("roles", "aggregation"): self._aggregation,
            ("bindings", "name"): self.by.binding,
            ("bindings", "uid"): self.by.code,
            ("bindings", "role_kind"): self._kind,
            ("bindings", "role"): self.by.role,
            ("subjects", "kind"): self._kind,
            ("groups", "name"): self.by.group,
            ("members", "user"): self.by.user,
            ("serviceaccounts", "name"): self.by.account,
            ("imagestreams", "name"): lambda name: self.by.of("repo", name),
            ("imagestreams", "pushed"): self._time,
            ("images", "stream"): lambda name: self.by.of("repo", name),
            ("images", "tag"): lambda name: self.by.of("tag", name),
            ("images", "image"): lambda name: self.by.of("image", name),
            ("images", "source"): self._source,
            ("workloads", "kind"): self.by.code,
            ("workloads", "name"): self.by.code,
            ("workloads", "account"): self.by.account,
            ("workloads", "image"): self._reference,
            ("workloads", "secrets"): self.by.code,
            ("pushes", "name"): self.by.code,
            ("pushes", "account"): self.by.account,
            ("pushes", "to"): self._reference,
            ("pushes", "image"): lambda name: self.by.of("image", name),
            ("pushes", "finished"): self._time,
            ("users", "name"): self.by.user,
            ("tokens", "name"): lambda name: self.by.of("token", name),
            ("tokens", "account"): self.by.account,
            ("tokens", "last_used"): self._time,
            ("declared", "organization"): self.by.group,
            ("declared", "team"): self.by.team,
            ("declared", "user"): self.by.user,
        }
        found = ("serviceaccounts", "imagestreams", "images", "tokens")
        spaced = ("roles", "bindings", "subjects", *found, "workloads", "pushes")
        dated = ("namespaces", "roles", "bindings", "groups", "users", *found)
        columns |= {(table, "namespace"): self.by.namespace for table in spaced}
        return columns | {(table, "created"): self._time for table in dated}

    def _origin(self, origin: Origin) -> Origin:
        return msgspec.structs.replace(
            origin,
            user=self.by.user(origin.user),
            place=LEFT_OUT if origin.source == DUMP else origin.place,
            stale=_reason(origin.stale),
            names=self.by.fingerprint,
        )

    def _bound(self, kind: str, name: str) -> str:
        """Return the pseudonym of a binding's subject, whose namespace is another column."""
        return self.by.account(name) if kind == ACCOUNT else self.by.subject(kind, name)

    def _kind(self, kind: str) -> str:
        return kind if kind in _KINDS else self.by.code(kind)

    def _time(self, text: str) -> str:
        return text if _TIME.fullmatch(text) else self.by.code(text)

    def _source(self, text: str) -> str:
        """Replace the names in `NAMESPACE/STREAM:TAG` or `NAMESPACE/STREAM@DIGEST`."""
        namespace, slash, rest = text.partition("/")
        if not slash:
            return text  # EXTERNAL, or nothing
        stream, mark, last = re.split(r"([:@])", rest, maxsplit=1) if re.search("[:@]", rest) else (rest, "", "")
        last = self.by.of("image" if mark == "@" else "tag", last)
        return f"{self.by.namespace(namespace)}{slash}{self.by.of('repo', stream)}{mark}{last}"

    def _reference(self, text: str) -> str:
        """Replace the names in a reference of an image; what may be of the integrated registry keeps its form."""
        name, mark, digest = text.partition("@")
        place = image_reference(text)
        parts = [self.by.code(name)]
        if place.stream:
            host = name.partition("/")[0]
            parts = [self.by.code(host), self.by.namespace(place.namespace), self.by.of("repo", place.stream)]
        return f"{'/'.join(parts)}{mark}{self.by.of('image', digest)}"

    def _space_labels(self, text: str) -> str:
        """Keep the label of the organization and those that select namespaces; others may hold anything."""
        labels = _LABELS.decode(text) if text else {}
        kept = {self.by.of("label", key): self.by.of("label", labels[key]) for key in self._labels & {*labels}}
        if self._label in labels:
            kept[self._label] = self.by.group(labels[self._label])
        return msgspec.json.encode(kept, order="sorted").decode() if kept else ""

    def _role_labels(self, text: str) -> str:
        return msgspec.json.encode(self._matched(_LABELS.decode(text)), order="sorted").decode() if text else ""

    def _matched(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return labels of roles, or a selector of them: both are replaced alike, so that selectors still match."""
        return {self._key_of(key): self._value(value) for key, value in labels.items()}

    def _key_of(self, key: str) -> str:
        rest = key.removeprefix(_AGGREGATE)
        return key if rest != key and rest in ROLES else self.by.of("label", key)

    def _value(self, value: str) -> str:
        return value if value in _ANSWERS else self.by.of("label", value)

    def _rules(self, text: str) -> str:
        return rules_text([*map(self._rule, _RULES.decode(text))]) if text else ""

    def _rule(self, rule: Rule) -> Rule:
        def words(given: list[str] | None) -> list[str] | None:
            return given and [word if word in _WORDS else self.by.code(word) for word in given]

        names = rule.names and [one for name in rule.names for one in self._objects(rule.resources or (), name)]
        return Rule(words(rule.verbs), words(rule.groups), words(rule.resources), names)

    def _objects(self, resources: Collection[str], name: str) -> Iterator[str]:
        """Yield the pseudonyms of an object that a rule names: one for each kind that it may be of.

        Where it may be a repository, it is that alone: more names would be more repositories in the tables.
        """
        kinds = {resource.partition("/")[0] for resource in resources}
        stream, colon, tag = name.partition(":")
        of_kind: dict[str, Callable[[], str]] = {
            "groups": lambda: self.by.group(name),
            "users": lambda: self.by.user(name),
            "serviceaccounts": lambda: self.by.account(name),
            "secrets": lambda: self.by.of("token", name),
            **dict.fromkeys(("roles", "clusterroles"), lambda: self.by.role(name)),
            **dict.fromkeys(("rolebindings", "clusterrolebindings"), lambda: self.by.binding(name)),
            **dict.fromkeys(
                ("imagestreamtags", "imagetags"),
                lambda: f"{self.by.of('repo', stream)}{colon}{self.by.of('tag', tag) if tag else ''}",
            ),
        }
        if kinds <= of_kind.keys():
            yield from dict.fromkeys(of_kind[kind]() for kind in sorted(kinds))
        else:
            yield self.by.of("repo", name)

    def _aggregation(self, text: str) -> str:
        if not text:
            return ""
        found = _AGGREGATION.decode(text)
        selectors = found.selectors and [*map(self._selector, found.selectors)]
        return msgspec.json.encode(Aggregation(selectors)).decode()

    def _selector(self, selector: Selector) -> Selector:
        labels, expressions = selector.labels, selector.expressions
        return Selector(labels and self._matched(labels), expressions and [*map(self._requirement, expressions)])

    def _requirement(self, requirement: Requirement) -> Requirement:
        return Requirement(
            self._key_of(requirement.key),
            requirement.operator if requirement.operator in _OPERATORS else self.by.code(requirement.operator),
            requirement.values and [*map(self._value, requirement.values)],
        )


def _reason(stale: str) -> str:
    """Return why a zone could not be read, without the message of its server."""
    return next((reason for reason in REASONS.values() if stale.startswith(reason)), LEFT_OUT if stale else "")
