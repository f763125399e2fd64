"""A second, deliberately naive reading of RBAC: plain objects, plain loops, nothing shared with the product.

Source: docs/registry-access.md and the Kubernetes RBAC authorizer. It is slow, and right wherever a real API
server was asked (`tests/data/golden-mini`); the product is tested against it on random worlds.
"""

from collections.abc import Iterable, Iterator
from typing import Any

Object = dict[str, Any]
World = dict[str, list[Object]]

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
OAUTH = "system:authenticated:oauth"
UNAUTHENTICATED = "system:unauthenticated"
ACCOUNTS = "system:serviceaccounts"
ANONYMOUS = "system:anonymous"
ACCOUNT_PREFIX = "system:serviceaccount:"
IMAGES = "image.openshift.io"
LAYERS = "imagestreams/layers"
ACTIONS = ("pull", "push", "create")
BOOTSTRAP = {"system:basic-user", "system:discovery", "system:public-info-viewer", "system:node"}


def account_of(username: str) -> tuple[str, str] | None:
    """Namespace and name of the service account that a user name spells, if it spells one."""
    if not username.startswith(ACCOUNT_PREFIX):
        return None
    namespace, colon, name = username.removeprefix(ACCOUNT_PREFIX).partition(":")
    return (namespace, name) if colon and namespace and name and ":" not in name else None


def groups_of(world: World, username: str) -> list[str]:
    """Every group of a caller, each once: those of Group objects (for people only) and the virtual ones."""
    if username == ANONYMOUS:
        return [UNAUTHENTICATED]
    account = account_of(username)
    if account is not None:
        return [ACCOUNTS, f"{ACCOUNTS}:{account[0]}", AUTHENTICATED]
    named = [group["metadata"]["name"] for group in world.get("groups") or [] if username in (group.get("users") or [])]
    return list(dict.fromkeys([*named, OAUTH, AUTHENTICATED]))


def allowed(  # noqa: PLR0917 - one argument for each field of an access review
    world: World,
    user: str,
    groups: Iterable[str],
    verb: str,
    api_group: str,
    resource: str,
    namespace: str,
    name: str,
    subresource: str = "",
) -> bool:
    """The API server's answer to one access review; namespace `""` asks cluster-wide.

    `resource` is one word, slash and all, as the registry sends it. Only a question that sends its `subresource`
    apart can be covered by `*/<subresource>`.
    """
    caller_groups = set(groups)
    if MASTERS in caller_groups:
        return True
    for rule in _rules_of(world, user, caller_groups, namespace):
        if (
            _holds(rule.get("verbs"), verb)
            and _holds(rule.get("apiGroups"), api_group)
            and _covers(rule.get("resources"), resource, subresource)
            and (not rule.get("resourceNames") or name in rule["resourceNames"])
        ):
            return True
    return False


def _holds(listed: list[str] | None, asked: str) -> bool:
    return listed is not None and ("*" in listed or asked in listed)


def _covers(listed: list[str] | None, resource: str, subresource: str) -> bool:
    if not subresource:
        return _holds(listed, resource)
    return _holds(listed, f"{resource}/{subresource}") or f"*/{subresource}" in (listed or [])


def _rules_of(world: World, user: str, groups: set[str], namespace: str) -> Iterator[Object]:
    """Every rule that some binding gives to this caller for this namespace."""
    for binding in world.get("clusterrolebindings") or []:
        if any(_is(subject, "", user, groups) for subject in binding.get("subjects") or []):
            yield from _rules_behind(world, binding["roleRef"], "")
    for binding in world.get("rolebindings") or []:
        own = binding["metadata"]["namespace"]
        if own == namespace and any(_is(subject, own, user, groups) for subject in binding.get("subjects") or []):
            yield from _rules_behind(world, binding["roleRef"], own)


