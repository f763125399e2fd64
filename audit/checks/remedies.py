"""Commands that resolve findings; every name in them is quoted for a shell."""

import json
import re
import shlex
from bisect import bisect_left
from functools import cache, lru_cache
from itertools import product
from typing import Final

import numpy as np

from audit.checks.bindings import EVERY, DirectGrant
from audit.rbac.subjects import ACCOUNT, ACCOUNT_PREFIX, GROUP, USER, identity
from audit.snapshot.model import Snapshot

# `oc adm policy` matches subjects only as it spells them itself; any other spelling needs a patch.
REMOVE_USER: Final = "oc adm policy remove-role-from-user -n {namespace} --rolebinding-name={binding} -- {role} {user}"
REMOVE_GROUP: Final = (
    "oc adm policy remove-role-from-group -n {namespace} --rolebinding-name={binding} -- {role} {group}"
)
REMOVE_USER_EVERYWHERE: Final = (
    "oc adm policy remove-cluster-role-from-user --rolebinding-name={binding} -- {role} {user}"
)
REMOVE_GROUP_EVERYWHERE: Final = (
    "oc adm policy remove-cluster-role-from-group --rolebinding-name={binding} -- {role} {group}"
)
DELETE_BINDING: Final = "oc delete rolebinding -n {namespace} -- {binding}"
DELETE_CLUSTER_BINDING: Final = "oc delete clusterrolebinding -- {binding}"
PATCH_BINDING: Final = "oc patch rolebinding -n {namespace} --type=merge -p {patch} -- {binding}"
PATCH_CLUSTER_BINDING: Final = "oc patch clusterrolebinding --type=merge -p {patch} -- {binding}"
OF_A_ROLE: Final = "--role-namespace={namespace}"
ADD_ROLE: Final = "oc adm policy add-role-to-user -n {namespace} -- {role} {user}"
DELETE_SECRET: Final = "oc delete secret -n {namespace} -- {secret}"  # noqa: S105  a command
DELETE_STREAM: Final = "oc delete imagestream -n {namespace} -- {repository}"
ADD_LOCAL_ROLE: Final = f"oc adm policy add-role-to-user -n {{namespace}} {OF_A_ROLE} -- {{role}} {{user}}"
CREATE_ROLE: Final = (
    "oc create role -n {namespace} {role} --verb=get,update --resource=imagestreams.image.openshift.io/layers"
)
EDIT_ROLE: Final = "oc edit clusterrole -- {role}"
EDIT_LOCAL_ROLE: Final = "oc edit role -n {namespace} -- {role}"
UNLABEL_ROLE: Final = "oc label clusterrole {role} {label}-"
LABEL_NAMESPACE: Final = "oc label namespace {namespace} {label}=ORGANIZATION"
LEAVE_GROUP: Final = "oc adm groups remove-users -- {group} {user}"
CREATE_LOGIN_ROLE: Final = (
    "oc create clusterrole registry-login --verb=create "
    "--resource=selfsubjectreviews.authentication.k8s.io,selfsubjectaccessreviews.authorization.k8s.io"
)
ALLOW_LOGIN: Final = "oc adm policy add-cluster-role-to-group {role} system:authenticated"
TAKE_AWAY: Final = (REMOVE_USER, REMOVE_GROUP, REMOVE_USER_EVERYWHERE, REMOVE_GROUP_EVERYWHERE)

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_RBAC: Final = "rbac.authorization.k8s.io"


@lru_cache(maxsize=1 << 16)  # the same names are in thousands of commands
def quoted(text: str) -> str:
    """Return `text` as one shell word; control characters are escaped, so that a command stays one line."""
    if not _CONTROL.search(text):
        return shlex.quote(text)
    plain = text.replace("\\", "\\\\").replace("'", "\\'")
    # As bytes: what `\\u` means to a shell depends on its locale.
    return "$'" + _CONTROL.sub(lambda match: "".join(f"\\x{byte:02x}" for byte in match.group().encode()), plain) + "'"


