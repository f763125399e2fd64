"""Built-in groups as people misspell them: what a name that matches nobody was probably meant to be."""

from difflib import SequenceMatcher
from typing import Final

from audit.rbac.subjects import (
    ACCOUNT_PREFIX,
    ACCOUNTS,
    EVERY_LOGIN,
    EVERYONE,
    GROUP,
    MASTERS,
    NOBODY,
    USER,
    is_virtual,
)

_BUILT_IN: Final = (EVERYONE, EVERY_LOGIN, NOBODY, ACCOUNTS, MASTERS)
_SIMILAR: Final = 0.9  # of names of some twenty letters: one or two of them differ


def meant_by(kind: str, name: str) -> str:
    """Return the built-in subject that a user or group name was probably meant to be; empty for other names.

    A group is only misspelt if no group object has the name: the caller decides this.
    """
    if kind == USER:
        if is_virtual(name):
            return f"the group {name}"
        return (
            f"{name}:NAME" if name.startswith(ACCOUNT_PREFIX) and name.count(":") == ACCOUNT_PREFIX.count(":") else ""
        )
    if kind != GROUP or is_virtual(name):
        return ""
    system, _, rest = name.casefold().partition(":")
    if system != "system":
        plain = f"system:{name.casefold()}"
        return plain if plain in _BUILT_IN and plain != MASTERS else ""
    head, _, more = rest.partition(":")
    if _similar(f"system:{head}", ACCOUNTS):
        return _of_accounts(name.partition(":")[2].partition(":")[2]) if more else ACCOUNTS
    best = max(_BUILT_IN, key=lambda known: SequenceMatcher(None, name.casefold(), known).ratio())
    return best if _similar(name.casefold(), best) else ""


def _of_accounts(rest: str) -> str:
    namespace, _, account = rest.partition(":")
    return f"the service account {namespace}:{account}" if account else f"{ACCOUNTS}:{namespace}"


def _similar(name: str, other: str) -> bool:
    return SequenceMatcher(None, name, other).ratio() >= _SIMILAR
