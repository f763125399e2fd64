"""Why access differs although no grant does: another may use the registry at all."""

from collections.abc import Collection, Iterator

from audit.access.login import login_bindings, login_rows
from audit.changes.causes import Cause, Causes
from audit.changes.differing import differing
from audit.changes.numbers import Pool
from audit.changes.objects import BINDING, ObjectRef, Objects


def login_cause(
    objects: tuple[Objects, Objects], causes: Causes, namespaces: Collection[str] | None, pool: Pool
) -> Cause | None:
    """Return the cause of what differs because not everybody may log in; None where everybody may in both states."""
    if all(login_bindings(side.snapshot) is None for side in objects):
        return None
    decisive = {ref for side in objects for ref in _decisive(side)}
    changed = [difference for difference in differing(*objects, namespaces, pool) if difference.ref in decisive]
    texts = [causes.of_object(difference) for difference in changed] or ["a group or a binding decides otherwise"]
    return Cause(
        tuple(difference.ref for difference in changed),
        f"{'; '.join(texts)}: who may use the registry at all changed",
        "",
    )


def _decisive(side: Objects) -> Iterator[ObjectRef]:
    """Yield the bindings that let callers log in, and their roles."""
    for row in login_rows(side.snapshot).tolist():
        yield ObjectRef(BINDING, "", side.value("bindings", "name", row))
        yield side.role_of(row)