def fill(template: str, **names: str) -> str:
    """Return a command with its names filled in, each quoted."""
    # Only a name that looks like an option needs `--` before it.
    for text in names.values():
        if text[:1] == "-":
            break
    else:
        template = _plain(template)
    return template.format_map({name: quoted(text) for name, text in names.items()})


@cache
def _plain(template: str) -> str:
    return template.replace(" -- ", " ")


@cache
def removal_template(binding_kind: str, role_kind: str, subject_kind: str) -> str:
    """Return the command that takes a subject out of a binding of this kind, as a template for `fill`.

    Its names are {namespace} (of a RoleBinding), {binding}, {role}, and {user} or {group}. The user of a service
    account is `system:serviceaccount:NAMESPACE:NAME`.
    """
    if binding_kind == "ClusterRoleBinding":
        return REMOVE_GROUP_EVERYWHERE if subject_kind == GROUP else REMOVE_USER_EVERYWHERE
    template = REMOVE_GROUP if subject_kind == GROUP else REMOVE_USER
    # Without the option, the command looks for the ClusterRole of that name.
    return template.replace(" -- ", f" {OF_A_ROLE} -- ") if role_kind == "Role" else template


def removal_templates() -> dict[str, str]:
    """Return `removal_template` by `BINDING_KIND ROLE_KIND SUBJECT_KIND`: the page fills them as `fill` does."""
    kinds = product(("RoleBinding", "ClusterRoleBinding"), ("Role", "ClusterRole"), (USER, GROUP, ACCOUNT))
    return {" ".join(kind): removal_template(*kind) for kind in kinds}


