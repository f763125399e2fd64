"""The minimal rights of an auditor: every request of the program as a right, in roles that are granted separately."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from audit.snapshot.objects import DECLARED, KINDS, NEEDED, ZONES, Kind


class Right(NamedTuple):
    """A verb on a resource, on the object `name` of it, or on a non-resource `path`."""

    verb: str
    group: str = ""
    resource: str = ""
    name: str = ""
    path: str = ""


class RequiredRole(NamedTuple):
    """A ClusterRole, its rights, and remarks to read before it is granted."""

    role: str
    rights: tuple[Right, ...]
    remarks: tuple[str, ...]


def _list(*kinds: Kind) -> tuple[Right, ...]:
    return tuple(Right("list", kind.group, kind.resource or kind.plural) for kind in kinds)


_AUTHENTICATION: Final = "authentication.k8s.io"
_AUTHORIZATION: Final = "authorization.k8s.io"
READER: Final = RequiredRole(
    "registry-audit-reader",
    (
        *_list(*(KINDS[plural] for plural in (*NEEDED, "users"))),
        Right("create", _AUTHENTICATION, "selfsubjectreviews"),
        Right("create", _AUTHORIZATION, "selfsubjectaccessreviews"),
        Right("get", "user.openshift.io", "users", name="~"),
        Right("get", path="/version"),
    ),
    (
        "For every report: who is bound to which role where. It reads no secrets and changes nothing.",
        "Authenticated users usually have the last rules (who am I, what may I, the version) already.",
    ),
)
# Optional roles, by name on the command line.
OPTIONAL: Final[dict[str, RequiredRole]] = {
    "tokens": RequiredRole(
        "registry-audit-tokens",
        _list(KINDS["tokens"]),
        (
            "Tokens that do not expire, when they were created and last used (collect.tokens: true).",
            "The cost: `list` on secrets can read every secret of the cluster. registry-audit requests the metadata of",
            "token secrets only, but whoever has these credentials can read more.",
        ),
    ),
    "pods": RequiredRole(
        "registry-audit-pods",
        _list(KINDS["pods"]),
        (
            "Which images run, by which account and with which pull secrets (collect.pods: true).",
            "The cost: its holder can read the whole specification of every pod, values of variables included.",
        ),
    ),
    "builds": RequiredRole(
        "registry-audit-builds",
        _list(KINDS["builds"]),
        (
            "Which account built and pushed which image, and when (collect.builds: true).",
            "The cost: its holder can read the specification of every build, values of variables included.",
        ),
    ),
    "verify": RequiredRole(
        "registry-audit-verifier",
        (Right("create", _AUTHORIZATION, "subjectaccessreviews"),),
        (
            "Lets `verify` compare the tables with access reviews of the cluster (run --verify).",
            "The cost: its holder can review the access of anybody. It changes nothing and gives no access.",
        ),
    ),
    "subjects": RequiredRole(
        "registry-audit-subjects",
        (
            Right("create", "authorization.openshift.io", "resourceaccessreviews"),
            # openshift-apiserver asks for this one too, in the namespace of the question and in the core group.
            Right("create", "", "localresourceaccessreviews"),
        ),
        (
            "Lets `verify --subjects` compare whole lists of subjects with those of OpenShift.",
            "The cost: its holder can list who may do anything. It changes nothing and gives no access.",
        ),
    ),
}
# For the cluster of the control API, not for a zone.
CONTROL_API: Final = RequiredRole(
    "registry-audit-control-api",
    _list(ZONES, *(KINDS[plural] for plural in DECLARED)),
    (
        "Grant it in the APPUiO control API, not in a zone (zones_from.control_api): the list of zones, and",
        "the members of organizations and teams (not needed with control_api.organizations: false).",
        "The cost: its holder can see the members of every organization.",
    ),
)
REQUIRED_ROLES: Final = {**OPTIONAL, "control-api": CONTROL_API}
# What a report cannot say without each right.
UNKNOWN_WITHOUT: Final = {
    "namespaces": "which namespaces exist beside those with a binding, and to whom they belong",
    "clusterroles": "what cluster roles grant, and with it most access",
    "clusterrolebindings": "who has access in every namespace",
    "roles": "what the roles of a namespace grant",
    "rolebindings": "who has access in a namespace",
    "groups": "who is in a group",
    "serviceaccounts": "whether a service account exists",
    "imagestreams": "which repositories exist, and when they were last pushed to",
    "users": "whether a user still has an account",
    "tokens": "which tokens do not expire, and when they were last used",
    "pods": "which workloads run which images",
    "builds": "which builds pushed which images",
    "verify": "whether access reviews of the cluster agree with the tables",
    "subjects": "whether the cluster lists the same subjects",
}
# What every authenticated user has on OpenShift.
EVERYBODY: Final = (Right("list", "project.openshift.io", "projects"),)


def manifest(parts: Iterable[str] = ()) -> str:
    """Return the ClusterRoles for reading a zone, and those of `parts` (keys of REQUIRED_ROLES), as YAML."""
    selected = [*dict.fromkeys(parts)]
    documents = [_role(READER), *(_role(REQUIRED_ROLES[name]) for name in selected)]
    rest = [f"# Optional, add it using --with {name}" for name in REQUIRED_ROLES if name not in selected]
    return "\n".join(["---\n".join(documents) + "# Bind it: oc adm policy add-cluster-role-to-user ROLE USER", *rest])


def _role(part: RequiredRole) -> str:
    head = [
        *(f"# {remark}" for remark in part.remarks),
        "apiVersion: rbac.authorization.k8s.io/v1",
        "kind: ClusterRole",
    ]
    rules = [line for verb_and_group in _grouped(part.rights) for line in _rule(verb_and_group)]
    return "\n".join([*head, f"metadata:\n  name: {part.role}", "rules:", *rules]) + "\n"


def _grouped(rights: Sequence[Right]) -> list[list[Right]]:
    """Return the rights grouped by verb, group and name: each list fits into one rule."""

    def key(right: Right) -> tuple[str, str, str, str]:
        return right.verb, right.group, right.name, right.path

    return [list(together) for _, together in groupby(sorted(rights, key=key, reverse=True), key)]


def _rule(rights: Sequence[Right]) -> list[str]:
    first = rights[0]
    if first.path:
        return [f"  - nonResourceURLs: [{first.path}]", f"    verbs: [{first.verb}]"]
    names = [f'    resourceNames: ["{first.name}"]'] if first.name else []
    resources = ", ".join(sorted(right.resource for right in rights))
    return [f'  - apiGroups: ["{first.group}"]', f"    resources: [{resources}]", *names, f"    verbs: [{first.verb}]"]
