"""Faults put into an estate on purpose, one of everything that is looked for, and the list of what must be found.

Each is put where nothing else is wrong; beside it stand look-alikes, which are good and must not be found.
"""

from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Final, NamedTuple

from benchmarks.estate import Estate, account, group, rule, user

_LAYERS: Final = "imagestreams/layers"
_USED: Final = "2025-12-20"  # a day on which nothing is idle yet
_LONG_AGO: Final = "2024-03-01T08:00:00Z"
_RECENTLY: Final = "2025-12-01T08:00:00Z"


class PlantedFault(NamedTuple):
    """A finding that must be there; `namespace` is `*` for what is cluster-wide."""

    check: str
    namespace: str
    subject: str


Faults = Iterator[PlantedFault]


class Ground:
    """The namespaces of an estate, handed out one by one."""

    def __init__(self, estate: Estate, after: int = 0) -> None:
        """Leave the first `after` namespaces of an estate alone; all are named after their organizations."""
        self.estate = estate
        self.names: list[str] = [item["metadata"]["name"] for item in estate.kinds()["namespaces"]]
        self._next = cycle(self.names[after:])
        self.number = 0

    def take(self) -> str:
        """Return a namespace that nothing was put into yet, as long as there are any."""
        self.number += 1
        return next(self._next)

    def sibling(self, namespace: str) -> str:
        """Return another namespace of the same organization."""
        return next(one for one in self.names if one != namespace and of(one) == of(namespace))

    def stranger(self, namespace: str) -> str:
        """Return a namespace of another organization."""
        return next(one for one in self.names if of(one) != of(namespace))

    def person(self) -> str:
        """Return somebody new, who is in no organization."""
        name = f"planted-{self.number:03d}"
        self.estate.add("users", name)
        return name


def of(namespace: str) -> str:
    """Return the organization of a namespace of an estate: `org-0001-ns-00002` is of `org-0001`."""
    return namespace.rpartition("-ns-")[0]


def _open(role: str, who: str, *checks: str) -> Callable[[Ground], Faults]:
    """Return what binds everybody of some sort."""

    def plant(ground: Ground) -> Faults:
        place = ground.take()
        ground.estate.bind("open", role, group(who), namespace=place)
        yield from (PlantedFault(check, place, who) for check in checks)

    return plant


def _everywhere(check: str, role: str, *rules: dict[str, object]) -> Callable[[Ground], Faults]:
    """Return what gives a person a role in every namespace."""

    def plant(ground: Ground) -> Faults:
        who = ground.person()
        if rules and all(item["metadata"]["name"] != role for item in ground.estate.kinds()["clusterroles"]):
            ground.estate.role(role, *rules)
        ground.estate.bind(f"planted-{check}-{ground.number}", role, user(who))
        ground.number += 1
        yield PlantedFault(check, "*", who)

    return plant


def _of_another_namespace(ground: Ground) -> Faults:
    for role, check in (
        ("system:image-puller", "other-namespace-pull"),
        ("system:image-pusher", "other-namespace-push"),
    ):
        place = ground.take()
        other = f"{ground.sibling(place)}:deployer"
        ground.estate.bind("neighbour", role, account(*other.split(":")), namespace=place)
        yield PlantedFault(check, place, other)


def _wildcard(ground: Ground) -> Faults:
    place = ground.take()
    team = f"{of(place)}+team-0"
    ground.estate.role("everything", rule("*", "*", group="*"), namespace=place)
    ground.estate.bind("everything", "everything", group(team), namespace=place, kind="Role")
    yield PlantedFault("wildcard-role", place, team)


def _push_with_secrets(ground: Ground) -> Faults:
    place, good = ground.take(), ground.take()
    ground.estate.bind("deploys", "edit", account(place, "ci"), namespace=place)
    ground.estate.bind("deploys", "system:image-builder", account(good, "ci"), namespace=good)
    yield PlantedFault("push-with-secrets", place, f"{place}:ci")


def _push_in_many(ground: Ground) -> Faults:
    place, good = ground.take(), ground.take()
    other = ground.take()
    while of(other) != of(place):
        other = ground.take()
    for where in (place, other):
        ground.estate.bind("central", "system:image-pusher", account(place, "ci"), namespace=where)
    ground.estate.bind("own", "system:image-pusher", account(good, "ci"), namespace=good)
    yield PlantedFault("push-in-many-namespaces", "*", f"{place}:ci")
    yield PlantedFault("other-namespace-push", other, f"{place}:ci")


