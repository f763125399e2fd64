"""Small random worlds, full of traps, on which two readings of RBAC can be compared.

A world is put together of *pieces*, each made from one integer: `world_of(seed)` draws the integers itself, while
`worlds()` leaves them to hypothesis, which then shrinks a world by leaving pieces out.
"""

import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final, Literal, NamedTuple

import yaml
from hypothesis import strategies as st

from audit.snapshot.objects import TRACES
from tests.simulator.kinds import KINDS, as_list
from tests.worlds.plain_rbac import ACTIONS, ANONYMOUS, World, account_of

Object = dict[str, Any]
Subject = dict[str, str]
Form = Literal["json", "yaml", "json.gz"]


class Question(NamedTuple):
    """May this subject do this there?"""

    kind: str
    subject: str
    action: str
    namespace: str
    repository: str


HOSTILE = (
    "<script>alert(1)</script>",
    "=cmd|'/C calc'!A0",
    "\x1b[31mred",
    "\U0001f980",
    'a,b"c',
    "+49",
    "-1",
    "@x",
    "*",
)
VIRTUAL = (
    "system:authenticated",
    "system:authenticated:oauth",
    "system:serviceaccounts",
    "system:unauthenticated",
    "system:masters",
)
REPOSITORIES = ("app-0", "app-1", "other")
NOWHERE = "ns-gone"
# A world is of a zone, and holds what decides access.
NOT_HELD = ("projects", "secrets", "zones", "organizationmembers", "teams", *TRACES)
STRANGER = "never-mentioned"

_NAMESPACES = ("ns-0", "ns-00", "ns-1", "openshift")
_ACCOUNTS = ("ci", "builder", "default")
_PEOPLE = ("alice", "Alice", "bob", "bob ", "org-1", "system:masters")
_GROUPS = ("org-1", "Org-1", "org-1+ops", "alice", "empty", *HOSTILE)
_NO_OBJECT = "no-object"
_ROLES = ("puller", "Puller", "pusher", "admin", "missing")
_LABEL = "rbac.authorization.k8s.io/aggregate-to-"
_LAYERS, _STREAMS = "imagestreams/layers", "imagestreams"
_API_GROUPS = ("image.openshift.io", "", "*", "Image.openshift.io", "rbac.authorization.k8s.io")
_VERBS = ("get", "update", "create", "delete", "list", "watch", "GET", "*")
_RESOURCES = ("*", "*/layers", _STREAMS, _LAYERS, "images", "imagesignatures", "imagestreams/*", "secrets", "pods")
_NO_NAMES: tuple[list[str] | None, ...] = (None, [], None, [])
_SOME_NAMES = (["app-0"], ["app-1"], ["app-0", "app-1"], ["app-0", ""], [""], ["App-0"], ["*"])
_SEEDS = st.integers(0, 2**20 - 1)


def world_of(seed: int) -> World:
    """The same world for the same seed, always."""
    rng = Random(seed)
    base, pieces = rng.getrandbits(20), [rng.getrandbits(20) for _ in range(rng.randint(3, 14))]
    return _added(_Draft(Random(base)), pieces, _PIECES)


def varied_world(seed: int) -> World:
    """Another world for each seed, of all kinds of pieces."""
    return _varied(seed)


def world_with_logins(seed: int) -> World:
    """The same, and it is recorded in it who may log in."""
    return _varied(seed, _logins)


def _varied(seed: int, *first: "_Piece") -> World:
    rng = Random(seed)
    base, pieces = rng.getrandbits(20), [rng.getrandbits(20) for _ in range(rng.randint(3, 14))]
    draft = _Draft(Random(base))
    for piece in first:
        piece(draft)
    return _added(draft, pieces, _MORE)


def worlds() -> st.SearchStrategy[World]:
    """Random worlds; the simplest has two namespaces and nothing bound."""
    return st.builds(_assemble, _SEEDS, st.lists(_SEEDS, max_size=14))


def pairs() -> st.SearchStrategy[tuple[World, World]]:
    """Two random worlds with much in common: of the same pieces, but for some of their own."""
    seeds = st.lists(_SEEDS, max_size=6)
    return st.builds(
        lambda base, shared, one, other: (_assemble(base, [*shared, *one]), _assemble(base, [*shared, *other])),
        _SEEDS,
        st.lists(_SEEDS, max_size=10),
        seeds,
        seeds,
    )


