"""What the commands of remedies do to a world: `oc` as its sources have it, no kinder, and through a real shell.

`oc adm policy` finds a subject only in the spelling that it would write itself, refuses a binding to another role than
the one it is told, and deletes a binding that has no subjects left.
"""

import copy
import json
import shutil
import subprocess
from collections.abc import Callable
from typing import Final

from tests.worlds.plain_rbac import Object, World, account_of
from tests.worlds.small import IMAGES, RBAC, bind, role

PLURALS: Final = {
    "rolebinding": "rolebindings",
    "clusterrolebinding": "clusterrolebindings",
    "secret": "tokens",
    "imagestream": "imagestreams",
    "namespace": "namespaces",
    "clusterrole": "clusterroles",
}


class Manual(Exception):
    """A command that leaves the decision to a person."""


def followed(world: World, commands: str) -> World:
    """The world after these commands, one a line; raises when one of them fails as it would on a cluster."""
    after: World = copy.deepcopy(world)
    for line in commands.split("\n"):
        if not line.startswith("#"):
            _run(after, words(line))
    return after


def words(line: str) -> list[str]:
    """The words that a shell makes of a line; it must be one command, and start no other."""
    script = f"printf '%s\\0' {line}"
    shell = shutil.which("bash") or "bash"
    done = subprocess.run([shell, "-c", script], capture_output=True, check=True, env={"PATH": "/nowhere"})
    return done.stdout.decode().split("\0")[:-1]


def _run(world: World, argv: list[str]) -> None:
    program, *rest = argv
    assert program == "oc", argv
    options, rest = _options(rest)
    if rest[:2] == ["adm", "policy"]:
        _policy(world, rest[2], options, rest[3:])
    elif rest[:3] == ["adm", "groups", "remove-users"]:
        name, *users = rest[3:]
        members = _find(world, "groups", "", name)
        members["users"] = [user for user in members["users"] if user not in users]
    else:
        _VERBS[rest[0]](world, options, rest[1:])