def _accounts_that_push(ground: Ground) -> Faults:
    place, other = ground.take(), ground.take()
    ground.estate.bind("pods", "system:image-pusher", account(place, "default"), namespace=place)
    yield PlantedFault("default-push", place, f"{place}:default")
    everyone = f"system:serviceaccounts:{other}"
    ground.estate.bind("pods", "system:image-pusher", group(everyone), namespace=other)
    yield PlantedFault("namespace-accounts-push", other, everyone)


def _foreigners(ground: Ground) -> Faults:
    for check in ("foreign-user", "foreign-group", "foreign-account"):
        place = ground.take()
        other = ground.stranger(place)
        who = {"foreign-user": f"{of(other)}-user-01", "foreign-group": of(other), "foreign-account": f"{other}:ci"}[
            check
        ]
        subject = {"foreign-user": user(who), "foreign-group": group(who)}.get(check) or account(other, "ci")
        ground.estate.bind("foreign", "view", subject, group(of(place)), namespace=place)
        yield PlantedFault(check, place, who)


def _people(ground: Ground) -> Faults:
    place, other = ground.take(), ground.take()
    person, left = f"{of(place)}-user-03", f"left-{ground.number}"
    ground.estate.bind("by-hand", "view", user(person), namespace=place)
    yield PlantedFault("direct-user", place, person)
    ground.estate.bind("by-hand", "view", user(left), namespace=other)
    yield from (PlantedFault(check, other, left) for check in ("user-gone", "direct-user"))


def _groups(ground: Ground) -> Faults:
    place, other = ground.take(), ground.take()
    empty, opaque = f"nobody-{ground.number}", f"idp:partners-{ground.number}"
    ground.estate.add("groups", empty, users=[])
    ground.estate.bind("reviewers", "view", group(empty), namespace=place)
    yield PlantedFault("empty-group", place, empty)
    ground.estate.bind("external", "view", group(opaque), group("system:cluster-readers"), namespace=other)
    yield PlantedFault("opaque-group", other, opaque)
    place, mail = ground.take(), f"left-{ground.number}@example.org"
    ground.estate.add("groups", f"synchronized-{ground.number}", users=[mail])
    ground.estate.bind("synchronized", "view", group(f"synchronized-{ground.number}"), namespace=place)
    yield PlantedFault("user-gone", "*", mail)
    place = ground.take()
    ground.estate.bind("misspelt", "view", group("system:autenticated"), namespace=place)
    yield PlantedFault("misspelt-subject", place, "system:autenticated")


def _left_overs(ground: Ground) -> Faults:
    place, team = (where := ground.take()), f"{of(where)}+team-1"
    ground.estate.bind("unreleased", "release-engineer", group(team), namespace=place)
    yield PlantedFault("missing-role", place, team)
    place = ground.take()
    ground.estate.bind("jenkins", "system:image-puller", account(place, "jenkins"), namespace=place)
    yield PlantedFault("missing-account", place, f"{place}:jenkins")
    place, gone = ground.take(), f"deleted-{ground.number}"
    ground.estate.bind("shared", "system:image-puller", account(gone, "ci"), namespace=place)
    yield from (PlantedFault(check, place, f"{gone}:ci") for check in ("missing-namespace", "other-namespace-pull"))
    name = f"lost-{ground.number}"
    nameless = {"kind": "ServiceAccount", "name": name}
    ground.estate.bind(name, "system:image-puller", nameless)
    yield PlantedFault("nobody", "*", f":{name}")


def _tokens(ground: Ground) -> Faults:
    # Everybody may push somewhere in this estate, so each of these tokens is one of a pusher, too.
    estate = ground.estate
    place = ground.take()
    estate.token(place, "builder", used=_USED, created=_RECENTLY, name=f"planted-{ground.number}")
    yield PlantedFault("token-of-pusher", place, f"{place}:builder")
    place = ground.take()
    estate.token(place, "ci", used="2025-08-01", created="2025-06-01T08:00:00Z", name=f"planted-{ground.number}")
    yield from (PlantedFault(check, place, f"{place}:ci") for check in ("token-unused", "token-of-pusher"))
    place = ground.take()
    estate.token(place, "ci", used=_USED, created=_LONG_AGO, name=f"planted-{ground.number}")
    yield from (PlantedFault(check, place, f"{place}:ci") for check in ("token-old", "token-of-pusher"))
    place = ground.take()
    for name in ("first", "second"):
        estate.token(place, "ci", used=_USED, created=_RECENTLY, name=f"{name}-{ground.number}")
    estate.token(place, "deployer", used=_USED, created=_RECENTLY, name=f"planted-{ground.number}")
    yield from (PlantedFault(check, place, f"{place}:ci") for check in ("token-many", "token-of-pusher"))
    yield PlantedFault("token-of-pusher", place, f"{place}:deployer")