def _assemble(base: int, pieces: Iterable[int]) -> World:
    return _added(_Draft(Random(base)), pieces, _MORE)


def _added(draft: "_Draft", pieces: Iterable[int], kinds: "Sequence[_Piece]") -> World:
    for seed in pieces:
        draft.rng = Random(seed)
        draft.rng.choice(kinds)(draft)
    draft.add("groups", None, "zz-last", users=[])
    return furnished(draft.world)


def furnished(world: World) -> World:
    """Return a world with what every cluster has, which gives nobody anything: without it, no list is believed.

    Lists that are not in the world are left out, and a world without namespaces is left alone.
    """
    more: World = {plural: [] for plural in world}

    def add(plural: str, namespace: str, name: str, **fields: Any) -> None:
        place = {"namespace": namespace} if namespace else {}
        key = (namespace, name)
        listed = ((one["metadata"].get("namespace", ""), one["metadata"]["name"]) for one in world.get(plural, []))
        if plural in world and key not in listed:
            more[plural].append({"metadata": {"name": name, "creationTimestamp": None, **place}, **fields})

    spaces = [one["metadata"]["name"] for one in world.get("namespaces") or []]
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "zz-last"}
    for name in ("admin", "cluster-admin", "edit", "view", "zz-last") if spaces else ():
        add("clusterroles", "", name, rules=[])
    if spaces and not world.get("groups"):
        add("groups", "", "zz-last", users=[])
    if spaces:
        add("clusterrolebindings", "", "cluster-admins", roleRef=ref)
    for namespace in spaces:
        add("serviceaccounts", namespace, "default")
        add("roles", namespace, "zz-last", rules=[])
        add("rolebindings", namespace, "system:image-pullers", roleRef=ref)
    return {plural: [*(objects or ()), *more[plural]] for plural, objects in world.items()}


def _chance(rng: Random, share: float) -> bool:
    return rng.random() < share


