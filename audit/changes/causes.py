"""Why access differs: which binding, role or group was created, deleted or changed, in a sentence."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from audit.access.judged_roles import MISSING, UNSEEN
from audit.changes.differing import Differing, plain
from audit.changes.objects import BINDING, GROUP, ROLE, ObjectRef, Objects, RoleName
from audit.rbac.rules import RIGHTS
from audit.rbac.subjects import Identity

_NAMED: Final = 5  # names in one sentence
_KIND_WORDS: Final = {"User": "user", "Group": "group", "ServiceAccount": "service account"}
_RIGHTS: Final = {bit: "create image streams" if name == "create" else name for name, bit in RIGHTS.items()}


class GrantDifference(NamedTuple):
    """A grant that is not the same: the binding (its row in both states, -1 for none), and through which group."""

    before: int
    after: int
    subject: Identity
    group: str
    more: int
    less: int


class Cause(NamedTuple):
    """What made a difference: the objects that changed, a sentence, and when the object was created."""

    objects: tuple[ObjectRef, ...]
    text: str
    since: str


class Causes:
    """Explains the differences between two states."""

    def __init__(self, before: Objects, after: Objects) -> None:
        self._before = before
        self._after = after

    def of_grant(self, difference: GrantDifference) -> Cause | None:
        """Return why a grant is not the same; None when one state only did not see it."""
        if difference.before < 0 or difference.after < 0:
            return self._binding_alone(difference)
        binding = self._binding_of(difference)
        was, now = self._before.ref(difference.before), self._after.ref(difference.after)
        if was != now:
            text = f"{self._name(difference)} was recreated and refers to {_role(now)} instead of {_role(was)}"
            return Cause((binding, *self._with_it(difference)), text, self._since(difference))
        through = Identity("Group", difference.group) if difference.group else difference.subject
        listed = through in self._before.listed(difference.before), through in self._after.listed(difference.after)
        if listed[0] != listed[1]:
            text = f"{_who(through)} was {_moved(joined=listed[1])} {self._name(difference)} to {_role(now)}"
            return Cause((binding, *self._with_it(difference)), text, self._since(difference))
        if difference.group and self._is_member(self._before, difference) != self._is_member(self._after, difference):
            return self._membership(difference)
        return self._role(difference)

    def _binding_alone(self, difference: GrantDifference) -> Cause | None:
        """Return the cause when only one of the states has the binding."""
        binding = self._binding_of(difference)
        absent = self._before if difference.before < 0 else self._after
        if absent.unseen(binding):
            return None
        text = self.of_binding(binding, difference.before, difference.after)
        return Cause((binding, *self._with_it(difference)), text, self._since(difference))

    def _with_it(self, difference: GrantDifference) -> Iterator[ObjectRef]:
        """Yield what came or went together with a binding and contributed: its role, and the membership."""
        for side, row, other in (
            (self._before, difference.before, self._after),
            (self._after, difference.after, self._before),
        ):
            if row >= 0:
                role = side.role_of(row)
                if not other.has_role(role):
                    yield role
        if difference.group and self._is_member(self._before, difference) != self._is_member(self._after, difference):
            yield ObjectRef(GROUP, "", difference.group)

    def of_binding(self, binding: ObjectRef, before: int, after: int) -> str:
        """Return a sentence about what happened to a binding."""
        side, row = self._newest(before, after)
        name = f"{self._named(binding)} to {_role(side.ref(row))}"
        if before >= 0 and after >= 0:
            return f"{name} was changed: {self._changes(before, after)}"
        absent, born = (self._before, True) if before < 0 else (self._after, False)
        if self._namespace_moved(binding.namespace, side, absent):
            place = f"namespace {binding.namespace}"
            return f"{place} is new, with {name}" if born else f"{place} is gone, and {name} with it"
        return f"{name} was {'created' if born else 'deleted'}"

    def _namespace_moved(self, namespace: str, side: Objects, absent: Objects) -> bool:
        """Return whether a namespace itself is new or gone: both states saw all of them, and one has it."""
        listed = side.has_namespace(namespace) and not absent.has_namespace(namespace)
        return listed and not absent.snapshot.gaps_of("namespaces")

    def _changes(self, before: int, after: int) -> str:
        was, now = self._before.ref(before), self._after.ref(after)
        parts = [f"it refers to {_role(now)} instead of {_role(was)}"] if was != now else []
        listed = self._before.listed(before), self._after.listed(after)
        parts += _came_and_went(listed[0], listed[1])
        return "; ".join(parts) or "it was recreated without changes"

    def _is_member(self, side: Objects, difference: GrantDifference) -> bool:
        return difference.subject in (side.members(difference.group) or ())

    def _membership(self, difference: GrantDifference) -> Cause | None:
        group = ObjectRef(GROUP, "", difference.group)
        absent = next((side for side in (self._before, self._after) if side.members(difference.group) is None), None)
        if absent is not None and absent.unseen(group):
            return None
        joined = self._is_member(self._after, difference)
        member = _who(difference.subject)
        if absent is None:
            text = f"{member} was {_moved(joined=joined)} group {difference.group}"
        else:
            text = f"group {difference.group} was {'created' if joined else 'deleted'}, with {member} in it"
        return Cause((group,), text, "")

    def _role(self, difference: GrantDifference) -> Cause | None:
        """Return the cause when the binding is the same and its role is not."""
        rows = int(self._before.role_rows[difference.before]), int(self._after.role_rows[difference.after])
        if UNSEEN in rows:
            return None
        ref, role = self._after.ref(difference.after), self._after.role_of(difference.after)
        subject = f"{_role(ref)}, to which {self._name(difference)} refers,"
        if MISSING in rows:
            side, row = (self._after, rows[1]) if rows[0] == MISSING else (self._before, rows[0])
            done = "created" if rows[0] == MISSING else "deleted"
            return Cause((role,), f"{subject} was {done}", side.value("roles", "created", row))
        rights = [f"now gives {_rights(difference.more)}"] if difference.more else []
        rights += [f"no longer gives {_rights(difference.less)}"] if difference.less else []
        sources, why = self._aggregation(*rows)
        text = f"{subject} {' and '.join(rights)}{why}"
        return Cause((role, *sources), text, self._after.value("roles", "created", rows[1]))

    def _aggregation(self, before: int, after: int) -> tuple[list[ObjectRef], str]:
        """Return the roles that came into a role, left it or changed in it, and words that say so."""
        was, now = self._before.aggregated(before), self._after.aggregated(after)
        changed = [name for name in was.keys() & now.keys() if plain(was[name]) != plain(now[name])]
        parts = {
            "now aggregated into it": sorted(now.keys() - was.keys()),
            "no longer aggregated into it": sorted(was.keys() - now.keys()),
            "aggregated into it, and changed": sorted(changed),
        }
        sentences = [
            f"{_list(names)} {'is' if len(names) == 1 else 'are'} {how}" for how, names in parts.items() if names
        ]
        roles = [ObjectRef(ROLE, "", name) for names in parts.values() for name in names]
        return roles, f": {'; '.join(sentences)}" if sentences else ""

    def of_object(self, changed: Differing) -> str:
        """Return a sentence about what happened to an object."""
        if changed.ref.object == BINDING:
            return self.of_binding(changed.ref, changed.before, changed.after)
        if changed.before < 0 or changed.after < 0:
            return f"{self._named(changed.ref)} was {'created' if changed.before < 0 else 'deleted'}"
        if changed.ref.object == GROUP:
            was, now = (side.members(changed.ref.name) or frozenset() for side in (self._before, self._after))
            return f"{self._named(changed.ref)} was changed: {'; '.join(_came_and_went(was, now))}"
        columns = [column for column in ("rules", "labels", "aggregation") if self._differs(changed, column)]
        return f"{self._named(changed.ref)} was changed: its {_list(columns)}"

    def _differs(self, role: Differing, column: str) -> bool:
        was, now = self._before.value("roles", column, role.before), self._after.value("roles", column, role.after)
        return plain(was) != plain(now)

    def since(self, changed: Differing) -> str:
        """Return when an object was created."""
        side, row = self._newest(changed.before, changed.after)
        return side.value(f"{changed.ref.object}s", "created", row)

    def role_of(self, changed: Differing) -> RoleName:
        """Return kind and name of the role that a binding refers to, or that an object is."""
        side, row = self._newest(changed.before, changed.after)
        if changed.ref.object == BINDING:
            return side.ref(row)
        if changed.ref.object == GROUP:
            return RoleName("", "")
        return RoleName("Role" if changed.ref.namespace else "ClusterRole", changed.ref.name)

    def _newest(self, before: int, after: int) -> tuple[Objects, int]:
        """Return the state that has a row, the newer one if both do, and the row."""
        return (self._after, after) if after >= 0 else (self._before, before)

    def _since(self, difference: GrantDifference) -> str:
        side, row = self._newest(difference.before, difference.after)
        return side.value("bindings", "created", row)

    def _binding_of(self, difference: GrantDifference) -> ObjectRef:
        side, row = self._newest(difference.before, difference.after)
        return ObjectRef(BINDING, side.value("bindings", "namespace", row), side.value("bindings", "name", row))

    def _name(self, difference: GrantDifference) -> str:
        return self._named(self._binding_of(difference))

    def _named(self, ref: ObjectRef) -> str:
        if ref.object == GROUP:
            return f"group {ref.name}"
        word = {BINDING: "RoleBinding", ROLE: "Role"}[ref.object]
        return f"{'' if ref.namespace else 'Cluster'}{word} {ref.name}"


def _role(ref: RoleName) -> str:
    return f"{ref[0]} {ref[1]}"


def _who(subject: Identity) -> str:
    return f"{_KIND_WORDS[subject.kind]} {subject.name}"


def _moved(*, joined: bool) -> str:
    return "added to" if joined else "removed from"


def _came_and_went(was: frozenset[Identity], now: frozenset[Identity]) -> list[str]:
    added = [f"{_list(map(_who, sorted(now - was)))} added"] if now - was else []
    return [*added, *([f"{_list(map(_who, sorted(was - now)))} removed"] if was - now else [])]


def _rights(bits: int) -> str:
    return _list(words for bit, words in _RIGHTS.items() if bits & bit)


def _list(names: Iterable[str]) -> str:
    every = list(names)
    more = len(every) - _NAMED
    if more > 0:
        return f"{', '.join(every[:_NAMED])} and {more} more"
    return " and ".join([part for part in (", ".join(every[:-1]), every[-1]) if part])
