"""The kinds that are read of a zone, and how the API server wraps their objects."""

from typing import Any, NamedTuple

Object = dict[str, Any]


class Kind(NamedTuple):
    """One kind of object and where it is served."""

    plural: str
    name: str
    api_version: str
    namespaced: bool = True
    world: str = ""  # the list of a world that holds its objects, when it is not the plural

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    @property
    def prefix(self) -> str:
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"

    @property
    def held_in(self) -> str:
        return self.world or self.plural


_RBAC = "rbac.authorization.k8s.io/v1"

KINDS = {
    kind.plural: kind
    for kind in (
        Kind("pods", "Pod", "v1"),
        Kind("builds", "Build", "build.openshift.io/v1"),
        Kind("namespaces", "Namespace", "v1", namespaced=False),
        Kind("serviceaccounts", "ServiceAccount", "v1"),
        Kind("secrets", "Secret", "v1"),
        Kind("clusterroles", "ClusterRole", _RBAC, namespaced=False),
        Kind("clusterrolebindings", "ClusterRoleBinding", _RBAC, namespaced=False),
        Kind("roles", "Role", _RBAC),
        Kind("rolebindings", "RoleBinding", _RBAC),
        Kind("groups", "Group", "user.openshift.io/v1", namespaced=False),
        Kind("users", "User", "user.openshift.io/v1", namespaced=False),
        Kind("imagestreams", "ImageStream", "image.openshift.io/v1"),
        Kind("projects", "Project", "project.openshift.io/v1", namespaced=False, world="namespaces"),
        Kind("zones", "Zone", "appuio.io/v1", namespaced=False),
        Kind("organizationmembers", "OrganizationMembers", "appuio.io/v1"),
        Kind("teams", "Team", "appuio.io/v1"),
    )
}

# What a plain Kubernetes does not serve; recorded of kube-apiserver 1.36, which answers 404 in plain text.
OPENSHIFT_ONLY = frozenset({"groups", "imagestreams", "users"})


def as_list(kind: Kind, items: list[Object], **metadata: Any) -> Object:
    """A LIST as the API server answers it: its items do not repeat the kind."""
    return {"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": metadata, "items": items}
