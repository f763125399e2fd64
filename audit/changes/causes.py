"""Why access differs: which binding, role or group was created, deleted or changed, in a sentence."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from audit.access.judged_roles import MISSING, UNSEEN
from audit.changes.differing import Differing, plain
from audit.changes.objects import BINDING, GROUP, ROLE, Objects, Ref, Thing
from audit.rbac.rules import RIGHTS
from audit.rbac.subjects import Identity

_NAMED: Final = 5  # names that one sentence tells
_SPELLED: Final = {"User": "user", "Group": "group", "ServiceAccount": "service account"}
_RIGHTS: Final = {bit: "create image streams" if name == "create" else name for name, bit in RIGHTS.items()}


class GrantDifference(NamedTuple):
    """A grant that is not the same: the binding (its row in both states, -1 for none), and through whom."""

    before: int
    after: int
    who: Identity
    group: str
    more: int
    less: int


class Cause(NamedTuple):
    """What made a difference: the objects that changed, a sentence, and when the object was created."""

    things: tuple[Thing, ...]
    text: str
    since: str


class Causes:
    """Says why things differ between two states."""

    def __init__(self, before: Objects, after: Objects) -> None:
        """Take the objects of both states."""
        self._before = before
        self._after = after

    def of_grant(self, one: GrantDifference) -> Cause | None:
        """Return why a grant is not the same; None when that was only not seen."""
        if one.before < 0 or one.after < 0:
            return self._binding_alone(one)
        binding = self._thing(one)
        was, now = self._before.ref(one.before), self._after.ref(one.after)
        if was != now:
            text = f"{self._name(one)} was made again and refers to {_role(now)} instead of {_role(was)}"
            return Cause((binding, *self._with_it(one)), text, self._since(one))
        through = Identity("Group", one.group) if one.group else one.who
        listed = through in self._before.listed(one.before), through in self._after.listed(one.after)
        if listed[0] != listed[1]:
            text = f"{_who(through)} was {_moved(joined=listed[1])} {self._name(one)} to {_role(now)}"
            return Cause((binding, *self._with_it(one)), text, self._since(one))
        if one.group and self._is_member(self._before, one) != self._is_member(self._after, one):
            return self._membership(one)
        return self._role(one)

    def _binding_alone(self, one: GrantDifference) -> Cause | None:
        """Return the cause when only one state has the binding."""
        binding = self._thing(one)
        absent = self._before if one.before < 0 else self._after
        if absent.unseen(binding):
            return None
        text = self.of_binding(binding, one.before, one.after)
        return Cause((binding, *self._with_it(one)), text, self._since(one))

    def _with_it(self, one: GrantDifference) -> Iterator[Thing]:
        """Yield what came or went together with a binding and had its part: its role, and the group's members."""
        for side, row, other in ((self._before, one.before, self._after), (self._after, one.after, self._before)):
            if row >= 0:
                role = side.role_of(row)
                if not other.has_role(role):
                    yield role
        if one.group and self._is_member(self._before, one) != self._is_member(self._after, one):
            yield Thing(GROUP, "", one.group)

    def of_binding(self, binding: Thing, before: int, after: int) -> str:
        """Say what became of a binding."""
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
        """Say whether a namespace itself is new or gone: both states saw all of them, and one has it."""
        listed = side.has_namespace(namespace) and not absent.has_namespace(namespace)
        return listed and not absent.snapshot.gaps_of("namespaces")

    def _changes(self, before: int, after: int) -> str:
        was, now = self._before.ref(before), self._after.ref(after)
        told = [f"it refers to {_role(now)} instead of {_role(was)}"] if was != now else []
        listed = self._before.listed(before), self._after.listed(after)
        told += _came_and_went(listed[0], listed[1])
        return "; ".join(told) or "it was made again, and is as it was"

    def _is_member(self, side: Objects, one: GrantDifference) -> bool:
        return one.who in (side.members(one.group) or ())

    def _membership(self, one: GrantDifference) -> Cause | None:
        group = Thing(GROUP, "", one.group)
        absent = next((side for side in (self._before, self._after) if side.members(one.group) is None), None)
        if absent is not None and absent.unseen(group):
            return None
        joined = self._is_member(self._after, one)
        if absent is None:
            text = f"{_who(one.who)} was {_moved(joined=joined)} group {one.group}"
        else:
            text = f"group {one.group} was {'created' if joined else 'deleted'}, with {_who(one.who)} in it"
        return Cause((group,), text, "")

    def _role(self, one: GrantDifference) -> Cause | None:
        """Return the cause when the binding is the same and its role is not."""
        rows = int(self._before.role_rows[one.before]), int(self._after.role_rows[one.after])
        if UNSEEN in rows:
            return None
        ref, role = self._after.ref(one.after), self._after.role_of(one.after)
        subject = f"{_role(ref)}, to which {self._name(one)} refers,"
        if MISSING in rows:
            side, row = (self._after, rows[1]) if rows[0] == MISSING else (self._before, rows[0])
            done = "created" if rows[0] == MISSING else "deleted"
            return Cause((role,), f"{subject} was {done}", side.told("roles", "created", row))
        rights = [f"now gives {_rights(one.more)}"] if one.more else []
        rights += [f"no longer gives {_rights(one.less)}"] if one.less else []
        sources, why = self._aggregation(*rows)
        text = f"{subject} {' and '.join(rights)}{why}"
        return Cause((role, *sources), text, self._after.told("roles", "created", rows[1]))

    def _aggregation(self, before: int, after: int) -> tuple[list[Thing], str]:
        """Return the roles that came into a role or left it, or changed in it, and say so."""
        was, now = self._before.aggregated(before), self._after.aggregated(after)
        changed = [name for name in was.keys() & now.keys() if plain(was[name]) != plain(now[name])]
        parts = {
            "now aggregated into it": sorted(now.keys() - was.keys()),
            "no longer aggregated into it": sorted(was.keys() - now.keys()),
            "aggregated into it, and changed": sorted(changed),
        }
        told = [f"{_list(names)} {'is' if len(names) == 1 else 'are'} {how}" for how, names in parts.items() if names]
        things = [Thing(ROLE, "", name) for names in parts.values() for name in names]
        return things, f": {'; '.join(told)}" if told else ""

    def of_object(self, one: Differing) -> str:
        """Say what became of an object."""
        if one.thing.object == BINDING:
            return self.of_binding(one.thing, one.before, one.after)
        if one.before < 0 or one.after < 0:
            return f"{self._named(one.thing)} was {'created' if one.before < 0 else 'deleted'}"
        if one.thing.object == GROUP:
            was, now = (side.members(one.thing.name) or frozenset() for side in (self._before, self._after))
            return f"{self._named(one.thing)} was changed: {'; '.join(_came_and_went(was, now))}"
        changed = [column for column in ("rules", "labels", "aggregation") if self._differs(one, column)]
        return f"{self._named(one.thing)} was changed: its {_list(changed)}"

    def _differs(self, role: Differing, column: str) -> bool:
        was, now = self._before.told("roles", column, role.before), self._after.told("roles", column, role.after)
        return plain(was) != plain(now)

    def since(self, one: Differing) -> str:
        """Return when an object was created."""
        side, row = self._newest(one.before, one.after)
        return side.told(f"{one.thing.object}s", "created", row)

    def ref(self, one: Differing) -> Ref:
        """Return kind and name of the role that a binding refers to, or that an object is."""
        side, row = self._newest(one.before, one.after)
        if one.thing.object == BINDING:
            return side.ref(row)
        if one.thing.object == GROUP:
            return Ref("", "")
        return Ref("Role" if one.thing.namespace else "ClusterRole", one.thing.name)

    def _newest(self, before: int, after: int) -> tuple[Objects, int]:
        """Return the state that has a row, the newer one if both do, and the row."""
        return (self._after, after) if after >= 0 else (self._before, before)

    def _since(self, one: GrantDifference) -> str:
        side, row = self._newest(one.before, one.after)
        return side.told("bindings", "created", row)

    def _thing(self, one: GrantDifference) -> Thing:
        side, row = self._newest(one.before, one.after)
        return Thing(BINDING, side.told("bindings", "namespace", row), side.told("bindings", "name", row))

    def _name(self, one: GrantDifference) -> str:
        return self._named(self._thing(one))

    def _named(self, thing: Thing) -> str:
        if thing.object == GROUP:
            return f"group {thing.name}"
        word = {BINDING: "RoleBinding", ROLE: "Role"}[thing.object]
        return f"{'' if thing.namespace else 'Cluster'}{word} {thing.name}"


def _role(ref: Ref) -> str:
    return f"{ref[0]} {ref[1]}"


def _who(one: Identity) -> str:
    return f"{_SPELLED[one.kind]} {one.name}"


def _moved(*, joined: bool) -> str:
    return "added to" if joined else "removed from"


def _came_and_went(was: frozenset[Identity], now: frozenset[Identity]) -> list[str]:
    told = [f"{_list(map(_who, sorted(now - was)))} added"] if now - was else []
    return [*told, *([f"{_list(map(_who, sorted(was - now)))} removed"] if was - now else [])]


def _rights(bits: int) -> str:
    return _list(words for bit, words in _RIGHTS.items() if bits & bit)


def _list(names: Iterable[str]) -> str:
    every = list(names)
    more = len(every) - _NAMED
    if more > 0:
        return f"{', '.join(every[:_NAMED])} and {more} more"
    return " and ".join([part for part in (", ".join(every[:-1]), every[-1]) if part])
