"""OpenShift's resource access review: who may do something, with the mistakes that the real one makes."""

from tests.simulator.kinds import Object
from tests.worlds.plain_rbac import World, _covers, _holds, _rules_behind


def who_can(world: World, asked: Object) -> Object:
    """Every subject of every binding whose role covers the question.

    As the real one does: it takes `resource/subresource` apart, so that `*/layers` counts; it gives an account without
    a namespace the one that was asked about; and it goes on without a role that is missing, and says so.
    """
    resource, _, subresource = asked["resource"].partition("/")
    wanted = asked["verb"], asked["resourceAPIGroup"], resource, subresource, asked.get("resourceName") or ""
    users: list[str] = []
    groups, missing = ["system:masters"], []
    bindings = [(one, "") for one in world.get("clusterrolebindings") or []]
    bindings += [
        (one, asked["namespace"])
        for one in world.get("rolebindings") or []
        if asked["namespace"] and one["metadata"]["namespace"] == asked["namespace"]
    ]
    for binding, namespace in bindings:
        role = binding["roleRef"]
        plural = "roles" if role["kind"] == "Role" else "clusterroles"
        if all(one["metadata"]["name"] != role["name"] for one in world.get(plural) or []):
            missing.append(f"{plural[:-1]} {role['name']!r} not found")
        if any(_matches(rule, *wanted) for rule in _rules_behind(world, role, namespace)):
            for subject in binding.get("subjects") or []:
                _add(subject, asked["namespace"], users, groups)
    return {
        "kind": "ResourceAccessReviewResponse",
        "apiVersion": "authorization.openshift.io/v1",
        "namespace": asked["namespace"],
        "users": sorted(set(users)),
        "groups": sorted(set(groups)),
        "evalutionError": "; ".join(missing),  # spelled so in the real API
    }


def _matches(rule: Object, verb: str, group: str, resource: str, subresource: str, name: str) -> bool:
    names = rule.get("resourceNames")
    return (
        _holds(rule.get("verbs"), verb)
        and _holds(rule.get("apiGroups"), group)
        and _covers(rule.get("resources"), resource, subresource)
        and (not names or name in names)
    )


def _add(subject: Object, namespace: str, users: list[str], groups: list[str]) -> None:
    if subject["kind"] == "Group":
        groups.append(subject["name"])
    elif subject["kind"] == "User":
        users.append(subject["name"])
    elif subject.get("namespace") or namespace:
        users.append(f"system:serviceaccount:{subject.get('namespace') or namespace}:{subject['name']}")