class RemovalCommands:
    """The commands that remove one subject from a binding, by how the binding spells its subjects."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        bindings = snapshot.tables["bindings"]
        self._size = max(len(snapshot.strings), 1)
        self._keys: list[int] = (bindings["namespace"].astype(np.int64) * self._size + bindings["name"]).tolist()
        self._bindings: list[int] = snapshot.tables["subjects"]["binding"].tolist()
        self._unusual = self._with_unusual_subjects()

    def take_away(self, bound: DirectGrant) -> tuple[str, ...]:
        """Return the command that removes this subject, and nobody else, from its binding."""
        if (bound.namespace, bound.binding) not in self._unusual:
            return (_policy(bound),)
        subjects = self._subjects(bound)
        others = [subject for subject in subjects if not _is(subject, bound)]
        names = {"binding": bound.binding} | ({} if bound.namespace == EVERY else {"namespace": bound.namespace})
        wide = bound.namespace == EVERY
        if all(_usual(subject) for subject in subjects if _is(subject, bound)):
            return (_policy(bound),)
        if not others:
            return (fill(DELETE_CLUSTER_BINDING if wide else DELETE_BINDING, **names),)
        patch = json.dumps({"subjects": [_subject(*subject) for subject in others]}, ensure_ascii=True)
        return (fill(PATCH_CLUSTER_BINDING if wide else PATCH_BINDING, patch=patch, **names),)

    def has(self, namespace: str, binding: str) -> bool:
        """Return whether there is a binding of this name; the namespace of a ClusterRoleBinding is `*`."""
        low, high = self._rows(namespace, binding)
        return low < high

    def subjects_of(self, namespace: str, binding: str) -> list[DirectGrant]:
        """Return each subject of a binding once, for `take_away`."""
        row, _ = self._rows(namespace, binding)
        text, table = self._snapshot.strings, self._snapshot.tables["bindings"]
        kind = "ClusterRoleBinding" if namespace == EVERY else "RoleBinding"
        role = text[int(table["role_kind"][row])], text[int(table["role"][row])]
        empty = DirectGrant(namespace, "", "", kind, binding, *role, "", EVERY, 1)
        named = (identity(one, space or own, name) for one, space, name, own in self._subjects(empty))
        return [empty._replace(kind=who.kind, subject=who.name) for who in dict.fromkeys(named) if who]

    def _rows(self, namespace: str, binding: str) -> tuple[int, int]:
        """Return the first row of the binding table with this name, and the first after it."""
        space, name = self._snapshot.code("" if namespace == EVERY else namespace), self._snapshot.code(binding)
        if space < 0 or name < 0:
            return 0, 0
        key = space * self._size + name
        return bisect_left(self._keys, key), bisect_left(self._keys, key + 1)

    def _with_unusual_subjects(self) -> set[tuple[str, str]]:
        """Return namespace and name of each binding with a subject that `oc adm policy` may not match."""
        text, tables = self._snapshot.strings, self._snapshot.tables
        subjects, bindings = tables["subjects"], tables["bindings"]
        kind, name = subjects["kind"], subjects["name"]
        user, group, account = map(self._snapshot.code, (USER, GROUP, ACCOUNT))
        # Texts are sorted: those with the prefix follow each other.
        first, end = bisect_left(text, ACCOUNT_PREFIX), bisect_left(text, ACCOUNT_PREFIX[:-1] + ";")
        unusual = (kind == user) & (name >= first) & (name < end)
        unusual |= (kind == account) & (subjects["namespace"] == 0)
        unusual |= ~np.isin(kind, [user, group, account])
        rows = np.unique(subjects["binding"][unusual])
        places = zip(bindings["namespace"][rows].tolist(), bindings["name"][rows].tolist(), strict=True)
        return {(text[namespace] or EVERY, text[binding]) for namespace, binding in places}

    def _subjects(self, bound: DirectGrant) -> list[tuple[str, str, str, str]]:
        """Return kind, namespace and name of each subject as spelled, and the namespace that the binding lies in."""
        snapshot = self._snapshot
        namespace = "" if bound.namespace == EVERY else bound.namespace
        key = snapshot.code(namespace) * self._size + snapshot.code(bound.binding)
        low, high = bisect_left(self._keys, key), bisect_left(self._keys, key + 1)
        table = snapshot.tables["subjects"]
        first, end = bisect_left(self._bindings, low), bisect_left(self._bindings, high)
        text = snapshot.strings
        columns = (table[name][first:end].tolist() for name in ("kind", "namespace", "name"))
        return [(text[k], text[ns], text[name], namespace) for k, ns, name in zip(*columns, strict=True)]


def _is(subject: tuple[str, str, str, str], bound: DirectGrant) -> bool:
    kind, namespace, name, of_binding = subject
    found = identity(kind, namespace or of_binding, name)
    return found is not None and (found.kind, found.name) == (bound.kind, bound.subject)


def _usual(subject: tuple[str, str, str, str]) -> bool:
    """Return whether `oc adm policy` matches a subject in this spelling."""
    kind, namespace, name, of_binding = subject
    if kind == ACCOUNT:
        return bool(namespace)
    found = identity(kind, namespace or of_binding, name)
    return found is not None and found.kind == kind


def _policy(bound: DirectGrant) -> str:
    """Return `removal_template`, filled as `fill` does: there are tens of thousands of these."""
    namespace, kind, subject, binding_kind, binding, role_kind, role, *_ = bound
    name = f"{ACCOUNT_PREFIX}{subject}" if kind == ACCOUNT else subject
    template = _by_position(removal_template(binding_kind, role_kind, kind))
    if "-" not in (namespace[:1], binding[:1], role[:1], name[:1]):
        template = _plain(template)
    return template.format(quoted(namespace), quoted(binding), quoted(role), quoted(name))


@cache
def _by_position(template: str) -> str:
    for at, names in enumerate((("namespace",), ("binding",), ("role",), ("user", "group"))):
        for name in names:
            template = template.replace(f"{{{name}}}", f"{{{at}}}")
    return template


def _subject(kind: str, namespace: str, name: str, _of_binding: str) -> dict[str, str]:
    found = {"kind": kind, "name": name}
    if kind in {USER, GROUP}:
        found["apiGroup"] = _RBAC
    if namespace:
        found["namespace"] = namespace
    return found
