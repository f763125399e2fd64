"""A second, deliberately naive search for routes: plain objects, plain loops, nothing shared with the product.

Source: docs/routes.md. It holds sets of what somebody has come to, and repeats every rule until nothing is added; once
with steps that are certain alone, and once with those that are only possible too.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.worlds import plain_rbac
from tests.worlds.plain_rbac import ACCOUNT_PREFIX, ACCOUNTS, AUTHENTICATED, IMAGES, World, caller_of, groups_of

RBAC = "rbac.authorization.k8s.io"
BUILD = "build.openshift.io"
USERS = "user.openshift.io"
OTHER = "zz-any-other"
WORKLOADS = (
    ("apps", "deployments"),
    ("apps", "statefulsets"),
    ("apps", "daemonsets"),
    ("apps", "replicasets"),
    ("", "replicationcontrollers"),
    ("batch", "jobs"),
    ("batch", "cronjobs"),
    ("apps.openshift.io", "deploymentconfigs"),
)


class Caller(NamedTuple):
    """Somebody who makes requests; `token` when the registry takes them too."""

    user: str
    groups: frozenset[str]
    token: bool


class Search:
    """All that one subject comes to."""

    def __init__(self, world: World, kind: str, subject: str, *, certain: bool) -> None:
        self.world = world
        self.certain = certain
        user, groups = caller_of(world, kind, subject)
        self.start = Caller(user, frozenset(groups), token=True)
        self.person = (kind == "User" and not user.startswith(ACCOUNT_PREFIX) and user != plain_rbac.ANONYMOUS) or (
            kind == "Group" and (":" not in subject or subject == plain_rbac.OAUTH)
        )
        self.callers = {self.start}
        self.gained: set[tuple[str, str, str]] = set()  # namespace, kind and name of a role that can be bound to all
        self.joined: set[str] = set()
        self.names = sorted({name for rule in self._rules() for name in rule.get("resourceNames") or ()} | {OTHER})
        self.namespaces = [one["metadata"]["name"] for one in world["namespaces"]]
        before = None
        while before != (len(self.callers), len(self.gained), len(self.joined)):
            before = (len(self.callers), len(self.gained), len(self.joined))
            for caller in sorted(self.callers, key=repr):
                self._from(caller)

    def _rules(self) -> Iterator[Any]:
        for kind in ("roles", "clusterroles"):
            for role in self.world.get(kind) or []:
                yield from role.get("rules") or []

    def may(self, caller: Caller, verbs: str, group: str, resource: str, namespace: str, name: str = "") -> bool:
        """Whether a caller may do any of these, as an API server answers: with its subresource apart."""
        resource, _, sub = resource.partition("/")
        return any(self._allowed(caller, verb, group, resource, namespace, name, sub) for verb in verbs.split())

    def _groups(self, caller: Caller) -> set[str]:
        is_person = caller == self.start and self.person
        is_user = bool(caller.user) and not caller.user.startswith(ACCOUNT_PREFIX)
        return {*caller.groups, *(self.joined if is_person or is_user else ())}

    def _allowed(  # noqa: PLR0917  one argument for each field of an access review
        self, caller: Caller, verb: str, group: str, resource: str, namespace: str, name: str, sub: str
    ) -> bool:
        groups = self._groups(caller)
        if plain_rbac.allowed(self.world, caller.user, groups, verb, group, resource, namespace, name, sub):
            return True
        for place, kind, role in self.gained:
            if place not in ("", namespace) and not (place == "each" and namespace):
                continue
            if kind == "everything":
                return True
            bound = {
                "metadata": {"name": "x", "namespace": namespace},
                "roleRef": {"kind": kind, "name": role},
                "subjects": [{"kind": "Group", "name": "gained"}],
            }
            world = {**self.world, "rolebindings": [bound], "clusterrolebindings": []}
            if not namespace:
                world = {**self.world, "rolebindings": [], "clusterrolebindings": [bound]}
            if plain_rbac.allowed(world, "", {"gained"}, verb, group, resource, namespace, name, sub):
                return True
        return False

    def _any_name(self, caller: Caller, verbs: str, group: str, resource: str, namespace: str) -> bool:
        return any(self.may(caller, verbs, group, resource, namespace, name) for name in self.names)

    def accounts(self, namespace: str, *, certain: bool) -> list[str]:
        """The accounts of a namespace; where certainty is wanted, those that exist."""
        found = {
            one["metadata"]["name"]
            for one in self.world["serviceaccounts"]
            if one["metadata"]["namespace"] == namespace
        }
        if namespace in self.namespaces:
            found.add(OTHER)  # stands for one that no binding names
        if not certain:
            found |= {name for space, name in self._bound_accounts() if space == namespace}
        return sorted(found)

    def _bound_accounts(self) -> Iterator[tuple[str, str]]:
        for kind in ("rolebindings", "clusterrolebindings"):
            for binding in self.world.get(kind) or []:
                for subject in binding.get("subjects") or []:
                    space = subject.get("namespace") or binding["metadata"].get("namespace")
                    account = plain_rbac.account_of(subject["name"]) if subject["kind"] == "User" else None
                    if subject["kind"] == "ServiceAccount" and space:
                        yield space, subject["name"]
                    elif account:
                        yield account

    def _become(self, namespace: str, name: str, *, token: bool) -> None:
        user = f"{ACCOUNT_PREFIX}{namespace}:{name}"
        self.callers.add(Caller(user, frozenset(groups_of(self.world, user)), token))

    def _become_any(self, namespace: str, *, token: bool) -> None:
        for name in self.accounts(namespace, certain=self.certain):
            self._become(namespace, name, token=token)

    def _from(self, caller: Caller) -> None:
        # A namespace that does not exist yet can be made: only rights in every namespace count there.
        gone = {space for space, _ in self._bound_accounts()} - set(self.namespaces)
        for namespace in (*self.namespaces, *(() if self.certain else sorted(gone))):
            self._accounts_of(caller, namespace)
        for namespace in self.namespaces:
            self._roles_in(caller, namespace)
        self._of_the_cluster(caller)

    def _accounts_of(self, caller: Caller, namespace: str) -> None:  # noqa: C901  one rule after the other
        def may(verbs: str, group: str, resource: str, name: str = "") -> bool:
            return self.may(caller, verbs, group, resource, namespace, name)

        some_secret = any(may("get list watch", "", "secrets", name) for name in self.names)
        if may("get list watch", "", "secrets", OTHER) or (some_secret and may("create", "", "secrets")):
            self._become_any(namespace, token=True)
        if self._any_name(caller, "get", IMAGES, "imagestreams/secrets", namespace):
            self._become_any(namespace, token=True)
        # Requests in the name of an account that does not exist are answered; it could be created, too.
        named = () if self.certain else self.names
        for name in (*self.accounts(namespace, certain=self.certain), *named):
            if may("create", "", "serviceaccounts/token", name):
                self._become(namespace, name, token=True)
            if may("impersonate", "", "serviceaccounts", name):
                self._become(namespace, name, token=False)
        if self.certain:
            return
        if some_secret or self._runs(caller, namespace):
            self._become_any(namespace, token=True)
        if may("create", "", "serviceaccounts"):
            for name in set(self.accounts(namespace, certain=False)) - set(self.accounts(namespace, certain=True)):
                self._become(namespace, name, token=True)

    def _runs(self, caller: Caller, namespace: str) -> bool:  # noqa: C901, PLR0911  one rule after the other
        """Whether somebody may run something, as it seems; an admission may refuse it."""
        for group, kind in WORKLOADS:
            if self.may(caller, "create", group, kind, namespace):
                return True
            if kind != "jobs" and self._any_name(caller, "update patch", group, kind, namespace):
                return True
        if self.may(caller, "create", "", "pods", namespace):
            return True
        for verbs, resource in (
            ("create get", "pods/exec"),
            ("create get", "pods/attach"),
            ("update patch", "pods/ephemeralcontainers"),
            ("update patch", "pods"),
        ):
            if self._any_name(caller, verbs, "", resource, namespace):
                return True
        strategies = ("docker", "source", "jenkinspipeline", "custom", "optimizeddocker")
        if any(self._any_name(caller, "create", BUILD, f"builds/{one}", namespace) for one in strategies):
            if any(self.may(caller, "create", BUILD, resource, namespace) for resource in ("builds", "buildconfigs")):
                return True
            for resource in ("buildconfigs/instantiate", "buildconfigs/instantiatebinary", "builds/clone"):
                if self._any_name(caller, "create", BUILD, resource, namespace):
                    return True
            return self._any_name(caller, "update patch", BUILD, "buildconfigs", namespace)
        return False

    def _roles_in(self, caller: Caller, namespace: str) -> None:
        create = self.may(caller, "create", RBAC, "rolebindings", namespace)
        if not self.certain:
            create = create or self._any_name(
                caller, "create update patch", "authorization.openshift.io", "rolebindings", namespace
            )
        used = [
            (one["roleRef"]["kind"], one["roleRef"]["name"])
            for one in self.world["rolebindings"]
            if one["metadata"]["namespace"] == namespace
            and self.may(caller, "update patch", RBAC, "rolebindings", namespace, one["metadata"]["name"])
        ]
        for kind, plural in (("ClusterRole", "clusterroles"), ("Role", "roles")):
            for role in self.world[plural]:
                name = role["metadata"]["name"]
                if kind == "Role" and role["metadata"]["namespace"] != namespace:
                    continue
                if not create and (kind, name) not in used:
                    continue
                bind = self.may(caller, "bind", RBAC, plural, namespace, name)
                if bind or (create and self._has(caller, role, namespace)):
                    self.gained.add((namespace, kind, name))
        for plural in ("roles", "clusterroles"):
            escalate = self._any_name(caller, "escalate", RBAC, plural, namespace)
            at = namespace if plural == "roles" else ""
            writes = self._any_name(caller, "create update patch", RBAC, plural, at)
            if not self.certain and escalate and writes:
                self.gained.add((namespace, "everything", ""))

    def _has(self, caller: Caller, role: Any, namespace: str) -> bool:
        """Whether a caller has all rights of a role already, resource and subresource asked apart."""
        for rule in role.get("rules") or []:
            for verb in rule.get("verbs") or []:
                for group in rule.get("apiGroups") or []:
                    for resource in rule.get("resources") or []:
                        for name in rule.get("resourceNames") or [OTHER + "-of-all"]:
                            if not self._allowed_literally(caller, verb, group, resource, namespace, name):
                                return False
        return True

    def _allowed_literally(
        self, caller: Caller, verb: str, group: str, resource: str, namespace: str, name: str
    ) -> bool:
        if "*" in (verb, group, resource):
            # Only a rule that has the wildcard covers one.
            return self._allowed(
                caller,
                f"{OTHER}-verb" if verb == "*" else verb,
                f"{OTHER}-group" if group == "*" else group,
                f"{OTHER}-resource" if resource == "*" else resource.partition("/")[0],
                namespace,
                name,
                resource.partition("/")[2],
            )
        return self.may(caller, verb, group, resource, namespace, name)

    def _of_the_cluster(self, caller: Caller) -> None:  # noqa: C901, PLR0912  one rule after the other
        def may(verbs: str, group: str, resource: str, name: str = "") -> bool:
            return self.may(caller, verbs, group, resource, "", name)

        people = self._people()
        impersonates = any(
            self._any_name(caller, "impersonate", "", "serviceaccounts", namespace)
            or any(may("impersonate", "", "serviceaccounts", name) for name in self.accounts(namespace, certain=False))
            for namespace in self.namespaces
        )
        for name in [*people, *self.names]:
            if may("impersonate", "", "users", name):
                impersonates = True
                self.callers.add(Caller(name, frozenset(groups_of(self.world, name)), token=False))
        if impersonates and may("impersonate", "", "groups", "system:masters"):
            self.gained.add(("", "everything", ""))
        if impersonates:
            for group in self._groups_named():
                if may("impersonate", "", "groups", group):
                    self.callers.add(Caller("", frozenset({group, AUTHENTICATED}), token=False))
        self._cluster_roles(caller)
        objects = {one["metadata"]["name"] for one in self.world["groups"]}
        for group in self._groups_named():
            if ":" in group:
                continue
            change = may("update patch", USERS, "groups", group)
            make = may("create", USERS, "groups")
            there = group in objects
            if (change and there) or (make and not there) or (not self.certain and change):
                self._join(group)
        if not self.certain and self._any_user(caller):
            for name in people:
                self.callers.add(Caller(name, frozenset(groups_of(self.world, name)), token=True))
        if not self.certain and self._any_name(caller, "get create", "", "nodes/proxy", ""):
            for namespace in self.namespaces:
                self._become_any(namespace, token=True)
        self._missing(caller)

    def _any_user(self, caller: Caller) -> bool:
        return any(
            self._any_name(caller, "create update patch", USERS, resource, "")
            for resource in ("users", "identities", "useridentitymappings")
        )

    def _join(self, group: str) -> None:
        if self.person or not self.certain:
            self.joined.add(group)
            self.callers.add(Caller("", frozenset({group, AUTHENTICATED}), token=True))

    def _cluster_roles(self, caller: Caller) -> None:
        for role in self.world["clusterroles"]:
            name = role["metadata"]["name"]
            used = [
                one
                for one in self.world["clusterrolebindings"]
                if one["roleRef"]["name"] == name
                and self.may(caller, "update patch", RBAC, "clusterrolebindings", "", one["metadata"]["name"])
            ]
            create = self.may(caller, "create", RBAC, "clusterrolebindings", "")
            bind = self.may(caller, "bind", RBAC, "clusterroles", "", name)
            if (bind and (used or create)) or (create and self._has(caller, role, "")):
                self.gained.add(("", "ClusterRole", name))
        csr = "certificatesigningrequests"
        requests = self.may(caller, "create", "certificates.k8s.io", csr, "")
        approves = self._any_name(caller, "update patch", "certificates.k8s.io", f"{csr}/approval", "")
        if not self.certain and requests and approves:
            self.gained.add(("", "everything", ""))

    def _missing(self, caller: Caller) -> None:
        create = self.may(caller, "create", "project.openshift.io", "projectrequests", "")
        if create or (not self.certain and self.may(caller, "create", "", "namespaces", "")):
            for namespace, name in sorted(set(self._bound_accounts())):
                if namespace not in self.namespaces:
                    self._become(namespace, name, token=True)
            for group in self._groups_named():
                namespace = group.removeprefix(f"{ACCOUNTS}:")
                if namespace != group and namespace not in self.namespaces:
                    self._become(namespace, OTHER, token=True)

    def _people(self) -> list[str]:
        named = {name for one in self.world["groups"] for name in one.get("users") or []}
        for kind in ("rolebindings", "clusterrolebindings"):
            for binding in self.world[kind]:
                named |= {one["name"] for one in binding.get("subjects") or [] if one["kind"] == "User"}
        return sorted(name for name in named if not name.startswith(ACCOUNT_PREFIX))

    def _groups_named(self) -> list[str]:
        found = set()
        for kind in ("rolebindings", "clusterrolebindings"):
            for binding in self.world[kind]:
                found |= {one["name"] for one in binding.get("subjects") or [] if one["kind"] == "Group"}
        return sorted(found)

    # What the registry then allows.

    def reaches(self, action: str, namespace: str, repository: str) -> bool:
        """Whether an action is reached, by whatever has been come to."""
        if any(self._registry(caller, action, namespace, repository) for caller in self.callers):
            return True
        if action == "pull":
            return self._copies(namespace, repository)
        return action == "push" and any(self._tags(caller, namespace, repository) for caller in self.callers)

    def _registry(self, caller: Caller, action: str, namespace: str, repository: str) -> bool:
        def may(verb: str, resource: str, name: str) -> bool:
            # One word, slash and all.
            return self._allowed(caller, verb, IMAGES, resource, namespace, name, "")

        if not caller.token or not may("get", "imagestreams/layers", repository):
            return False
        if action == "pull":
            return True
        if not may("update", "imagestreams/layers", repository):
            return False
        return action == "push" or may("create", "imagestreams", "")

    def _tags(self, caller: Caller, namespace: str, repository: str) -> bool:
        if self.may(caller, "create", IMAGES, "imagestreammappings", namespace):
            return True
        for resource in ("imagestreamtags", "imagetags"):
            if self.may(caller, "create", IMAGES, resource, namespace):
                return True
            if self.may(caller, "update patch", IMAGES, resource, namespace, f"{repository}:latest"):
                return True
        return self.may(caller, "update patch", IMAGES, "imagestreams", namespace, repository)

    def _pulls_in(self, namespace: str) -> bool:
        names = {*self.names, "app-0"}
        return any(self._registry(one, "pull", namespace, name) for one in self.callers for name in names)

    def _copies(self, namespace: str, repository: str) -> bool:
        for into in self.namespaces:
            if not self._pulls_in(into):
                continue
            for caller in self.callers:
                if self.may(caller, "create", IMAGES, "imagestreammappings", into):
                    return True
                names = {*self.names, "app-0"}
                tags = any(self._tags(caller, into, name.partition(":")[0]) for name in names)
                apart = self.may(caller, "get", IMAGES, "imagestreams/layers", namespace, repository)
                if tags and apart:
                    return True
                if not self.certain and self.may(caller, "create", IMAGES, "imagestreamimports", into):
                    for name in self.accounts(into, certain=False):
                        user = f"{ACCOUNT_PREFIX}{into}:{name}"
                        account = Caller(user, frozenset(groups_of(self.world, user)), token=True)
                        if self._registry(account, "pull", namespace, repository):
                            return True
        return False
