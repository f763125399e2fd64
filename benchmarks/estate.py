"""Estates like those of APPUiO Cloud, of any size, the same for the same shape: for the demo and measurements."""

import argparse
import gzip
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec

from audit.snapshot.objects import KINDS, OF_A_ZONE, TRACES

Object = dict[str, Any]

_RBAC: Final = "rbac.authorization.k8s.io"
_IMAGES: Final = "image.openshift.io"
_AGGREGATE: Final = "rbac.authorization.k8s.io/aggregate-to-"
_LAYERS: Final = "imagestreams/layers"
_BORN: Final = "2025-{:02d}-{:02d}T{:02d}:00:00Z"

OF_AN_ESTATE: Final = tuple(plural for plural in OF_A_ZONE if plural not in TRACES)


@dataclass(frozen=True)
class Shape:
    """How large an estate is, and how unlike a tidy one."""

    namespaces: int = 10_000
    organizations: int = 400
    people_per_organization: int = 8
    teams_per_organization: int = 2
    streams_per_namespace: int = 3
    custom_roles: float = 0.05  # share of namespaces with a role of their own
    named_roles: float = 0.1  # share with a right on one repository only
    tokens: float = 0.2  # share with a token that never expires
    cluster_wide: int = 20  # people and accounts with a right everywhere
    seed: int = 1
    bindings_per_namespace: int = 9  # usual role bindings; nine are those that the platform and its users make
    untidy: float = 0.0  # share of namespaces with what templates and people who left have left there
    managed: float = 0.0  # share of objects that say who manages their fields, as those of a live server do


