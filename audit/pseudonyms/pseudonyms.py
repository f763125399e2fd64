"""Keyed pseudonyms: a name has the same pseudonym everywhere, in every run with the same key.

Only the key, or the map that is stored separately, leads back to the name. Names that every cluster has are kept.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Final

from audit.rbac.misspelt import meant_by
from audit.rbac.subjects import ACCOUNT, ACCOUNT_PREFIX, GROUP, USER, VIRTUAL, is_virtual
from audit.rbac.subjects import ACCOUNTS as EVERY_ACCOUNT
from audit.snapshot.scope import Selects
from audit.tenancy.platform_names import ACCOUNTS, ROLES, SYSTEM_NAMES, USERS, is_openshift_namespace

_LENGTH: Final = 20  # characters of a pseudonym after its kind: 100 bits
# The same word of two kinds has two pseudonyms; an organization is a group.
KINDS: Final = (
    *("ns", "group", "team", "user", "sa", "repo", "tag", "image", "token", "binding", "role", "label", "pattern"),
    "exception",
)
_PSEUDONYM: Final = re.compile(rf"(?:{'|'.join(KINDS)})-[a-z2-7]{{{_LENGTH}}}")
_PART: Final = re.compile(r"([+:])")  # `organization+team`; and no group object has `:` in its name
_SYSTEM: Final = "system:"
_OF_NAMESPACE: Final = f"{EVERY_ACCOUNT}:"
_FREE: Final = frozenset({"", "*"})


class Pseudonyms:
    """The pseudonyms of one key; `names` is the map of earlier runs."""

    def __init__(self, key: bytes, names: Mapping[str, str] | None = None) -> None:
        self._key = key
        self.names = dict(names or {})  # by pseudonym
        self.left_out: set[str] = set()  # pseudonyms of namespaces that are not reported on

    @property
    def fingerprint(self) -> str:
        """Return a fingerprint of the key."""
        return self._code("key", "")

    def of(self, kind: str, name: str) -> str:
        """Return the pseudonym of a name of one of KINDS."""
        if name in _FREE:
            return name
        pseudonym = f"{kind}-{self._code(kind, name)}"
        self.names[pseudonym] = name
        return pseudonym

    def code(self, text: str) -> str:
        """Return the pseudonym of an id or a word that nobody needs to look up."""
        return f"id-{self._code('id', text)}" if text else text

    def digest(self, sha256: str) -> str:
        """Return the pseudonym of a digest (hex) over names, so that a guess cannot be verified with it."""
        return hmac.new(self._key, f"digest\0{sha256}".encode(), hashlib.sha256).hexdigest() if sha256 else ""

    def real(self, text: str) -> str:
        """Return a text with the names behind its pseudonyms; unknown pseudonyms are kept."""
        return _PSEUDONYM.sub(lambda found: self.names.get(found[0], found[0]), text)

    def namespace(self, name: str) -> str:
        """Return the pseudonym of a namespace."""
        return name if is_openshift_namespace(name) else ":".join(self.of("ns", part) for part in name.split(":"))

    def account(self, name: str) -> str:
        """Return the pseudonym of a service account's name within its namespace."""
        return name if name in ACCOUNTS else self.of("sa", name)

    def user(self, name: str) -> str:
        """Return the pseudonym of a user, who may be a service account."""
        if name.startswith(ACCOUNT_PREFIX):
            namespace, colon, account = name.removeprefix(ACCOUNT_PREFIX).rpartition(":")
            return f"{ACCOUNT_PREFIX}{self.namespace(namespace)}{colon}{self.account(account)}"
        if is_virtual(name):
            return self.group(name)  # a group that was bound as a user
        return name if name in USERS else self._system(name, lambda rest: self.of("user", rest))

    def group(self, name: str) -> str:
        """Return the pseudonym of a group or an organization; each part of `organization+team` has its own."""
        if name.startswith(_OF_NAMESPACE):
            return f"{_OF_NAMESPACE}{self.namespace(name.removeprefix(_OF_NAMESPACE))}"
        if meant := meant_by(GROUP, name):
            # A misspelt built-in group is nobody's name, except for the namespace and account in it.
            return name if meant in VIRTUAL else self._of_accounts(*name.split(":", 3))
        return self._system(name, lambda rest: self._parts(rest, "group"))

    def _of_accounts(self, system: str, accounts: str, namespace: str, account: str = "") -> str:
        rest = f":{self.account(account)}" if account else ""
        return f"{system}:{accounts}:{self.namespace(namespace)}{rest}"

    def team(self, name: str) -> str:
        """Return the pseudonym of a team, the same as in its group."""
        return self._parts(name, "team")

    def role(self, name: str) -> str:
        """Return the pseudonym of a role."""
        return name if name in ROLES else self._system(name, lambda rest: self.of("role", rest))

    def binding(self, name: str) -> str:
        """Return the pseudonym of a binding."""
        return name if name in ROLES else self._system(name, lambda rest: self.of("binding", rest))

    def subject(self, kind: str, name: str) -> str:
        """Return the pseudonym of a subject as tables spell it."""
        if kind == ACCOUNT:
            namespace, colon, account = name.partition(":")
            return f"{self.namespace(namespace)}{colon}{self.account(account)}"
        return {USER: self.user, GROUP: self.group}.get(kind, self.code)(name)

    def selects(self, selects: Selects) -> Selects:
        """Return a selector that decides about a namespace's pseudonym as `selects` does about its name."""

        def selected(name: str, labels: Mapping[str, str] | None) -> bool:
            known = None if labels is None else {self.real(key): self.real(value) for key, value in labels.items()}
            kept = selects(self.real(name), known)
            if not kept:
                self.left_out.add(name)
            return kept

        return selected

    def _code(self, kind: str, text: str) -> str:
        # No kind contains the separator: different pairs never give the same bytes.
        data = f"{kind}\0{text}".encode(errors="surrogatepass")
        return base64.b32encode(hmac.digest(self._key, data, hashlib.sha256)).decode().lower()[:_LENGTH]

    def _system(self, name: str, of: Callable[[str], str]) -> str:
        """Return the pseudonym of a name that may be OpenShift's; `of` returns it for other names."""
        if name in SYSTEM_NAMES:
            return name
        return f"{_SYSTEM}{of(name.removeprefix(_SYSTEM))}" if name.startswith(_SYSTEM) else of(name)

    def _parts(self, name: str, kind: str) -> str:
        parts = _PART.split(name)
        marks = ["", *parts[1::2]]
        kinds = [{"": kind, "+": "team", ":": "group"}[mark] for mark in marks]
        named = zip(marks, kinds, parts[::2], strict=True)
        return "".join(f"{mark}{self.of(kind, part)}" for mark, kind, part in named)
