"""The platform's own namespaces and subjects: they are expected to have access that others should not have."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase, translate
from functools import cached_property
from typing import Final

from audit.config.model import PLATFORM_NAMESPACES
from audit.rbac.subjects import ACCOUNT, ACCOUNTS, ANONYMOUS, EVERY_LOGIN, EVERYONE, GROUP, NOBODY, USER, home

# The built-in groups of everybody are not the platform's own subjects.
OPEN: Final = frozenset({EVERYONE, EVERY_LOGIN, NOBODY, ACCOUNTS})
_PREFIX: Final = {USER: "user/", GROUP: "group/", ACCOUNT: "sa/"}


def spelled(kind: str, subject: str) -> str:
    """Return a subject as `user/NAME`, `group/NAME` or `sa/NAMESPACE:NAME`; other kinds as their name."""
    return f"{_PREFIX.get(kind, '')}{subject}"


@dataclass(frozen=True)
class Platform:
    """Globs of the platform's namespaces, and of subjects that act for it, as configured."""

    namespaces: Sequence[str] = PLATFORM_NAMESPACES
    subjects: Sequence[str] = ()

    def has(self, namespace: str) -> bool:
        """Return whether a namespace is the platform's."""
        return bool(self._own.match(namespace))

    @cached_property
    def _own(self) -> re.Pattern[str]:
        # One pattern for all globs; without any, one that matches nothing.
        return re.compile("|".join(map(translate, self.namespaces)) or "(?!)")

    def trusts(self, kind: str, subject: str) -> bool:
        """Return whether a subject is the platform's own, or acts for it."""
        if any(fnmatchcase(spelled(kind, subject), glob) for glob in self.subjects):
            return True
        if kind == ACCOUNT or subject.startswith(f"{ACCOUNTS}:"):
            return self.has(home(subject))
        return subject.startswith("system:") and subject not in OPEN and subject != ANONYMOUS