class Estate:
    """All objects of one zone, kind by kind; more role bindings where a namespace is unlike the others."""

    def __init__(self, shape: Shape) -> None:
        """Take the shape."""
        self.shape = shape
        self._random = Random(shape.seed)
        self._objects: dict[str, list[Object]] = {plural: [] for plural in OF_AN_ESTATE}
        self._roles()
        self._organizations()
        for number in range(shape.namespaces):
            self._namespace(number)
        self._everywhere()

    def kinds(self) -> Mapping[str, list[Object]]:
        """Return the objects by plural."""
        return self._objects

    def add(
        self, plural: str, name: str, namespace: str = "", labels: Mapping[str, str] | None = None, **rest: Any
    ) -> None:
        """Add an object of which only what decides is given; the rest is as a server would fill it in."""
        number = len(self._objects[plural])
        metadata: Object = {"name": name}
        if namespace:
            metadata["namespace"] = namespace
        metadata["uid"] = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        metadata["resourceVersion"] = str(1000 + number)
        metadata["creationTimestamp"] = _BORN.format(number % 12 + 1, number % 28 + 1, number % 24)
        if labels:
            metadata["labels"] = dict(labels)
        if number % 100 < 100 * self.shape.managed:
            metadata["managedFields"] = [_managed(metadata, rest)]
        self._objects[plural].append({"metadata": metadata, **rest})

    def role(self, name: str, *rules: Object, namespace: str = "", into: str = "", made_of: str = "") -> None:
        """Add a role; `into` names the role it is aggregated to, `made_of` the one whose parts it is made of."""
        labels = {f"{_AGGREGATE}{into}": "true"} if into else None
        extra: Object = {}
        if made_of:
            selectors = [{"matchLabels": {f"{_AGGREGATE}{made_of}": "true"}}]
            extra["aggregationRule"] = {"clusterRoleSelectors": selectors}
        self.add("roles" if namespace else "clusterroles", name, namespace, labels, rules=list(rules), **extra)

    def bind(
        self, name: str, role: str, *subjects: Object, namespace: str = "", kind: str = "ClusterRole", created: str = ""
    ) -> None:
        """Bind a role to subjects, in a namespace or everywhere."""
        plural = "rolebindings" if namespace else "clusterrolebindings"
        ref = {"apiGroup": _RBAC, "kind": kind, "name": role}
        self.add(plural, name, namespace, roleRef=ref, subjects=list(subjects))
        if created:
            self._objects[plural][-1]["metadata"]["creationTimestamp"] = created

    def token(self, namespace: str, owner: str, used: str = "", created: str = "", name: str = "token") -> None:
        """Add the metadata of a secret that holds a token of an account without an end."""
        labels = {"kubernetes.io/legacy-token-last-used": used} if used else None
        self.add("tokens", f"{owner}-{name}", namespace, labels)
        metadata = self._objects["tokens"][-1]["metadata"]
        metadata["annotations"] = {"kubernetes.io/service-account.name": owner}
        metadata["creationTimestamp"] = created or metadata["creationTimestamp"]

    def _roles(self) -> None:
        pull, push = rule(_LAYERS, "get"), rule(_LAYERS, "get", "update")
        read = rule("imagestreams", "get", "list", "watch")
        write = rule("imagestreams", "get", "list", "watch", "create", "update", "patch", "delete")
        secrets = rule("secrets", "get", "list", "watch", "create", "update", "delete", group="")
        self.role("registry-viewer", pull, read, into="view")
        self.role("registry-editor", push, write, secrets, into="edit")
        self.role("registry-admin", push, write, secrets, into="admin")
        self.role("view", pull, read, rule("pods", "get", "list", group=""), made_of="view")
        self.role("edit", push, write, secrets, rule("pods", "create", group=""), made_of="edit")
        self.role("admin", push, write, secrets, rule("rolebindings", "create", group=_RBAC), made_of="admin")
        self.role("cluster-admin", rule("*", "*", group="*"))
        self.role("system:image-puller", pull)
        self.role("system:image-pusher", push)
        self.role("system:image-builder", push, rule("imagestreams", "create"))
        self.role("system:deployer", rule("replicationcontrollers", "get", "update", group=""))
        for name in ("namespace-owner", "monitoring-edit", "monitoring-edit-probe", "alert-routing-edit"):
            self.role(name, rule("prometheusrules", "get", "create", "update", group="monitoring.coreos.com"))

    def _organizations(self) -> None:
        for number in range(self.shape.organizations):
            name = f"org-{number:04d}"
            people = [f"{name}-user-{person:02d}" for person in range(self.shape.people_per_organization)]
            self.add("groups", name, users=people)
            for person in people:
                self.add("users", person)
            for team in range(self.shape.teams_per_organization):
                self.add("groups", f"{name}+team-{team}", users=people[team::2])

    def _namespace(self, number: int) -> None:
        shape, chance = self.shape, self._random
        organization = f"org-{chance.randrange(shape.organizations):04d}"
        name = f"{organization}-ns-{number:05d}"
        creator = f"{organization}-user-{chance.randrange(shape.people_per_organization):02d}"
        self.add("namespaces", name, labels={"appuio.io/organization": organization})
        for one in ("builder", "default", "deployer", "ci"):
            self.add("serviceaccounts", one, name)
        if chance.random() < shape.tokens:
            self.token(name, "ci", used=f"2025-{number % 12 + 1:02d}-01")
        for stream in range(shape.streams_per_namespace):
            tags = [{"tag": "latest", "items": [{"created": _BORN.format(number % 12 + 1, stream % 28 + 1, 0)}]}]
            self.add("imagestreams", f"app-{stream}", name, status={"tags": tags})
        for binding, role, *subjects in islice(self._usual(name, organization, creator), shape.bindings_per_namespace):
            self.bind(binding, role, *subjects, namespace=name)
        if chance.random() < shape.custom_roles:
            self.role("pipeline", rule(_LAYERS, "get", "update"), rule("imagestreams", "create"), namespace=name)
            self.bind("pipeline", "pipeline", account(name, "ci"), namespace=name, kind="Role")
        if chance.random() < shape.named_roles:
            self.role("app-0-only", {**rule(_LAYERS, "get", "update"), "resourceNames": ["app-0"]}, namespace=name)
            self.bind("app-0-only", "app-0-only", user(f"contractor-{number % 97}"), namespace=name, kind="Role")

        if shape.untidy and chance.random() < shape.untidy:
            self._untidy(name, organization, number)

    def _untidy(self, name: str, organization: str, number: int) -> None:
        """Add bindings that should not be there: some thirty findings for each ten namespaces, of few causes."""
        other = f"org-{(int(organization[4:]) + 1) % self.shape.organizations:04d}"
        self.bind("ci-deploy", "ci-deployer", account(name, "ci"), namespace=name)
        self.bind("pipelines", "edit", account(f"{organization}-ci", "pipeline"), namespace=name)
        self.bind("handover", "edit", user(f"{other}-user-00"), user(f"left-{number % 50}"), namespace=name)
        if not number % 20:
            self.bind("open", "registry-viewer", group("system:authenticated"), namespace=name)
        if not number % 50:
            self.bind("demo", "registry-editor", group("system:authenticated"), namespace=name)
            self.bind("partners", "registry-viewer", group("system:unauthenticated"), namespace=name)

    def _usual(self, name: str, organization: str, creator: str) -> Iterator[tuple[str, str, *tuple[Object, ...]]]:
        """Yield name, role and subjects of role bindings, without end: the platform's own first."""
        yield "system:image-pullers", "system:image-puller", group(f"system:serviceaccounts:{name}")
        yield "system:image-builders", "system:image-builder", account(name, "builder")
        yield "system:deployers", "system:deployer", account(name, "deployer")
        yield "admin", "admin", user(creator)
        yield "organization-admin", "admin", group(organization)
        for role in ("namespace-owner", "monitoring-edit", "alert-routing-edit"):
            yield role, role, group(organization)
        teams = self.shape.teams_per_organization
        team = self._random.randrange(teams)
        yield "team", "edit", group(f"{organization}+team-{team}"), account(name, "ci")
        for number in count():
            yield f"viewers-{number}", "view", group(f"{organization}+team-{number % teams}")

    def _everywhere(self) -> None:
        self.bind("cluster-admin", "cluster-admin", group("system:masters"))
        for number in range(self.shape.cluster_wide):
            role = ("registry-viewer", "view", "system:image-puller")[number % 3]
            self.bind(f"everywhere-{number}", role, user(f"operator-{number:02d}"))


