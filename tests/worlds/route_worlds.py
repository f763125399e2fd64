"""Small random worlds in which there are routes: every right that leads further, in every scope."""

from random import Random
from typing import Any

from tests.worlds.plain_rbac import World
from tests.worlds.random_zones import furnished

NAMESPACES = ("a", "b", "c")
REPOSITORIES = ("app-0", "app-1")
_PEOPLE = ("alice", "bob", "carol")
_GROUPS = ("org-1", "org-1+ops", "nobody-in")
_ACCOUNTS = ("ci", "builder")
_IMAGES, _RBAC, _BUILD = "image.openshift.io", "rbac.authorization.k8s.io", "build.openshift.io"
_NAMES = (
    ["ci"],
    ["app-0"],
    ["app-0:latest"],
    ["ci-token"],
    ["org-1"],
    ["role-0"],
    ["role-1"],
    ["alice"],
    ["binding-1"],
)

# Verbs, group and resources of rules; each is taken whole, with names, or with a wildcard in place of a word.
_RULES: tuple[tuple[str, str, str], ...] = (
    *((("get", _IMAGES, "imagestreams/layers"),) * 4),
    *((("get update", _IMAGES, "imagestreams/layers"),) * 4),
    ("update", _IMAGES, "imagestreams/layers"),
    ("create", _IMAGES, "imagestreams"),
    ("get update", _IMAGES, "*/layers"),
    ("get", "", "secrets"),
    ("list", "", "secrets"),
    ("create", "", "secrets"),
    ("get", _IMAGES, "imagestreams/secrets"),
    ("create", "", "serviceaccounts/token"),
    ("create", "", "serviceaccounts"),
    ("impersonate", "", "serviceaccounts"),
    ("impersonate", "", "users"),
    ("impersonate", "", "groups"),
    ("create", "", "pods"),
    ("create", "apps", "deployments"),
    ("create", "", "deployments"),
    ("patch", "batch", "cronjobs"),
    ("patch", "batch", "jobs"),
    ("create", _BUILD, "builds"),
    ("create", _BUILD, "builds/docker"),
    ("create", _BUILD, "buildconfigs/instantiate"),
    ("create", "", "pods/exec"),
    ("patch", "", "pods"),
    ("get", "", "nodes/proxy"),
    ("create", _RBAC, "rolebindings"),
    ("update", _RBAC, "rolebindings"),
    ("create", "authorization.openshift.io", "rolebindings"),
    ("create", _RBAC, "clusterrolebindings"),
    ("bind", _RBAC, "clusterroles"),
    ("bind", _RBAC, "roles"),
    ("escalate", _RBAC, "roles"),
    ("create", _RBAC, "roles"),
    ("update", "user.openshift.io", "groups"),
    ("create", "user.openshift.io", "groups"),
    ("update", "user.openshift.io", "users"),
    ("create", "project.openshift.io", "projectrequests"),
    ("create", _IMAGES, "imagestreammappings"),
    ("create", _IMAGES, "imagestreamtags"),
    ("update", _IMAGES, "imagestreamtags"),
    ("patch", _IMAGES, "imagestreams"),
    ("create", _IMAGES, "imagestreamimports"),
)


def route_world(seed: int) -> World:
    """The same world for the same seed, always."""
    rng = Random(seed)
    spaces = list(NAMESPACES[: rng.randint(2, 3)])
    world: World = {
        "namespaces": [route_object(name) for name in spaces],
        "serviceaccounts": [route_object(name, space) for space in spaces for name in _ACCOUNTS if rng.random() < 0.6],
        "imagestreams": [route_object("app-0", space) for space in spaces],
        "groups": [
            {**route_object(name), "users": rng.sample(_PEOPLE, rng.randint(0, 2))}
            for name in _GROUPS
            if rng.random() < 0.6
        ],
        "clusterroles": [],
        "roles": [],
        "clusterrolebindings": [],
        "rolebindings": [],
        "users": [],
    }
    for number in range(rng.randint(2, 6)):
        local = rng.choice(spaces) if rng.random() < 0.3 else ""
        rules = [_rule(rng) for _ in range(rng.randint(1, 3))]
        world["roles" if local else "clusterroles"].append({**route_object(f"role-{number}", local), "rules": rules})
    for number in range(rng.randint(2, 8)):
        _bind(rng, world, spaces, number)
    return furnished(world)


def route_object(name: str, namespace: str = "") -> dict[str, Any]:
    """Return the metadata of an object, as a server lists it."""
    place = {"namespace": namespace} if namespace else {}
    return {"metadata": {"name": name, "creationTimestamp": "2026-01-01T00:00:00Z", "uid": "", **place}}


def _rule(rng: Random) -> dict[str, Any]:
    verbs, group, resource = rng.choice(_RULES)
    rule: dict[str, Any] = {"verbs": verbs.split(), "apiGroups": [group], "resources": [resource]}
    if rng.random() < 0.03:
        rule[rng.choice(("verbs", "apiGroups", "resources"))] = ["*"]
    if rng.random() < 0.25:
        rule["resourceNames"] = rng.choice(_NAMES)
    return rule


def _bind(rng: Random, world: World, spaces: list[str], number: int) -> None:
    space = rng.choice(spaces) if rng.random() < 0.75 else ""
    roles = [("ClusterRole", one["metadata"]["name"]) for one in world["clusterroles"]]
    roles += [("Role", one["metadata"]["name"]) for one in world["roles"] if space == one["metadata"]["namespace"]]
    kind, name = rng.choice(roles) if roles else ("ClusterRole", "missing")
    subjects = [_subject(rng, spaces) for _ in range(rng.randint(1, 2))]
    reference = {"apiGroup": _RBAC, "kind": kind, "name": name}
    binding = {**route_object(f"binding-{number}", space), "roleRef": reference, "subjects": subjects}
    world["rolebindings" if space else "clusterrolebindings"].append(binding)


def _subject(rng: Random, spaces: list[str]) -> dict[str, str]:
    chance = rng.random()
    if chance < 0.35:
        return {"kind": "User", "name": rng.choice(_PEOPLE)}
    if chance < 0.55:
        return {"kind": "Group", "name": rng.choice((*_GROUPS, "system:authenticated", "system:serviceaccounts"))}
    space = rng.choice((*spaces, "gone") if chance > 0.95 else spaces)
    if chance < 0.62:
        return {"kind": "Group", "name": f"system:serviceaccounts:{space}"}
    return {"kind": "ServiceAccount", "namespace": space, "name": rng.choice((*_ACCOUNTS, "default"))}
