"""Why access differs although no grant does: who may log in to the registry has changed."""

from collections.abc import Collection, Iterator

from audit.access.login import login_bindings, login_rows
from audit.changes.causes import Cause, Causes
from audit.changes.differing import differing
from audit.changes.numbers import Pool
from audit.changes.objects import BINDING, ObjectRef, Objects


def login_cause(
    objects: tuple[Objects, Objects], causes: Causes, namespaces: Collection[str] | None, pool: Pool
) -> Cause | None:
    """Return the cause of differences that come from the right to log in; None if everybody may in both states."""
    if all(login_bindings(side.snapshot) is None for side in objects):
        return None
    decisive = {ref for side in objects for ref in _decisive(side)}
    changed = [difference for difference in differing(*objects, namespaces, pool) if difference.ref in decisive]
    texts = [causes.of_object(difference) for difference in changed] or ["a group or a binding changed"]
    return Cause(
        tuple(difference.ref for difference in changed),
        f"{'; '.join(texts)}: this changed who may use the registry",
        "",
    )


def _decisive(side: Objects) -> Iterator[ObjectRef]:
    """Yield the bindings that let callers log in, and their roles."""
    for row in login_rows(side.snapshot).tolist():
        yield ObjectRef(BINDING, "", side.value("bindings", "name", row))
        yield side.role_of(row)