def _is(subject: Object, binding_namespace: str, user: str, groups: set[str]) -> bool:
    if subject["kind"] == "User":
        return bool(subject["name"] == user)
    if subject["kind"] == "Group":
        return subject["name"] in groups
    if subject["kind"] == "ServiceAccount":
        namespace = subject.get("namespace") or binding_namespace
        return bool(namespace) and user == f"{ACCOUNT_PREFIX}{namespace}:{subject['name']}"
    return False


def _rules_behind(world: World, role_ref: Object, namespace: str) -> list[Object]:
    if role_ref["kind"] == "ClusterRole":
        for role in world.get("clusterroles") or []:
            if role["metadata"]["name"] == role_ref["name"]:
                return role.get("rules") or []
    if role_ref["kind"] == "Role":
        for role in world.get("roles") or []:
            if role["metadata"]["namespace"] == namespace and role["metadata"]["name"] == role_ref["name"]:
                return role.get("rules") or []
    return []


def caller_of(world: World, subject_kind: str, subject: str) -> tuple[str, list[str]]:
    """User name and groups to ask with, for a subject; a group asks as a nameless member with what all members have."""
    if subject_kind == "User":
        return subject, groups_of(world, subject)
    if subject_kind == "ServiceAccount":
        return ACCOUNT_PREFIX + subject, groups_of(world, ACCOUNT_PREFIX + subject)
    if subject_kind == "Group":
        return "", _groups_with(subject)
    raise ValueError(f"no such kind of subject: {subject_kind}")


def _groups_with(group: str) -> list[str]:
    """The groups that every member of a group is certain to have."""
    if group in (AUTHENTICATED, UNAUTHENTICATED):
        return [group]
    if group.startswith(f"{ACCOUNTS}:"):
        return [group, ACCOUNTS, AUTHENTICATED]
    return [group, AUTHENTICATED]


def logins_recorded(world: World) -> bool:
    """Whether the world says who may log in: it has bindings that every API server makes, and their roles."""
    names = {binding["metadata"]["name"] for binding in world.get("clusterrolebindings") or []}
    roles = {role["metadata"]["name"] for role in world.get("clusterroles") or []}
    for binding in world.get("clusterrolebindings") or []:
        to_all = any(_is(subject, "", "", {AUTHENTICATED}) for subject in binding.get("subjects") or [])
        if to_all and binding["roleRef"]["name"] in BOOTSTRAP - roles and not BOOTSTRAP & roles:
            return False
    return bool(BOOTSTRAP & names)


def logged_in(world: World, user: str, groups: list[str]) -> tuple[str, list[str]] | None:
    """As whom the registry asks for this caller; None when it refuses the caller altogether."""
    if user == ANONYMOUS or UNAUTHENTICATED in groups or not logins_recorded(world):
        return user, groups

    def may_create(group: str, resource: str) -> bool:
        return allowed(world, user, groups, "create", group, resource, "", "")

    if not may_create("authentication.k8s.io", "selfsubjectreviews"):
        return None
    if not may_create("authorization.k8s.io", "selfsubjectaccessreviews"):
        return ANONYMOUS, [UNAUTHENTICATED]
    return user, groups


def can(  # noqa: PLR0917 - a question, and whether its caller must log in
    world: World,
    subject_kind: str,
    subject: str,
    action: str,
    namespace: str,
    repository: str,
    login: bool = True,
) -> bool:
    """Whether a User, Group or ServiceAccount ("ns:name") may pull, push, or push what does not exist yet (create)."""
    caller = caller_of(world, subject_kind, subject)
    served = logged_in(world, *caller) if login else caller
    if served is None:
        return False
    user, groups = served

    def may(verb: str, resource: str, name: str) -> bool:
        return allowed(world, user, groups, verb, IMAGES, resource, namespace, name)

    if action == "pull":
        return may("get", LAYERS, repository)
    if action == "push":
        return may("update", LAYERS, repository) and may("get", LAYERS, repository)
    if action == "create":
        return all(may(verb, LAYERS, repository) for verb in ("get", "update")) and may("create", "imagestreams", "")
    raise ValueError(f"no such action: {action}")
