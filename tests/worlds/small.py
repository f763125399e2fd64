"""Worlds of a few lines: `shop` and `mall` of organization `acme`, `bank` of `other`, and what is bound there."""

import copy
from collections.abc import Iterable
from typing import Any

from tests.worlds.plain_rbac import Object, World

RBAC = "rbac.authorization.k8s.io"
IMAGES = "image.openshift.io"
BORN = "2026-01-01T10:00:00Z"
Piece = tuple[str, Object]
Subject = tuple[str, str]


def made(name: str, namespace: str = "", labels: dict[str, str] | None = None, **fields: Any) -> Object:
    metadata: Object = {"name": name, "uid": f"uid-{namespace}-{name}", "creationTimestamp": BORN}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = labels
    return {"metadata": metadata, **fields}


def rule(resources: list[str], verbs: list[str], group: str = IMAGES, **rest: Any) -> Object:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs, **rest}


def role(namespace: str, name: str, *rules: Object, **fields: Any) -> Piece:
    return ("roles" if namespace else "clusterroles", made(name, namespace, rules=list(rules), **fields))


def subject(one: Subject) -> Object:
    """`("ServiceAccount", "ns:name")` spells an account out; `":name"` leaves its namespace open."""
    kind, name = one
    if kind != "ServiceAccount":
        return {"kind": kind, "name": name, "apiGroup": RBAC}
    namespace, _, account = name.partition(":")
    return {"kind": kind, "name": account} | ({"namespace": namespace} if namespace else {})


def bind(namespace: str, name: str, to: str, *subjects: Subject, kind: str = "ClusterRole") -> Piece:
    """A RoleBinding, or a ClusterRoleBinding without a namespace."""
    ref = {"apiGroup": RBAC, "kind": kind, "name": to}
    fields: Object = {"roleRef": ref, "subjects": [subject(one) for one in subjects]}
    return ("rolebindings" if namespace else "clusterrolebindings", made(name, namespace, **fields))


def group(name: str, *users: str) -> Piece:
    return "groups", made(name, users=list(users))


def user(name: str) -> Piece:
    return "users", made(name)


def account(namespace: str, name: str) -> Piece:
    return "serviceaccounts", made(name, namespace)


def stream(namespace: str, name: str, pushed: str = "2026-02-20T00:00:00Z") -> Piece:
    tags = [{"tag": "latest", "items": [{"created": pushed}]}] if pushed else []
    return "imagestreams", made(name, namespace, status={"tags": tags})


def namespace(name: str, organization: str = "", **labels: str) -> Piece:
    return "namespaces", made(name, labels=({"appuio.io/organization": organization} if organization else {}) | labels)


def token(namespace: str, name: str, owner: str, created: str = BORN, used: str = "") -> Piece:
    one = made(name, namespace, {"kubernetes.io/legacy-token-last-used": used} if used else None)
    one["metadata"]["annotations"] = {"kubernetes.io/service-account.name": owner}
    one["metadata"]["creationTimestamp"] = created
    return "tokens", one


PULL = rule(["imagestreams/layers"], ["get"])
PUSH = rule(["imagestreams/layers"], ["get", "update"])
CREATE = rule(["imagestreams"], ["create", "get", "list"])
SECRETS = rule(["secrets"], ["get", "list", "create"], group="")
_LABEL = "rbac.authorization.k8s.io/aggregate-to-"
_AGGREGATE = {"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {f"{_LABEL}view": "true"}}]}}
_ALWAYS: tuple[Piece, ...] = (
    namespace("shop", "acme"),
    namespace("mall", "acme"),
    namespace("bank", "other"),
    namespace("openshift"),
    namespace("openshift-infra"),
    group("acme", "ann", "ben"),
    group("acme+dev", "ann"),
    group("other", "eve"),
    *(user(name) for name in ("ann", "ben", "eve", "kim")),
    *(account(place, name) for place in ("shop", "mall", "bank") for name in ("ci", "default", "builder")),
    account("openshift", "operator"),
    *(account("openshift-infra", name) for name in ("build-controller", "default")),
    stream("shop", "web"),
    role("", "system:image-puller", PULL),
    role("", "system:image-pusher", PUSH),
    role("", "system:image-builder", PUSH, CREATE),
    role("", "system:image-signer", PULL, rule(["imagesignatures"], ["create"])),
    role("", "registry-viewer", PULL, labels={f"{_LABEL}view": "true"}),
    role("", "registry-editor", PUSH, CREATE, SECRETS),
    role("", "view", PULL, **_AGGREGATE),
    role("", "admin", PUSH, CREATE, SECRETS),
    role("", "cluster-admin", rule(["*"], ["*"], group="*")),
    *(
        piece
        for place in ("shop", "mall", "bank")
        for piece in (
            bind(place, "system:image-pullers", "system:image-puller", ("Group", f"system:serviceaccounts:{place}")),
            bind(place, "system:image-builders", "system:image-builder", ("ServiceAccount", f"{place}:builder")),
        )
    ),
    bind("shop", "admin", "admin", ("User", "ann")),
    bind("shop", "organization-admin", "admin", ("Group", "acme")),
    bind("bank", "organization-admin", "admin", ("Group", "other")),
    bind("openshift", "shared-resource-viewers", "registry-viewer", ("Group", "system:authenticated")),
    bind("", "cluster-admins", "cluster-admin", ("Group", "system:masters"), ("User", "system:admin")),
)
KINDS = (
    "namespaces", "serviceaccounts", "clusterroles", "clusterrolebindings", "roles", "rolebindings", "groups", "users",
    "imagestreams", "tokens",
)  # fmt: skip


def world(*pieces: Piece, without: Iterable[tuple[str, str]] = ()) -> World:
    """A tidy world in which nothing is wrong, without the (plural, name) of `without`, and with `pieces` added."""
    gone = set(without)
    found: World = {plural: [] for plural in KINDS}
    kept = [piece for piece in _ALWAYS if (piece[0], piece[1]["metadata"]["name"]) not in gone]
    for plural, one in (*kept, *pieces):
        found.setdefault(plural, []).append(copy.deepcopy(one))
    return found


# Some of everything, so that each check has something to look at.
BOUND = world(
    bind("shop", "public", "system:image-puller", ("Group", "system:unauthenticated")),
    bind("shop", "team", "registry-editor", ("ServiceAccount", "shop:ci")),
    token("shop", "ci-token", "ci"),
)
