"""The rights that lead to another identity, to more rights or to another image, and which of them a role gives.

The registry asks for none of these. Resource and subresource are asked apart here, as API servers ask for them, so a
rule `*/layers` covers `imagestreams/layers`: `audit.rbac.rules` has the registry's own questions, where it does not.
Source: docs/routes.md.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from functools import cache
from typing import Final, NamedTuple

import msgspec

from audit.snapshot.objects import Rule

CORE: Final = ""
_APPS, _BATCH, _RBAC = "apps", "batch", "rbac.authorization.k8s.io"
_OPENSHIFT_APPS, _OPENSHIFT_RBAC = "apps.openshift.io", "authorization.openshift.io"
_BUILD, _IMAGES, _USERS = "build.openshift.io", "image.openshift.io", "user.openshift.io"
_CERTIFICATES, _PROJECTS = "certificates.k8s.io", "project.openshift.io"


class NamesMean(Enum):
    """What `resourceNames` of a rule mean for a right."""

    LIMIT = "limit"  # the right is held for these objects only
    IGNORED = "ignored"  # whichever objects they are, the right leads to the same
    EXCLUDE = "exclude"  # the request carries no name, so a rule with names never covers it


class RouteRight(NamedTuple):
    """One right: any of `verbs` on any of `resources` of the API group. `name` is how reports call it."""

    name: str
    verbs: tuple[str, ...]
    group: str
    resources: tuple[str, ...]
    names: NamesMean = NamesMean.EXCLUDE
    cluster: bool = False  # of objects without a namespace: a RoleBinding never gives it


def _create(resource: str, group: str) -> RouteRight:
    return RouteRight(f"create {resource}", ("create",), group, (resource,))


def _at(name: str, verbs: str, group: str, *resources: str, cluster: bool = False) -> RouteRight:
    """Return a right on objects that exist; whichever they are."""
    return RouteRight(name, tuple(verbs.split()), group, resources, NamesMean.IGNORED, cluster)


def _for(name: str, verbs: str, group: str, *resources: str, cluster: bool = False) -> RouteRight:
    """Return a right that is held for the objects that a rule names, or for all."""
    return RouteRight(name, tuple(verbs.split()), group, resources, NamesMean.LIMIT, cluster)


_WORKLOADS: Final = (
    (_APPS, ("deployments", "statefulsets", "daemonsets", "replicasets")),
    (CORE, ("replicationcontrollers",)),
    (_BATCH, ("jobs", "cronjobs")),
    (_OPENSHIFT_APPS, ("deploymentconfigs",)),
)

ALL_RIGHTS: Final[tuple[RouteRight, ...]] = (
    _for("list secrets", "list watch", CORE, "secrets"),
    _for("get secrets", "get", CORE, "secrets"),
    # Answers with the secrets of the namespace, whatever the name in the request is.
    _at("get imagestreams/secrets", "get", _IMAGES, "imagestreams/secrets"),
    _for("create serviceaccounts/token", "create", CORE, "serviceaccounts/token"),
    _create("secrets", CORE),
    _for("impersonate serviceaccounts", "impersonate", CORE, "serviceaccounts"),
    _for("impersonate users", "impersonate", CORE, "users", cluster=True),
    _for("impersonate groups", "impersonate", CORE, "groups", cluster=True),
    _create("pods", CORE),
    *(_create(resource, group) for group, resources in _WORKLOADS for resource in resources),
    # The template of a job is fixed, and so is the account of a pod.
    *(
        _at(f"update {resource}", "update patch", group, resource)
        for group, resources in _WORKLOADS
        for resource in resources
        if resource != "jobs"
    ),
    _create("builds", _BUILD),
    _create("buildconfigs", _BUILD),
    _at("update buildconfigs", "update patch", _BUILD, "buildconfigs"),
    _at("create buildconfigs/instantiate", "create", _BUILD, "buildconfigs/instantiate"),
    _at("create buildconfigs/instantiatebinary", "create", _BUILD, "buildconfigs/instantiatebinary"),
    _at("create builds/clone", "create", _BUILD, "builds/clone"),
    RouteRight(
        "create builds of a strategy",
        ("create",),
        _BUILD,
        ("builds/docker", "builds/source", "builds/jenkinspipeline", "builds/custom", "builds/optimizeddocker"),
        NamesMean.IGNORED,
    ),
    _at("create pods/exec", "create get", CORE, "pods/exec"),
    _at("create pods/attach", "create get", CORE, "pods/attach"),
    _at("update pods/ephemeralcontainers", "update patch", CORE, "pods/ephemeralcontainers"),
    _at("update pods", "update patch", CORE, "pods"),
    _at("nodes/proxy", "get create", CORE, "nodes/proxy", cluster=True),
    _create("rolebindings", _RBAC),
    _for("update rolebindings", "update patch", _RBAC, "rolebindings"),
    _at("write rolebindings of authorization.openshift.io", "create update patch", _OPENSHIFT_RBAC, "rolebindings"),
    RouteRight("create clusterrolebindings", ("create",), _RBAC, ("clusterrolebindings",), cluster=True),
    _for("update clusterrolebindings", "update patch", _RBAC, "clusterrolebindings", cluster=True),
    _for("bind clusterroles", "bind", _RBAC, "clusterroles"),
    _for("bind roles", "bind", _RBAC, "roles"),
    _at("escalate roles", "escalate", _RBAC, "roles"),
    _at("escalate clusterroles", "escalate", _RBAC, "clusterroles"),
    _at("write roles", "create update patch", _RBAC, "roles"),
    _at("write clusterroles", "create update patch", _RBAC, "clusterroles", cluster=True),
    _for("update groups", "update patch", _USERS, "groups", cluster=True),
    RouteRight("create groups", ("create",), _USERS, ("groups",), cluster=True),
    _at(
        "write users",
        "create update patch",
        _USERS,
        "users",
        "identities",
        "useridentitymappings",
        cluster=True,
    ),
    RouteRight(
        "create certificatesigningrequests", ("create",), _CERTIFICATES, ("certificatesigningrequests",), cluster=True
    ),
    _at(
        "approve certificatesigningrequests",
        "update patch",
        _CERTIFICATES,
        "certificatesigningrequests/approval",
        cluster=True,
    ),
    _create("serviceaccounts", CORE),
    RouteRight("create projectrequests", ("create",), _PROJECTS, ("projectrequests",), cluster=True),
    RouteRight("create namespaces", ("create",), CORE, ("namespaces",), cluster=True),
    _create("imagestreammappings", _IMAGES),
    RouteRight("create imagestreamtags", ("create",), _IMAGES, ("imagestreamtags", "imagetags")),
    _for("update imagestreamtags", "update patch", _IMAGES, "imagestreamtags", "imagetags"),
    _for("update imagestreams", "update patch", _IMAGES, "imagestreams"),
    _create("imagestreamimports", _IMAGES),
    _for("get imagestreams/layers, asked apart", "get", _IMAGES, "imagestreams/layers"),
)
ALL: Final = (1 << len(ALL_RIGHTS)) - 1
_BITS: Final = {right.name: 1 << at for at, right in enumerate(ALL_RIGHTS)}


def bits(*names: str) -> int:
    """Return the bits of the rights of these names."""
    return sum(_BITS[name] for name in names)


CLUSTER_ONLY: Final = sum(1 << at for at, right in enumerate(ALL_RIGHTS) if right.cluster)


def names_of(rights: int) -> tuple[str, ...]:
    """Return the names of the rights among these bits."""
    return tuple(name for name, bit in _BITS.items() if rights & bit)


class RoleRights(NamedTuple):
    """What a role gives: rights on every object, and rights on single ones (bit, and name of the object)."""

    rights: int
    named: frozenset[tuple[int, str]]


NO_RIGHTS: Final = RoleRights(0, frozenset())
_RULES: Final = msgspec.json.Decoder(list[Rule])


@cache
def judge_rights(text: str) -> RoleRights:
    """Return what the rules in `text` (as a snapshot holds them) give."""
    return rights_of(_RULES.decode(text))


def rights_of(rules: Iterable[Rule]) -> RoleRights:
    """Return what `rules` give together: each right must be covered by a single rule."""
    rights, named = 0, set[tuple[int, str]]()
    for rule in rules:
        for at, right in enumerate(ALL_RIGHTS):
            if not _covers(rule, right):
                continue
            if (
                not rule.names
                or right.names is NamesMean.IGNORED
                or (right.names is NamesMean.EXCLUDE and "" in rule.names)
            ):
                rights |= 1 << at
            elif right.names is NamesMean.LIMIT:
                named |= {(1 << at, name) for name in rule.names if name}
    return RoleRights(rights, frozenset((bit, name) for bit, name in named if not rights & bit))


def _covers(rule: Rule, right: RouteRight) -> bool:
    return (
        _any_of(rule.verbs, right.verbs)
        and _any_of(rule.groups, (right.group,))
        and any(_covers_resource(rule.resources, resource) for resource in right.resources)
    )


def _any_of(words: Sequence[str] | None, wanted: Iterable[str]) -> bool:
    return words is not None and ("*" in words or any(word in words for word in wanted))


def _covers_resource(words: Sequence[str] | None, resource: str) -> bool:
    _, slash, subresource = resource.partition("/")
    return _any_of(words, (resource, f"*/{subresource}") if slash else (resource,))
