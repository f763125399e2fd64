"""The least rights of an auditor: every request that the program makes, as a right, in parts to be granted apart."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from audit.snapshot.objects import DECLARED, KINDS, NEEDED, ZONES, Kind


class Right(NamedTuple):
    """One thing that may be asked: a verb on a resource, on the object `name` alone, or on a `path` that is none."""

    verb: str
    group: str = ""
    resource: str = ""
    name: str = ""
    path: str = ""


class RequiredRole(NamedTuple):
    """Rights that belong together, the ClusterRole that holds them, and what is to be known before it is granted."""

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
        "What every report is made of: who is bound to which role where. Reads no secret and changes nothing.",
        "The last rules (who am I, what may I, the version) everybody who is logged in usually has already.",
    ),
)
# What can be granted beside it, by its name on the command line.
OPTIONAL: Final[dict[str, RequiredRole]] = {
    "tokens": RequiredRole(
        "registry-audit-tokens",
        _list(KINDS["tokens"]),
        (
            "Tokens without an end, when they were made and last used (collect.tokens: true).",
            "The cost: `list` on secrets can read every secret of the cluster. registry-audit asks for the metadata of",
            "token secrets only, but whoever holds these credentials is not bound by that.",
        ),
    ),
    "verify": RequiredRole(
        "registry-audit-verifier",
        (Right("create", _AUTHORIZATION, "subjectaccessreviews"),),
        (
            "Lets `verify` ask the cluster whether somebody may do something, and compare (run --verify).",
            "The cost: its holder can ask this about anybody. It changes nothing and gives no access.",
        ),
    ),
    "subjects": RequiredRole(
        "registry-audit-subjects",
        (Right("create", "authorization.openshift.io", "resourceaccessreviews"),),
        (
            "Lets `verify --subjects` ask OpenShift who may do something, and compare whole lists.",
            "The cost: its holder can ask who may do anything at all. It changes nothing and gives no access.",
        ),
    ),
}
# This one is for the control API's own cluster, and not for a zone.
CONTROL_API: Final = RequiredRole(
    "registry-audit-control-api",
    _list(ZONES, *(KINDS[plural] for plural in DECLARED)),
    (
        "To be granted in the APPUiO control API, not in a zone (zones_from.control_api): which zones there are, and",
        "who belongs to which organization and team (not needed with control_api.organizations: false).",
        "The cost: its holder can see the members of every organization.",
    ),
)
REQUIRED_ROLES: Final = {**OPTIONAL, "control-api": CONTROL_API}
# What a report does not know when something may not be listed or asked.
UNKNOWN_WITHOUT: Final = {
    "namespaces": "which namespaces there are beside those with a binding, and whose they are",
    "clusterroles": "what cluster roles give, and with them most access",
    "clusterrolebindings": "who has access in every namespace",
    "roles": "what the roles of a namespace give",
    "rolebindings": "who has access in a namespace",
    "groups": "who is in a group",
    "serviceaccounts": "whether a service account exists",
    "imagestreams": "which repositories there are, and when they were last pushed to",
    "users": "whether a user's account is gone",
    "tokens": "which tokens never end, and when they were last used",
    "verify": "whether the cluster answers as the tables do",
    "subjects": "whether the cluster lists the same subjects",
}
# Everybody who is logged in has these on OpenShift: what an ordinary user reads by.
EVERYBODY: Final = (Right("list", "project.openshift.io", "projects"),)


def manifest(parts: Iterable[str] = ()) -> str:
    """Return the ClusterRoles to read a zone with, and those of `parts` (keys of REQUIRED_ROLES), as YAML."""
    wanted = [*dict.fromkeys(parts)]
    documents = [_role(READER), *(_role(REQUIRED_ROLES[name]) for name in wanted)]
    left = [name for name in REQUIRED_ROLES if name not in wanted]
    more = [f"# Not needed for a report, and left out here; --with gives it: {name}" for name in left]
    return "\n".join(["---\n".join(documents) + "# Bind it: oc adm policy add-cluster-role-to-user ROLE USER", *more])


def _role(part: RequiredRole) -> str:
    head = [
        *(f"# {remark}" for remark in part.remarks),
        "apiVersion: rbac.authorization.k8s.io/v1",
        "kind: ClusterRole",
    ]
    rules = [line for verb_and_group in _grouped(part.rights) for line in _rule(verb_and_group)]
    return "\n".join([*head, f"metadata:\n  name: {part.role}", "rules:", *rules]) + "\n"


def _grouped(rights: Sequence[Right]) -> list[list[Right]]:
    """Return the rights in lists that one rule each can hold: of the same verb, group and name."""

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
