"""Use -> the same with pseudonyms for names, before any of it is kept."""

from typing import Final

from audit.pseudonyms.pseudonyms import Pseudonyms
from audit.usage.files import Read
from audit.usage.requests import AUDIT, IMPERSONATE, READ_SECRETS, RUN, TOKEN, Use

# Actions on something else than a repository.
_ON_OBJECTS: Final = frozenset({READ_SECRETS, RUN, TOKEN})


def renamed(read: Read, by: Pseudonyms) -> Read:
    """Return what was read with every name replaced, as in the facts of a zone."""
    return read._replace(uses=[_use(use, by) for use in read.uses])


def _use(use: Use, by: Pseudonyms) -> Use:
    kind, _, name = use.grant.partition(" ")
    binding, slash, of_binding = name.partition("/")
    grant = f"{kind} {by.binding(binding)}{slash}{by.namespace(of_binding) if of_binding else ''}" if use.grant else ""
    namespace = by.namespace(use.namespace) if use.namespace else ""
    return use._replace(user=by.user(use.user), namespace=namespace, repository=_object(use, by), grant=grant)


def _object(use: Use, by: Pseudonyms) -> str:
    if not use.repository:
        return ""
    if use.source == AUDIT and use.action == IMPERSONATE:
        return by.user(use.repository)
    if use.action in _ON_OBJECTS:
        return by.of("token", use.repository)
    return by.of("repo", use.repository)