def _options(argv: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    options: dict[str, list[str]] = {}
    rest: list[str] = []
    todo = iter(argv)
    for word in todo:
        if word == "--":
            rest += todo
        elif word in {"-n", "-p"}:
            options.setdefault(word, []).append(next(todo))
        elif word.startswith("-"):
            name, equals, value = word.partition("=")
            assert equals, f"an option that oc would not read so: {word}"
            options.setdefault(name, []).append(value)
        else:
            rest.append(word)
    return options, rest


def _only(options: dict[str, list[str]], name: str) -> str:
    (value,) = options[name]
    return value


def _find(world: World, plural: str, namespace: str, name: str) -> Object:
    found = [
        one
        for one in world[plural]
        if one["metadata"]["name"] == name and one["metadata"].get("namespace", "") == namespace
    ]
    assert found, f"not found: {plural} {namespace}/{name}"
    return found[0]


def _policy(world: World, verb: str, options: dict[str, list[str]], rest: list[str]) -> None:
    action, who = verb.partition("-")[0], verb.rpartition("-")[2]
    wide = "cluster" in verb
    namespace = "" if wide else _only(options, "-n")
    kind = "Role" if "--role-namespace" in options else "ClusterRole"
    assert options.get("--role-namespace", [namespace]) == [namespace]
    name, subject = rest
    meant = _subject(who, subject)
    plural = "clusterrolebindings" if wide else "rolebindings"
    if action == "add":
        _add(world, namespace, (kind, name), meant)
        return
    binding = _find(world, plural, namespace, _only(options, "--rolebinding-name"))
    ref = binding["roleRef"]
    assert (ref["kind"], ref["name"]) == (kind, name), f"contains role {ref}, instead of {kind} {name}"
    left = [one for one in binding.get("subjects") or [] if _key(one) != _key(meant)]
    assert len(left) < len(binding.get("subjects") or []), f"unable to find target {subject}"
    binding["subjects"] = left
    if not left:
        world[plural].remove(binding)


def _subject(who: str, name: str) -> Object:
    account = account_of(name) if who == "user" else None
    if account:
        return {"kind": "ServiceAccount", "namespace": account[0], "name": account[1]}
    return {"kind": {"user": "User", "group": "Group"}[who], "name": name, "apiGroup": RBAC}


def _key(subject: Object) -> tuple[str, str, str]:
    return subject["kind"], subject.get("namespace", ""), subject["name"]


def _add(world: World, namespace: str, ref: tuple[str, str], subject: Object) -> None:
    bindings = world["rolebindings" if namespace else "clusterrolebindings"]
    here = [one for one in bindings if one["metadata"].get("namespace", "") == namespace]
    for one in here:
        same = (one["roleRef"]["kind"], one["roleRef"]["name"]) == ref
        if same and _key(subject) in map(_key, one.get("subjects") or []):
            return
    taken = {one["metadata"]["name"] for one in here}
    name = next(one for one in (ref[1], *(f"{ref[1]}-{n}" for n in range(99))) if one not in taken)
    _, binding = bind(namespace, name, ref[1], kind=ref[0])
    bindings.append({**binding, "subjects": [subject]})


def _delete(world: World, options: dict[str, list[str]], rest: list[str]) -> None:
    kind, name = rest
    plural = PLURALS[kind]
    world[plural].remove(_find(world, plural, options.get("-n", [""])[0], name))


def _patch(world: World, options: dict[str, list[str]], rest: list[str]) -> None:
    kind, name = rest
    assert _only(options, "--type") == "merge"
    _find(world, PLURALS[kind], options.get("-n", [""])[0], name).update(json.loads(_only(options, "-p")))


def _label(world: World, options: dict[str, list[str]], rest: list[str]) -> None:
    kind, name, change = rest
    labels = _find(world, PLURALS[kind], options.get("-n", [""])[0], name)["metadata"].setdefault("labels", {})
    if change.endswith("-"):
        del labels[change[:-1]]
        _aggregate(world)
    else:
        key, _, labels[key] = change.partition("=")


def _aggregate(world: World) -> None:
    """Fill aggregated roles again, as the controller does."""
    for one in world["clusterroles"]:
        if "aggregationRule" in one:
            wanted = [each["matchLabels"].items() for each in one["aggregationRule"]["clusterRoleSelectors"]]
            sources = [
                other
                for other in world["clusterroles"]
                if any(labels <= (other["metadata"].get("labels") or {}).items() for labels in wanted)
            ]
            one["rules"] = [rule for other in sources for rule in other["rules"]]


def _create(world: World, options: dict[str, list[str]], rest: list[str]) -> None:
    kind, name = rest
    if kind == "clusterrole":
        parts = [resource.partition(".")[::2] for resource in _only(options, "--resource").split(",")]
        verbs = _only(options, "--verb").split(",")
        rules = [{"apiGroups": [group], "resources": [word], "verbs": verbs} for word, group in parts]
        world["clusterroles"].append(role("", name, *rules)[1])
        return
    assert kind == "role"
    word, dot, resource = _only(options, "--resource").partition(".")
    group, _, sub = resource.partition("/")
    assert (dot, group) == (".", IMAGES)
    verbs = _only(options, "--verb").split(",")
    rule = {"apiGroups": [group], "resources": [f"{word}/{sub}"], "verbs": verbs}
    plural, made = role(_only(options, "-n"), name, {**rule, "resourceNames": options["--resource-name"]})
    world[plural].append(made)


def _edit(_world: World, _options: dict[str, list[str]], rest: list[str]) -> None:
    raise Manual(rest)


_VERBS: Final[dict[str, Callable[[World, dict[str, list[str]], list[str]], None]]] = {
    "delete": _delete,
    "patch": _patch,
    "label": _label,
    "create": _create,
    "edit": _edit,
}