def _blind_spots(ground: Ground) -> Faults:
    estate = ground.estate
    lost = f"lost-{ground.number}"
    estate.add("namespaces", lost)
    yield PlantedFault("no-organization", lost, "")
    place, fresh = ground.take(), ground.take()
    for where, pushed in ((place, _LONG_AGO), (fresh, _RECENTLY)):
        estate.add("imagestreams", "old", where, status={"tags": [{"tag": "1", "items": [{"created": pushed}]}]})
    yield PlantedFault("stale-repository", place, "")
    place = ground.take()
    estate.role("reader", rule("*/layers", "get"), namespace=place)
    estate.bind("reader", "reader", group(f"{of(place)}+team-0"), namespace=place, kind="Role")
    estate.role("unbound", rule("*/layers", "get"), namespace=place)
    yield PlantedFault("no-effect", place, "")
    name = f"auditor-{ground.number}"
    estate.role(f"{name}-helper", rule(_LAYERS, "update"), into=name)
    estate.role(name, rule(_LAYERS, "get"), rule(_LAYERS, "update"), made_of=name)
    yield PlantedFault("aggregation", "*", "")


def _another_way(ground: Ground) -> Faults:
    estate, place = ground.estate, ground.take()
    estate.role("reader", rule("secrets", "list", group=""), namespace=place)
    estate.bind("reader", "reader", group(_EVERYBODY), namespace=place, kind="Role")
    yield PlantedFault("secrets-open", place, _EVERYBODY)
    place = ground.take()
    maps = f"maps-{ground.number}"  # a role of a name is one finding, in however many namespaces it is
    estate.role(maps, rule("imagestreammappings", "create"), namespace=place)
    estate.role("lists", rule("imagestreammappings", "list"), namespace=place)
    estate.bind("maps", maps, group(of(place)), namespace=place, kind="Role")
    estate.bind("lists", "lists", group(f"{of(place)}+team-0"), namespace=place, kind="Role")
    yield PlantedFault("any-image", place, "")
    who = ground.person()
    name = f"members-{ground.number}"
    estate.role(name, {**rule("groups", "update", group="user.openshift.io"), "resourceNames": [of(place)]})
    estate.bind(name, name, user(who))
    estate.bind(name, name, group(f"{of(place)}+team-1"), namespace=place)  # groups are in no namespace
    yield PlantedFault("group-editors", "*", who)


_ALL, _EVERYBODY, _ACCOUNTS = "system:unauthenticated", "system:authenticated", "system:serviceaccounts"
_PLANTS: Final[tuple[Callable[[Ground], Faults], ...]] = (
    _open("system:image-puller", _ALL, "anonymous-pull"),
    _open("system:image-pusher", _ALL, "anonymous-pull", "anonymous-push"),
    _open("registry-viewer", _EVERYBODY, "every-user-pull"),
    _open("system:image-pusher", _EVERYBODY, "every-user-pull", "every-user-push"),
    _open("view", _EVERYBODY, "every-user-pull", "open-unnoticed"),
    _open("system:image-puller", _ACCOUNTS, "every-account-pull"),
    _open("system:image-pusher", _ACCOUNTS, "every-account-pull", "every-account-push"),
    _everywhere("cluster-wide-push", "system:image-pusher"),
    _everywhere("cluster-wide-pull", "system:image-puller"),
    _everywhere("prune", "pruner", rule("images", "delete")),
    _everywhere("catalog", "lister", rule("imagestreams", "list")),
    _everywhere("sign", "signer", rule("imagesignatures", "create")),
    _of_another_namespace,
    _wildcard,
    _push_with_secrets,
    _push_in_many,
    _accounts_that_push,
    _foreigners,
    _people,
    _groups,
    _left_overs,
    _tokens,
    _blind_spots,
)


def plant(estate: Estate, times: int = 1, after: int = 0, *, routes: bool = False) -> list[PlantedFault]:
    """Put every fault into an estate, `times` over, but for its first namespaces; return what must be found, sorted.

    With `routes`, also those by which somebody comes to an image another way; the demo has none of these.
    """
    ground = Ground(estate, after)
    plants = (*_PLANTS, _another_way) if routes else _PLANTS
    return sorted(found for _ in range(times) for one in plants for found in one(ground))
