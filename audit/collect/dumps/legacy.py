"""Roles and bindings of `authorization.openshift.io` -> as the RBAC API has them, converted as OpenShift does.

Source: pkg/api/authorization/rbacconversion of openshift/openshift-apiserver.
"""

from typing import Any, Final

from audit.collect.dumps.names import LEGACY_GROUP

_SUBJECT_KINDS: Final = {"SystemUser": "User", "SystemGroup": "Group"}


def modern(value: dict[str, Any], api: str) -> dict[str, Any]:
    """Return a role or binding as the RBAC API has it.

    OpenShift 3 has these kinds in `v1` too. There, what is written as in the RBAC API is left alone.
    """
    legacy = api.startswith(f"{LEGACY_GROUP}/")
    if "roleRef" in value:
        return _binding(value, legacy=legacy)
    rules = value.get("rules")
    if not legacy or not isinstance(rules, list):
        return value
    return {**value, "rules": [_rule(rule) if isinstance(rule, dict) else rule for rule in rules]}


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    return rule if rule.get("apiGroups") or rule.get("nonResourceURLs") else {**rule, "apiGroups": [""]}


def _binding(value: dict[str, Any], *, legacy: bool) -> dict[str, Any]:
    meta = value.get("metadata")
    namespace = str(meta.get("namespace", "")) if isinstance(meta, dict) and legacy else ""
    ref = value["roleRef"]
    if isinstance(ref, dict) and (legacy or not ref.get("kind")):
        # In that API only the namespace of the reference says which role it is.
        ref = {**ref, "kind": "Role" if ref.get("namespace") else "ClusterRole"}
    subjects = value.get("subjects") or [*_named(value, "userNames"), *_named(value, "groupNames")]
    if isinstance(subjects, list):
        subjects = [_subject(subject, namespace) if isinstance(subject, dict) else subject for subject in subjects]
    return {**value, "roleRef": ref, "subjects": subjects}


def _named(value: dict[str, Any], key: str) -> list[dict[str, Any]]:
    names = value.get(key)
    kind = "User" if key == "userNames" else "Group"
    return [{"kind": kind, "name": name} for name in names] if isinstance(names, list) else []


def _subject(subject: dict[str, Any], namespace: str) -> dict[str, Any]:
    kind = subject.get("kind")
    if kind == "ServiceAccount" and namespace and not subject.get("namespace"):
        return {**subject, "namespace": namespace}
    return {**subject, "kind": _SUBJECT_KINDS.get(str(kind), kind)}
