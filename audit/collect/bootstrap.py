"""What every cluster has by itself: by this, a list shows that it is incomplete.

Sources: `plugin/pkg/auth/authorizer/rbac/bootstrappolicy` of Kubernetes, which each API server applies when it starts,
`pkg/cmd/openshift-apiserver/bootstrap` of OpenShift, and the controllers that furnish each new namespace there.
"""

from collections.abc import Collection
from typing import Final

# Cluster roles of every Kubernetes.
KUBERNETES_ROLES: Final = ("admin", "cluster-admin", "edit", "view")
_OPENSHIFT_ROLES: Final = (
    *(f"registry-{name}" for name in ("admin", "editor", "viewer")),
    *(f"system:image-{name}" for name in ("builder", "puller", "pusher")),
)
BOOTSTRAP_ROLES: Final = (*KUBERNETES_ROLES, *_OPENSHIFT_ROLES)
# What OpenShift puts into every namespace with the account `builder`.
DEFAULT_BINDINGS: Final = ("system:deployers", "system:image-builders", "system:image-pullers")

_CONTROLLER: Final = "system:controller:"
_SCHEDULING: Final = ("system:kube-controller-manager", "system:kube-scheduler", "system:volume-scheduler")
_OPENSHIFT_SIGNS: Final = ("basic-users", "cluster-readers", "self-access-reviewers", "self-provisioners")
_LEADERS: Final = tuple(f"system::leader-locking-kube-{name}" for name in ("controller-manager", "scheduler"))
_CONTROLLERS: Final = tuple(f"{_CONTROLLER}{name}" for name in ("bootstrap-signer", "cloud-provider", "token-cleaner"))
_READER: Final = "extension-apiserver-authentication-reader"
# Roles, and bindings, of the namespaces that every cluster has.
_KUBERNETES: Final = {
    "roles": {"kube-system": (*_LEADERS, *_CONTROLLERS, _READER), "kube-public": _CONTROLLERS[:1]},
    "rolebindings": {"kube-system": (*_LEADERS, *_CONTROLLERS, f"system::{_READER}"), "kube-public": _CONTROLLERS[:1]},
}
_OPENSHIFT: Final = {
    "roles": {"openshift": ("shared-resource-viewer",), "openshift-node": ("system:node-config-reader",)},
    "rolebindings": {"openshift": ("shared-resource-viewers",), "openshift-node": ("system:node-config-reader",)},
}


def is_openshift(roles: Collection[str]) -> bool:
    """Return whether a cluster with cluster roles of these names is an OpenShift."""
    return any(name in roles for name in _OPENSHIFT_ROLES)


def started(names: Collection[str]) -> bool:
    """Return whether cluster roles, or cluster role bindings, of these names are those of an API server that started.

    Lists that were made for a test, or by hand, have none of its controllers.
    """
    return any(name.startswith(_CONTROLLER) for name in names)


def expected_bindings(roles: Collection[str], bindings: Collection[str]) -> tuple[set[str], set[str]]:
    """Return the cluster role bindings that must be there, and those of which one alone may have been removed."""
    known = roles or (_SCHEDULING if started(bindings) else ())
    must = {name for name in _SCHEDULING if name in known}
    if "system:webhook" in roles and any(name in bindings for name in _OPENSHIFT_SIGNS):
        must.add("system:webhooks")
    return must, {name for name in roles if name.startswith(_CONTROLLER)}


def expected_in_namespaces(kind: str, *, openshift: bool) -> dict[str, tuple[str, ...]]:
    """Return the roles, or role bindings (a plural), of the namespaces of every cluster that started."""
    return _KUBERNETES[kind] | (_OPENSHIFT[kind] if openshift else {})


def is_system(namespace: str) -> bool:
    """Return whether a namespace may be one that OpenShift does not furnish."""
    return namespace in {"default", "openshift"} or namespace.startswith(("kube-", "openshift-"))
