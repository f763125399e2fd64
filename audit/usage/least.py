"""The smallest grant that covers what a subject used: a role for each namespace, with the names of repositories."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from audit.rbac.rules import IMAGES
from audit.rbac.subjects import ACCOUNT, Identity
from audit.snapshot.model import Snapshot
from audit.usage.tables import RightUse

_RBAC: Final = "rbac.authorization.k8s.io"
_LAYERS: Final = "imagestreams/layers"  # one word, as the registry asks for it
_MANY: Final = 50  # names of repositories in a rule; more are pulled by the right to pull from all


@dataclass(slots=True)
class _Needed:
    """What was used in one namespace; "" is the whole cluster."""

    pull: set[str] = field(default_factory=set)  # repositories
    push: set[str] = field(default_factory=set)
    sign: set[str] = field(default_factory=set)
    create: bool = False
    catalog: bool = False
    delete: bool = False


def needed(uses: Iterable[RightUse], subject: Identity, snapshot: Snapshot, begin: str) -> dict[str, _Needed]:
    """Return what a subject, or the members of a group, used, by namespace.

    A push may have created its repository if that is younger than `begin` (RFC 3339), or is not there any more.
    """
    old = _old_repositories(snapshot, begin)
    found: dict[str, _Needed] = {}
    for use in uses:
        if subject not in use.subjects:
            continue
        need = found.setdefault(use.namespace, _Needed())
        match use.right:
            case "push":
                need.push.add(use.repository)
                need.create |= (use.namespace, use.repository) not in old
            case "pull":
                need.pull.add(use.repository)
            case "sign":
                need.sign.add(use.repository)
            case right:
                setattr(need, right, True)
    return found


def _old_repositories(snapshot: Snapshot, begin: str) -> set[tuple[str, str]]:
    table, text = snapshot.tables["imagestreams"], snapshot.strings
    columns = (table[name].tolist() for name in ("namespace", "name", "created"))
    return {
        (text[namespace], text[name])
        for namespace, name, created in zip(*columns, strict=True)
        if "" < text[created] < begin
    }


def manifests(need: Mapping[str, _Needed], subject: Identity, name: str) -> list[dict[str, Any]]:
    """Return the roles named `name`, and their bindings, that give a subject what it needs and no other push."""
    made: list[dict[str, Any]] = []
    for namespace, needed in sorted(need.items()):
        wide = not namespace
        place = {} if wide else {"namespace": namespace}
        kinds = ("ClusterRole", "ClusterRoleBinding") if wide else ("Role", "RoleBinding")
        role, binding = (_object(kind, {"name": name, **place}) for kind in kinds)
        ref = {"apiGroup": _RBAC, "kind": kinds[0], "name": name}
        made += [role | {"rules": _rules(needed)}, binding | {"roleRef": ref, "subjects": [_subject(subject)]}]
    return made


def _object(kind: str, metadata: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": metadata}


def _rules(need: _Needed) -> list[dict[str, Any]]:
    pull = need.pull - need.push
    rules = []
    if need.push:
        rules.append(_rule(_LAYERS, ["get", "update"], need.push))
    if pull:
        rules.append(_rule(_LAYERS, ["get"], pull if len(pull) <= _MANY else ()))
    if need.sign:
        rules.append(_rule("imagesignatures", ["create"]))
    streams = [verb for verb, used in (("create", need.create), ("list", need.catalog)) if used]
    if streams:
        rules.append(_rule("imagestreams", streams))
    if need.delete:
        rules.append(_rule("images", ["delete"]))
    return rules


def _rule(resource: str, verbs: list[str], names: Iterable[str] = ()) -> dict[str, Any]:
    rule: dict[str, Any] = {"apiGroups": [IMAGES], "resources": [resource], "verbs": verbs}
    return rule | ({"resourceNames": sorted(names)} if names else {})


def _subject(subject: Identity) -> dict[str, str]:
    if subject.kind != ACCOUNT:
        return {"apiGroup": _RBAC, "kind": subject.kind, "name": subject.name}
    namespace, _, name = subject.name.partition(":")
    return {"kind": subject.kind, "name": name, "namespace": namespace}
