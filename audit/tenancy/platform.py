"""The platform's own namespaces and subjects: they are expected to have access that others should not have.

A name that looks like the platform's makes nobody its own. Its subjects are those that the API server and a release of
OpenShift create, by their exact names or because an object of the release shows it, and those that the configuration
names.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase, translate
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from audit.config.model import PLATFORM_NAMESPACES
from audit.rbac.subjects import ACCOUNT, ACCOUNTS, EVERY_LOGIN, EVERYONE, GROUP, NOBODY, USER, home, identity
from audit.snapshot.model import Snapshot
from audit.snapshot.objects import RELEASE
from audit.tenancy.platform_names import BOOTSTRAP_ACCOUNTS, BOOTSTRAP_GROUPS, BOOTSTRAP_USERS, SHARED_NAMESPACES

# The built-in groups of everybody are not the platform's own subjects.
OPEN: Final = frozenset({EVERYONE, EVERY_LOGIN, NOBODY, ACCOUNTS})
_PREFIX: Final = {USER: "user/", GROUP: "group/", ACCOUNT: "sa/"}
_SUBJECT: Final = ("kind", "namespace", "name")
_BOOTSTRAP: Final = {USER: BOOTSTRAP_USERS, GROUP: BOOTSTRAP_GROUPS, ACCOUNT: BOOTSTRAP_ACCOUNTS}


def spelled(kind: str, subject: str) -> str:
    """Return a subject as `user/NAME`, `group/NAME` or `sa/NAMESPACE:NAME`; other kinds as their name."""
    return f"{_PREFIX.get(kind, '')}{subject}"


class Release(NamedTuple):
    """What an OpenShift release created in the zones: namespaces, and subjects (kind and name) that it binds."""

    namespaces: frozenset[str] = frozenset()
    subjects: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Platform:
    """Globs of the platform's namespaces, and of subjects that act for it, as configured; what a release created.

    Accounts of a namespace are the platform's own if the release created the namespace, or if the configuration names
    it: the globs that are there by default name what OpenShift reserves, and anybody's operators may be in these.
    """

    namespaces: Sequence[str] = PLATFORM_NAMESPACES
    subjects: Sequence[str] = ()
    release: Release = field(default_factory=Release)

    def has(self, namespace: str) -> bool:
        """Return whether a namespace is the platform's."""
        return bool(self._own.match(self._name(namespace)))

    def trusts(self, kind: str, subject: str) -> bool:
        """Return whether a subject is the platform's own, or acts for it."""
        subject = self._name(subject)
        if any(fnmatchcase(spelled(kind, subject), glob) for glob in self.subjects):
            return True
        if (kind, subject) in self.release.subjects or subject in _BOOTSTRAP.get(kind, ()):
            return True
        of_accounts = kind == ACCOUNT or (kind == GROUP and subject.startswith(f"{ACCOUNTS}:"))
        return of_accounts and self._trusts_accounts_of(home(subject))

    def seen_in(self, snapshot: Snapshot) -> "Platform":
        """Return this with what the release created in one more zone."""
        text, listed, bindings = snapshot.strings, snapshot.tables["namespaces"], snapshot.tables["bindings"]
        release = snapshot.code(RELEASE)
        if release < 0:
            return self
        namespaces = {self._name(text[code]) for code in listed["name"][listed["made_by"] == release].tolist()}
        subjects = snapshot.tables["subjects"]
        made = (bindings["made_by"] == release)[subjects["binding"]]
        columns = [
            bindings["namespace"][subjects["binding"]],
            subjects["kind"],
            subjects["namespace"],
            subjects["name"],
        ]
        found = set()
        for codes in np.stack(columns, axis=1)[made].tolist():
            of_binding, kind, namespace, name = (text[code] for code in codes)
            # A binding in anybody's namespace is anybody's, whatever it says of its owner.
            who = identity(kind, namespace or of_binding, name) if not of_binding or self.has(of_binding) else None
            if who:
                found.add((who.kind, self._name(who.name)))
        namespaces |= self.release.namespaces
        return replace(self, release=Release(frozenset(namespaces), self.release.subjects | found))

    def _name(self, name: str) -> str:
        """Return the name that decides, where names are replaced."""
        return name

    def _trusts_accounts_of(self, namespace: str) -> bool:
        if self._added.match(namespace):
            return True
        return (
            namespace in self.release.namespaces
            and bool(self._own.match(namespace))
            and namespace not in SHARED_NAMESPACES
        )

    @cached_property
    def _own(self) -> re.Pattern[str]:
        return _any(self.namespaces)

    @cached_property
    def _added(self) -> re.Pattern[str]:
        return _any([glob for glob in self.namespaces if glob not in PLATFORM_NAMESPACES])


def _any(globs: Sequence[str]) -> re.Pattern[str]:
    """Return one pattern for all globs; without any, one that matches nothing."""
    return re.compile("|".join(map(translate, globs)) or "(?!)")
