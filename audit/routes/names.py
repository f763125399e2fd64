"""How routes call namespaces, subjects and bindings."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from audit.rbac.subjects import ACCOUNT, Identity
from audit.routes.holdings import ANY_NAME
from audit.snapshot.model import Snapshot

EVERY: Final = "*"
EACH: Final = "*"  # in place of the namespace of accounts whose routes are alike


class RouteNames:
    """RouteNames of one zone."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._folded = ""

    @contextmanager
    def folded(self, namespace: str) -> Iterator[None]:
        """Call a namespace EACH within the context: it stands for others. An empty name: none does."""
        self._folded = namespace
        try:
            yield
        finally:
            self._folded = ""

    def space(self, space: int) -> str:
        """Return the namespace at a text position; EVERY for 0 and below."""
        return self._of(self._snapshot.strings[space]) if space > 0 else EVERY

    def where(self, space: int) -> str:
        """Return the same for a sentence."""
        name = self.space(space)
        return name if name != EVERY else "its own namespace" if space > 0 else "every namespace"

    def who(self, who: Identity) -> str:
        """Return the name of an identity."""
        if who.kind != ACCOUNT:
            return who.name
        namespace, _, name = who.name.partition(":")
        return f"{self._of(namespace)}:{name}"

    def named(self, who: Identity | None) -> str:
        """Return an identity for a sentence."""
        if who is None:
            return ""
        if who.kind == ACCOUNT:
            namespace, _, name = who.name.partition(":")
            if name == ANY_NAME:
                return f"any service account of {self._of(namespace)}"
            return f"service account {self.who(who)}"
        words = {"User": "user", "Group": "a member of group"}
        return f"{words[who.kind]} {who.name}" if who.kind in words else "whoever was not seen"

    def bindings(self, rows: Iterable[int]) -> list[str]:
        """Return bindings as `namespace/name`, or the name of a ClusterRoleBinding."""
        table, text = self._snapshot.tables["bindings"], self._snapshot.strings
        found = []
        for row in rows:
            space, name = text[int(table["namespace"][row])], text[int(table["name"][row])]
            found.append(f"{self._of(space)}/{name}" if space else name)
        return found

    def _of(self, namespace: str) -> str:
        return EACH if namespace and namespace == self._folded else namespace
