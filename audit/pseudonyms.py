"""Names replaced by keyed pseudonyms, in the facts themselves: nothing that is made of them can hold a name then.

The same name has the same pseudonym wherever it stands and in every run with the same key; without the key, and the map
that is kept apart, nobody has the name back. What belongs to the platform itself keeps its name.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from audit.checks.platform import Platform
from audit.facts import renamed
from audit.objects import Aggregation, Rule
from audit.rbac.rules import rules_text
from audit.rbac.subjects import ACCOUNT, ACCOUNTS, GROUP, USER
from audit.scope import Selects
from audit.snapshot import DUMP, Gap, Snapshot

PREFIX: Final = "p-"
SHORTEST: Final = 16  # bytes of a key
_LENGTH: Final = 16  # characters: 80 bits
_LEFT_OUT: Final = "(left out)"
_ACCOUNT: Final = "system:serviceaccount:"
_SYSTEM: Final = "system:"
_OWN_LABELS: Final = "rbac.authorization.k8s.io/"
# What every cluster has and nobody chose.
_ACCOUNTS: Final = frozenset({"", "default", "builder", "deployer"})
_ROLES: Final = frozenset(
    {
        *("", "admin", "basic-user", "cluster-admin", "cluster-reader", "edit", "namespace-owner", "registry-admin"),
        *("registry-editor", "registry-viewer", "self-provisioner", "shared-resource-viewer", "sudoer", "view"),
    }
)
_FREE: Final = frozenset({"", "*"})


class Pseudonyms:
    """The pseudonyms of one key, and the names behind those that were given."""

    def __init__(self, key: bytes, platform: Platform, label: str) -> None:
        """Take the key, what keeps its name, and the label that names a namespace's organization."""
        self._key = key
        self._platform = platform
        self._label = label
        self.names: dict[str, str] = {}  # by pseudonym
        self.left_out: set[str] = set()  # pseudonyms of namespaces that are not reported on

    def of(self, name: str) -> str:
        """Return the pseudonym of a name."""
        if name in _FREE:
            return name
        pseudonym = self.uid(name)
        self.names[pseudonym] = name
        return pseudonym

    def uid(self, text: str) -> str:
        """Return what stands for an id, which nobody needs to have back."""
        if not text:
            return text
        digest = hmac.digest(self._key, text.encode(errors="surrogatepass"), hashlib.sha256)
        return PREFIX + base64.b32encode(digest).decode().lower()[:_LENGTH]

    def space(self, name: str) -> str:
        """Return what stands for a namespace."""
        return name if self._platform.has(name) else self.of(name)

    def account(self, name: str) -> str:
        """Return what stands for the name of a service account in its namespace."""
        return name if name in _ACCOUNTS else self.of(name)

    def user(self, name: str) -> str:
        """Return what stands for a user, who may be a service account."""
        space, colon, account = name.removeprefix(_ACCOUNT).partition(":")
        if name.startswith(_ACCOUNT) and colon:
            return f"{_ACCOUNT}{self._account(space, account)}"
        return name if name.startswith(_SYSTEM) or self._platform.trusts(USER, name) else self.of(name)

    def group(self, name: str) -> str:
        """Return what stands for a group; of `organization+team`, each part by itself."""
        if name.startswith(f"{ACCOUNTS}:"):
            return f"{ACCOUNTS}:{self.space(name.removeprefix(f'{ACCOUNTS}:'))}"
        if name.startswith(_SYSTEM) or self._platform.trusts(GROUP, name):
            return name
        return "+".join(map(self.of, name.split("+")))

    def role(self, name: str) -> str:
        """Return what stands for a role or a binding."""
        return name if name in _ROLES or name.startswith(_SYSTEM) else self.of(name)

    def subject(self, kind: str, name: str) -> str:
        """Return what stands for somebody as tables spell them."""
        space, _, account = name.partition(":")
        spelled: Mapping[str, Callable[[], str]] = {
            USER: lambda: self.user(name),
            GROUP: lambda: self.group(name),
            ACCOUNT: lambda: self._account(space, account),
        }
        return spelled.get(kind, lambda: self.of(name))()

    def selects(self, selects: Selects | None) -> Selects | None:
        """Return what says of pseudonyms which namespaces are reported on, as `selects` says it of their names."""
        if selects is None:
            return None

        def wanted(name: str, labels: Mapping[str, str] | None) -> bool:
            kept = selects(self.names.get(name, name), labels)
            if not kept:
                self.left_out.add(name)
            return kept

        return wanted

    def snapshot(self, snapshot: Snapshot) -> Snapshot:
        """Return the facts of a zone with every name replaced; what people and servers said of gaps is left out."""
        by: dict[tuple[str, str], Callable[[str], str]] = {
            ("namespaces", "name"): self.space,
            ("namespaces", "labels"): self._space_labels,
            ("roles", "name"): self.role,
            ("roles", "uid"): self.uid,
            ("roles", "labels"): self._role_labels,
            ("roles", "rules"): self._rules,
            ("roles", "aggregation"): self._aggregation,
            ("bindings", "name"): self.role,
            ("bindings", "uid"): self.uid,
            ("bindings", "role"): self.role,
            ("groups", "name"): self.group,
            ("members", "user"): self.user,
            ("serviceaccounts", "name"): self.account,
            ("imagestreams", "name"): self.of,
            ("users", "name"): self.user,
            ("tokens", "name"): self.of,
            ("tokens", "account"): self.account,
            ("declared", "organization"): self.of,
            ("declared", "team"): self.of,
            ("declared", "user"): self.user,
        }
        spaced = ("roles", "bindings", "subjects", "serviceaccounts", "imagestreams", "tokens")
        by |= {(table, "namespace"): self.space for table in spaced}
        origin = msgspec.structs.replace(
            snapshot.origin,
            user=self.user(snapshot.origin.user),
            place=_LEFT_OUT if snapshot.origin.source == DUMP else snapshot.origin.place,
        )
        gaps = [Gap(gap.kind, self.space(gap.namespace), gap.reason) for gap in snapshot.gaps]
        return renamed(snapshot, origin, gaps, by, self._bound)

    def _account(self, space: str, account: str) -> str:
        return f"{self.space(space)}:{self.account(account)}"

    def _bound(self, kind: str, name: str) -> str:
        """Return what stands for the subject of a binding, whose namespace stands beside it."""
        return self.account(name) if kind == ACCOUNT else self.subject(kind, name)

    def _space_labels(self, text: str) -> str:
        """Keep the label that names the organization: the others may say anything."""
        labels = msgspec.json.decode(text, type=dict[str, str]) if text else {}
        kept = {self._label: self.of(labels[self._label])} if self._label in labels else {}
        return msgspec.json.encode(kept).decode() if kept else ""

    def _role_labels(self, text: str) -> str:
        return msgspec.json.encode(self._matched(msgspec.json.decode(text)), order="sorted").decode() if text else ""

    def _matched(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return labels of roles, or what selects them: both are replaced alike, so that what matched still does."""
        return {
            (key if key.startswith(_OWN_LABELS) else self.of(key)): value
            if value in {"true", "false"}
            else self.of(value)
            for key, value in labels.items()
        }

    def _rules(self, text: str) -> str:
        def named(rule: Rule) -> Rule:
            return msgspec.structs.replace(rule, names=[self.of(name) for name in rule.names]) if rule.names else rule

        return rules_text([named(rule) for rule in msgspec.json.decode(text, type=list[Rule])]) if text else ""

    def _aggregation(self, text: str) -> str:
        if not text:
            return ""
        found = msgspec.json.decode(text, type=Aggregation)
        return msgspec.json.encode(
            msgspec.structs.replace(found, selectors=[*map(self._selector, found.selectors or ())])
        ).decode()

    def _selector(self, selector: Any) -> Any:
        labels = self._matched(selector.labels) if selector.labels else selector.labels
        asked = [
            msgspec.structs.replace(
                one,
                key=one.key if one.key.startswith(_OWN_LABELS) else self.of(one.key),
                values=[*self._matched({str(at): v for at, v in enumerate(one.values)}).values()]
                if one.values
                else one.values,
            )
            for one in selector.expressions or ()
        ]
        return msgspec.structs.replace(selector, labels=labels, expressions=asked or selector.expressions)
