"""For each check: what it must find, and what nearly looks so and must not be found."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from tests.worlds.plain_rbac import World
from tests.worlds.running import tagged
from tests.worlds.small import (
    BORN,
    CREATE,
    PULL,
    PUSH,
    SECRETS,
    Piece,
    account,
    bind,
    group,
    namespace,
    role,
    rule,
    stream,
    token,
    world,
)  # fmt: skip
from tests.worlds.use import NOBODY, used

CI = ("ServiceAccount", "shop:ci")
MANY = tuple(("User", f"person{at}") for at in range(10))
CI_USER = "system:serviceaccount:shop:ci"
ANYBODY = ("Group", "system:unauthenticated")
EVERYBODY = ("Group", "system:authenticated")
ALL_ACCOUNTS = ("Group", "system:serviceaccounts")
LABEL = "rbac.authorization.k8s.io/aggregate-to-"
FROM_VIEW = {"clusterRoleSelectors": [{"matchLabels": {f"{LABEL}view": "true"}}]}
OLD = "2024-06-01T00:00:00Z"

TRAP = role("shop", "trap", rule(["*/layers"], ["*"]))
LEGACY = role("shop", "legacy", rule(["imagestreams/layers"], ["get", "update"], group=""))
DELETES = role("", "deletes", rule(["images"], ["delete"]))
LISTS = role("", "lists", rule(["imagestreams"], ["list"]))
UPLOADS = role("", "uploads", rule(["imagestreams/layers"], ["update"]))
IDENTIFY = rule(["selfsubjectreviews"], ["create"], group="authentication.k8s.io")
REVIEW = rule(["selfsubjectaccessreviews"], ["create"], group="authorization.k8s.io")
LOGIN = role("", "system:basic-user", IDENTIFY, REVIEW)
DISCOVERY = bind("", "system:discovery", "system:discovery", EVERYBODY)
DISCOVERS = role("", "system:discovery", {"verbs": ["get"], "nonResourceURLs": ["/api"]})
READS = role("", "reads", rule(["secrets"], ["list"], group=""))
DEPLOYS = role(
    "",
    "system:deployer",
    rule(["replicationcontrollers"], ["get", "list", "watch", "update", "delete"], group=""),
    rule(["pods"], ["create", "get", "list", "watch"], group=""),
    rule(["imagestreamtags"], ["create", "update"]),
)
MAPS = role("", "maps", rule(["imagestreammappings"], ["create"]))
EDITS_GROUPS = role("", "edits-groups", rule(["groups"], ["patch"], group="user.openshift.io"))
SIGNS = role("", "signs", rule(["imagesignatures"], ["create"]))


class Case(NamedTuple):
    """Worlds that hold `fires` and the places and subjects found in them; worlds that hold `nearly` and are good."""

    fires: tuple[tuple[Piece, ...], ...]
    found: frozenset[tuple[str, str]]
    nearly: tuple[tuple[Piece, ...], ...]
    without: tuple[tuple[str, str], ...] = ()

    def worlds(self) -> list[World]:
        return [world(*pieces, without=self.without) for pieces in self.fires]


_SHOP_API = {"kind": "ImageStreamTag", "namespace": "shop", "name": "api:v1"}
_OUTSIDE = {"kind": "DockerImage", "name": "quay.io/acme/api:v1"}


def case(
    *fires: tuple[Piece, ...] | Piece,
    found: set[tuple[str, str]],
    nearly: list[tuple[Piece, ...] | Piece],
    without: tuple[tuple[str, str], ...] = (),
) -> Case:
    return Case(tuple(map(_pieces, fires)), frozenset(found), tuple(map(_pieces, nearly)), without)


def _pieces(one: tuple[Piece, ...] | Piece) -> tuple[Piece, ...]:
    return (one,) if isinstance(one[0], str) else one


def _pull(place: str, *who: tuple[str, str]) -> Piece:
    return bind(place, "extra", "system:image-puller", *who)


def _push(place: str, *who: tuple[str, str]) -> Piece:
    return bind(place, "extra", "system:image-pusher", *who)


def _sa(name: str) -> tuple[str, str]:
    return ("ServiceAccount", name)


def _user(name: str) -> tuple[str, str]:
    return ("User", name)


MISSPELT = (
    *(
        ("Group", f"system:{name}")
        for name in ("autenticated", "Authenticated", "authenticated:oath", "unautenticated")
    ),
    *(
        ("Group", f"system:{name}")
        for name in ("serviceaccount:shop", "serviceaccount", "serviceacounts:shop", "master")
    ),
    *(("Group", name) for name in ("system:serviceaccount:shop:ci", "authenticated")),
    *(("User", name) for name in ("system:authenticated", "system:serviceaccounts:shop", "system:serviceaccount:shop")),
)
_MANY = tuple(_user(f"p{number}") for number in range(3))

# In a tidy world, whoever may push does.
QUIET_USE = (used("ann", "push", "shop", "app"), used("eve", "push", "bank", "app"))
# Where nobody does.
UNUSED = {("shop", "ann"), ("shop", "acme"), ("bank", "other")}

CASES: Final[Mapping[str, Case]] = {
    "anonymous-pull": case(
        _pull("shop", ANYBODY),
        found={("shop", "system:unauthenticated")},
        nearly=[
            _pull("shop", ("Group", "unauthenticated")),
            (TRAP, bind("shop", "x", "trap", ANYBODY, kind="Role")),
            (LEGACY, bind("shop", "x", "legacy", ANYBODY, kind="Role")),
            _pull("shop", EVERYBODY),
        ],
    ),
    "anonymous-push": case(
        _push("shop", _user("system:anonymous")),
        bind("shop", "x", "admin", _user("system:anonymous")),
        found={("shop", "system:anonymous")},
        nearly=[_pull("shop", ANYBODY), _push("shop", EVERYBODY)],
    ),
    "every-user-pull": case(
        _pull("shop", EVERYBODY),
        bind("shop", "x", "view", EVERYBODY),
        found={("shop", "system:authenticated")},
        nearly=[_pull("openshift", EVERYBODY), _pull("shop", ("Group", "acme")), _pull("shop", ALL_ACCOUNTS)],
    ),
    "every-user-push": case(
        _push("openshift", ("Group", "system:authenticated:oauth")),
        found={("openshift", "system:authenticated:oauth")},
        nearly=[_pull("shop", EVERYBODY), _push("shop", ("Group", "acme"))],
    ),
    "every-account-pull": case(
        _pull("shop", ALL_ACCOUNTS),
        found={("shop", "system:serviceaccounts")},
        nearly=[_pull("openshift", ALL_ACCOUNTS), _pull("shop", ("Group", "system:serviceaccounts:shop"))],
    ),
    "every-account-push": case(
        _push("shop", ALL_ACCOUNTS),
        found={("shop", "system:serviceaccounts")},
        nearly=[_pull("shop", ALL_ACCOUNTS), _push("shop", ("Group", "system:serviceaccounts:shop"))],
    ),
    "other-namespace-pull": case(
        _pull("shop", _sa("mall:ci"), ("Group", "system:serviceaccounts:mall")),
        found={("shop", "mall:ci"), ("shop", "system:serviceaccounts:mall")},
        nearly=[
            _pull("shop", _sa("shop:ci")),
            _pull("shop", _sa("openshift-infra:build-controller")),
            _pull("shop", _sa("bank:ci")),
            _push("shop", _sa("mall:ci")),
            bind("", "x", "system:image-puller", _sa("mall:ci")),
        ],
    ),
    "other-namespace-push": case(
        _push("shop", _sa("mall:ci")),
        bind("shop", "x", "admin", _user("system:serviceaccount:mall:ci")),
        found={("shop", "mall:ci")},
        nearly=[
            _pull("shop", _sa("mall:ci")),
            _push("shop", _sa("openshift-infra:build-controller")),
            _push("shop", _sa(":ci")),
            _push("shop", _sa("bank:ci")),
        ],
    ),
    "open-unnoticed": case(
        bind("shop", "x", "view", EVERYBODY),
        (role("shop", "all", rule(["*"], ["get"])), bind("shop", "x", "all", EVERYBODY, kind="Role")),
        found={("shop", "system:authenticated")},
        nearly=[
            _pull("shop", EVERYBODY),
            bind("openshift", "x", "view", EVERYBODY),
            bind("shop", "x", "view", _user("ann")),
        ],
    ),
    "cluster-wide-push": case(
        bind("", "x", "registry-editor", _user("kim")),
        bind("", "x", "cluster-admin", _user("kim")),
        bind(
            "", "x", "cluster-admin", _sa("kube-system:tiller"), ("Group", "system:acme-admins"), _user("system:backup")
        ),
        bind("", "x", "registry-editor", ("Group", "system:serviceaccounts:default"), _sa("openshift-gitops:argocd")),
        found={
            *(("*", name) for name in ("kim", "kube-system:tiller", "system:acme-admins", "system:backup")),
            *(("*", name) for name in ("system:serviceaccounts:default", "openshift-gitops:argocd")),
        },
        nearly=[
            bind("", "x", "system:image-puller", _user("kim")),
            bind(
                "",
                "x",
                "cluster-admin",
                _sa("openshift-infra:build-controller"),
                _user("system:admin"),
                ("Group", "system:masters"),
            ),
            bind("shop", "x", "registry-editor", _user("kim")),
            bind("", "x", "registry-editor", EVERYBODY),
        ],
    ),
    "cluster-wide-pull": case(
        bind("", "x", "system:image-puller", ("Group", "acme")),
        found={("*", "acme")},
        nearly=[
            bind("", "x", "registry-editor", _user("kim")),
            bind("", "x", "system:image-puller", ("Group", "system:nodes")),
            _pull("shop", _user("kim")),
        ],
    ),
    "wildcard-role": case(
        (role("shop", "all", rule(["*"], ["*"], group="*")), bind("shop", "x", "all", _user("kim"), kind="Role")),
        bind("shop", "x", "cluster-admin", _user("kim")),
        found={("shop", "kim")},
        nearly=[
            bind("", "x", "cluster-admin", _user("kim")),
            (TRAP, bind("shop", "x", "trap", _user("kim"), kind="Role")),
            (role("shop", "pods", rule(["*"], ["*"], group="")), bind("shop", "x", "pods", _user("kim"), kind="Role")),
        ],
    ),
    "push-with-secrets": case(
        bind("shop", "x", "registry-editor", _sa("shop:ci")),
        bind("shop", "x", "admin", _sa("shop:ci"), _user("ann")),
        (
            role("shop", "own", {**PUSH, "resourceNames": ["web"]}, SECRETS),
            bind("shop", "x", "own", _sa("shop:ci"), kind="Role"),
        ),
        (role("shop", "all", rule(["*"], ["*"], group="*")), bind("shop", "x", "all", _sa("shop:ci"), kind="Role")),
        found={("shop", "shop:ci")},
        nearly=[
            _push("shop", _sa("shop:ci")),
            bind("shop", "x", "system:image-builder", _sa("shop:ci")),
            bind("shop", "x", "registry-editor", _user("ann")),
            (role("shop", "s", SECRETS, PULL), bind("shop", "x", "s", _sa("shop:ci"), kind="Role")),
            (
                role("shop", "s", PUSH, {**SECRETS, "resourceNames": ["mine"]}),
                bind("shop", "x", "s", _sa("shop:ci"), kind="Role"),
            ),
            bind("openshift", "x", "registry-editor", _sa("openshift-infra:build-controller")),
        ],
    ),
    "push-in-many-namespaces": case(
        (_push("shop", _sa("shop:ci")), _push("mall", _sa("shop:ci"))),
        (_push("bank", _sa("shop:ci")), _push("mall", _sa("shop:ci"))),
        found={("*", "shop:ci")},
        nearly=[
            (_push("shop", _sa("shop:ci")), _pull("mall", _sa("shop:ci"))),
            (_push("shop", _sa("shop:ci")), _push("mall", _sa("mall:ci"))),
            (_push("shop", _sa("shop:ci")), bind("shop", "more", "admin", _sa("shop:ci"))),
            (
                _push("shop", _sa("openshift-infra:build-controller")),
                _push("mall", _sa("openshift-infra:build-controller")),
            ),
        ],
    ),
    "default-push": case(
        _push("shop", _sa("shop:default")),
        _push("shop", _sa("shop:default"), _sa("shop:ci")),
        _push("openshift", _sa("openshift:default")),
        bind("", "x", "cluster-admin", _sa("default:default")),
        found={("shop", "shop:default"), ("openshift", "openshift:default"), ("*", "default:default")},
        nearly=[
            _pull("shop", _sa("shop:default")),
            _push("shop", _user("default")),
            (account("shop", "default-ci"), _push("shop", _sa("shop:default-ci"))),
        ],
    ),
    "namespace-accounts-push": case(
        _push("shop", ("Group", "system:serviceaccounts:shop")),
        _push("openshift", ("Group", "system:serviceaccounts:openshift")),
        found={("shop", "system:serviceaccounts:shop"), ("openshift", "system:serviceaccounts:openshift")},
        nearly=[
            _pull("shop", ("Group", "system:serviceaccounts:shop")),
            _push("mall", ("Group", "system:serviceaccounts:shop")),
        ],
    ),
    "prune": case(
        (DELETES, bind("", "x", "deletes", _user("kim"))),
        (DELETES, bind("", "x", "deletes", _user("kim"), _sa("openshift-infra:build-controller"))),
        found={("*", "kim")},
        nearly=[
            (DELETES, bind("shop", "x", "deletes", _user("kim"))),
            (DELETES, bind("", "x", "deletes", _user("system:admin"))),
        ],
    ),
    "catalog": case(
        (LISTS, bind("", "x", "lists", ("Group", "acme"))),
        found={("*", "acme")},
        nearly=[
            (LISTS, bind("shop", "x", "lists", _user("kim"))),
            (LISTS, bind("", "x", "lists", _sa("openshift-infra:build-controller"))),
        ],
    ),
    "sign": case(
        (SIGNS, bind("", "x", "signs", _user("kim"))),
        bind("", "x", "system:image-signer", _user("kim")),
        found={("*", "kim")},
        nearly=[
            bind("shop", "x", "system:image-signer", _user("kim")),
            (SIGNS, bind("", "x", "signs", _user("system:admin"))),
        ],
    ),
    "foreign-user": case(
        bind("shop", "x", "view", _user("eve")),
        bind("shop", "x", "view", _user("eve"), _user("ann")),
        found={("shop", "eve")},
        nearly=[
            bind("shop", "x", "view", _user("ann")),
            bind("shop", "x", "view", _user("kim")),
            (group("acme+guests", "eve"), bind("shop", "x", "view", _user("eve"))),
            (TRAP, bind("shop", "x", "trap", _user("eve"), kind="Role")),
            (namespace("lost"), bind("lost", "x", "view", _user("eve"))),
        ],
    ),
    "foreign-group": case(
        bind("shop", "before-the-move", "admin", ("Group", "other"), ("Group", "acme")),
        found={("shop", "other")},
        nearly=[
            bind("shop", "x", "view", ("Group", "acme+dev")),
            (group("other-tools", "eve"), bind("shop", "x", "view", ("Group", "other-tools"))),
            bind("", "x", "view", ("Group", "other")),
        ],
    ),
    "foreign-account": case(
        _pull("shop", _sa("bank:ci")),
        _pull("shop", _user("system:serviceaccount:bank:ci"), _sa("mall:ci")),
        found={("shop", "bank:ci")},
        nearly=[
            _pull("shop", _sa("mall:ci")),
            _pull("shop", _sa("openshift-infra:build-controller")),
            (namespace("lost"), _pull("lost", _sa("bank:ci"))),
        ],
    ),
    "direct-user": case(
        bind("shop", "x", "view", _user("ben")),
        (group("acme", "ben"), bind("shop", "x", "view", _user("ben"))),
        found={("shop", "ben")},
        nearly=[
            bind("mall", "admin", "admin", _user("ben")),
            bind("bank", "x", "view", _user("eve")),
            bind("shop", "x", "view", _user("eve")),
            bind("", "x", "view", _user("ben")),
        ],
    ),
    "user-gone": case(
        bind("shop", "x", "view", _user("zed")),
        bind("shop", "x", "view", _user("zed"), _user("ann")),
        bind("shop", "x", "view", _user("system:zed")),
        (group("devs", "zed@example.org", "kim"), bind("shop", "x", "view", ("Group", "devs"))),
        (group("devs", "zed@example.org"), group("qa", "zed@example.org"), bind("", "x", "view", ("Group", "qa"))),
        found={("shop", "zed"), ("shop", "system:zed"), ("*", "zed@example.org")},
        nearly=[
            bind("shop", "x", "view", _user("kim")),
            group("unbound", "zed"),
            (group("devs", "kim", "kube:admin"), bind("shop", "x", "view", ("Group", "devs"))),
            bind("shop", "x", "view", _user("system:authenticated")),
            bind("shop", "x", "view", _user("system:kube-scheduler")),
            bind("shop", "x", "view", _user("kube:admin")),
            bind("shop", "x", "view", _user("system:serviceaccount:shop:ci")),
            (TRAP, bind("shop", "x", "trap", _user("zed"), kind="Role")),
        ],
    ),
    "empty-group": case(
        (group("nobody-here"), bind("shop", "x", "view", ("Group", "nobody-here"))),
        (group("nobody-here", "system:serviceaccount:shop:ci"), bind("shop", "x", "view", ("Group", "nobody-here"))),
        found={("shop", "nobody-here")},
        nearly=[
            (group("one", "kim"), bind("shop", "x", "view", ("Group", "one"))),
            bind("shop", "x", "view", ("Group", "no-object")),
            group("unbound"),
        ],
    ),
    "opaque-group": case(
        bind("shop", "x", "view", ("Group", "idp:partners")),
        found={("shop", "idp:partners")},
        nearly=[
            (group("partners", "kim"), bind("shop", "x", "view", ("Group", "partners"))),
            bind("shop", "x", "view", ("Group", "system:cluster-readers")),
            bind("shop", "x", "view", ("Group", "system:autenticated")),
            bind("shop", "x", "view", EVERYBODY),
        ],
    ),
    "misspelt-subject": case(
        *(bind("shop", "x", "view", who) for who in MISSPELT),
        found={("shop", name) for _, name in MISSPELT},
        nearly=[
            bind("shop", "x", "view", EVERYBODY, ALL_ACCOUNTS, ("Group", "system:serviceaccounts:shop")),
            bind("shop", "x", "view", ("Group", "system:cluster-readers"), ("Group", "system:acme-admins")),
            bind("shop", "x", "view", _user("kim"), _user("system:serviceaccount:shop:ci")),
            (group("authenticated", "kim"), bind("shop", "x", "view", ("Group", "authenticated"))),
            (TRAP, bind("shop", "x", "trap", ("Group", "system:autenticated"), kind="Role")),
        ],
    ),
    "missing-role": case(
        bind("shop", "x", "not-yet", _user("kim")),
        bind("shop", "x", "view", _user("kim"), kind="Role"),
        found={("shop", "kim")},
        nearly=[bind("shop", "x", "view", _user("kim")), bind("openshift", "x", "not-yet", _user("kim"))],
    ),
    "missing-account": case(
        _pull("shop", _sa("shop:jenkins")),
        _pull("shop", _sa("shop:jenkins"), _sa("shop:ci")),
        _pull("shop", _sa("openshift:jenkins")),
        found={("shop", "shop:jenkins"), ("shop", "openshift:jenkins")},
        nearly=[
            _pull("shop", _sa("shop:ci")),
            _pull("shop", _sa("nowhere:jenkins")),
            _pull("shop", _user("jenkins")),
        ],
    ),
    "missing-namespace": case(
        _pull("shop", _sa("nowhere:ci"), ("Group", "system:serviceaccounts:nowhere")),
        _pull("shop", _sa("openshift-gone:ci")),
        found={("shop", "nowhere:ci"), ("shop", "system:serviceaccounts:nowhere"), ("shop", "openshift-gone:ci")},
        nearly=[
            _pull("shop", _sa("shop:jenkins")),
            bind("", "x", "system:image-puller", _sa(":ci")),
        ],
    ),
    "nobody": case(
        bind("", "x", "system:image-puller", _sa(":ci")),
        bind("", "x", "system:image-puller", _sa(":ci"), ("Group", "system:nodes")),
        found={("*", ":ci")},
        nearly=[
            _pull("shop", _sa(":ci")),
            bind("", "x", "system:image-puller", _sa("openshift-infra:build-controller")),
        ],
    ),
    "token-of-pusher": case(
        token("shop", "t", "builder"),
        (token("mall", "t", "ci"), _push("shop", ("Group", "system:serviceaccounts:mall"))),
        found={("shop", "shop:builder"), ("mall", "mall:ci")},
        nearly=[
            token("shop", "t", "ci"),
            (token("openshift-infra", "t", "build-controller"), _push("shop", _sa("openshift-infra:build-controller"))),
        ],
    ),
    "push-unused": case(
        (bind("shop", "team", "system:image-pusher", CI), NOBODY),
        (bind("mall", "team", "registry-editor", ("User", "kim")), used("kim", "pull", "shop", "web")),
        (bind("mall", "team", "registry-editor", ("Group", "acme")), used("kim", "push", "mall", "web")),
        found={("shop", "shop:ci"), ("mall", "kim"), ("mall", "acme")} | UNUSED,
        nearly=[
            bind("shop", "team", "system:image-pusher", CI),
            (*QUIET_USE, bind("mall", "team", "system:image-puller", CI)),
            (*QUIET_USE, bind("shop", "team", "system:image-pusher", CI), used(CI_USER, "push", "shop", "web")),
            (*QUIET_USE, bind("mall", "team", "registry-editor", ("User", "kim")), used("kim", "pull", "mall", "web")),
        ],
    ),
    "pull-only": case(
        (bind("mall", "team", "registry-editor", ("User", "kim")), used("kim", "pull", "mall", "web")),
        found={("mall", "kim")},
        nearly=[
            (bind("mall", "team", "registry-editor", ("User", "kim")), NOBODY),
            (bind("mall", "team", "registry-editor", ("User", "kim")), used("kim", "pull", "mall", "web", denied=True)),
            (bind("mall", "team", "system:image-puller", ("User", "kim")), used("kim", "pull", "mall", "web")),
            (bind("shop", "team", "system:image-pusher", CI), used(CI_USER, "pull", "shop", "web")),
            (
                bind("mall", "team", "registry-editor", ("User", "kim")),
                used("kim", "pull", "mall", "web"),
                used("kim", "push", "mall", "web"),
            ),
        ],
    ),
    "denied-often": case(
        used("eve", "pull", "shop", "web", times=20, denied=True),
        (
            used(CI_USER, "push", "mall", "a", times=15, denied=True),
            used(CI_USER, "pull", "mall", "b", times=5, denied=True),
        ),
        found={("shop", "eve"), ("mall", "shop:ci")},
        nearly=[
            used("eve", "pull", "shop", "web", times=19, denied=True),
            used("eve", "pull", "bank", "web", times=99),
            (
                used("eve", "pull", "shop", "web", times=19, denied=True),
                used("eve", "pull", "mall", "web", times=19, denied=True),
            ),
        ],
    ),
    "repository-unpulled": case(
        (_pull("shop", *MANY), *QUIET_USE),
        found={("shop", "")},
        nearly=[
            _pull("shop", *MANY),
            (_pull("shop", *MANY[:5]), *QUIET_USE),
            (_pull("shop", *MANY), *QUIET_USE, used("kim", "pull", "shop", "web")),
        ],
    ),
    "image-elsewhere": case(
        (tagged("shop", "api", v1=["api"]), tagged("bank", "copy", {"v1": _SHOP_API}, v1=["api"])),
        # The second image of a tag is older: it was pushed to `bank` after `shop` had it.
        (tagged("shop", "api", v1=["x", "api"]), tagged("bank", "copy", v1=["api"])),
        found={("bank", "")},
        nearly=[
            (tagged("shop", "api", v1=["api"]), tagged("mall", "copy", {"v1": _SHOP_API}, v1=["api"])),
            (tagged("shop", "api", v1=["api"]), tagged("bank", "copy", v1=["other"])),
            (tagged("shop", "api", {"v1": _OUTSIDE}, v1=["x", "api"]), tagged("bank", "copy", v1=["api"])),
            (tagged("shop", "api", v1=["x", "api"]), tagged("bank", "copy", {"v1": _OUTSIDE}, v1=["api"])),
            (tagged("openshift", "api", v1=["x", "api"]), tagged("bank", "copy", v1=["api"])),
        ],
    ),
    "any-account": case(
        (READS, bind("shop", "x", "reads", CI)),
        (
            role("shop", "by-stream", rule(["imagestreams/secrets"], ["get"])),
            bind("shop", "x", "by-stream", CI, kind="Role"),
        ),
        (role("", "runs", rule(["pods"], ["create"], group="")), bind("shop", "x", "runs", CI)),
        # What a namespace gives its deployer, and more.
        (DEPLOYS, bind("shop", "d", "system:deployer", _sa("shop:deployer")), READS, bind("shop", "x", "reads", CI)),
        found={("shop", "shop:ci")},
        nearly=[
            (DEPLOYS, bind("shop", "system:deployers", "system:deployer", _sa("shop:deployer"))),
            (READS, bind("mall", "x", "reads", CI)),
            (READS, bind("shop", "x", "reads", CI), _push("shop", CI)),
            bind("shop", "x", "registry-editor", CI),
            (READS, bind("shop", "x", "reads", _user("kim"))),
            (READS, bind("openshift-infra", "x", "reads", _sa("openshift-infra:build-controller"))),
            (
                role("shop", "lists", rule(["secrets"], ["list"]), rule(["pods"], ["get"], group="")),
                bind("shop", "x", "lists", CI, kind="Role"),
            ),
            bind("shop", "x", "view", CI),
        ],
    ),
    "foreign-route": case(
        (READS, bind("bank", "x", "reads", ("Group", "acme+dev"))),
        (READS, bind("bank", "x", "reads", CI)),
        (READS, bind("mall", "x", "reads", _user("kim")), _push("bank", _sa("mall:ci"))),
        (_push("bank", CI),),  # the people of `shop` come to `bank` with it
        found={("bank", "acme+dev"), ("bank", "shop:ci"), ("mall", "kim"), ("shop", "acme")},
        nearly=[
            (READS, bind("mall", "x", "reads", ("Group", "acme+dev"))),
            (READS, bind("bank", "x", "reads", ("Group", "other"), _user("kim"))),
            (READS, bind("openshift", "x", "reads", CI)),
            (MAPS, bind("shop", "x", "maps", CI)),
            _push("mall", CI),
            (DEPLOYS, bind("mall", "d", "system:deployer", _sa("mall:deployer")), _push("bank", _sa("mall:ci"))),
        ],
    ),
    "push-by-route": case(
        (READS, bind("shop", "x", "reads", _user("kim")), _pull("shop", _user("kim"))),
        (
            role("shop", "tags", rule(["imagestreams"], ["patch"])),
            bind("shop", "x", "tags", CI, kind="Role"),
        ),
        found={("shop", "kim"), ("shop", "shop:ci")},
        nearly=[
            (READS, bind("shop", "x", "reads", _user("kim"))),
            (READS, bind("shop", "x", "reads", _user("kim")), _push("shop", _user("kim"))),
            (READS, bind("mall", "x", "reads", _user("kim")), _pull("shop", _user("kim"))),
            (READS, bind("shop", "x", "reads", CI)),
            (DEPLOYS, bind("shop", "system:deployers", "system:deployer", _sa("shop:deployer"))),
            _pull("shop", _user("kim")),
        ],
    ),
    "secrets-open": case(
        (READS, bind("shop", "x", "reads", EVERYBODY)),
        (
            role("shop", "by-stream", rule(["imagestreams/secrets"], ["get"], resourceNames=["web"])),
            bind("shop", "x", "by-stream", EVERYBODY, kind="Role"),
        ),
        (READS, bind("", "x", "reads", ALL_ACCOUNTS, ("Group", "acme"))),
        (
            role("", "makes", rule(["serviceaccounts/token"], ["create"], group="")),
            bind("openshift", "x", "makes", _user("system:anonymous")),
        ),
        found={
            ("shop", "system:authenticated"),
            ("*", "system:serviceaccounts"),
            ("openshift", "system:anonymous"),
        },
        nearly=[
            (READS, bind("shop", "x", "reads", ("Group", "acme"), CI)),
            (READS, bind("shop", "x", "reads", ("Group", "system:serviceaccounts:shop"))),
            (READS, bind("shop", "x", "reads", ("Group", "authenticated"))),
            (
                role("shop", "one", rule(["secrets"], ["get"], group="", resourceNames=["mine"])),
                bind("shop", "x", "one", EVERYBODY, kind="Role"),
            ),
            (
                role("shop", "wrong", rule(["secrets"], ["list"]), rule(["imagestreams", "*/status"], ["get"])),
                bind("shop", "x", "wrong", EVERYBODY, kind="Role"),
            ),
            (
                role("shop", "creates", rule(["secrets"], ["create"], group="")),
                bind("shop", "x", "creates", EVERYBODY, kind="Role"),
            ),
        ],
    ),
    "any-image": case(
        (MAPS, bind("shop", "x", "maps", CI, _user("kim"))),
        (
            role("mall", "own", rule(["imagestreamimports"], ["create"])),
            bind("mall", "x", "own", _user("kim"), kind="Role"),
        ),
        (MAPS, bind("shop", "x", "maps", CI), bind("mall", "x", "maps", _sa("mall:ci"))),
        found={("shop", ""), ("mall", ""), ("*", "")},
        nearly=[
            MAPS,
            (MAPS, bind("shop", "x", "maps", _sa("openshift-infra:build-controller"))),
            (MAPS, bind("shop", "x", "maps", _user("kim")), bind("", "all", "view", _user("kim"))),
            (
                role("shop", "reads", rule(["imagestreammappings"], ["get", "list"])),
                bind("shop", "x", "reads", CI, kind="Role"),
            ),
            (
                role("shop", "legacy", rule(["imagestreammappings"], ["create"], group="")),
                bind("shop", "x", "legacy", CI, kind="Role"),
            ),
            (
                role("shop", "named", rule(["imagestreammappings"], ["create"], resourceNames=["web"])),
                bind("shop", "x", "named", CI, kind="Role"),
            ),
        ],
    ),
    "group-editors": case(
        (EDITS_GROUPS, bind("", "x", "edits-groups", _user("kim"))),
        (
            role("", "one", rule(["groups"], ["update"], group="user.openshift.io", resourceNames=["acme"])),
            bind("", "x", "one", _user("kim")),
        ),
        (
            role("", "creates", rule(["groups"], ["create"], group="user.openshift.io")),
            _pull("mall", ("Group", "late")),
            bind("", "x", "creates", _user("kim")),
        ),
        (EDITS_GROUPS, bind("", "x", "edits-groups", _sa("openshift:operator"))),
        found={("*", "kim"), ("*", "openshift:operator")},
        nearly=[
            (EDITS_GROUPS, bind("shop", "x", "edits-groups", _user("kim"))),
            (EDITS_GROUPS, bind("", "x", "edits-groups", _sa("openshift-infra:build-controller"))),
            (EDITS_GROUPS, bind("", "x", "edits-groups", _user("kim")), bind("", "all", "admin", _user("kim"))),
            (
                role("", "one", rule(["groups"], ["update"], group="user.openshift.io", resourceNames=["acme+dev"])),
                bind("", "x", "one", _user("kim")),
            ),
            (
                role("", "reads", rule(["groups"], ["get", "list"], group="user.openshift.io")),
                bind("", "x", "reads", _user("kim")),
            ),
            (
                role("", "creates", rule(["groups"], ["create"], group="user.openshift.io")),
                bind("", "x", "creates", _user("kim")),
            ),
            # OpenShift refuses a group of such a name.
            (
                role("", "one", rule(["groups"], ["update"], group="user.openshift.io", resourceNames=["system:x"])),
                _pull("shop", ("Group", "system:x")),
                bind("", "x", "one", _user("kim")),
            ),
        ],
    ),
    "token-unused": case(
        token("shop", "t", "ci", OLD),
        token("shop", "t", "ci", OLD, "2025-11-30"),
        found={("shop", "shop:ci")},
        nearly=[
            token("shop", "t", "ci"),
            token("shop", "t", "ci", OLD, "2026-02-01"),
            token("shop", "t", "ci", OLD, "2025-12-01"),
            token("openshift-infra", "t", "build-controller", OLD),
        ],
    ),
    "token-old": case(
        token("shop", "t", "ci", OLD, "2026-02-28"),
        found={("shop", "shop:ci")},
        nearly=[token("shop", "t", "ci", "2025-03-01T00:00:00Z"), token("shop", "t", "ci", BORN)],
    ),
    "token-many": case(
        (token("shop", "t", "ci"), token("shop", "t2", "ci")),
        found={("shop", "shop:ci")},
        nearly=[
            (token("shop", "t", "ci"), token("shop", "t2", "default")),
            (token("shop", "t", "ci"), token("mall", "t", "ci")),
        ],
    ),
    "no-organization": case(
        namespace("lost", team="red"),
        found={("lost", "")},
        nearly=[namespace("openshift-x"), namespace("kept", "acme")],
    ),
    "stale-repository": case(
        (stream("shop", "old", OLD), stream("shop", "older", OLD), _push("shop", *_MANY)),
        found={("shop", "")},
        nearly=[
            (stream("shop", "old", "2025-03-02T00:00:00Z"), _push("shop", *_MANY)),
            (stream("shop", "old", ""), _push("shop", *_MANY)),
            stream("shop", "old", OLD),
            (
                stream("openshift", "old", OLD),
                _push("openshift", *_MANY, *(_user(f"q{number}") for number in range(3))),
            ),
        ],
    ),
    "no-effect": case(
        (TRAP, bind("shop", "x", "trap", _user("kim"), kind="Role")),
        (LEGACY, bind("shop", "x", "legacy", _user("kim"), kind="Role")),
        found={("shop", "")},
        nearly=[
            TRAP,
            (
                role("shop", "both", rule(["*/layers"], ["get"]), PULL),
                bind("shop", "x", "both", _user("kim"), kind="Role"),
            ),
            (role("shop", "pods", rule(["pods"], ["get"])), bind("shop", "x", "pods", _user("kim"), kind="Role")),
            (
                role("shop", "lists", rule(["imagestreams/layers"], ["list"], group="")),
                bind("shop", "x", "lists", _user("kim"), kind="Role"),
            ),
        ],
    ),
    "push-without-pull": case(
        (UPLOADS, bind("shop", "x", "uploads", _user("kim"))),
        (UPLOADS, bind("shop", "x", "uploads", _user("kim")), _pull("mall", _user("kim"))),
        found={("shop", "kim")},
        nearly=[
            UPLOADS,
            _push("shop", _user("kim")),
            (UPLOADS, bind("shop", "x", "uploads", _user("kim")), _pull("shop", _user("kim"))),
            (UPLOADS, bind("shop", "x", "uploads", _user("kim")), _pull("", _user("kim"))),
            (UPLOADS, bind("shop", "x", "uploads", _user("kim")), _pull("shop", EVERYBODY)),
            (
                role("shop", "one", {**PULL, "resourceNames": ["web"]}),
                bind("shop", "y", "one", _user("kim"), kind="Role"),
                UPLOADS,
                bind("shop", "x", "uploads", _user("kim")),
            ),
        ],
    ),
    "refused-login": case(
        (DISCOVERY, DISCOVERS),
        (DISCOVERY, LOGIN, bind("", "system:basic-user", "system:basic-user", ("Group", "acme"))),
        (DISCOVERY, DISCOVERS, role("", "half", IDENTIFY), bind("", "half", "half", EVERYBODY)),
        found={("*", "system:authenticated")},
        nearly=[
            DISCOVERY,  # and no role that every API server creates: these were never recorded
            (LOGIN, bind("", "someone", "system:basic-user", ("Group", "acme"))),
            (DISCOVERY, LOGIN, bind("", "system:basic-user", "system:basic-user", EVERYBODY)),
            (
                DISCOVERY,
                role("", "who", IDENTIFY),
                role("", "what", REVIEW),
                bind("", "who", "who", EVERYBODY),
                bind("", "what", "what", EVERYBODY),
            ),
            (DISCOVERY, bind("", "all", "cluster-admin", EVERYBODY)),
        ],
    ),
    "aggregation": case(
        (
            role("", "deploy-helper", PUSH, CREATE, labels={f"{LABEL}view": "true"}),
            role(
                "",
                "view",
                PULL,
                PUSH,
                CREATE,
                aggregationRule=FROM_VIEW,
            ),
        ),
        found={("*", "")},
        nearly=[
            role(
                "",
                "edit",
                PUSH,
                CREATE,
                aggregationRule=FROM_VIEW,
            ),
            role("", "pushes", PUSH),
            role(
                "",
                "system:views",
                PUSH,
                aggregationRule=FROM_VIEW,
            ),
        ],
        without=(("clusterroles", "view"),),
    ),
}