class _Draft:
    """A world in the making."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.made = 0
        self.taken: set[tuple[str, str | None, str]] = set()
        self.world: World = {plural: [] for plural in KINDS if plural not in NOT_HELD}
        self.namespaces = rng.sample(_NAMESPACES, rng.randint(2, len(_NAMESPACES)))
        for name in self.namespaces:
            labels = {"appuio.io/organization": rng.choice(("org-1", "+49"))} if _chance(rng, 0.5) else {}
            self.add("namespaces", None, name, labels=labels)
            for account in rng.sample(_ACCOUNTS, rng.randint(0, 2)):
                self.add("serviceaccounts", name, account)
            for repository in rng.sample(REPOSITORIES[:2], rng.randint(0, 2)):
                self.add("imagestreams", name, repository)

    def add(
        self, plural: str, namespace: str | None, name: str, labels: dict[str, str] | None = None, **fields: Any
    ) -> None:
        """Add an object, unless one of that name is there already."""
        if (plural, namespace, name) in self.taken:
            return
        self.taken.add((plural, namespace, name))
        self.made += 1
        metadata: Object = {"name": name, "uid": f"00000000-0000-4000-8000-{self.made:012d}"}
        if namespace is not None:
            metadata["namespace"] = namespace
        if labels:
            metadata["labels"] = labels
        metadata["creationTimestamp"] = f"2026-01-{self.made % 28 + 1:02d}T10:00:00Z"
        self.world[plural].append({"metadata": metadata, **fields})

    def namespace(self) -> str:
        return self.rng.choice(self.namespaces)

    def scope(self) -> str | None:
        """A namespace, or None for the whole cluster."""
        return self.namespace() if _chance(self.rng, 0.6) else None

    def bind(
        self, scope: str | None, role_kind: str, role: str, subjects: list[Subject] | None, name: str = ""
    ) -> None:
        ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role}
        fields: Object = {"roleRef": ref}
        if subjects or _chance(self.rng, 0.5):
            fields["subjects"] = subjects
        self.add("rolebindings" if scope else "clusterrolebindings", scope, name or f"binding-{self.made}", **fields)

    def role(self, scope: str | None, name: str, rules: list[Object] | None, **labels: str) -> str:
        """Add a role and say of which kind it is."""
        fields: Object = {"rules": rules}
        self.add("roles" if scope else "clusterroles", scope, name, labels, **fields)
        return "Role" if scope else "ClusterRole"

    def grant(self, scope: str | None, rules: list[Object], subjects: list[Subject]) -> None:
        """A role of its own, bound: in a namespace by either kind of role."""
        name = f"role-{self.made}"
        self.bind(scope, self.role(scope if _chance(self.rng, 0.5) else None, name, rules), name, subjects)


def _rule(rng: Random, verbs: list[str], resources: list[str], named: float = 0.3) -> Object:
    names = rng.choice(_SOME_NAMES if _chance(rng, named) else _NO_NAMES)
    groups = ["image.openshift.io"] if _chance(rng, 0.7) else rng.sample(_API_GROUPS, rng.randint(1, 2))
    rule: Object = {"verbs": verbs, "apiGroups": groups, "resources": resources}
    if names is not None or _chance(rng, 0.1):
        rule["resourceNames"] = names
    return rule


def _any_rule(rng: Random) -> Object:
    if _chance(rng, 0.05):
        return {"verbs": ["*"], "nonResourceURLs": ["*"]}
    if _chance(rng, 0.5):
        return _rule(rng, rng.choice((["get"], ["get", "update"], ["update"])), [_LAYERS])
    return _rule(rng, rng.sample(_VERBS, rng.randint(1, 3)), rng.sample(_RESOURCES, rng.randint(1, 3)))


def _rules(rng: Random) -> list[Object] | None:
    return None if _chance(rng, 0.1) else [_any_rule(rng) for _ in range(rng.randint(0, 3))]


def _named(kind: str, name: str) -> Subject:
    return {"kind": kind, "apiGroup": "rbac.authorization.k8s.io", "name": name}


def _account(rng: Random, namespace: str) -> Subject:
    """An account as a subject; without its namespace it means one thing in a role binding and nobody elsewhere."""
    subject = {"kind": "ServiceAccount", "name": rng.choice(_ACCOUNTS)}
    if _chance(rng, 0.7):
        subject["namespace"] = namespace
    return subject


def _subject(draft: _Draft) -> Subject:
    rng, namespace = draft.rng, draft.namespace()
    spelled = f"system:serviceaccount:{namespace}:{rng.choice(_ACCOUNTS)}"
    return rng.choice(
        (
            _named("User", rng.choice(_PEOPLE)),
            _named("User", rng.choice((*_PEOPLE, *HOSTILE))),
            _named("User", rng.choice((spelled, ANONYMOUS))),
            _named("Group", rng.choice((*_GROUPS, _NO_OBJECT))),
            _named("Group", rng.choice((*VIRTUAL, f"system:serviceaccounts:{namespace}"))),
            _account(rng, namespace),
        )
    )


def _subjects(draft: _Draft) -> list[Subject] | None:
    found = [_subject(draft) for _ in range(draft.rng.randint(0, 3))]
    if found and _chance(draft.rng, 0.15):
        found.append(dict(found[0]))
    return found if found or _chance(draft.rng, 0.5) else None


def _faces_of_a_person(draft: _Draft) -> list[Subject]:
    person = draft.rng.choice((*_PEOPLE[:3], *HOSTILE))
    group = draft.rng.choice(_GROUPS)
    draft.add("groups", None, group, users=[person])
    return [_named("User", person), *(_named("Group", name) for name in (group, *VIRTUAL[:2]))]


def _faces_of_an_account(draft: _Draft) -> list[Subject]:
    namespace, name = draft.namespace(), draft.rng.choice(_ACCOUNTS)
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return [
        {"kind": "ServiceAccount", "name": name, "namespace": namespace},
        {"kind": "ServiceAccount", "name": name},
        _named("User", f"system:serviceaccount:{namespace}:{name}"),
        *(_named("Group", group) for group in groups),
    ]


def _faces_of_nobody(draft: _Draft) -> list[Subject]:
    return [_named("User", ANONYMOUS), _named("Group", "system:unauthenticated")]


def _faces_of_a_group(draft: _Draft) -> list[Subject]:
    group = draft.rng.choice((*_GROUPS, _NO_OBJECT, *VIRTUAL[:3], f"system:serviceaccounts:{draft.namespace()}"))
    return [_named("Group", group), _named("Group", group), _named("Group", "system:authenticated")]


_FACES = (_faces_of_a_person, _faces_of_a_person, _faces_of_an_account, _faces_of_a_group, _faces_of_nobody)


def _split_create(draft: _Draft) -> None:
    """The two halves of `create`, from two bindings of any scope, each to another face of one caller."""
    rng = draft.rng
    faces = rng.choice(_FACES)(draft)
    home = draft.namespace()
    update = _rule(rng, rng.choice((["update"], ["get", "update"], ["*"])), [_LAYERS], named=0.5)
    create = _rule(rng, ["create"], rng.choice(([_STREAMS], [_STREAMS], ["*"])), named=0.1)
    for rule in (update, create):
        draft.grant(home if _chance(rng, 0.7) else draft.scope(), [rule], [rng.choice(faces)])


def _split_push(draft: _Draft) -> None:
    """The rights of a push, from bindings of any scope, each to another face of one caller and for other names."""
    rng = draft.rng
    faces = rng.choice(_FACES)(draft)
    home = draft.namespace()
    rules = [
        _rule(rng, rng.choice((["get"], ["get", "watch"], ["*"])), [_LAYERS], named=0.5),
        _rule(rng, rng.choice((["update"], ["get", "update"], ["update"])), [_LAYERS], named=0.5),
        _rule(rng, ["create"], rng.choice(([_STREAMS], [_STREAMS], ["*"])), named=0.1),
    ]
    for rule in rng.sample(rules, rng.choice((2, 2, 3))):
        draft.grant(home if _chance(rng, 0.7) else draft.scope(), [rule], [rng.choice(faces)])


def _logins(draft: _Draft) -> None:
    """What every API server makes by itself, and who may use the registry: not always everybody, nor both rights."""
    rng = draft.rng
    draft.role(None, "system:discovery", [{"verbs": ["get"], "nonResourceURLs": ["/version"]}])
    everybody = [_named("Group", "system:authenticated")]
    draft.bind(None, "ClusterRole", "system:discovery", everybody, name="system:discovery")
    rules = [
        {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"]},
        {"verbs": ["create"], "apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews"]},
    ]
    if _chance(rng, 0.6):
        draft.role(None, "system:basic-user", rng.choice((rules, rules[:1], rules[1:])))
    if _chance(rng, 0.6):
        draft.bind(None, "ClusterRole", "system:basic-user", rng.choice((everybody, None)), name="system:basic-user")
    for _ in range(rng.randint(0, 4)):
        given = rng.choice((rules, rules[:1], rules[1:], [{**rules[0], "resourceNames": ["x"]}, rules[1]]))
        draft.grant(None if _chance(rng, 0.9) else draft.namespace(), given, [_subject(draft)])


def _fresh_grant(draft: _Draft) -> None:
    """A binding to a role of its own."""
    draft.grant(draft.scope(), _rules(draft.rng) or [], _subjects(draft) or [])


def _pool_role(draft: _Draft) -> None:
    """A role whose name others have too: in the cluster, in other namespaces, in other letters."""
    draft.role(draft.scope(), draft.rng.choice(_ROLES[:-1]), _rules(draft.rng))


def _pool_binding(draft: _Draft) -> None:
    """A binding to a role that may be of either kind, or missing."""
    scope = draft.scope()
    kind = draft.rng.choice(("Role", "ClusterRole")) if scope else "ClusterRole"
    draft.bind(scope, kind, draft.rng.choice(_ROLES), _subjects(draft))


def _group(draft: _Draft) -> None:
    """A group: with doubled users, with accounts and nobody (who are never members), empty, or null."""
    rng = draft.rng
    name = rng.choice(_GROUPS)
    pool = (*_PEOPLE, *HOSTILE, ANONYMOUS, f"system:serviceaccount:{draft.namespace()}:ci")
    users: list[str] | None = [rng.choice(pool) for _ in range(rng.randint(0, 4))]
    if users and _chance(rng, 0.3):
        users.append(users[0])
    if name == "empty" or not users:
        users = rng.choice(([], None))
    draft.add("groups", None, name, users=users)


def _aggregated(draft: _Draft) -> None:
    """A labelled role and the role that aggregates it, into which the controller has copied the rules, or not yet."""
    rng = draft.rng
    target = rng.choice(("view", "edit"))
    rules = [_any_rule(rng)]
    draft.role(None, f"part-{draft.made}", rules, **{f"{_LABEL}{target}": "true"})
    selector = {"clusterRoleSelectors": [{"matchLabels": {f"{_LABEL}{target}": "true"}}]}
    held = [dict(rule) for rule in rules] if _chance(rng, 0.7) else None
    draft.add("clusterroles", None, target, rules=held, aggregationRule=selector)
    draft.bind(draft.scope(), "ClusterRole", target, _subjects(draft))


_Piece = Callable[[_Draft], None]
_PIECES: tuple[_Piece, ...] = (
    *(_split_create,) * 6,
    *(_fresh_grant,) * 4,
    *(_pool_binding,) * 4,
    *(_pool_role,) * 4,
    *(_group,) * 2,
    *(_aggregated,) * 2,
)
# For worlds that no test knows by their seed.
_MORE: Final[tuple[_Piece, ...]] = (*_PIECES, *(_split_push,) * 6, _logins)


def questions(world: World) -> list[Question]:
    """Each subject that the world mentions, and those it does not, asked for each action everywhere."""
    namespaces = [namespace["metadata"]["name"] for namespace in world["namespaces"]]
    subjects = sorted(set(_mentioned(world, namespaces)))
    return [
        Question(kind, subject, action, namespace, repository)
        for kind, subject in subjects
        for namespace in (*namespaces, NOWHERE)
        for repository in REPOSITORIES
        for action in ACTIONS
    ]


def _mentioned(world: World, namespaces: list[str]) -> Iterator[tuple[str, str]]:
    yield from (("User", STRANGER), ("User", ANONYMOUS), ("ServiceAccount", f"{min(namespaces)}:{STRANGER}"))
    yield from (("Group", group) for group in (*VIRTUAL, STRANGER))
    yield from (("Group", f"system:serviceaccounts:{namespace}") for namespace in (*namespaces, NOWHERE))
    for account in world.get("serviceaccounts") or ():
        yield "ServiceAccount", f"{account['metadata']['namespace']}:{account['metadata']['name']}"
    for group in world.get("groups") or ():
        yield "Group", group["metadata"]["name"]
        for user in group.get("users") or ():
            yield from _person(user)
    for binding in (*(world.get("rolebindings") or ()), *(world.get("clusterrolebindings") or ())):
        for subject in binding.get("subjects") or ():
            yield from _bound(subject, binding["metadata"].get("namespace"), namespaces)


def _person(user: str) -> Iterator[tuple[str, str]]:
    yield "User", user
    account = account_of(user)
    if account is not None:
        yield "ServiceAccount", ":".join(account)


def _bound(subject: Subject, home: str | None, namespaces: list[str]) -> Iterator[tuple[str, str]]:
    if subject["kind"] == "User":
        yield from _person(subject["name"])
    elif subject["kind"] == "Group":
        yield "Group", subject["name"]
    else:
        meant = subject.get("namespace") or home
        for namespace in [meant] if meant else namespaces:
            yield "ServiceAccount", f"{namespace}:{subject['name']}"


def shuffled(world: World, seed: int) -> World:
    """The same world with every list that has no order of its own in another order."""
    rng = Random(seed)
    copy: World = json.loads(json.dumps(world))

    def shuffle(holder: Any) -> None:
        if isinstance(holder, list):
            rng.shuffle(holder)
        for inner in holder.values() if isinstance(holder, dict) else holder:
            if isinstance(inner, dict | list):
                shuffle(inner)

    shuffle(copy)
    return copy


def write_dump(world: World, folder: Path, *, kinds: Iterable[str] | None = None, form: Form = "json") -> Path:
    """Write `<plural>.<form>` for each kind, as the LIST that the API server answers; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    world = furnished(world) if kinds is None else world
    for plural in world if kinds is None else kinds:
        listed = as_list(KINDS[plural], world.get(plural) or [], resourceVersion="1000")
        if form == "yaml":
            text = yaml.safe_dump(listed, sort_keys=False, allow_unicode=True)
        else:
            text = json.dumps(listed, ensure_ascii=False, separators=(",", ":"))
        data = text.encode()
        (folder / f"{plural}.{form}").write_bytes(gzip.compress(data, mtime=0) if form == "json.gz" else data)
    return folder
