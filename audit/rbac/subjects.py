"""Identities: whom the subject of a binding matches, and the virtual groups of each caller."""

from typing import Final, NamedTuple

USER, GROUP, ACCOUNT = "User", "Group", "ServiceAccount"
# Kinds of subjects in the tables that stand for what was not seen: anybody, and any person.
ANY, ANY_USER = "Any", "AnyUser"

MASTERS: Final = "system:masters"  # passes every check without RBAC
EVERYONE: Final = "system:authenticated"
EVERY_LOGIN: Final = "system:authenticated:oauth"
NOBODY: Final = "system:unauthenticated"
ACCOUNTS: Final = "system:serviceaccounts"
ANONYMOUS: Final = "system:anonymous"
ACCOUNT_PREFIX: Final = "system:serviceaccount:"


class Identity(NamedTuple):
    """A subject in its one spelling; a service account's name is `namespace:name`."""

    kind: str
    name: str

    @property
    def inert(self) -> bool:
        """Return whether this matches nobody: a service account without a namespace."""
        return self.kind == ACCOUNT and self.name.startswith(":")


VIRTUAL: Final = {MASTERS, EVERYONE, EVERY_LOGIN, NOBODY, ACCOUNTS}


def is_virtual(group: str) -> bool:
    """Return whether a group of this name is a virtual group."""
    return group.startswith(f"{ACCOUNTS}:") or group in VIRTUAL


def identity(kind: str, namespace: str, name: str) -> Identity | None:
    """Return the identity of a binding's subject; None for a kind that matches nobody.

    `namespace` is that of a service account ("" when absent). A user named `system:serviceaccount:ns:name` is that
    service account: the API server compares user names only.
    """
    if kind == GROUP:
        return Identity(GROUP, name)
    if kind == ACCOUNT:
        return user(f"{ACCOUNT_PREFIX}{namespace}:{name}") if namespace else Identity(ACCOUNT, f":{name}")
    return user(name) if kind == USER else None


def user(name: str) -> Identity:
    """Return the identity of a user name, which may be a service account's."""
    if name.startswith(ACCOUNT_PREFIX):
        parts = name[len(ACCOUNT_PREFIX) :].split(":")
        if len(parts) == 2 and all(parts):  # noqa: PLR2004  namespace and name
            return Identity(ACCOUNT, ":".join(parts))
    return Identity(USER, name)


def virtual_groups(subject: Identity) -> tuple[str, ...]:
    """Return the virtual groups that `subject` is in; of a group, those that every member of it is in as well."""
    if subject.kind == ACCOUNT:
        return () if subject.inert else (f"{ACCOUNTS}:{home(subject.name)}", ACCOUNTS, EVERYONE)
    if subject.kind == ANY:
        return ()
    if subject.kind in {USER, ANY_USER}:
        return (NOBODY,) if subject.name == ANONYMOUS else (EVERYONE, EVERY_LOGIN)
    if subject.name in {EVERYONE, NOBODY, MASTERS}:
        return ()
    return (ACCOUNTS, EVERYONE) if subject.name.startswith(f"{ACCOUNTS}:") else (EVERYONE,)


def may_join(group: Identity) -> bool:
    """Return whether a group object may list people as members: OpenShift refuses `:` in such names."""
    return group.kind == GROUP and ":" not in group.name


def home(subject: str) -> str:
    """Return the namespace of a service account, or of the group of a namespace's accounts."""
    return subject.removeprefix(f"{ACCOUNTS}:").partition(":")[0]
