"""What right an API server would look for before it answers a request, and whether the printed roles hold it."""

from functools import cache
from typing import NamedTuple

import yaml

from audit.collect.required_access import EVERYBODY, REQUIRED_ROLES, manifest
from tests.simulator.answers import Request


class Right(NamedTuple):
    """Verb, API group, resource and name of a request; or verb and path of one that is for no resource."""

    verb: str
    group: str
    resource: str
    name: str = ""
    path: str = ""


def right_of(request: Request) -> Right:
    """As the API server reads it: a GET without a name is a `list`, a POST is a `create`."""
    match request.path.strip("/").split("/"):
        case ["api", _, *rest]:
            group = ""
        case ["apis", group, _, *rest]:
            pass
        case _:
            return Right(request.method.lower(), "", "", path=request.path)
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    resource, name = rest[0], rest[1] if len(rest) > 1 else ""
    verb = {"GET": "get" if name else "list", "POST": "create"}.get(request.method, request.method.lower())
    return Right(verb, group, resource, name)


def rights_of(request: Request) -> list[Right]:
    """Every right that a request needs: openshift-apiserver asks for a second one itself, in the core group."""
    right = right_of(request)
    more = [Right("create", "", "localresourceaccessreviews")] if right.resource == "resourceaccessreviews" else []
    return [right, *more]


@cache
def granted() -> frozenset[Right]:
    """Every right in the roles that the program prints, all parts of them."""
    roles = [role for role in yaml.safe_load_all(manifest(REQUIRED_ROLES)) if role]
    return frozenset(right for role in roles for rule in role["rules"] for right in _rights(rule))


def _rights(rule: dict[str, list[str]]) -> list[Right]:
    paths = [Right(verb, "", "", path=path) for verb in rule["verbs"] for path in rule.get("nonResourceURLs", ())]
    return paths + [
        Right(verb, group, resource, name)
        for verb in rule["verbs"]
        for group in rule.get("apiGroups", ())
        for resource in rule.get("resources", ())
        for name in rule.get("resourceNames", [""])
    ]


def covered(right: Right) -> bool:
    """Whether the roles hold the right, or everybody who is logged in does."""
    everybody = {Right(one.verb, one.group, one.resource) for one in EVERYBODY}
    return right in granted() or right in everybody