def _managed(metadata: Object, rest: Mapping[str, Any]) -> Object:
    """Return an entry of `managedFields` as an API server keeps it: nothing that we read, and a third of a list."""
    fields: Object = {f"f:{name}": {} for name in rest}
    if labels := metadata.get("labels"):
        fields["f:metadata"] = {"f:labels": {".": {}, **{f"f:{label}": {} for label in labels}}}
    return {
        "manager": "kubectl-create",
        "operation": "Update",
        "apiVersion": f"{_RBAC}/v1",
        "time": metadata["creationTimestamp"],
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }


def rule(resource: str, *verbs: str, group: str = _IMAGES) -> Object:
    """Return a policy rule."""
    return {"verbs": list(verbs), "apiGroups": [group], "resources": [resource]}


def user(name: str) -> Object:
    """Return a user as a subject."""
    return {"kind": "User", "apiGroup": _RBAC, "name": name}


def group(name: str) -> Object:
    """Return a group as a subject."""
    return {"kind": "Group", "apiGroup": _RBAC, "name": name}


def account(namespace: str, name: str) -> Object:
    """Return a service account as a subject."""
    return {"kind": "ServiceAccount", "namespace": namespace, "name": name}


def write(objects: Mapping[str, list[Object]], folder: Path) -> None:
    """Write a LIST answer for each kind into `folder`; the same objects give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for plural, items in objects.items():
        (folder / f"{plural}.json.gz").write_bytes(gzip.compress(answer(plural, items), 9, mtime=0))


def answer(plural: str, items: list[Object]) -> bytes:
    """Return the LIST answer of one kind as an API server writes it."""
    kind = KINDS[plural]
    version = "meta.k8s.io/v1" if kind.selector else f"{kind.group}/v1" if kind.group else "v1"
    listed = {"kind": f"{kind.singular}List", "apiVersion": version, "metadata": {"resourceVersion": "90210"}}
    return msgspec.json.encode({**listed, "items": items})


def main() -> None:
    """Write an estate into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    for name, default in vars(Shape()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    given = vars(parser.parse_args())
    out = given.pop("out")
    write(Estate(Shape(**given)).kinds(), out)


if __name__ == "__main__":
    main()
